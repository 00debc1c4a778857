/* The text of segments, cut to the window and put in order. In-order payload is queued for the
 * owner; what is ahead of a gap waits in a list sorted by sequence number, without overlaps: bytes
 * that came first stay. A buffer is 2 KiB however little it carries, so both queues are bounded by
 * buffers as well as by bytes, and a slow owner's small segments are packed together. */
#include <string.h>

#include "dataplane/net/tcp/tcp.h"

#define PACK_FROM_BUFS     16 /* queued buffers from which on small payloads are packed */
#define DUPLICATE_ACKS_MAX 64
#define PACK_BYTES         512 /* payloads up to this size */

static uint32_t seq_of(const struct rte_mbuf *m)
{
	return m->hash.usr;
}

static uint32_t end_of(const struct rte_mbuf *m)
{
	return m->hash.usr + m->data_len;
}

/* The first segment of a chain by itself; the rest is returned. */
static struct rte_mbuf *unchain(struct rte_mbuf *m)
{
	struct rte_mbuf *next = m->next;

	m->next = NULL;
	m->nb_segs = 1;
	m->pkt_len = m->data_len;
	return next;
}

static void cut_head(struct rte_mbuf *m, uint32_t n)
{
	m->data_off += (uint16_t)n;
	m->data_len -= (uint16_t)n;
	m->pkt_len = m->data_len;
	m->hash.usr += n;
}

void payload_trim_head(struct tcp_segment *s, uint32_t n)
{
	s->seq += n;
	s->len -= n;
	while (s->m && n >= s->m->data_len) {
		struct rte_mbuf *empty = s->m;

		n -= empty->data_len;
		s->m = unchain(empty);
		rte_pktmbuf_free_seg(empty);
	}
	if (s->m)
		cut_head(s->m, n);
}

/* All but the first `len` bytes off the end, len <= s->len. The FIN goes with them. */
static void trim_tail(struct tcp_segment *s, uint32_t len)
{
	struct rte_mbuf **p = &s->m;
	uint32_t left = len;

	s->len = len;
	s->flags &= (uint8_t)~RTE_TCP_FIN_FLAG;
	while (*p && left > (*p)->data_len) {
		left -= (*p)->data_len;
		p = &(*p)->next;
	}
	if (!*p)
		return;
	if (left) {
		(*p)->data_len = (uint16_t)left;
		p = &(*p)->next;
	}
	while (*p) {
		struct rte_mbuf *m = *p;

		*p = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
}

/* m's bytes behind tail's, if a list of so many buffers is worth the copy; m is not freed. */
static bool pack(struct rte_mbuf *tail, const struct rte_mbuf *m, uint32_t bufs)
{
	if (bufs < PACK_FROM_BUFS || m->data_len > PACK_BYTES || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) != 1 || rte_pktmbuf_tailroom(tail) < m->data_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, char *, tail->data_len),
	       rte_pktmbuf_mtod(m, const char *), m->data_len);
	tail->data_len += m->data_len;
	tail->pkt_len = tail->data_len;
	return true;
}

/* One single segment to the end of what the owner may take; owns m. */
static void enqueue(struct tcp_conn *c, struct rte_mbuf *m)
{
	c->rcv_nxt += m->data_len;
	c->rx_bytes += m->data_len;
	conn_net(c)->counter[ZL_NET_tcp_rx_bytes] += m->data_len;
	if (m->data_len == 0 || pack(c->rx_tail, m, c->rx_bufs)) {
		rte_pktmbuf_free_seg(m);
		return;
	}
	if (c->rx_head)
		c->rx_tail->next = m;
	else
		c->rx_head = m;
	c->rx_tail = m;
	c->rx_bufs++;
}

void payload_deliver(struct tcp_conn *c, struct tcp_segment *s)
{
	struct rte_mbuf *m = s->m;

	if (c->rx_bufs >= c->tcp->rx_bufs_max) {
		count(conn_net(c), ZL_NET_tcp_drop_rx_buffers);
		return;
	}
	s->m = NULL;
	while (m) {
		struct rte_mbuf *next = unchain(m);

		enqueue(c, m);
		m = next;
	}
	/* A segment that a NIC or a peer's kernel put together of several counts as two. */
	c->acks_owed_segs += s->len > c->rcv_mss ? 2 : 1;
	c->dup_owed = 0;
	c->flags |= CONN_ACK_DELAYED;
	conn_want_events(c, CONN_EV_READABLE);
	conn_want_output(c);
}

struct rte_mbuf *payload_take(struct tcp_conn *c)
{
	struct rte_mbuf *m = c->rx_head;

	if (!m)
		return NULL;
	c->rx_head = m->next;
	m->next = NULL;
	c->rx_bufs--;
	return m;
}

static void free_list(struct rte_mbuf *m)
{
	while (m) {
		struct rte_mbuf *next = m->next;

		m->next = NULL;
		rte_pktmbuf_free_seg(m);
		m = next;
	}
}

/* The core's list of connections that hold segments ahead of a gap, for the day the pool is dry. */
static void gap_opened(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	if (c->gap_pprev)
		return;
	c->gap_next = t->gaps;
	c->gap_pprev = &t->gaps;
	if (t->gaps)
		t->gaps->gap_pprev = &c->gap_next;
	t->gaps = c;
}

static void gap_closed(struct tcp_conn *c)
{
	if (!c->gap_pprev)
		return;
	*c->gap_pprev = c->gap_next;
	if (c->gap_next)
		c->gap_next->gap_pprev = c->gap_pprev;
	c->gap_pprev = NULL;
}

void reassembly_clear(struct tcp_conn *c)
{
	free_list(c->ooo_head);
	c->ooo_head = c->ooo_tail = NULL;
	c->ooo_bufs = 0;
	gap_closed(c);
}

void payload_clear(struct tcp_conn *c)
{
	free_list(c->rx_head);
	c->rx_head = c->rx_tail = NULL;
	c->rx_bufs = 0;
	reassembly_clear(c);
}

static void ooo_link(struct tcp_conn *c, struct rte_mbuf **at, struct rte_mbuf *m)
{
	m->next = *at;
	*at = m;
	if (!m->next)
		c->ooo_tail = m;
	c->ooo_bufs++;
}

static void ooo_append(struct tcp_conn *c, struct rte_mbuf *m)
{
	if (c->ooo_tail && end_of(c->ooo_tail) == seq_of(m) && pack(c->ooo_tail, m, c->ooo_bufs)) {
		rte_pktmbuf_free_seg(m);
		return;
	}
	ooo_link(c, c->ooo_tail ? &c->ooo_tail->next : &c->ooo_head, m);
}

/* Removes what m covers wholly, from *at on; then cuts m's end where the next one begins. */
static void ooo_make_room(struct tcp_conn *c, struct rte_mbuf **at, struct rte_mbuf *m)
{
	while (*at && seq_le(end_of(*at), end_of(m))) {
		struct rte_mbuf *covered = *at;

		*at = covered->next;
		covered->next = NULL;
		rte_pktmbuf_free_seg(covered);
		c->ooo_bufs--;
	}
	if (*at && seq_lt(seq_of(*at), end_of(m))) {
		m->data_len = (uint16_t)(seq_of(*at) - seq_of(m));
		m->pkt_len = m->data_len;
	}
}

/* One single segment with its sequence number into its place; owns m. */
static void ooo_insert(struct tcp_conn *c, struct rte_mbuf *m)
{
	struct rte_mbuf **p = &c->ooo_head, *before = NULL;

	if (!c->ooo_tail || seq_le(end_of(c->ooo_tail), seq_of(m))) {
		ooo_append(c, m);
		return;
	}
	while (*p && seq_le(seq_of(*p), seq_of(m))) {
		before = *p;
		p = &before->next;
	}
	if (before && seq_lt(seq_of(m), end_of(before))) {
		if (seq_le(end_of(m), end_of(before))) {
			rte_pktmbuf_free_seg(m);
			return;
		}
		cut_head(m, end_of(before) - seq_of(m));
	}
	ooo_make_room(c, p, m);
	if (!*p)
		c->ooo_tail = before;
	ooo_link(c, p, m);
}

/* RFC 5681 4.2: each segment out of order is answered with one at once. */
static void duplicate_ack_owed(struct tcp_conn *c)
{
	c->dup_owed = (uint16_t)RTE_MIN(c->dup_owed + 1, DUPLICATE_ACKS_MAX);
	conn_want_output(c);
}

static void out_of_order(struct tcp_conn *c, struct tcp_segment *s)
{
	uint32_t seq = s->seq;

	duplicate_ack_owed(c);
	count(conn_net(c), ZL_NET_tcp_rx_out_of_order);
	if (c->ooo_bufs >= c->tcp->ooo_bufs_max) {
		count(conn_net(c), ZL_NET_tcp_drop_ooo_full);
		return;
	}
	gap_opened(c);
	while (s->m) {
		struct rte_mbuf *m = s->m;

		s->m = unchain(m);
		m->hash.usr = seq;
		seq += m->data_len;
		if (m->data_len)
			ooo_insert(c, m);
		else
			rte_pktmbuf_free_seg(m);
	}
}

/* The gap before the first out-of-order segment may be filled now: then ACK at once (RFC 5681 4.2).
 */
static void ooo_drain(struct tcp_conn *c)
{
	struct rte_mbuf *m;

	if (!c->ooo_head)
		return;
	c->flags |= CONN_ACK_NOW;
	while ((m = c->ooo_head) && seq_le(seq_of(m), c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - seq_of(m);

		c->ooo_head = unchain(m);
		if (!c->ooo_head)
			c->ooo_tail = NULL;
		c->ooo_bufs--;
		cut_head(m, RTE_MIN(old, m->data_len));
		enqueue(c, m);
	}
	if (!c->ooo_head)
		gap_closed(c);
}

/* Cut to [rcv_nxt, right edge of the window) and to what comes before the peer's FIN. */
static void trim_to_window(struct tcp_conn *c, struct tcp_segment *s)
{
	uint32_t edge = c->rcv_nxt + conn_rcv_wnd(c);

	if (seq_lt(s->seq, c->rcv_nxt)) {
		payload_trim_head(s, RTE_MIN(c->rcv_nxt - s->seq, s->len));
		c->flags |= CONN_ACK_NOW;
		conn_want_output(c);
	}
	if (seq_lt(edge, s->seq + s->len)) {
		trim_tail(s, seq_lt(edge, s->seq) ? 0 : edge - s->seq);
		count(conn_net(c), ZL_NET_tcp_rx_beyond_window);
		c->flags |= CONN_ACK_NOW;
		conn_want_output(c);
	}
	if (c->flags & CONN_PEER_FIN && seq_lt(c->fin_seq, s->seq + s->len))
		trim_tail(s, seq_lt(c->fin_seq, s->seq) ? 0 : c->fin_seq - s->seq);
	if (s->len && c->tcp->pool_low) {
		trim_tail(s, 0);
		count(conn_net(c), ZL_NET_tcp_drop_pool_low);
	}
}

void payload_input(struct tcp_conn *c, struct tcp_segment *s)
{
	bool had_text = s->len != 0;

	trim_to_window(c, s);
	if (s->flags & RTE_TCP_FIN_FLAG && !(c->flags & CONN_PEER_FIN) &&
	    seq_le(c->rcv_nxt, s->seq + s->len)) {
		c->flags |= CONN_PEER_FIN;
		c->fin_seq = s->seq + s->len;
	}
	if (s->len == 0) {
		if (!had_text && s->flags & RTE_TCP_FIN_FLAG && seq_lt(c->rcv_nxt, s->seq)) {
			duplicate_ack_owed(c);
		}
	} else if (s->seq == c->rcv_nxt) {
		payload_deliver(c, s);
		ooo_drain(c);
	} else {
		out_of_order(c, s);
	}
}
