/* A program at one end of a simulated connection: writes a known byte sequence, checks that what it
 * reads is the peer's, and ends as its plan says. It notes the first thing that goes wrong and goes
 * on. One per stream, from before it opens until after it has closed. */
#ifndef ZL_TESTS_SIM_ENDPOINT_H
#define ZL_TESTS_SIM_ENDPOINT_H

#include "tests/sim/world.h"

enum endpoint_end {
	END_WHEN_SENT,  /* shut down after the last byte, however much is still to come */
	END_AFTER_PEER, /* shut down when everything is sent and the peer has shut down */
	END_WHEN_DONE,  /* shut down when everything is sent and everything has come */
	END_ABORT,      /* abort once `abort_at` bytes have been sent or received */
};

struct endpoint_plan {
	uint64_t bytes;                /* to send */
	uint32_t write_min, write_max; /* bytes in one append */
	uint32_t queue_bytes;          /* no more than about this is queued unacknowledged */
	uint64_t write_gap_ns;         /* between bursts of writes; 0: none */
	uint32_t read_bytes;           /* at a time, then a pause; 0: everything, no pause */
	uint64_t read_pause_ns;
	uint64_t hold_ns; /* what was read is consumed so much later; 0: at once */
	enum endpoint_end end;
	uint64_t abort_at;
};

struct endpoint {
	/* Set before it opens. */
	struct world *world;
	unsigned stack;
	struct rte_mempool *payload; /* buffers to write from */
	struct endpoint_plan plan;
	uint64_t key, peer_key; /* of the two byte sequences */
	uint64_t peer_bytes;    /* to come */
	struct sim_random random;
	struct zl_endpoint_addr remote;    /* active opens only */
	uint16_t source_port;              /* 0: any */
	const struct endpoint *after;      /* opens when this one has ended; NULL: at once */
	const struct endpoint *after_peer; /* and its peer was opened, or will hardly be any more */
	unsigned waits;
	bool eager; /* writes before the connection is established */

	/* What happened. */
	struct zl_stream *stream; /* NULL: not open, or gone */
	bool opened, established, eof, shut_down, aborted, closed;
	uint64_t sent, received, released, unconsumed;
	uint64_t msgs_sent, msgs_released;
	uint64_t first_ns, last_ns; /* of the first and the last byte received */
	const char *reason;         /* of closed */
	char fault[160];            /* empty: none */
	bool write_later, read_later, consume_later;
};

/* Opens actively; a world_call() function, arg is the endpoint. */
void endpoint_connect(void *arg);
/* Takes over a stream that was accepted. */
void endpoint_accept(struct endpoint *e, struct zl_stream *s);
/* Grows when anything moves. */
uint64_t endpoint_progress(const struct endpoint *e);
/* Every byte was sent, acknowledged and received, and both directions have ended. */
bool endpoint_complete(const struct endpoint *e);

#endif
