/* Reads frames as a stranger on the wire would, with byte offsets of its own rather than the
 * stack's structures, so that a misreading is not shared. */
#include "tests/sim/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ETHERNET_HEADER 14
#define TYPE_IPV4       0x0800
#define TYPE_ARP        0x0806
#define PROTO_TCP       6
#define FIN             0x01
#define SYN             0x02
#define RST             0x04
#define ACK             0x10
#define MSS_DEFAULT     536 /* RFC 9293 3.7.1 */

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* RFC 1071, unfolded. */
static uint32_t sum(uint32_t s, const uint8_t *p, uint32_t len)
{
	for (; len > 1; p += 2, len -= 2)
		s += get16(p);
	return len ? s + ((uint32_t)*p << 8) : s;
}

static uint32_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* A TCP segment, taken apart. */
struct view {
	const uint8_t *ip, *tcp;
	uint32_t ip_len, header_len, payload;
	uint32_t src, dst, seq, ack, wnd;
	uint16_t sport, dport;
	uint8_t flags;
	int scale; /* -1: no option */
	int mss;   /* -1: no option */
};

static void view_options(struct view *v)
{
	const uint8_t *o = v->tcp + 20, *end = v->tcp + v->header_len;

	v->scale = v->mss = -1;
	while (o < end && *o) {
		if (*o == 1) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return;
		if (o[0] == 2 && o[1] == 4)
			v->mss = (int)get16(o + 2);
		if (o[0] == 3 && o[1] == 3)
			v->scale = o[2];
		o += o[1];
	}
}

/* NULL, or what is wrong with it. *tcp: it is a segment and *v describes it. */
static const char *view(struct view *v, const uint8_t *frame, uint32_t len, bool *tcp)
{
	uint32_t type = len >= ETHERNET_HEADER ? get16(frame + 12) : 0;

	*tcp = false;
	if (type == TYPE_ARP)
		return NULL;
	if (type != TYPE_IPV4 || len < ETHERNET_HEADER + 20)
		return "neither ARP nor IPv4";
	v->ip = frame + ETHERNET_HEADER;
	v->ip_len = get16(v->ip + 2);
	if (v->ip[0] != 0x45 || v->ip_len > len - ETHERNET_HEADER || v->ip_len < 20)
		return "bad IPv4 header";
	if (fold(sum(0, v->ip, 20)) != 0xffff)
		return "bad IPv4 header checksum";
	if ((get16(v->ip + 6) & 0x3fff) || !v->ip[8])
		return "a fragment, or a TTL of 0";
	if (v->ip[9] != PROTO_TCP)
		return NULL;
	v->src = get32(v->ip + 12);
	v->dst = get32(v->ip + 16);
	v->tcp = v->ip + 20;
	if (v->ip_len < 40)
		return "no room for a TCP header";
	v->header_len = (uint32_t)(v->tcp[12] >> 4) * 4;
	if (v->header_len < 20 || v->header_len > v->ip_len - 20)
		return "bad TCP header length";
	if (fold(sum(sum(PROTO_TCP + v->ip_len - 20, v->ip + 12, 8), v->tcp, v->ip_len - 20)) !=
	    0xffff)
		return "bad TCP checksum";
	v->sport = (uint16_t)get16(v->tcp);
	v->dport = (uint16_t)get16(v->tcp + 2);
	v->seq = get32(v->tcp + 4);
	v->ack = get32(v->tcp + 8);
	v->flags = v->tcp[13];
	v->wnd = get16(v->tcp + 14);
	v->payload = v->ip_len - 20 - v->header_len;
	view_options(v);
	*tcp = true;
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void fault(struct wire *w, const char *format, ...)
{
	va_list args;

	if (w->fault[0])
		return;
	va_start(args, format);
	vsnprintf(w->fault, sizeof(w->fault), format, args);
	va_end(args);
}

/* The sender's end and the receiver's, made if need be. */
static bool find(struct wire *w, const struct view *v, struct wire_end **from, struct wire_end **to)
{
	unsigned i;

	for (i = 0; i < w->flows; i++) {
		struct wire_end *e = w->flow[i].end;

		for (unsigned k = 0; k < 2; k++) {
			if (e[k].ip != v->src || e[k].port != v->sport || e[!k].ip != v->dst ||
			    e[!k].port != v->dport)
				continue;
			*from = &e[k];
			*to = &e[!k];
			return true;
		}
	}
	if (i == WIRE_FLOWS)
		return false;
	w->flows++;
	*from = &w->flow[i].end[0];
	*to = &w->flow[i].end[1];
	(*from)->ip = v->src;
	(*from)->port = v->sport;
	(*to)->ip = v->dst;
	(*to)->port = v->dport;
	return true;
}

static void sent_syn(struct wire_end *from, struct wire_end *to, const struct view *v)
{
	if (from->syn_seen && from->isn == v->seq)
		return;
	if (from->syn_seen) { /* another incarnation of the four-tuple */
		uint32_t ip[2] = {from->ip, to->ip};
		uint16_t port[2] = {from->port, to->port};

		memset(from, 0, sizeof(*from));
		memset(to, 0, sizeof(*to));
		from->ip = ip[0], from->port = port[0];
		to->ip = ip[1], to->port = port[1];
	}
	from->syn_seen = true;
	from->isn = v->seq;
	from->sent_end = v->seq + 1;
	from->scale_offered = v->scale >= 0;
	from->scale = (uint8_t)(v->scale > 0 ? v->scale : 0);
	from->mss_offered = v->mss >= 0;
	from->mss = (uint16_t)(v->mss >= 0 ? v->mss : MSS_DEFAULT);
}

/* The right edge that this segment advertises (RFC 7323 2.2: not scaled in a SYN). */
static uint32_t edge_of(const struct wire_end *from, const struct wire_end *to,
			const struct view *v)
{
	bool scaled = !(v->flags & SYN) && from->scale_offered && to->scale_offered;

	return v->ack + (v->wnd << (scaled ? from->scale : 0));
}

static void check_payload(struct wire *w, const struct wire_end *from, const struct wire_end *to,
			  const struct view *v)
{
	uint32_t end = v->seq + v->payload;

	if (v->payload + v->header_len - 20 > to->mss)
		fault(w, "port %u: %u bytes of payload and %u of options exceed an MSS of %u",
		      v->sport, v->payload, v->header_len - 20, to->mss);
	if (!from->may_send_known)
		fault(w, "port %u: payload before the handshake let it", v->sport);
	/* One byte past a window's edge is a probe (RFC 9293 3.8.6.1). */
	else if ((int32_t)(end - from->may_send) > (v->payload == 1))
		fault(w, "port %u: payload ends %d bytes past the window that it was told",
		      v->sport, (int32_t)(end - from->may_send));
}

static void check_ack(struct wire *w, struct wire_end *from, const struct wire_end *to,
		      const struct view *v)
{
	uint32_t edge = edge_of(from, to, v), unit = 1u << from->scale;

	if ((int32_t)(v->ack - to->sent_end) > 0)
		fault(w, "port %u: acknowledges %d bytes that were never sent", v->sport,
		      (int32_t)(v->ack - to->sent_end));
	/* A SYN sent again may have been overtaken by scaled windows: it cannot say as much. */
	if (from->edge_known && !(v->flags & SYN) && (int32_t)(from->edge - edge) >= (int32_t)unit)
		fault(w, "port %u: right edge of its window moved back by %d", v->sport,
		      (int32_t)(from->edge - edge));
	if (!from->edge_known || (int32_t)(edge - from->edge) > 0)
		from->edge = edge;
	from->edge_known = true;
}

void wire_sent(struct wire *w, const uint8_t *frame, uint32_t len, uint32_t mtu)
{
	struct wire_end *from, *to;
	struct view v;
	bool tcp;
	const char *wrong = view(&v, frame, len, &tcp);
	uint32_t end;

	if (wrong)
		fault(w, "sent a frame with: %s", wrong);
	if (len > mtu + ETHERNET_HEADER)
		fault(w, "sent a frame of %u bytes over an MTU of %u", len - ETHERNET_HEADER, mtu);
	if (!tcp || !find(w, &v, &from, &to))
		return;
	if (v.flags & SYN) {
		if (!w->syns++)
			w->first_isn = v.seq;
		sent_syn(from, to, &v);
	}
	if (v.flags & RST)
		return;
	/* What is left of an earlier incarnation of the four-tuple is judged no more. */
	if (!from->syn_seen || !to->syn_seen)
		return;
	if (v.payload)
		check_payload(w, from, to, &v);
	end = v.seq + v.payload + !!(v.flags & SYN) + !!(v.flags & FIN);
	if ((int32_t)(end - from->sent_end) > 0)
		from->sent_end = end;
	if (v.flags & ACK)
		check_ack(w, from, to, &v);
}

void wire_delivered(struct wire *w, const uint8_t *frame, uint32_t len)
{
	struct wire_end *from, *to;
	struct view v;
	bool tcp;
	uint32_t edge;

	if (view(&v, frame, len, &tcp) || !tcp || !(v.flags & ACK) || (v.flags & RST))
		return;
	if (!find(w, &v, &from, &to))
		return;
	/* An old duplicate, perhaps of an earlier incarnation? */
	if (!from->syn_seen || !to->syn_seen || (int32_t)(v.ack - to->isn) <= 0 ||
	    (int32_t)(v.ack - to->sent_end) > 0)
		return;
	edge = edge_of(from, to, &v);
	if (!to->may_send_known || (int32_t)(edge - to->may_send) > 0)
		to->may_send = edge;
	to->may_send_known = true;
}

void wire_describe(const uint8_t *frame, uint32_t len, char *line, size_t size)
{
	struct view v;
	bool tcp;
	const char *wrong = view(&v, frame, len, &tcp);

	if (!tcp) {
		snprintf(line, size, "%s, %u bytes", wrong ? wrong : "ARP or ICMP", len);
		return;
	}
	snprintf(line, size, "%u>%u %s%s%s%s seq %u ack %u wnd %u len %u%s", v.sport, v.dport,
		 v.flags & SYN ? "S" : "", v.flags & FIN ? "F" : "", v.flags & RST ? "R" : "",
		 v.flags & ACK ? "." : "", v.seq, v.ack, v.wnd, v.payload,
		 v.header_len > 20 ? " opt" : "");
}

enum wire_part wire_part_hit(const uint8_t *frame, uint32_t len, uint32_t first_bit)
{
	uint32_t ip = ETHERNET_HEADER * 8, tcp = ip + 20 * 8, end;
	struct view v;
	bool is_tcp;

	if (view(&v, frame, len, &is_tcp) || !is_tcp)
		return WIRE_UNCHECKED;
	end = ip + v.ip_len * 8;
	if (first_bit < ip) /* a changed EtherType hides the rest */
		return WIRE_ETHERNET;
	if (first_bit < tcp)
		return WIRE_IP;
	return first_bit < end ? WIRE_TCP : WIRE_PADDING;
}
