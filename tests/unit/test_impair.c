/* The impairment stage: what it does to frames, and that it is the same each time. Seeds are fixed,
 * so the statistics are exact numbers that either lie within their bounds or do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "drivers/port/impair.h"
#include "tests/unit/eal.h"

#define FRAMES 20000
#define MS     1000000ull

static struct eal_pools pools;

static int setup(void **state)
{
	(void)state;
	eal_start(64);
	eal_pools_create(&pools, 4095, 255, 255);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	eal_pools_free(&pools);
	return 0;
}

/* A frame whose bytes say which it is. */
static struct rte_mbuf *frame(uint32_t number, uint16_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
	char *data = rte_pktmbuf_append(m, bytes);

	memset(data, 0x5a, bytes);
	memcpy(data + RTE_ETHER_HDR_LEN, &number, sizeof(number));
	return m;
}

static uint32_t number_of(const struct rte_mbuf *m)
{
	uint32_t number;

	memcpy(&number, rte_pktmbuf_mtod_offset(m, const char *, RTE_ETHER_HDR_LEN),
	       sizeof(number));
	return number;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3ull;
}

struct run {
	uint64_t hash; /* of every frame out, its content and when */
	uint32_t out, misordered;
	uint64_t most_held_ns;
	struct zl_impair_counts counts;
};

static void take(struct run *r, struct rte_mbuf *m, uint64_t now, uint32_t *last)
{
	uint32_t number = number_of(m);

	r->out++;
	r->hash = mix(mix(r->hash, now), m->pkt_len);
	for (uint16_t i = 0; i < m->data_len; i++)
		r->hash = mix(r->hash, *rte_pktmbuf_mtod_offset(m, uint8_t *, i));
	if (number < *last)
		r->misordered++;
	*last = number;
	rte_pktmbuf_free(m);
}

/* FRAMES frames of 100 bytes, one every 10 us, through a stage. */
static struct run run(const struct zl_impair *cfg)
{
	struct zl_impairment *s = zl_impair_create(cfg, 0, pools.frames);
	struct run r = {.hash = 0xcbf29ce484222325ull};
	uint32_t last = 0;
	uint64_t now = 0;

	for (uint32_t i = 0; i < FRAMES || zl_impair_next_due(s) != UINT64_MAX; i++) {
		struct rte_mbuf *m;

		now = i * 10000ull;
		while (zl_impair_pop(s, &m, 1, now))
			take(&r, m, now, &last);
		if (i >= FRAMES)
			continue;
		m = frame(i, 100);
		zl_impair_push(s, &m, 1, now);
		while (zl_impair_pop(s, &m, 1, now))
			take(&r, m, now, &last);
	}
	r.counts = *zl_impair_counts(s);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
	return r;
}

/* n p plus or minus four standard deviations of the binomial distribution, rounded out. For 20000
 * at 10 %: 2000 +- 170; at 1 %: 200 +- 57. */
static void test_loss_is_binomial(void **state)
{
	struct run r = run(&(struct zl_impair){.loss_ppm = 100000, .seed = 1});

	(void)state;
	assert_in_range(r.counts.lost, 1830, 2170);
	assert_int_equal(r.out, FRAMES - r.counts.lost);
	assert_int_equal(r.misordered, 0);
}

static void test_losing_everything_loses_everything(void **state)
{
	struct run r = run(&(struct zl_impair){.loss_ppm = 1000000, .seed = 1});

	(void)state;
	assert_int_equal(r.out, 0);
	assert_int_equal(r.counts.lost, FRAMES);
}

static void test_duplicates_are_binomial_and_follow_their_frame(void **state)
{
	struct run r = run(&(struct zl_impair){.duplicate_ppm = 10000, .seed = 2});

	(void)state;
	assert_in_range(r.counts.duplicated, 143, 257);
	assert_int_equal(r.out, FRAMES + r.counts.duplicated);
	assert_int_equal(r.misordered, 0);
}

static void test_one_seed_gives_one_result_and_another_a_different_one(void **state)
{
	struct zl_impair cfg = {.loss_ppm = 20000,
				.duplicate_ppm = 20000,
				.corrupt_ppm = 20000,
				.reorder_ppm = 20000,
				.delay_us = 300,
				.jitter_us = 500,
				.rate_kbps = 100000,
				.seed = 7};
	struct run first = run(&cfg), again = run(&cfg), other;

	(void)state;
	cfg.seed = 8;
	other = run(&cfg);
	assert_true(first.hash == again.hash);
	assert_memory_equal(&first.counts, &again.counts, sizeof(first.counts));
	assert_true(first.hash != other.hash);
	assert_true(first.misordered > 0);
}

static void test_jitter_keeps_the_order(void **state)
{
	struct run r = run(&(struct zl_impair){.delay_us = 1000, .jitter_us = 5000, .seed = 3});

	(void)state;
	assert_int_equal(r.out, FRAMES);
	assert_int_equal(r.misordered, 0);
}

/* 1 % of 20000: each late frame comes out behind a later one, which is one step back. */
static void test_reordering_lets_later_frames_overtake(void **state)
{
	struct run r = run(&(struct zl_impair){.reorder_ppm = 10000, .reorder_us = 50, .seed = 4});

	(void)state;
	assert_in_range(r.counts.reordered, 143, 257);
	assert_int_equal(r.out, FRAMES);
	assert_in_range(r.misordered, r.counts.reordered / 2, r.counts.reordered);
}

static void test_delay_is_exact_to_the_nanosecond(void **state)
{
	struct zl_impair cfg = {.delay_us = 250};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *m = frame(0, 64);

	(void)state;
	zl_impair_push(s, &m, 1, 1000);
	assert_int_equal(zl_impair_next_due(s), 251000);
	assert_int_equal(zl_impair_pop(s, &m, 1, 250999), 0);
	assert_int_equal(zl_impair_pop(s, &m, 1, 251000), 1);
	assert_true(zl_impair_next_due(s) == UINT64_MAX);
	rte_pktmbuf_free(m);
	zl_impair_free(s);
}

/* 125 bytes at 1000 kbit/s: 1 ms each; at 3000 kbit/s a third, and no rounding adds up. */
static void test_rate_spaces_frames_exactly(void **state)
{
	struct zl_impair cfg = {.rate_kbps = 3000};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *m;

	(void)state;
	for (uint32_t i = 0; i < 30; i++) {
		m = frame(i, 125);
		zl_impair_push(s, &m, 1, 5 * MS);
	}
	for (uint32_t i = 0; i < 30; i++) {
		uint64_t due = 5 * MS + (i + 1) * MS / 3;

		assert_int_equal(zl_impair_next_due(s), due);
		assert_int_equal(zl_impair_pop(s, &m, 1, due), 1);
		assert_int_equal(number_of(m), i);
		rte_pktmbuf_free(m);
	}
	/* An idle link is no credit: the next frame takes its time from its arrival. */
	m = frame(0, 125);
	zl_impair_push(s, &m, 1, 50 * MS);
	assert_int_equal(zl_impair_next_due(s), 50 * MS + MS / 3);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

static void test_no_more_than_queue_frames_are_held(void **state)
{
	struct zl_impair cfg = {.delay_us = 1000, .queue_frames = 10};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *out[32], *m;
	unsigned n;

	(void)state;
	for (uint32_t i = 0; i < 25; i++) {
		m = frame(i, 64);
		zl_impair_push(s, &m, 1, 0);
	}
	assert_int_equal(zl_impair_counts(s)->queue_full, 15);
	n = zl_impair_pop(s, out, 32, MS);
	assert_int_equal(n, 10);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(number_of(out[i]), i);
		rte_pktmbuf_free(out[i]);
	}
	assert_int_equal(zl_impair_total(s), 15);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

static void test_a_small_queue_does_not_drop_what_does_not_wait(void **state)
{
	struct zl_impair cfg = {.duplicate_ppm = 1000000, .queue_frames = 1};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *in[ZL_IMPAIR_BURST], *out[2 * ZL_IMPAIR_BURST];

	(void)state;
	for (uint32_t i = 0; i < ZL_IMPAIR_BURST; i++)
		in[i] = frame(i, 64);
	zl_impair_push(s, in, ZL_IMPAIR_BURST, 0);
	assert_int_equal(zl_impair_pop(s, out, 2 * ZL_IMPAIR_BURST, 0), 2 * ZL_IMPAIR_BURST);
	rte_pktmbuf_free_bulk(out, 2 * ZL_IMPAIR_BURST);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

static unsigned bits_changed(const struct rte_mbuf *m, const uint8_t *was, uint32_t bytes,
			     uint32_t *first, uint32_t *last)
{
	uint8_t now[4096];
	unsigned changed = 0;
	const uint8_t *p = rte_pktmbuf_read(m, 0, bytes, now);

	*first = UINT32_MAX;
	for (uint32_t bit = 0; bit < bytes * 8; bit++)
		if ((p[bit / 8] ^ was[bit / 8]) >> (bit % 8) & 1) {
			changed++;
			*first = RTE_MIN(*first, bit);
			*last = bit;
		}
	return changed;
}

static void test_corruption_is_one_short_burst_behind_the_ethernet_header(void **state)
{
	struct zl_impair cfg = {.corrupt_ppm = 1000000, .seed = 5};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	uint32_t lowest = UINT32_MAX, highest = 0;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct rte_mbuf *m = frame(0, 60);
		uint32_t first, last = 0;
		uint8_t was[60];

		memcpy(was, rte_pktmbuf_mtod(m, void *), sizeof(was));
		zl_impair_push(s, &m, 1, 0);
		assert_int_equal(zl_impair_pop(s, &m, 1, 0), 1);
		assert_int_not_equal(bits_changed(m, was, sizeof(was), &first, &last), 0);
		assert_in_range(first, RTE_ETHER_HDR_LEN * 8, 60 * 8 - 1);
		assert_in_range(last - first, 0, 7);
		lowest = RTE_MIN(lowest, first);
		highest = RTE_MAX(highest, last);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(lowest, RTE_ETHER_HDR_LEN * 8);
	assert_int_equal(highest, 60 * 8 - 1);
	assert_int_equal(zl_impair_counts(s)->corrupted, 2000);
	zl_impair_free(s);
}

static void test_a_frame_without_payload_is_not_corrupted(void **state)
{
	struct zl_impair cfg = {.corrupt_ppm = 1000000};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);

	(void)state;
	rte_pktmbuf_append(m, RTE_ETHER_HDR_LEN);
	zl_impair_push(s, &m, 1, 0);
	assert_int_equal(zl_impair_pop(s, &m, 1, 0), 1);
	rte_pktmbuf_free(m);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

/* A header of its own before a payload that a retransmission queue holds as well. */
static void test_shared_bytes_are_copied_before_they_are_corrupted(void **state)
{
	struct zl_impair cfg = {.corrupt_ppm = 1000000, .duplicate_ppm = 1000000, .seed = 6};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *kept = frame(1, 1000);
	uint8_t was[1000];

	(void)state;
	memcpy(was, rte_pktmbuf_mtod(kept, void *), sizeof(was));
	for (unsigned i = 0; i < 200; i++) {
		struct rte_mbuf *m = frame(0, 54), *out[2];
		struct rte_mbuf *payload = rte_pktmbuf_clone(kept, pools.indirect);
		uint8_t sent[1054];
		uint32_t first, last = 0;

		memcpy(sent, rte_pktmbuf_mtod(m, void *), 54);
		memcpy(sent + 54, was, sizeof(was));
		assert_int_equal(rte_pktmbuf_chain(m, payload), 0);
		zl_impair_push(s, &m, 1, 0);
		assert_int_equal(zl_impair_pop(s, out, 2, 0), 2);
		assert_int_not_equal(bits_changed(out[0], sent, 1054, &first, &last), 0);
		assert_int_equal(bits_changed(out[1], sent, 1054, &first, &last), 0);
		rte_pktmbuf_free(out[0]);
		rte_pktmbuf_free(out[1]);
		assert_memory_equal(rte_pktmbuf_mtod(kept, void *), was, sizeof(was));
		assert_int_equal(rte_mbuf_refcnt_read(kept), 1);
	}
	rte_pktmbuf_free(kept);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

static void test_a_direct_frame_with_two_owners_is_copied_too(void **state)
{
	struct zl_impair cfg = {.corrupt_ppm = 1000000, .seed = 9};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);
	struct rte_mbuf *m = frame(3, 200), *out;
	uint8_t was[200];

	(void)state;
	memcpy(was, rte_pktmbuf_mtod(m, void *), sizeof(was));
	rte_mbuf_refcnt_update(m, 1);
	out = m;
	zl_impair_push(s, &out, 1, 0);
	assert_int_equal(zl_impair_pop(s, &out, 1, 0), 1);
	assert_ptr_not_equal(out, m);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), was, sizeof(was));
	rte_pktmbuf_free(out);
	rte_pktmbuf_free(m);
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

#define UDP_BYTES 60 /* Ethernet, IPv4, UDP and 18 bytes */

static struct rte_mbuf *udp_frame(void)
{
	struct rte_mbuf *m = frame(0, UDP_BYTES);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
				    .total_length = rte_cpu_to_be_16(UDP_BYTES - 14),
				    .time_to_live = 64,
				    .next_proto_id = 17,
				    .src_addr = rte_cpu_to_be_32(0x0a000001),
				    .dst_addr = rte_cpu_to_be_32(0x0a000002)};
	*udp = (struct rte_udp_hdr){.dgram_len = rte_cpu_to_be_16(UDP_BYTES - 34)};
	return m;
}

static bool udp_sum_is_right(struct rte_ipv4_hdr *ip)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint16_t sent = udp->dgram_cksum;

	udp->dgram_cksum = 0;
	return rte_ipv4_udptcp_cksum(ip, udp) == sent;
}

/* A port that fills in checksums would make corrupted content look right. */
static void test_checksums_left_to_the_port_are_computed_before_corruption(void **state)
{
	struct zl_impair cfg = {.corrupt_ppm = 1000000, .seed = 10};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct rte_mbuf *m = udp_frame();
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
		bool ip_right, udp_right;

		m->l2_len = 14;
		m->l3_len = 20;
		m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
			      RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		zl_impair_push(s, &m, 1, 0);
		assert_int_equal(zl_impair_pop(s, &m, 1, 0), 1);
		assert_false(m->ol_flags & ~RTE_MBUF_F_TX_IPV4); /* says what it is, asks nothing */
		ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
		ip_right = rte_raw_cksum(ip, sizeof(*ip)) == UINT16_MAX;
		udp_right = ip->version_ihl == 0x45 &&
			    ip->total_length == rte_cpu_to_be_16(UDP_BYTES - 14) &&
			    udp_sum_is_right(ip);
		assert_false(ip_right && udp_right);
		rte_pktmbuf_free(m);
	}
	zl_impair_free(s);
}

static void test_a_dry_pool_is_counted_and_the_frame_passes(void **state)
{
	struct zl_impair cfg = {.duplicate_ppm = 1000000};
	struct rte_mempool *dry = rte_pktmbuf_pool_create("dry", 1, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
							  SOCKET_ID_ANY);
	struct rte_mbuf *only = rte_pktmbuf_alloc(dry), *m = frame(1, 64), *out[2];
	struct zl_impairment *s = zl_impair_create(&cfg, 0, dry);

	(void)state;
	zl_impair_push(s, &m, 1, 0);
	assert_int_equal(zl_impair_pop(s, out, 2, 0), 1);
	assert_int_equal(zl_impair_counts(s)->no_memory, 1);
	rte_pktmbuf_free(out[0]);
	rte_pktmbuf_free(only);
	zl_impair_free(s);
	rte_mempool_free(dry);
}

static void test_what_is_held_goes_back_to_its_pool_when_the_stage_is_freed(void **state)
{
	struct zl_impair cfg = {.delay_us = 1000, .duplicate_ppm = 500000, .seed = 11};
	struct zl_impairment *s = zl_impair_create(&cfg, 0, pools.frames);

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct rte_mbuf *m = frame(i, 64);

		zl_impair_push(s, &m, 1, i);
	}
	assert_false(eal_pools_full(&pools));
	zl_impair_free(s);
	assert_true(eal_pools_full(&pools));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_is_binomial),
		cmocka_unit_test(test_losing_everything_loses_everything),
		cmocka_unit_test(test_duplicates_are_binomial_and_follow_their_frame),
		cmocka_unit_test(test_one_seed_gives_one_result_and_another_a_different_one),
		cmocka_unit_test(test_jitter_keeps_the_order),
		cmocka_unit_test(test_reordering_lets_later_frames_overtake),
		cmocka_unit_test(test_delay_is_exact_to_the_nanosecond),
		cmocka_unit_test(test_rate_spaces_frames_exactly),
		cmocka_unit_test(test_no_more_than_queue_frames_are_held),
		cmocka_unit_test(test_a_small_queue_does_not_drop_what_does_not_wait),
		cmocka_unit_test(test_corruption_is_one_short_burst_behind_the_ethernet_header),
		cmocka_unit_test(test_a_frame_without_payload_is_not_corrupted),
		cmocka_unit_test(test_shared_bytes_are_copied_before_they_are_corrupted),
		cmocka_unit_test(test_a_direct_frame_with_two_owners_is_copied_too),
		cmocka_unit_test(test_checksums_left_to_the_port_are_computed_before_corruption),
		cmocka_unit_test(test_a_dry_pool_is_counted_and_the_frame_passes),
		cmocka_unit_test(test_what_is_held_goes_back_to_its_pool_when_the_stage_is_freed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
