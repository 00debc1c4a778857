/* PGM packets (RFC 3208 8 and 9), parsed into a struct and built from one. Pure functions: any core
 * may call them. The packet begins at the PGM header; raw IP (protocol 113) and UDP encapsulation
 * carry the same bytes. Numbers are in host order unless said. */
#ifndef ZL_PGM_PACKET_H
#define ZL_PGM_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PGM_PROTOCOL     113 /* of IP (RFC 3208 8) */
#define PGM_HEADER_LEN   16
#define PGM_NAK_LIST_MAX 62 /* that fit an option of 255 bytes (RFC 3208 9.3) */

enum pgm_type {
	PGM_SPM = 0,
	PGM_POLL = 1,
	PGM_POLR = 2,
	PGM_ODATA = 4,
	PGM_RDATA = 5,
	PGM_NAK = 8,
	PGM_NNAK = 9,
	PGM_NCF = 10,
	PGM_SPMR = 12,
};

/* The header's option flags (RFC 3208 8). */
enum {
	PGM_PRESENT = 0x01,
	PGM_NETWORK = 0x02,
	PGM_VAR_PKTLEN = 0x40,
	PGM_PARITY = 0x80,
};

enum pgm_reason {
	PGM_OK,
#define PGM_REASON(name, text) PGM_BAD_##name,
#include "dataplane/pgm/pgm_reasons.def"
#undef PGM_REASON
	PGM_REASONS
};

/* A transport session: who sends, and its port. */
struct pgm_tsi {
	uint8_t gsi[6];
	uint16_t port;
};

struct pgm_nla {
	uint8_t len; /* 4 or 16 */
	uint8_t addr[16];
};

/* Bits of pgm_options.has. */
enum {
	PGM_HAS_FRAGMENT = 1 << 0,
	PGM_HAS_NAK_LIST = 1 << 1,
	PGM_HAS_JOIN = 1 << 2,
	PGM_HAS_SYN = 1 << 3,
	PGM_HAS_FIN = 1 << 4,
	PGM_HAS_RST = 1 << 5,
	PGM_HAS_PARITY_PRM = 1 << 6,
	PGM_HAS_PARITY_GRP = 1 << 7,
	PGM_HAS_CURR_TGSIZE = 1 << 8,
};

/* Of OPT_PARITY_PRM (11.8.1). OpenPGM has the two the other way round, so that a source which says
 * only one of them may mean the other. */
enum {
	PGM_PARITY_ONDEMAND = 0x01,
	PGM_PARITY_PROACTIVE = 0x02,
};

/* In a parity packet the option is parity of the group's options, its U bit included (11.2). */
enum {
	PGM_FRAGMENT_NULL = 0x80 /* this packet has no OPT_FRAGMENT (OP_ENCODED_NULL) */
};

/* OPT_RST (9.8.4). */
enum {
	PGM_RST_NO_NAKS = 0x40,
	PGM_RST_CODE = 0x3f,
};

struct pgm_options {
	uint16_t has;
	uint8_t naks;        /* entries of nak_list */
	uint8_t rst;         /* the N bit and error code of OPT_RST */
	uint8_t parity;      /* of OPT_PARITY_PRM */
	bool encoded;        /* OPT_FRAGMENT is parity (OP_ENCODED); fragment is 0 otherwise */
	uint8_t fragment;    /* its fourth byte */
	uint32_t first_sqn;  /* OPT_FRAGMENT */
	uint32_t offset;     /* bytes */
	uint32_t apdu_len;   /* bytes */
	uint32_t join_sqn;   /* OPT_JOIN */
	uint32_t tg_size;    /* OPT_PARITY_PRM, packets */
	uint32_t parity_grp; /* OPT_PARITY_GRP */
	uint32_t curr_tgsize;
	uint32_t nak_list[PGM_NAK_LIST_MAX]; /* beyond naks undefined */
};

struct pgm_packet {
	enum pgm_type type;
	uint8_t flags;
	uint16_t sport, dport;
	struct pgm_tsi tsi;   /* its port is dport in what goes towards the source */
	uint32_t sqn;         /* but for SPMR */
	uint32_t trail, lead; /* SPM; trail also in ODATA and RDATA */
	struct pgm_nla nla;   /* SPM: the path; NAK, NNAK, NCF: the source */
	struct pgm_nla group; /* NAK, NNAK, NCF */
	const uint8_t *tsdu;  /* borrowed from the packet */
	uint16_t tsdu_len;    /* bytes */
	struct pgm_options options;
};

/* What a packet with a checksum adds up to in one's complement, itself included. */
#define PGM_SUM 0xffff

/* Returns PGM_OK, or why the packet is refused; *p is then not to be read. */
enum pgm_reason pgm_parse(const uint8_t *at, size_t len, struct pgm_packet *p);
/* The same for whoever knows the one's complement sum of the packet already, as a number. */
enum pgm_reason pgm_parse_summed(const uint8_t *at, size_t len, uint16_t summed,
				 struct pgm_packet *p);

/* Writes header, options, TSDU and checksum. Returns bytes, or 0 if it does not fit in room or the
 * packet cannot be said. gsi comes from p->tsi, ports from sport and dport; PGM_PRESENT and
 * PGM_NETWORK come from the options. */
size_t pgm_build(const struct pgm_packet *p, uint8_t *out, size_t room);

/* Another path NLA into an SPM that was built with one of the same length. */
void pgm_spm_set_path(uint8_t *spm, size_t len, const struct pgm_nla *path);
/* The same with the source of a NAK or NNAK. */
void pgm_nak_set_source(uint8_t *nak, size_t len, const struct pgm_nla *source);

const char *pgm_reason_text(enum pgm_reason r);

/* The checksum as stored, of bytes whose checksum field is zero; never 0 (RFC 3208 8). */
uint16_t pgm_checksum(const uint8_t *at, size_t len);

/* options.c: len is what is left of the packet; *used, what the options took. has, naks and the
 * like are zero beforehand. Network-significant options are written first (9.1). */
enum pgm_reason pgm_options_parse(const uint8_t *at, size_t len, struct pgm_options *o,
				  size_t *used);
size_t pgm_options_build(const struct pgm_options *o, uint8_t *out, size_t room);

static inline uint16_t pgm_load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t pgm_load32(const uint8_t *p)
{
	return (uint32_t)pgm_load16(p) << 16 | pgm_load16(p + 2);
}

static inline void pgm_store16(uint8_t *p, uint16_t x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static inline void pgm_store32(uint8_t *p, uint32_t x)
{
	pgm_store16(p, (uint16_t)(x >> 16));
	pgm_store16(p + 2, (uint16_t)x);
}

/* ip in host order. */
static inline void pgm_nla_set_ipv4(struct pgm_nla *nla, uint32_t ip)
{
	*nla = (struct pgm_nla){.len = 4};
	pgm_store32(nla->addr, ip);
}

static inline struct pgm_nla pgm_nla_ipv4(uint32_t ip)
{
	struct pgm_nla nla;

	pgm_nla_set_ipv4(&nla, ip);
	return nla;
}

#endif
