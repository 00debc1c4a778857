/* A peer of udp://: a socket of the kernel's, whose datagrams the test lays out byte by byte, as
 * libzmq has them (Debian's has neither RADIO, DISH nor DGRAM). Each step has been done when the
 * call returns. */
#ifndef ZL_TESTS_INTEROP_GRAM_H
#define ZL_TESTS_INTEROP_GRAM_H

#include "tests/interop/peer.h"

/* At the peers' address, and of that group too, unless it is NULL. Alive. */
struct peer *gram_start(const struct lab_net *net, const char *name, unsigned port,
			const char *group);
/* One datagram, to whoever is at ip:port. */
void gram_send(struct peer *p, const char *ip, unsigned port, const void *bytes, size_t n);
#define GRAM_SENDS(p, ip, port, text) gram_send(p, ip, port, text, sizeof(text) - 1)
/* The next one is these bytes; who sent it: "IP:PORT", valid until the next call. */
const char *gram_expect(struct peer *p, const void *bytes, size_t n);
#define GRAM_EXPECTS(p, text) gram_expect(p, text, sizeof(text) - 1)
/* The time to live of the last one that came. */
unsigned gram_hops(struct peer *p);
/* Numbered messages of a group, of at most `max` bytes, from..from+n: sent; or the next ones are
 * these, in order. */
void gram_burst(struct peer *p, const char *ip, unsigned port, const char *group, uint32_t max,
		uint64_t from, unsigned n);
void gram_check(struct peer *p, const char *group, uint32_t max, uint64_t from, unsigned n);
void gram_end(struct peer *p);

/* Bytes of message `number`, into `to`: as many as follow from it, at most `max`. */
#define GRAM_WHOLE    1400 /* a packet holds it */
#define GRAM_BODY_MAX 4000 /* some go in fragments */
size_t gram_body(uint64_t number, uint32_t max, uint8_t *to);

#endif
