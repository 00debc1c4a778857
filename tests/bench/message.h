/* What publishers write and subscribers expect. A message is `parts` frames of `size` bytes each.
 * The first begins with a stamp, or with a prefix and some bytes (the lead) and then the stamp;
 * every other byte is given by its place in the frame, so content can be checked without a copy of
 * it.
 * Requests have an empty part before that, as REQ sends it.
 *
 * The stamp holds a clock reading (TSC): both ends are on one machine. */
#ifndef ZL_TESTS_BENCH_MESSAGE_H
#define ZL_TESTS_BENCH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/zmtp/codec.h"

/* Host byte order, 16 bytes: the smallest message. */
struct stamp {
	union {
		char topic[4];
		uint32_t prefix; /* with a lead: its number */
	};
	uint32_t sequence; /* of this publisher (of the group, draw.h), from 0; wraps */
	uint64_t sent;     /* publisher << 48 | nanoseconds modulo 2^48 */
};
_Static_assert(sizeof(struct stamp) == 16, "the smallest message is a stamp");

#define SENT_BITS  48
#define SENT_MASK  ((1ull << SENT_BITS) - 1)
#define TOPICS_MAX (1u << 24)
#define PARTS_MAX  16
#define BODY_MAX   (1u << 30)

/* Bytes laid out ahead in one buffer; what of a frame does not go in there is filler. */
#define LAID_ROOM 32768
#define LAID_LONG 1024
#define FILLER    32768 /* the filler's period */

struct layout {
	uint32_t parts, size;
	uint32_t lead;               /* bytes of the first part before its stamp */
	uint32_t delimiter;          /* bytes of the empty part, which count as header; or 0 */
	unsigned header_len;         /* of each frame */
	uint8_t more[9], last[11];   /* headers */
	uint64_t begins, begins_in;  /* the last header's first bytes as a word, and where */
	uint32_t laid_frame;         /* bytes of a frame laid out ahead, its header first */
	uint32_t tail;               /* bytes of its body that follow from the filler */
	uint32_t laid, wire;         /* of the whole message */
	uint8_t pattern[2 * FILLER]; /* twice, so that any window of a period is one piece */
};

/* size is at least a stamp's and the lead, parts 1 to PARTS_MAX; delimited: 1. */
void layout_make(struct layout *l, uint32_t size, uint32_t parts, uint32_t lead, bool delimited);
/* Do these bytes begin with a last part's header? There are as many as that and 16 more. */
static inline bool layout_begins(const struct layout *l, const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return (word & l->begins_in) == l->begins &&
	       (l->header_len <= sizeof(word) || memcmp(bytes, l->last, l->header_len) == 0);
}
/* Writes the laid part of a message without its stamp. */
void layout_lay(const struct layout *l, uint8_t *out);
/* Are these n bytes what stands at `at` of a frame's body? */
bool layout_matches(const struct layout *l, const uint8_t *bytes, uint32_t n, uint32_t at);

/* Four printable characters: no topic is a prefix of another. */
void topic_name(uint32_t topic, char name[4]);

#endif
