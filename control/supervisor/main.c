/* zeroline-supervisor: starts the dataplane and control, starts again whichever ends, and passes
 * SIGTERM on. For machines without systemd; with it, the units under configs/ do the same. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS    100 /* until the first restart; doubled at each that follows at once */
#define MOST_MS     5000
#define SOUND_MS    10000 /* having run so long it starts with the first delay again */
#define PATIENCE_MS 10000 /* for SIGTERM to be heeded, then SIGKILL */
#define ARGS_MAX    16

const char *argp_program_version = "zeroline-supervisor " ZL_VERSION;

static const char doc[] =
	"Runs zeroline-dataplane and zeroline-control, found beside it, and starts "
	"again whichever ends, after 0.1 s and up to 5 s where it ends again and again. Peers of "
	"the "
	"dataplane do not notice an end of control. SIGTERM or SIGINT ends all three.";

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "For control (default /etc/zeroline/zeroline.yaml)", 0},
	{"run-dir", 'r', "DIR", 0, "For both (default /run/zeroline)", 0},
	{"user", 'u', "NAME", 0, "For both: whom they become", 0},
	{"dataplane", 'd', "PROGRAM", 0, "Its path (default: beside this program)", 0},
	{"control", 'k', "PROGRAM", 0, "Its path (default: beside this program)", 0},
	{0},
};

struct child {
	const char *name;
	const char *argv[ARGS_MAX];
	pid_t pid; /* 0: not running */
	uint64_t started_ms, due_ms;
	unsigned delay_ms;
};

struct arguments {
	const char *config, *run_dir, *user, *program[2];
};

enum {
	DATAPLANE,
	CONTROL
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'c':
		a->config = arg;
		return 0;
	case 'r':
		a->run_dir = arg;
		return 0;
	case 'u':
		a->user = arg;
		return 0;
	case 'd':
		a->program[DATAPLANE] = arg;
		return 0;
	case 'k':
		a->program[CONTROL] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void start(struct child *c, const sigset_t *before)
{
	pid_t parent = getpid();

	c->started_ms = now_ms();
	c->pid = fork();
	if (c->pid < 0) {
		c->pid = 0;
		c->due_ms = c->started_ms + MOST_MS;
		fprintf(stderr, "zeroline-supervisor: fork: %s; trying again\n", strerror(errno));
	}
	if (c->pid)
		return;
	/* Without us it would run on unwatched, and hold the run directory. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, before, NULL);
	execv(c->argv[0], (char **)(uintptr_t)c->argv);
	fprintf(stderr, "zeroline-supervisor: %s: %s; install it there, or give its path\n",
		c->argv[0], strerror(errno));
	_exit(127);
}

static void ended(struct child *c, int status)
{
	uint64_t now = now_ms();

	c->pid = 0;
	if (now - c->started_ms >= SOUND_MS || !c->delay_ms)
		c->delay_ms = FIRST_MS;
	else
		c->delay_ms = c->delay_ms * 2 < MOST_MS ? c->delay_ms * 2 : MOST_MS;
	c->due_ms = now + c->delay_ms;
	if (WIFSIGNALED(status))
		fprintf(stderr,
			"zeroline-supervisor: %s was killed by signal %d (%s); starting it again "
			"in "
			"%u ms\n",
			c->name, WTERMSIG(status), strsignal(WTERMSIG(status)), c->delay_ms);
	else
		fprintf(stderr,
			"zeroline-supervisor: %s ended with status %d; starting it again in %u "
			"ms\n",
			c->name, WEXITSTATUS(status), c->delay_ms);
}

static void reap(struct child *child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < 2; i++)
			if (child[i].pid == pid)
				ended(&child[i], status);
}

/* Until a signal of the set comes, or `ms` have passed. */
static int wait_signal(const sigset_t *set, uint64_t ms)
{
	const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	return sigtimedwait(set, NULL, &t);
}

static void stop(struct child *c, const sigset_t *set)
{
	uint64_t deadline = now_ms() + PATIENCE_MS, now;
	int status;

	if (!c->pid)
		return;
	kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &status, WNOHANG) == 0) {
		now = now_ms();
		if (now >= deadline) {
			kill(c->pid, SIGKILL);
			waitpid(c->pid, &status, 0);
			return;
		}
		wait_signal(set, deadline - now);
	}
}

/* Starts what is due; milliseconds until something is again. */
static uint64_t start_due(struct child *child, const sigset_t *before)
{
	uint64_t now = now_ms(), next = 3600000;

	for (unsigned i = 0; i < 2; i++) {
		struct child *c = &child[i];

		if (!c->pid && c->due_ms <= now)
			start(c, before);
		if (!c->pid && c->due_ms > now && c->due_ms - now < next)
			next = c->due_ms - now;
	}
	return next;
}

static void run(struct child *child)
{
	sigset_t set, before;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	do {
		signal = wait_signal(&set, start_due(child, &before));
		reap(child);
	} while (signal != SIGTERM && signal != SIGINT);
	stop(&child[CONTROL], &set);
	stop(&child[DATAPLANE], &set);
}

/* "DIRECTORY OF THIS PROGRAM/name". */
static char *beside(const char *name)
{
	char self[4000];
	char *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return asprintf(&path, "%s/%s", self, name) < 0 ? NULL : path;
}

static void add(struct child *c, const char *option, const char *value)
{
	unsigned n = 0;

	while (c->argv[n])
		n++;
	if (!value)
		return;
	c->argv[n] = option;
	c->argv[n + 1] = value;
}

int main(int argc, char **argv)
{
	static struct child child[2] = {{.name = "zeroline-dataplane"},
					{.name = "zeroline-control"}};
	static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
	struct arguments a = {0};
	char *found[2];

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return 1;
	for (unsigned i = 0; i < 2; i++) {
		found[i] = beside(child[i].name);
		child[i].argv[0] = a.program[i] ? a.program[i] : found[i];
		if (!child[i].argv[0] || access(child[i].argv[0], X_OK)) {
			fprintf(stderr,
				"zeroline-supervisor: %s: no such program; install it there, or "
				"give its path with --%s\n",
				child[i].argv[0] ? child[i].argv[0] : child[i].name,
				i == CONTROL ? "control" : "dataplane");
			return 1;
		}
		add(&child[i], "--run-dir", a.run_dir);
		add(&child[i], "--user", a.user);
	}
	add(&child[CONTROL], "--config", a.config);
	run(child);
	free(found[0]);
	free(found[1]);
	return 0;
}
