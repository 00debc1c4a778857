/* The connection to the dataplane: attach, set up or take over, and again whenever it breaks.
 *
 *   DOWN -> HELLO -> (SETUP -> PORTS -> START | DUMP) -> RUN
 *
 * While DUMP is being answered events are kept aside and handled after it, so that nothing is
 * heard about a stream before the stream is known. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "control/connection.h"
#include "control/log.h"

#define RETRY_MS   100
#define REFUSED_MS 5000 /* after a set-up that the dataplane refused */
#define READ_BURST 256  /* packets a turn, so that everybody else gets theirs */

static void disconnect(struct zl_control *c, const char *why);

/* --- waiting packets --- */

void queue_init(struct queue *q)
{
	*q = (struct queue){.last = &q->first};
}

bool queue_add(struct queue *q, const void *packet, size_t length)
{
	struct flight *f = malloc(sizeof(*f) + length);

	if (!f)
		return false;
	f->next = NULL;
	f->length = length;
	memcpy(f->bytes, packet, length);
	*q->last = f;
	q->last = &f->next;
	q->bytes += length;
	return true;
}

static void queue_drop_first(struct queue *q)
{
	struct flight *f = q->first;

	q->first = f->next;
	if (!q->first)
		q->last = &q->first;
	q->bytes -= f->length;
	sodium_memzero(f->bytes, f->length); /* a READY may have a key in it */
	free(f);
}

void queue_clear(struct queue *q)
{
	while (q->first)
		queue_drop_first(q);
}

/* --- sending --- */

/* The connection is given up at the turn's end, where nobody is in the middle of using it. */
void connection_broken(struct zl_dataplane *d)
{
	d->broken = true;
}

void zl_dataplane_send(struct zl_control *c, const void *packet)
{
	struct zl_dataplane *d = c->dataplane;
	size_t length = ((const struct zl_ipc_header *)packet)->length;

	if (d->phase <= HELLO || d->broken)
		return;
	if (!d->out.first) {
		int err = zl_ipc_send(d->watch.fd, packet, length, -1);
		if (err == 0)
			return;
		if (err != -EAGAIN) {
			connection_broken(d);
			return;
		}
		zl_loop_change(&c->loop, &d->watch, EPOLLIN | EPOLLOUT);
	}
	if (!queue_add(&d->out, packet, length))
		connection_broken(d);
}

static void send_waiting(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;

	while (d->out.first) {
		int err = zl_ipc_send(d->watch.fd, d->out.first->bytes, d->out.first->length, -1);
		if (err == -EAGAIN)
			return;
		if (err) {
			connection_broken(d);
			return;
		}
		queue_drop_first(&d->out);
	}
	zl_loop_change(&c->loop, &d->watch, EPOLLIN);
}

size_t zl_dataplane_queued(const struct zl_control *c)
{
	return c->dataplane->out.bytes;
}

void zl_dataplane_request(struct zl_control *c, enum zl_ipc_type type, const void *body,
			  zl_result_fn *done, uint64_t argument)
{
	struct zl_dataplane *d = c->dataplane;
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	struct request *r = malloc(sizeof(*r));

	if (!r) {
		connection_broken(d);
		return;
	}
	*r = (struct request){.seq = ++d->seq, .done = done, .argument = argument};
	*d->last_request = r;
	d->last_request = &r->next;
	memcpy(zl_ipc_begin(packet, type, r->seq), body, zl_ipc_size((uint16_t)type));
	zl_dataplane_send(c, packet);
}

void zl_dataplane_match(struct zl_control *c, unsigned core, uint32_t socket, uint64_t target,
			const uint8_t *prefix, unsigned bytes, bool add)
{
	struct batch *b = &c->dataplane->match[core];
	struct zl_ipc_header *h = (void *)b->packet;
	struct zl_ipc_match *m = zl_ipc_body(h);
	struct zl_ipc_match_prefix r = {.target = target, .len = (uint16_t)bytes, .op = add};

	if (b->open && (m->socket != socket || h->length + sizeof(r) + bytes > ZL_IPC_PACKET_MAX)) {
		zl_dataplane_send(c, h);
		b->open = false;
	}
	if (!b->open) {
		zl_ipc_begin(h, ZL_IPC_MATCH, 0);
		m->core = core;
		m->socket = socket;
		b->open = true;
	}
	uint8_t *to = (uint8_t *)h + h->length;
	memcpy(to, &r, sizeof(r));
	if (bytes > 0)
		memcpy(to + sizeof(r), prefix, bytes);
	h->length += (uint32_t)(sizeof(r) + bytes);
	m->bytes += (uint32_t)(sizeof(r) + bytes);
	m->count++;
	c->counters[ZL_COUNT_match_records]++;
}

/* After the MATCHes that came of them. */
static void acknowledge_subs(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;
	uint64_t packet[(sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_subs_ack)) / 8];
	struct zl_ipc_subs_ack *m = zl_ipc_begin(packet, ZL_IPC_SUBS_ACK, 0);

	m->count = d->subs_acked = d->subs_handled;
	zl_dataplane_send(c, packet);
}

void zl_dataplane_flush_matches(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;

	for (unsigned core = 0; core < ZL_CORES_MAX; core++)
		if (d->match[core].open) {
			d->match[core].open = false;
			zl_dataplane_send(c, d->match[core].packet);
		}
}

void zl_dataplane_flush(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;

	zl_dataplane_flush_matches(c);
	if (d->subs_acked != d->subs_handled)
		acknowledge_subs(c);
	if (d->broken)
		disconnect(c, "the connection broke");
}

/* --- receiving --- */

void connection_event(struct zl_control *c, void *packet)
{
	zl_stream_event(c, packet);
	if (((struct zl_ipc_header *)packet)->type == ZL_IPC_STREAM_SUBS)
		c->dataplane->subs_handled++;
}

/* Only the first one of a connection: what all goes by, the number of cores above all, stays. */
static void hello(struct zl_control *c, const struct zl_ipc_hello *m)
{
	struct zl_dataplane *d = c->dataplane;

	if (d->phase != HELLO)
		return;
	d->hello = *m;
	if (m->set_up)
		attach_take_over(c);
	else
		attach_set_up(c);
}

static void result(struct zl_control *c, uint64_t seq, const struct zl_ipc_result *m)
{
	struct zl_dataplane *d = c->dataplane;

	for (struct request **at = &d->requests; *at; at = &(*at)->next) {
		struct request *r = *at;
		if (r->seq != seq)
			continue;
		*at = r->next;
		if (!r->next)
			d->last_request = at;
		if (r->done)
			r->done(c, m, r->argument);
		free(r);
		return;
	}
	zl_log(ZL_WARN, "the dataplane answered a request that was not made");
}

static void take_stats(struct zl_dataplane *d, int fd)
{
	const struct zl_stats_header *stats = zl_stats_map(fd);

	close(fd);
	if (!stats) {
		zl_log(ZL_WARN, "the dataplane's counters are not readable; it may be of another "
				"version");
		return;
	}
	zl_stats_unmap(d->stats);
	d->stats = stats;
}

static void handle(struct zl_control *c, void *packet, size_t length)
{
	struct zl_dataplane *d = c->dataplane;
	struct zl_ipc_header *h = packet;

	if (h->type == ZL_IPC_HELLO) {
		hello(c, zl_ipc_body(packet));
	} else if (h->type == ZL_IPC_RESULT) {
		result(c, h->seq, zl_ipc_body(packet));
	} else if (d->phase == DUMPING) {
		if (!queue_add(&d->held, packet, length))
			connection_broken(d);
	} else if (d->phase == RUNNING && !is_state(h->type)) {
		connection_event(c, packet);
	}
}

static void ready(struct zl_watch *watch, uint32_t events)
{
	struct zl_control *c = watch->context;
	struct zl_dataplane *d = c->dataplane;
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	int fd;

	if (events & EPOLLOUT)
		send_waiting(c);
	for (int i = 0; i < READ_BURST && !d->broken && !c->loop.stop; i++) {
		long n = zl_ipc_recv(watch->fd, packet, &fd);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			disconnect(c, n == 0          ? "it closed the connection"
				      : n == -EBADMSG ? "it sent a malformed packet"
						      : strerror((int)-n));
			return;
		}
		if (fd >= 0)
			take_stats(d, fd);
		handle(c, packet, (size_t)n);
	}
}

/* --- connecting --- */

static void fail_requests(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;
	struct zl_ipc_result gone = {.error = -ENOTCONN};

	strcpy(gone.text, "the dataplane went away; try again when it is back");
	while (d->requests) {
		struct request *r = d->requests;
		d->requests = r->next;
		if (r->done)
			r->done(c, &gone, r->argument);
		free(r);
	}
	d->last_request = &d->requests;
}

static void drop_connection(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;

	if (d->watch.fd >= 0) {
		zl_loop_remove(&c->loop, &d->watch);
		close(d->watch.fd);
	}
	d->watch.fd = -1;
	d->phase = DOWN;
	fail_requests(c);
	queue_clear(&d->out);
	queue_clear(&d->held);
	for (unsigned core = 0; core < ZL_CORES_MAX; core++)
		d->match[core].open = false;
	zl_streams_free(c);
	zl_subscribe_stop(c);
	zl_objects_forget(c);
	zl_stats_unmap(d->stats);
	d->stats = NULL;
	d->broken = d->took_over = false;
	d->subs_handled = d->subs_acked = 0;
}

static void disconnect(struct zl_control *c, const char *why)
{
	struct zl_dataplane *d = c->dataplane;

	if (!c->loop.stop && d->phase > HELLO && !d->refused)
		zl_log(ZL_WARN, "lost the dataplane: %s; waiting for it", why);
	drop_connection(c);
	zl_timer_set(&c->loop, &d->retry, d->refused ? REFUSED_MS : RETRY_MS);
	d->refused = false;
}

static void try_connect(struct zl_timer *timer)
{
	struct zl_control *c = timer->context;
	struct zl_dataplane *d = c->dataplane;
	int fd = zl_ipc_connect(c->config.run_dir);

	if (fd < 0) {
		if (!d->said_waiting)
			zl_log(ZL_INFO,
			       "waiting for the dataplane at %s/%s: %s; start zeroline-dataplane",
			       c->config.run_dir, ZL_IPC_SOCKET, strerror(-fd));
		d->said_waiting = true;
		zl_timer_set(&c->loop, timer, RETRY_MS);
		return;
	}
	d->watch.fd = fd;
	d->phase = HELLO;
	if (zl_loop_add(&c->loop, &d->watch, EPOLLIN) < 0) {
		close(fd);
		d->watch.fd = -1;
		d->phase = DOWN;
		zl_timer_set(&c->loop, timer, RETRY_MS);
	}
}

int zl_dataplane_start(struct zl_control *c)
{
	struct zl_dataplane *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	c->dataplane = d;
	d->control = c;
	d->watch = (struct zl_watch){.fd = -1, .ready = ready, .context = c};
	d->retry = (struct zl_timer){.fire = try_connect, .context = c};
	d->last_request = &d->requests;
	queue_init(&d->out);
	queue_init(&d->held);
	try_connect(&d->retry);
	return 0;
}

void zl_dataplane_free(struct zl_control *c)
{
	if (!c->dataplane)
		return;
	drop_connection(c);
	zl_timer_stop(&c->loop, &c->dataplane->retry);
	free(c->dataplane);
	c->dataplane = NULL;
}

bool zl_dataplane_attached(const struct zl_control *c)
{
	return c->dataplane->phase == RUNNING;
}

bool zl_dataplane_took_over(const struct zl_control *c)
{
	return c->dataplane->took_over;
}

const struct zl_ipc_hello *zl_dataplane_hello(const struct zl_control *c)
{
	return &c->dataplane->hello;
}

const struct zl_stats_header *zl_dataplane_stats(const struct zl_control *c)
{
	return c->dataplane->stats;
}

uint64_t zl_dataplane_attached_ns(const struct zl_control *c)
{
	return c->dataplane->attached_ns;
}
