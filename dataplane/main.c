/* zeroline-dataplane: arguments, the lock on the run directory, signals; then the host core. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "dataplane/dataplane.h"

const char *argp_program_version = "zeroline-dataplane " ZL_VERSION;

static const char doc[] = "Carries Zeroline's traffic: poll cores on NIC queues, from Ethernet to "
			  "the ZeroMQ patterns.\v"
			  "Starts with nothing and waits for zeroline-control, which sends the "
			  "cores and ports of its "
			  "configuration over RUN_DIR/dataplane.sock. Ends on SIGTERM or SIGINT, "
			  "resetting its peers.\n\n"
			  "Exit status: 0 after a signal, 1 if it could not start.";

static const struct argp_option options[] = {
	{"run-dir", 'r', "DIR", 0, "Directory of sockets and lock (default /run/zeroline)", 0},
	{"log-level", 'l', "LEVEL", 0, "error (default), info or debug: what DPDK says itself", 0},
	{"user", 'u', "NAME", 0,
	 "As root: become NAME, or the user of that number (default: " ZL_USER_DEFAULT
	 ", if there is one)",
	 0},
	{"control-user", 'c', "NAME", 0, "Who may attach besides root (default: as --user)", 0},
	{0},
};

struct arguments {
	const char *run_dir, *user, *control_user;
	const char *level;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'r':
		a->run_dir = arg;
		return 0;
	case 'u':
		a->user = arg;
		return 0;
	case 'c':
		a->control_user = arg;
		return 0;
	case 'l':
		if (strcmp(arg, "error") && strcmp(arg, "info") && strcmp(arg, "debug"))
			argp_error(state, "log level \"%s\": use error, info or debug", arg);
		a->level = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void zl_say(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "zeroline-dataplane: %s\n", line);
}

/* The lock is the process's claim on the run directory; the file stays, the lock ends with us. */
static int lock_run_dir(const char *run_dir, const struct zl_identity *id)
{
	char path[4096];
	int fd, made = mkdir(run_dir, 0750) == 0;

	if (!made && errno != EEXIST) {
		zl_say("run directory %s: %s; create it or give another with --run-dir", run_dir,
		       strerror(errno));
		return -1;
	}
	snprintf(path, sizeof(path), "%s/dataplane.lock", run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		zl_say("%s: %s; run as a user that may write there or give another --run-dir", path,
		       strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		zl_say("run directory %s is in use by another zeroline-dataplane; stop it or give "
		       "another --run-dir",
		       run_dir);
		close(fd);
		return -1;
	}
	if (id->change &&
	    ((made && chown(run_dir, id->uid, id->gid)) || fchown(fd, id->uid, id->gid))) {
		zl_say("%s: cannot be given to user %u: %s", run_dir, id->uid, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static bool identify(struct zl_dataplane *d, const struct arguments *a)
{
	char *text = d->note;

	if (zl_confine_identity(&d->identity, a->user, text, sizeof(d->note))) {
		zl_say("%s", text);
		return false;
	}
	d->control_uid = d->identity.uid;
	if (a->control_user && !zl_confine_user(a->control_user, &d->control_uid)) {
		zl_say("--control-user: \"%s\" is no user of this machine; create it, or name "
		       "another",
		       a->control_user);
		return false;
	}
	return true;
}

/* Blocked here and so in every thread: the host core reads the first two. The realtime signals are
 * net_tap's, which counts frames as come only once their signal was handled: the poll core that
 * owns the port unblocks them for itself (idle.c), so that nobody else must run for it to see a
 * frame. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	for (int rt = SIGRTMIN; rt <= SIGRTMAX; rt++)
		sigaddset(&set, rt);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	static struct zl_dataplane d;
	struct arguments a = {.run_dir = "/run/zeroline", .level = "error"};
	const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
	struct timespec now;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (sodium_init() < 0) {
		zl_say("libsodium: no source of random bytes");
		return 1;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	d = (struct zl_dataplane){
		.run_dir = a.run_dir,
		.log_level = a.level,
		.started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		.control = -1,
		.stats_fd = -1,
	};
	if (!identify(&d, &a))
		return EXIT_FAILURE;
	d.lock = lock_run_dir(a.run_dir, &d.identity);
	if (d.lock < 0)
		return EXIT_FAILURE;
	d.signals = catch_signals();
	status = zl_host_run(&d);
	close(d.signals);
	close(d.lock);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
