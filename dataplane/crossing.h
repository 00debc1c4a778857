/* A peer whose stream is on one core and whose socket lives on another, its home. On the stream's
 * core the peer is away from its socket (away.c): it has the session. At home it is a guest
 * (guest.c): its pipe is there, among those of all other peers, so that a pattern is exact
 * whichever core its peers' streams are on. Between the two go parcels over the lanes
 * (ring/mesh.h).
 *
 * Parts cross by reference, whole messages at a time. No more cross inward than the home has
 * granted, so a lane never holds what nobody takes; outward the pipe's HWM bounds them, for what
 * the home has sent and the peer has not acknowledged counts as queued, wherever it is. What is
 * small, and must not be lost, is remembered as due and said when the lane has room.
 *
 * A lane keeps order, OPEN is the first parcel about a peer inward, CLOSED the last, and LEFT, its
 * answer, the last outward: the peer's place is given to another only after it, so no parcel ever
 * means someone else. The guest's part of the peer's place is the home's from OPEN to LEFT. */
#ifndef ZL_DATAPLANE_CROSSING_H
#define ZL_DATAPLANE_CROSSING_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/ring/untaken.h"
#include "dataplane/ring/mesh.h"

struct zl_lcore;
struct zl_peer;
struct zl_pipe;
struct zl_shard;

/* Parcels that one end owes the other about one peer. */
struct zl_due {
	struct zl_due *next;
	struct zl_peer *peer;
	uint8_t kinds; /* bit k: of kind ZL_PARCEL_OPEN + k, said in this order */
	uint8_t to;    /* core */
	bool listed;
};

enum zl_away_state {
	ZL_AWAY_NOT,     /* its socket lives here, or it has no part in it */
	ZL_AWAY_OPENING, /* OPEN is due */
	ZL_AWAY_OPEN,
	ZL_AWAY_CLOSED, /* CLOSED is due or said; LEFT has not come */
};

/* The stream's core's end. */
struct zl_away {
	enum zl_away_state state;
	bool mid;         /* a message's beginning has crossed, and its rest has room */
	bool wants_grant; /* the session waits for one */
	bool waits_lane;
	struct zl_peer *next_lane;
	struct zl_due due;
	uint32_t sent_parts, taken_parts; /* inward: crossed; taken by the socket, as granted */
	uint64_t sent_bytes, taken_bytes;
	uint32_t got_msgs; /* outward: came from home */
	uint64_t got_bytes;
};

enum zl_guest_state {
	ZL_GUEST_NOT,
	ZL_GUEST_JOINED,
	ZL_GUEST_CLOSING, /* to be closed: what is written to its pipe goes nowhere */
	ZL_GUEST_LEAVING, /* CLOSED has come; its last messages wait to be taken */
	ZL_GUEST_SHUT_OUT /* it has no pipe; CLOSED has not come */
};

/* The home's end. */
struct zl_guest {
	enum zl_guest_state state;
	const char *reason; /* of CLOSE, while that is due */
	bool finish;        /* and what was written goes out before */
	struct zl_due due;
	struct zl_untaken untaken;
	uint32_t taken_parts, told_parts; /* inward */
	uint64_t taken_bytes, told_bytes;
	uint32_t sent_msgs; /* outward */
	uint64_t sent_bytes;
};

/* crossing.c */
/* Parcels from a core about one of its peers, or of its guests here, from the front of v: how many
 * were taken care of. */
unsigned zl_crossing_in(struct zl_lcore *c, unsigned from, const struct zl_parcel *v, unsigned n);
void zl_due_add(struct zl_lcore *c, struct zl_due *due, enum zl_parcel_kind kind);
void zl_due_cancel(struct zl_due *due);
/* Every turn: says what is due, as far as the lanes have room. */
void zl_dues_say(struct zl_lcore *c);

/* away.c: on the stream's core */
/* Its handshake is over. */
void zl_away_begin(struct zl_peer *p);
/* As zl_session_ops.deliver. `parts`: of the whole message, if it goes on after these. */
unsigned zl_away_deliver(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts);
/* The peer has acknowledged some. */
void zl_away_released(struct zl_peer *p);
/* Its session is over. false: its home never heard of it; else zl_peer_over() follows. */
bool zl_away_end(struct zl_peer *p);
/* Those who wait for room on a lane try again. */
void zl_away_resume(struct zl_lcore *c);
/* From home. */
void zl_away_write(struct zl_peer *p, const struct zl_msg *msgs, unsigned n);
void zl_away_granted(struct zl_peer *p, uint32_t parts, uint64_t bytes);
void zl_away_left(struct zl_peer *p);
/* The parcel of a kind that is due; false: it is not any more. */
bool zl_away_parcel(struct zl_peer *p, struct zl_parcel *v);
/* How many parts may have crossed and not been taken. */
uint32_t zl_away_window(const struct zl_shard *s);
#define ZL_AWAY_BYTES (256u << 10) /* so many bytes, or one message */

/* guest.c: at home */
/* What the pattern puts on the pipe. */
void zl_guest_write(struct zl_shard *s, struct zl_pipe *pipe, const struct zl_msg *msgs,
		    unsigned n);
/* End its stream; `reason` is a literal. */
void zl_guest_close(struct zl_shard *s, struct zl_peer *p, const char *reason);
/* The same at the user's wish: what is on its way is sent before. */
void zl_guest_finish(struct zl_shard *s, struct zl_peer *p);
/* Offer again what was not taken. */
void zl_guest_deliver(struct zl_peer *p);
/* The socket is going: its guests lose their pipes and are closed. */
void zl_guests_shut_out(struct zl_shard *s);
/* Cores stand still: gives back what its guests have in the untaken. */
void zl_guests_drop(struct zl_shard *s);
/* From the stream's core. */
void zl_guest_open(struct zl_lcore *c, struct zl_peer *p, uint32_t socket);
void zl_guest_input(struct zl_lcore *c, struct zl_peer *p, const struct zl_msg *msgs, unsigned n);
void zl_guest_credit(struct zl_peer *p, const struct zl_credit *credit);
void zl_guest_closed(struct zl_lcore *c, struct zl_peer *p, bool whole);
void zl_guest_parcel(struct zl_peer *p, struct zl_parcel *v);

#endif
