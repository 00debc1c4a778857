/* One endpoint's life. A bind listens; a connect, and what has datagrams of either kind, is
 * dialled, and when its stream is lost or a dial fails it is dialled again after a wait that
 * doubles from reconnect to reconnect_max, with half of it drawn at random so that a herd does not
 * come back as one; unless its socket's reconnect_stop says that this was the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/control.h"
#include "control/log.h"

const char *zl_endpoint_state_name(enum zl_endpoint_state state)
{
	switch (state) {
	case ZL_ENDPOINT_ADDING:
		return "adding";
	case ZL_ENDPOINT_REFUSED:
		return "refused";
	case ZL_ENDPOINT_LISTENING:
		return "listening";
	case ZL_ENDPOINT_CONNECTING:
		return "connecting";
	case ZL_ENDPOINT_CONNECTED:
		return "connected";
	case ZL_ENDPOINT_WAITING:
		return "waiting";
	case ZL_ENDPOINT_STOPPED:
		return "stopped";
	}
	return "?";
}

static void dialled(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	struct zl_endpoint *e = zl_endpoint_by_id(c, (uint32_t)id);

	if (!e || !r->error || e->stream)
		return;
	if (e->tries == 1)
		zl_log(ZL_INFO, "connect to %s: %s; trying again", e->at.text, r->text);
	zl_endpoint_lost(c, e, 0, 0);
}

static void dial(struct zl_control *c, struct zl_endpoint *e)
{
	const struct zl_ipc_id body = {.id = e->at.id};

	e->state = ZL_ENDPOINT_CONNECTING;
	e->tries++;
	c->counters[ZL_COUNT_dials]++;
	zl_dataplane_request(c, ZL_IPC_DIAL, &body, dialled, e->at.id);
}

/* A name may be known, and a route there, when it is asked for again. */
static void added_late(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	struct zl_endpoint *e = zl_endpoint_by_id(c, (uint32_t)id);

	if (!e)
		return;
	if (!r->error) {
		zl_endpoint_present(c, e);
	} else if (r->error != -ENOTCONN) {
		e->present = false;
		zl_endpoint_refused(c, e, r->text);
	}
}

/* As it was before its host's name was resolved. False: it has none. */
static bool name_again(struct zl_control *c, const struct zl_endpoint *e,
		       struct zl_ipc_endpoint *at)
{
	const struct zl_ports ports = {c->config.ports, c->config.n_ports};
	char error[ZL_TEXT_MAX], host[128];

	return !zl_endpoint_parse(at, e->at.text, true, &ports, error, sizeof(error)) &&
	       zl_endpoint_host(at, host, sizeof(host));
}

static void forgotten(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	struct zl_endpoint *e = zl_endpoint_by_id(c, (uint32_t)id);
	struct zl_ipc_endpoint at;

	if (!e || r->error || !name_again(c, e, &at))
		return;
	at.id = c->next_id++;
	e->at = at;
	zl_endpoint_add(c, e, added_late, e->at.id);
}

/* A host may have moved: its name is looked up again before it is dialled again. */
static void retry(struct zl_timer *timer)
{
	struct zl_endpoint *e = timer->context;
	const struct zl_ipc_id id = {.id = e->at.id};
	struct zl_ipc_endpoint at;

	if (e->present && !e->stream && name_again(e->control, e, &at))
		zl_dataplane_request(e->control, ZL_IPC_ENDPOINT_DEL, &id, forgotten, id.id);
	else if (e->present && !e->stream)
		dial(e->control, e);
	else if (e->state == ZL_ENDPOINT_WAITING && zl_dataplane_attached(e->control))
		zl_endpoint_add(e->control, e, added_late, e->at.id);
}

static bool unresolved(const struct zl_endpoint *e)
{
	return !zl_ipc_on_ports(e->at.carrier) && !e->at.address.bytes;
}

void zl_endpoint_add(struct zl_control *c, struct zl_endpoint *e, zl_result_fn *done,
		     uint64_t argument)
{
	const struct zl_ipc_result failed = {.error = -ENOMEM, .text = "no memory"};

	e->present = true; /* asked for */
	e->at.socket = e->socket->at.id;
	if (!unresolved(e))
		zl_dataplane_request(c, ZL_IPC_ENDPOINT_ADD, &e->at, done, argument);
	else if (!zl_resolve_add(c, &e->at, done, argument))
		done(c, &failed, argument);
}

char *zl_endpoint_last(const struct zl_endpoint *e, char *text)
{
	char address[ZL_ENDPOINT_MAX];

	if (e->at.bound.bytes && (e->at.carrier != ZL_CARRIER_STACK || strstr(e->at.text, ":*") ||
				  strstr(e->at.text, ":0")))
		sprintf(text, "%s://%s", zl_carrier_scheme[e->at.carrier],
			zl_ipc_address_text(e->at.bound.at, e->at.bound.bytes, address));
	else
		strcpy(text, e->at.text);
	return text;
}

struct zl_endpoint *zl_endpoint_new(struct zl_control *c, struct zl_socket *socket,
				    const struct zl_ipc_endpoint *at, unsigned line)
{
	struct zl_endpoint **end = &c->endpoints, *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->control = c;
	e->at = *at;
	if (e->at.id == 0)
		e->at.id = c->next_id++;
	e->at.socket = socket->at.id;
	if (at->carrier == ZL_CARRIER_IPC && !at->connect) {
		e->at.mode = socket->ipc.mode;
		e->at.filters = socket->ipc.filters;
		memcpy(e->at.filter, socket->ipc.filter, sizeof(e->at.filter));
	}
	e->socket = socket;
	e->line = line;
	e->retry = (struct zl_timer){.fire = retry, .context = e};
	while (*end)
		end = &(*end)->next;
	*end = e;
	return e;
}

void zl_endpoint_free(struct zl_control *c, struct zl_endpoint *e)
{
	struct zl_endpoint **at = &c->endpoints;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	zl_timer_stop(&c->loop, &e->retry);
	free(e);
}

struct zl_endpoint *zl_endpoint_by_id(struct zl_control *c, uint32_t id)
{
	struct zl_endpoint *e = c->endpoints;

	while (e && e->at.id != id)
		e = e->next;
	return e;
}

/* By address where this stack has it; what the kernel has goes by what was written, or by what the
 * kernel made of it. */
static bool same(const struct zl_endpoint *e, const struct zl_ipc_endpoint *at)
{
	char last[ZL_ENDPOINT_MAX + 8];

	if (strcmp(e->at.text, at->text) == 0 || strcmp(zl_endpoint_last(e, last), at->text) == 0)
		return true;
	return zl_ipc_on_ports(at->carrier) && e->at.carrier == at->carrier && e->at.ip == at->ip &&
	       e->at.port == at->port && e->at.via == at->via && e->at.b.ip == at->b.ip &&
	       e->at.b.via == at->b.via;
}

bool zl_endpoint_is(const struct zl_endpoint *e, const struct zl_socket *socket,
		    const struct zl_ipc_endpoint *at)
{
	return e->socket == socket && e->at.connect == at->connect && same(e, at);
}

struct zl_endpoint *zl_endpoint_find(struct zl_control *c, const struct zl_socket *socket,
				     const struct zl_ipc_endpoint *at)
{
	struct zl_endpoint *e = c->endpoints;

	while (e && !zl_endpoint_is(e, socket, at))
		e = e->next;
	return e;
}

/* Its one peer is ours to make. */
static bool is_dialled(const struct zl_endpoint *e)
{
	return e->at.connect || zl_ipc_flows(e->at.carrier);
}

static void opening_set(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	(void)c;
	(void)r; /* without it control does all the talking */
	(void)id;
}

static void set_opening(struct zl_control *c, const struct zl_endpoint *e)
{
	struct zl_ipc_endpoint_set m = {.id = e->at.id};

	zl_handshake_opening(&m, e->socket->at.type, &e->socket->at.options, e->socket->security);
	zl_dataplane_request(c, ZL_IPC_ENDPOINT_SET, &m, opening_set, m.id);
}

static void listening(struct zl_control *c, struct zl_endpoint *e)
{
	e->state = ZL_ENDPOINT_LISTENING;
	set_opening(c, e);
}

void zl_endpoint_present(struct zl_control *c, struct zl_endpoint *e)
{
	e->present = true;
	if (!is_dialled(e))
		listening(c, e);
	else if (!e->stream)
		dial(c, e);
}

static uint64_t backoff_ms(const struct zl_endpoint *e)
{
	uint64_t ms = e->socket->reconnect_ms;
	uint32_t random = 0;

	for (unsigned i = 1; i < e->tries && ms < e->socket->reconnect_max_ms; i++)
		ms *= 2;
	if (ms > e->socket->reconnect_max_ms)
		ms = e->socket->reconnect_max_ms;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)zl_now_ns();
	return ms / 2 + random % (ms / 2 + 1) + 1;
}

void zl_endpoint_refused(struct zl_control *c, struct zl_endpoint *e, const char *text)
{
	(void)text;
	e->state = ZL_ENDPOINT_REFUSED;
	if (!e->at.connect || !unresolved(e))
		return;
	e->state = ZL_ENDPOINT_WAITING; /* for its name */
	e->tries++;
	zl_timer_set(&c->loop, &e->retry, backoff_ms(e));
}

bool zl_endpoint_opened(struct zl_control *c, struct zl_endpoint *e, uint64_t stream)
{
	if (e->stream && e->stream != stream)
		return false;
	e->stream = stream;
	e->state = ZL_ENDPOINT_CONNECTING;
	zl_timer_stop(&c->loop, &e->retry);
	return true;
}

void zl_endpoint_connected(struct zl_control *c, struct zl_endpoint *e)
{
	(void)c;
	e->state = e->at.connect ? ZL_ENDPOINT_CONNECTED : ZL_ENDPOINT_LISTENING;
	e->tries = 0;
}

/* ZMQ_RECONNECT_STOP; disconnecting takes the endpoint away, so nothing is left to stop then. */
static bool stops(const struct zl_endpoint *e, int32_t why)
{
	return e->socket->at.options.reconnect_stop & (why | ZL_STOP_ALWAYS);
}

void zl_endpoint_lost(struct zl_control *c, struct zl_endpoint *e, uint64_t stream, int32_t why)
{
	if (!is_dialled(e) || !e->present || (e->stream && e->stream != stream))
		return;
	e->stream = 0;
	if (stops(e, why)) {
		e->state = ZL_ENDPOINT_STOPPED;
		zl_log(ZL_INFO, "connect to %s: stopped; `zeroline connect` begins again",
		       e->at.text);
		return;
	}
	e->state = ZL_ENDPOINT_WAITING;
	zl_timer_set(&c->loop, &e->retry, backoff_ms(e));
}
