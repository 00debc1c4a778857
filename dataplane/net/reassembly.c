/* Fragments put together to the datagram that they are of (RFC 791 3.2, RFC 815). What strangers
 * may have us hold is bounded: datagrams in all and of a source, fragments of a datagram, buffers
 * in all. Who is over a bound loses the oldest, his own first. Datagrams with fragments that
 * overlap are dropped whole, as RFC 5722 has it for IPv6; a fragment that comes twice is dropped
 * once.
 *
 * A datagram waits two seconds for what is missing, and not a minute (RFC 1122 3.3.2): a sender of
 * many has used its 65,536 numbers by then, and fragments of different datagrams would be put
 * together (RFC 4963). librte_ip_frag, as it is packaged, takes eight fragments and no more. */
#include <errno.h>
#include <sys/queue.h>

#include <rte_ip.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/ipv4.h"
#include "dataplane/net/stack.h"

#define HEADER        sizeof(struct rte_ipv4_hdr)
#define BUCKETS       64
#define DATAGRAMS     64
#define OF_A_SOURCE   16
#define FRAGMENTS_MAX 128 /* the longest at an MTU of 576 are 119 */
#define BUFFERS_MAX   2048
#define POOL_PART     4 /* of the frames, at most */
#define LIFETIME_NS   UINT64_C(2000000000)

struct fragment {
	uint32_t from, to; /* bytes of the datagram's payload */
	struct rte_mbuf *m;
};

struct key {
	uint32_t src, dst;
	uint16_t id;
	uint16_t proto;
};

struct datagram {
	struct zl_timer timer; /* first: the timer is the datagram */
	struct zl_net *net;
	struct datagram *next; /* of its bucket, or among the free */
	TAILQ_ENTRY(datagram) age;
	struct key key;
	unsigned header;  /* bytes of the first fragment's IP header */
	unsigned buffers; /* that it holds */
	uint32_t bytes;   /* of payload that are here */
	uint32_t length;  /* of payload in all; 0: the last fragment is not here */
	unsigned n;
	struct fragment fragment[FRAGMENTS_MAX]; /* by offset, without overlaps */
};

struct reassembly {
	struct datagram *bucket[BUCKETS];
	struct datagram *unused;
	TAILQ_HEAD(, datagram) ages; /* oldest first */
	unsigned buffers, buffers_max;
	struct datagram datagram[DATAGRAMS];
};

static struct datagram **bucket_of(struct reassembly *t, const struct key *k)
{
	return &t->bucket[rte_jhash_3words(k->src, k->dst, (uint32_t)k->id << 16 | k->proto, 0) %
			  BUCKETS];
}

static bool same(const struct key *a, const struct key *b)
{
	return a->id == b->id && a->src == b->src && a->dst == b->dst && a->proto == b->proto;
}

/* It holds nothing any more. */
static void release(struct datagram *d)
{
	struct reassembly *t = d->net->reassembly;
	struct datagram **at = bucket_of(t, &d->key);

	zl_timer_disarm(&d->net->timers, &d->timer);
	TAILQ_REMOVE(&t->ages, d, age);
	t->buffers -= d->buffers;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	d->next = t->unused;
	t->unused = d;
}

/* All of it goes, for that reason, which is counted by fragments. */
static void forget(struct datagram *d, enum zl_net_counter why)
{
	for (unsigned i = 0; i < d->n; i++)
		drop(d->net, d->fragment[i].m, why);
	release(d);
}

/* RFC 1122 3.3.2: who sent it hears of it, if it is known what he sent. */
static void expire(struct zl_timer *timer, uint64_t now_ns)
{
	struct datagram *d = (struct datagram *)timer;
	struct zl_net *net = d->net;
	unsigned kept = 0;

	(void)now_ns;
	if (!d->fragment[0].from && !zl_is_group(d->key.dst)) {
		count(net, ZL_NET_ip_drop_fragment_timeout);
		icmp_reassembly_timeout(net, d->fragment[0].m, d->header, d->key.src, d->key.dst);
		kept = 1;
	}
	for (; kept < d->n; kept++)
		drop(net, d->fragment[kept].m, ZL_NET_ip_drop_fragment_timeout);
	release(d);
}

int reassembly_create(struct zl_net *net)
{
	struct reassembly *t = rte_zmalloc_socket("reassembly", sizeof(*t), RTE_CACHE_LINE_SIZE,
						  net->config.socket_id);

	if (!t)
		return -ENOMEM;
	TAILQ_INIT(&t->ages);
	t->buffers_max = RTE_MIN(net->config.frames->size / POOL_PART, (unsigned)BUFFERS_MAX);
	for (unsigned i = DATAGRAMS; i--;) {
		struct datagram *d = &t->datagram[i];

		d->net = net;
		zl_timer_init(&d->timer, expire);
		d->next = t->unused;
		t->unused = d;
	}
	net->reassembly = t;
	return 0;
}

void reassembly_destroy(struct zl_net *net)
{
	struct reassembly *t = net->reassembly;

	while (!TAILQ_EMPTY(&t->ages))
		forget(TAILQ_FIRST(&t->ages), ZL_NET_ip_drop_fragment_timeout);
	rte_free(t);
}

/* A source has its share, others theirs. */
static void make_room(struct reassembly *t, uint32_t src)
{
	struct datagram *d, *his = NULL;
	unsigned n = 0;

	TAILQ_FOREACH (d, &t->ages, age) {
		if (d->key.src != src)
			continue;
		if (!n++)
			his = d;
	}
	if (n >= OF_A_SOURCE)
		forget(his, ZL_NET_ip_drop_fragment_full);
	else if (!t->unused)
		forget(TAILQ_FIRST(&t->ages), ZL_NET_ip_drop_fragment_full);
}

static struct datagram *find_or_begin(struct zl_net *net, const struct key *key)
{
	struct reassembly *t = net->reassembly;
	struct datagram *d = *bucket_of(t, key), **bucket;

	while (d && !same(&d->key, key))
		d = d->next;
	if (d)
		return d;
	make_room(t, key->src);
	d = t->unused;
	t->unused = d->next;
	bucket = bucket_of(t, key);
	d->next = *bucket;
	*bucket = d;
	d->key = *key;
	d->n = d->buffers = 0;
	d->bytes = d->length = 0;
	TAILQ_INSERT_TAIL(&t->ages, d, age);
	zl_timer_arm(&net->timers, &d->timer, net->now_ns + LIFETIME_NS);
	return d;
}

/* Does it end where the others say that the datagram does, or before that? */
static bool end_agrees(const struct datagram *d, uint32_t to, bool last)
{
	uint32_t most = d->n ? d->fragment[d->n - 1].to : 0;

	if (d->length)
		return last ? to == d->length : to < d->length;
	return !last || to >= most;
}

enum verdict {
	TAKEN,
	TWICE,
	WRONG
};

/* Where it belongs, with what is there already moved. */
static enum verdict insert(struct datagram *d, const struct fragment *f, bool last)
{
	unsigned i = d->n;

	while (i && d->fragment[i - 1].from > f->from)
		i--;
	if (i && d->fragment[i - 1].from == f->from && d->fragment[i - 1].to == f->to)
		return TWICE;
	if (!end_agrees(d, f->to, last) || (i && d->fragment[i - 1].to > f->from) ||
	    (i < d->n && d->fragment[i].from < f->to) || d->n == FRAGMENTS_MAX)
		return WRONG;
	memmove(&d->fragment[i + 1], &d->fragment[i], (d->n - i) * sizeof(d->fragment[0]));
	d->fragment[i] = *f;
	d->n++;
	d->bytes += f->to - f->from;
	if (last)
		d->length = f->to;
	d->buffers += f->m->nb_segs;
	d->net->reassembly->buffers += f->m->nb_segs;
	return TAKEN;
}

/* One chain behind the first fragment's header, which is made the whole datagram's. */
static struct rte_mbuf *join(struct datagram *d)
{
	struct rte_mbuf *whole = d->fragment[0].m, *tail = rte_pktmbuf_lastseg(whole);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(whole, struct rte_ipv4_hdr *,
							  -(int)d->header);

	for (unsigned i = 1; i < d->n; i++) {
		struct rte_mbuf *m = d->fragment[i].m;

		tail->next = m;
		tail = rte_pktmbuf_lastseg(m);
		whole->nb_segs += m->nb_segs;
	}
	whole->pkt_len = d->length;
	/* What the port said was of the fragments. */
	whole->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(d->header + d->length));
	ip->fragment_offset = 0;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~ipv4_header_sum(ip, d->header);
	count(d->net, ZL_NET_ip_reassembled);
	release(d);
	return whole;
}

static bool possible(uint32_t from, uint32_t to, bool last, unsigned header)
{
	return to > from && (last || !(to % 8)) && header + to <= UINT16_MAX;
}

struct rte_mbuf *reassembly_input(struct zl_net *net, struct rte_mbuf *m, unsigned *header)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *,
								-(int)*header);
	uint16_t word = rte_be_to_cpu_16(ip->fragment_offset);
	struct fragment f = {.from = (word & RTE_IPV4_HDR_OFFSET_MASK) * 8u, .m = m};
	struct key key = {.src = rte_be_to_cpu_32(ip->src_addr),
			  .dst = rte_be_to_cpu_32(ip->dst_addr),
			  .id = rte_be_to_cpu_16(ip->packet_id),
			  .proto = ip->next_proto_id};
	bool last = !(word & RTE_IPV4_HDR_MF_FLAG);
	struct reassembly *t = net->reassembly;
	struct datagram *d;

	count(net, ZL_NET_ip_rx_fragments);
	f.to = f.from + m->pkt_len;
	if (!possible(f.from, f.to, last, *header)) {
		drop(net, m, ZL_NET_ip_drop_fragment_wrong);
		return NULL;
	}
	while (t->buffers + m->nb_segs > t->buffers_max && !TAILQ_EMPTY(&t->ages))
		forget(TAILQ_FIRST(&t->ages), ZL_NET_ip_drop_fragment_full);
	d = find_or_begin(net, &key);
	switch (insert(d, &f, last)) {
	case TWICE:
		drop(net, m, ZL_NET_ip_drop_fragment_twice);
		return NULL;
	case WRONG:
		drop(net, m, ZL_NET_ip_drop_fragment_wrong);
		forget(d, ZL_NET_ip_drop_fragment_wrong);
		return NULL;
	case TAKEN:
		break;
	}
	if (!f.from)
		d->header = *header;
	if (d->bytes != d->length)
		return NULL;
	if (d->header + d->length > UINT16_MAX) {
		forget(d, ZL_NET_ip_drop_fragment_wrong);
		return NULL;
	}
	*header = d->header;
	return join(d);
}
