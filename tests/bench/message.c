/* Laying out messages, and knowing their bytes again. */
#include "tests/bench/message.h"

#include <string.h>

/* In whatever order this machine has a word's bytes. */
static void know_beginning(struct layout *l)
{
	uint32_t n = l->header_len < sizeof(uint64_t) ? l->header_len : sizeof(uint64_t);

	memcpy(&l->begins, l->last, n);
	memset(&l->begins_in, 0xff, n);
}

void layout_make(struct layout *l, uint32_t size, uint32_t parts, uint32_t lead, bool delimited)
{
	uint32_t head;

	*l = (struct layout){.parts = parts, .size = size, .lead = lead};
	l->delimiter = delimited ? zl_frame_build(l->last, ZL_FRAME_MORE, 0) : 0;
	zl_frame_build(l->more, ZL_FRAME_MORE, size);
	l->header_len = l->delimiter + zl_frame_build(l->last + l->delimiter, 0, size);
	know_beginning(l);
	l->wire = parts * (l->header_len + size);
	head = l->wire <= LAID_ROOM / 2 || size <= LAID_LONG ? size : LAID_LONG;
	l->laid_frame = l->header_len + head;
	l->tail = size - head;
	l->laid = parts * l->laid_frame;
	for (uint32_t i = 0; i < FILLER; i++)
		l->pattern[i] = l->pattern[FILLER + i] = (uint8_t)(i * 167 + (i >> 8) * 13);
}

void layout_lay(const struct layout *l, uint8_t *out)
{
	for (uint32_t part = 0; part < l->parts; part++) {
		const uint8_t *header = part + 1 < l->parts ? l->more : l->last;

		memcpy(out, header, l->header_len);
		memcpy(out + l->header_len, l->pattern, l->laid_frame - l->header_len);
		out += l->laid_frame;
	}
}

bool layout_matches(const struct layout *l, const uint8_t *bytes, uint32_t n, uint32_t at)
{
	while (n) {
		uint32_t piece = n < FILLER ? n : FILLER;

		if (memcmp(bytes, l->pattern + at % FILLER, piece) != 0)
			return false;
		bytes += piece;
		at += piece;
		n -= piece;
	}
	return true;
}

void topic_name(uint32_t topic, char name[4])
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned i = 4; i-- > 0; topic >>= 6)
		name[i] = digit[topic & 63];
}
