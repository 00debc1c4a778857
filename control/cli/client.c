/* The transport: connect, one line out, one line in, and a plain sentence for whatever goes wrong
 * on the way. What the JSON means is left to the caller. */
#include "control/cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS  10000
#define ANSWER_MAX (256u << 20) /* a reply that never ends must not eat the machine */

__attribute__((format(printf, 2, 3))) static void say(struct client *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->text, sizeof(c->text), format, ap);
	va_end(ap);
}

static void say_connect(struct client *c, int error)
{
	switch (error) {
	case ENOENT:
		say(c,
		    "%s: no such socket: start zeroline-control, or name its directory with "
		    "--run-dir",
		    c->path);
		break;
	case ECONNREFUSED:
		say(c, "%s: nobody is listening: zeroline-control has ended, start it again",
		    c->path);
		break;
	case EACCES:
	case EPERM:
		say(c, "%s: permission denied: run as root or as the user of zeroline-control",
		    c->path);
		break;
	default:
		say(c, "%s: %s: is it the socket of a running zeroline-control?", c->path,
		    strerror(error));
		break;
	}
}

int client_open(struct client *c, const char *run_dir)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	*c = (struct client){.fd = -1};
	int n = snprintf(c->path, sizeof(c->path), "%s/control.sock", run_dir);
	if (n < 0 || (size_t)n >= sizeof(to.sun_path)) {
		say(c,
		    "%.200s: too long for a socket's directory: choose a --run-dir of at most %zu "
		    "bytes",
		    run_dir, sizeof(to.sun_path) - sizeof("/control.sock"));
		return -ENAMETOOLONG;
	}
	memcpy(to.sun_path, c->path, (size_t)n + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		int error = errno;

		say_connect(c, error);
		return -error;
	}
	return 0;
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->line);
	c->fd = -1;
	c->line = NULL;
	c->used = c->room = 0;
}

static int send_all(struct client *c, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			say(c,
			    "%s: connection lost (%s): zeroline-control has ended, start it again",
			    c->path, strerror(errno));
			return -errno;
		}
		bytes += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int send_request(struct client *c, const char *cmd, json_t *args)
{
	json_t *request = args ? args : json_object();

	json_object_set_new(request, "cmd", json_string(cmd));
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (text == NULL) {
		say(c, "%s: an argument is not UTF-8: give it in UTF-8", cmd);
		return -EINVAL;
	}
	int err = send_all(c, text, strlen(text));
	if (err == 0)
		err = send_all(c, "\n", 1);
	free(text);
	return err;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* More of the reply: 1, 0 at end of file, or a negative errno with c->text set. */
static int read_more(struct client *c, int64_t deadline)
{
	if (c->room - c->used < 4096) {
		size_t room = c->room ? 2 * c->room : 65536;
		char *line = room > ANSWER_MAX ? NULL : realloc(c->line, room);

		if (line == NULL) {
			say(c, "%s: the answer is longer than %u MiB: ask for less with --limit",
			    c->path, ANSWER_MAX >> 20);
			return -ENOMEM;
		}
		c->line = line;
		c->room = room;
	}
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int64_t left = deadline - now_ms();
	int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
	if (ready < 0 && errno == EINTR)
		return 1;
	if (ready == 0) {
		say(c, "%s: no answer in %d s: zeroline-control is stuck or stopped, see its log",
		    c->path, ANSWER_MS / 1000);
		return -ETIMEDOUT;
	}
	ssize_t n = recv(c->fd, c->line + c->used, c->room - c->used, 0);
	if (n <= 0) {
		say(c,
		    "%s: connection closed before the answer: is zeroline-control still running?",
		    c->path);
		return n == 0 ? 0 : -errno;
	}
	c->used += (size_t)n;
	return 1;
}

/* One whole line, parsed; the rest is kept for the next. */
static json_t *read_reply(struct client *c)
{
	int64_t deadline = now_ms() + ANSWER_MS;
	size_t seen = 0;
	char *end;

	while ((end = c->used > seen ? memchr(c->line + seen, '\n', c->used - seen) : NULL) ==
	       NULL) {
		seen = c->used;
		if (read_more(c, deadline) <= 0)
			return NULL;
	}
	json_error_t why;
	size_t length = (size_t)(end - c->line);
	json_t *reply = json_loadb(c->line, length, 0, &why);
	c->used -= length + 1;
	memmove(c->line, end + 1, c->used);
	if (!json_is_object(reply)) {
		say(c, "%s: not an answer of zeroline-control (%s): is --run-dir right?", c->path,
		    reply ? "no JSON object" : why.text);
		json_decref(reply);
		return NULL;
	}
	return reply;
}

json_t *client_call(struct client *c, const char *cmd, json_t *args)
{
	if (send_request(c, cmd, args) < 0)
		return NULL;
	json_t *reply = read_reply(c);
	if (reply == NULL)
		return NULL;
	json_t *result = NULL;
	if (json_is_true(json_object_get(reply, "ok"))) {
		result = json_object_get(reply, "result");
		result = result ? json_incref(result) : json_null();
	} else {
		const char *error = json_string_value(json_object_get(reply, "error"));

		say(c, "%s",
		    error ? error : "refused without a reason: see zeroline-control's log");
	}
	json_decref(reply);
	return result;
}
