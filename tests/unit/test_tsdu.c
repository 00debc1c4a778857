/* libzmq's stream of messages in PGM's TSDUs: laid out by hand as its pgm_sender does, there and
 * back over all sizes, and who joins late or loses some. */
#include "dataplane/tsdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/assembly_log.h"
#include "tests/unit/eal.h"

static struct eal_pools pools;
static struct zl_tsdu_reader reader;

static int setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	eal_pools_create(&pools, 64, 1, 1);
	zl_tsdu_reader_init(&reader, pools.frames, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	zl_tsdu_reset(&reader);
	assert_true(eal_pools_full(&pools)); /* every reference is back */
	eal_pools_free(&pools);
	return 0;
}

/* In a buffer, as the network brings it, or (NULL) not. */
static bool reads(const void *tsdu, size_t n, bool buffer)
{
	struct rte_mbuf *m = buffer ? rte_pktmbuf_alloc(pools.frames) : NULL;
	const uint8_t *at = tsdu;
	bool good;

	if (m) {
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), tsdu, n);
		at = rte_pktmbuf_mtod(m, const uint8_t *);
	}
	good = zl_tsdu_read(&reader, at, n, m, &sink);
	rte_pktmbuf_free(m);
	return good;
}
#define READS(text) reads(text, sizeof(text) - 1, true)

static void test_whole_messages_are_read(void **state)
{
	(void)state;
	assert_true(READS("\0\0\4\0one\1\0\2\1a\4\0two"));
	assert_string_equal(got.text, "one  a+two ");
	assert_int_equal(got.singles, 2); /* also the empty one */
	assert_true(READS("\0\0"));
	assert_int_equal(got.messages, 3);
}

/* A reference that the reader may have goes to the first message; the second takes its own. What
 * runs on has neither. */
static void test_a_spare_reference_is_used_once(void **state)
{
	static const char tsdu[] = "\0\0\4\0one\4\0two\5\0thr";
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames), *spare = m;
	struct zl_assembly_sink with_spare = sink;

	(void)state;
	with_spare.spare = &spare;
	memcpy(rte_pktmbuf_append(m, sizeof(tsdu) - 1), tsdu, sizeof(tsdu) - 1);
	rte_mbuf_refcnt_update(m, 1);
	assert_true(zl_tsdu_read(&reader, rte_pktmbuf_mtod(m, const uint8_t *), sizeof(tsdu) - 1, m,
				 &with_spare));
	assert_string_equal(got.text, "one two ");
	assert_int_equal(got.singles, 2);
	assert_null(spare);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
}

static void test_a_message_runs_on_into_the_next(void **state)
{
	(void)state;
	assert_true(READS("\0\0\4\0one\7\0ab"));
	assert_string_equal(got.text, "one ");
	assert_true(READS("\xff\xff"
			  "cd"));
	assert_true(READS("\0\2"
			  "ef\4"));
	assert_string_equal(got.text, "one abcdef ");
	assert_true(READS("\xff\xff\0"));
	assert_true(reads("\0\3two\2\0x", 8, false));
	assert_string_equal(got.text, "one abcdef two x ");
}

static void test_who_joins_begins_where_a_message_does(void **state)
{
	(void)state;
	assert_true(READS("\xff\xff"
			  "cd"));
	assert_true(READS("\0\2"
			  "ef\4\0one"));
	assert_string_equal(got.text, "one ");
	zl_tsdu_reset(&reader); /* some are lost */
	assert_true(READS("\xff\xff\4\0no"));
	assert_true(READS("\0\4yes!\2\1a\2\0b"));
	assert_string_equal(got.text, "one a+b ");
}

static void test_a_place_beyond_the_end_is_none(void **state)
{
	(void)state;
	assert_false(READS("\0\3ab"));
	assert_false(READS("\0"));
	assert_false(READS(""));
	assert_true(READS("\0\2ab"));
	assert_true(READS("\0\0\2\0x"));
	assert_string_equal(got.text, "x ");
}

/* A frame of no length has no place for its flags: the stream is out of step, until it begins anew.
 */
static void test_a_frame_without_a_length_ends_the_stream(void **state)
{
	(void)state;
	assert_true(READS("\0\0\2\1a"));
	assert_false(READS("\0\0\0\0\2\0b"));
	assert_true(READS("\0\0\2\0c"));
	assert_string_equal(got.text, "c ");
}

static void test_what_is_too_long_is_dropped_and_the_rest_is_not(void **state)
{
	(void)state;
	zl_tsdu_reader_init(&reader, pools.frames, 5);
	assert_true(READS("\0\0\3\1ab\5\0cdef\4\0one"));
	assert_string_equal(got.text, "one ");
	assert_int_equal(got.too_long, 1);
	assert_true(READS("\0\0\xff\0\0\0\0\xff\xff\xff\xff\0"
			  "abc"));
	assert_true(READS("\xff\xff"
			  "def"));
	assert_int_equal(got.too_long, 2);
	assert_int_equal(got.messages, 1);
}

static void test_so_many_parts_and_no_more(void **state)
{
	uint8_t tsdu[2 + 3 * (ZL_ASSEMBLY_PARTS + 1)] = {0};

	(void)state;
	got.quiet = true;
	for (unsigned parts = ZL_ASSEMBLY_PARTS; parts <= ZL_ASSEMBLY_PARTS + 1; parts++) {
		for (unsigned i = 0; i < parts; i++)
			memcpy(tsdu + 2 + 3 * i, i + 1 < parts ? "\2\1x" : "\2\0y", 3);
		assert_true(reads(tsdu, 2 + 3 * parts, true));
	}
	assert_int_equal(got.messages, 1);
	assert_int_equal(got.bytes, ZL_ASSEMBLY_PARTS);
	assert_int_equal(got.too_long, 1);
}

static void test_no_memory_costs_the_message_alone(void **state)
{
	void *all[64];
	unsigned n;

	(void)state;
	assert_true(READS("\0\0\6\0ab"));
	zl_tsdu_reset(&reader);
	n = eal_pool_drain(pools.frames, all, 64);
	assert_true(reads("\0\0\6\0ab", 6, false));
	assert_int_equal(got.no_memory, 1);
	eal_pool_refill(pools.frames, all, n);
	assert_true(reads("\0\3"
			  "cde\2\0x",
			  8, false));
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
	struct zl_tsdu_writer w = {0};
	struct zl_msg first = part_of((const uint8_t *)"a", 1, true, false);
	struct zl_msg second = part_of((const uint8_t *)"bcdef", 5, false, false);
	uint8_t at[16];

	(void)state;
	zl_tsdu_begin(&w, at, 10);
	assert_true(zl_tsdu_is_empty(&w));
	assert_true(zl_tsdu_put(&w, &first));
	assert_false(zl_tsdu_put(&w, &second));
	assert_int_equal(zl_tsdu_end(&w), 10);
	assert_memory_equal(at, "\0\0\2\1a\6\0bcd", 10);
	zl_tsdu_begin(&w, at, sizeof(at));
	assert_true(zl_tsdu_put(&w, &second));
	assert_true(zl_tsdu_put(&w, &first)); /* a message begins behind the two bytes */
	assert_int_equal(zl_tsdu_end(&w), 7);
	assert_memory_equal(at, "\0\2ef\2\1a", 7);
	zl_msgs_unref(&first, 1);
	zl_msgs_unref(&second, 1);
}

/* Every size around those where something changes, in TSDUs of every length. */
static void there_and_back(unsigned room, bool chain)
{
	static const uint32_t sizes[] = {0, 1, 2, 7, 252, 253, 254, 255, 256, 1400, 3000};
	static uint8_t bytes[4096], at[2048];
	struct zl_tsdu_writer w = {0};
	uint64_t sent = 0;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)('a' + i % 26);
	memset(&got, 0, sizeof(got));
	got.quiet = true;
	zl_tsdu_begin(&w, at, room);
	for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
		struct zl_msg part = part_of(bytes, sizes[i], i % 3 == 1 && i < 10, chain);

		while (!zl_tsdu_put(&w, &part)) {
			assert_true(reads(at, zl_tsdu_end(&w), room % 2));
			zl_tsdu_begin(&w, at, room);
		}
		sent += sizes[i];
		zl_msgs_unref(&part, 1);
	}
	assert_true(reads(at, zl_tsdu_end(&w), room % 2));
	assert_int_equal(got.bytes, sent);
	assert_int_equal(got.messages, 8);
}

static void test_every_size_comes_back_whatever_the_packets_are(void **state)
{
	(void)state;
	for (unsigned room = 3; room < 1500; room += room < 300 ? 1 : 37) {
		there_and_back(room, false);
		there_and_back(room, true);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_messages_are_read),
		TEST(test_a_spare_reference_is_used_once),
		TEST(test_a_message_runs_on_into_the_next),
		TEST(test_who_joins_begins_where_a_message_does),
		TEST(test_a_place_beyond_the_end_is_none),
		TEST(test_a_frame_without_a_length_ends_the_stream),
		TEST(test_what_is_too_long_is_dropped_and_the_rest_is_not),
		TEST(test_so_many_parts_and_no_more),
		TEST(test_no_memory_costs_the_message_alone),
		TEST(test_the_writer_lays_out_what_libzmq_does),
		TEST(test_every_size_comes_back_whatever_the_packets_are),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
