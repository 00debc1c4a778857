/* control.sock: any number of clients, one JSON object a line each way. Nothing here waits: a
 * client that does not read its answers is not read from, one that sends an endless line is cut
 * off, and neither costs anybody else anything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/confine/confine.h"
#include "control/control.h"
#include "control/log.h"

#define LINE_MAX_BYTES 65536
#define OUTPUT_PAUSE   (1u << 16) /* bytes unread: no further request is taken */

struct client {
	struct client *next, **prev;
	struct zl_control *control;
	struct zl_watch watch;
	uint64_t id;
	bool waiting, hung_up; /* for the dataplane; the client will send no more */
	char *in;              /* up to LINE_MAX_BYTES */
	size_t in_bytes;
	char *out;
	size_t out_at, out_bytes;
};

struct zl_api {
	struct zl_watch listener;
	struct client *clients;
	uint64_t next_id;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void client_free(struct client *cl)
{
	zl_loop_remove(&cl->control->loop, &cl->watch);
	close(cl->watch.fd);
	/* A descriptor is free again: accept, if that had to stop. */
	zl_loop_change(&cl->control->loop, &cl->control->api->listener, EPOLLIN);
	*cl->prev = cl->next;
	if (cl->next)
		cl->next->prev = cl->prev;
	free(cl->in);
	free(cl->out);
	free(cl);
}

static void reply(struct client *cl, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;

	json_decref(object);
	if (cl->out_at > 0) {
		memmove(cl->out, cl->out + cl->out_at, cl->out_bytes - cl->out_at);
		cl->out_bytes -= cl->out_at;
		cl->out_at = 0;
	}
	char *out = text ? realloc(cl->out, cl->out_bytes + n + 1) : NULL;
	if (out) {
		memcpy(out + cl->out_bytes, text, n);
		out[cl->out_bytes + n] = '\n';
		cl->out = out;
		cl->out_bytes += n + 1;
	}
	free(text);
}

/* A value that was cut within a character, or that a file was named by, may not be UTF-8: its bytes
 * are question marks then. Who asked must hear something. */
static json_t *text_of(const char *text)
{
	json_t *value = json_string(text);
	char ascii[ZL_API_ERROR_MAX];

	if (value)
		return value;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *at = ascii; *at; at++)
		if (*at & 0x80)
			*at = '?';
	return json_string(ascii);
}

static void reply_error(struct client *cl, const char *error)
{
	reply(cl, json_pack("{s:b, s:o}", "ok", 0, "error", text_of(error)));
}

static void reply_result(struct client *cl, json_t *result)
{
	if (result)
		reply(cl, json_pack("{s:b, s:o}", "ok", 1, "result", result));
	else
		reply_error(cl, "the answer cannot be told: a name in it is not UTF-8, or there is "
				"no memory");
}

static void serve(struct client *cl, const char *line, size_t n)
{
	struct zl_control *c = cl->control;
	char error[ZL_API_ERROR_MAX] = "no memory";
	json_error_t where;
	json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &where);
	const char *command = json_string_value(json_object_get(request, "cmd"));

	c->counters[ZL_COUNT_api_requests]++;
	if (!request) {
		snprintf(error, sizeof(error),
			 "not JSON: %s; send {\"cmd\": \"status\"} and a newline", where.text);
		reply_error(cl, error);
	} else if (!command) {
		reply_error(cl, "no command; send {\"cmd\": \"status\"}");
	} else if (zl_report_knows(command)) {
		json_t *result = zl_report(c, command, request, error);
		if (result)
			reply_result(cl, result);
		else
			reply_error(cl, error);
	} else if (zl_change_knows(command)) {
		cl->waiting = true;
		if (!zl_change(c, command, request, cl->id, error)) {
			cl->waiting = false;
			reply_error(cl, error);
		}
	} else {
		snprintf(error, sizeof(error),
			 "\"%.64s\" is not a command; the commands are status, ports, cores, "
			 "sockets, "
			 "peers, sources, subscriptions, devices, stats, bind, connect, unbind, "
			 "disconnect, "
			 "pause, resume, cycles, count",
			 command);
		reply_error(cl, error);
	}
	json_decref(request);
}

/* Serves whole lines while the client takes its answers. False: it must go. */
static bool serve_lines(struct client *cl)
{
	size_t at = 0;
	char *end;

	while (!cl->waiting && cl->out_bytes - cl->out_at < OUTPUT_PAUSE &&
	       (end = memchr(cl->in + at, '\n', cl->in_bytes - at))) {
		serve(cl, cl->in + at, (size_t)(end - (cl->in + at)));
		at = (size_t)(end - cl->in) + 1;
	}
	memmove(cl->in, cl->in + at, cl->in_bytes - at);
	cl->in_bytes -= at;
	return cl->in_bytes < LINE_MAX_BYTES || memchr(cl->in, '\n', cl->in_bytes);
}

static bool read_some(struct client *cl)
{
	while (cl->in_bytes < LINE_MAX_BYTES) {
		ssize_t n = recv(cl->watch.fd, cl->in + cl->in_bytes, LINE_MAX_BYTES - cl->in_bytes,
				 MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0) {
			cl->hung_up = true;
			return true;
		}
		cl->in_bytes += (size_t)n;
	}
	return true;
}

static bool write_some(struct client *cl)
{
	while (cl->out_at < cl->out_bytes) {
		ssize_t n = send(cl->watch.fd, cl->out + cl->out_at, cl->out_bytes - cl->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		cl->out_at += (size_t)n;
	}
	free(cl->out);
	cl->out = NULL;
	cl->out_at = cl->out_bytes = 0;
	return true;
}

/* As far as it goes now, and then waits for what it lacks. The client may be gone after it. */
static void advance(struct client *cl)
{
	bool more = true;

	while (more) {
		size_t before = cl->in_bytes;
		if (!serve_lines(cl) || !write_some(cl)) {
			client_free(cl);
			return;
		}
		more = cl->in_bytes < before && cl->in_bytes > 0;
	}
	bool unread = cl->out_bytes > 0;
	if (cl->hung_up && !unread && !cl->waiting) {
		client_free(cl);
		return;
	}
	bool room = !cl->hung_up && !cl->waiting && cl->in_bytes < LINE_MAX_BYTES &&
		    cl->out_bytes - cl->out_at < OUTPUT_PAUSE;
	zl_loop_change(&cl->control->loop, &cl->watch,
		       (room ? EPOLLIN : 0) | (unread ? EPOLLOUT : 0));
}

static void client_ready(struct zl_watch *watch, uint32_t events)
{
	struct client *cl = watch->context;

	bool good = !(events & EPOLLIN) || read_some(cl);

	/* One that hung up hears no answer, but what it asked for is done. */
	if (!good || (events & (EPOLLERR | EPOLLHUP))) {
		serve_lines(cl);
		client_free(cl);
		return;
	}
	advance(cl);
}

/* Root, control's own user, and its group's members. The file's mode says the same; this holds even
 * where someone changed that. */
static bool may_call(struct zl_control *c, int fd)
{
	struct zl_caller who = {.uid = (uid_t)-1};

	if (zl_confine_caller(fd, &who) &&
	    (who.uid == 0 || who.uid == geteuid() || zl_confine_caller_in(fd, &who, getegid())))
		return true;
	c->counters[ZL_COUNT_api_refused]++;
	zl_log(ZL_WARN,
	       "control.sock: refused user %u (process %d); make it a member of group %u, or call "
	       "as root",
	       who.uid, (int)who.pid, getegid());
	return false;
}

static void accept_ready(struct zl_watch *watch, uint32_t events)
{
	struct zl_control *c = watch->context;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *cl;

	(void)events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			zl_loop_change(&c->loop, watch, 0);
		return;
	}
	if (!may_call(c, fd)) {
		close(fd);
		return;
	}
	cl = calloc(1, sizeof(*cl));
	if (cl)
		cl->in = malloc(LINE_MAX_BYTES);
	if (!cl || !cl->in) {
		free(cl);
		close(fd);
		return;
	}
	cl->control = c;
	cl->id = ++c->api->next_id;
	cl->watch = (struct zl_watch){.fd = fd, .ready = client_ready, .context = cl};
	cl->next = c->api->clients;
	cl->prev = &c->api->clients;
	if (cl->next)
		cl->next->prev = &cl->next;
	c->api->clients = cl;
	if (zl_loop_add(&c->loop, &cl->watch, EPOLLIN) < 0)
		client_free(cl);
}

void zl_api_answer(struct zl_control *c, uint64_t client, json_t *result, const char *error)
{
	struct client *cl = c->api ? c->api->clients : NULL;

	while (cl && cl->id != client)
		cl = cl->next;
	if (!cl) {
		json_decref(result);
		return;
	}
	if (error)
		reply_error(cl, error);
	else
		reply_result(cl, result);
	cl->waiting = false;
	zl_loop_change(&c->loop, &cl->watch, EPOLLIN | EPOLLOUT);
}

/* The lock on the run directory says that a socket file here is stale. */
int zl_api_start(struct zl_control *c)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct zl_api *api = calloc(1, sizeof(*api));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	c->api = api;
	if (!api || fd < 0)
		return fd < 0 ? -errno : -ENOMEM;
	api->listener = (struct zl_watch){.fd = fd, .ready = accept_ready, .context = c};
	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/control.sock", c->config.run_dir) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(api->path, sa.sun_path);
	unlink(sa.sun_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(sa.sun_path, 0660) < 0 ||
	    listen(fd, 128) < 0)
		return -errno;
	return zl_loop_add(&c->loop, &api->listener, EPOLLIN);
}

void zl_api_free(struct zl_control *c)
{
	struct zl_api *api = c->api;

	if (!api)
		return;
	while (api->clients)
		client_free(api->clients);
	if (api->listener.fd >= 0)
		close(api->listener.fd);
	if (api->path[0])
		unlink(api->path);
	free(api);
	c->api = NULL;
}
