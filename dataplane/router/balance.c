/* One peer of many, in turn (balance.h). A run that goes to one pipe is written as it is; one that
 * goes to several is laid out by pipe first, so that each is written once and keeps its order. Room
 * is looked at once for a run if that is enough, else before each message. */
#include "dataplane/router/balance.h"
#include "dataplane/router/fan.h" /* zl_fan_rest */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

int zl_balance_open(struct zl_balance *b, uint32_t pipes_max)
{
	uint32_t shares = pipes_max < ZL_BALANCE_RUN ? pipes_max : ZL_BALANCE_RUN;

	*b = (struct zl_balance){0};
	b->turn = calloc(pipes_max, sizeof(struct zl_pipe *));
	b->place = malloc(pipes_max * sizeof(*b->place));
	b->share_of = malloc(pipes_max * sizeof(*b->share_of));
	b->share = calloc(shares, sizeof(*b->share));
	b->owner = calloc(ZL_BALANCE_RUN, sizeof(*b->owner));
	b->start = calloc(ZL_BALANCE_RUN + 1, sizeof(*b->start));
	b->dealt = calloc(ZL_BALANCE_RUN, sizeof(*b->dealt));
	if (!b->turn || !b->place || !b->share_of || !b->share || !b->owner || !b->start ||
	    !b->dealt) {
		zl_balance_close(b);
		return -ENOMEM;
	}
	memset(b->place, 0xff, pipes_max * sizeof(*b->place));
	memset(b->share_of, 0xff, pipes_max * sizeof(*b->share_of));
	return 0;
}

void zl_balance_close(struct zl_balance *b)
{
	free(b->turn);
	free(b->place);
	free(b->share_of);
	free(b->share);
	free(b->owner);
	free(b->start);
	free(b->dealt);
	*b = (struct zl_balance){0};
}

static inline void account(struct zl_pipe *p, uint32_t messages, uint32_t parts, uint64_t bytes)
{
	p->queued_msgs += messages;
	p->queued_bytes += bytes;
	p->msgs_out += parts;
	p->bytes_out += bytes;
}

static void swap(struct zl_balance *b, uint32_t i, uint32_t k)
{
	struct zl_pipe *p = b->turn[i];

	b->turn[i] = b->turn[k];
	b->turn[k] = p;
	b->place[b->turn[i]->slot] = i;
	b->place[b->turn[k]->slot] = k;
}

/* The pipe whose turn it is is full. */
static void retire(struct zl_balance *b)
{
	b->n--;
	swap(b, b->next, b->n);
	if (b->next == b->n)
		b->next = 0;
}

static void revive(struct zl_balance *b, const struct zl_pipe *p)
{
	if (b->place[p->slot] != NONE && b->place[p->slot] >= b->n) {
		swap(b, b->place[p->slot], b->n);
		b->n++;
	}
}

void zl_balance_add(struct zl_balance *b, struct zl_pipe *p)
{
	b->place[p->slot] = b->all;
	b->turn[b->all++] = p;
	revive(b, p);
}

void zl_balance_released(const struct zl_socket *s, struct zl_balance *b, struct zl_pipe *p)
{
	if (zl_socket_has_room(s, p))
		revive(b, p);
}

void zl_balance_forget(struct zl_socket *s, struct zl_balance *b, const struct zl_pipe *p)
{
	uint32_t at = b->place[p->slot];

	if (at == NONE)
		return;
	if (b->mid == p) {
		b->mid = NULL;
		b->passing = true;
		s->counter[ZL_ROUTER_broken_messages]++;
	}
	if (at < b->n) {
		swap(b, at, --b->n);
		at = b->n;
		if (b->next == b->n)
			b->next = 0;
	}
	swap(b, at, --b->all);
	b->place[p->slot] = NONE;
	if (b->share_of[p->slot] != NONE) /* it ended by a write of the run at hand */
		b->share[b->share_of[p->slot]].pipe = NULL;
	b->share_of[p->slot] = NONE;
}

void zl_balance_broken(struct zl_socket *s, struct zl_balance *b)
{
	if (!b->mid && !b->passing)
		return;
	if (b->mid) {
		s->counter[ZL_ROUTER_broken_messages]++;
		if (s->ops->broken)
			s->ops->broken(s->ctx, b->mid);
	}
	b->mid = NULL;
	b->passing = false;
}

/* The next pipe with room, or NULL. It stays its turn. */
static struct zl_pipe *whose_turn(const struct zl_socket *s, struct zl_balance *b)
{
	while (b->n) {
		if (zl_socket_has_room(s, b->turn[b->next]))
			return b->turn[b->next];
		retire(b);
	}
	return NULL;
}

bool zl_balance_can_send(const struct zl_socket *s, const struct zl_balance *b)
{
	if (b->mid || b->passing)
		return true;
	for (uint32_t i = 0; i < b->n; i++)
		if (zl_socket_has_room(s, b->turn[i]))
			return true;
	return false;
}

static inline void write_one(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			     unsigned n)
{
	s->counter[ZL_ROUTER_deliveries] += n;
	s->ops->write(s->ctx, &p, 1, msgs, n);
}

/* The rest of a message that was begun in an earlier call; its length here. */
static unsigned go_on(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
		      unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);
	bool open = msgs[rest - 1].flags & ZL_MSG_MORE;
	uint64_t bytes = 0;

	if (b->mid) {
		for (unsigned i = 0; i < rest; i++)
			bytes += msgs[i].len;
		account(b->mid, 0, rest, bytes);
		write_one(s, b->mid, msgs, rest);
	}
	if (!open) {
		b->mid = NULL;
		b->passing = false;
	}
	return rest;
}

/* The messages of a run, whole or begun: where each begins, and how many bytes all of them have. */
static unsigned survey(struct zl_balance *b, const struct zl_msg *msgs, unsigned n, uint64_t *bytes)
{
	unsigned messages = 0;
	bool first = true;
	uint64_t all = 0;

	for (unsigned i = 0; i < n; i++) {
		b->start[messages] = (uint16_t)i;
		messages += first;
		first = !(msgs[i].flags & ZL_MSG_MORE);
		all += msgs[i].len;
	}
	b->start[messages] = (uint16_t)n;
	*bytes = all;
	return messages;
}

/* Would the pipe still have room before each of so many messages, which have so many bytes in all,
 * however these are spread over them? */
static bool fits(const struct zl_socket *s, const struct zl_pipe *p, uint32_t messages,
		 uint64_t bytes)
{
	uint64_t queued = p->queued_bytes + bytes;

	return queued <= p->sndbuf_bytes ||
	       (queued <= s->pipe_bytes_max &&
		(p->hwm_msgs == 0 || (uint64_t)p->queued_msgs + messages <= p->hwm_msgs));
}

/* The messages at the front that the pipe has room for; how many parts. */
static unsigned fill(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs, unsigned n)
{
	unsigned done = 0;

	while (done < n && zl_socket_has_room(s, p)) {
		uint64_t bytes = 0;
		unsigned from = done;

		do {
			bytes += msgs[done].len;
		} while (msgs[done++].flags & ZL_MSG_MORE && done < n);
		account(p, 1, done - from, bytes);
		s->counter[ZL_ROUTER_messages_sent]++;
	}
	return done;
}

/* Messages at the front to the only pipe with room, as many as it has room for. */
static unsigned to_one(struct zl_socket *s, struct zl_balance *b, struct zl_pipe *p,
		       const struct zl_msg *msgs, unsigned n)
{
	uint64_t bytes;
	unsigned messages = survey(b, msgs, n, &bytes), done = n;

	if (fits(s, p, messages, bytes)) {
		account(p, messages, n, bytes);
		s->counter[ZL_ROUTER_messages_sent] += messages;
	} else {
		done = fill(s, p, msgs, n);
	}
	b->mid = msgs[done - 1].flags & ZL_MSG_MORE ? p : NULL;
	write_one(s, p, msgs, done);
	return done;
}

/* The place of a pipe's share of the run at hand. */
static inline uint32_t share(struct zl_balance *b, struct zl_pipe *p, uint32_t *shares)
{
	uint32_t i = b->share_of[p->slot];

	if (i == NONE) {
		i = b->share_of[p->slot] = (*shares)++;
		b->share[i] = (struct zl_balance_share){.pipe = p};
	}
	return i;
}

/* One of every `apart` messages from `first` on, to `to`: laid out at dealt[at] as its share. How
 * many parts. */
static uint32_t lay_share(struct zl_balance *b, struct zl_pipe *to, uint32_t *shares,
			  const struct zl_msg *msgs, unsigned messages, unsigned first,
			  unsigned apart, uint32_t at)
{
	struct zl_balance_share *mine = &b->share[share(b, to, shares)];
	struct zl_msg *out = b->dealt + at;
	uint32_t taken = 0;
	uint64_t bytes = 0;

	for (unsigned m = first; m < messages; m += apart, taken++)
		for (unsigned i = b->start[m]; i < b->start[m + 1]; i++) {
			bytes += msgs[i].len;
			*out++ = msgs[i];
		}
	mine->first = at;
	mine->parts = (uint32_t)(out - b->dealt) - at;
	account(to, taken, mine->parts, bytes);
	return mine->parts;
}

/* Where whoever has room has enough for his part of a run of whole messages, they are dealt out
 * round by round, pipe by pipe, with no further look at each. False: not so. */
static bool deal_evenly(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
			unsigned n, uint32_t *shares)
{
	unsigned messages, pipes;
	uint32_t at = 0;
	uint64_t bytes;

	if (msgs[n - 1].flags & ZL_MSG_MORE)
		return false;
	messages = survey(b, msgs, n, &bytes);
	pipes = messages < b->n ? messages : b->n;
	if (pipes < 2)
		return false;
	for (unsigned i = 0; i < pipes; i++)
		if (!fits(s, b->turn[(b->next + i) % b->n], (messages + pipes - 1) / pipes, bytes))
			return false;
	for (unsigned i = 0; i < pipes; i++)
		at += lay_share(b, b->turn[(b->next + i) % b->n], shares, msgs, messages, i, pipes,
				at);
	b->next = (b->next + messages) % b->n;
	s->counter[ZL_ROUTER_messages_sent] += messages;
	return true;
}

/* Deal messages at the front out to pipes, by index; how many parts. */
static unsigned deal(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
		     unsigned n, uint32_t *shares)
{
	uint64_t messages = 0;
	unsigned done = 0;
	struct zl_pipe *p;

	while (done < n && (p = whose_turn(s, b))) {
		uint32_t mine = share(b, p, shares);
		uint64_t bytes = 0;
		unsigned from = done;

		do {
			bytes += msgs[done].len;
			b->owner[done] = (uint16_t)mine;
		} while (msgs[done++].flags & ZL_MSG_MORE && done < n);
		b->share[mine].parts += done - from;
		account(p, 1, done - from, bytes);
		messages++;
		if (++b->next >= b->n)
			b->next = 0;
		if (msgs[done - 1].flags & ZL_MSG_MORE)
			b->mid = p;
	}
	s->counter[ZL_ROUTER_messages_sent] += messages;
	return done;
}

/* Sort the parts by pipe, each pipe's in their order. */
static void sort_shares(struct zl_balance *b, const struct zl_msg *msgs, unsigned n,
			uint32_t shares)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < shares; i++) {
		b->share[i].first = at;
		at += b->share[i].parts;
		b->share[i].parts = 0;
	}
	for (unsigned i = 0; i < n; i++) {
		struct zl_balance_share *to = &b->share[b->owner[i]];

		b->dealt[to->first + to->parts++] = msgs[i];
	}
}

/* Each pipe once. One may go away by any of these writes. */
static void write_shares(struct zl_socket *s, struct zl_balance *b, uint32_t shares)
{
	for (uint32_t i = 0; i < shares; i++) {
		const struct zl_balance_share *to = &b->share[i];

		if (to->pipe)
			write_one(s, to->pipe, b->dealt + to->first, to->parts);
	}
	for (uint32_t i = 0; i < shares; i++)
		if (b->share[i].pipe)
			b->share_of[b->share[i].pipe->slot] = NONE;
}

/* A run to several pipes; how many parts. */
static unsigned to_several(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
			   unsigned n)
{
	uint32_t shares = 0;

	if (!deal_evenly(s, b, msgs, n, &shares)) {
		n = deal(s, b, msgs, n, &shares);
		sort_shares(b, msgs, n, shares);
	}
	write_shares(s, b, shares);
	return n;
}

int zl_balance_send(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
		    unsigned n)
{
	unsigned done = n && (b->mid || b->passing) ? go_on(s, b, msgs, n) : 0;

	while (done < n && !b->mid && !b->passing) {
		unsigned run = n - done < ZL_BALANCE_RUN ? n - done : ZL_BALANCE_RUN;
		struct zl_pipe *p = whose_turn(s, b);

		if (!p)
			break;
		done += b->n == 1 ? to_one(s, b, p, msgs + done, run)
				  : to_several(s, b, msgs + done, run);
		/* a message that is longer than a run */
		if (b->mid && done < n)
			done += go_on(s, b, msgs + done, n - done);
	}
	s->counter[ZL_ROUTER_stalls_send] += done < n;
	return (int)done;
}
