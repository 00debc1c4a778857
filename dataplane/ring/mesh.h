/* The core-to-core mesh: one single-producer single-consumer rte_ring for each ordered pair of poll
 * cores, carrying parcels by value in bursts. A parcel is a message part for a shard of a socket, a
 * frame that belongs to the other core (software steering) or is to leave by a port that the other
 * core owns, a packet for a datagram socket of the other core, an ARP mapping, or between a peer's
 * stream and the home of its socket (crossing.h).
 *
 * A message part carries one reference on its buffer; the receiver gives it back. */
#ifndef ZL_RING_MESH_H
#define ZL_RING_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "dataplane/ring/msg.h"

enum zl_parcel_kind {
	ZL_PARCEL_MSG,
	ZL_PARCEL_BROKEN, /* the message begun on this lane will have no end: its sender is gone */
	ZL_PARCEL_RX,
	ZL_PARCEL_TX,
	ZL_PARCEL_PACKET, /* for a datagram socket of that core */
	ZL_PARCEL_NEIGHBOR,
	/* Between a peer's stream and its socket's home; `peer` says which. */
	ZL_PARCEL_IN,     /* home: a part that the peer sent */
	ZL_PARCEL_OUT,    /* from home: a part to send to it */
	ZL_PARCEL_OPEN,   /* home: the peer is ready, a pipe joins it to the socket */
	ZL_PARCEL_CREDIT, /* home: what it has queued, now that it has acknowledged some */
	ZL_PARCEL_CLOSED, /* home: its stream has ended; the last parcel about it */
	ZL_PARCEL_GRANT,  /* from home: what the socket has taken */
	ZL_PARCEL_CLOSE,  /* from home: end its stream; or finish it, with what OUT has brought */
	ZL_PARCEL_LEFT,   /* from home: it has no pipe any more; the last parcel about it */
};

/* What of a pipe is where: in the stream's send queue, and of what its home has sent, here. */
struct zl_credit {
	uint64_t queued_bytes, got_bytes; /* queued: with frame headers; got: in all, bodies */
	uint32_t queued_msgs, got_msgs;
};

struct zl_parcel {
	union {
		struct zl_msg msg;      /* MSG, IN, OUT */
		struct rte_mbuf *frame; /* RX, PACKET: to be input there; TX: to be sent there */
		struct {
			uint32_t ip;
			uint8_t mac[6];
		} neighbor;
		uint32_t joins; /* OPEN: the socket */
		struct zl_credit credit;
		struct {
			uint64_t bytes;
			uint32_t parts;
		} taken; /* GRANT: in all */
		struct {
			const char *reason; /* a literal */
			bool finish;
		} end;      /* CLOSE */
		bool whole; /* CLOSED: it ended after its last message */
	};
	union {
		uint32_t socket; /* MSG, BROKEN */
		uint32_t peer;   /* its index on the stream's core */
	};
	uint16_t port; /* RX, TX, PACKET, NEIGHBOR */
	uint8_t kind;
	uint8_t reserved;
};
_Static_assert(sizeof(struct zl_parcel) == 32, "two parcels a cache line");

/* Parts of one message that did not fit the ring wait here, in order, in blocks of the writer's
 * pool; while any wait, the lane has no room for more. */
#define ZL_PARCELS_A_BLOCK 60
struct zl_parcel_block {
	struct zl_parcel_block *next;
	uint32_t first, count;
	struct zl_parcel parcel[ZL_PARCELS_A_BLOCK];
};

/* The writer's end of one ordered pair. */
struct zl_lane {
	struct rte_ring *ring;
	struct rte_mempool *blocks; /* objects of at least sizeof(struct zl_parcel_block) */
	struct zl_parcel_block *head, *tail;
	uint32_t reserved;     /* slots of the ring that are promised to what is pushed next */
	uint32_t promised;     /* parcels that were reserved, and not pushed yet */
	uint32_t spare_blocks; /* reserved, linked on `spare`; one is kept for a BROKEN */
	struct zl_parcel_block *spare;
	struct zl_doorbell *reader;
	bool rang; /* something was written this turn */
};

struct zl_doorbell;

#define ZL_LANE_SLOTS 8192

int zl_lane_open(struct zl_lane *l, const char *name, struct rte_mempool *blocks,
		 struct zl_doorbell *reader, int numa);
/* Drops what is in it, references included. */
void zl_lane_close(struct zl_lane *l);

/* Make sure that n parcels can be pushed. false: not now; none may be pushed. A message longer than
 * the ring gets blocks for its rest; anything else waits for the ring. */
bool zl_lane_reserve(struct zl_lane *l, uint32_t n);
/* n parcels that were reserved, or a BROKEN, which needs no reservation. */
void zl_lane_push(struct zl_lane *l, const struct zl_parcel *v, uint32_t n);
/* Parts that were reserved, as parcels of this kind to this address (socket or peer), each with a
 * reference on its buffer, taken a buffer's run at a time. */
void zl_lane_write(struct zl_lane *l, enum zl_parcel_kind kind, uint32_t to,
		   const struct zl_msg *msgs, uint32_t n);
/* As many of n as the ring takes at once beyond what is reserved, none while a message waits: for
 * frames, which need no reservation; the rest may be dropped. Returns how many. */
uint32_t zl_lane_offer(struct zl_lane *l, const struct zl_parcel *v, uint32_t n);
/* Once a turn: move waiting parcels on, wake the reader if it sleeps. */
void zl_lane_flush(struct zl_lane *l);
static inline bool zl_lane_waiting(const struct zl_lane *l)
{
	return l->head != NULL;
}
/* The reader's side of a ring. */
static inline uint32_t zl_lane_pull(struct rte_ring *ring, struct zl_parcel *v, uint32_t n)
{
	return rte_ring_sc_dequeue_burst_elem(ring, v, sizeof(*v), n, NULL);
}

#endif
