/* What libzmq's datagrams of udp:// hold: RADIO's and DISH's a byte with the length of the group's
 * name, the name, and the body (libzmq's udp_engine; RFC 48 has no carrier of its own); DGRAM's the
 * body alone, whose message has its peer's "address:port" before it. Any core. */
#ifndef ZL_DATAPLANE_DATAGRAM_H
#define ZL_DATAPLANE_DATAGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/net/stream.h"
#include "dataplane/ring/msg.h"

#define ZL_DATAGRAM_HEAD_MAX 256   /* a group's length and name */
#define ZL_DATAGRAM_MAX      65507 /* bytes that UDP carries over IPv4 */

/* The two parts of a datagram's message, each with a reference. false: it is none, or (addressed)
 * there was no memory, and m is still the caller's. */
bool zl_datagram_grouped(struct rte_mbuf *m, struct zl_msg parts[2]);
bool zl_datagram_addressed(struct rte_mempool *pool, struct rte_mbuf *m,
			   const struct zl_endpoint_addr *from, struct zl_msg parts[2]);

/* "10.0.0.1:5555" */
bool zl_datagram_address(const struct zl_msg *part, struct zl_endpoint_addr *to);
/* A datagram of these bytes and the body behind them; NULL: no memory. */
struct rte_mbuf *zl_datagram_make(struct rte_mempool *pool, const uint8_t *head, unsigned head_len,
				  const struct zl_msg *body);
/* What they add up to in one's complement, as a number, where the body is in one piece. Of what it
 * is made of: that has lain there for a while, and a copy would have to be waited for. */
bool zl_datagram_sum(const uint8_t *head, unsigned head_len, const struct zl_msg *body,
		     uint16_t *sum);

#endif
