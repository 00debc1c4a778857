/* Control's master table alone: what a subscription costs in memory (growth of the process' own
 * resident set, everything included) and in time, for a few shapes of a million subscriptions of 12
 * to 30 random bytes, with one publisher that is told of all. Each shape runs in a process of its
 * own. JSON rows: {"metric", "value", "unit"}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/subscriptions/subs.h"

#define TOTAL 1000000u
#define AHEAD 8u

struct shape {
	const char *name;
	unsigned cores, peers; /* of TOTAL subscriptions in all */
	bool same;             /* every peer has the same prefixes */
};

static const struct shape shapes[] = {
	{"one_stream", 1, 1, false},
	{"1000_streams", 1, 1000, false},
	{"1000_streams_same", 1, 1000, true},
	{"1000_streams_4_cores", 4, 1000, false},
	{"1000_streams_same_4_cores", 4, 1000, true},
	{"1000000_streams_1_prefix", 4, TOTAL, true},
};

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

/* The longest of some steps in processor time: what else runs on the machine is not counted. */
struct longest {
	double from, most;
};

static void step_begin(struct longest *l)
{
	l->from = clock_s(CLOCK_THREAD_CPUTIME_ID);
}

static void step_end(struct longest *l)
{
	double took = clock_s(CLOCK_THREAD_CPUTIME_ID) - l->from;

	l->most = took > l->most ? took : l->most;
}

static double resident(void)
{
	unsigned long long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%llu %llu", &size, &pages) != 2)
		exit(1);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

struct prefix {
	uint8_t name[31], bytes;
};
static struct prefix prefixes[TOTAL];

static void make_prefixes(void)
{
	for (uint64_t i = 0; i < TOTAL; i++) {
		for (uint64_t k = 0; k < 31; k++)
			prefixes[i].name[k] = (uint8_t)(mix(i * 4 + k / 8 + 1) >> k % 8 * 8);
		prefixes[i].bytes = (uint8_t)(12 + mix(i) % 19);
	}
}

static unsigned long long records;

static void count(void *context, unsigned core, uint64_t target, const uint8_t *prefix,
		  unsigned bytes, bool add)
{
	(void)context, (void)core, (void)target, (void)prefix, (void)bytes, (void)add;
	records++;
}

static void row(const struct shape *shape, const char *what, double value, const char *unit)
{
	printf("{\"metric\": \"subscriptions.%s.%s\", \"value\": %.6g, \"unit\": \"%s\"}\n",
	       shape->name, what, value, unit);
}

/* Of all peers in turn. */
static const struct prefix *prefix_at(const struct shape *shape, unsigned i)
{
	return &prefixes[shape->same ? i % (TOTAL / shape->peers) : i];
}

/* What is told of together is expected, as control does with what one packet brings. */
static void expect(const struct zl_subs *subs, const struct shape *shape, unsigned i)
{
	if (i + AHEAD < TOTAL) {
		const struct prefix *p = prefix_at(shape, i + AHEAD);
		zl_subs_expect(subs, p->name, p->bytes);
	}
}

static void tell_publisher(struct zl_subs *subs, struct zl_publisher *p)
{
	struct zl_news news;

	while (zl_publisher_peek(subs, p, &news))
		zl_publisher_done(subs, p, &news);
}

typedef int change_fn(struct zl_subs *subs, uint32_t peer, const uint8_t *prefix, unsigned bytes);

/* The longest that 64 in a row took: what a growing or shrinking index holds up. */
static double change_all(struct zl_subs *subs, const uint32_t *peers, const struct shape *shape,
			 change_fn *change)
{
	struct longest l = {0};

	for (unsigned i = 0; i < TOTAL; i++) {
		const struct prefix *p = prefix_at(shape, i);
		if (i % 64 == 0)
			step_begin(&l);
		expect(subs, shape, i);
		if (change(subs, peers[i / (TOTAL / shape->peers)], p->name, p->bytes) != 1)
			exit(1);
		if (i % 64 == 63)
			step_end(&l);
	}
	return l.most;
}

static double leave_all(struct zl_subs *subs, uint32_t *peers, const struct shape *shape)
{
	struct longest l = {0};
	bool more = true;

	for (unsigned p = 0; p < shape->peers; p++)
		zl_subs_leave(subs, peers[p]);
	while (more) {
		step_begin(&l);
		more = zl_subs_step(subs, 1000);
		step_end(&l);
	}
	return l.most;
}

static void run(const struct shape *shape)
{
	uint32_t *peers = malloc(shape->peers * sizeof(*peers));
	double empty, start, longest;

	memset(peers, 0, shape->peers * sizeof(*peers));
	empty = resident();
	struct zl_subs *subs = zl_subs_new(shape->cores, count, NULL);
	struct zl_publisher *publisher = zl_publisher_join(subs);
	for (unsigned p = 0; p < shape->peers; p++)
		peers[p] = zl_subs_join(subs, p + 1, p % shape->cores);
	start = now();
	longest = change_all(subs, peers, shape, zl_subs_add);
	row(shape, "adds", TOTAL / (now() - start), "1/s");
	row(shape, "longest_64_adds", longest * 1e3, "ms");
	start = now();
	tell_publisher(subs, publisher);
	row(shape, "told_upstream", (double)zl_subs_prefixes(subs) / (now() - start), "1/s");
	row(shape, "resident", (resident() - empty) / TOTAL, "byte/subscription");
	row(shape, "accounted", (double)zl_subs_bytes(subs) / TOTAL, "byte/subscription");
	start = now();
	longest = change_all(subs, peers, shape, zl_subs_remove);
	tell_publisher(subs, publisher);
	row(shape, "removes", TOTAL / (now() - start), "1/s");
	row(shape, "longest_64_removes", longest * 1e3, "ms");
	row(shape, "resident_after_removal", (resident() - empty) / TOTAL, "byte/subscription");
	change_all(subs, peers, shape, zl_subs_add);
	start = now();
	longest = leave_all(subs, peers, shape);
	row(shape, "leaves", TOTAL / (now() - start), "1/s");
	row(shape, "longest_step_of_1000", longest * 1e3, "ms");
	zl_publisher_leave(subs, publisher);
	row(shape, "resident_after_leaving", (resident() - empty) / TOTAL, "byte/subscription");
	zl_subs_free(subs);
	free(peers);
	if (records == 0)
		exit(1);
}

int main(void)
{
	make_prefixes();
	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		int status = 0;
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			run(&shapes[i]);
			return 0;
		}
		if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
			return 1;
	}
	return 0;
}
