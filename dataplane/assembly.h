/* Messages put together from frames that come in pieces: what lies whole in a buffer is borrowed
 * from it, what runs on is gathered in buffers of our own. Whose frames they are, and where one
 * begins, the caller knows (tsdu.h, norm_stream.h). One core; nothing waits, nothing is logged. */
#ifndef ZL_DATAPLANE_ASSEMBLY_H
#define ZL_DATAPLANE_ASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/ring/chain.h"

#define ZL_ASSEMBLY_PARTS 256 /* of one message, at most (ZL_FLOW_MSG_PARTS) */

struct zl_assembly {
	struct rte_mempool *frames;
	uint64_t max_msg_bytes; /* 0: no limit */
	bool dropping;          /* the message at hand is not wanted any more */
	bool in_body, more;     /* more: another part follows this one */
	uint64_t body_left, msg_bytes;
	struct zl_chain body; /* of a part that runs on: what has come of it */
	unsigned n;           /* parts of the message at hand, with a reference each */
	struct zl_msg part[ZL_ASSEMBLY_PARTS];
};

struct zl_assembly_sink {
	/* A whole message; the references are the callee's. */
	void (*message)(void *ctx, const struct zl_msg *parts, unsigned n);
	/* May be NULL. The same of one part that lies whole in its buffer, as nearly all are: what
	 * would be put together for it is only to be copied. */
	void (*single)(void *ctx, struct zl_buf *buf, const uint8_t *data, uint32_t len);
	/* A message that will not be delivered: too long, too many parts; no memory for it. */
	void (*dropped)(void *ctx, bool too_long);
	void *ctx;
	struct rte_mbuf **spare; /* a reference that may be used up, and is NULL then; or NULL */
};

void zl_assembly_init(struct zl_assembly *a, struct rte_mempool *frames, uint64_t max_msg_bytes);
/* What was begun is forgotten. */
void zl_assembly_reset(struct zl_assembly *a);
/* A part of so many bytes begins; none may be at hand (in_body). */
void zl_assembly_begin(struct zl_assembly *a, uint64_t bytes, bool more,
		       const struct zl_assembly_sink *sink);
/* Bytes of the part at hand, of which it takes as many as are its own; of no bytes too. m: the
 * buffer that they lie in, in one piece, of which references are taken; NULL: they are copied. */
size_t zl_assembly_take(struct zl_assembly *a, const uint8_t *at, size_t len, struct rte_mbuf *m,
			const struct zl_assembly_sink *sink);
/* A message of one part and n bytes, all of which are at `at` in m. false: not that simple; begin
 * and take it. */
bool zl_assembly_single(struct zl_assembly *a, const uint8_t *at, size_t n, struct rte_mbuf *m,
			const struct zl_assembly_sink *sink);

#endif
