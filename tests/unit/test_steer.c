/* Flow hashing against the published RSS verification vectors, and steering of frames. */
#include "dataplane/net/steer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The key and vectors that RSS implementations are verified with. */
static const uint8_t verification_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static const struct {
	uint32_t dst, src;
	uint16_t dst_port, src_port;
	uint32_t with_ports, without;
} vectors[] = {
	{IP(161, 142, 100, 80), IP(66, 9, 149, 187), 1766, 2794, 0x51ccc178, 0x323e8fc2},
	{IP(65, 69, 140, 83), IP(199, 92, 111, 2), 4739, 14230, 0xc626b0ea, 0xd718262a},
	{IP(12, 22, 207, 184), IP(24, 19, 198, 95), 38024, 12898, 0x5c2b394a, 0xd2d0a5de},
	{IP(209, 142, 163, 6), IP(38, 27, 205, 30), 2217, 48228, 0xafc7327f, 0x82989176},
	{IP(202, 188, 127, 2), IP(153, 39, 163, 191), 1303, 44251, 0x10e828a2, 0x5d1809c5},
};

static void put(uint8_t *p, uint32_t value, unsigned n)
{
	while (n--) {
		p[n] = (uint8_t)value;
		value >>= 8;
	}
}

static void tuple(uint8_t t[12], uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
	put(t, src, 4);
	put(t + 4, dst, 4);
	put(t + 8, sport, 2);
	put(t + 10, dport, 2);
}

static void test_toeplitz_agrees_with_the_published_vectors(void **state)
{
	uint8_t t[12];

	(void)state;
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		tuple(t, vectors[i].src, vectors[i].dst, vectors[i].src_port, vectors[i].dst_port);
		assert_int_equal(zl_toeplitz(verification_key, t, 12), vectors[i].with_ports);
		assert_int_equal(zl_toeplitz(verification_key, t, 8), vectors[i].without);
	}
}

static void test_flow_hash_is_toeplitz_with_our_key_and_the_same_both_ways(void **state)
{
	uint8_t t[12];

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t src = (uint32_t)random() << 1, dst = (uint32_t)random() << 1 | 1;
		uint16_t sport = (uint16_t)random(), dport = (uint16_t)random();
		uint32_t hash = zl_flow_hash(src, dst, sport, dport);

		tuple(t, src, dst, sport, dport);
		assert_int_equal(hash, zl_toeplitz(zl_rss_key, t, 12));
		assert_int_equal(hash, zl_flow_hash(dst, src, dport, sport));
	}
}

static unsigned steer(const uint8_t *bytes, unsigned n)
{
	struct rte_mbuf m;
	uint8_t *exact = malloc(n); /* so that a sanitizer sees a read past the end */
	unsigned core;

	memcpy(exact, bytes, n);
	memset(&m, 0, sizeof(m));
	m.buf_addr = exact;
	m.data_len = m.pkt_len = n;
	core = zl_steer_frame(&m, 4);
	free(exact);
	return core;
}

/* An IPv4 header at p. */
static void header(uint8_t *p, uint8_t proto, uint32_t src, uint32_t dst)
{
	p[0] = 0x45;
	p[9] = proto;
	put(p + 12, src, 4);
	put(p + 16, dst, 4);
}

static void test_frames_go_where_their_flow_goes(void **state)
{
	(void)state;
	for (uint16_t port = 1; port < 2000; port++) {
		uint8_t frame[14 + 20 + 8 + 20 + 8] = {[12] = 0x08};
		unsigned core = zl_steer_core(
			zl_flow_hash(IP(10, 0, 0, 2), IP(10, 0, 0, 1), port, 5555), 4);
		unsigned together;

		header(frame + 14, 6, IP(10, 0, 0, 2), IP(10, 0, 0, 1));
		put(frame + 34, port, 2);
		put(frame + 36, 5555, 2);
		assert_int_equal(steer(frame, 54), core);
		for (unsigned cut = 1; cut < 38; cut++)
			assert_int_equal(steer(frame, cut), 0);
		/* Fragments of any kind go where their addresses say, ports or not. */
		together = zl_steer_core(zl_flow_hash(IP(10, 0, 0, 2), IP(10, 0, 0, 1), 0, 0), 4);
		frame[20] = 0x20; /* more fragments */
		assert_int_equal(steer(frame, 54), together);
		put(frame + 20, port, 2); /* the last one */
		assert_int_equal(steer(frame, 34), together);
		frame[23] = 113;
		assert_int_equal(steer(frame, 34), together);
		put(frame + 20, 0, 2);
		assert_int_equal(steer(frame, 54), 0);
		frame[23] = 6;

		/* An ICMP error about that flow: quotes a segment that we sent. */
		header(frame + 14, 1, IP(10, 0, 0, 9), IP(10, 0, 0, 1));
		put(frame + 34, 0x0303, 2);
		header(frame + 42, 6, IP(10, 0, 0, 1), IP(10, 0, 0, 2));
		put(frame + 62, 5555, 2);
		put(frame + 64, port, 2);
		assert_int_equal(steer(frame, sizeof(frame)), core);
		for (unsigned cut = 1; cut < 66; cut++)
			assert_int_equal(steer(frame, cut), 0);
		frame[34] = 8; /* echo */
		assert_int_equal(steer(frame, sizeof(frame)), 0);
		put(frame + 12, 0x0806, 2);
		assert_int_equal(steer(frame, sizeof(frame)), 0);
	}
}

static bool anywhere(const uint8_t *bytes, unsigned n)
{
	uint8_t *exact = malloc(n);
	struct rte_mbuf m;
	bool is;

	memcpy(exact, bytes, n);
	memset(&m, 0, sizeof(m));
	m.buf_addr = exact;
	m.data_len = m.pkt_len = (uint16_t)n;
	is = zl_steer_anywhere(&m);
	free(exact);
	return is;
}

static void test_a_whole_packet_to_a_group_may_be_taken_in_anywhere(void **state)
{
	uint8_t frame[14 + 20 + 8] = {[12] = 0x08};

	(void)state;
	header(frame + 14, 17, IP(10, 0, 0, 2), IP(239, 192, 1, 1));
	assert_true(anywhere(frame, sizeof(frame)));
	for (unsigned n = 0; n < 34; n++)
		assert_false(anywhere(frame, n));
	frame[23] = 113;
	assert_true(anywhere(frame, sizeof(frame)));
	frame[23] = 2; /* IGMP */
	assert_false(anywhere(frame, sizeof(frame)));
	frame[23] = 1; /* ICMP */
	assert_false(anywhere(frame, sizeof(frame)));
	frame[23] = 17;
	frame[20] = 0x20; /* more fragments */
	assert_false(anywhere(frame, sizeof(frame)));
	put(frame + 20, 185, 2); /* the last one */
	assert_false(anywhere(frame, sizeof(frame)));
	put(frame + 20, 0x4000, 2); /* not to be fragmented */
	assert_true(anywhere(frame, sizeof(frame)));
	put(frame + 30, IP(10, 0, 0, 1), 4);
	assert_false(anywhere(frame, sizeof(frame)));
	put(frame + 30, UINT32_MAX, 4);
	assert_false(anywhere(frame, sizeof(frame)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_toeplitz_agrees_with_the_published_vectors),
		cmocka_unit_test(test_flow_hash_is_toeplitz_with_our_key_and_the_same_both_ways),
		cmocka_unit_test(test_frames_go_where_their_flow_goes),
		cmocka_unit_test(test_a_whole_packet_to_a_group_may_be_taken_in_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
