/* A PGM network element (RFC 3208 7): stands between a source and the subnets of its receivers,
 * makes one NAK of all that these send for a packet, and lets a repair out only where it was asked
 * for. One core owns an element. Nothing here reads a clock, allocates or draws random numbers:
 * time comes in as now_ns (any origin, never backwards), memory once at the beginning.
 *
 * It forwards the packets of the groups that its owner shows it; which groups these are, joining
 * them, TTLs and next hops are the owner's. It polls nobody and redirects nothing: POLL, POLR
 * (14) and OPT_REDIRECT (9.5) have no part in it. */
#ifndef ZL_PGM_ELEMENT_H
#define ZL_PGM_ELEMENT_H

#include "dataplane/pgm/input.h"
#include "dataplane/pgm/packet.h"

#define PGM_NEVER              UINT64_MAX
#define PGM_ELEMENT_INTERFACES 16

struct pgm_element;

/* pgm_element_defaults() fills in all but the interfaces and the seed. */
struct pgm_element_config {
	unsigned interfaces; /* 2 to PGM_ELEMENT_INTERFACES, numbered from 0 */
	struct pgm_nla nla[PGM_ELEMENT_INTERFACES]; /* its own address on each, all of one length */
	uint64_t seed;                              /* of hashes: nobody outside may know it */

	/* Bounds. Memory is about 130 bytes a session and 90 a repair. */
	unsigned paths;        /* sessions at once, 1 to 65536 */
	uint32_t repairs;      /* packets or groups asked for at once, all sessions, 1 to 2^24 */
	uint32_t path_repairs; /* and of one session */

	/* Times (7.2 to 7.4). */
	uint64_t nak_repeat_ns; /* between NAKs until an NCF comes: 1 / NAK_RPT_RTE */
	uint64_t nak_rpt_ns;    /* NAK_RPT_IVL: given up instead of the first NAK that late */
	uint64_t nak_rdata_ns;  /* NAK_RDATA_IVL: a repair is awaited for so long after the NCF */
	uint64_t nak_elim_ns;   /* NAK_ELIM_IVL: shorter than nak_rdata_ns */
	uint64_t ncf_ivl_ns;    /* an interface's NAKs for one packet are confirmed no more often */
	uint64_t spmr_ivl_ns; /* one session's SPMRs are forwarded no more often (13.4: IHB_MIN) */
	uint64_t expiry_ns;   /* a session whose SPMs have ceased is forgotten */
	uint64_t evict_ns;    /* or sooner, if for so long and its place is needed */
};

/* How a packet comes or goes: by which interface, and the addresses of its IP header. */
struct pgm_hop {
	unsigned interface;
	struct pgm_nla from, to;
};

/* What an element needs from below. ctx is the one of pgm_element_init(). */
struct pgm_element_ops {
	/* to is a group, or a unicast address; from is to be the IP source as it is, which for what
	 * goes downstream is the source's address, not ours (7.2). at is not kept after the call.
	 * router_alert: with the IP option (RFC 3208 4). false: no room now, and it is lost; NAKs
	 * are repeated. */
	bool (*send)(void *ctx, const struct pgm_hop *out, const uint8_t *at, unsigned len,
		     bool router_alert);
};

/* Times that fit receivers of libzmq's (pgm_receiver_defaults()), 256 sessions, 16384 repairs. */
void pgm_element_defaults(struct pgm_element_config *c);

/* Bytes that an element of this configuration takes; 0 if it cannot be. */
size_t pgm_element_bytes(const struct pgm_element_config *c);

/* memory: of pgm_element_bytes(), 64-byte aligned, the caller's again once the element is no longer
 * used. counters: PGM_COUNTERS of them. */
struct pgm_element *pgm_element_init(void *memory, const struct pgm_element_config *c,
				     const struct pgm_element_ops *ops, void *ctx,
				     uint64_t *counters);

/* A packet that came by `in`: to a group on any interface, to our own address on one, or an SPMR to
 * whomever. p is what pgm_parse() made of the len bytes at `at`, which stay the caller's but are
 * altered as the packet is forwarded. */
enum pgm_input pgm_element_input(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
				 const struct pgm_hop *in, uint8_t *at, unsigned len);

/* NAKs to be repeated, and what has run out. Returns when to call again, or PGM_NEVER. */
uint64_t pgm_element_turn(struct pgm_element *e, uint64_t now_ns);

/* Sessions known and repairs awaited now. */
unsigned pgm_element_paths(const struct pgm_element *e);
uint32_t pgm_element_repairs(const struct pgm_element *e);

/* What is known of a session, for those who watch; false: nothing. */
struct pgm_element_path {
	struct pgm_nla source, group;
	struct pgm_hop upstream; /* from: our own address there; to: where NAKs go */
	uint32_t spm_sqn, repairs;
	uint64_t heard_ns; /* when its last SPM came */
};
bool pgm_element_path(const struct pgm_element *e, const struct pgm_tsi *tsi,
		      struct pgm_element_path *to);

#endif
