/* Peers by name (named.h). */
#include "dataplane/router/named.h"

#include <errno.h>
#include <stdlib.h>

enum {
	RUN = 256 /* parts that are received at once, labels included */
};

int zl_named_open(struct zl_socket *s)
{
	struct zl_named *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->label = calloc(s->pipes_max, sizeof(*d->label));
	d->skips = calloc(s->pipes_max, sizeof(*d->skips));
	if (!d->label || !d->skips) {
		free(d->label);
		free(d->skips);
		free(d);
		return -ENOMEM;
	}
	zl_names_open(&d->names);
	s->state = d;
	return 0;
}

void zl_named_close(struct zl_socket *s)
{
	struct zl_named *d = s->state;

	zl_notices_close(&d->notices);
	zl_names_close(&d->names);
	free(d->label);
	free(d->skips);
	free(d);
	s->state = NULL;
}

/* --- pipes come and go --- */

static void drop_label(struct zl_named *d, const struct zl_pipe *p)
{
	struct zl_msg *label = &d->label[p->slot];

	if (label->buf)
		zl_buf_unref(label->buf, 1);
	*label = (struct zl_msg){0};
}

static void close_peer(struct zl_socket *s, struct zl_pipe *p, const char *reason)
{
	if (s->ops->misbehaved)
		s->ops->misbehaved(s->ctx, p, reason);
}

static bool make_label(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;
	struct zl_msg label = {.len = p->routing_id_len, .flags = ZL_MSG_MORE};

	label.buf = s->ops->buffer(s->ctx, p->routing_id, label.len, &label.data);
	d->label[p->slot] = label;
	return label.buf != NULL;
}

/* Whoever has p's name loses it. */
static void take_name(struct zl_named *d, const struct zl_pipe *p, const struct zl_pipe *old)
{
	zl_names_remove(&d->names, old, p->routing_id, p->routing_id_len);
	drop_label(d, old);
}

bool zl_named_add(struct zl_socket *s, struct zl_pipe *p, bool handover)
{
	struct zl_named *d = s->state;
	struct zl_pipe *old = NULL;
	int error;

	d->skips[p->slot] = false;
	old = zl_names_find(&d->names, p->routing_id, p->routing_id_len);
	if (old && !handover) {
		s->counter[ZL_ROUTER_names_refused]++;
		close_peer(s, p, "duplicate_routing_id");
		return false;
	}
	if (old)
		take_name(d, p, old);
	error = make_label(s, p) ? zl_names_add(&d->names, p) : -ENOMEM;
	if (error) {
		drop_label(d, p);
		close_peer(s, p, "no_memory");
	}
	if (old)
		close_peer(s, old, "handover");
	return error == 0;
}

void zl_named_note(struct zl_socket *s, const struct zl_pipe *p, const uint8_t *bytes, size_t len)
{
	struct zl_named *d = s->state;

	if (d->label[p->slot].buf)
		zl_notices_add(s, &d->notices, &d->label[p->slot], bytes, len);
}

void zl_named_dismiss(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	if (d->label[p->slot].buf)
		zl_names_remove(&d->names, p, p->routing_id, p->routing_id_len);
	drop_label(d, p);
}

void zl_named_remove(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	zl_outbox_forget(s, &d->outbox, p);
	zl_inbox_forget(s, &d->inbox, p);
	zl_named_dismiss(s, p);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

void zl_named_broken(struct zl_socket *s)
{
	struct zl_named *d = s->state;

	zl_outbox_broken(s, &d->outbox);
}

void zl_named_released(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	(void)p;
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

/* Whom they are for may have come, or have room, without anything that is seen from here. */
void zl_named_turn(struct zl_socket *s)
{
	struct zl_named *d = s->state;

	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

/* --- up --- */

/* As label_run, of so few parts that all have room. */
static unsigned label_all(struct zl_msg *out, const struct zl_msg *label, bool mid,
			  const struct zl_msg *msgs, unsigned n)
{
	unsigned o = 0;

	for (unsigned k = 0; k < n; k++) {
		out[o] = *label; /* or the part, in its place */
		o += !mid;
		out[o++] = msgs[k];
		mid = msgs[k].flags & ZL_MSG_MORE;
	}
	return o;
}

/* A run of labelled messages from the front of msgs: whole ones, or the beginning of one that is
 * longer than the run, or the rest of one (mid). How many of msgs are in it. */
static unsigned label_run(struct zl_msg *out, unsigned *out_n, const struct zl_msg *label, bool mid,
			  const struct zl_msg *msgs, unsigned n)
{
	unsigned whole = 0, whole_out = 0, k = 0, o = 0;

	if (n <= RUN / 2) {
		*out_n = label_all(out, label, mid, msgs, n);
		return n;
	}
	while (k < n && o + 2 <= RUN) {
		if (!mid)
			out[o++] = *label;
		out[o++] = msgs[k];
		mid = msgs[k++].flags & ZL_MSG_MORE;
		if (!mid) {
			whole = k;
			whole_out = o;
		}
	}
	if (k < n && whole) {
		k = whole;
		o = whole_out;
	}
	*out_n = o;
	return k;
}

/* So many parts with labels are so many without. */
static unsigned without_labels(const struct zl_msg *msgs, bool mid, unsigned taken)
{
	unsigned k = 0;

	for (unsigned o = 0; o < taken; o++) {
		if (!mid && ++o == taken)
			break;
		mid = msgs[k++].flags & ZL_MSG_MORE;
	}
	return k;
}

unsigned zl_named_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			unsigned n)
{
	struct zl_named *d = s->state;
	const struct zl_msg *label = &d->label[p->slot];
	struct zl_msg out[RUN];
	unsigned done = 0;

	zl_notices_hand_up(s, &d->notices, &d->inbox);
	if (n == 0 || !zl_inbox_turn_of(s, &d->inbox, p))
		return 0;
	if (!label->buf) {
		s->counter[ZL_ROUTER_dropped_nameless] += n;
		return n;
	}
	while (done < n) {
		bool mid = d->inbox.mid == p;
		unsigned out_n, run = label_run(out, &out_n, label, mid, msgs + done, n - done);
		unsigned taken = s->ops->receive(s->ctx, out, out_n);

		taken = taken == out_n ? run : without_labels(msgs + done, mid, taken);
		zl_inbox_took(s, &d->inbox, p, msgs + done, taken, run);
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

/* --- down --- */

/* Is it the pipe that the message before was for? Messages for one often follow each other. */
static bool is_last(const struct zl_named *d, const struct zl_msg *name)
{
	const struct zl_pipe *last = d->outbox.to;

	return last && last->kind == ZL_PIPE_PEER && last->routing_id_len == name->len &&
	       d->label[last->slot].buf && zl_name_same(last->routing_id, name->data, name->len);
}

/* The pipe that this part names, or NULL. */
static struct zl_pipe *find(const struct zl_named *d, const struct zl_msg *name)
{
	uint8_t gathered[ZL_NAME_BYTES];

	if (name->len > ZL_NAME_BYTES)
		return NULL;
	if (!(name->flags & ZL_MSG_CHAIN) && is_last(d, name))
		return d->outbox.to;
	if (!(name->flags & ZL_MSG_CHAIN))
		return zl_names_find(&d->names, name->data, name->len);
	zl_msg_peek(name, gathered, name->len);
	return zl_names_find(&d->names, gathered, name->len);
}

int zl_named_choose(struct zl_socket *s, const struct zl_msg *name, bool strict)
{
	struct zl_named *d = s->state;
	struct zl_pipe *to = find(d, name);

	if (!(name->flags & ZL_MSG_MORE)) {
		s->counter[ZL_ROUTER_dropped_malformed]++;
		return 1;
	}
	if (!to) {
		if (strict)
			return -EHOSTUNREACH;
		s->counter[ZL_ROUTER_dropped_unroutable]++;
	} else if (!zl_socket_has_room(s, to)) {
		/* Without a HWM nothing is dropped: memory is short, and whoever sends waits. */
		if (strict || to->hwm_msgs == 0) {
			s->counter[ZL_ROUTER_stalls_send]++;
			return 0;
		}
		to->msgs_dropped++;
		s->counter[ZL_ROUTER_dropped_hwm]++;
		to = NULL;
	}
	zl_outbox_begin(s, &d->outbox, to);
	return 1;
}

int zl_named_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool strict)
{
	struct zl_named *d = s->state;
	struct zl_outbox *o = &d->outbox;
	int chosen = 1;
	unsigned i = 0;

	while (i < n) {
		if (o->mid) {
			i += zl_outbox_parts(s, o, msgs + i, n - i);
			continue;
		}
		chosen = zl_named_choose(s, &msgs[i], strict);
		if (chosen <= 0)
			break;
		i++;
	}
	zl_outbox_flush(s, o);
	return i == 0 ? (chosen < 0 ? chosen : 0) : (int)i;
}
