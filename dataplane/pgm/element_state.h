/* What the files of a network element share: element.c (what comes in, and where it goes),
 * element_config.c, element_path.c (sessions), element_repair.c (repair state and its timers),
 * element_nak.c (NAKs, NNAKs and NCFs), element_rdata.c (repairs), element_options.c. */
#ifndef ZL_PGM_ELEMENT_STATE_H
#define ZL_PGM_ELEMENT_STATE_H

#include <string.h>

#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/element.h"
#include "dataplane/pgm/element_list.h"
#include "dataplane/pgm/tick.h"

/* Source path state (7.1), made and kept alive by SPMs. */
struct ne_path {
	struct pgm_tsi tsi;
	uint32_t hash_next;
	uint32_t spm_sqn;
	uint32_t repairs;
	uint16_t dport;
	uint8_t tg_size;   /* packets of a transmission group; 0: parity is not offered */
	uint8_t interface; /* upstream */
	bool spmr_sent;
	struct pgm_nla upstream; /* the SPM's path NLA */
	struct pgm_nla source, group;
	uint64_t heard_at, spmr_at;
};

enum ne_repair_state {
	NE_FREE,
	NE_PENDING,     /* a NAK was forwarded, and is repeated until due or until an NCF comes */
	NE_OUTSTANDING, /* confirmed, or anticipated: a repair is awaited */
	NE_NULLED,      /* a designated local repairer has sent the repair by itself (9.5.3.2) */
	NE_STATES
};

/* Repair state (7.2) of a packet, or for parity of a transmission group. */
struct ne_repair {
	uint32_t path, hash_next;
	uint32_t sqn;        /* of a group: its first */
	uint16_t interfaces; /* a bit for each on which a NAK came */
	uint16_t confirmed;  /* and on which an NCF went since: */
	pgm_tick confirmed_at;
	uint8_t state;
	bool parity;
	/* Of parity (11.6), in packets: the largest known packet count, how many a short group
	 * lacks, and what is known of each interface. */
	uint8_t largest, offset;
	uint8_t known[PGM_ELEMENT_INTERFACES];
	uint64_t due;        /* pending: the next NAK; else when the state is over */
	uint64_t until;      /* pending: NAKs are repeated before */
	uint64_t elim_until; /* outstanding: NAKs are eliminated before */
};

_Static_assert(sizeof(struct ne_repair) == 64, "a cache line each");

struct pgm_element {
	uint64_t *counters;
	struct pgm_element_ops ops;
	void *ctx;
	struct pgm_element_config config;

	struct ne_path *path;
	struct ne_link *path_link;
	struct ne_list paths, paths_free; /* in use: the longest silent first */
	uint32_t *path_hash, path_mask;
	uint32_t path_count;

	struct ne_repair *repair;
	struct ne_link *repair_link;
	struct ne_list repairs[NE_STATES]; /* by their state, first what is due first */
	uint32_t *repair_hash, repair_mask;
	uint32_t repair_count;
};

static inline void element_count(struct pgm_element *e, enum pgm_counter c)
{
	e->counters[c]++;
}

static inline enum pgm_input element_drop(struct pgm_element *e, enum pgm_counter why)
{
	element_count(e, why);
	return PGM_DROPPED;
}

static inline uint32_t element_hash(const struct pgm_element *e, uint64_t x)
{
	x = (x ^ e->config.seed) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(x >> 32);
}

static inline bool element_same_nla(const struct pgm_nla *a, const struct pgm_nla *b)
{
	return a->len == b->len && !memcmp(a->addr, b->addr, a->len);
}

static inline bool element_is_multicast(const struct pgm_nla *a)
{
	return a->len == 4 ? a->addr[0] >> 4 == 0xe : a->addr[0] == 0xff;
}

/* The i-th of the sequence numbers that a NAK or NCF is about, of which there are
 * element_sqns(). */
static inline unsigned element_sqns(const struct pgm_packet *p)
{
	return 1u + p->options.naks;
}

static inline uint32_t element_sqn(const struct pgm_packet *p, unsigned i)
{
	return i ? p->options.nak_list[i - 1] : p->sqn;
}

/* For parity: the group's first, and how many packets the low bits ask for (11.3.1). */
static inline uint32_t element_group(const struct ne_path *path, uint32_t sqn)
{
	return sqn & ~(uint32_t)(path->tg_size - 1);
}

static inline uint8_t element_packets(const struct ne_path *path, uint32_t sqn)
{
	return (uint8_t)((sqn & (uint32_t)(path->tg_size - 1)) + 1);
}

/* element.c. A checksum for what was altered; then on its way: false: the link has no room. */
void element_seal(uint8_t *at, unsigned len);
bool element_send(struct pgm_element *e, unsigned interface, const struct pgm_nla *from,
		  const struct pgm_nla *to, const uint8_t *at, unsigned len, bool router_alert);

/* element_path.c. path_learn(): the session of an SPM that is in sequence, brought up to date;
 * NULL: it was dropped, and counted. path_of(): that of a packet that goes downstream, if it came
 * from upstream, or one that goes upstream, if it did not; NULL as before. */
struct ne_path *path_find(const struct pgm_element *e, const struct pgm_tsi *tsi);
struct ne_path *path_learn(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in);
struct ne_path *path_of(struct pgm_element *e, const struct pgm_packet *p,
			const struct pgm_hop *in);
uint64_t paths_turn(struct pgm_element *e, uint64_t now_ns);

/* element_repair.c. sqn: of parity, the first of a group. repair_make(): there has to be room. The
 * next three move a state on, from whatever it was, and start its timer. */
struct ne_repair *repair_find(const struct pgm_element *e, const struct ne_path *path, uint32_t sqn,
			      bool parity);
bool repair_has_room(const struct pgm_element *e, const struct ne_path *path, unsigned n);
struct ne_repair *repair_make(struct pgm_element *e, const struct ne_path *path, uint32_t sqn,
			      bool parity);
void repair_pend(struct pgm_element *e, uint64_t now_ns, struct ne_repair *r);
void repair_confirm(struct pgm_element *e, uint64_t now_ns, struct ne_repair *r);
void repair_null(struct pgm_element *e, uint64_t now_ns, struct ne_repair *r);
void repair_free(struct pgm_element *e, struct ne_repair *r);
void repairs_forget(struct pgm_element *e, const struct ne_path *path);
uint64_t repairs_turn(struct pgm_element *e, uint64_t now_ns);

/* element_nak.c. element_repeat_nak(): one NAK for up to 1 + PGM_NAK_LIST_MAX numbers, in order. */
enum pgm_input element_nak(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in, uint8_t *at, unsigned len);
enum pgm_input element_nnak(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			    const struct pgm_hop *in, uint8_t *at, unsigned len);
enum pgm_input element_ncf(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in);
void element_repeat_nak(struct pgm_element *e, const struct ne_path *path, const uint32_t *sqn,
			unsigned n, bool parity);

/* element_rdata.c. element_short_group(): the group of sqn has only `size` packets. */
enum pgm_input element_rdata(struct pgm_element *e, const struct pgm_packet *p,
			     const struct pgm_hop *in, const uint8_t *at, unsigned len);
void element_short_group(struct pgm_element *e, const struct ne_path *path, uint32_t sqn,
			 uint32_t size);

/* element_options.c. element_obey_opx(): what options unknown to us want done (9); false: that the
 * packet be dropped. element_set_sqn(): the i-th number of a NAK or NCF. Either alters the packet
 * and not its checksum; the former says so in *altered. */
bool element_obey_opx(const struct pgm_packet *p, uint8_t *at, bool *altered);
void element_set_sqn(const struct pgm_packet *p, uint8_t *at, unsigned i, uint32_t sqn);

#endif
