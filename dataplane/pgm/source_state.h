/* What the files of a source share: source_config.c, source.c (data), spm.c, repair.c (NAKs),
 * parity.c. */
#ifndef ZL_PGM_SOURCE_STATE_H
#define ZL_PGM_SOURCE_STATE_H

#include "dataplane/pgm/bucket.h"
#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/due.h"
#include "dataplane/pgm/fec.h"
#include "dataplane/pgm/source.h"
#include "dataplane/pgm/txw.h"

#define PGM_DATA_HEADER  (PGM_HEADER_LEN + 8)
#define PGM_SYN_LEN      8     /* OPT_LENGTH and OPT_SYN */
#define PGM_FRAGMENT_LEN 20    /* OPT_LENGTH and OPT_FRAGMENT */
#define LINK_RETRY_NS    50000 /* after the link had no room */
#define REPAIRS_A_TURN   64    /* so that data and other work get their turn */

/* A transmission group (RFC 3208 11) in the window. */
struct txw_group {
	uint8_t size;      /* packets, once complete; 0 before */
	uint8_t proactive; /* parity packets still to be sent unasked */
	uint8_t wanted;    /* and those asked for */
	uint8_t next;      /* parity packet that was not sent yet */
	uint8_t confirmed; /* packets that the last NCF confirmed, at confirmed_at */
	uint8_t recent;    /* of those asked for, sent lately, the last at repaired_at */
	pgm_tick confirmed_at, repaired_at;
};

struct pgm_source {
	/* Touched by each packet. */
	struct txw txw;
	uint64_t heartbeat_at;
	struct pgm_bucket rate, repair_rate, ncf_rate;
	struct pgm_due repairs; /* sequence numbers */
	struct pgm_due parity;  /* first sequence numbers of groups */
	uint64_t *counters;
	uint64_t data_at; /* when the last was sent */
	uint32_t refused; /* bytes that a send waits for; 0: none does */
	uint32_t lead;    /* the last that was sent; next - 1, unless a group was closed short */
	uint16_t max_tsdu;
	uint8_t heartbeat;
	bool closing, closed;
	bool syn;            /* the first packet is still to be sent */
	uint16_t short_len;  /* OPT_CURR_TGSIZE for SPMs: size of the group that lead is in */
	uint64_t head[2];    /* of data: what is the same in all of them, as numbers */
	uint32_t apdu_first; /* of the fragmented APDU that is being sent */

	struct pgm_source_ops ops;
	void *ctx;
	struct pgm_source_config config;
	uint64_t spm_at;       /* when the last was sent */
	uint64_t spm_asked_at; /* when one is due that was asked for; PGM_NEVER: none */
	uint64_t closed_at;
	uint32_t spm_sqn;
	bool spm_sent;

	struct txw_group *group;
	uint32_t group_mask;
	struct pgm_fec fec;
	uint8_t *parity_tsdu, *parity_packet;
};

static inline void source_count(struct pgm_source *s, enum pgm_counter c)
{
	s->counters[c]++;
}

static inline uint32_t source_wire_bytes(const struct pgm_source *s, uint32_t len)
{
	return len + s->config.overhead;
}

static inline uint32_t source_tg_first(const struct pgm_source *s, uint32_t sqn)
{
	return sqn & ~(uint32_t)(s->config.tg_size - 1);
}

static inline struct txw_group *source_group(struct pgm_source *s, uint32_t sqn)
{
	return &s->group[(sqn / s->config.tg_size) & s->group_mask];
}

/* source.c: a packet of the window, as ODATA or RDATA; false: the link has no room. */
bool source_emit(struct pgm_source *s, enum pgm_type type, uint32_t sqn);
/* Room in the window for one more packet, of so many bytes in the ring. */
void source_make_room(struct pgm_source *s, uint32_t bytes);

/* spm.c. source_send_control(): charged to the rate, but does not wait for it. Returns the bytes;
 * 0: the link has no room. */
uint32_t source_send_control(struct pgm_source *s, const struct pgm_packet *p);
void source_spm_data_sent(struct pgm_source *s, uint64_t now_ns);
void source_spm_at_once(struct pgm_source *s, uint64_t now_ns);
void source_spm_asked(struct pgm_source *s, uint64_t now_ns);
uint64_t source_spm_turn(struct pgm_source *s, uint64_t now_ns);

/* repair.c. source_repair_turn(): sends repairs and parity that are due. true: data may go now.
 * *due: when to call again, PGM_NEVER if nothing is left. */
enum pgm_input source_nak(struct pgm_source *s, uint64_t now_ns, const struct pgm_packet *p);
bool source_repair_turn(struct pgm_source *s, uint64_t now_ns, uint64_t *due);

/* parity.c. first: sequence number of a group's first packet. */
void source_parity_begin(struct pgm_source *s, uint32_t first);
void source_parity_complete(struct pgm_source *s, uint32_t first, uint32_t size);
void source_parity_left(struct pgm_source *s, uint32_t first);
void source_parity_ask(struct pgm_source *s, uint64_t now_ns, uint32_t first, unsigned packets);
/* The next parity packet of a group that has some due: whether it was not asked for, its bytes at
 * most, and off it goes. */
bool source_parity_is_proactive(const struct pgm_source *s, uint32_t first);
uint32_t source_parity_bytes(const struct pgm_source *s, uint32_t first);
bool source_parity_send(struct pgm_source *s, uint64_t now_ns, uint32_t first);
/* Repairs the last packet of a short group, in a way that tells how short it is. */
bool source_parity_emit_last(struct pgm_source *s, uint32_t sqn);
bool source_parity_is_last_of_short(const struct pgm_source *s, uint32_t sqn);
uint64_t source_parity_turn(struct pgm_source *s, uint64_t now_ns);

#endif
