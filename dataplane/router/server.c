/* SERVER (RFC 41) and PEER (RFC 51): messages of one part, to and from peers by 4-byte routing ids.
 * The id is a part before the body here, and never on the wire. Sending is strict: -EHOSTUNREACH
 * for a peer that has gone, and a full one's message is not taken. */
#include "dataplane/router/fan.h" /* zl_fan_rest */
#include "dataplane/router/greet.h"
#include "dataplane/router/named.h"
#include "dataplane/router/patterns.h"

#include <errno.h>

static void server_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	if (!zl_named_add(s, p, false))
		return;
	zl_greet(s, p, false);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

static void last_words(struct zl_socket *s, const struct zl_pipe *p,
		       const struct zl_option_bytes *last)
{
	if (last->len)
		zl_named_note(s, p, last->data, last->len);
}

static void server_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	if (!p->dialled)
		last_words(s, p, &s->options->disconnect_msg);
	zl_named_remove(s, p);
}

static void peer_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	last_words(s, p, p->dialled ? &s->options->hiccup_msg : &s->options->disconnect_msg);
	zl_named_remove(s, p);
}

/* Messages of one part at the front. */
static unsigned single_parts(const struct zl_msg *msgs, unsigned n)
{
	unsigned k = 0;

	while (k < n && !(msgs[k].flags & ZL_MSG_MORE))
		k++;
	return k;
}

/* A message of several parts, or what of it is here, is dropped (RFC 41). */
static unsigned pass_over(struct zl_socket *s, struct zl_named *d, const struct zl_pipe *p,
			  const struct zl_msg *msgs, unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);

	s->counter[ZL_ROUTER_dropped_multipart] += !d->skips[p->slot];
	d->skips[p->slot] = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

static unsigned server_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			     unsigned n)
{
	struct zl_named *d = s->state;
	unsigned done = 0;

	if (n == 0)
		return zl_named_input(s, p, msgs, n);
	while (done < n) {
		unsigned run = d->skips[p->slot] ? 0 : single_parts(msgs + done, n - done);
		unsigned taken = run ? zl_named_input(s, p, msgs + done, run) : 0;

		done += taken;
		if (taken < run)
			break;
		if (run == 0)
			done += pass_over(s, d, p, msgs + done, n - done);
	}
	return done;
}

/* Whole messages of a routing id and one part at the front, or the beginning of one that ends the
 * call. */
static unsigned well_formed(const struct zl_msg *msgs, unsigned n)
{
	unsigned k = 0;

	while (k < n && (msgs[k].flags & ZL_MSG_MORE)) {
		if (k + 1 < n && (msgs[k + 1].flags & ZL_MSG_MORE))
			break;
		k += 2;
	}
	return k < n ? k : n;
}

static int server_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	const struct zl_named *d = s->state;
	unsigned rest = d->outbox.mid && n ? 1 : 0, good;

	(void)local;
	if (n == 0)
		return 0;
	if (rest && (msgs[0].flags & ZL_MSG_MORE))
		return -EINVAL;
	good = rest + well_formed(msgs + rest, n - rest);
	return good ? zl_named_send(s, msgs, good, true) : -EINVAL;
}

const struct zl_pattern zl_server_pattern = {
	.type = ZL_SERVER,
	.peers = 1u << ZL_CLIENT,
	.labels = true,
	.open = zl_named_open,
	.close = zl_named_close,
	.pipe_added = server_pipe_added,
	.pipe_removed = server_pipe_removed,
	.input = server_input,
	.send = server_send,
	.broken = zl_named_broken,
	.released = zl_named_released,
	.subscribe = zl_never_subscribes,
	.turn = zl_named_turn,
};

const struct zl_pattern zl_peer_pattern = {
	.type = ZL_PEER,
	.peers = 1u << ZL_PEER,
	.labels = true,
	.open = zl_named_open,
	.close = zl_named_close,
	.pipe_added = server_pipe_added,
	.pipe_removed = peer_pipe_removed,
	.input = server_input,
	.send = server_send,
	.broken = zl_named_broken,
	.released = zl_named_released,
	.subscribe = zl_never_subscribes,
	.turn = zl_named_turn,
};
