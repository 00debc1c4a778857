/* A PGM source (RFC 3208 5): numbers TSDUs, multicasts them, keeps them in a transmit window and
 * repairs from there what receivers miss. One core owns a source. Nothing here reads a clock,
 * allocates or draws random numbers: time comes in as now_ns (any origin, never backwards), memory
 * once at the beginning. */
#ifndef ZL_PGM_SOURCE_H
#define ZL_PGM_SOURCE_H

#include "dataplane/pgm/input.h"
#include "dataplane/pgm/packet.h"

#define PGM_HEARTBEATS_MAX 12
#define PGM_TG_SIZE_MAX    128 /* packets of a transmission group; with parity 255 at most */
#define PGM_NEVER          UINT64_MAX

struct pgm_source;

/* All that a source is told. pgm_source_defaults() fills in what libzmq tells OpenPGM
 * (src/pgm_socket.cpp); tsi, dport, nla and group are always the caller's. */
struct pgm_source_config {
	struct pgm_tsi tsi;
	uint16_t dport;       /* data-destination port */
	struct pgm_nla nla;   /* of this source: SPMs carry it, NAKs must name it */
	struct pgm_nla group; /* NAKs must name it too */
	/* Of a second line that carries the same packets, which NAKs may name as well; len 0: none.
	 */
	struct pgm_nla nla_b, group_b;

	uint16_t max_tpdu; /* bytes from the PGM header to the end of the TSDU; at least 128 */
	uint16_t overhead; /* bytes that IP (and UDP) add to each packet: they count for the rate */

	/* Token bucket (RFC 3208 5.1.2). Data, repairs and parity wait for it; SPMs and NCFs are
	 * charged to it, but do not wait: it may be overdrawn by `burst`. */
	uint64_t rate;  /* bytes/s, at least 1000; 0: no limit */
	uint32_t burst; /* bytes that may go at once; at least one packet's */
	/* Percent of the rate, 1 to 100, that repairs, which go before data, may take with their
	 * NCFs, to which a quarter of it belongs. */
	uint8_t repair_share;

	/* Transmit window: the trail advances as soon as one of these would be passed. */
	uint32_t txw_sqns;  /* packets, 1 to 2^24; 2 groups at least with parity */
	uint32_t txw_bytes; /* of TSDUs and their options; at least two packets' */
	uint64_t txw_ns;    /* age; 0: whatever it be */

	uint32_t first_sqn; /* of the first TSDU; with parity, down to a group's beginning */

	uint64_t ambient_ns;                       /* between SPMs, whatever else is sent (5.1.4) */
	uint64_t heartbeat_ns[PGM_HEARTBEATS_MAX]; /* after data: between one SPM and the next */
	unsigned heartbeats;
	uint64_t spm_min_ns;   /* SPMRs are answered no more often (13.4: IHB_MIN) */
	uint64_t ncf_ivl_ns;   /* one packet's NAKs are confirmed no more often (5.2) */
	uint64_t rdata_ivl_ns; /* a NAK so soon after the repair has crossed it: no repair again */
	uint64_t linger_ns;    /* after pgm_source_close(), NAKs are answered for so long (9.7.2) */

	/* How far back a late joiner may ask, in packets (OPT_JOIN, in SPMs); 0: not at all. */
	uint32_t join_sqns;

	/* Parity (11). tg_size 0: none; else a power of two from 2 to PGM_TG_SIZE_MAX. Not where
	 * OpenPGM listens: its receivers (5.3.128, and so libzmq's) abort when they rebuild. */
	uint8_t tg_size;
	uint8_t proactive; /* parity packets sent after each group; 0: none */
	bool ondemand;     /* parity is offered to NAKs */
	/* A group that has got no packet for so long is closed as it is, and numbers are skipped
	 * (OPT_CURR_TGSIZE). 0: groups wait until they are full, which OpenPGM's receivers need. */
	uint64_t short_group_ns;
};

/* What a source needs from below. ctx is the one of pgm_source_init(). */
struct pgm_source_ops {
	/* To the group: head, then body (of 0 bytes for some), neither kept after the call.
	 * router_alert: RFC 3208 4 wants the IP option on SPMs, NCFs and RDATA.
	 * false: no room now; the packet will be offered again, if it is worth it. */
	bool (*send)(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
		     unsigned body_len, bool router_alert);
};

/* ZMQ_RATE (kbit/s), ZMQ_RECOVERY_IVL (ms) and ZMQ_MULTICAST_MAXTPDU (bytes, IP header included)
 * into rate and window, as libzmq does; the timers as libzmq sets them; no parity, no OPT_JOIN. */
void pgm_source_defaults(struct pgm_source_config *c, uint32_t rate_kbits, uint32_t recovery_ivl_ms,
			 uint16_t max_tpdu, uint16_t overhead);

/* Bytes that a source of this configuration takes, window included; 0 if it cannot be. */
size_t pgm_source_bytes(const struct pgm_source_config *c);

/* memory: of pgm_source_bytes(), 64-byte aligned, the caller's again once the source is no longer
 * used. counters: PGM_COUNTERS of them. The first SPM goes out with the first turn. */
struct pgm_source *pgm_source_init(void *memory, const struct pgm_source_config *c,
				   const struct pgm_source_ops *ops, void *ctx, uint64_t *counters,
				   uint64_t now_ns);

/* The most bytes a TSDU can have. */
unsigned pgm_source_max_tsdu(const struct pgm_source *s);

/* Where the next TSDU will lie, with room for pgm_source_max_tsdu() bytes: one written here and
 * given to pgm_source_send() is not copied. The same until a packet of data has been sent, and
 * nobody else's until then. */
uint8_t *pgm_source_reserve(struct pgm_source *s);

/* Sends a TSDU of 0 to pgm_source_max_tsdu() bytes; it is copied. false: the rate is used up,
 * repairs go first, the link has no room, or the source has closed. The caller keeps the TSDU then
 * and tries again when pgm_source_turn() says, or when the link has room. */
bool pgm_source_send(struct pgm_source *s, uint64_t now_ns, const uint8_t *tsdu, unsigned len);

/* Sends an APDU in fragments (OPT_FRAGMENT), from byte `sent` on: 0 at first, then what the call
 * before returned, until that is len. Nothing else may be sent in between. */
size_t pgm_source_send_apdu(struct pgm_source *s, uint64_t now_ns, const uint8_t *apdu, size_t len,
			    size_t sent);

/* A packet of the group's port or of our own address. NCFs go out before it returns. */
enum pgm_input pgm_source_input(struct pgm_source *s, uint64_t now_ns, const struct pgm_packet *p);

/* SPMs, repairs and parity that are due, and the window's age. Returns when to call again: now_ns
 * or before means at once, PGM_NEVER that only an input or a send changes anything. */
uint64_t pgm_source_turn(struct pgm_source *s, uint64_t now_ns);

/* No more data: SPMs carry OPT_FIN from now on, the first at once; NAKs are still answered until
 * pgm_source_closed(). */
void pgm_source_close(struct pgm_source *s, uint64_t now_ns);
bool pgm_source_closed(const struct pgm_source *s);

/* For those who watch. With nothing in the window, lead is trail - 1. */
uint32_t pgm_source_lead(const struct pgm_source *s);
uint32_t pgm_source_trail(const struct pgm_source *s);

#endif
