/* A peer of plain TCP or vsock, for bytes that no ZeroMQ library would send. Steps as in remote.h.
 */
#ifndef ZL_TESTS_INTEROP_RAW_H
#define ZL_TESTS_INTEROP_RAW_H

#include "tests/interop/peer.h"

struct peer *raw_start(const struct lab_net *net, const char *name);
/* To a port of the appliance, or of another address. Connections pile up; the last one is what
 * steps are about. */
void raw_connect(struct peer *p, uint16_t port);
void raw_connect_to(struct peer *p, const char *ip, uint16_t port);
/* To a port of this machine's own CID. */
void raw_connect_vsock(struct peer *p, uint32_t port);
void raw_send(struct peer *p, const void *bytes, size_t n);
/* So many bytes come; kept until the next step. */
const uint8_t *raw_receive(struct peer *p, size_t n);
/* These come. */
void raw_expect(struct peer *p, const void *bytes, size_t n);
/* The same with a literal's bytes. */
#define RAW_SENDS(p, text)   raw_send(p, text, sizeof(text) - 1)
#define RAW_EXPECTS(p, text) raw_expect(p, text, sizeof(text) - 1)
/* The appliance ends the connection, after whatever it still sends. */
void raw_expect_close(struct peer *p);
void raw_close(struct peer *p); /* by FIN */
void raw_reset(struct peer *p); /* by RST */
void raw_end(struct peer *p);

/* In the child of peer_start(): a connection is refused at once. */
void raw_expect_refused(struct peer *self, uint16_t port);
/* Or it is accepted, and ended before it has said anything. */
void raw_expect_turned_away(struct peer *self, uint16_t port);

/* ZMTP 3.1 NULL as `type` ("SUB"): greetings both ways; then READY both ways. */
void raw_greet(struct peer *p);
void raw_ready(struct peer *p, const char *type);
/* All of that: a peer of type `ours` at that port of the appliance, which says that it is `theirs`.
 */
struct peer *raw_join(const struct lab_net *net, uint16_t port, const char *ours,
		      const char *theirs);

#endif
