/* What a subscription costs: memory, adding, removing, and above all matching, in trees of the
 * shapes of shapes.h. Of release builds; nothing is judged here.
 *
 * Cold: each topic is drawn anew from all of them, so that the tree below its top is in no near
 * cache. Warm: 64 topics over and over. One by one, and as a run of messages is matched. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/router/matcher.h"
#include "tests/bench/shapes.h"

enum {
	SLOTS = 1024,
	TOPICS = 400000,
	WARM = 64, /* topics */
	ROUNDS = 5,
	LEAST = 1000,
	MOST = 10000000
};

struct options {
	uint32_t subscriptions;
	const struct shape *shape; /* NULL: all */
	bool json;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void row(const struct options *o, const struct shape *s, const char *what, double value,
		const char *unit)
{
	if (o->json)
		printf("{\"metric\": \"matcher_%s_%s\", \"value\": %.2f, \"unit\": \"%s\"}\n",
		       s->name, what, value, unit);
	else
		printf("  %-26s %9.2f %s\n", what, value, unit);
	fflush(stdout);
}

static void complain(const struct shape *s, const char *what)
{
	fprintf(stderr, "bench-matcher: %s: %s\n", s->name, what);
	exit(1);
}

/* One way of matching all of these topics; how many subscribers matched. */
typedef uint64_t (*method)(struct zl_matcher *m, const struct strings *topics);

static uint64_t one_by_one(struct zl_matcher *m, const struct strings *topics)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < topics->count; i++) {
		uint32_t len;
		const uint8_t *topic = strings_at(topics, i, &len);
		struct zl_match found = zl_matcher_match(m, topic, len);

		for (uint32_t k = 0; k < found.n; k++)
			sum += found.slots[k] < SLOTS;
	}
	return sum;
}

static uint64_t in_runs(struct zl_matcher *m, const struct strings *topics)
{
	struct zl_lookup ahead[ZL_LOOKUPS];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < topics->count; i += ZL_LOOKUPS) {
		unsigned n = topics->count - i < ZL_LOOKUPS ? topics->count - i : ZL_LOOKUPS;

		for (unsigned j = 0; j < n; j++)
			ahead[j].topic = strings_at(topics, i + j, &ahead[j].len);
		zl_matcher_lookup(m, ahead, n);
		for (unsigned j = 0; j < n; j++) {
			struct zl_match found = zl_matcher_result(m, &ahead[j]);

			for (uint32_t k = 0; k < found.n; k++)
				sum += found.slots[k] < SLOTS;
		}
	}
	return sum;
}

static void measure(const struct options *o, const struct shape *s, struct zl_matcher *m,
		    const struct strings *topics, method way, const char *what)
{
	double ns[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = now_ns(), matched = way(m, topics);

		ns[i] = (double)(now_ns() - start) / topics->count;
		if (matched != (uint64_t)s->matches * topics->count)
			complain(s, "topics matched more or fewer subscribers than they should");
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
	row(o, s, what, ns[ROUNDS / 2], "ns");
}

/* Add or remove all; ns of each. */
static double change(const struct shape *s, struct zl_matcher *m, const struct strings *prefixes,
		     int (*call)(struct zl_matcher *, const uint8_t *, uint32_t, uint32_t))
{
	uint64_t start = now_ns();

	for (uint32_t j = 0; j < s->subscribers; j++) {
		for (uint32_t i = 0; i < prefixes->count; i++) {
			uint32_t len;
			const uint8_t *prefix = strings_at(prefixes, i, &len);

			if (call(m, prefix, len, (prefixes->id[i] + j) % SLOTS) != 0)
				complain(s, "a subscription could not be changed");
		}
	}
	return (double)(now_ns() - start) / ((double)prefixes->count * s->subscribers);
}

/* The first of these over and over. */
static struct strings few(const struct strings *topics)
{
	struct strings all = {.count = topics->count};
	const uint64_t bytes = topics->at[WARM];

	all.bytes = malloc(bytes * (all.count / WARM + 1));
	all.at = calloc(all.count + 1, sizeof(*all.at));
	if (!all.bytes || !all.at) {
		fprintf(stderr, "bench-matcher: out of memory\n");
		exit(1);
	}
	for (uint32_t i = 0; i <= all.count / WARM; i++)
		memcpy(all.bytes + i * bytes, topics->bytes, bytes);
	for (uint32_t i = 0; i <= all.count; i++)
		all.at[i] = i / WARM * bytes + topics->at[i % WARM];
	return all;
}

static void bench(const struct options *o, const struct shape *s)
{
	const uint32_t count = o->subscriptions / s->subscribers;
	struct strings prefixes = shape_prefixes(s, count), cold = shape_topics(s, count, TOPICS);
	struct strings warm = few(&cold);
	struct zl_matcher *m = zl_matcher_create((size_t)1 << 30, SLOTS);
	struct zl_matcher_stats stats;
	double ns;

	if (!m)
		complain(s, strerror(errno));
	if (!o->json)
		printf("%s: %s\n", s->name, s->text);
	ns = change(s, m, &prefixes, zl_matcher_add);
	stats = zl_matcher_stats(m);
	row(o, s, "bytes", (double)stats.bytes_touched / (double)stats.subscriptions, "B");
	row(o, s, "add", ns, "ns");
	measure(o, s, m, &cold, one_by_one, "match_cold");
	measure(o, s, m, &cold, in_runs, "match_cold_in_runs");
	measure(o, s, m, &warm, one_by_one, "match_warm");
	measure(o, s, m, &warm, in_runs, "match_warm_in_runs");
	row(o, s, "remove", change(s, m, &prefixes, zl_matcher_remove), "ns");
	strings_free(&cold);
	strings_free(&warm);
	strings_free(&prefixes);
	zl_matcher_destroy(m);
}

static error_t take_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char *end;
	unsigned long n;

	switch (key) {
	case 'j':
		o->json = true;
		return 0;
	case 'n':
		n = strtoul(arg, &end, 10);
		if (*arg < '0' || *arg > '9' || *end || n < LEAST || n > MOST)
			argp_error(state, "--subscriptions %s: give a number of %d to %d", arg,
				   LEAST, MOST);
		o->subscriptions = (uint32_t)n;
		return 0;
	case 's':
		for (unsigned i = 0; i < SHAPES; i++) {
			if (strcmp(shapes[i].name, arg) == 0)
				o->shape = &shapes[i];
		}
		if (!o->shape)
			argp_error(state,
				   "--shape %s: there is random, shared, nested, market, "
				   "hierarchy and stem",
				   arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{"json", 'j', 0, 0, "one JSON object a figure", 0},
		{"subscriptions", 'n', "N", 0, "how many (1000000)", 0},
		{"shape", 's', "NAME", 0, "this shape only", 0},
		{0},
	};
	static const struct argp argp = {
		.options = table,
		.parser = take_option,
		.doc = "What a subscription costs the matcher: memory, time to add, match, remove.",
	};
	struct options o = {.subscriptions = 1000000};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	for (unsigned i = 0; i < SHAPES; i++) {
		if (!o.shape || o.shape == &shapes[i])
			bench(&o, &shapes[i]);
	}
	return 0;
}
