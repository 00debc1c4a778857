/* PGM packets as bytes. */
#include "tests/bench/frames/pgm.h"

#include <string.h>

#include <rte_ip.h>

#define AFI_IPV4        1
#define ZMTP1_SHORT_MAX 254 /* of the length, which counts the flags byte too */
#define ZMTP1_LONG      0xff

static struct pgm_header header(const struct pgm_source *from, enum pgm_type type, uint16_t tsdu)
{
	struct pgm_header h = {.source_port = rte_cpu_to_be_16(from->source_port),
			       .destination_port = rte_cpu_to_be_16(from->destination_port),
			       .type = (uint8_t)type,
			       .tsdu_length = rte_cpu_to_be_16(tsdu)};

	memcpy(h.gsi, from->gsi, sizeof(h.gsi));
	return h;
}

rte_be16_t pgm_checksum(const void *packet, uint32_t bytes)
{
	uint16_t sum = (uint16_t)~rte_raw_cksum(packet, bytes);

	return sum ? sum : 0xffff;
}

uint32_t pgm_put_spm(uint8_t *at, const struct pgm_source *from, uint32_t sequence, uint32_t trail,
		     uint32_t lead, uint32_t nla)
{
	struct pgm_spm *spm = (struct pgm_spm *)at;

	*spm = (struct pgm_spm){.header = header(from, PGM_SPM, 0),
				.sequence = rte_cpu_to_be_32(sequence),
				.trail = rte_cpu_to_be_32(trail),
				.lead = rte_cpu_to_be_32(lead),
				.nla_afi = rte_cpu_to_be_16(AFI_IPV4),
				.nla = rte_cpu_to_be_32(nla)};
	spm->header.checksum = pgm_checksum(at, sizeof(*spm));
	return sizeof(*spm);
}

uint32_t pgm_put_odata(uint8_t *at, const struct pgm_source *from, uint32_t sequence,
		       uint32_t trail, uint16_t tsdu_bytes)
{
	struct pgm_data *data = (struct pgm_data *)at;

	*data = (struct pgm_data){.header = header(from, PGM_ODATA, tsdu_bytes),
				  .sequence = rte_cpu_to_be_32(sequence),
				  .trail = rte_cpu_to_be_32(trail)};
	data->header.checksum = pgm_checksum(at, sizeof(*data) + tsdu_bytes);
	return sizeof(*data) + tsdu_bytes;
}

uint32_t pgm_zmq_header(uint32_t body_bytes)
{
	return 2 + (body_bytes + 1 > ZMTP1_SHORT_MAX ? 10 : 2);
}

uint32_t pgm_put_zmq(uint8_t *at, uint32_t body_bytes)
{
	uint32_t length = body_bytes + 1; /* and the flags: 0, the last frame */
	uint32_t bytes = pgm_zmq_header(body_bytes);
	rte_be32_t wide = rte_cpu_to_be_32(length);

	memset(at, 0, bytes);
	if (length > ZMTP1_SHORT_MAX) {
		at[2] = ZMTP1_LONG;
		memcpy(at + 7, &wide, sizeof(wide));
	} else {
		at[2] = (uint8_t)length;
	}
	return bytes;
}
