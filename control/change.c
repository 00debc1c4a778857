/* The commands that change something: bind, connect, unbind, disconnect, count (cycles.c), pause
 * and resume (devices.c). They are answered when the dataplane has answered. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

struct change { /* a request on its way: what its argument points to */
	uint64_t client;
	uint32_t endpoint;
};

static const char *const commands[] = {"bind",  "connect", "unbind", "disconnect",
				       "count", "pause",   "resume"};

bool zl_change_knows(const char *command)
{
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i], command) == 0)
			return true;
	return false;
}

static void list_sockets(struct zl_control *c, char *list, size_t max)
{
	size_t at = 0;

	list[0] = '\0';
	for (struct zl_socket *s = c->sockets; s && at < max; s = s->next)
		at += (size_t)snprintf(list + at, max - at, "%s%s", at ? ", " : "", s->at.name);
}

static bool fail(char *error, const char *text, const char *value, const char *remedy)
{
	snprintf(error, ZL_API_ERROR_MAX, "%s \"%.200s\"%s%.200s", text, value, remedy ? ": " : "",
		 remedy ? remedy : "");
	return false;
}

static void added(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	struct change *change = (void *)(uintptr_t)argument;
	struct zl_endpoint *e = zl_endpoint_by_id(c, change->endpoint);
	uint64_t client = change->client;
	char error[ZL_API_ERROR_MAX], last[ZL_ENDPOINT_MAX + 8];

	free(change);
	if (!e || r->error) {
		snprintf(error, sizeof(error), "%.200s: %s", e ? e->at.text : "endpoint", r->text);
		zl_api_answer(c, client, NULL, error);
		if (e)
			zl_endpoint_free(c, e);
		return;
	}
	e->at.bound = r->bound;
	zl_endpoint_present(c, e);
	zl_api_answer(c, client,
		      json_pack("{s:I, s:s}", "id", (json_int_t)e->at.id, "endpoint",
				zl_endpoint_last(e, last)),
		      NULL);
}

static void close_stream(void *context, struct zl_stream *s)
{
	const uint64_t *what = ((void **)context)[1];

	if (s->open.endpoint == *what && s->open.outgoing)
		zl_stream_close(((void **)context)[0], s, ZL_REASON_endpoint_removed);
}

static void removed(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	struct change *change = (void *)(uintptr_t)argument;
	struct zl_endpoint *e = zl_endpoint_by_id(c, change->endpoint);
	uint64_t client = change->client, id = change->endpoint;
	void *context[2] = {c, &id};

	free(change);
	/* One that is being resolved again may not be there. */
	if (r->error && r->error != -ENOENT) {
		zl_api_answer(c, client, NULL, r->text);
		return;
	}
	/* As libzmq: unbind leaves the peers it has, disconnect ends its one. */
	zl_streams_each(c, close_stream, context);
	if (e)
		zl_endpoint_free(c, e);
	zl_api_answer(c, client, json_object(), NULL);
}

static bool request(struct zl_control *c, struct zl_endpoint *e, uint64_t client, bool add)
{
	struct change *change = malloc(sizeof(*change));
	const struct zl_ipc_id id = {.id = e->at.id};

	if (!change)
		return false;
	*change = (struct change){.client = client, .endpoint = e->at.id};
	if (add)
		zl_endpoint_add(c, e, added, (uintptr_t)change);
	else
		zl_dataplane_request(c, ZL_IPC_ENDPOINT_DEL, &id, removed, (uintptr_t)change);
	return true;
}

/* A bind that gets an address of its own each time. */
static bool wild(const struct zl_ipc_endpoint *at)
{
	size_t n = strlen(at->text);

	return !at->connect &&
	       (strcmp(at->text, "ipc://*") == 0 || strcmp(at->text, "tipc://<*>") == 0 ||
		strcmp(at->text + n - 2, ":*") == 0 || strcmp(at->text + n - 2, ":0") == 0);
}

static bool add(struct zl_control *c, struct zl_socket *socket, const struct zl_ipc_endpoint *at,
		uint64_t client, char *error)
{
	struct zl_endpoint *e = wild(at) ? NULL : zl_endpoint_find(c, socket, at);

	if (e && e->state == ZL_ENDPOINT_STOPPED) {
		zl_endpoint_present(c, e);
		zl_api_answer(
			c, client,
			json_pack("{s:I, s:s}", "id", (json_int_t)e->at.id, "endpoint", e->at.text),
			NULL);
		return true;
	}
	if (e)
		return fail(error, "endpoint", at->text, "the socket has it already");
	e = zl_endpoint_new(c, socket, at, 0);
	if (!e || !request(c, e, client, true)) {
		if (e)
			zl_endpoint_free(c, e);
		return fail(error, "endpoint", at->text, "no memory");
	}
	return true;
}

static bool del(struct zl_control *c, struct zl_socket *socket, const struct zl_ipc_endpoint *at,
		uint64_t client, char *error)
{
	struct zl_endpoint *e = zl_endpoint_find(c, socket, at);

	if (!e)
		return fail(error, "endpoint", at->text,
			    "the socket has no such endpoint; `zeroline sockets` lists them");
	if (e->state == ZL_ENDPOINT_REFUSED) {
		zl_endpoint_free(c, e);
		zl_api_answer(c, client, json_object(), NULL);
		return true;
	}
	if (!request(c, e, client, false))
		return fail(error, "endpoint", at->text, "no memory");
	return true;
}

bool zl_change(struct zl_control *c, const char *command, json_t *request_object, uint64_t client,
	       char *error)
{
	const char *name = json_string_value(json_object_get(request_object, "socket"));
	const char *text = json_string_value(json_object_get(request_object, "endpoint"));
	bool connect = strstr(command, "connect") != NULL;
	bool take_away = strcmp(command, "unbind") == 0 || strcmp(command, "disconnect") == 0;
	const struct zl_ports ports = {c->config.ports, c->config.n_ports};
	struct zl_ipc_endpoint at;
	char list[256];

	if (strcmp(command, "count") == 0)
		return zl_cycles_count(c, request_object, client, error);
	if (strcmp(command, "pause") == 0 || strcmp(command, "resume") == 0)
		return zl_devices_set(c, *command == 'p', request_object, client, error);
	if (!name || !text)
		return fail(error, command, "",
			    "give \"socket\" and \"endpoint\", both as strings");
	struct zl_socket *socket = zl_socket_by_name(c, name);
	if (!socket) {
		char remedy[300];
		list_sockets(c, list, sizeof(list));
		snprintf(remedy, sizeof(remedy), "there is no such socket; the sockets are %s",
			 list[0] ? list : "none: the config has no devices");
		return fail(error, "socket", name, remedy);
	}
	if (!zl_dataplane_attached(c))
		return fail(error, command, text,
			    "the dataplane is not attached; start zeroline-dataplane");
	if (take_away && strlen(text) < sizeof(at.text)) {
		/* By its words: what is bound may have a form that nobody can bind. */
		at = (struct zl_ipc_endpoint){.connect = connect};
		strcpy(at.text, text);
		if (zl_endpoint_find(c, socket, &at))
			return del(c, socket, &at, client, error);
	}
	if (zl_endpoint_parse(&at, text, connect, &ports, error, ZL_API_ERROR_MAX))
		return false;
	if (take_away)
		return del(c, socket, &at, client, error);
	return zl_endpoint_fits(&at, &socket->at, socket->security, error, ZL_API_ERROR_MAX) &&
	       add(c, socket, &at, client, error);
}
