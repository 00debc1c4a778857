/* Frames read again: where they go, their stamp, and whether their checksums are right. */
#ifndef ZL_TESTS_BENCH_FRAMES_READ_H
#define ZL_TESTS_BENCH_FRAMES_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/frames/stamp.h"

struct frame_facts {
	uint32_t dst_ip;   /* host order; 0: not IPv4 */
	uint16_t dst_port; /* of UDP, or of PGM on IP; 0: none */
	uint8_t proto;     /* IP's */
	bool stamped;
	struct stamp stamp;
};

/* From the contiguous bytes of a frame, whatever they are; it begins at an even address. */
void frame_read(const uint8_t *frame, uint32_t bytes, struct frame_facts *facts);
/* Of IPv4, and of the UDP, PGM (in UDP only where the stamp says that it is), IGMP or ICMP in it;
 * true for what has none of these. Fragments: of IPv4 only. */
bool frame_is_right(const uint8_t *frame, uint32_t bytes);

#endif
