/* The matcher against a list that is searched from end to end: adding, removing, slots that leave
 * and are swept, matches one by one and side by side, walks that stop and go on. The region is
 * small, so that it is full now and then. */
#include <errno.h>

#include "dataplane/router/matcher.h"
#include "tests/fuzz/feed.h"

#define SLOTS   9
#define ENTRIES 256
#define LONGEST 700

static struct entry {
	uint8_t prefix[LONGEST];
	uint32_t len, slot;
	bool seen;
} model[ENTRIES];
static unsigned entries;
static bool gone[SLOTS]; /* removed, and not yet clean */
static struct zl_matcher *matcher;

/* Short ones as they are; a long one is a byte repeated and then as it is, so that few bytes of
 * input reach long paths and those that part late. */
static uint32_t take_bytes(struct feed *f, uint8_t to[LONGEST])
{
	uint32_t n = feed_u8(f), run = 0;
	const uint8_t *bytes;

	if (n & 0x80) {
		run = (n & 0x3f) * 9;
		memset(to, n & 0x40 ? 'a' : 0xff, run);
		n = feed_u8(f) & 0x3f;
	}
	n = (uint32_t)feed_take(f, n & 0x3f, &bytes);
	memcpy(to + run, bytes, n);
	return run + n;
}

static struct entry *find(const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	for (unsigned i = 0; i < entries; i++)
		if (model[i].len == len && model[i].slot == slot &&
		    memcmp(model[i].prefix, prefix, len) == 0)
			return &model[i];
	return NULL;
}

static void add(struct feed *f)
{
	struct entry *e = &model[entries];
	int result;

	if (entries == ENTRIES)
		return;
	e->slot = feed_u8(f) % SLOTS;
	e->len = take_bytes(f, e->prefix);
	result = zl_matcher_add(matcher, e->prefix, e->len, e->slot);
	if (gone[e->slot] && !zl_matcher_slot_clean(matcher, e->slot))
		require(result == -EBUSY);
	else if (find(e->prefix, e->len, e->slot))
		require(result == -EEXIST);
	else
		require(result == 0 || result == -ENOMEM);
	if (result == 0) {
		gone[e->slot] = false;
		entries++;
	}
}

static void drop(struct entry *e)
{
	*e = model[--entries];
}

static void take_out(struct feed *f)
{
	uint32_t slot = feed_u8(f) % SLOTS, len;
	uint8_t bytes[LONGEST];
	struct entry *e;
	int result;

	if (feed_u8(f) & 1 && entries) {
		e = &model[feed_u8(f) % entries];
		require(zl_matcher_remove(matcher, e->prefix, e->len, e->slot) == 0);
		drop(e);
		return;
	}
	len = take_bytes(f, bytes);
	if (gone[slot] && !zl_matcher_slot_clean(matcher, slot))
		return;
	e = find(bytes, len, slot);
	result = zl_matcher_remove(matcher, bytes, len, slot);
	require(result == (e ? 0 : -ENOENT));
	if (e)
		drop(e);
}

static void leave(struct feed *f)
{
	uint32_t slot = feed_u8(f) % SLOTS;

	zl_matcher_remove_slot(matcher, slot);
	gone[slot] = true;
	for (unsigned i = 0; i < entries; i++)
		if (model[i].slot == slot)
			drop(&model[i--]);
}

static void check_set(const struct zl_match *match, const uint8_t *topic, uint32_t len)
{
	uint32_t want = 0, got = 0;

	for (unsigned i = 0; i < entries; i++)
		if (model[i].len <= len && memcmp(model[i].prefix, topic, model[i].len) == 0)
			want |= 1u << model[i].slot;
	for (uint32_t i = 0; i < match->n; i++) {
		require(match->slots[i] < SLOTS && !(got & 1u << match->slots[i]));
		got |= 1u << match->slots[i];
	}
	require(want == got);
	require((match->n == 0) == (match->key == 0));
}

static void check_longest(const uint8_t *topic, uint32_t len)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		int64_t longest = -1;

		if (gone[slot])
			continue;
		for (unsigned i = 0; i < entries; i++)
			if (model[i].slot == slot && model[i].len <= len &&
			    (int64_t)model[i].len > longest &&
			    memcmp(model[i].prefix, topic, model[i].len) == 0)
				longest = model[i].len;
		require(zl_matcher_longest_of(matcher, topic, len, slot) == longest);
	}
}

/* Whatever follows the bytes that decided changes nothing. */
static void check_decided(const struct zl_match *match, const uint8_t *topic, uint32_t len)
{
	uint8_t other[LONGEST + 8];
	uint64_t key = match->key;

	if (match->decided > len)
		return;
	memcpy(other, topic, match->decided);
	memset(other + match->decided, 'z', sizeof(other) - match->decided);
	require(zl_matcher_match(matcher, other, sizeof(other)).key == key);
}

static void match_one(struct feed *f)
{
	uint8_t topic[LONGEST];
	uint32_t len = take_bytes(f, topic);
	struct zl_match match = zl_matcher_match(matcher, topic, len);

	check_set(&match, topic, len);
	check_decided(&match, topic, len);
	check_longest(topic, len);
}

static void match_many(struct feed *f)
{
	static uint8_t topic[ZL_LOOKUPS][LONGEST];
	struct zl_lookup lookup[ZL_LOOKUPS];
	unsigned n = feed_u8(f) % (ZL_LOOKUPS + 1);

	for (unsigned i = 0; i < n; i++)
		lookup[i] = (struct zl_lookup){.topic = topic[i], .len = take_bytes(f, topic[i])};
	zl_matcher_lookup(matcher, lookup, n);
	for (unsigned i = 0; i < n; i++) {
		struct zl_match match;

		if (feed_u8(f) & 1)
			add(f); /* what was found is of another generation now */
		match = zl_matcher_result(matcher, &lookup[i]);
		check_set(&match, topic[i], lookup[i].len);
	}
}

struct walk {
	struct feed *feed;
	unsigned n;
};

static int tick_off(void *context, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	struct walk *walk = context;
	struct entry *e = find(prefix, len, slot);

	if (feed_u8(walk->feed) & 1)
		return 1; /* it comes again */
	require(e && !e->seen);
	e->seen = true;
	walk->n++;
	return 0;
}

static void walk_all(struct feed *f)
{
	struct walk walk = {.feed = f};
	uint64_t cursor = 0;

	for (unsigned i = 0; i < entries; i++)
		model[i].seen = false;
	do {
		(void)zl_matcher_each(matcher, &cursor, tick_off, &walk);
	} while (cursor);
	require(walk.n == entries);
}

static void sweep(struct feed *f)
{
	zl_matcher_sweep(matcher, feed_u8(f));
}

static void finish(void)
{
	while (entries) {
		struct entry *e = &model[entries - 1];

		require(zl_matcher_remove(matcher, e->prefix, e->len, e->slot) == 0);
		entries--;
	}
	while (!zl_matcher_sweep(matcher, 1000))
		;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		require(zl_matcher_slot_clean(matcher, slot));
	struct zl_matcher_stats stats = zl_matcher_stats(matcher);
	require(stats.prefixes == 0 && stats.subscriptions == 0 && stats.bytes == 0);
	zl_matcher_destroy(matcher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * f) = {
		add, add, add, take_out, match_one, match_many, walk_all, leave, sweep};
	struct feed f = {data, n};

	matcher = zl_matcher_create(feed_u8(&f) & 1 ? 1 << 20 : 8192, SLOTS);
	require(matcher);
	entries = 0;
	memset(gone, 0, sizeof(gone));
	while (f.left)
		steps[feed_u8(&f) % (sizeof(steps) / sizeof(steps[0]))](&f);
	finish();
	return 0;
}
