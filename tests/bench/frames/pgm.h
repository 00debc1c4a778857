/* PGM packets as bytes (RFC 3208 8), and what libzmq puts into them. No state, no clock: functions
 * write to where they are told, and say how much. IPv4 network addresses only. */
#ifndef ZL_TESTS_BENCH_FRAMES_PGM_H
#define ZL_TESTS_BENCH_FRAMES_PGM_H

#include <stdint.h>

#include <rte_byteorder.h>

#define PGM_IP_PROTOCOL 113
#define PGM_GSI_BYTES   6

enum pgm_type {
	PGM_SPM = 0x00,
	PGM_ODATA = 0x04,
	PGM_RDATA = 0x05,
};

/* RFC 3208 8 */
struct pgm_header {
	rte_be16_t source_port, destination_port;
	uint8_t type, options;
	rte_be16_t checksum;
	uint8_t gsi[PGM_GSI_BYTES];
	rte_be16_t tsdu_length;
} __attribute__((packed));

/* RFC 3208 8.1, with an IPv4 path NLA. */
struct pgm_spm {
	struct pgm_header header;
	rte_be32_t sequence, trail, lead;
	rte_be16_t nla_afi, reserved;
	rte_be32_t nla;
} __attribute__((packed));

/* RFC 3208 8.2: ODATA and RDATA. The TSDU follows. */
struct pgm_data {
	struct pgm_header header;
	rte_be32_t sequence, trail;
} __attribute__((packed));

/* A source (its GSI and source port are the TSI), and the port that it sends to. */
struct pgm_source {
	uint8_t gsi[PGM_GSI_BYTES];
	uint16_t source_port, destination_port;
};

/* Returns sizeof(struct pgm_spm). nla: the source's, in host order. */
uint32_t pgm_put_spm(uint8_t *at, const struct pgm_source *from, uint32_t sequence, uint32_t trail,
		     uint32_t lead, uint32_t nla);
/* Around a TSDU that lies at `at` + sizeof(struct pgm_data) already. Returns the bytes of both. */
uint32_t pgm_put_odata(uint8_t *at, const struct pgm_source *from, uint32_t sequence,
		       uint32_t trail, uint16_t tsdu_bytes);
/* Over a whole packet whose checksum field is zero; never zero, which would say that there is none
 * (RFC 3208 8). */
rte_be16_t pgm_checksum(const void *packet, uint32_t bytes);

/* libzmq's TSDU: where in it the first message begins (0xffff: none does), 16 bits, then ZMTP 1.0
 * frames (RFC 13). Writes both headers of a TSDU that is one message of one frame; how many bytes
 * they are. */
uint32_t pgm_put_zmq(uint8_t *at, uint32_t body_bytes);
/* The same count, without writing. */
uint32_t pgm_zmq_header(uint32_t body_bytes);

#endif
