/* What the files of a receiver share: receiver.c (sessions), rxw.c (the window, delivery), nak.c
 * (asking for what is missing), rebuild.c (parity), apdu.c (fragments). */
#ifndef ZL_PGM_RECEIVER_STATE_H
#define ZL_PGM_RECEIVER_STATE_H

#include <string.h>

#include "dataplane/pgm/bucket.h"
#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/fec.h"
#include "dataplane/pgm/receiver.h"

#define WHEEL_BUCKETS 128
#define NO_SLOT       UINT32_MAX

/* What is known of a sequence number between a session's base and end. */
enum rxw_state {
	RXW_NONE,      /* not in the window, or from before it began */
	RXW_BACK_OFF,  /* missing: a NAK is to be sent (RFC 3208 6.3) */
	RXW_WAIT_NCF,  /* missing: one was sent, or another receiver's heard */
	RXW_WAIT_DATA, /* missing: it was confirmed */
	RXW_HAVE,      /* held, not delivered */
	RXW_KEPT,      /* delivered, and held on for the parity of its group */
	RXW_LOST,      /* will not come; not told yet */
	RXW_VOID,      /* never was: its group was closed before it was full */
};

enum {
	RXW_FRAGMENT = 1 << 0, /* it has OPT_FRAGMENT: first_sqn, offset, apdu_len */
	RXW_PARITY = 1 << 1,   /* missing, but a parity packet of its group is held in its place */
	RXW_VARIED = 1 << 2,   /* of that: lengths follow (OPT_VAR_PKTLEN) */
	RXW_REBUILT = 1 << 3,  /* at lies in a buffer of rebuild.c */
};

struct rxw_slot {
	void *buffer;
	const uint8_t *at;   /* TSDU; with RXW_PARITY that of the parity packet */
	uint32_t prev, next; /* in a bucket of the wheel */
	uint32_t first_sqn, offset, apdu_len;
	uint16_t len;
	uint8_t state, flags;
	uint8_t bucket; /* of the wheel, while missing */
	uint8_t ncf_retries, data_retries;
	uint8_t parity;   /* number of the parity packet */
	uint8_t fragment; /* fourth byte of its OPT_FRAGMENT */
	uint8_t why;      /* lost: PGM_rcv_lost_ncf and so on, less PGM_rcv_lost */
};

_Static_assert(sizeof(struct rxw_slot) == 48, "receiver.h says how much a window takes");

struct pgm_line {
	bool heard;
	uint32_t next; /* after the highest that came on it */
	uint64_t heard_at;
};

struct pgm_session {
	/* Touched by each packet. */
	struct pgm_receiver *r;
	struct pgm_tsi tsi;
	uint32_t next;   /* to be delivered; base is the beginning of its group, or itself */
	uint32_t end;    /* after the last that we know of */
	uint32_t trail;  /* the source's, never before where we began */
	uint8_t tg_size; /* packets of a group; 0: there are none, or we do not know yet */
	uint8_t k;       /* the same if parity is made use of; else 0 */
	bool used, ended, stalled;
	bool idle; /* the last SPM came when we had seen all */
	uint64_t heard_at;
	struct rxw_slot *slot;

	void *user;
	uint32_t hash_next;
	struct pgm_nla from; /* where its packets come from */
	struct pgm_nla path; /* where NAKs go; len 0: no SPM yet */
	uint32_t spm_sqn;
	uint64_t spmr_at, spmr_ivl;
	uint64_t expiry_at; /* when it is looked at; heard_at may have moved on */

	/* Ending: once next is stop, for the reason why. */
	bool stopping, no_naks;
	enum pgm_session_end why;
	uint32_t stop;
	uint8_t reset_code;

	/* nak.c: missing packets by when something is to be done about them. */
	uint32_t wheel[WHEEL_BUCKETS];
	uint64_t wheel_has[WHEEL_BUCKETS / 64];
	uint64_t wheel_tick; /* done so far */
	uint32_t missing;
	struct pgm_bucket naks;

	/* rebuild.c */
	uint32_t parity_from; /* packets from this group on are kept */
	uint32_t parities;    /* slots with RXW_PARITY */
	bool ondemand, parity_confirmed, parity_refused;
	struct pgm_fec fec;

	struct pgm_line line[PGM_LINES];
	struct pgm_session_report report; /* but for what is known elsewhere */
	bool waits;                       /* delivery does, for what is missing, since: */
	uint64_t waits_since;

	/* apdu.c */
	uint8_t *apdu;
	uint32_t apdu_sqn; /* of its first packet; apdu_first is what packets say that it is */
	uint32_t apdu_first, apdu_len, apdu_have;
};

struct pgm_receiver {
	struct pgm_session *last; /* the session of the last packet */
	uint64_t *counters;
	uint32_t window, mask; /* packets; less one */
	uint32_t held;
	uint64_t due_at; /* no session has anything to do before */
	struct pgm_receiver_ops ops;
	void *ctx;
	struct pgm_receiver_config config;
	uint64_t random, tick_ns;
	struct pgm_session *session;
	uint32_t *hash, hash_mask;
	unsigned sessions; /* in use, ended ones included */

	uint8_t *rebuilt; /* buffers, max_tpdu bytes each */
	uint32_t *rebuilt_free, rebuilt_free_count;
};

static inline void receiver_count(struct pgm_receiver *r, enum pgm_counter c)
{
	r->counters[c]++;
}

static inline struct rxw_slot *rxw_slot(const struct pgm_session *s, uint32_t sqn)
{
	return &s->slot[sqn & s->r->mask];
}

static inline bool rxw_is_missing(const struct rxw_slot *t)
{
	return t->state >= RXW_BACK_OFF && t->state <= RXW_WAIT_DATA;
}

static inline int32_t sqn_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline uint32_t session_tg_first(const struct pgm_session *s, uint32_t sqn)
{
	return s->k ? sqn & ~(uint32_t)(s->k - 1) : sqn;
}

/* Slots from here to end are in use. */
static inline uint32_t session_base(const struct pgm_session *s)
{
	return session_tg_first(s, s->next);
}

static inline void receiver_due(struct pgm_receiver *r, uint64_t at_ns)
{
	if (at_ns < r->due_at)
		r->due_at = at_ns;
}

/* 1 to most. */
static inline uint64_t receiver_random(struct pgm_receiver *r, uint64_t most)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return most ? 1 + (r->random >> 11) % most : 0;
}

/* sessions.c. session_begin(): next is the first sequence number that is awaited; NULL: as many are
 * alive as may be. rx_session_end() leaves the session in its place, which session_vacate() frees.
 */
struct pgm_session *session_find(struct pgm_receiver *r, const struct pgm_tsi *tsi);
struct pgm_session *session_begin(struct pgm_receiver *r, uint64_t now_ns,
				  const struct pgm_packet *p, const struct pgm_nla *from,
				  uint32_t next);
void rx_session_end(struct pgm_session *s, uint64_t now_ns, enum pgm_session_end why);
void session_vacate(struct pgm_session *s);

/* rxw.c */
enum pgm_input rxw_data(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
			void *buffer);
/* The source has sent all before `end`; false: we have no room to remember that. */
bool rxw_extend(struct pgm_session *s, uint64_t now_ns, uint32_t end);
/* No packets from `from` to before `to`, part of one group. */
bool rxw_void(struct pgm_session *s, uint64_t now_ns, uint32_t from, uint32_t to);
void rxw_trail(struct pgm_session *s, uint64_t now_ns, uint32_t trail);
/* Delivers what can be, and tells of what is lost. */
void rxw_advance(struct pgm_session *s, uint64_t now_ns);
void rxw_lose(struct pgm_session *s, struct rxw_slot *t, enum pgm_counter why);
void rxw_lose_all(struct pgm_session *s);
/* Keeps a packet's buffer and place in a slot; false: as many are held as may be. */
bool rxw_hold(struct pgm_session *s, struct rxw_slot *t, const struct pgm_packet *p, void *buffer);
void rxw_let_go(struct pgm_session *s, struct rxw_slot *t);
void rxw_let_all_go(struct pgm_session *s);

/* nak.c */
void nak_init(struct pgm_session *s, uint64_t now_ns);
/* wait_ns: before it is asked for. */
void nak_missing(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, uint64_t wait_ns);
void nak_cancel(struct pgm_session *s, struct rxw_slot *t);
enum pgm_input nak_heard(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p);
uint64_t nak_turn(struct pgm_session *s, uint64_t now_ns);

/* lines.c: an original packet came on a line, `first` if it was not here yet; then, of a receiver
 * that asks nobody, what will not come. */
void line_heard(struct pgm_session *s, uint64_t now_ns, unsigned line, uint32_t sqn, bool first);
void lines_give_up(struct pgm_session *s, uint64_t now_ns);

/* rebuild.c */
void rebuild_learn(struct pgm_session *s, const struct pgm_options *o);
enum pgm_input rebuild_parity(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
			      void *buffer);
bool rebuild_is_usable(const struct pgm_session *s, uint32_t first);
/* OPT_CURR_TGSIZE: size packets are all that the group of sqn has. */
void rebuild_short(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, uint32_t size);
/* A packet came in whose place held a parity packet: that one moves on, or goes. */
void rebuild_displace(struct pgm_session *s, uint32_t sqn, struct rxw_slot *t);
void rebuild_try(struct pgm_session *s, uint32_t first);
void rebuild_return(struct pgm_receiver *r, const uint8_t *at);

/* apdu.c: a packet in order; false: its owner has no room. */
bool apdu_deliver(struct pgm_session *s, uint32_t sqn, const struct rxw_slot *t);
void apdu_abandon(struct pgm_session *s);

#endif
