/* Inside of zmtp/: what every frame of a session is put into once its handshake is over, where the
 * security mechanism has it so (CURVE, GSSAPI): a MESSAGE, in which flags and the body are that
 * ZMTP would have sent without it. A mechanism is one table of these operations. */
#ifndef ZL_ZMTP_ENVELOPE_H
#define ZL_ZMTP_ENVELOPE_H

#include "dataplane/zmtp/cursor.h"
#include "dataplane/zmtp/zmtp.h"

/* The flags of what is inside. Those of subscriptions are GSSAPI's alone. */
#define INNER_MORE      1
#define INNER_COMMAND   2
#define INNER_SUBSCRIBE 4
#define INNER_CANCEL    8

struct zl_envelope {
	uint32_t overhead; /* bytes that a frame has more, at most, than what is in it */
	/* `m`, the whole body of a frame, becomes the part that is in it, with a header of its own
	 * before it, and *flags (ZL_FRAME_*) that part's; ZL_MSG_SUBSCRIBE or _CANCEL in its own
	 * flags: it is one. In place where nobody else can see the buffer, else in *fresh, which is
	 * the caller's then, whatever is returned; NULL: there is none. */
	enum zl_zmtp_counter (*open)(struct zl_session *s, struct zl_msg *m, uint8_t *flags,
				     struct rte_mbuf **fresh);
	/* Queues one frame with these flags and `len` bytes at the cursor in it; `msgs` messages
	 * end with it, for the account of the one who wrote it. False: no memory, and the session
	 * cannot go on. */
	bool (*put)(struct zl_session *s, uint8_t flags, struct cursor c, uint32_t len,
		    uint32_t msgs);
	/* Lets go of what it has beyond the session; may be NULL. */
	void (*end)(struct zl_session *s);
};
extern const struct zl_envelope envelope_box;  /* boxed.c */
extern const struct zl_envelope envelope_wrap; /* wrapped.c */

/* envelope.c */
/* These parts, to this session alone. False: no memory, and the session cannot go on. */
bool envelope_write(struct zl_session *s, const struct zl_msg *msgs, unsigned n);
/* Whole frames of control's or of the session's own; 0 or -ENOBUFS. */
int envelope_send(struct zl_session *s, const uint8_t *frames, uint32_t len);

/* For envelopes. Another buffer behind *last, which it becomes; its head, or NULL: no memory, and
 * the chain is gone. */
struct rte_mbuf *segment_add(struct rte_mbuf *head, struct rte_mbuf **last,
			     struct rte_mempool *frames);
/* The part of `len` bytes that follows the flags, with the header that a frame of its own would
 * have before it: there must be room for that. */
void part_become(struct zl_msg *m, uint8_t *flags_at, uint32_t len, uint8_t more, bool chain);

#endif
