/* zeroline-control from its command line to its end. Read this for the order in which it starts
 * and stops. */
#include "control/control.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "control/confine/confine.h"
#include "control/log.h"

struct options {
	const char *config, *run_dir, *user;
	bool check;
};

enum {
	OPTION_CHECK = 256,
	OPTION_LOG
};

static const struct argp_option option_table[] = {
	{"config", 'c', "FILE", 0, "Read FILE (default /etc/zeroline/zeroline.yaml)", 0},
	{"run-dir", 'r', "DIR", 0, "Sockets and lock are in DIR (default: run_dir of the config)",
	 0},
	{"user", 'u', "NAME", 0,
	 "As root: become NAME, or the user of that number (default: " ZL_USER_DEFAULT
	 ", if there is one)",
	 0},
	{"check", OPTION_CHECK, NULL, 0, "Check the config, say what is wrong, and end", 0},
	{"log-level", OPTION_LOG, "LEVEL", 0, "error, warn, info (default) or debug", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'c':
		o->config = value;
		return 0;
	case 'r':
		o->run_dir = value;
		return 0;
	case 'u':
		o->user = value;
		return 0;
	case OPTION_CHECK:
		o->check = true;
		return 0;
	case OPTION_LOG:
		if (zl_log_level_named(value) < 0)
			argp_error(state,
				   "--log-level: \"%s\" is not one of error, warn, info, debug",
				   value);
		zl_log_set((enum zl_log_level)zl_log_level_named(value));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *to, struct argp_state *state)
{
	(void)state;
	fprintf(to, "zeroline-control %s\n", ZL_VERSION);
}

static int load(struct zl_control *c, const struct options *o)
{
	char error[512];

	if (zl_config_load(&c->config, o->config, error, sizeof(error))) {
		zl_log(ZL_ERROR, "%s", error);
		return -1;
	}
	if (o->run_dir && strlen(o->run_dir) >= sizeof(c->config.run_dir)) {
		zl_log(ZL_ERROR, "--run-dir: \"%s\" is longer than %d characters", o->run_dir,
		       ZL_RUN_DIR_MAX - 1);
		return -1;
	}
	if (o->run_dir)
		strcpy(c->config.run_dir, o->run_dir);
	return 0;
}

/* The lock is held by the open descriptor, so it ends with the process however that ends. */
static int lock_run_dir(const char *run_dir, const struct zl_identity *id)
{
	char path[ZL_RUN_DIR_MAX + 16];
	bool made = false;

	if (mkdir(run_dir, 0750) == 0) {
		made = true;
	} else if (errno != EEXIST) {
		zl_log(ZL_ERROR, "%s: %s; give a directory of your own by --run-dir", run_dir,
		       strerror(errno));
		return -1;
	}
	snprintf(path, sizeof(path), "%s/control.lock", run_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		zl_log(ZL_ERROR, "%s: %s; give a directory of your own by --run-dir", path,
		       strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		zl_log(ZL_ERROR,
		       "%s: another zeroline-control runs on it; stop that one, or give "
		       "another --run-dir",
		       run_dir);
		close(fd);
		return -1;
	}
	if (id->change &&
	    ((made && chown(run_dir, id->uid, id->gid)) || fchown(fd, id->uid, id->gid))) {
		zl_log(ZL_ERROR, "%s: cannot be given to user %u: %s", run_dir, id->uid,
		       strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* Read again as the user: a file of keys that it may not read is said now, not at the next reload.
 */
static int become(struct zl_control *c, const struct options *o, const struct zl_identity *id)
{
	int err = zl_confine_become(id, 0);

	if (err) {
		zl_log(ZL_ERROR, "cannot become user %u: %s; start it as root or as that user",
		       id->uid, strerror(-err));
		return -1;
	}
	if (!id->change)
		return 0;
	if (access(c->config.run_dir, W_OK)) {
		zl_log(ZL_ERROR,
		       "%s: user %u may not write there; give it to that user, or run as its owner "
		       "with --user",
		       c->config.run_dir, id->uid);
		return -1;
	}
	zl_config_free(&c->config);
	memset(&c->config, 0, sizeof(c->config));
	return load(c, o);
}

static void signal_ready(struct zl_watch *watch, uint32_t events)
{
	struct zl_control *c = watch->context;
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		zl_log(ZL_INFO, "%s: ending", strsignal((int)info.ssi_signo));
		c->loop.stop = true;
	}
}

static int watch_signals(struct zl_control *c, struct zl_watch *watch)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* stderr may be a pipe that nobody reads any more */
	*watch = (struct zl_watch){
		.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
		.ready = signal_ready,
		.context = c,
	};
	return watch->fd < 0 ? -errno : zl_loop_add(&c->loop, watch, EPOLLIN);
}

/* The turn's end: dear handshakes go on, records for matchers leave in full packets, then
 * publishers hear what they are owed. In this order, since what a publisher sends on hearing of a
 * subscription must meet it. */
void zl_control_turn(void *control)
{
	zl_dear_step(control);
	zl_subscribe_step(control);
	zl_dataplane_flush(control);
	zl_subscribe_pump(control);
	zl_dataplane_flush(control); /* the connection may have broken on them */
}

static int run(struct zl_control *c)
{
	struct zl_watch signals = {.fd = -1};
	int err = zl_loop_init(&c->loop);

	c->loop.turn = zl_control_turn;
	c->loop.context = c;
	if (!err)
		err = watch_signals(c, &signals);
	if (!err)
		err = zl_objects_load(c);
	if (!err)
		zl_revoke_start(c);
	if (!err && (!zl_zaps_start(c) || !zl_tickets_start(c)))
		err = -ENOMEM;
	if (!err)
		err = zl_api_start(c);
	if (err)
		zl_log(ZL_ERROR, "%s/control.sock: %s", c->config.run_dir, strerror(-err));
	if (!err && (err = zl_confine_control()))
		zl_log(ZL_ERROR, "seccomp: %s; this kernel must have CONFIG_SECCOMP_FILTER",
		       strerror(-err));
	if (!err)
		err = zl_dataplane_start(c);
	if (!err)
		err = zl_loop_run(&c->loop);
	c->loop.stop = true;
	zl_dataplane_free(c);
	zl_zaps_free(c);
	zl_api_free(c);
	zl_resolver_free(c);
	zl_tickets_free(c);
	zl_objects_free(c);
	if (signals.fd >= 0)
		close(signals.fd);
	zl_loop_close(&c->loop);
	return err ? 1 : c->exit_code;
}

int zl_control_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse_option,
		.doc = "The control process of Zeroline: configuration, handshakes, subscriptions.",
	};
	struct options o = {.config = "/etc/zeroline/zeroline.yaml"};
	struct zl_identity id;
	char text[256];
	int status = 1, lock = -1;

	if (sodium_init() < 0) {
		zl_log(ZL_ERROR, "libsodium: no source of random bytes");
		return 1;
	}
	argp_program_version_hook = print_version;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return 1;
	umask(027);
	if (zl_confine_identity(&id, o.user, text, sizeof(text))) {
		zl_log(ZL_ERROR, "%s", text);
		return 1;
	}
	struct zl_control *c = calloc(1, sizeof(*c));
	if (!c)
		return 1;
	c->started_ns = zl_now_ns();
	if (load(c, &o) == 0) {
		if (o.check)
			status = 0;
		else if ((lock = lock_run_dir(c->config.run_dir, &id)) >= 0) {
			memcpy(c->note, text, sizeof(c->note));
			if (become(c, &o, &id) == 0)
				status = run(c);
		}
	}
	if (lock >= 0)
		close(lock);
	zl_config_free(&c->config);
	free(c);
	return status;
}
