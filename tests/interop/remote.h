/* A peer that does what the test says, one step at a time, so that a test reads as a trace:
 * remote_send(pub, "A1"); remote_expect(sub, "A1"). Every step has been done when it returns; what
 * cannot be done fails the test. Messages are text of one part unless said otherwise. */
#ifndef ZL_TESTS_INTEROP_REMOTE_H
#define ZL_TESTS_INTEROP_REMOTE_H

#include "tests/interop/peer.h"

/* type: ZMQ_SUB, ZMQ_XPUB ... */
struct peer *remote_start(const struct lab_net *net, const char *name, int type);
void remote_option(struct peer *p, int option, int value);
void remote_option_text(struct peer *p, int option, const char *value);
void remote_bind(struct peer *p, const char *endpoint);
void remote_connect(struct peer *p, const char *endpoint);
void remote_unbind(struct peer *p, const char *endpoint);
void remote_disconnect(struct peer *p, const char *endpoint);
/* The last one, as it is at last. */
void remote_endpoint(struct peer *p, char *endpoint, size_t bytes);
void remote_subscribe(struct peer *p, const char *prefix);
void remote_unsubscribe(struct peer *p, const char *prefix);
void remote_send(struct peer *p, const char *text);
void remote_send_more(struct peer *p, const char *text); /* a part that is not the last */
void remote_send_bytes(struct peer *p, const void *bytes, size_t n);
/* The next message is this one. */
void remote_expect(struct peer *p, const char *text);
void remote_expect_bytes(struct peer *p, const void *bytes, size_t n);
/* An XPUB's or XSUB's view of subscriptions. */
void remote_expect_subscription(struct peer *p, bool subscribe, const char *prefix);
/* These, "+A" subscribed and "-A" cancelled, in any order, and none between. Ends with NULL. */
void remote_expect_subscriptions(struct peer *p, const char *const *changes);
/* The socket's connections lost so far. */
uint64_t remote_disconnects(struct peer *p);
/* Closes, flushed, and waits for its end. */
void remote_end(struct peer *p);

#endif
