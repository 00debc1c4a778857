/* What a pattern tells its user by messages of its own: that a peer has come or gone. They are
 * received between other messages, and wait in order while the receiver has no room. */
#ifndef ZL_ROUTER_NOTICES_H
#define ZL_ROUTER_NOTICES_H

#include "dataplane/router/inbox.h"

struct zl_notice {
	struct zl_msg part[2]; /* a reference is held on each buffer */
	unsigned parts;
};

struct zl_notices {
	struct zl_notice *at; /* a ring */
	uint32_t max, first, n;
};

void zl_notices_close(struct zl_notices *q);
/* Not on the path of messages: allocates. label (may be NULL) goes before the bytes, of which there
 * may be none. Without memory the notice is lost, and counted. */
void zl_notices_add(struct zl_socket *s, struct zl_notices *q, const struct zl_msg *label,
		    const uint8_t *bytes, size_t len);
void zl_notices_flush(struct zl_socket *s, struct zl_notices *q, const struct zl_inbox *in);

/* Before other input, and whenever something changed: as many as are taken, between messages. */
static inline void zl_notices_hand_up(struct zl_socket *s, struct zl_notices *q,
				      const struct zl_inbox *in)
{
	if (q->n)
		zl_notices_flush(s, q, in);
}

#endif
