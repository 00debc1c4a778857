/* What libzmq puts into PGM's TSDUs (its pgm_sender and pgm_receiver): two bytes with the place,
 * from behind them, at which the first message begins, or 0xffff if none does; then a piece of a
 * stream of ZMTP 1.0 frames (RFC 13), which messages run through from one TSDU into the next. Who
 * joins late, or has lost some, begins at such a place. One core; nothing waits, nothing is logged.
 */
#ifndef ZL_DATAPLANE_TSDU_H
#define ZL_DATAPLANE_TSDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/assembly.h"

#define ZL_TSDU_HEAD      2
#define ZL_TSDU_NONE      0xffff
#define ZL_TSDU_FRAME_MAX 10 /* bytes of a frame's header: length, flags */

/* --- out --- */

struct zl_tsdu_writer {
	uint8_t *at; /* where the TSDU is laid out; NULL: none is begun */
	unsigned len, room;
	uint16_t first;   /* where a message begins, or ZL_TSDU_NONE */
	bool mid_message; /* the last part had more behind it */
	uint32_t done;    /* of the part at hand, header included, that earlier TSDUs have */
	struct zl_msg_reader body; /* the rest of it */
};

void zl_tsdu_begin(struct zl_tsdu_writer *w, uint8_t *at, unsigned room);
/* As much of the part as there is room for; true: all of it. false: the TSDU is full, and the same
 * part is to be given to the next one. */
bool zl_tsdu_put(struct zl_tsdu_writer *w, const struct zl_msg *part);
/* Its length; the next one has to be begun. */
unsigned zl_tsdu_end(struct zl_tsdu_writer *w);
static inline bool zl_tsdu_is_empty(const struct zl_tsdu_writer *w)
{
	return !w->at || w->len == ZL_TSDU_HEAD;
}

/* --- in --- */

/* Of one source. */
struct zl_tsdu_reader {
	struct zl_assembly message;
	bool joined; /* it knows where in the stream it is */
	uint8_t head[ZL_TSDU_FRAME_MAX];
	unsigned head_len;
};

void zl_tsdu_reader_init(struct zl_tsdu_reader *r, struct rte_mempool *frames,
			 uint64_t max_msg_bytes);
/* What was begun is forgotten: some TSDUs are lost, or the source is. */
void zl_tsdu_reset(struct zl_tsdu_reader *r);
/* The next TSDU, in order. m: what it lies in, in one piece, of which references are taken; NULL:
 * it is copied. false: it is none; the reader is reset. */
bool zl_tsdu_read(struct zl_tsdu_reader *r, const uint8_t *at, size_t len, struct rte_mbuf *m,
		  const struct zl_assembly_sink *sink);

#endif
