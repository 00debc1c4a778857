/* libzmq's messages in NORM's streams: laid out by hand as its norm_engine does, there and back
 * over all sizes, and who joins late or is out of step. */
#include "dataplane/norm_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/ring/untaken.h"
#include "tests/unit/assembly_log.h"
#include "tests/unit/eal.h"

static struct eal_pools pools;
static struct zl_norm_reader reader;

static int setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	eal_pools_create(&pools, 64, 1, 8);
	zl_norm_reader_init(&reader, pools.frames, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	zl_norm_reader_reset(&reader);
	assert_true(eal_pools_full(&pools)); /* every reference is back */
	eal_pools_free(&pools);
	return 0;
}

/* As it is read from the stream: into a buffer. */
static bool reads(const void *bytes, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
	bool good;

	memcpy(at, bytes, n);
	good = zl_norm_reader_take(&reader, at, n, m, &sink);
	rte_pktmbuf_free(m);
	return good;
}
#define READS(text) reads(text, sizeof(text) - 1)

static void test_whole_messages_are_read(void **state)
{
	(void)state;
	assert_true(READS("\0\0\3one\0\0\0\0\1\1a\377\0\3two"));
	assert_string_equal(got.text, "one  a+two ");
}

static void test_a_message_may_come_in_any_pieces(void **state)
{
	static const char stream[] = "\0\1\2ab\377\2\0\0\0\0\0\0\0\3cde\0\0\3one";

	(void)state;
	for (size_t piece = 1; piece < sizeof(stream); piece++) {
		memset(&got, 0, sizeof(got));
		zl_norm_reader_reset(&reader);
		for (size_t at = 0; at < sizeof(stream) - 1; at += piece)
			assert_true(reads(stream + at, RTE_MIN(piece, sizeof(stream) - 1 - at)));
		assert_string_equal(got.text, "ab+cde one ");
	}
}

/* libzmq marks every part as a place to begin at. */
static void test_who_joins_in_the_middle_begins_with_the_next_message(void **state)
{
	(void)state;
	assert_true(READS("\377\1\1b\377\0\1c\0\0\3one"));
	assert_string_equal(got.text, "one ");
	zl_norm_reader_reset(&reader); /* some is lost */
	assert_true(READS("\377\0\1c\0\1\1a\377\0\1b"));
	assert_string_equal(got.text, "one a+b ");
	assert_int_equal(got.too_long + got.no_memory, 0);
}

static void test_what_is_out_of_step_is_no_message(void **state)
{
	(void)state;
	assert_true(READS("\0\1\1a"));
	assert_false(READS("\0\0\1b")); /* the rest of the first one is missing */
	assert_true(READS("\0\0\1c"));
	assert_false(READS("\377\0\1d")); /* the beginning is */
	assert_true(READS("\0\0\1e"));
	assert_false(READS("\0\10\1f")); /* flags that nobody has */
	assert_true(READS("\0\0\1g"));
	assert_false(READS("\0\4\1h")); /* a command */
	assert_string_equal(got.text, "c e g ");
}

static void test_what_is_too_long_is_dropped_and_the_rest_is_not(void **state)
{
	(void)state;
	zl_norm_reader_init(&reader, pools.frames, 5);
	assert_true(READS("\0\1\2ab\377\0\4cdef\0\0\3one"));
	assert_string_equal(got.text, "one ");
	assert_int_equal(got.too_long, 1);
	assert_true(READS("\0\2\0\0\0\0\377\377\377\377abc"));
	assert_int_equal(got.too_long, 2);
	assert_int_equal(got.messages, 1);
}

static void test_no_memory_costs_the_message_alone(void **state)
{
	void *all[64];
	unsigned n;

	(void)state;
	n = eal_pool_drain(pools.frames, all, 64);
	/* In no buffer of ours. */
	assert_true(zl_norm_reader_take(&reader, (const uint8_t *)"\0\0\5ab", 5, NULL, &sink));
	assert_int_equal(got.no_memory, 1);
	eal_pool_refill(pools.frames, all, n);
	assert_true(READS("cde\0\0\1x"));
	assert_string_equal(got.text, "x ");
}

/* --- there and back --- */

static struct zl_msg part_of(const uint8_t *bytes, uint32_t len, bool more, bool chain)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames), *last = m;
	uint32_t piece = chain ? 700 : 2048, at = 0;

	do {
		uint32_t n = RTE_MIN(piece, len - at);

		if (at) {
			last->next = rte_pktmbuf_alloc(pools.frames);
			last = last->next;
			m->nb_segs++;
		}
		memcpy(rte_pktmbuf_mtod(last, uint8_t *), bytes + at, n);
		last->data_len = (uint16_t)n;
		m->pkt_len += n;
		at += n;
	} while (at < len);
	return (struct zl_msg){
		.buf = (struct zl_buf *)m,
		.data = rte_pktmbuf_mtod(m, const uint8_t *),
		.len = len,
		.flags = (uint8_t)((more ? ZL_MSG_MORE : 0) | (m->next ? ZL_MSG_CHAIN : 0))};
}

static void test_the_writer_lays_out_what_libzmq_does(void **state)
{
	static const uint8_t body[300] = "bcdef";
	struct zl_norm_writer w = {0};
	struct zl_msg first = part_of((const uint8_t *)"a", 1, true, false);
	struct zl_msg second = part_of(body, sizeof(body), false, false);
	uint8_t at[16];

	(void)state;
	assert_int_equal(zl_norm_lay_out(&w, &first, at, sizeof(at)), 4);
	assert_memory_equal(at, "\0\1\1a", 4);
	assert_false(zl_norm_gone(&w, &first, 3));
	assert_int_equal(zl_norm_lay_out(&w, &first, at, sizeof(at)), 1);
	assert_true(zl_norm_gone(&w, &first, 1));
	assert_int_equal(zl_norm_lay_out(&w, &second, at, 12), 12);
	assert_memory_equal(at, "\377\2\0\0\0\0\0\0\1\54bc", 12);
	assert_false(zl_norm_gone(&w, &second, 12));
	assert_int_equal(zl_norm_lay_out(&w, &second, at, 3), 3);
	assert_memory_equal(at, "def", 3);
	assert_true(zl_norm_gone(&w, &second, 298));
	assert_int_equal(zl_norm_lay_out(&w, &first, at, 1), 1);
	assert_int_equal(at[0], 0);
	zl_msgs_unref(&first, 1);
	zl_msgs_unref(&second, 1);
}

/* Every size around those where something changes, in pieces of every length, of which the stream
 * may not take all. */
static void there_and_back(unsigned room, unsigned takes, bool chain)
{
	static const uint32_t sizes[] = {0, 1, 2, 7, 254, 255, 256, 257, 1400, 3000};
	static uint8_t bytes[4096], at[2048];
	struct zl_norm_writer w = {0};
	uint64_t sent = 0;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)('a' + i % 26);
	memset(&got, 0, sizeof(got));
	got.quiet = true;
	for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
		struct zl_msg part = part_of(bytes, sizes[i], i % 3 == 1, chain);
		unsigned n;

		do {
			n = RTE_MIN(zl_norm_lay_out(&w, &part, at, room), takes);
			assert_true(n > 0);
			assert_true(reads(at, n));
		} while (!zl_norm_gone(&w, &part, n));
		sent += sizes[i];
		zl_msgs_unref(&part, 1);
	}
	assert_int_equal(got.bytes, sent);
	assert_int_equal(got.messages, 7);
}

static void test_every_size_comes_back_whatever_the_pieces_are(void **state)
{
	(void)state;
	for (unsigned room = 1; room < 1500; room += room < 300 ? 1 : 37) {
		there_and_back(room, room, false);
		there_and_back(room, 1 + room / 2, true);
	}
}

/* What the flow does with what is queued behind a message that has been begun. */
static void test_the_rest_of_a_message_is_kept_and_no_other(void **state)
{
	struct zl_untaken b = {0};
	struct zl_msg msgs[200];

	(void)state;
	for (unsigned parts = 1; parts < 170; parts += 7) {
		unsigned n = parts + 20;

		msgs[0] = part_of((const uint8_t *)"a", 1, false, false);
		zl_buf_ref(msgs[0].buf, (uint16_t)(n - 1));
		for (unsigned i = 0; i < n; i++) {
			msgs[i] = msgs[0];
			msgs[i].flags = i + 1 < parts || (i > parts && i % 2) ? ZL_MSG_MORE : 0;
		}
		assert_int_equal(zl_untaken_push(&b, pools.blocks, msgs, n), n);
		zl_untaken_keep_first(&b);
		assert_int_equal(b.n, parts);
		assert_int_equal(zl_untaken_peek(&b, msgs, 200), parts);
		zl_untaken_drop(&b, parts);
		assert_true(eal_pools_full(&pools));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_messages_are_read),
		TEST(test_a_message_may_come_in_any_pieces),
		TEST(test_who_joins_in_the_middle_begins_with_the_next_message),
		TEST(test_what_is_out_of_step_is_no_message),
		TEST(test_what_is_too_long_is_dropped_and_the_rest_is_not),
		TEST(test_no_memory_costs_the_message_alone),
		TEST(test_the_writer_lays_out_what_libzmq_does),
		TEST(test_every_size_comes_back_whatever_the_pieces_are),
		TEST(test_the_rest_of_a_message_is_kept_and_no_other),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
