/* Messages to datagrams and back. In, the parts point into the datagram; out, it is a copy, as the
 * headers before it are its own. */
#include "dataplane/datagram.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/net/sum.h"
#include "dataplane/ring/chain.h"

#define ADDRESS_MAX sizeof("255.255.255.255:65535")

static struct zl_buf *buf_of(struct rte_mbuf *m)
{
	return (struct zl_buf *)m;
}

/* All that is left of m from `data` on. Made where it stays: a copy would wait for the bytes that
 * have just been written one by one. */
static void set_body(struct zl_msg *body, struct rte_mbuf *m, const uint8_t *data, uint32_t len)
{
	*body = (struct zl_msg){
		.buf = buf_of(m),
		.data = data,
		.len = len,
		.flags = m->next ? ZL_MSG_CHAIN : 0,
	};
}

bool zl_datagram_grouped(struct rte_mbuf *m, struct zl_msg parts[2])
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t group;

	if (m->data_len < 1 || m->data_len < 1u + p[0])
		return false;
	group = p[0];
	parts[0] = (struct zl_msg){
		.buf = buf_of(m), .data = p + 1, .len = group, .flags = ZL_MSG_MORE};
	set_body(&parts[1], m, p + 1 + group, m->pkt_len - 1 - group);
	zl_buf_ref(buf_of(m), 1);
	return true;
}

/* The datagram may be others' too: nothing is written before it. */
bool zl_datagram_addressed(struct rte_mempool *pool, struct rte_mbuf *m,
			   const struct zl_endpoint_addr *from, struct zl_msg parts[2])
{
	struct rte_mbuf *address = rte_pktmbuf_alloc(pool);
	char *text = address ? rte_pktmbuf_append(address, ADDRESS_MAX) : NULL;
	int n;

	if (!text) {
		rte_pktmbuf_free(address);
		return false;
	}
	n = snprintf(text, ADDRESS_MAX, "%u.%u.%u.%u:%u", from->ip >> 24, from->ip >> 16 & 255,
		     from->ip >> 8 & 255, from->ip & 255, from->port);
	rte_pktmbuf_trim(address, (uint16_t)(ADDRESS_MAX - (unsigned)n));
	parts[0] = (struct zl_msg){.buf = buf_of(address),
				   .data = (const uint8_t *)text,
				   .len = (uint32_t)n,
				   .flags = ZL_MSG_MORE};
	set_body(&parts[1], m, rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len);
	return true;
}

/* A decimal number without sign or spaces, up to `max`. */
static bool read_number(const char *s, unsigned long max, unsigned long *value)
{
	*value = 0;
	if (!*s || strlen(s) > 5)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		*value = *value * 10 + (unsigned long)(*s - '0');
	}
	return *value <= max;
}

bool zl_datagram_address(const struct zl_msg *part, struct zl_endpoint_addr *to)
{
	char text[ADDRESS_MAX], *colon;
	unsigned long port;
	struct in_addr a;
	uint32_t n;

	if (part->len >= sizeof(text))
		return false;
	n = zl_msg_peek(part, (uint8_t *)text, part->len);
	text[n] = '\0';
	colon = strrchr(text, ':');
	if (!colon || strlen(text) != n)
		return false;
	*colon = '\0';
	if (!read_number(colon + 1, 65535, &port) || !port || inet_pton(AF_INET, text, &a) != 1)
		return false;
	*to = (struct zl_endpoint_addr){.ip = ntohl(a.s_addr), .port = (uint16_t)port};
	return true;
}

bool zl_datagram_sum(const uint8_t *head, unsigned head_len, const struct zl_msg *body,
		     uint16_t *sum)
{
	uint16_t of_body;

	if (body->flags & ZL_MSG_CHAIN)
		return false;
	of_body = ones_sum_of(body->data, body->len);
	/* Behind an odd byte its bytes are in the other halves of the words (RFC 1071 2(B)). */
	if (head_len & 1)
		of_body = rte_bswap16(of_body);
	*sum = rte_be_to_cpu_16(ones_fold((uint32_t)ones_sum_of(head, head_len) + of_body));
	return true;
}

static bool fits(struct rte_mempool *pool, uint64_t len)
{
	return len + RTE_PKTMBUF_HEADROOM <= rte_pktmbuf_data_room_size(pool);
}

/* Both in one piece. */
static struct rte_mbuf *make_whole(struct rte_mempool *pool, const uint8_t *head, unsigned head_len,
				   const struct zl_msg *body)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *at;

	if (!m)
		return NULL;
	at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head_len + body->len));
	memcpy(at, head, head_len);
	memcpy(at + head_len, body->data, body->len);
	return m;
}

struct rte_mbuf *zl_datagram_make(struct rte_mempool *pool, const uint8_t *head, unsigned head_len,
				  const struct zl_msg *body)
{
	struct zl_chain chain = {0};

	if (!(body->flags & ZL_MSG_CHAIN) && fits(pool, (uint64_t)head_len + body->len))
		return make_whole(pool, head, head_len, body);
	if (zl_chain_append(&chain, pool, head, head_len) &&
	    zl_chain_append_body(&chain, pool, body))
		return chain.head;
	rte_pktmbuf_free(chain.head);
	return NULL;
}
