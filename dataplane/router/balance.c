/* One peer of many, in turn (balance.h). A run that goes to one pipe is written as it is; one that
 * goes to several is sorted by pipe first, so that each is written once and keeps its order. */
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
	b->dealt = calloc(ZL_BALANCE_RUN, sizeof(*b->dealt));
	if (!b->turn || !b->place || !b->share_of || !b->share || !b->owner || !b->dealt) {
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

/* Messages at the front to the only pipe with room, as many as it has room for. */
static unsigned to_one(struct zl_socket *s, struct zl_balance *b, struct zl_pipe *p,
		       const struct zl_msg *msgs, unsigned n)
{
	uint64_t messages = 0;
	unsigned done = 0;

	while (done < n && zl_socket_has_room(s, p)) {
		uint64_t bytes = 0;
		unsigned from = done;

		do {
			bytes += msgs[done].len;
		} while (msgs[done++].flags & ZL_MSG_MORE && done < n);
		account(p, 1, done - from, bytes);
		messages++;
	}
	s->counter[ZL_ROUTER_messages_sent] += messages;
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

/* Sort the parts by pipe, each pipe's in their order, and write each pipe once. */
static void write_shares(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
			 unsigned n, uint32_t shares)
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
	for (uint32_t i = 0; i < shares; i++) {
		const struct zl_balance_share *to = &b->share[i];

		if (to->pipe)
			write_one(s, to->pipe, b->dealt + to->first, to->parts);
	}
}

int zl_balance_send(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
		    unsigned n)
{
	unsigned done = n && (b->mid || b->passing) ? go_on(s, b, msgs, n) : 0;

	while (done < n && !b->mid && !b->passing) {
		unsigned run = n - done < ZL_BALANCE_RUN ? n - done : ZL_BALANCE_RUN;
		struct zl_pipe *p = whose_turn(s, b);
		uint32_t shares = 0;

		if (!p)
			break;
		if (b->n == 1) {
			done += to_one(s, b, p, msgs + done, n - done);
			continue;
		}
		/* a message that is longer than a run goes on with go_on() */
		run = deal(s, b, msgs + done, run, &shares);
		if (shares == 1)
			write_one(s, b->share[0].pipe, msgs + done, run);
		else
			write_shares(s, b, msgs + done, run, shares);
		for (uint32_t i = 0; i < shares; i++)
			if (b->share[i].pipe)
				b->share_of[b->share[i].pipe->slot] = NONE;
		done += run;
		if (b->mid && done < n)
			done += go_on(s, b, msgs + done, n - done);
	}
	s->counter[ZL_ROUTER_stalls_send] += done < n;
	return (int)done;
}
