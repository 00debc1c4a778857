/* Bytes into chains of buffers, and out of messages that lie in them, cut in all ways. */
#include "dataplane/ring/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eal.h"

#define BUFFERS 64

static struct eal_pools pools;
static struct zl_chain chain;
static uint8_t bytes[16384], out[16384];

static int setup(void **state)
{
	(void)state;
	eal_pools_create(&pools, BUFFERS, 1, 1);
	chain = (struct zl_chain){0};
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rte_pktmbuf_free(chain.head);
	assert_true(eal_pools_full(&pools));
	eal_pools_free(&pools);
	return 0;
}

/* What is in the chain from `from` on. */
static struct zl_msg message(uint32_t from)
{
	const struct rte_mbuf *m = chain.head;
	uint32_t len = m->pkt_len - from;

	assert_true(from < m->data_len);
	return (struct zl_msg){.buf = (struct zl_buf *)chain.head,
			       .data = rte_pktmbuf_mtod(m, uint8_t *) + from,
			       .len = len,
			       .flags = m->next ? ZL_MSG_CHAIN : 0};
}

static void test_what_is_appended_is_read_however_it_is_cut(void **state)
{
	static const uint32_t cuts[] = {1, 7, 100, 1000, 2048, 5000, sizeof(bytes) - 100};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cuts); i++) {
		struct zl_msg_reader r;
		struct zl_msg msg;

		for (uint32_t at = 0; at < sizeof(bytes); at += cuts[i])
			assert_true(
				zl_chain_append(&chain, pools.frames, bytes + at,
						RTE_MIN(cuts[i], (uint32_t)sizeof(bytes) - at)));
		assert_int_equal(chain.head->pkt_len, sizeof(bytes));
		rte_mbuf_sanity_check(chain.head, 1);
		msg = message(5);
		for (unsigned j = 0; j < RTE_DIM(cuts); j++) {
			memset(out, 0, sizeof(out));
			zl_msg_read_begin(&r, &msg);
			for (uint32_t at = 0; at < msg.len; at += cuts[j])
				zl_msg_read(&r, out + at, RTE_MIN(cuts[j], msg.len - at));
			assert_memory_equal(out, bytes + 5, msg.len);
			zl_msg_read_begin(&r, &msg);
			zl_msg_skip(&r, cuts[j] - 1);
			zl_msg_read(&r, out, RTE_MIN(3000u, msg.len - (cuts[j] - 1)));
			assert_memory_equal(out, bytes + 5 + cuts[j] - 1,
					    RTE_MIN(3000u, msg.len - (cuts[j] - 1)));
		}
		rte_pktmbuf_free(chain.head);
		chain = (struct zl_chain){0};
	}
}

static void test_a_message_goes_into_a_chain_behind_what_there_is(void **state)
{
	struct zl_chain copy = {0};
	struct zl_msg msg;

	(void)state;
	assert_true(zl_chain_append(&chain, pools.frames, bytes, 9000));
	msg = message(100);
	assert_true(zl_chain_append(&copy, pools.frames, "head", 4));
	assert_true(zl_chain_append_body(&copy, pools.frames, &msg));
	assert_int_equal(copy.head->pkt_len, 4 + 8900);
	assert_ptr_equal(rte_pktmbuf_read(copy.head, 4, 8900, out), out);
	assert_memory_equal(out, bytes + 100, 8900);
	rte_pktmbuf_free(copy.head);
}

static void test_no_bytes_are_an_empty_buffer(void **state)
{
	const struct zl_msg none = {.data = bytes};

	(void)state;
	assert_true(zl_chain_append(&chain, pools.frames, bytes, 0));
	assert_int_equal(chain.head->pkt_len, 0);
	assert_true(zl_chain_append_body(&chain, pools.frames, &none));
	assert_int_equal(chain.head->nb_segs, 1);
}

static void test_without_memory_what_there_is_stays(void **state)
{
	uint32_t got, room = 0;

	(void)state;
	while (zl_chain_append(&chain, pools.frames, bytes, sizeof(bytes)))
		room += sizeof(bytes);
	assert_true(chain.head->pkt_len >= room);
	assert_int_equal(chain.head->nb_segs, BUFFERS);
	assert_null(zl_chain_room(&chain, pools.frames, 1, &got));
	rte_mbuf_sanity_check(chain.head, 1);
}

static void test_a_peek_ends_with_the_message(void **state)
{
	struct zl_msg msg;

	(void)state;
	assert_true(zl_chain_append(&chain, pools.frames, bytes, 5000));
	msg = message(0);
	assert_int_equal(zl_msg_peek(&msg, out, 3000), 3000);
	assert_memory_equal(out, bytes, 3000);
	msg.len = 10;
	assert_int_equal(zl_msg_peek(&msg, out, 3000), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_appended_is_read_however_it_is_cut),
		TEST(test_a_message_goes_into_a_chain_behind_what_there_is),
		TEST(test_no_bytes_are_an_empty_buffer),
		TEST(test_without_memory_what_there_is_stays),
		TEST(test_a_peek_ends_with_the_message),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
