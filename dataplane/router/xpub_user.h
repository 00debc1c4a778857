/* What the user of an XPUB hears of subscriptions, where the socket decides them by itself: an
 * application's, or one whose owner has no subscriptions() in its ops. Each comes as a message of
 * 0x01 or 0x00 and the topic (RFC 29): the first subscription to a topic and its last cancellation,
 * or all of them (ZMQ_XPUB_VERBOSE, _VERBOSER). With ZMQ_XPUB_MANUAL all are told, nothing comes
 * into force by itself, and what the user subscribes is in the name of the peer that it heard of
 * last. */
#ifndef ZL_ROUTER_XPUB_USER_H
#define ZL_ROUTER_XPUB_USER_H

#include "dataplane/router/socket.h"

struct zl_matcher;

struct zl_xpub_word {         /* to be heard */
	struct zl_pipe *pipe; /* NULL: gone */
	uint8_t *bytes;
	uint32_t len;
};

struct zl_xpub_user {
	struct zl_xpub_word *word; /* a ring */
	uint32_t max, first, n;
	struct zl_pipe *last;     /* manual: whose word was heard last; NULL: nobody's */
	struct zl_matcher *asked; /* manual: what peers have asked for */
	uint8_t topic[1 + 65535];
};

/* NULL: no memory. */
struct zl_xpub_user *zl_xpub_user_open(const struct zl_socket *s, size_t matcher_bytes);
void zl_xpub_user_close(struct zl_xpub_user *u);
/* Subscriptions of p; all are taken. */
unsigned zl_xpub_user_take(struct zl_socket *s, struct zl_xpub_user *u, struct zl_pipe *p,
			   const struct zl_msg *msgs, unsigned n);
/* p is going: its subscriptions are cancelled. */
void zl_xpub_user_forget(struct zl_socket *s, struct zl_xpub_user *u, struct zl_pipe *p);
/* As many words as the user takes now. */
void zl_xpub_user_flush(struct zl_socket *s, struct zl_xpub_user *u);

#endif
