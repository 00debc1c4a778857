/* The appliance as a program asks and steers it: JSON lines on control.sock, and the command line.
 * Every question is a connection of its own, so it reaches whichever control serves now. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"

#define ANSWER_MAX (16 << 20)

/* A connection, or -1. */
static int reach(const struct appliance *a)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock", a->run_dir);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One line each way. NULL: control went away, or did not answer. */
static json_t *converse(int fd, json_t *request)
{
	static char answer[ANSWER_MAX];
	char *line = json_dumps(request, JSON_COMPACT);
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	size_t n = 0;
	json_t *reply = NULL;

	if (!line)
		fail_msg("no memory");
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		n = ANSWER_MAX;
	while (n < ANSWER_MAX && poll(&readable, 1, lab_patience_ms()) == 1) {
		ssize_t got = recv(fd, answer + n, ANSWER_MAX - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		if (answer[n - 1] != '\n')
			continue;
		reply = json_loadb(answer, n, 0, NULL);
		break;
	}
	free(line);
	return reply;
}

json_t *appliance_request(struct appliance *a, json_t *request)
{
	int fd = reach(a);
	json_t *reply = fd >= 0 ? converse(fd, request) : NULL;

	if (fd >= 0)
		close(fd);
	json_decref(request);
	if (!reply)
		fail_msg("control.sock: %s", fd < 0 ? "nobody serves it" : "no answer");
	return reply;
}

/* NULL: nobody serves, or it was refused. */
static json_t *result_of(struct appliance *a, const char *command)
{
	int fd = reach(a);
	json_t *request = json_pack("{s:s}", "cmd", command);
	json_t *reply = fd >= 0 ? converse(fd, request) : NULL;
	json_t *result = json_incref(json_object_get(reply, "result"));

	if (fd >= 0)
		close(fd);
	json_decref(request);
	json_decref(reply);
	return result;
}

void appliance_tell_state(struct appliance *a)
{
	json_t *peers = result_of(a, "peers"), *stats = result_of(a, "stats"), *row;
	size_t i;

	json_array_foreach(stats, i, row)
	{
		if (json_integer_value(json_object_get(row, "total")) > 0)
			fprintf(stderr, "| %s %lld\n",
				json_string_value(json_object_get(row, "name")),
				(long long)json_integer_value(json_object_get(row, "total")));
	}
	json_array_foreach(peers, i, row)
	{
		fputs("| peer ", stderr);
		json_dumpf(row, stderr, JSON_COMPACT);
		fputc('\n', stderr);
	}
	json_decref(stats);
	json_decref(peers);
}

json_t *appliance_ask(struct appliance *a, const char *command)
{
	json_t *reply = appliance_request(a, json_pack("{s:s}", "cmd", command));
	json_t *result = json_incref(json_object_get(reply, "result"));

	if (!json_is_true(json_object_get(reply, "ok")) || !result)
		fail_msg("%s: %s", command, json_string_value(json_object_get(reply, "error")));
	json_decref(reply);
	return result;
}

const char *appliance_change(struct appliance *a, const char *command, const char *socket,
			     const char *endpoint)
{
	static char error[512];
	json_t *reply = appliance_request(a, json_pack("{s:s, s:s, s:s}", "cmd", command, "socket",
						       socket, "endpoint", endpoint));
	const char *text = json_string_value(json_object_get(reply, "error"));
	bool done = json_is_true(json_object_get(reply, "ok"));

	snprintf(error, sizeof(error), "%s", text ? text : "no reason given");
	json_decref(reply);
	return done ? NULL : error;
}

/* Control has no events to subscribe to: the question is repeated, with a pause between. */
static void pause_between(void)
{
	poll(NULL, 0, 5);
}

void appliance_await(struct appliance *a, const char *command, appliance_is is, const void *context,
		     const char *what)
{
	uint64_t deadline = lab_now_ms() + (uint64_t)lab_patience_ms();
	json_t *last = NULL;

	while (lab_now_ms() < deadline) {
		json_decref(last);
		last = appliance_ask(a, command);
		if (is(last, context)) {
			json_decref(last);
			return;
		}
		pause_between();
	}
	fprintf(stderr, "%s: ", command);
	json_dumpf(last, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(last);
	fail_msg("it never came about that %s", what);
}

/* Each core counts its cycles for a moment, and does what it is told in order. */
void appliance_settle(struct appliance *a)
{
	json_t *reply = appliance_request(a, json_pack("{s:s, s:i}", "cmd", "count", "ms", 1));

	if (!json_is_true(json_object_get(reply, "ok")))
		fail_msg("the cores do not answer");
	json_decref(reply);
}

static bool peers_ready(json_t *status, const void *context)
{
	return json_integer_value(json_object_get(json_object_get(status, "peers"), "ready")) ==
	       *(const unsigned *)context;
}

static json_int_t total(json_t *stats, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(stats, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			return json_integer_value(json_object_get(row, "total"));
	}
	return -1;
}

/* Of so many at least since the dataplane began. */
static bool cores_have_heard(json_t *stats, const void *context)
{
	return total(stats, "core.streams_ready") >= *(const unsigned *)context;
}

/* Control knows first; a core deals messages out to whom it has heard of. */
void appliance_await_peers(struct appliance *a, unsigned n)
{
	char what[40];

	snprintf(what, sizeof(what), "%u peers are ready", n);
	if (lab_standin() != LAB_REAL)
		return;
	appliance_await(a, "status", peers_ready, &n, what);
	if (n)
		appliance_await(a, "stats", cores_have_heard, &n, "the cores know of them");
}

uint64_t appliance_closes(struct appliance *a, const char *reason)
{
	json_t *status = appliance_ask(a, "status");
	json_t *closes = json_object_get(status, "closes");
	uint64_t n = (uint64_t)json_integer_value(json_object_get(closes, reason));

	json_decref(status);
	return n;
}

uint64_t appliance_counter(struct appliance *a, const char *name)
{
	json_t *stats = appliance_ask(a, "stats");
	json_int_t n = total(stats, name);

	json_decref(stats);
	if (n < 0)
		fail_msg("there is no counter %s", name);
	return (uint64_t)n;
}

struct counted {
	const char *name;
	uint64_t n;
};

static bool has_counted(json_t *stats, const void *context)
{
	const struct counted *x = context;

	return total(stats, x->name) == (json_int_t)x->n;
}

static bool has_counted_on(json_t *stats, const void *context)
{
	const struct counted *x = context;

	return total(stats, x->name) >= (json_int_t)x->n;
}

static bool has_closed(json_t *status, const void *context)
{
	const struct counted *x = context;

	return (uint64_t)json_integer_value(
		       json_object_get(json_object_get(status, "closes"), x->name)) >= x->n;
}

void appliance_await_closes(struct appliance *a, const char *reason, uint64_t n)
{
	const struct counted x = {reason, n};
	char what[96];

	snprintf(what, sizeof(what), "%llu closed: %s", (unsigned long long)n, reason);
	appliance_await(a, "status", has_closed, &x, what);
}

void appliance_await_counter(struct appliance *a, const char *name, uint64_t n)
{
	const struct counted x = {name, n};
	char what[96];

	snprintf(what, sizeof(what), "%s is %llu", name, (unsigned long long)n);
	appliance_await(a, "stats", has_counted, &x, what);
}

void appliance_await_more(struct appliance *a, const char *name, uint64_t n)
{
	const struct counted x = {name, appliance_counter(a, name) + n};
	char what[96];

	snprintf(what, sizeof(what), "%s is %llu or more", name, (unsigned long long)x.n);
	appliance_await(a, "stats", has_counted_on, &x, what);
}

/* --- readiness --- */

static void ended_instead(struct lab_child *child)
{
	char name[32];
	int status;

	if (!child->pid)
		return;
	strcpy(name, child->name);
	status = lab_wait(child, 0);
	if (status >= 0)
		fail_msg("%s ended with status %d instead of starting", name, status);
}

/* To the dataplane that runs now, not to one that has just been killed, unless a supervisor started
 * it; and nothing is still being
 * asked of it. */
static bool attached(const struct appliance *a, int fd)
{
	json_t *request = json_pack("{s:s}", "cmd", "status"), *reply = converse(fd, request);
	json_t *result = json_object_get(reply, "result"), *e;
	json_t *pid = json_object_get(json_object_get(result, "dataplane"), "pid");
	bool yes = pid && (!a->dataplane.pid || json_integer_value(pid) == a->dataplane.pid);
	size_t i;

	json_array_foreach(json_object_get(result, "endpoints"), i, e)
	{
		const char *state = json_string_value(json_object_get(e, "state"));
		if (state && strcmp(state, "adding") == 0)
			yes = false;
	}
	json_decref(request);
	json_decref(reply);
	return yes;
}

/* Until control serves, and (if asked for) is attached. */
static void await_control(struct appliance *a, bool to_dataplane)
{
	uint64_t deadline = lab_now_ms() + (uint64_t)lab_patience_ms();
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), fd;
	struct pollfd created = {.fd = watch, .events = POLLIN};
	char events[4096];

	inotify_add_watch(watch, a->run_dir, IN_CREATE | IN_ATTRIB);
	while ((fd = reach(a)) < 0 || (to_dataplane && !attached(a, fd))) {
		ended_instead(&a->dataplane);
		ended_instead(&a->control);
		lab_net_address_early(&a->net);
		if (lab_now_ms() > deadline)
			fail_msg("the appliance is not ready");
		if (fd >= 0) {
			close(fd);
			pause_between();
		} else {
			poll(&created, 1, 100);
		}
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
	close(fd);
	close(watch);
}

void appliance_await_served(struct appliance *a)
{
	await_control(a, false);
}

uint64_t appliance_ready(struct appliance *a)
{
	uint64_t began = lab_now_ms(), took;

	if (lab_standin() == LAB_REAL)
		await_control(a, true);
	took = lab_now_ms() - began;
	if (!a->config.portless)
		lab_net_address(&a->net);
	return took;
}

/* --- command line --- */

int appliance_cli(struct appliance *a, char **output, const char *const *arguments)
{
	struct lab_child child;
	char *argv[12];
	unsigned n = 0;
	int status;

	argv[n++] = "--run-dir";
	argv[n++] = a->run_dir;
	for (; *arguments && n < 11; arguments++)
		argv[n++] = (char *)*arguments;
	argv[n] = NULL;
	appliance_spawn(a, &child, "control/cli/zeroline", 0, argv);
	status = lab_wait(&child, lab_patience_ms());
	*output = lab_log(&child);
	if (status < 0)
		lab_kill(&child, SIGKILL);
	return status;
}
