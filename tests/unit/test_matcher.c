/* The matcher against a list that is searched from end to end, and at the sizes it is made for. */
#include "dataplane/router/matcher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS   40
#define ENTRIES 4000
#define LONGEST 600

struct entry {
	uint8_t prefix[LONGEST];
	uint32_t len, slot;
	bool seen;
};

static struct entry model[ENTRIES];
static unsigned entries;
static uint64_t seed;

static uint64_t random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x9e3779b97f4a7c15) >> 8;
}

/* Few letters, 0x00 and 0xff among them, so that prefixes share, end within one another and split;
 * sometimes many letters, for wide nodes; sometimes long. */
static uint32_t some_bytes(uint8_t *into)
{
	static const uint8_t letters[] = {0x00, 'a', 0xff};
	uint32_t len = (uint32_t)(random_u64() % 9);

	if (random_u64() % 50 == 0)
		len = (uint32_t)(random_u64() % LONGEST);
	for (uint32_t i = 0; i < len; i++)
		into[i] = letters[random_u64() % 3];
	if (len && random_u64() % 2)
		into[random_u64() % (len < 3 ? len : 3)] = (uint8_t)random_u64();
	return len;
}

static struct entry *find(const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	for (unsigned i = 0; i < entries; i++) {
		if (model[i].len == len && model[i].slot == slot &&
		    memcmp(model[i].prefix, prefix, len) == 0)
			return &model[i];
	}
	return NULL;
}

static void model_remove_slot(uint32_t slot)
{
	for (unsigned i = 0; i < entries; i++) {
		if (model[i].slot == slot)
			model[i--] = model[--entries];
	}
}

/* The answer names the slots that the list does. */
static void check_slots(const struct zl_match *match, const uint8_t *topic, uint32_t len)
{
	bool want[SLOTS] = {0}, got[SLOTS] = {0};

	for (unsigned i = 0; i < entries; i++) {
		if (model[i].len <= len && memcmp(model[i].prefix, topic, model[i].len) == 0)
			want[model[i].slot] = true;
	}
	for (uint32_t i = 0; i < match->n; i++) {
		assert_true(match->slots[i] < SLOTS);
		assert_false(got[match->slots[i]]);
		got[match->slots[i]] = true;
	}
	assert_memory_equal(want, got, sizeof(want));
	assert_true((match->n == 0) == (match->key == 0));
}

static void check_match(struct zl_matcher *m, const uint8_t *topic, uint32_t len)
{
	struct zl_match match = zl_matcher_match(m, topic, len), again;

	check_slots(&match, topic, len);
	again = zl_matcher_match(m, topic, len);
	assert_true(again.key == match.key);
	if (match.decided > len)
		return;
	/* Whatever follows the bytes that decided changes nothing. */
	uint8_t other[LONGEST + 8];

	memcpy(other, topic, match.decided);
	for (uint32_t i = match.decided; i < LONGEST + 8; i++)
		other[i] = (uint8_t)random_u64();
	assert_true(zl_matcher_match(m, other, LONGEST + 8).key == match.key);
}

static int tick_off(void *ctx, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	unsigned *count = ctx;
	struct entry *e = find(prefix, len, slot);

	if (random_u64() % 7 == 0)
		return 1; /* it comes again */
	assert_non_null(e);
	assert_false(e->seen);
	e->seen = true;
	++*count;
	return 0;
}

static void check_each(struct zl_matcher *m)
{
	uint64_t cursor = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < entries; i++)
		model[i].seen = false;
	do {
		(void)zl_matcher_each(m, &cursor, tick_off, &count);
	} while (cursor);
	assert_int_equal(count, entries);
}

static void step_add(struct zl_matcher *m)
{
	struct entry *e = &model[entries];

	if (entries == ENTRIES)
		return;
	e->len = some_bytes(e->prefix);
	e->slot = (uint32_t)(random_u64() % SLOTS);
	if (!zl_matcher_slot_clean(m, e->slot)) {
		assert_int_equal(zl_matcher_add(m, e->prefix, e->len, e->slot), -EBUSY);
	} else if (find(e->prefix, e->len, e->slot)) {
		assert_int_equal(zl_matcher_add(m, e->prefix, e->len, e->slot), -EEXIST);
	} else if (zl_matcher_add(m, e->prefix, e->len, e->slot) == 0) {
		entries++;
	} else { /* full: nothing has changed, and something must go */
		check_each(m);
		entries--;
		assert_int_equal(zl_matcher_remove(m, model[entries].prefix, model[entries].len,
						   model[entries].slot),
				 0);
	}
}

static void step_remove(struct zl_matcher *m)
{
	uint8_t bytes[LONGEST];
	uint32_t len, slot = (uint32_t)(random_u64() % SLOTS);

	if (entries && random_u64() % 4) {
		struct entry *e = &model[random_u64() % entries];

		assert_int_equal(zl_matcher_remove(m, e->prefix, e->len, e->slot), 0);
		*e = model[--entries];
		return;
	}
	len = some_bytes(bytes);
	if (zl_matcher_slot_clean(m, slot) && !find(bytes, len, slot))
		assert_int_equal(zl_matcher_remove(m, bytes, len, slot), -ENOENT);
}

static void step(struct zl_matcher *m, unsigned percent_add)
{
	if (random_u64() % 100 < percent_add)
		step_add(m);
	else
		step_remove(m);
	if (random_u64() % 200 == 0) {
		uint32_t slot = (uint32_t)(random_u64() % SLOTS);

		zl_matcher_remove_slot(m, slot);
		model_remove_slot(slot);
	}
	if (random_u64() % 10 == 0)
		(void)zl_matcher_sweep(m, (uint32_t)(random_u64() % 40));
}

/* Looked up side by side is what a match one by one says, whatever happens in between. */
static void check_lookups(struct zl_matcher *m)
{
	static uint8_t topic[ZL_LOOKUPS][LONGEST];
	struct zl_lookup lookup[ZL_LOOKUPS];
	unsigned n = (unsigned)(random_u64() % (ZL_LOOKUPS + 1));
	bool quiet = random_u64() % 2;

	for (unsigned i = 0; i < n; i++)
		lookup[i] = (struct zl_lookup){.topic = topic[i], .len = some_bytes(topic[i])};
	zl_matcher_lookup(m, lookup, n);
	for (unsigned i = 0; i < n; i++) {
		struct zl_match found, match;

		if (!quiet && random_u64() % 4 == 0)
			step(m, 50);
		found = zl_matcher_result(m, &lookup[i]);
		check_slots(&found, topic[i], lookup[i].len);
		match = zl_matcher_match(m, topic[i], lookup[i].len);
		assert_true(found.key == match.key);
		assert_int_equal(found.decided, match.decided);
	}
}

static void run_model(uint64_t from_seed, size_t bytes, unsigned steps)
{
	struct zl_matcher *m = zl_matcher_create(bytes, SLOTS);
	uint8_t topic[LONGEST];

	assert_non_null(m);
	seed = from_seed;
	entries = 0;
	for (unsigned i = 0; i < steps; i++) {
		/* grow for a while, shrink for a while */
		step(m, i / 500 % 3 == 2 ? 25 : 70);
		if (i % 16 == 0)
			check_lookups(m);
		check_match(m, topic, some_bytes(topic));
		if (i % 250 == 0)
			check_each(m);
	}
	while (entries) {
		entries--;
		assert_int_equal(zl_matcher_remove(m, model[entries].prefix, model[entries].len,
						   model[entries].slot),
				 0);
	}
	while (!zl_matcher_sweep(m, 10))
		;
	assert_int_equal(zl_matcher_stats(m).subscriptions, 0);
	assert_int_equal(zl_matcher_stats(m).prefixes, 0);
	assert_int_equal(zl_matcher_stats(m).bytes, 0);
	zl_matcher_destroy(m);
}

static void test_agrees_with_a_list(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 8; i++)
		run_model(i * 7919, 1 << 24, 6000);
}

static void test_agrees_with_a_list_when_its_memory_keeps_running_out(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 8; i++)
		run_model(i * 104729, 3000 * i, 5000);
}

static void test_empty_prefix_matches_all_and_the_end_of_a_topic_decides(void **state)
{
	struct zl_matcher *m = zl_matcher_create(1 << 16, 4);
	struct zl_match match;

	(void)state;
	assert_int_equal(zl_matcher_match(m, (const uint8_t *)"", 0).key, 0);
	assert_int_equal(zl_matcher_add(m, NULL, 0, 3), 0);
	match = zl_matcher_match(m, (const uint8_t *)"any", 3);
	assert_int_equal(match.n, 1);
	assert_int_equal(match.slots[0], 3);
	assert_int_equal(match.decided, 0);
	assert_int_equal(zl_matcher_add(m, (const uint8_t *)"anything", 8, 1), 0);
	match = zl_matcher_match(m, (const uint8_t *)"any", 3);
	assert_int_equal(match.n, 1);
	assert_true(match.decided > 3);
	assert_int_equal(zl_matcher_match(m, (const uint8_t *)"anything", 8).n, 2);
	assert_int_equal(zl_matcher_longest(m), 8);
	zl_matcher_destroy(m);
}

static void test_keys_are_stable_until_something_changes(void **state)
{
	struct zl_matcher *m = zl_matcher_create(1 << 16, 4);
	const uint8_t *t = (const uint8_t *)"topic.a";
	uint64_t key;

	(void)state;
	zl_matcher_add(m, t, 5, 0);
	zl_matcher_add(m, t, 7, 1);
	key = zl_matcher_match(m, t, 7).key;
	assert_true(zl_matcher_match(m, t, 6).key != key);
	assert_true(zl_matcher_match(m, t, 7).key == key);
	zl_matcher_add(m, (const uint8_t *)"else", 4, 2);
	assert_true(zl_matcher_match(m, t, 7).key != key);
	key = zl_matcher_match(m, t, 7).key;
	zl_matcher_remove_slot(m, 1);
	assert_true(zl_matcher_match(m, t, 7).key != key);
	assert_int_equal(zl_matcher_match(m, t, 7).n, 1);
	zl_matcher_destroy(m);
}

static void test_prefixes_of_8_kib_share_and_part(void **state)
{
	struct zl_matcher *m = zl_matcher_create(1 << 20, 8);
	uint8_t *p = calloc(1, 70000);

	(void)state;
	memset(p, 'x', 70000);
	assert_int_equal(zl_matcher_add(m, p, 8192, 0), 0);
	assert_int_equal(zl_matcher_add(m, p, 8000, 1), 0);
	assert_int_equal(zl_matcher_add(m, p, ZL_PREFIX_MAX, 2), 0);
	assert_int_equal(zl_matcher_add(m, p, ZL_PREFIX_MAX + 1, 3), -EMSGSIZE);
	assert_int_equal(zl_matcher_match(m, p, 7999).n, 0);
	assert_int_equal(zl_matcher_match(m, p, 8191).n, 1);
	assert_int_equal(zl_matcher_match(m, p, 8192).n, 2);
	assert_int_equal(zl_matcher_match(m, p, 70000).n, 3);
	p[4000] = 'y';
	assert_int_equal(zl_matcher_match(m, p, 8192).n, 0);
	assert_int_equal(zl_matcher_add(m, p, 8192, 4), 0);
	assert_int_equal(zl_matcher_match(m, p, 8192).n, 1);
	for (uint32_t slot = 0; slot < 8; slot++)
		zl_matcher_remove_slot(m, slot);
	assert_int_equal(zl_matcher_match(m, p, 8192).n, 0);
	assert_true(zl_matcher_sweep(m, UINT32_MAX));
	assert_int_equal(zl_matcher_stats(m).bytes, 0);
	free(p);
	zl_matcher_destroy(m);
}

static void test_ten_thousand_slots_share_one_prefix(void **state)
{
	struct zl_matcher *m = zl_matcher_create(1 << 20, 10007);
	const uint8_t *t = (const uint8_t *)"quotes";
	struct zl_match match;

	(void)state;
	for (uint32_t i = 0; i < 10007; i++)
		assert_int_equal(zl_matcher_add(m, t, 6, (i * 5003) % 10007), 0);
	assert_int_equal(zl_matcher_add(m, t, 6, 17), -EEXIST);
	match = zl_matcher_match(m, t, 6);
	assert_int_equal(match.n, 10007);
	for (uint32_t i = 0; i < 10007; i++)
		assert_int_equal(match.slots[i], i);
	for (uint32_t i = 0; i < 10007; i += 2)
		zl_matcher_remove_slot(m, i);
	assert_int_equal(zl_matcher_match(m, t, 6).n, 5003);
	while (!zl_matcher_sweep(m, 100))
		assert_int_equal(zl_matcher_match(m, t, 6).n, 5003);
	for (uint32_t i = 1; i < 10007; i += 2)
		assert_int_equal(zl_matcher_remove(m, t, 6, i), 0);
	assert_int_equal(zl_matcher_stats(m).bytes, 0);
	zl_matcher_destroy(m);
}

/* A slot below 65,536 stands in the header of a leaf, a greater one does not. */
static void test_slots_of_any_number_share_a_prefix_and_leave_it(void **state)
{
	static const uint32_t slots[] = {65535, 65536, 0, 99999};
	const uint8_t *t = (const uint8_t *)"quotes.a";

	(void)state;
	for (unsigned a = 0; a < 4; a++) {
		for (unsigned b = 0; b < 4; b++) {
			struct zl_matcher *m = zl_matcher_create(1 << 20, 100000);

			assert_int_equal(zl_matcher_add(m, t, 8, slots[a]), 0);
			assert_int_equal(zl_matcher_add(m, t, 8, slots[a]), -EEXIST);
			assert_int_equal(zl_matcher_match(m, t, 8).slots[0], slots[a]);
			assert_int_equal(zl_matcher_remove(m, t, 8, 1), -ENOENT);
			assert_int_equal(zl_matcher_add(m, t, 8, slots[b]), a == b ? -EEXIST : 0);
			assert_int_equal(zl_matcher_match(m, t, 8).n, a == b ? 1 : 2);
			assert_int_equal(zl_matcher_add(m, t, 7, slots[b]), 0);
			assert_int_equal(zl_matcher_match(m, t, 8).n, a == b ? 1 : 2);
			assert_int_equal(zl_matcher_remove(m, t, 8, slots[a]), 0);
			assert_int_equal(zl_matcher_match(m, t, 8).n, 1);
			assert_int_equal(zl_matcher_match(m, t, 8).slots[0], slots[b]);
			zl_matcher_remove_slot(m, slots[b]);
			assert_int_equal(zl_matcher_match(m, t, 8).n, 0);
			assert_true(zl_matcher_sweep(m, 100));
			assert_int_equal(zl_matcher_stats(m).bytes, 0);
			zl_matcher_destroy(m);
		}
	}
}

static int stop_at_once(void *ctx, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	(void)ctx;
	(void)prefix;
	(void)len;
	(void)slot;
	return 7;
}

static void test_a_fifth_walk_ends_the_oldest(void **state)
{
	struct zl_matcher *m = zl_matcher_create(1 << 16, 4);
	uint64_t cursor[5] = {0}, done = 0;

	(void)state;
	assert_int_equal(zl_matcher_each(m, &done, stop_at_once, NULL), 0);
	zl_matcher_add(m, (const uint8_t *)"a", 1, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(zl_matcher_each(m, &cursor[i], stop_at_once, NULL), 7);
	assert_int_equal(zl_matcher_each(m, &cursor[0], stop_at_once, NULL), -ESTALE);
	assert_int_equal(cursor[0], 0);
	assert_int_equal(zl_matcher_each(m, &cursor[1], stop_at_once, NULL), 7);
	zl_matcher_destroy(m);
}

/* The reason for compressed nodes. libzmq takes 1,210 bytes each. */
static void test_a_million_prefixes_take_less_than_34_bytes_each(void **state)
{
	enum {
		MILLION = 1000000
	};
	struct zl_matcher *m = zl_matcher_create(64 << 20, 1024);
	struct zl_matcher_stats stats;

	(void)state;
	for (int pass = 0; pass < 3; pass++) {
		seed = 4711;
		for (uint32_t i = 0; i < MILLION; i++) {
			uint8_t p[32];
			uint32_t len = 12 + (uint32_t)(random_u64() % 19);

			for (unsigned k = 0; k < 32; k += 8) {
				uint64_t x = random_u64() << 8 ^ random_u64();

				memcpy(p + k, &x, 8);
			}
			if (pass == 1) {
				assert_int_equal(zl_matcher_match(m, p, len).n, 1);
				assert_int_equal(zl_matcher_match(m, p, len).slots[0], i % 1024);
			} else if (pass == 0) {
				assert_int_equal(zl_matcher_add(m, p, len, i % 1024), 0);
			} else {
				assert_int_equal(zl_matcher_remove(m, p, len, i % 1024), 0);
			}
		}
		stats = zl_matcher_stats(m);
		if (pass == 0) {
			assert_int_equal(stats.subscriptions, MILLION);
			assert_true(stats.bytes_touched < UINT64_C(34) * MILLION);
		}
	}
	assert_int_equal(stats.bytes, 0);
	zl_matcher_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_a_list),
		cmocka_unit_test(test_agrees_with_a_list_when_its_memory_keeps_running_out),
		cmocka_unit_test(test_empty_prefix_matches_all_and_the_end_of_a_topic_decides),
		cmocka_unit_test(test_keys_are_stable_until_something_changes),
		cmocka_unit_test(test_prefixes_of_8_kib_share_and_part),
		cmocka_unit_test(test_ten_thousand_slots_share_one_prefix),
		cmocka_unit_test(test_slots_of_any_number_share_a_prefix_and_leave_it),
		cmocka_unit_test(test_a_fifth_walk_ends_the_oldest),
		cmocka_unit_test(test_a_million_prefixes_take_less_than_34_bytes_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
