/* Messages to datagrams and back, in one piece and in several. */
#include "dataplane/datagram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eal.h"

static struct rte_mempool *pool;

static struct rte_mbuf *datagram(const void *bytes, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	return m;
}
#define DATAGRAM(text) datagram(text, sizeof(text) - 1)

static struct zl_msg part(struct rte_mbuf *m)
{
	return (struct zl_msg){.buf = (struct zl_buf *)m,
			       .data = rte_pktmbuf_mtod(m, const uint8_t *),
			       .len = m->pkt_len,
			       .flags = m->next ? ZL_MSG_CHAIN : 0};
}

static void assert_part(const struct zl_msg *msg, const char *text)
{
	uint8_t bytes[64];

	assert_int_equal(msg->len, strlen(text));
	assert_int_equal(zl_msg_peek(msg, bytes, sizeof(bytes)), strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static void test_a_group_and_a_body_are_found(void **state)
{
	struct zl_msg parts[2];
	struct rte_mbuf *m = DATAGRAM("\4newsbody");

	(void)state;
	assert_true(zl_datagram_grouped(m, parts));
	assert_part(&parts[0], "news");
	assert_part(&parts[1], "body");
	assert_int_equal(parts[0].flags, ZL_MSG_MORE);
	assert_int_equal(parts[1].flags, 0);
	zl_msgs_unref(parts, 2);
	m = DATAGRAM("\0");
	assert_true(zl_datagram_grouped(m, parts));
	assert_part(&parts[0], "");
	assert_part(&parts[1], "");
	zl_msgs_unref(parts, 2);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void test_what_holds_no_group_is_none(void **state)
{
	struct zl_msg parts[2];
	struct rte_mbuf *bad[] = {DATAGRAM(""), DATAGRAM("\1"), DATAGRAM("\5news")};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		assert_false(zl_datagram_grouped(bad[i], parts));
		rte_pktmbuf_free(bad[i]);
	}
}

/* The body goes on where the first piece ends. */
static void test_a_body_may_be_in_several_pieces(void **state)
{
	struct rte_mbuf *m = DATAGRAM("\1ab"), *more = DATAGRAM("cd");
	struct zl_msg parts[2];

	(void)state;
	assert_int_equal(rte_pktmbuf_chain(m, more), 0);
	assert_true(zl_datagram_grouped(m, parts));
	assert_part(&parts[0], "a");
	assert_part(&parts[1], "bcd");
	assert_int_equal(parts[1].flags, ZL_MSG_CHAIN);
	zl_msgs_unref(parts, 2);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void test_who_sent_it_comes_first(void **state)
{
	const struct zl_endpoint_addr from = {.ip = 0xc0a80afe, .port = 65535};
	struct rte_mbuf *m = DATAGRAM("body");
	struct zl_endpoint_addr to;
	struct zl_msg parts[2];

	(void)state;
	assert_true(zl_datagram_addressed(pool, m, &from, parts));
	assert_part(&parts[0], "192.168.10.254:65535");
	assert_part(&parts[1], "body");
	assert_true(zl_datagram_address(&parts[0], &to)); /* and goes back there */
	assert_int_equal(to.ip, from.ip);
	assert_int_equal(to.port, from.port);
	zl_msgs_unref(parts, 2);
}

static void test_only_an_address_is_one(void **state)
{
	static const char *const bad[] = {"",
					  "10.0.0.1",
					  "10.0.0.1:",
					  "10.0.0.1:0",
					  ":5",
					  "10.0.0:5",
					  "10.0.0.1:65536",
					  "a.b.c.d:5",
					  "10.0.0.1:5 ",
					  "10.0.0.1: 5",
					  "10.0.0.1:-5",
					  "10.0.0.256:5",
					  "100.100.100.100:100000"};
	struct zl_endpoint_addr to;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		struct rte_mbuf *m = datagram(bad[i], strlen(bad[i]));
		struct zl_msg msg = part(m);

		if (zl_datagram_address(&msg, &to))
			fail_msg("\"%s\" was taken for an address", bad[i]);
		rte_pktmbuf_free(m);
	}
}

static void test_a_datagram_is_made_of_head_and_body(void **state)
{
	struct rte_mbuf *m = DATAGRAM("\1ab"), *more = DATAGRAM("cd"), *made;
	struct zl_msg body;

	(void)state;
	assert_int_equal(rte_pktmbuf_chain(m, more), 0);
	body = part(m);
	made = zl_datagram_make(pool, (const uint8_t *)"\2hi", 3, &body);
	assert_non_null(made);
	body = part(made);
	assert_part(&body, "\2hi\1abcd");
	rte_pktmbuf_free(made);
	rte_pktmbuf_free(m);
}

/* As its bytes would, whatever the lengths; of a chain it is not said. */
static void test_head_and_body_say_what_they_add_up_to(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 89 + 7);
	for (unsigned head = 0; head < 5; head++) {
		for (unsigned len = 0; head + len <= sizeof(bytes); len++) {
			struct zl_msg body = {.data = bytes + head, .len = len};
			uint32_t all = 0;
			uint16_t sum;

			assert_true(zl_datagram_sum(bytes, head, &body, &sum));
			for (unsigned i = 0; i < head + len; i++)
				all += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
			assert_int_equal(sum % 0xffff, all % 0xffff);
			body.flags = ZL_MSG_CHAIN;
			assert_false(zl_datagram_sum(bytes, head, &body, &sum));
		}
	}
}

/* Longer than a buffer: a chain; longer than there is memory: nothing, and nothing lost. */
static void test_a_long_body_takes_several_buffers(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *made;
	uint32_t room = rte_pktmbuf_tailroom(m), n = 0;
	struct zl_msg body;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(pool);

		memset(rte_pktmbuf_append(more, (uint16_t)room), (int)('a' + i), room);
		assert_int_equal(rte_pktmbuf_chain(m, more), 0);
		n += room;
	}
	body = (struct zl_msg){.buf = (struct zl_buf *)m,
			       .data = rte_pktmbuf_mtod(m, const uint8_t *),
			       .len = n,
			       .flags = ZL_MSG_CHAIN};
	made = zl_datagram_make(pool, (const uint8_t *)"xy", 2, &body);
	assert_non_null(made);
	assert_int_equal(made->pkt_len, n + 2);
	assert_int_equal(made->nb_segs, 4);
	for (uint32_t i = 0; i < n; i += 97) {
		uint8_t byte;

		assert_int_equal(*(const uint8_t *)rte_pktmbuf_read(made, i + 2, 1, &byte),
				 'a' + i / room);
	}
	while (rte_mempool_avail_count(pool) > 2)
		assert_int_equal(rte_pktmbuf_chain(made, rte_pktmbuf_alloc(pool)), 0);
	assert_null(zl_datagram_make(pool, (const uint8_t *)"xy", 2, &body));
	assert_int_equal(rte_mempool_avail_count(pool), 2);
	rte_pktmbuf_free(made);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_and_a_body_are_found),
		cmocka_unit_test(test_what_holds_no_group_is_none),
		cmocka_unit_test(test_a_body_may_be_in_several_pieces),
		cmocka_unit_test(test_who_sent_it_comes_first),
		cmocka_unit_test(test_only_an_address_is_one),
		cmocka_unit_test(test_a_datagram_is_made_of_head_and_body),
		cmocka_unit_test(test_head_and_body_say_what_they_add_up_to),
		cmocka_unit_test(test_a_long_body_takes_several_buffers),
	};

	eal_start(64);
	pool = rte_pktmbuf_pool_create("datagram", 31, 0, 0, 512 + RTE_PKTMBUF_HEADROOM, 0);
	if (!pool)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
