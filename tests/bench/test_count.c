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

/* What was asked for. */
static uint8_t asked[1 << 20];
static uint32_t asked_len;

int connection_send(struct connection *c, const uint8_t *from, uint32_t n)
{
	(void)c;
	memcpy(asked + asked_len, from, n);
	asked_len += n;
	return 0;
}

/* A right stream of MESSAGES; its length. */
static uint32_t start(uint32_t size, uint32_t parts)
{
	uint32_t n = 0;

	memset(&b, 0, sizeof(b));
	failed = false;
	b.options = (struct options){.publishers = 1,
				     .subscribers = 1,
				     .topics = 3,
				     .size = size,
				     .parts = parts,
				     .matches = 1};
	b.options.verify = true;
	b.options.pattern = pattern_named("pubsub");
	layout_make(&b.layout, size, parts, 0, false);
	b.publishers = calloc(1, sizeof(struct publisher));
	during_init(&b);
	b.to.at_ns = UINT64_MAX;
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

static int by_bytes(const void *one, const void *other)
{
	return strcmp(one, other);
}

static void test_no_prefix_begins_another_and_a_seed_gives_the_same_again(void **state)
{
	enum {
		N = 50000
	};
	struct prefixes set = {.min = 9, .max = 30, .seed = 7}, other = set;
	char(*all)[PREFIX_MAX] = calloc(N, PREFIX_MAX);
	uint8_t again[PREFIX_MAX];
	uint32_t lengths = 0, same = 0;

	(void)state;
	other.seed = 8;
	assert_non_null(all);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t len = prefix_write(&set, i, (uint8_t *)all[i]);

		assert_in_range(len, 9, 30);
		lengths |= 1u << len;
		assert_int_equal(prefix_write(&set, i, again), len);
		assert_memory_equal(again, all[i], len);
		prefix_write(&other, i, again);
		same += memcmp(again, all[i], 9) == 0;
	}
	assert_int_equal(lengths, 0x7ffffe00);
	assert_int_equal(same, 0);
	qsort(all, N, PREFIX_MAX, by_bytes);
	for (uint32_t i = 0; i + 1 < N; i++)
		assert_int_not_equal(strncmp(all[i], all[i + 1], strlen(all[i])), 0);
	free(all);
}

/* `subscribers` of prefixes, subscriber 0 of them under test. */
static void start_prefixes(uint32_t subscribers, uint32_t matches, uint32_t subscriptions)
{
	start(80, 1);
	subscribers_close(&b);
	b.options.subscribers = subscribers;
	b.options.matches = matches;
	b.options.subscriptions = subscriptions;
	b.options.prefixes = (struct prefixes){.min = 12, .max = 30, .seed = 1};
	layout_make(&b.layout, 80, 1, 30, false);
	assert_int_equal(draws_make(&b.draws, &b.options, &b.layout), 0);
	assert_int_equal(subscribers_open(&b), 0);
	for (uint32_t i = 0; i < subscribers; i++) {
		b.subscribers[i].conn.blast = &b;
		b.subscribers[i].conn.id = i;
		b.subscribers[i].conn.state = CONN_TRAFFIC;
	}
}

static void end_prefixes(void)
{
	draws_free(&b.draws);
	subscribers_close(&b);
	free(b.publishers);
}

/* SUBSCRIBE commands in `asked`, each counted for the prefix it names; the last is a mark. */
static void count_asked(uint32_t *times, uint32_t prefixes)
{
	uint32_t at = 0, marks = 0;

	while (at < asked_len) {
		const uint8_t *data = asked + at + 12;
		uint32_t len = asked[at + 1] - 10u, found = 0;
		uint8_t prefix[PREFIX_MAX];

		assert_int_equal(asked[at], ZL_FRAME_COMMAND);
		assert_memory_equal(asked + at + 2, "\x09SUBSCRIBE", 10);
		assert_int_equal(marks, 0);
		marks += data[0] == '@';
		for (uint32_t i = 0; i < prefixes; i++)
			if (prefix_write(&b.options.prefixes, i, prefix) == len &&
			    memcmp(prefix, data, len) == 0) {
				times[i]++;
				found++;
			}
		assert_int_equal(found, data[0] != '@');
		at += 12 + len;
	}
	assert_int_equal(marks, 1);
}

static void test_each_prefix_is_asked_for_by_as_many_as_match(void **state)
{
	(void)state;
	for (uint32_t matches = 1; matches <= 3; matches++) {
		uint32_t times[100] = {0};
		struct zl_stream stream = {0};

		start_prefixes(3, matches, RTE_DIM(times));
		for (uint32_t i = 0; i < 3; i++) {
			b.subscribers[i].conn.stream = &stream;
			asked_len = 0;
			ask_begin(&b.subscribers[i]);
			ask(&b.subscribers[i], ASK_BYTES, UINT32_MAX);
			assert_true(ask_done(&b.subscribers[i]));
			count_asked(times, RTE_DIM(times));
		}
		for (uint32_t i = 0; i < RTE_DIM(times); i++)
			assert_int_equal(times[i], matches);
		end_prefixes();
	}
}

/* The messages of one publisher's first `draws` that are due to subscriber 0; how many. */
static uint32_t drawn_stream(uint32_t draws)
{
	static uint32_t ordinal[16];
	uint32_t n = 0, count = 0;

	memset(ordinal, 0, sizeof(ordinal));
	for (uint32_t i = 0; i < draws; i++) {
		const struct draw *d = draw_at(&b.draws, i);
		struct stamp s = {.prefix = d->prefix, .sequence = ordinal[d->group]++};
		uint32_t k = (b.options.subscribers - d->group) % b.options.subscribers;

		if (k >= b.options.matches)
			continue;
		layout_lay(&b.layout, bytes + n);
		memcpy(bytes + n + b.layout.header_len, d->lead, b.layout.lead);
		memcpy(bytes + n + b.layout.header_len + b.layout.lead, &s, sizeof(s));
		n += b.layout.wire;
		count++;
	}
	return count;
}

static void test_prefixes_come_to_those_who_asked_in_order_and_whole(void **state)
{
	struct subscriber *s;
	uint32_t n, wire;

	(void)state;
	for (uint32_t piece = 1; piece < 300; piece += 13) {
		start_prefixes(3, 2, 1000);
		n = drawn_stream(200);
		assert_in_range(n, 1, 199);
		feed(n * b.layout.wire, piece);
		s = b.subscribers;
		assert_false(failed);
		assert_int_equal(b.received, n);
		assert_int_equal(s->lost + s->repeated + s->wrong, 0);
		end_prefixes();
	}
	start_prefixes(3, 1, 1000);
	n = drawn_stream(100);
	wire = b.layout.wire;
	s = b.subscribers;
	feed(wire * 5, wire);
	subscriber_input(s, bytes + 7 * wire, (n - 7) * wire);
	assert_int_equal(s->lost, 2);
	assert_int_equal(s->wrong, 0);
	bytes[b.layout.header_len + 3] ^= 1; /* of its prefix */
	s->expected[0] = 0;
	feed(wire, wire);
	assert_int_equal(s->wrong, 1);
	/* what is another's is wrong here, whatever its sequence */
	subscriber_input(s + 1, bytes + wire, wire);
	assert_int_equal(s[1].wrong, 1);
	end_prefixes();
}

static void test_deliveries_of_what_was_drawn_are_known_ahead(void **state)
{
	uint64_t n = 0, start;

	(void)state;
	start_prefixes(5, 2, 1000);
	b.options.stalled = b.options.slow = 1;
	draws_free(&b.draws);
	assert_int_equal(draws_make(&b.draws, &b.options, &b.layout), 0);
	start = b.draws.count - 70;
	for (uint32_t i = 0; i < 2 * b.draws.count; i++) {
		uint32_t group = draw_at(&b.draws, start + i)->group;

		assert_int_equal(draws_prompt(&b.draws, start, i), n);
		n += (group >= 2) + ((group + 1) % 5 >= 2);
	}
	end_prefixes();
}

static void test_one_more_subscribes_from_the_middle_until_publishers_know(void **state)
{
	struct zl_stream stream = {0};
	struct subscriber *more;

	(void)state;
	start(64, 1);
	subscribers_close(&b);
	b.options.during = 500;
	b.options.seconds = 2;
	b.options.during_prefixes = (struct prefixes){.min = 12, .max = 30, .first = '~'};
	assert_int_equal(subscribers_open(&b), 0);
	more = &b.subscribers[1];
	more->conn = (struct connection){
		.blast = &b, .stream = &stream, .id = 1, .state = CONN_TRAFFIC};
	ask_begin(more);
	asked_len = 0;
	b.from.at_ns = 1000;
	b.publishers[0].heard = 1;
	b.machine.now_ns = 1000 + 999999999;
	assert_false(during_turn(&b));
	assert_int_equal(asked_len, 0);
	b.machine.now_ns++;
	assert_false(during_turn(&b));
	assert_true(ask_done(more));
	assert_true(asked_len > 500 * (12 + 12));
	for (uint32_t at = 0, left = 500; left--; at += 2u + asked[at + 1])
		assert_int_equal(asked[at + 12], '~');
	b.machine.now_ns += 7;
	b.publishers[0].heard = 2;
	assert_true(during_turn(&b));
	assert_int_equal(b.during.to_ns - b.during.from_ns, 7);

	during_time(&b.during, b.during.from_ns - 1, 1);
	during_time(&b.during, b.during.from_ns, 2);
	during_time(&b.during, b.during.to_ns, 3);
	assert_int_equal(b.during.quiet.count + b.during.busy.count, 2);
	assert_int_equal(b.during.quiet.max, 1);
	assert_int_equal(b.during.busy.max, 2);
	/* a message for it is wrong */
	subscriber_input(more, bytes, b.layout.wire);
	assert_int_equal(more->wrong, 1);
	assert_int_equal(b.received, 0);
	subscribers_close(&b);
	free(b.publishers);
}

/* --- each message to one --- */

/* `takers` of a pattern; how long its one publisher's first MESSAGES are in `bytes`. */
static uint32_t start_dealt(const char *pattern, uint32_t size, uint32_t takers)
{
	uint32_t n = 0;

	start(64, 1);
	subscribers_close(&b);
	b.options.pattern = pattern_named(pattern);
	b.options.subscribers = takers;
	b.options.topics = 1;
	b.options.size = size;
	layout_make(&b.layout, size, 1, 0, b.options.pattern->replies);
	assert_int_equal(subscribers_open(&b), 0);
	for (uint32_t i = 0; i < takers; i++) {
		b.subscribers[i].conn.blast = &b;
		b.subscribers[i].conn.id = i;
		b.subscribers[i].conn.state = CONN_TRAFFIC;
	}
	for (uint32_t i = 0; i < MESSAGES; i++, n += b.layout.wire) {
		struct stamp s = {.topic = "AAAA", .sequence = i};

		memcpy(bytes + n, b.layout.last, b.layout.header_len);
		for (uint32_t k = 0; k < size; k++)
			bytes[n + b.layout.header_len + k] = b.layout.pattern[k % FILLER];
		memcpy(bytes + n + b.layout.header_len, &s, sizeof(s));
	}
	b.publishers[0].sent = MESSAGES;
	return n;
}

static void end_dealt(void)
{
	assert_false(failed);
	subscribers_close(&b);
	free(b.publishers);
}

/* Message i to a taker. */
static void deal(struct subscriber *s, uint32_t i)
{
	subscriber_input(s, bytes + i * b.layout.wire, b.layout.wire);
}

static void test_what_is_dealt_out_is_whole_if_each_message_came_once(void **state)
{
	uint64_t wrong = 0;

	(void)state;
	start_dealt("pushpull", 64, 3);
	for (uint32_t i = 0; i < MESSAGES; i++)
		deal(&b.subscribers[i * 7 % 3], i);
	assert_int_equal(b.received, MESSAGES);
	assert_int_equal(subscribers_lost(&b), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(b.subscribers[i].lost + b.subscribers[i].repeated +
					 b.subscribers[i].wrong,
				 0);
	assert_int_equal(b.received_by[0] + b.received_by[1] + b.received_by[2], MESSAGES);
	end_dealt();

	/* 10 never comes, 20 comes to another as well, 31 before 30 */
	start_dealt("pushpull", 64, 3);
	for (uint32_t i = 0; i < MESSAGES; i++)
		if (i != 10 && i != 30)
			deal(&b.subscribers[i % 3], i);
		else if (i == 30)
			deal(&b.subscribers[31 % 3], 31);
	deal(&b.subscribers[2], 20);
	deal(&b.subscribers[31 % 3], 30);
	assert_int_equal(subscribers_lost(&b), 1);
	assert_int_equal(b.subscribers[2].repeated + b.subscribers[1].repeated, 2);
	for (uint32_t i = 0; i < 3; i++)
		wrong += b.subscribers[i].wrong;
	assert_int_equal(wrong, 1);
	end_dealt();
}

static void test_a_ledger_knows_millions_of_messages_over_the_wrap(void **state)
{
	struct ledger l;
	uint32_t from = UINT32_MAX - 3000000, at;

	(void)state;
	assert_int_equal(ledger_open(&l, 1), 0);
	l.first = from & ~63u;
	for (uint32_t i = 0; i < 10000000; i++) {
		at = from + (i ^ 1); /* each second one overtaken */
		if (i % 1000 != 7)
			assert_true(ledger_add(&l, at));
		if (i % 1000 == 9)
			assert_false(ledger_add(&l, at));
		if (i > 4000000 && i % 100000 == 8)
			assert_false(ledger_add(&l, at - 4000000));
	}
	assert_int_equal(l.came, 10000000 - 10000);
	ledger_close(&l);
}

static void test_replies_are_counted_where_the_request_came_from_in_any_order(void **state)
{
	static const uint32_t sizes[] = {16, 64, 255, 256, 3000};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(sizes); i++)
		for (uint32_t piece = 1; piece < 3000; piece += piece < 30 ? 1 : 487) {
			uint32_t n = start_dealt("reqrep", sizes[i], 2), wire = b.layout.wire;

			memcpy(bytes + n, bytes + 5 * wire, wire);
			memmove(bytes + 5 * wire, bytes + 6 * wire, n - 5 * wire);
			for (uint32_t at = 0; at < n; at += piece)
				subscriber_input(&b.replies[0], bytes + at, RTE_MIN(piece, n - at));
			assert_int_equal(b.received, MESSAGES);
			assert_int_equal(subscribers_lost(&b), 0);
			assert_int_equal(
				b.replies[0].lost + b.replies[0].repeated + b.replies[0].wrong, 0);
			end_dealt();
		}
}

static void
test_a_reply_to_another_is_wrong_and_one_without_its_delimiter_ends_the_run(void **state)
{
	uint32_t n;

	(void)state;
	start_dealt("reqrep", 64, 1);
	b.replies[0].conn.id = 1;
	subscriber_input(&b.replies[0], bytes, b.layout.wire);
	assert_int_equal(b.replies[0].wrong, 1);
	end_dealt();

	n = start_dealt("reqrep", 64, 1);
	subscriber_input(&b.replies[0], bytes + b.layout.delimiter, n - b.layout.delimiter);
	assert_true(failed);
	failed = false;
	end_dealt();
}

/* Stands in for a replier's stream: what went back, copied. */
static uint8_t back[RTE_DIM(bytes)];
static uint32_t back_len;

static void output(struct zl_stream *s)
{
	(void)s;
}

/* In place of sendq.c. */
int zl_sendq_append(struct zl_sendq *q, const struct zl_slice *s)
{
	(void)q;
	memcpy(back + back_len, (const uint8_t *)s->seg->buf_addr + s->seg->data_off + s->off,
	       s->len);
	back_len += s->len;
	return 0;
}

/* Feeds a replier these bytes in buffers of up to `piece`. */
static void request(uint32_t n, uint32_t piece)
{
	static const struct zl_stream_ops ops = {.output = output};
	struct zl_stream stream = {.ops = &ops};

	b.subscribers[0].conn.stream = &stream;
	back_len = 0;
	for (uint32_t at = 0; at < n; at += piece) {
		struct rte_mbuf m = {.buf_addr = bytes + at};

		m.data_len = (uint16_t)RTE_MIN(piece, n - at);
		replier_input(&b.subscribers[0], &m, 0);
	}
}

static void test_a_replier_sends_back_every_message_and_no_command(void **state)
{
	static const uint8_t ping[] = "\x04\x07\x04PING\x00\x01";
	static const uint32_t sizes[] = {16, 64, 256, 3000};
	uint32_t ping_len = sizeof(ping) - 1;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(sizes); i++)
		for (uint32_t piece = 1; piece < 3000; piece += piece < 30 ? 1 : 487) {
			uint32_t n = start_dealt("reqrep", sizes[i], 1), wire = b.layout.wire;
			uint8_t *right = malloc(n);

			memcpy(right, bytes, n);
			memmove(bytes + 7 * wire + ping_len, bytes + 7 * wire, n - 7 * wire);
			memcpy(bytes + 7 * wire, ping, ping_len);
			request(n + ping_len, piece);
			assert_int_equal(back_len, n);
			assert_memory_equal(back, right, n);
			assert_int_equal(b.received_by[0], MESSAGES);
			assert_int_equal(b.received, 0);
			free(right);
			end_dealt();
		}
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
		cmocka_unit_test(test_no_prefix_begins_another_and_a_seed_gives_the_same_again),
		cmocka_unit_test(test_each_prefix_is_asked_for_by_as_many_as_match),
		cmocka_unit_test(test_prefixes_come_to_those_who_asked_in_order_and_whole),
		cmocka_unit_test(test_deliveries_of_what_was_drawn_are_known_ahead),
		cmocka_unit_test(test_one_more_subscribes_from_the_middle_until_publishers_know),
		cmocka_unit_test(test_what_is_dealt_out_is_whole_if_each_message_came_once),
		cmocka_unit_test(test_a_ledger_knows_millions_of_messages_over_the_wrap),
		cmocka_unit_test(test_replies_are_counted_where_the_request_came_from_in_any_order),
		cmocka_unit_test(
			test_a_reply_to_another_is_wrong_and_one_without_its_delimiter_ends_the_run),
		cmocka_unit_test(test_a_replier_sends_back_every_message_and_no_command),
		cmocka_unit_test(test_percentiles_are_true_to_a_hundredth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
