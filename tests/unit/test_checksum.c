/* Checksums over chains cut anywhere, against the definition of RFC 1071. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/net/stack.h"
#include "dataplane/net/sum.h"
#include "tests/unit/eal.h"

static struct eal_pools pools;

/* The sum of RFC 1071 as it is written there, byte pairs in network order. */
static uint16_t reference(const uint8_t *p, unsigned n, uint64_t sum)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return rte_cpu_to_be_16((uint16_t)~sum);
}

/* The bytes as a chain, cut at random. */
static struct rte_mbuf *chain(const uint8_t *p, unsigned n)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pools.frames), *tail = head;
	unsigned at = 0;

	while (at < n) {
		unsigned piece = RTE_MIN(n - at, (unsigned)random() % 700);

		memcpy(rte_pktmbuf_append(tail, piece), p + at, piece);
		at += piece;
		if (at < n) {
			tail->next = rte_pktmbuf_alloc(pools.frames);
			tail = tail->next;
			head->nb_segs++;
		}
	}
	head->pkt_len = n;
	return head;
}

static void test_any_cut_of_a_packet_has_the_same_checksum(void **state)
{
	static uint8_t bytes[9000];

	(void)state;
	srandom(7);
	for (unsigned round = 0; round < 4000; round++) {
		unsigned n = (unsigned)random() % sizeof(bytes);
		uint32_t src = (uint32_t)random(), dst = (uint32_t)random();
		uint64_t pseudo = (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + 6 +
				  n;
		struct rte_mbuf *m;

		for (unsigned i = 0; i < n; i++)
			bytes[i] = round % 5 ? (uint8_t)random() : 0xff;
		m = chain(bytes, n);
		assert_int_equal(packet_checksum(m), reference(bytes, n, 0));
		assert_int_equal(l4_checksum(m, src, dst, IPPROTO_TCP),
				 reference(bytes, n, pseudo));
		assert_int_equal(l4_checksum_of(rte_be_to_cpu_16((uint16_t)~packet_checksum(m)), n,
						src, dst, IPPROTO_TCP),
				 reference(bytes, n, pseudo));
		rte_pktmbuf_free(m);
	}
	assert_true(eal_pools_full(&pools));
}

static void test_a_packet_with_its_checksum_in_it_sums_to_zero(void **state)
{
	uint8_t bytes[101];

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		struct rte_mbuf *m;
		uint16_t sum;

		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)random();
		bytes[16] = bytes[17] = 0;
		m = chain(bytes, sizeof(bytes));
		sum = l4_checksum(m, 1, 2, IPPROTO_TCP);
		rte_pktmbuf_free(m);
		memcpy(&bytes[16], &sum, 2);
		m = chain(bytes, sizeof(bytes));
		assert_int_equal(l4_checksum(m, 1, 2, IPPROTO_TCP), 0);
		rte_pktmbuf_free(m);
	}
}

/* Each way to sum, of what lies at any place and ends just before what must not be read: the block
 * is as long as it must be, which a sanitizer holds it to. Lengths around every width, and long. */
static void check_sum(ones_sum_fn *sum, unsigned n, unsigned align, unsigned kind)
{
	uint8_t *block = malloc(align + n + 1u), *p = block + align;
	uint16_t want;

	for (unsigned i = 0; i < n; i++)
		p[i] = kind == 0 ? 0xff : kind == 1 ? 0 : (uint8_t)random();
	want = (uint16_t)~reference(p, n, 0);
	block = realloc(block, RTE_MAX(align + n, 1u));
	assert_int_equal(sum(block + align, n), want);
	free(block);
}

static void test_every_way_to_sum_gives_what_bytes_add_up_to(void **state)
{
	ones_sum_fn *all[ONES_SUMS_MAX];
	unsigned ways = ones_sums(all);

	(void)state;
	assert_in_range(ways, 1, ONES_SUMS_MAX);
	assert_ptr_equal(ones_sum, all[ways - 1]);
	for (unsigned way = 0; way < ways; way++) {
		for (unsigned n = 0; n <= 300; n++)
			for (unsigned align = 0; align < 8; align++)
				for (unsigned kind = 0; kind < 3; kind++)
					check_sum(all[way], n, align, kind);
		for (unsigned n = 65535 - 200; n <= 65536; n++)
			for (unsigned kind = 0; kind < 3; kind++)
				check_sum(all[way], n, n % 3, kind);
	}
}

static void test_udp_never_sends_zero(void **state)
{
	uint8_t bytes[8] = {0};
	uint16_t sum;
	struct rte_mbuf *m;

	(void)state;
	/* 17 + 8 of the pseudo header, and the rest of 0xffff. */
	bytes[0] = 0xff;
	bytes[1] = 0xff - 25;
	m = chain(bytes, sizeof(bytes));
	sum = l4_checksum(m, 0, 0, IPPROTO_UDP);
	assert_int_equal(sum, 0xffff);
	rte_pktmbuf_free(m);
}

static int setup(void **state)
{
	(void)state;
	eal_start(64);
	eal_pools_create(&pools, 8191, 63, 15);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	eal_pools_free(&pools);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_cut_of_a_packet_has_the_same_checksum),
		cmocka_unit_test(test_a_packet_with_its_checksum_in_it_sums_to_zero),
		cmocka_unit_test(test_every_way_to_sum_gives_what_bytes_add_up_to),
		cmocka_unit_test(test_udp_never_sends_zero),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
