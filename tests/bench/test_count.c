/* What --verify counts, held against streams of bytes that are known to be right or wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/blast.h"

#define MESSAGES 50

static struct blast b;
static bool failed;
static uint8_t bytes[MESSAGES * 70000];

/* In place of main.c and connection.c. */
void blast_fail(struct blast *at, const char *format, ...)
{
	(void)format;
	at->failure[0] = '!';
	failed = true;
}

int connection_subscribe(struct connection *c, const void *prefix, uint8_t len)
{
	(void)c;
	(void)prefix;
	(void)len;
	return 0;
}

/* A right stream of MESSAGES; its length. */
static uint32_t start(uint32_t size, uint32_t parts)
{
	uint32_t n = 0;

	memset(&b, 0, sizeof(b));
	failed = false;
	b.options = (struct options){
		.publishers = 1, .subscribers = 1, .topics = 3, .size = size, .parts = parts};
	b.options.verify = true;
	layout_make(&b.layout, size, parts);
	b.publishers = calloc(1, sizeof(struct publisher));
	assert_int_equal(subscribers_open(&b), 0);
	b.subscribers[0].conn.blast = &b;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		for (uint32_t part = 0; part < parts; part++) {
			struct stamp s = {.sequence = i};
			const uint8_t *header = part == parts - 1 ? b.layout.last : b.layout.more;

			memcpy(bytes + n, header, b.layout.header_len);
			n += b.layout.header_len;
			for (uint32_t k = 0; k < size; k++)
				bytes[n + k] = b.layout.pattern[k % FILLER];
			topic_name(i % 3, s.topic);
			if (part == 0)
				memcpy(bytes + n, &s, sizeof(s));
			n += size;
		}
	}
	return n;
}

/* Fed in pieces of up to `piece` bytes. */
static void feed(uint32_t n, uint32_t piece)
{
	for (uint32_t at = 0; at < n; at += piece)
		subscriber_input(&b.subscribers[0], bytes + at, RTE_MIN(piece, n - at));
}

static void end(uint64_t received, uint64_t lost, uint64_t repeated, uint64_t wrong)
{
	const struct subscriber *s = &b.subscribers[0];

	assert_false(failed);
	assert_int_equal(b.received, received);
	assert_int_equal(b.received_by[0], received);
	assert_int_equal(s->lost, lost);
	assert_int_equal(s->repeated, repeated);
	assert_int_equal(s->wrong, wrong);
	subscribers_close(&b);
	free(b.publishers);
}

static void test_messages_are_counted_however_the_stream_is_cut(void **state)
{
	static const uint32_t shape[][2] = {{16, 1},  {64, 1}, {255, 1},  {256, 1},
					    {16, 16}, {64, 3}, {3000, 2}, {65537, 1}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(shape); i++)
		for (uint32_t piece = 1; piece < 3000; piece += piece < 30 ? 1 : 487) {
			feed(start(shape[i][0], shape[i][1]), piece);
			end(MESSAGES, 0, 0, 0);
		}
}

static void test_a_missing_message_is_lost_and_a_second_one_repeated(void **state)
{
	uint32_t n = start(64, 1), wire = b.layout.wire;

	(void)state;
	memmove(bytes + 7 * wire, bytes + 8 * wire, n - 8 * wire);
	feed(n - wire, 1448);
	end(MESSAGES - 1, 1, 0, 0);

	n = start(64, 1);
	memmove(bytes + 8 * wire, bytes + 7 * wire, n - 8 * wire);
	feed(n, 1448);
	end(MESSAGES, 0, 1, 0);
}

/* Stands in for a stream: how much of its window was opened again. */
static uint32_t opened;

static void consumed(struct zl_stream *s, uint32_t n)
{
	(void)s;
	opened += n;
}

static const struct zl_stream_ops stream_ops = {.consumed = consumed};

static void start_lagging(uint32_t stalled, uint32_t slow)
{
	start(64, 1);
	subscribers_close(&b);
	b.options.subscribers = 2;
	b.options.stalled = stalled;
	b.options.slow = slow;
	b.options.slow_percent = 10;
	assert_int_equal(subscribers_open(&b), 0);
	for (uint32_t i = 0; i < 2; i++) {
		b.subscribers[i].conn.blast = &b;
		b.subscribers[i].conn.id = i;
		b.subscribers[i].conn.state = CONN_TRAFFIC;
	}
	opened = 0;
}

static void test_a_slow_one_reads_at_its_share_once_measured(void **state)
{
	struct zl_stream stream = {.ops = &stream_ops};
	struct subscriber *s;
	uint32_t wire, n;

	(void)state;
	start_lagging(0, 1);
	s = b.subscribers;
	s->conn.stream = &stream;
	wire = b.layout.wire;
	n = MESSAGES * wire;
	b.phase = PHASE_WARMUP;
	assert_false(lag_holds(s, n));
	b.phase = PHASE_MEASURE;
	assert_true(lag_holds(s, n));
	lag_turn(&b);
	assert_int_equal(opened, 0);
	subscriber_input(s + 1, bytes, 20 * wire);
	lag_turn(&b);
	assert_int_equal(opened, 2 * wire);
	lag_turn(&b);
	assert_int_equal(opened, 2 * wire);
	/* no more than it has */
	b.received += 1000;
	lag_turn(&b);
	assert_int_equal(opened, n);
	subscribers_close(&b);
	free(b.publishers);
}

static void test_what_comes_to_those_that_lag_is_counted_apart(void **state)
{
	uint32_t wire;

	(void)state;
	start_lagging(0, 1);
	b.options.verify = false;
	wire = b.layout.wire;
	subscriber_input(&b.subscribers[0], bytes, 3 * wire);
	subscriber_input(&b.subscribers[0], bytes + 5 * wire, wire);
	subscriber_input(&b.subscribers[1], bytes, 2 * wire);
	assert_int_equal(b.received, 2);
	assert_int_equal(b.received_by[0], 4);
	assert_int_equal(b.subscribers[0].lost, 2);
	assert_int_equal(b.subscribers[1].lost, 0);
	subscribers_close(&b);
	free(b.publishers);

	start_lagging(1, 0);
	b.phase = PHASE_MEASURE;
	subscriber_input(&b.subscribers[0], bytes, 3 * wire);
	assert_true(lag_holds(&b.subscribers[0], 3 * wire));
	lag_turn(&b);
	assert_int_equal(b.received_by[0], 0);
	assert_int_equal(opened, 0);
	subscribers_close(&b);
	free(b.publishers);
}

static void test_a_changed_byte_is_wrong_wherever_it_is(void **state)
{
	(void)state;
	for (uint32_t at = sizeof(struct stamp); at < 300; at++) {
		uint32_t n = start(300, 2);

		bytes[b.layout.wire * 3 + b.layout.header_len + at] ^= 1;
		feed(n, 1448);
		end(MESSAGES, 0, 0, 1);
	}
	uint32_t n = start(64, 1);

	bytes[b.layout.header_len] ^= 1; /* a topic's */
	feed(n, 1448);
	end(MESSAGES, 0, 0, 1);
}

static void test_a_message_that_nobody_sent_ends_the_run(void **state)
{
	uint32_t n = start(64, 1);

	(void)state;
	bytes[1]++;
	feed(n, 1448);
	assert_true(failed);
	subscribers_close(&b);
	free(b.publishers);
}

static void test_percentiles_are_true_to_a_hundredth(void **state)
{
	static struct histogram h;

	(void)state;
	for (uint64_t ns = 1; ns <= 1000000; ns++)
		histogram_add(&h, ns);
	assert_in_range(histogram_at(&h, 0.5), 500000, 505000);
	assert_in_range(histogram_at(&h, 0.9999), 999900, 1000000);
	assert_int_equal(histogram_at(&h, 1), 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_counted_however_the_stream_is_cut),
		cmocka_unit_test(test_a_missing_message_is_lost_and_a_second_one_repeated),
		cmocka_unit_test(test_a_slow_one_reads_at_its_share_once_measured),
		cmocka_unit_test(test_what_comes_to_those_that_lag_is_counted_apart),
		cmocka_unit_test(test_a_changed_byte_is_wrong_wherever_it_is),
		cmocka_unit_test(test_a_message_that_nobody_sent_ends_the_run),
		cmocka_unit_test(test_percentiles_are_true_to_a_hundredth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
