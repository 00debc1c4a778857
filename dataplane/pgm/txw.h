/* The transmit window (RFC 3208 5 and 16): the TSDUs sent last, in a ring of bytes, and what is
 * known of each in a ring of slots. */
#ifndef ZL_PGM_TXW_H
#define ZL_PGM_TXW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/pgm/tick.h"

enum {
	TXW_CONFIRMED = 1 << 0, /* confirmed_at says when */
	TXW_REPAIRED = 1 << 1,  /* repaired_at says when */
	TXW_VOID = 1 << 2,      /* no packet: its group was closed before it was full */
};

struct txw_slot {
	uint32_t at;         /* of options and TSDU, in the ring of bytes */
	uint16_t len;        /* of the TSDU, bytes */
	uint16_t sum;        /* of both, as a number */
	uint8_t options_len; /* bytes, OPT_LENGTH included */
	uint8_t flags;
	pgm_tick sent_at, confirmed_at, repaired_at;
};

struct txw {
	struct txw_slot *slot;
	uint8_t *bytes;
	uint32_t mask;
	uint32_t trail, next;       /* next: not sent yet */
	uint32_t sqns_max;          /* packets */
	uint32_t used, used_max;    /* bytes */
	uint32_t ring, put, at_one; /* bytes: the ring, where the next goes, the most one takes */
};

static inline uint32_t txw_aligned(uint32_t bytes)
{
	return (bytes + 7) & ~7u;
}

/* Bytes for the ring: used_max, and for one packet in the making and what no packet fits in at the
 * end. */
static inline size_t txw_ring(uint32_t used_max, uint32_t at_one)
{
	return (size_t)used_max + 3 * (size_t)at_one;
}

static inline struct txw_slot *txw_slot(const struct txw *w, uint32_t sqn)
{
	return &w->slot[sqn & w->mask];
}

static inline bool txw_has(const struct txw *w, uint32_t sqn)
{
	return sqn - w->trail < w->next - w->trail;
}

static inline uint32_t txw_count(const struct txw *w)
{
	return w->next - w->trail;
}

/* Room for the next packet's options and TSDU: at_one bytes in one piece. Nothing leaves for it. */
static inline uint8_t *txw_put(struct txw *w)
{
	if (w->ring - w->put < w->at_one)
		w->put = 0;
	return w->bytes + w->put;
}

#endif
