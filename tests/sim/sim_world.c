/* The simulator tests itself: links harm frames as they say, chance comes from the seed alone, and
 * the damage done is damage that an Internet checksum must see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/pair.h"
#include "tests/sim/pool.h"
#include "tests/unit/eal.h"

#define FRAMES 100000

static uint32_t checksum(const uint8_t *p, unsigned len)
{
	uint32_t s = 0;

	for (unsigned i = 0; i < len; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s % 0xffff; /* 0 and 0xffff are the same number */
}

static void test_every_burst_of_15_bits_changes_the_checksum(void **state)
{
	static const uint8_t texts[][6] = {
		{0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x45, 0, 0x05, 0xdc, 0xa7, 0x31}};

	(void)state;
	for (unsigned t = 0; t < 3; t++)
		for (unsigned first = 0; first <= 6 * 8 - 15; first++)
			for (unsigned mask = 1; mask < 1 << 15; mask++) {
				uint8_t p[6];

				memcpy(p, texts[t], 6);
				for (unsigned i = 0; i < 15; i++)
					if (mask >> i & 1)
						p[(first + i) / 8] ^= 0x80 >> (first + i) % 8;
				if (checksum(p, 6) == checksum(texts[t], 6))
					fail_msg("burst %#x at bit %u is not seen", mask, first);
			}
}

/* Carries FRAMES frames, one a microsecond; how many arrived out of order. */
static unsigned carry(struct link *l, const struct link_params *p, uint64_t *sum)
{
	struct link_arrival a[2];
	uint64_t last = 0;
	unsigned n, disorder = 0;

	link_init(l, p, 7);
	for (uint64_t i = 0; i < FRAMES; i++) {
		link_carry(l, i * 1000, 1000, a, &n);
		for (unsigned k = 0; k < n; k++) {
			disorder += a[k].at_ns < last;
			last = a[k].at_ns > last ? a[k].at_ns : last;
			*sum = sim_mix(*sum ^ a[k].at_ns ^ a[k].flip_mask);
		}
	}
	return disorder;
}

static void test_jitter_alone_keeps_the_order(void **state)
{
	struct link_params p = {.delay_ns = 1000, .jitter_ns = 1000000};
	struct link l;
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(carry(&l, &p, &sum), 0);
	assert_int_equal(l.delivered, FRAMES);
}

static void test_chances_are_as_asked_and_come_from_the_seed(void **state)
{
	struct link_params p = {.delay_ns = 1000,
				.loss_ppm = 100000,
				.reorder_ppm = 50000,
				.reorder_ns = 100000,
				.duplicate_ppm = 20000,
				.corrupt_ppm = 10000};
	struct link l;
	uint64_t sum = 0, again = 0;

	(void)state;
	assert_true(carry(&l, &p, &sum) > 0);
	assert_in_range(l.reordered, 4300, 4900); /* of what was not lost, and its copies */
	assert_in_range(l.lost, 9500, 10500);
	assert_in_range(l.duplicated, 1600, 2000);
	assert_in_range(l.corrupted, 800, 1050);
	carry(&l, &p, &again);
	assert_true(sum == again);
}

static void test_bursts_lose_frames_in_a_row(void **state)
{
	struct link_params p = {.delay_ns = 1,
				.burst_enter_ppm = 1000,
				.burst_leave_ppm = 100000,
				.burst_loss_ppm = 1000000};
	struct link l;
	uint64_t sum = 0;

	(void)state;
	carry(&l, &p, &sum);
	/* In the bad state for 10 frames of every 1010, on average. */
	assert_in_range(l.lost, 600, 1400);
}

static void test_a_full_queue_drops_the_tail_and_the_rate_holds(void **state)
{
	/* A frame of 1024 bytes on the wire each microsecond, where one takes 8.192. */
	struct link_params p = {.delay_ns = 1, .rate_bps = 1000000000, .queue_bytes = 20000};
	struct link l;
	uint64_t sum = 0;

	(void)state;
	carry(&l, &p, &sum);
	assert_in_range(l.delivered, FRAMES * 1000 / 8192 - 30, FRAMES * 1000 / 8192 + 30);
	assert_int_equal(l.delivered + l.tail_drops, FRAMES);
}

static uint64_t hash_of(uint64_t seed)
{
	struct link_params link = {.delay_ns = 5 * PAIR_MS,
				   .jitter_ns = PAIR_MS,
				   .loss_ppm = 20000,
				   .reorder_ppm = 20000,
				   .reorder_ns = PAIR_MS};
	struct zl_tcp_config tcp;
	struct pair p;
	uint64_t hash;

	zl_tcp_config_default(&tcp);
	pair_create(&p, seed, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 1000000);
	pair_run(&p, 1000 * PAIR_SEC);
	assert_true(endpoint_complete(&p.client[0]) && endpoint_complete(&p.server[0]));
	hash = world_hash(p.world);
	pair_destroy(&p);
	return hash;
}

static void test_a_seed_is_the_same_run_to_the_last_bit(void **state)
{
	uint64_t hash = hash_of(1);

	(void)state;
	assert_true(hash != hash_of(2));
	assert_true(hash == hash_of(1));
}

static void test_a_changed_byte_with_a_right_checksum_is_noticed(void **state)
{
	struct link_params link = {.delay_ns = PAIR_MS};
	struct zl_tcp_config tcp;
	struct pair p;

	(void)state;
	zl_tcp_config_default(&tcp);
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 100000);
	world_sabotage(p.world, 7);
	pair_run(&p, 1000 * PAIR_SEC);
	assert_non_null(strstr(p.server[0].fault, "wrong content"));
	p.server[0].fault[0] = '\0';
	pair_destroy(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_burst_of_15_bits_changes_the_checksum),
		cmocka_unit_test(test_jitter_alone_keeps_the_order),
		cmocka_unit_test(test_chances_are_as_asked_and_come_from_the_seed),
		cmocka_unit_test(test_bursts_lose_frames_in_a_row),
		cmocka_unit_test(test_a_full_queue_drops_the_tail_and_the_rate_holds),
		cmocka_unit_test(test_a_seed_is_the_same_run_to_the_last_bit),
		cmocka_unit_test(test_a_changed_byte_with_a_right_checksum_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
