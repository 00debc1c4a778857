/* What control asks. Set-up is done by the host core itself; sockets, devices and endpoints are
 * checked against the catalogue and then made on every core; streams' packets go to their core. A
 * request is answered once all cores have, and undone where only some of them could. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/zmtp/wrap.h"
#include "drivers/host/kernel.h"

#define STREAM_CORE(id) ((unsigned)((id) >> 56))

static void setup(struct zl_dataplane *d, uint64_t seq, const struct zl_ipc_setup *m)
{
	if (d->running) {
		zl_host_result(d, seq, -EALREADY, 0, "the dataplane is set up already");
		return;
	}
	d->setup = *m;
	d->has_setup = true;
	d->n_ports = d->n_elements = 0;
	zl_host_result(d, seq, 0, 0, "");
}

static void port(struct zl_dataplane *d, uint64_t seq, const struct zl_ipc_port *m)
{
	if (d->running || !d->has_setup || d->n_ports == ZL_IPC_PORTS_MAX) {
		zl_host_result(d, seq, -EPROTO, m->config_line, "a port at the wrong moment");
		return;
	}
	d->port_config[d->n_ports++] = *m;
	zl_host_result(d, seq, 0, 0, "");
}

static void element(struct zl_dataplane *d, uint64_t seq, const struct zl_ipc_element *m)
{
	if (d->running || !d->has_setup || d->n_elements == ZL_ELEMENTS_MAX ||
	    m->ports >> d->n_ports) {
		zl_host_result(d, seq, -EPROTO, m->config_line,
			       "a network element at the wrong moment");
		return;
	}
	d->element_config[d->n_elements++] = *m;
	zl_host_result(d, seq, 0, 0, "");
}

/* EAL starts once a process: a failure is told to control and to whoever reads our log, and ends
 * us, so that a supervisor's next start begins with nothing half made. */
static void start(struct zl_dataplane *d, uint64_t seq)
{
	uint8_t packet[sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_result)];
	struct zl_ipc_result *m = zl_ipc_begin(packet, ZL_IPC_RESULT, seq);

	*m = (struct zl_ipc_result){0};
	if (d->running || !d->has_setup) {
		zl_host_result(d, seq, -EPROTO, 0, "START at the wrong moment");
		return;
	}
	m->error = zl_dataplane_start(d, m->text, sizeof(m->text), &m->config_line);
	if (!m->error && zl_dataplane_confine_running(d)) {
		m->error = -EPERM;
		strcpy(m->text, "a thread kept capabilities that it should not have; restart it");
	}
	if (!m->error && !zl_host_reserve_notices(d))
		m->error = -ENOMEM;
	zl_ipc_send(d->control, packet, sizeof(packet), d->stats_fd);
	if (!m->error) {
		zl_say("%u poll core%s, %u port%s", d->setup.poll_cores,
		       d->setup.poll_cores == 1 ? "" : "s", d->n_ports, d->n_ports == 1 ? "" : "s");
		if (d->note[0])
			zl_say("%s", d->note);
		return;
	}
	zl_say("%s", m->text);
	d->failed = d->quit = true;
}

/* Controls number alike: by a number of our own, what a core answers to one that is gone is not
 * taken for an answer to its successor. */
static struct zl_request *request_new(struct zl_dataplane *d, uint64_t asked, uint16_t type)
{
	for (unsigned i = 0; i < ZL_REQUESTS_MAX; i++) {
		struct zl_request *r = &d->request[i];

		if (r->seq)
			continue;
		*r = (struct zl_request){.seq = ++d->own_seq, .asked = asked, .type = type};
		return r;
	}
	return NULL;
}

/* The cores that a request is for. */
struct span {
	unsigned first, n;
};

static struct span all_cores(const struct zl_dataplane *d)
{
	return (struct span){0, zl_dataplane_cores(d)};
}

/* An endpoint is on the poll cores, whose ports have its address, or on the host core, with the
 * kernel's sockets. */
static struct span cores_of(const struct zl_dataplane *d, const struct zl_ipc_endpoint *e)
{
	if (zl_ipc_on_ports(e->carrier))
		return (struct span){0, d->setup.poll_cores};
	return (struct span){zl_ipc_host_core(d->setup.poll_cores), 1};
}

static struct zl_ipc_socket *socket_of(struct zl_dataplane *d, const struct zl_ipc_endpoint *e)
{
	return zl_catalog_find(&d->catalog, ZL_IPC_SOCKET_ADD, e->socket);
}

/* Does the endpoint's flow live on this core? */
static bool has_flow(struct zl_dataplane *d, unsigned core, const struct zl_ipc_endpoint *e)
{
	return zl_ipc_flows(e->carrier) &&
	       zl_flow_core(e, socket_of(d, e), d->setup.poll_cores) == core;
}

/* What the cores need allocated, made here: they never do. 0, or -errno. */
static int allocate(struct zl_dataplane *d, unsigned core, uint16_t type, const void *body,
		    void **object)
{
	*object = NULL;
	if (type == ZL_IPC_SOCKET_ADD)
		*object = zl_shard_new(d->core[core], body, (size_t)d->setup.matcher_mb << 20);
	else if (type == ZL_IPC_DEVICE_ADD)
		*object = calloc(1, sizeof(struct zl_device));
	else if (type == ZL_IPC_ENDPOINT_ADD && has_flow(d, core, body))
		*object = zl_flow_create(d->core[core], body, socket_of(d, body));
	else
		return 0;
	return *object ? 0 : -errno;
}

static void release(uint16_t type, void *object)
{
	if (type == ZL_IPC_SOCKET_ADD || type == ZL_IPC_SOCKET_DEL)
		zl_shard_free(object);
	else if (type == ZL_IPC_ENDPOINT_ADD || type == ZL_IPC_ENDPOINT_DEL)
		zl_flow_destroy(object);
	else
		free(object);
}

/* One letter for a core. 0, or -errno: none could be had, or what goes with it. */
static int post_copy(struct zl_dataplane *d, unsigned core, const struct zl_letter *from,
		     uint64_t seq)
{
	const struct zl_ipc_header *h = (const struct zl_ipc_header *)from->packet;
	struct zl_letter *letter = zl_letter_new(d->letters);
	int error;

	if (!letter)
		return -ENOMEM;
	memcpy(letter->packet, from->packet, h->length);
	zl_letter_header(letter)->seq = seq;
	error = allocate(d, core, h->type, zl_ipc_body(letter->packet), &letter->object);
	if (error) {
		zl_letter_free(letter);
		return error;
	}
	zl_host_post(d, core, letter);
	return 0;
}

static void finish(struct zl_dataplane *d, struct zl_request *r);

/* Answered when all of these cores have. -EAGAIN: no place for it. */
static int broadcast(struct zl_dataplane *d, const struct zl_letter *letter, struct span to,
		     bool quiet)
{
	const struct zl_ipc_header *h = (const struct zl_ipc_header *)letter->packet;
	struct zl_request *r = request_new(d, h->seq, h->type);

	if (!r) {
		if (!quiet)
			zl_host_result(d, h->seq, -EAGAIN, 0,
				       "too many requests at once; try again");
		return -EAGAIN;
	}
	r->quiet = quiet;
	memcpy(&r->what, letter->packet + sizeof(*h),
	       RTE_MIN(sizeof(r->what), zl_ipc_size(h->type)));
	for (unsigned i = to.first; i < to.first + to.n; i++) {
		int error = post_copy(d, i, letter, r->seq);

		if (!error)
			r->waiting++;
		else if (!r->error)
			r->error = error;
	}
	if (!r->waiting)
		finish(d, r);
	return 0;
}

static bool is_add(uint16_t type)
{
	return type == ZL_IPC_SOCKET_ADD || type == ZL_IPC_DEVICE_ADD ||
	       type == ZL_IPC_ENDPOINT_ADD;
}

static bool is_del(uint16_t type)
{
	return type == ZL_IPC_SOCKET_DEL || type == ZL_IPC_DEVICE_DEL ||
	       type == ZL_IPC_ENDPOINT_DEL;
}

static struct span cores_for(struct zl_dataplane *d, uint16_t type, const void *body)
{
	const struct zl_ipc_endpoint *e = body;

	if (type == ZL_IPC_ENDPOINT_DEL || type == ZL_IPC_ENDPOINT_SET)
		e = zl_catalog_find(&d->catalog, ZL_IPC_ENDPOINT_ADD, *(const uint32_t *)body);
	if (type == ZL_IPC_ENDPOINT_DEL || type == ZL_IPC_ENDPOINT_ADD ||
	    type == ZL_IPC_ENDPOINT_SET)
		return e ? cores_of(d, e) : all_cores(d);
	return all_cores(d);
}

static void change(struct zl_dataplane *d, struct zl_letter *letter)
{
	const struct zl_ipc_header *h = (const struct zl_ipc_header *)letter->packet;
	void *body = letter->packet + sizeof(*h);
	char text[ZL_TEXT_MAX];
	int error = zl_catalog_check(d, h->type, body, text, sizeof(text));

	if (error) {
		zl_host_result(d, h->seq, error, 0, text);
		return;
	}
	/* In the catalogue from now on, so that a second one of the same is refused. */
	if (h->type == ZL_IPC_ENDPOINT_ADD)
		zl_catalog_choose_port(&d->catalog, body);
	if (is_add(h->type))
		memcpy(zl_catalog_place(&d->catalog, h->type), body, zl_ipc_size(h->type));
	if (broadcast(d, letter, cores_for(d, h->type, body), false) && is_add(h->type))
		zl_catalog_forget(&d->catalog, h->type, *(const uint32_t *)body);
}

/* The catalogue knows it at once: what a new control is told is what the cores are about to do. */
static void device_set(struct zl_dataplane *d, const struct zl_letter *letter)
{
	const struct zl_ipc_header *h = (const struct zl_ipc_header *)letter->packet;
	const struct zl_ipc_device_set *m = (const void *)(letter->packet + sizeof(*h));
	struct zl_ipc_device *device = zl_catalog_find(&d->catalog, ZL_IPC_DEVICE_ADD, m->id);

	if (!device) {
		zl_host_result(d, h->seq, -ENOENT, 0, "there is no such device");
		return;
	}
	if (broadcast(d, letter, cores_for(d, h->type, m), false) == 0)
		device->paused = m->paused;
}

/* A socket with a home has its dialled streams there if it can, where nothing needs to cross. */
static struct span dials(struct zl_dataplane *d, uint32_t endpoint)
{
	const struct zl_ipc_endpoint *e = zl_catalog_find(&d->catalog, ZL_IPC_ENDPOINT_ADD,
							  endpoint);
	const struct zl_ipc_socket *s = e ? socket_of(d, e) : NULL;
	unsigned next = d->next_dial_core;

	if (s && zl_ipc_flows(e->carrier))
		return (struct span){zl_flow_core(e, s, d->setup.poll_cores), 1};
	if (e && e->carrier != ZL_CARRIER_STACK)
		return cores_of(d, e);
	if (s && !zl_ipc_sharded(s->type) && s->home < d->setup.poll_cores)
		return (struct span){s->home, 1};
	d->next_dial_core = (next + 1) % d->setup.poll_cores;
	return (struct span){next, 1};
}

static void dial(struct zl_dataplane *d, const struct zl_letter *letter)
{
	const struct zl_ipc_id *m = (const void *)(letter->packet + sizeof(struct zl_ipc_header));

	broadcast(d, letter, dials(d, m->id), false);
}

static void dump(struct zl_dataplane *d, const struct zl_letter *letter)
{
	uint64_t seq = ((const struct zl_ipc_header *)letter->packet)->seq;

	for (unsigned i = 0; i < ZL_REQUESTS_MAX; i++) {
		if (!d->request[i].seq || d->request[i].type != ZL_IPC_DUMP)
			continue;
		zl_host_result(d, seq, -EALREADY, 0, "a dump is under way");
		return;
	}
	if (zl_catalog_tell(d, seq))
		broadcast(d, letter, all_cores(d), false);
	else
		zl_host_result(d, seq, -EAGAIN, 0, "the poll cores are behind; try again");
}

/* GSSAPI's context, which the core takes from the letter. Without one it will end the session. */
static void open_context(struct zl_letter *letter)
{
	const struct zl_ipc_stream_ready *m = zl_ipc_body(letter->packet);

	if (m->context_bytes)
		letter->object = zl_wrap_import(zl_ipc_tail(letter->packet), m->context_bytes,
						m->boxes.received);
}

/* A packet about a stream, or for a core's matcher: the letter itself goes on. */
static bool forward(struct zl_dataplane *d, struct zl_letter *letter)
{
	const void *body = zl_ipc_body(letter->packet);
	unsigned core;

	switch (zl_letter_header(letter)->type) {
	case ZL_IPC_STREAM_SEND:
	case ZL_IPC_STREAM_READY:
	case ZL_IPC_STREAM_CLOSE:
		core = STREAM_CORE(*(const uint64_t *)body);
		break;
	case ZL_IPC_MATCH:
		core = ((const struct zl_ipc_match *)body)->core;
		break;
	default:
		return false;
	}
	if (core >= zl_dataplane_cores(d)) {
		zl_letter_free(letter);
		return true;
	}
	if (zl_letter_header(letter)->type == ZL_IPC_STREAM_READY)
		open_context(letter);
	zl_host_post(d, core, letter);
	return true;
}

static void take_before_start(struct zl_dataplane *d, struct zl_letter *letter)
{
	const struct zl_ipc_header *h = zl_letter_header(letter);

	if (h->type == ZL_IPC_SETUP)
		setup(d, h->seq, zl_ipc_body(letter->packet));
	else if (h->type == ZL_IPC_PORT)
		port(d, h->seq, zl_ipc_body(letter->packet));
	else if (h->type == ZL_IPC_ELEMENT)
		element(d, h->seq, zl_ipc_body(letter->packet));
	else if (h->type == ZL_IPC_START)
		start(d, h->seq);
	else if (h->type == ZL_IPC_SHUTDOWN)
		d->quit = true;
	else if (h->seq)
		zl_host_result(d, h->seq, -EPROTO, 0, "the dataplane is not set up");
}

void zl_request_take(struct zl_dataplane *d, struct zl_letter *letter)
{
	const struct zl_ipc_header *h = zl_letter_header(letter);

	if (!d->running) {
		take_before_start(d, letter); /* not a letter of the pool */
		return;
	}
	if (forward(d, letter))
		return;
	if (h->type == ZL_IPC_DIAL)
		dial(d, letter);
	else if (h->type == ZL_IPC_DUMP)
		dump(d, letter);
	else if (h->type == ZL_IPC_DEVICE_SET)
		device_set(d, letter);
	else if (h->type == ZL_IPC_COUNT || h->type == ZL_IPC_ENDPOINT_SET)
		broadcast(d, letter, cores_for(d, h->type, zl_ipc_body(letter->packet)), false);
	else if (h->type == ZL_IPC_SUBS_ACK)
		zl_journal_ack(d, ((struct zl_ipc_subs_ack *)zl_ipc_body(letter->packet))->count);
	else if (h->type == ZL_IPC_SHUTDOWN)
		d->quit = true;
	else if (h->type >= ZL_IPC_SOCKET_ADD && h->type <= ZL_IPC_ENDPOINT_DEL)
		change(d, letter);
	else if (h->seq)
		zl_host_result(d, h->seq, -EALREADY, 0, "the dataplane is set up already");
	zl_letter_free(letter);
}

static void explain(struct zl_dataplane *d, const struct zl_request *r, char *text, size_t bytes)
{
	const char *what = "the request";
	const struct zl_ipc_endpoint *e = NULL;

	if (r->type == ZL_IPC_ENDPOINT_ADD)
		e = &r->what.endpoint;
	else if (r->type == ZL_IPC_DIAL)
		e = zl_catalog_find(&d->catalog, ZL_IPC_ENDPOINT_ADD, r->what.id.id);
	if (e)
		what = e->text;
	else if (r->type == ZL_IPC_SOCKET_ADD)
		what = r->what.socket.name;
	else if (r->type == ZL_IPC_DEVICE_ADD)
		what = r->what.device.name;
	if (e && !zl_ipc_on_ports(e->carrier))
		zl_kernel_explain(e, r->error, text, bytes);
	else if (r->error == -EADDRNOTAVAIL)
		snprintf(text, bytes,
			 "endpoint %.150s: its address is no port's; use a port's address", what);
	else if (r->error == -ENETUNREACH)
		snprintf(text, bytes, "no port reaches that address; add a gateway to a port");
	else if (r->error == -EPROTONOSUPPORT)
		snprintf(text, bytes, "%.150s: this type of socket or device is not there yet",
			 what);
	else
		snprintf(text, bytes, "%.150s: %s", what, strerror(-r->error));
}

/* Undo on every core what some could not do: those that did not do it do not mind. */
static void undo(struct zl_dataplane *d, const struct zl_request *r)
{
	static struct zl_letter letter;
	uint16_t del = (uint16_t)(r->type + 1); /* each ADD is followed by its DEL */
	struct zl_ipc_id *m = zl_ipc_begin(letter.packet, del, 0);

	*m = (struct zl_ipc_id){.id = r->what.id.id};
	zl_catalog_forget(&d->catalog, r->type, r->what.id.id);
	broadcast(d, &letter, cores_for(d, r->type, &r->what), true);
}

static void finish(struct zl_dataplane *d, struct zl_request *r)
{
	char text[ZL_TEXT_MAX] = "";

	if (r->error)
		explain(d, r, text, sizeof(text));
	if (r->type == ZL_IPC_DUMP && d->adopting && !r->error) {
		d->adopting = false;
		zl_journal_replay(d);
	}
	if (!r->error && r->type == ZL_IPC_ENDPOINT_ADD)
		zl_catalog_note_bound(&d->catalog, r->what.id.id, &r->what.endpoint.bound);
	if (!r->quiet && r->type == ZL_IPC_ENDPOINT_ADD)
		zl_host_bound(d, r->asked, r->error, text, &r->what.endpoint.bound);
	else if (!r->quiet)
		zl_host_result(d, r->asked, r->error, 0, text);
	r->seq = 0; /* before undo asks for a place */
	if (r->error && is_add(r->type))
		undo(d, r);
	else if (is_del(r->type) && !r->error)
		zl_catalog_forget(&d->catalog, r->type, r->what.id.id);
}

void zl_request_answer(struct zl_dataplane *d, unsigned core, struct zl_letter *letter)
{
	const struct zl_ipc_result *m = zl_ipc_body(letter->packet);
	uint64_t seq = zl_letter_header(letter)->seq;

	for (unsigned i = 0; i < ZL_REQUESTS_MAX; i++) {
		struct zl_request *r = &d->request[i];

		if (r->seq != seq)
			continue;
		if (letter->object)
			release(r->type, letter->object);
		/* What is not there need not be deleted: an earlier try came only so far. */
		if (m->error && !r->error && !(is_del(r->type) && m->error == -ENOENT))
			r->error = m->error;
		if (r->type == ZL_IPC_DUMP)
			d->dumped[core] = true;
		if (r->type == ZL_IPC_ENDPOINT_ADD && !m->error)
			r->what.endpoint.bound = m->bound;
		if (--r->waiting == 0)
			finish(d, r);
		break;
	}
	zl_letter_free(letter);
}
