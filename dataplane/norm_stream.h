/* What libzmq puts into NORM's streams (its norm_engine): each part of a message as a byte that is
 * 0 if it is the first one, and 0xff if not, and its ZMTP 2.0 frame (RFC 15). NORM knows where a
 * message begins, for who joins late or has lost some: libzmq marks every part there, and we the
 * first one of a message alone, as a libzmq that joins at another goes on looking at the same place
 * for ever. One core; nothing waits, nothing is logged. */
#ifndef ZL_DATAPLANE_NORM_STREAM_H
#define ZL_DATAPLANE_NORM_STREAM_H

#include "dataplane/assembly.h"
#include "dataplane/zmtp/codec.h"

#define ZL_NORM_HEAD_MAX (1 + ZL_FRAME_LONG_HEADER)

/* --- out --- */

struct zl_norm_writer {
	bool mid_message; /* the last part had more behind it */
	uint32_t done;    /* bytes of the part at hand, header included, that have gone */
};

/* The next bytes of the part into `at`, as many as there is room for; 0: all have gone. */
unsigned zl_norm_lay_out(const struct zl_norm_writer *w, const struct zl_msg *part, uint8_t *at,
			 unsigned room);
/* So many have gone. true: all of the part. */
bool zl_norm_gone(struct zl_norm_writer *w, const struct zl_msg *part, unsigned n);

/* --- in --- */

/* Of one source. */
struct zl_norm_reader {
	struct zl_assembly message;
	bool joined; /* it has read a frame, and so knows what has to come next: */
	bool mid_message;
	uint8_t head[ZL_NORM_HEAD_MAX];
	unsigned head_len;
};

void zl_norm_reader_init(struct zl_norm_reader *r, struct rte_mempool *frames,
			 uint64_t max_msg_bytes);
/* What comes next begins where a part does, and has nothing to do with what came before. */
void zl_norm_reader_reset(struct zl_norm_reader *r);
/* The next bytes; m: the buffer that they lie in, in one piece, of which references are taken.
 * false: no message has these; the reader is reset. */
bool zl_norm_reader_take(struct zl_norm_reader *r, const uint8_t *at, size_t len,
			 struct rte_mbuf *m, const struct zl_assembly_sink *sink);

#endif
