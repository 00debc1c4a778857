/* Parcels between a peer's stream and its socket's home (crossing.h): taken apart here, by whom
 * they are about, and what is due put on the lanes. */
#include "dataplane/lcore.h"

#define RUN 64 /* parts handled at once */

static unsigned bit_of(enum zl_parcel_kind kind)
{
	return 1u << (kind - ZL_PARCEL_OPEN);
}

void zl_due_add(struct zl_lcore *c, struct zl_due *due, enum zl_parcel_kind kind)
{
	due->kinds |= (uint8_t)bit_of(kind);
	if (due->listed)
		return;
	due->listed = true;
	due->next = c->dues;
	c->dues = due;
}

/* It leaves the list when that is gone through next. */
void zl_due_cancel(struct zl_due *due)
{
	due->kinds = 0;
}

static bool parcel(struct zl_due *due, enum zl_parcel_kind kind, struct zl_parcel *v)
{
	*v = (struct zl_parcel){.peer = due->peer->index, .kind = (uint8_t)kind};
	if (kind < ZL_PARCEL_GRANT)
		return zl_away_parcel(due->peer, v);
	zl_guest_parcel(due->peer, v);
	return true;
}

/* All of it said? */
static bool say(struct zl_lcore *c, struct zl_due *due)
{
	for (enum zl_parcel_kind kind = ZL_PARCEL_OPEN; due->kinds; kind++) {
		struct zl_parcel v;

		if (!(due->kinds & bit_of(kind)))
			continue;
		due->kinds &= (uint8_t)~bit_of(kind);
		if (parcel(due, kind, &v) && !zl_lane_offer(&c->lane[due->to], &v, 1)) {
			due->kinds |= (uint8_t)bit_of(kind);
			return false;
		}
		if (kind == ZL_PARCEL_OPEN)
			due->peer->away.state = ZL_AWAY_OPEN;
		if (kind == ZL_PARCEL_LEFT)
			break; /* nothing of the peer's place is ours any more */
	}
	return true;
}

/* What is due to one core may wait while the lane to another has room. */
void zl_dues_say(struct zl_lcore *c)
{
	struct zl_due *due = c->dues;

	c->dues = NULL;
	while (due) {
		struct zl_due *next = due->next;

		due->listed = false;
		if (!say(c, due)) {
			due->listed = true;
			due->next = c->dues;
			c->dues = due;
		}
		due = next;
	}
}

/* Parts of one peer that lie together go on together, and their references are theirs who get them.
 */
static unsigned parts_in(struct zl_lcore *c, struct zl_peer *p, const struct zl_parcel *v,
			 unsigned n)
{
	struct zl_msg msgs[RUN];
	unsigned run = 0;

	for (; run < n && run < RUN && v[run].kind == v->kind && v[run].peer == v->peer; run++)
		msgs[run] = v[run].msg;
	if (v->kind == ZL_PARCEL_IN) {
		enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_router);

		zl_guest_input(c, p, msgs, run);
		zl_stage_leave(&c->stages, was);
	} else {
		zl_away_write(p, msgs, run);
	}
	return run;
}

unsigned zl_crossing_in(struct zl_lcore *c, unsigned from, const struct zl_parcel *v, unsigned n)
{
	struct zl_peer *own = &c->peers[v->peer], *guest = &c->all[from]->peers[v->peer];

	switch ((enum zl_parcel_kind)v->kind) {
	case ZL_PARCEL_IN:
		return parts_in(c, guest, v, n);
	case ZL_PARCEL_OUT:
		return parts_in(c, own, v, n);
	case ZL_PARCEL_OPEN:
		zl_guest_open(c, guest, v->joins);
		break;
	case ZL_PARCEL_CREDIT:
		zl_guest_credit(guest, &v->credit);
		break;
	case ZL_PARCEL_CLOSED:
		zl_guest_closed(c, guest, v->whole);
		break;
	case ZL_PARCEL_GRANT:
		zl_away_granted(own, v->taken.parts, v->taken.bytes);
		break;
	case ZL_PARCEL_CLOSE:
		if (v->end.finish)
			zl_peer_end(own, v->end.reason, true);
		else
			zl_peer_close(own, v->end.reason, false);
		break;
	case ZL_PARCEL_LEFT:
		zl_away_left(own);
		break;
	case ZL_PARCEL_MSG:
	case ZL_PARCEL_BROKEN:
	case ZL_PARCEL_RX:
	case ZL_PARCEL_TX:
	case ZL_PARCEL_PACKET:
	case ZL_PARCEL_NEIGHBOR:
		break; /* not about a peer */
	}
	return 1;
}
