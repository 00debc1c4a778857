/* The impairment stage: chance from a seeded generator, and a heap of held frames ordered by the
 * time they are due and, within one nanosecond, by arrival. */
#include "drivers/port/impair.h"

#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>

#include "drivers/port/xoshiro.h"

#define PPM             1000000u
#define CORRUPT_BITS    8 /* a burst this short never escapes the Internet checksum */
#define CHECKSUM_OFFERS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)
#define CHECKSUM_PASSES (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)

struct held {
	uint64_t due_ns;
	uint64_t seq;
	struct rte_mbuf *m;
};

struct zl_impairment {
	struct zl_impair cfg;
	struct zl_xoshiro chance;
	struct rte_mempool *copies;
	struct zl_impair_counts counts;
	uint64_t seq;
	uint64_t last_due_ns;  /* of the frames in order: jitter never turns them round */
	uint64_t link_free_ns; /* when the last accepted frame has left at the configured rate */
	uint64_t link_rest;    /* the fraction of a nanosecond not yet paid, times rate_kbps */
	unsigned held, room;
	struct held heap[];
};

bool zl_impair_wanted(const struct zl_impair *cfg)
{
	return cfg->loss_ppm || cfg->duplicate_ppm || cfg->corrupt_ppm || cfg->reorder_ppm ||
	       cfg->delay_us || cfg->jitter_us || cfg->rate_kbps;
}

struct zl_impairment *zl_impair_create(const struct zl_impair *cfg, uint64_t stream,
				       struct rte_mempool *copies)
{
	/* Frames that are due at once pass through the heap too: a burst and its duplicates. */
	unsigned frames = cfg->queue_frames ? cfg->queue_frames : ZL_IMPAIR_QUEUE;
	unsigned room = frames + 2 * ZL_IMPAIR_BURST;
	struct zl_impairment *s;

	s = rte_zmalloc("impair", sizeof(*s) + room * sizeof(s->heap[0]), RTE_CACHE_LINE_SIZE);
	if (!s)
		return NULL;
	s->cfg = *cfg;
	s->cfg.queue_frames = frames;
	if (!s->cfg.reorder_us)
		s->cfg.reorder_us = ZL_IMPAIR_REORDER_US;
	s->room = room;
	s->copies = copies;
	zl_xoshiro_seed(&s->chance, cfg->seed ^ (stream * 0xd1342543de82ef95ull));
	return s;
}

void zl_impair_free(struct zl_impairment *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->held; i++)
		rte_pktmbuf_free(s->heap[i].m);
	rte_free(s);
}

static bool earlier(const struct held *a, const struct held *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void heap_push(struct zl_impairment *s, struct held h)
{
	unsigned i = s->held++;

	while (i && earlier(&h, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = h;
}

static struct rte_mbuf *heap_pop(struct zl_impairment *s)
{
	struct rte_mbuf *m = s->heap[0].m;
	struct held last = s->heap[--s->held];
	unsigned i = 0;

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child + 1 < s->held && earlier(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (child >= s->held || !earlier(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return m;
}

/* A draw is made only for what is configured, so one impairment's seed gives the same result
 * whatever is added after it in the order of impair.h. */
static bool happens(struct zl_impairment *s, uint32_t ppm)
{
	return ppm && zl_xoshiro_below(&s->chance, PPM) < ppm;
}

/* What the port would have computed must be there before the bits are flipped: else the port would
 * put a right checksum over wrong content. */
static void checksum_now(struct rte_mbuf *m)
{
	uint64_t asked = m->ol_flags, l4 = asked & RTE_MBUF_F_TX_L4_MASK;
	uint32_t at = m->l2_len + m->l3_len;
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);
	/* Where the transport header keeps it: RFC 9293 3.1, RFC 768. */
	uint32_t field = at + (l4 == RTE_MBUF_F_TX_TCP_CKSUM ? 16 : 6);
	uint8_t *sum = rte_pktmbuf_mtod_offset(m, uint8_t *, field);
	uint16_t value = 0;

	m->ol_flags &= ~(CHECKSUM_OFFERS | CHECKSUM_PASSES);
	if (!(asked & RTE_MBUF_F_TX_IPV4))
		return;
	if ((l4 == RTE_MBUF_F_TX_TCP_CKSUM || l4 == RTE_MBUF_F_TX_UDP_CKSUM) &&
	    field + sizeof(value) <= m->data_len) {
		memcpy(sum, &value, sizeof(value));
		rte_raw_cksum_mbuf(m, at, m->pkt_len - at, &value);
		value = (uint16_t)~__rte_raw_cksum_reduce((uint32_t)value +
							  rte_ipv4_phdr_cksum(ip, 0));
		value = value ? value : UINT16_MAX;
		memcpy(sum, &value, sizeof(value));
	}
	if (asked & RTE_MBUF_F_TX_IP_CKSUM) {
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
}

static void flip(struct rte_mbuf *m, uint32_t bit)
{
	uint32_t byte = bit / 8;

	while (byte >= m->data_len) {
		byte -= m->data_len;
		m = m->next;
	}
	*rte_pktmbuf_mtod_offset(m, uint8_t *, byte) ^= (uint8_t)(1u << (bit % 8));
}

static bool ours_alone(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/* The frame, or its copy in the frame's stead. */
static struct rte_mbuf *corrupt(struct zl_impairment *s, struct rte_mbuf *m)
{
	uint32_t first = RTE_ETHER_HDR_LEN * 8, bits = m->pkt_len * 8;
	uint32_t len = 1 + zl_xoshiro_below(&s->chance, CORRUPT_BITS);
	uint64_t pattern = zl_xoshiro_next(&s->chance);
	uint64_t where = zl_xoshiro_next(&s->chance) >> 32;
	struct rte_mbuf *copy = m;

	if (bits < first + len)
		return m; /* no room behind the Ethernet header */
	if (!ours_alone(m)) {
		copy = rte_pktmbuf_copy(m, s->copies, 0, UINT32_MAX);
		if (!copy) {
			s->counts.no_memory++;
			return m;
		}
		rte_pktmbuf_free(m);
	}
	checksum_now(copy);
	first += (uint32_t)((where * (bits - first - len + 1)) >> 32);
	for (uint32_t i = 0; i < len; i++)
		if (i == 0 || i == len - 1 || (pattern >> i & 1))
			flip(copy, first + i);
	s->counts.corrupted++;
	return copy;
}

/* When the frame has left the link, if it is accepted. */
static uint64_t serialise(struct zl_impairment *s, uint32_t bytes, uint64_t now_ns)
{
	uint64_t work;

	if (!s->cfg.rate_kbps)
		return now_ns;
	if (s->link_free_ns <= now_ns) {
		s->link_free_ns = now_ns;
		s->link_rest = 0;
	}
	work = (uint64_t)bytes * 8 * 1000000 + s->link_rest;
	s->link_free_ns += work / s->cfg.rate_kbps;
	s->link_rest = work % s->cfg.rate_kbps;
	return s->link_free_ns;
}

static bool full(const struct zl_impairment *s)
{
	return s->held >= s->cfg.queue_frames;
}

static void hold(struct zl_impairment *s, struct rte_mbuf *m, uint64_t now_ns)
{
	const struct zl_impair *c = &s->cfg;
	uint64_t due;
	bool late = happens(s, c->reorder_ppm);
	uint32_t jitter = c->jitter_us ? zl_xoshiro_below(&s->chance, c->jitter_us * 1000u + 1) : 0;
	bool waits = c->delay_us || jitter || late || c->rate_kbps || s->last_due_ns > now_ns;

	if ((waits && full(s)) || s->held == s->room) {
		s->counts.queue_full++;
		rte_pktmbuf_free(m);
		return;
	}
	due = serialise(s, m->pkt_len, now_ns) + c->delay_us * 1000ull + jitter;
	if (due < s->last_due_ns)
		due = s->last_due_ns;
	if (late) {
		due += c->reorder_us * 1000ull;
		s->counts.reordered++;
	} else {
		s->last_due_ns = due;
	}
	heap_push(s, (struct held){due, s->seq++, m});
}

static void impair(struct zl_impairment *s, struct rte_mbuf *m, uint64_t now_ns)
{
	struct rte_mbuf *twin = NULL;

	if (happens(s, s->cfg.loss_ppm)) {
		s->counts.lost++;
		rte_pktmbuf_free(m);
		return;
	}
	if (happens(s, s->cfg.duplicate_ppm)) {
		twin = rte_pktmbuf_copy(m, s->copies, 0, UINT32_MAX);
		if (twin)
			s->counts.duplicated++;
		else
			s->counts.no_memory++;
	}
	if (happens(s, s->cfg.corrupt_ppm))
		m = corrupt(s, m);
	hold(s, m, now_ns);
	if (twin)
		hold(s, twin, now_ns);
}

void zl_impair_push(struct zl_impairment *s, struct rte_mbuf **frames, unsigned n, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++)
		impair(s, frames[i], now_ns);
}

unsigned zl_impair_pop(struct zl_impairment *s, struct rte_mbuf **frames, unsigned room,
		       uint64_t now_ns)
{
	unsigned n = 0;

	while (n < room && s->held && s->heap[0].due_ns <= now_ns)
		frames[n++] = heap_pop(s);
	return n;
}

uint64_t zl_impair_next_due(const struct zl_impairment *s)
{
	return s->held ? s->heap[0].due_ns : UINT64_MAX;
}

const struct zl_impair_counts *zl_impair_counts(const struct zl_impairment *s)
{
	return &s->counts;
}

uint64_t zl_impair_total(const struct zl_impairment *s)
{
	uint64_t total = 0;

#define X(name, help) total += s->counts.name;
	ZL_IMPAIR_COUNTS(X)
#undef X
	return total;
}
