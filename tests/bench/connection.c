/* A ZMTP 3.1 connection with the NULL mechanism (RFC 37): greeting, READY, and what a forwarder
 * sends to a publisher. */
#include "tests/bench/blast.h"

#include <errno.h>
#include <string.h>

#define GREETING 64

static const char *socket_type(const struct connection *c)
{
	const struct pattern *pattern = c->blast->options.pattern;

	return c->publisher ? pattern->sends : pattern->takes;
}

int connection_send(struct connection *c, const uint8_t *bytes, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->blast->machine.frames);
	struct zl_slice slice = {.head = m, .seg = m, .len = n};
	int rc = -ENOBUFS;
	char *room = m ? rte_pktmbuf_append(m, (uint16_t)n) : NULL;

	if (room) {
		memcpy(room, bytes, n);
		rc = zl_sendq_append(&c->stream->sendq, &slice);
	}
	rte_pktmbuf_free(m); /* the queue has a reference of its own */
	if (!rc)
		c->stream->ops->output(c->stream);
	return rc;
}

static int send_command(struct connection *c, const char *name, const void *data, uint8_t len)
{
	uint8_t frame[ZL_FRAME_LONG_HEADER + 256 + 16];
	size_t name_len = strlen(name);
	unsigned n = zl_frame_build(frame, ZL_FRAME_COMMAND, 1 + name_len + len);

	frame[n++] = (uint8_t)name_len;
	memcpy(frame + n, name, name_len);
	memcpy(frame + n + name_len, data, len);
	return connection_send(c, frame, (uint32_t)(n + name_len + len));
}

static void greet(struct zl_stream *s)
{
	static const uint8_t greeting[GREETING] = {0xff, 0,   [8] = 1, 0x7f, 3,
						   1,    'N', 'U',     'L',  'L'};
	struct connection *c = s->owner;

	c->state = CONN_GREETING;
	if (connection_send(c, greeting, sizeof(greeting)))
		blast_fail(c->blast, "no buffer for a greeting");
}

static void greeting_in(struct connection *c)
{
	static const char metadata[] = "\x0bSocket-Type\0\0\0";
	const char *type = socket_type(c);
	uint8_t ready[32], n = sizeof(metadata) - 1, len = (uint8_t)strlen(type);

	if (c->gathered[0] != 0xff || c->gathered[9] != 0x7f || c->gathered[10] < 3 ||
	    memcmp(c->gathered + 12, "NULL", 5) != 0) {
		blast_fail(c->blast, "the other side speaks no ZMTP 3 with NULL security");
		return;
	}
	memcpy(ready, metadata, n);
	ready[n++] = len;
	memcpy(ready + n, type, len);
	c->state = CONN_METADATA;
	if (send_command(c, "READY", ready, n + len))
		blast_fail(c->blast, "no buffer for READY");
}

/* A frame is whole, or as much of it as is kept. */
static void frame_in(struct connection *c, const struct zl_frame *f)
{
	const uint8_t *body = c->gathered + f->header_len;
	struct zl_command command;

	if (!(f->flags & ZL_FRAME_COMMAND) || !zl_command_split(body, f->len, f->len, &command))
		return;
	if (c->state == CONN_METADATA) {
		if (zl_command_is(&command, "READY"))
			c->state = CONN_TRAFFIC;
		else
			blast_fail(c->blast, "the other side refused a handshake as %s",
				   socket_type(c));
	} else {
		publisher_command((struct publisher *)c, &command);
	}
}

/* How many bytes the thing being gathered has, as far as it can be told yet. 0: impossible. */
static uint32_t wanted(const struct connection *c, struct zl_frame *f)
{
	int header;

	if (c->state == CONN_GREETING)
		return GREETING;
	header = zl_frame_parse(c->gathered, c->have, f);
	if (header == 0)
		return c->have + 1u;
	if (header < 0 || f->len > CONN_GATHER_MAX - ZL_FRAME_LONG_HEADER)
		return 0;
	return (uint32_t)header + (uint32_t)f->len;
}

/* What publishers hear a million times: whole SUBSCRIBE commands of no mark. How many bytes. */
static uint32_t skip_prefixes(struct publisher *p, const uint8_t *bytes, uint32_t n)
{
	static const char name[] = "\x09SUBSCRIBE";
	const uint32_t data_at = ZL_FRAME_SHORT_HEADER + sizeof(name) - 1;
	uint32_t done = 0;

	while (n - done > data_at) {
		const uint8_t *f = bytes + done;
		uint32_t len = ZL_FRAME_SHORT_HEADER + f[1];

		if (f[0] != ZL_FRAME_COMMAND || len <= data_at || len > n - done ||
		    f[data_at] == '@' || memcmp(f + 2, name, sizeof(name) - 1) != 0)
			break;
		done += len;
		p->told++;
	}
	return done;
}

/* Nothing but commands, or a greeting? */
static bool hears_commands(const struct connection *c)
{
	return c->state != CONN_TRAFFIC || (c->publisher && !c->blast->options.pattern->replies);
}

/* Handshake of both, and commands to a publisher. How many bytes were taken. */
static uint32_t gather(struct connection *c, const uint8_t *bytes, uint32_t n)
{
	uint32_t done = 0;

	while (!c->blast->failure[0] && hears_commands(c)) {
		struct zl_frame f;
		uint32_t want, more;

		if (c->state == CONN_TRAFFIC && !c->have)
			done += skip_prefixes((struct publisher *)c, bytes + done, n - done);
		want = wanted(c, &f);
		if (!want) {
			blast_fail(c->blast, "a frame came that makes no sense here");
			break;
		}
		more = RTE_MIN(want - c->have, n - done);
		if (more) {
			memcpy(c->gathered + c->have, bytes + done, more);
			c->have = (uint16_t)(c->have + more);
			done += more;
			continue;
		}
		if (c->have < want)
			break;
		c->have = 0;
		if (c->state == CONN_GREETING)
			greeting_in(c);
		else
			frame_in(c, &f);
	}
	return done;
}

/* Messages, from a byte of the buffer on. */
static void messages_in(struct connection *c, struct rte_mbuf *m, uint32_t from)
{
	struct subscriber *s = c->publisher ? &c->blast->replies[c->id] : (struct subscriber *)c;

	if (c->blast->options.pattern->replies && !c->publisher)
		replier_input(s, m, from);
	else
		subscriber_input(s, rte_pktmbuf_mtod_offset(m, const uint8_t *, from),
				 m->data_len - from);
}

static void readable(struct zl_stream *s)
{
	struct connection *c = s->owner;
	struct rte_mbuf *m;

	while ((m = s->ops->take(s))) {
		const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t n = m->data_len, done = 0;

		if (hears_commands(c))
			done = gather(c, bytes, n);
		if (done < n && !hears_commands(c))
			messages_in(c, m, done);
		rte_pktmbuf_free(m);
		if (c->publisher || !lag_holds((struct subscriber *)c, n))
			s->ops->consumed(s, n);
	}
}

static void released(struct zl_stream *s, uint32_t bytes, uint32_t msgs)
{
	(void)s;
	(void)bytes;
	(void)msgs;
}

static void closed(struct zl_stream *s, const char *reason)
{
	struct connection *c = s->owner;

	c->state = CONN_CLOSED;
	if (c->blast->phase != PHASE_DONE)
		blast_fail(c->blast, "a %s's connection ended: %s", socket_type(c), reason);
}

static const struct zl_stream_events events = {
	.established = greet, .readable = readable, .released = released, .closed = closed};

int connection_open(struct connection *c, struct blast *b, bool publisher, uint32_t id)
{
	const struct zl_endpoint_addr *to = publisher ? &b->options.publish_to
						      : &b->options.subscribe_to;

	c->blast = b;
	c->publisher = publisher;
	c->id = id;
	if (!publisher)
		ask_begin((struct subscriber *)c);
	return zl_tcp_connect(b->machine.net, to, &events, c, &c->stream, b->machine.now_ns);
}
