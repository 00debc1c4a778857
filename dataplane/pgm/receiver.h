/* A PGM receiver (RFC 3208 6): of one group and port, for all sessions (TSIs) on it. Delivers each
 * session's TSDUs in order, asks for what is missing, and says what is lost for good. One core owns
 * a receiver. Nothing here reads a clock or allocates: time comes in as now_ns (any origin, never
 * backwards), random numbers from config.seed, memory once at the beginning. */
#ifndef ZL_PGM_RECEIVER_H
#define ZL_PGM_RECEIVER_H

#include "dataplane/pgm/input.h"
#include "dataplane/pgm/packet.h"

#define PGM_NEVER UINT64_MAX
#define PGM_LINES 2

struct pgm_receiver;
struct pgm_session;

/* pgm_receiver_defaults() fills in what libzmq tells OpenPGM (src/pgm_socket.cpp); dport and group
 * are always the caller's. */
struct pgm_receiver_config {
	uint16_t dport;       /* data-destination port; packets to others are not ours */
	struct pgm_nla group; /* NAKs name it */
	uint64_t seed;        /* of back-offs: different in each receiver of the world */

	/* Bounds. Memory is sessions x (48 x rxw_sqns + max_apdu) and rebuilt x max_tpdu. */
	unsigned sessions; /* at once, 1 to 4096 */
	uint32_t rxw_sqns; /* receive window of a session, packets; made a power of two, 16 to 2^22
			    */
	uint32_t held;     /* buffers held at once, all sessions together */
	uint16_t max_tpdu; /* bytes; rebuilt packets are no larger */
	unsigned rebuilt;  /* packets rebuilt from parity and not delivered yet; 0: parity unused */
	uint32_t max_apdu; /* bytes of a fragmented APDU; 0: fragments are dropped */
	uint32_t nak_rate; /* NAK packets/s of a session; more are put off */
	bool join;         /* OPT_JOIN is followed: history from before we joined is asked for */

	/* 1 or 2 (PGM_LINES): on how many the same packets come, the first copy of which is taken.
	 */
	uint8_t lines;
	/* Nothing is sent to sources, no NAKs and no SPMRs. What is missing is lost once each line
	 * that was heard within nak_bo_ns has gone past it, or nak_bo_ns after it was missed. */
	bool passive;

	/* Times (6.3 and 13.5). */
	uint64_t nak_bo_ns;    /* NAKs wait for a random time up to this (NAK_BO_IVL) */
	uint64_t nak_rpt_ns;   /* for an NCF (NAK_RPT_IVL) */
	uint64_t nak_rdata_ns; /* for the repair, after the NCF (NAK_RDATA_IVL) */
	uint8_t nak_ncf_retries, nak_data_retries;
	uint64_t spmr_bo_ns;  /* data but no SPM: SPMR after a random time up to this */
	uint64_t spmr_spm_ns; /* and again after this, doubled each time */
	uint64_t expiry_ns;   /* a session that nothing was heard of ends */
	uint64_t evict_ns;    /* or sooner, if it was silent for so long and its place is needed */
	uint64_t finished_ns; /* what comes of an ended session is dropped for so long */
};

enum pgm_session_end {
	PGM_END_EXPIRED,  /* nothing heard for expiry_ns */
	PGM_END_FINISHED, /* OPT_FIN, and all before it delivered or lost */
	PGM_END_RESET,    /* OPT_RST */
	PGM_END_EVICTED,  /* silent for evict_ns, and a new session needed the place */
	PGM_END_CLOSED,   /* pgm_receiver_close() */
};

/* What a receiver needs from around it. None of these may call the receiver back. */
struct pgm_receiver_ops {
	/* A session's first packet was seen, and its last one. s is not to be used afterwards. */
	void (*opened)(void *ctx, struct pgm_session *s);
	void (*closed)(void *ctx, struct pgm_session *s, enum pgm_session_end why);

	/* The next TSDU in order, or an APDU put together. buffer: the one that `at` lies in, of
	 * which the owner may take a reference of its own; NULL for what was put together or
	 * rebuilt here, which is to be copied. sqn: its (first) sequence number.
	 * false: no room. It is offered again after pgm_receiver_resume(). */
	bool (*deliver)(void *ctx, struct pgm_session *s, const uint8_t *at, size_t len,
			void *buffer, uint32_t sqn);

	/* Sequence numbers first to first + count - 1 never come. What is delivered next is after
	 * them. */
	void (*lost)(void *ctx, struct pgm_session *s, uint32_t first, uint32_t count);

	/* Keep a buffer that was shown to pgm_receiver_input(), until the other is called. */
	void (*hold)(void *ctx, void *buffer);
	void (*unhold)(void *ctx, void *buffer);

	/* A NAK (router_alert) or an SPMR: to a unicast address, or with to NULL to the group with
	 * a TTL of 1. false: no room; it is tried again. */
	bool (*send)(void *ctx, struct pgm_session *s, const struct pgm_nla *to, const uint8_t *at,
		     unsigned len, bool router_alert);
};

/* ZMQ_RATE (kbit/s), ZMQ_RECOVERY_IVL (ms) and ZMQ_MULTICAST_MAXTPDU (bytes, IP header included)
 * into the window, as libzmq does; timers as libzmq sets them. */
void pgm_receiver_defaults(struct pgm_receiver_config *c, uint32_t rate_kbits,
			   uint32_t recovery_ivl_ms, uint16_t max_tpdu, uint16_t overhead);

/* Bytes that a receiver of this configuration takes; 0 if it cannot be. */
size_t pgm_receiver_bytes(const struct pgm_receiver_config *c);

/* memory: of pgm_receiver_bytes(), 64-byte aligned. counters: PGM_COUNTERS of them. */
struct pgm_receiver *pgm_receiver_init(void *memory, const struct pgm_receiver_config *c,
				       const struct pgm_receiver_ops *ops, void *ctx,
				       uint64_t *counters);

/* A packet that came from `from` (the address in its IP header) on a line, from 0, and lies in
 * buffer. The caller's own reference to buffer stays the caller's. */
enum pgm_input pgm_receiver_input(struct pgm_receiver *r, uint64_t now_ns,
				  const struct pgm_packet *p, const struct pgm_nla *from,
				  unsigned line, void *buffer);

/* NAKs, SPMRs and ends of sessions that are due. Returns when to call again, or PGM_NEVER. */
uint64_t pgm_receiver_turn(struct pgm_receiver *r, uint64_t now_ns);

/* Owners of some sessions have room again: delivers what waited. */
void pgm_receiver_resume(struct pgm_receiver *r, uint64_t now_ns);

/* Ends all sessions and lets go of all buffers. */
void pgm_receiver_close(struct pgm_receiver *r);

/* Buffers held now, all sessions together. */
uint32_t pgm_receiver_held(const struct pgm_receiver *r);

const struct pgm_tsi *pgm_session_tsi(const struct pgm_session *s);
void *pgm_session_user(const struct pgm_session *s); /* NULL at first */
void pgm_session_set_user(struct pgm_session *s, void *user);

/* What one source has sent, and how its stream was received, since its session began. */
struct pgm_session_report {
	struct pgm_tsi tsi;
	struct pgm_nla from;
	uint64_t heard_ns;     /* when the last packet came */
	uint64_t tsdus, bytes; /* delivered; bytes of TSDU */
	uint64_t late;    /* packets that came after later ones: repairs, line B's, reordered */
	uint64_t lost;    /* packets */
	uint64_t naks;    /* packets sent */
	uint32_t missing; /* packets, now */
	/* Delivery waited for a packet that was missing: how often, for how long in all and at
	 * most; what still waits is not in the times yet. */
	uint64_t gaps, gap_ns, gap_max_ns;
	uint64_t line[PGM_LINES], line_missed[PGM_LINES]; /* of two lines: packets on each */
};

/* Of the i-th of as many sessions as there may be, also when it has just ended; false: it is none.
 */
bool pgm_receiver_report(const struct pgm_receiver *r, unsigned i, struct pgm_session_report *to);
/* The application's error code that came with OPT_RST, for closed(). */
unsigned pgm_session_reset_code(const struct pgm_session *s);

#endif
