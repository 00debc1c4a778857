/* TCP options: parsed into a struct that cannot be nonsense, and built from the connection (RFC
 * 9293 3.2, RFC 7323). */
#include <rte_byteorder.h>

#include "dataplane/net/tcp/tcp.h"

enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_PERMITTED = 4,
	OPT_TIMESTAMPS = 8,
};

#define WSCALE_MAX 14 /* RFC 7323 2.3 */

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)load16(p) << 16 | load16(p + 2);
}

static void store32(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 24);
	p[1] = (uint8_t)(x >> 16);
	p[2] = (uint8_t)(x >> 8);
	p[3] = (uint8_t)x;
}

/* A known kind with a length that is not its own is ignored, as an unknown kind is. */
static void option(struct tcp_options *o, const uint8_t *p, unsigned len)
{
	switch (p[0]) {
	case OPT_MSS:
		if (len == 4) {
			o->has_mss = true;
			o->mss = load16(p + 2);
		}
		break;
	case OPT_WSCALE:
		if (len == 3) {
			o->has_wscale = true;
			o->wscale = RTE_MIN(p[2], WSCALE_MAX);
		}
		break;
	case OPT_SACK_PERMITTED:
		if (len == 2)
			o->sack_permitted = true;
		break;
	case OPT_TIMESTAMPS:
		if (len == 10) {
			o->has_ts = true;
			o->ts_val = load32(p + 2);
			o->ts_ecr = load32(p + 6);
		}
		break;
	default:
		break;
	}
}

bool options_parse(const struct rte_tcp_hdr *h, unsigned header_len, struct tcp_options *o)
{
	const uint8_t *p = (const uint8_t *)(h + 1);
	const uint8_t *end = (const uint8_t *)h + header_len;

	*o = (struct tcp_options){0};
	/* What nearly every segment carries (RFC 7323 appendix A). */
	if (end - p == 12 && load32(p) == 0x0101080a) {
		option(o, p + 2, 10);
		return true;
	}
	while (p < end && *p != OPT_END) {
		if (*p == OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return false;
		option(o, p, p[1]);
		p += p[1];
	}
	return true;
}

uint32_t timestamp_now(const struct tcp_conn *c)
{
	return (uint32_t)(conn_now(c) / 1000000) + c->ts_offset;
}

static unsigned build_timestamps(const struct tcp_conn *c, uint8_t flags, uint8_t *out)
{
	store32(out, 0x0101080a);
	store32(out + 4, timestamp_now(c));
	store32(out + 8, flags & RTE_TCP_ACK_FLAG ? c->ts_recent : 0);
	return 12;
}

unsigned options_build(const struct tcp_conn *c, uint8_t flags, uint8_t out[TCP_OPTIONS_MAX])
{
	unsigned n = 0;
	/* A SYN offers everything, a SYN-ACK what the peer offered (RFC 7323 2.2, 3.2). */
	bool offer = (flags & RTE_TCP_SYN_FLAG) && !(flags & RTE_TCP_ACK_FLAG);

	if (flags & RTE_TCP_SYN_FLAG) {
		store32(out, (uint32_t)OPT_MSS << 24 | 4 << 16 | c->rcv_mss);
		n = 4;
		if (offer || c->flags & CONN_WSCALE) {
			store32(out + n, (uint32_t)OPT_NOP << 24 | OPT_WSCALE << 16 | 3 << 8 |
						 c->tcp->rcv_wscale);
			n += 4;
		}
	}
	if (offer || c->flags & CONN_TS)
		n += build_timestamps(c, flags, out + n);
	return n;
}
