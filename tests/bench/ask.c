/* What subscribers ask for: every topic, or the prefixes that were dealt to them, many SUBSCRIBE
 * commands (RFC 37) to a buffer; then a mark of their own, by which publishers know that all the
 * rest went before. */
#include "tests/bench/blast.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PACK        1920
#define COMMAND_MAX (ZL_FRAME_LONG_HEADER + sizeof(subscribe) - 1 + PREFIX_MAX)

static const char subscribe[] = "\x09SUBSCRIBE";

uint8_t subscriber_mark(char mark[32], uint32_t id)
{
	return (uint8_t)snprintf(mark, 32, "@%d/%u", getpid(), id);
}

/* Prefixes i, i + step, ... that are this subscriber's in its k-th turn. */
static uint32_t first_of(const struct subscriber *s, uint32_t k)
{
	uint32_t n = s->conn.blast->options.subscribers;

	return (s->conn.id + n - k) % n;
}

void ask_begin(struct subscriber *s)
{
	const struct options *o = &s->conn.blast->options;
	struct asking *a = &s->asking;

	*a = (struct asking){.step = 1, .wants = o->topics};
	if (s->conn.id == o->subscribers) {
		a->wants = o->during;
		a->set = &o->during_prefixes;
	} else if (o->subscriptions) {
		a->wants = 0;
		a->set = &o->prefixes;
		a->step = o->subscribers;
		a->i = first_of(s, 0);
		for (uint32_t k = 0; k < o->matches; k++)
			a->wants += (o->subscriptions + a->step - 1 - first_of(s, k)) / a->step;
	}
}

bool ask_done(const struct subscriber *s)
{
	return s->asking.n > s->asking.wants;
}

/* The next thing to ask for. Its length. */
static uint8_t next(struct subscriber *s, uint8_t out[PREFIX_MAX])
{
	struct asking *a = &s->asking;
	uint8_t len;

	if (a->n++ == a->wants)
		return subscriber_mark((char *)out, s->conn.id);
	if (!a->set) {
		topic_name(a->n - 1, (char *)out);
		return 4;
	}
	while (a->step > 1 && a->i >= s->conn.blast->options.subscriptions)
		a->i = first_of(s, ++a->k);
	len = prefix_write(a->set, a->i, out);
	a->i += a->step;
	return len;
}

static uint32_t command(struct subscriber *s, uint8_t *out)
{
	uint8_t prefix[PREFIX_MAX];
	uint8_t len = next(s, prefix);
	unsigned n = zl_frame_build(out, ZL_FRAME_COMMAND, sizeof(subscribe) - 1 + len);

	memcpy(out + n, subscribe, sizeof(subscribe) - 1);
	memcpy(out + n + sizeof(subscribe) - 1, prefix, len);
	return n + (uint32_t)sizeof(subscribe) - 1 + len;
}

void ask(struct subscriber *s, uint32_t queued, uint32_t buffers)
{
	if (s->conn.state != CONN_TRAFFIC)
		return;
	while (buffers-- && !ask_done(s) && s->conn.stream->sendq.bytes < queued) {
		struct asking before = s->asking;
		uint8_t pack[PACK];
		uint32_t n = 0;

		while (!ask_done(s) && n + COMMAND_MAX <= sizeof(pack))
			n += command(s, pack + n);
		if (connection_send(&s->conn, pack, n)) {
			s->asking = before;
			return;
		}
	}
}
