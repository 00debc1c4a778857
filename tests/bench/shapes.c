/* The shapes (shapes.h). Each makes its i-th prefix from i alone, all of them different. */
#include "tests/bench/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PREFIX_MAX = 320,
	TAIL = 8 /* bytes of a topic after its prefix */
};

static uint64_t mix(uint64_t x) /* splitmix64 */
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Numbers without end, the same in each run. */
static uint64_t random_u64(void)
{
	static uint64_t state;

	return mix(state++);
}

static void fill(uint8_t *into, uint32_t len, uint64_t seed)
{
	for (uint32_t i = 0; i < len; i += 8) {
		uint64_t x = mix(seed * 64 + i / 8);

		memcpy(into + i, &x, len - i < 8 ? len - i : 8);
	}
}

/* 12 to 30 random bytes. */
static uint32_t random_prefix(uint8_t *into, uint32_t i)
{
	uint32_t len = 12 + (uint32_t)(mix(i) % 19);

	fill(into, len, i);
	return len;
}

/* As market data: a symbol of one to five letters, a venue, a kind: "AAPL.XN.Q." */
static uint32_t market_prefix(uint8_t *into, uint32_t i)
{
	static const char venue[] = "XN.XQ.BT.AR", kind[] = "QTBO";
	uint32_t symbol = i / 16, len = 0;
	/* a bijection of 20 bits scatters the symbols over the alphabet */
	uint32_t scattered = symbol * 0x9e3bu + 0x1b873u;

	do {
		into[len++] = (uint8_t)('A' + scattered % 26);
		scattered /= 26;
	} while (scattered && len < 7);
	into[len++] = '.';
	memcpy(into + len, venue + (i / 4 % 4) * 3, 2);
	len += 2;
	into[len++] = '.';
	into[len++] = (uint8_t)kind[i % 4];
	into[len++] = '.';
	return len;
}

/* As telemetry: a place, a rack, a machine, a metric. */
static uint32_t hierarchy_prefix(uint8_t *into, uint32_t i)
{
	static const char *const metric[] = {"cpu", "mem", "net.rx", "net.tx", "disk"};

	return (uint32_t)snprintf((char *)into, PREFIX_MAX, "site-%02u/rack-%03u/host-%06u/%s/",
				  i / 5 % 16, i / 80 % 128, i / 5, metric[i % 5]);
}

/* The hostile one: 250 bytes that all share, then what tells them apart. */
static uint32_t stem_prefix(uint8_t *into, uint32_t i)
{
	uint64_t x = mix(i);

	memset(into, 'x', 250);
	memcpy(into + 250, &x, 8);
	return 258;
}

/* Ten within one another, of 6 to 33 bytes: a topic matches all ten. */
static uint32_t nested_prefix(uint8_t *into, uint32_t i)
{
	fill(into, 33, i / 10);
	return 6 + i % 10 * 3;
}

static uint32_t nested_topic(uint8_t *into, uint32_t i)
{
	return nested_prefix(into, i / 10 * 10 + 9);
}

const struct shape shapes[SHAPES] = {
	{"random", "12 to 30 random bytes", 1, 1, random_prefix, NULL},
	{"shared", "the same, 10 subscribers of each", 10, 10, random_prefix, NULL},
	{"nested", "10 prefixes within one another", 1, 10, nested_prefix, nested_topic},
	{"market", "symbol.venue.kind.", 1, 1, market_prefix, NULL},
	{"hierarchy", "site/rack/host/metric/", 1, 1, hierarchy_prefix, NULL},
	{"stem", "250 bytes in common, 8 random", 1, 1, stem_prefix, NULL},
};

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "bench-matcher: out of memory\n");
		exit(1);
	}
	return p;
}

static struct strings strings_new(uint32_t count)
{
	return (struct strings){
		.at = must(calloc((size_t)count + 1, sizeof(uint64_t))),
		.id = must(calloc((size_t)count + 1, sizeof(uint32_t))),
		.count = count,
	};
}

void strings_free(struct strings *s)
{
	free(s->bytes);
	free(s->at);
	free(s->id);
	*s = (struct strings){0};
}

/* Write all of them, by their ids. */
static void write_all(struct strings *all, uint32_t (*make)(uint8_t *, uint32_t), uint32_t tail)
{
	uint64_t room = 0;

	for (uint32_t i = 0; i < all->count; i++) {
		uint8_t *into;
		uint32_t len;

		if (all->at[i] + PREFIX_MAX + tail > room) {
			room = room * 2 + 65536;
			all->bytes = must(realloc(all->bytes, room));
		}
		into = all->bytes + all->at[i];
		len = make(into, all->id[i]);
		fill(into + len, tail, random_u64());
		all->at[i + 1] = all->at[i] + len + tail;
	}
}

struct strings shape_prefixes(const struct shape *s, uint32_t count)
{
	struct strings all = strings_new(count);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t j = (uint32_t)(random_u64() % (i + 1));

		all.id[i] = all.id[j];
		all.id[j] = i;
	}
	write_all(&all, s->prefix, 0);
	return all;
}

struct strings shape_topics(const struct shape *s, uint32_t count, uint32_t topics)
{
	struct strings all = strings_new(topics);

	for (uint32_t i = 0; i < topics; i++)
		all.id[i] = (uint32_t)(random_u64() % count);
	write_all(&all, s->topic ? s->topic : s->prefix, TAIL);
	return all;
}
