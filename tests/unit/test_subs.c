/* The master table against a naive model: random peers on several cores subscribe, cancel and
 * leave, publishers come, go and listen at their own pace. What the matchers and the publishers
 * have been told must at every moment add up to what the model says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/ipc/ipc.h"
#include "control/subscriptions/subs.h"

#define CORES      3
#define PEERS      12
#define PREFIXES   40
#define PUBLISHERS 3

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % n;
}

/* Prefix number i: of many lengths, with each the beginning of others. */
static unsigned prefix_of(uint32_t i, uint8_t *bytes)
{
	static const unsigned lengths[] = {0, 1, 7, 8, 9, 16, 31, 255, 256, 257, 8192};
	unsigned n = i == 0 ? 0 : lengths[1 + i % 10];

	memset(bytes, 'a' + (int)i % 3, n);
	if (n >= 4)
		memcpy(bytes + n - 4, &i, 4);
	else if (n > 0)
		bytes[0] = (uint8_t)i;
	return n;
}

struct model {
	struct zl_subs *subs;
	bool idle[CORES];     /* no message enters there */
	uint32_t peer[PEERS]; /* ZL_NO_PEER: not there */
	bool has[PEERS][PREFIXES];
	bool stream_match[PEERS][PREFIXES]; /* what the matchers were told */
	bool core_match[CORES][CORES][PREFIXES];
	struct zl_publisher *publisher[PUBLISHERS];
	bool told[PUBLISHERS][PREFIXES];
};

static uint32_t prefix_number(const uint8_t *bytes, unsigned n)
{
	uint8_t mine[8192];

	for (uint32_t i = 0; i < PREFIXES; i++)
		if (prefix_of(i, mine) == n && memcmp(mine, bytes, n) == 0)
			return i;
	fail_msg("a prefix that nobody has");
	return 0;
}

static unsigned core_of(unsigned peer)
{
	return peer % CORES;
}

static void matched(void *context, unsigned core, uint64_t target, const uint8_t *prefix,
		    unsigned bytes, bool add)
{
	struct model *m = context;
	uint32_t i = prefix_number(prefix, bytes);
	bool *was;

	if ((target & ZL_MATCH_CORE) == ZL_MATCH_CORE) {
		assert_int_not_equal(core, (uint32_t)target);
		was = &m->core_match[core][(uint32_t)target][i];
	} else {
		assert_int_equal(core, core_of((unsigned)target - 1));
		was = &m->stream_match[target - 1][i];
	}
	assert_int_not_equal(*was, add); /* never told twice */
	*was = add;
}

static bool anybody(const struct model *m, int core, uint32_t prefix)
{
	for (unsigned p = 0; p < PEERS; p++)
		if (m->has[p][prefix] && (core < 0 || core_of(p) == (unsigned)core))
			return true;
	return false;
}

static void assert_matchers_agree(const struct model *m)
{
	uint64_t pairs = 0, prefixes = 0;

	while (zl_subs_step(m->subs, 7))
		;
	for (uint32_t i = 0; i < PREFIXES; i++) {
		prefixes += anybody(m, -1, i);
		for (unsigned p = 0; p < PEERS; p++) {
			assert_int_equal(m->stream_match[p][i], m->has[p][i]);
			pairs += m->has[p][i];
		}
		for (int core = 0; core < CORES; core++)
			for (int of = 0; of < CORES; of++)
				assert_int_equal(m->core_match[core][of][i],
						 core != of && !m->idle[core] && anybody(m, of, i));
	}
	assert_int_equal(zl_subs_count(m->subs), pairs);
	assert_int_equal(zl_subs_prefixes(m->subs), prefixes);
}

static void listen_some(struct model *m, unsigned which, unsigned most)
{
	struct zl_news news;

	while (most-- > 0 && zl_publisher_peek(m->subs, m->publisher[which], &news)) {
		bool *told = &m->told[which][prefix_number(news.prefix, news.bytes)];
		assert_int_not_equal(*told, news.subscribe);
		*told = news.subscribe;
		zl_publisher_done(m->subs, m->publisher[which], &news);
	}
}

static void assert_publisher_agrees(struct model *m, unsigned which)
{
	listen_some(m, which, UINT32_MAX);
	for (uint32_t i = 0; i < PREFIXES; i++)
		assert_int_equal(m->told[which][i], anybody(m, -1, i));
}

static void change_peer(struct model *m, unsigned p)
{
	if (m->peer[p] == ZL_NO_PEER) {
		m->peer[p] = zl_subs_join(m->subs, p + 1, core_of(p));
		assert_int_not_equal(m->peer[p], ZL_NO_PEER);
	} else if (random_below(4) == 0) {
		zl_subs_leave(m->subs, m->peer[p]);
		m->peer[p] = ZL_NO_PEER;
		memset(m->has[p], 0, sizeof(m->has[p]));
		/* its own core forgets the stream by itself */
		memset(m->stream_match[p], 0, sizeof(m->stream_match[p]));
	}
}

static void change_subscription(struct model *m, unsigned p)
{
	uint8_t bytes[8192];
	uint32_t i = random_below(PREFIXES);
	unsigned n = prefix_of(i, bytes);
	bool add = random_below(5) < 3;

	if (m->peer[p] == ZL_NO_PEER)
		return;
	int changed = add ? zl_subs_add(m->subs, m->peer[p], bytes, n)
			  : zl_subs_remove(m->subs, m->peer[p], bytes, n);
	assert_int_equal(changed, m->has[p][i] != add);
	m->has[p][i] = add;
}

static void change_publisher(struct model *m, unsigned which)
{
	if (!m->publisher[which]) {
		m->publisher[which] = zl_publisher_join(m->subs);
		assert_non_null(m->publisher[which]);
		memset(m->told[which], 0, sizeof(m->told[which]));
	} else if (random_below(3) == 0) {
		zl_publisher_leave(m->subs, m->publisher[which]);
		m->publisher[which] = NULL;
	}
}

/* Twice does no harm. */
static void begin_to_pass_messages(struct model *m, unsigned core)
{
	zl_subs_source(m->subs, core);
	m->idle[core] = false;
}

static void test_random_histories_agree_with_the_model(void **state)
{
	(void)state;
	for (unsigned run = 1; run <= 60; run++) {
		struct model *m = calloc(1, sizeof(*m));
		seed = 0x9e3779b97f4a7c15ull * run;
		memset(m->peer, 0xff, sizeof(m->peer));
		m->subs = zl_subs_new(CORES, matched, m);
		m->idle[run % CORES] = true;
		zl_subs_no_source(m->subs, run % CORES);
		for (unsigned step = 0; step < 1500; step++) {
			uint32_t what = random_below(100);
			unsigned which = random_below(PUBLISHERS);
			if (what < 6)
				change_peer(m, random_below(PEERS));
			else if (what < 8)
				change_publisher(m, which);
			else if (what < 20 && m->publisher[which])
				listen_some(m, which, random_below(6));
			else if (what < 30)
				zl_subs_step(m->subs, random_below(4));
			else
				change_subscription(m, random_below(PEERS));
			if (step % 50 == 0)
				assert_matchers_agree(m);
			if (step % 700 == 699)
				begin_to_pass_messages(m, run % CORES);
		}
		assert_matchers_agree(m);
		for (unsigned which = 0; which < PUBLISHERS; which++)
			if (m->publisher[which])
				assert_publisher_agrees(m, which);
		zl_subs_free(m->subs);
		free(m);
	}
}

static void test_what_came_and_went_is_never_told_upstream(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct zl_news news;
	uint8_t bytes[8192];

	(void)state;
	m->subs = zl_subs_new(CORES, matched, m);
	uint32_t peer = zl_subs_join(m->subs, 1, 0);
	struct zl_publisher *p = zl_publisher_join(m->subs);
	for (uint32_t i = 0; i < PREFIXES; i++)
		assert_int_equal(zl_subs_add(m->subs, peer, bytes, prefix_of(i, bytes)), 1);
	zl_subs_leave(m->subs, peer);
	assert_true(zl_subs_step(m->subs, 1));
	assert_false(zl_subs_step(m->subs, PREFIXES));
	assert_false(zl_publisher_peek(m->subs, p, &news));
	zl_subs_free(m->subs);
	free(m);
}

static void test_a_disowned_prefix_is_cancelled_upstream_once(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct zl_news news;
	uint8_t bytes[8192];
	unsigned n = prefix_of(5, bytes);

	(void)state;
	m->subs = zl_subs_new(CORES, matched, m);
	assert_int_equal(zl_subs_disown(m->subs, bytes, n), 0);
	struct zl_publisher *p = zl_publisher_join(m->subs);
	assert_false(zl_publisher_peek(m->subs, p, &news));
	assert_int_equal(zl_subs_disown(m->subs, bytes, n), 0);
	assert_true(zl_publisher_peek(m->subs, p, &news));
	assert_false(news.subscribe);
	assert_int_equal(prefix_number(news.prefix, news.bytes), 5);
	zl_publisher_done(m->subs, p, &news);
	assert_false(zl_publisher_peek(m->subs, p, &news));
	uint32_t peer = zl_subs_join(m->subs, 1, 0);
	zl_subs_add(m->subs, peer, bytes, n);
	assert_true(zl_publisher_peek(m->subs, p, &news) && news.subscribe);
	zl_publisher_done(m->subs, p, &news);
	assert_int_equal(zl_subs_disown(m->subs, bytes, n), 0);
	assert_false(zl_publisher_peek(m->subs, p, &news));
	zl_subs_free(m->subs);
	free(m);
}

/* A second table takes over what the first has told, with some of it lost and some of it stale. */
static void test_taking_over_tells_the_difference_only(void **state)
{
	(void)state;
	for (unsigned run = 1; run <= 100; run++) {
		struct model *m = calloc(1, sizeof(*m));
		uint8_t bytes[8192];
		seed = 0x2545f4914f6cdd1dull * run;
		for (unsigned p = 0; p < PEERS; p++)
			for (uint32_t i = 0; i < PREFIXES; i++)
				m->has[p][i] = m->stream_match[p][i] = random_below(6) == 0;
		for (unsigned core = 0; core < CORES; core++)
			for (unsigned of = 0; of < CORES; of++)
				for (uint32_t i = 0; i < PREFIXES; i++)
					m->core_match[core][of][i] = core != of && random_below(2);
		m->subs = zl_subs_new(CORES, matched, m);
		for (unsigned core = 0; core < CORES; core++)
			for (unsigned of = 0; of < CORES; of++)
				for (uint32_t i = 0; i < PREFIXES; i++)
					if (m->core_match[core][of][i])
						zl_subs_adopt_core(m->subs, core, of, bytes,
								   prefix_of(i, bytes));
		for (unsigned p = 0; p < PEERS; p++) {
			m->peer[p] = zl_subs_join(m->subs, p + 1, core_of(p));
			for (uint32_t i = 0; i < PREFIXES; i++)
				if (m->has[p][i])
					zl_subs_adopt(m->subs, m->peer[p], bytes,
						      prefix_of(i, bytes));
		}
		if (run % 10 != 0) {
			assert_int_equal(zl_subs_settle(m->subs), 0);
			assert_matchers_agree(m);
		}
		zl_subs_free(m->subs); /* also unsettled */
		free(m);
	}
}

static void nothing(void *context, unsigned core, uint64_t target, const uint8_t *prefix,
		    unsigned bytes, bool add)
{
	(void)context, (void)core, (void)target, (void)prefix, (void)bytes, (void)add;
}

static unsigned million_name(unsigned peer, unsigned i, char *name)
{
	unsigned n = 12 + i % 19; /* 12 to 30 bytes */

	snprintf(name, 40, "T%03u.EUR.%07u.ABCDEFGHIJKLMNOP", peer, i);
	memmove(name + n - 12, name, 12); /* what differs comes last, of short ones too */
	memset(name, 'x', n - 12);
	memcpy(name + n - 4, &i, 4);
	return n;
}

/* The index has two sets of buckets for much of the time that this takes. */
static void test_all_prefixes_are_found_while_the_index_grows_and_shrinks(void **state)
{
	struct zl_subs *subs = zl_subs_new(1, nothing, NULL);
	uint32_t peer = zl_subs_join(subs, 1, 0), first = 0, n = 0;
	char name[40];

	(void)state;
	seed = 88172645463325252ull;
	for (unsigned round = 0; round < 60000; round++) {
		bool grows = round < 20000 || (round > 40000 && random_below(3) == 0);

		if (grows)
			assert_int_equal(zl_subs_add(subs, peer, (uint8_t *)name,
						     million_name(0, n++, name)),
					 1);
		else if (first < n)
			assert_int_equal(zl_subs_remove(subs, peer, (uint8_t *)name,
							million_name(0, first++, name)),
					 1);
		if (first == n)
			continue;
		uint32_t i = first + random_below(n - first);
		assert_int_equal(zl_subs_add(subs, peer, (uint8_t *)name, million_name(0, i, name)),
				 0);
		assert_int_equal(
			zl_subs_remove(subs, peer, (uint8_t *)name, million_name(0, n, name)), 0);
		assert_int_equal(zl_subs_prefixes(subs), n - first);
	}
	zl_subs_free(subs);
}

static void test_a_million_prefixes_cost_at_most_50_bytes_each_and_are_given_back(void **state)
{
	struct zl_subs *subs = zl_subs_new(2, nothing, NULL);
	struct zl_publisher *p = zl_publisher_join(subs);
	uint32_t at[10];
	char name[40];

	(void)state;
	for (unsigned peer = 0; peer < 10; peer++) {
		at[peer] = zl_subs_join(subs, peer + 1, peer % 2);
		for (unsigned i = 0; i < 100000; i++)
			assert_int_equal(zl_subs_add(subs, at[peer], (uint8_t *)name,
						     million_name(peer, i, name)),
					 1);
	}
	assert_int_equal(zl_subs_count(subs), 1000000);
	double bytes = (double)zl_subs_bytes(subs) / 1e6;
	print_message("a subscription: %.1f bytes\n", bytes);
	assert_true(bytes <= 50);
	for (unsigned peer = 0; peer < 10; peer += 2)
		zl_subs_leave(subs, at[peer]);
	while (zl_subs_step(subs, 1000))
		;
	for (unsigned i = 0; i < 100000; i++)
		for (unsigned peer = 1; peer < 10; peer += 2)
			assert_int_equal(zl_subs_remove(subs, at[peer], (uint8_t *)name,
							million_name(peer, i, name)),
					 1);
	assert_int_equal(zl_subs_prefixes(subs), 0);
	assert_true(zl_subs_bytes(subs) < 2000000);
	zl_publisher_leave(subs, p);
	zl_subs_free(subs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_histories_agree_with_the_model),
		cmocka_unit_test(test_what_came_and_went_is_never_told_upstream),
		cmocka_unit_test(test_a_disowned_prefix_is_cancelled_upstream_once),
		cmocka_unit_test(test_taking_over_tells_the_difference_only),
		cmocka_unit_test(test_all_prefixes_are_found_while_the_index_grows_and_shrinks),
		cmocka_unit_test(
			test_a_million_prefixes_cost_at_most_50_bytes_each_and_are_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
