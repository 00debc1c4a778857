/* The mark that zeroline-frames puts at the beginning of each body, and by which zeroline-count
 * knows what is missing. Twelve bytes, so that it fits into the smallest frame. */
#ifndef ZL_TESTS_BENCH_FRAMES_STAMP_H
#define ZL_TESTS_BENCH_FRAMES_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define STAMP_MAGIC  0x5a4c /* "ZL" */
#define STAMP_GROUPS 65536u

struct stamp {
	uint16_t group;
	uint32_t sequence; /* of this group, from 0 */
	uint32_t count;    /* frames of this group in the file: after the last comes the first */
};

struct stamp_wire {
	rte_be16_t magic;
	rte_be16_t group;
	rte_be32_t sequence;
	rte_be32_t count;
} __attribute__((packed));

#define STAMP_BYTES sizeof(struct stamp_wire)

static inline void stamp_put(uint8_t *at, const struct stamp *s)
{
	struct stamp_wire *w = (struct stamp_wire *)at;

	*w = (struct stamp_wire){rte_cpu_to_be_16(STAMP_MAGIC), rte_cpu_to_be_16(s->group),
				 rte_cpu_to_be_32(s->sequence), rte_cpu_to_be_32(s->count)};
}

/* false: there is none. */
static inline bool stamp_get(const uint8_t *at, struct stamp *s)
{
	const struct stamp_wire *w = (const struct stamp_wire *)at;

	s->group = rte_be_to_cpu_16(w->group);
	s->sequence = rte_be_to_cpu_32(w->sequence);
	s->count = rte_be_to_cpu_32(w->count);
	return w->magic == rte_cpu_to_be_16(STAMP_MAGIC) && s->sequence < s->count;
}

#endif
