/* What a run has shown, for a person or a program. */
#include "tests/bench/blast.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#define S_NS 1e9

static const struct percentile {
	const char *name;
	double share;
} percentiles[] = {{"p50", 0.5},     {"p90", 0.9},       {"p99", 0.99},
		   {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}};

struct result {
	double seconds, sent_s, received_s;
	double sent_bits_s, received_bits_s; /* of message bodies */
	/* of those that do not lag, all together: sent and not received; found by --verify */
	uint64_t missing, lost, repeated, wrong;
	bool lagging_wrong; /* what came to those that lag was not as it was sent */
	double least, most; /* of one subscriber, where each has a share: 1 is an even one */
};

/* What each took of what was measured. */
static void share_out(const struct blast *b, struct result *r)
{
	uint64_t all = 0, least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < b->options.subscribers; i++) {
		uint64_t n = b->to.received_by[i] - b->from.received_by[i];

		all += n;
		least = RTE_MIN(least, n);
		most = RTE_MAX(most, n);
	}
	if (!all)
		return;
	r->least = (double)least * b->options.subscribers / (double)all;
	r->most = (double)most * b->options.subscribers / (double)all;
}

/* What --verify found in one stream. */
static void add_found(struct result *r, const struct subscriber *s)
{
	r->lost += s->lost;
	r->repeated += s->repeated;
	r->wrong += s->wrong;
}

static struct result sum_up(const struct blast *b)
{
	struct result r = {.seconds = (double)(b->to.at_ns - b->from.at_ns) / S_NS};
	uint64_t wanted = publishers_expect(b);
	double bits = 8.0 * b->options.size * b->options.parts;

	if (r.seconds > 0) {
		r.sent_s = (double)(b->to.sent - b->from.sent) / r.seconds;
		r.received_s = (double)(b->to.received - b->from.received) / r.seconds;
	}
	r.sent_bits_s = r.sent_s * bits;
	r.received_bits_s = r.received_s * bits;
	r.missing = b->options.publishers && wanted > b->received ? wanted - b->received : 0;
	for (uint32_t i = 0; i < options_takers(&b->options); i++) {
		const struct subscriber *s = &b->subscribers[i];

		if (s->lag != LAG_NONE) {
			r.lagging_wrong |= s->repeated || s->wrong;
			continue;
		}
		add_found(&r, s);
	}
	for (uint32_t i = 0; b->replies && i < b->options.publishers; i++)
		add_found(&r, &b->replies[i]);
	r.lost += subscribers_lost(b);
	if (!b->options.pattern->subscribes)
		share_out(b, &r);
	return r;
}

static uint64_t retransmits(const struct blast *b)
{
	return zl_net_counters(b->machine.net)[ZL_NET_tcp_retransmits];
}

static uint64_t tx_dropped(const struct blast *b)
{
	return zl_port_stats(b->machine.port, 0)->tx_dropped;
}

/* Subscriptions a second, from the first one asked for until all were effective. */
static double subscribe_s(const struct blast *b)
{
	double n = (double)b->options.subscriptions * b->options.matches;

	return n * S_NS / (double)RTE_MAX(b->asked_ns - b->ask_ns, 1u);
}

/* The same of those subscribed while traffic went on. */
static double during_s(const struct blast *b)
{
	uint64_t ns = b->during.to_ns - b->during.from_ns;

	return b->during.to_ns == UINT64_MAX ? 0
					     : b->options.during * S_NS / (double)RTE_MAX(ns, 1u);
}

/* SUBSCRIBE commands that publishers were told. */
static uint64_t told(const struct blast *b)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < b->options.publishers; i++)
		n += b->publishers[i].told;
	return n;
}

static const char *const lag_name[] = {
	[LAG_NONE] = "prompt", [LAG_SLOW] = "slow", [LAG_STALLED] = "stalled"};

static void show_lagging(const struct blast *b)
{
	for (uint32_t i = 0; i < b->options.stalled + b->options.slow; i++) {
		const struct subscriber *s = &b->subscribers[i];

		printf("%-7s %4u: received %lu, lost %lu, repeated %lu, wrong %lu\n",
		       lag_name[s->lag], i, b->received_by[i], s->lost, s->repeated, s->wrong);
	}
}

static void show_latency(const char *name, const struct histogram *h)
{
	printf("%s", name);
	for (unsigned i = 0; i < RTE_DIM(percentiles); i++)
		printf("  %s %.1f", percentiles[i].name,
		       (double)histogram_at(h, percentiles[i].share) / 1e3);
	printf("  (%lu messages)\n", h->count);
}

static void show_table(const struct blast *b, const struct result *r)
{
	const struct options *o = &b->options;
	char pace[64] = "as fast as taken";

	if (o->rate > 0)
		snprintf(pace, sizeof(pace), "at %.0f/s", o->rate);
	printf("%u %s%s, %u %s%s, %u B x %u, %u topic%s, %s, %.2f s\n", o->publishers,
	       o->pattern->sender, o->publishers == 1 ? "" : "s", o->subscribers, o->pattern->taker,
	       o->subscribers == 1 ? "" : "s", o->size, o->parts, o->topics,
	       o->topics == 1 ? "" : "s", pace, r->seconds);
	printf("%-10s %10.3f M msg/s  %9.3f Gbit/s\n", o->pattern->sent, r->sent_s / 1e6,
	       r->sent_bits_s / 1e9);
	printf("%-10s %10.3f M msg/s  %9.3f Gbit/s\n", o->pattern->came, r->received_s / 1e6,
	       r->received_bits_s / 1e9);
	show_latency("latency us", &b->latency);
	if (!o->pattern->subscribes && o->subscribers > 1)
		printf("a %s's share: %.4f to %.4f of an even one\n", o->pattern->taker, r->least,
		       r->most);
	if (o->during) {
		printf("%u prefixes meanwhile: %.0f subscriptions/s\n", o->during, during_s(b));
		show_latency("  before us", &b->during.quiet);
		show_latency("  then us", &b->during.busy);
	}
	printf("sent %lu, received %lu, missing %lu, retransmitted segments %lu, dropped frames "
	       "%lu\n",
	       b->sent, b->received, r->missing, retransmits(b), tx_dropped(b));
	if (o->subscriptions)
		printf("%u prefixes of %u to %u B, %u match%s each: %.0f subscriptions/s\n",
		       o->subscriptions, o->prefixes.min, o->prefixes.max, o->matches,
		       o->matches == 1 ? "" : "es", subscribe_s(b));
	show_lagging(b);
	if (o->verify)
		printf("verified: lost %lu, repeated %lu, wrong %lu\n", r->lost, r->repeated,
		       r->wrong);
}

static json_t *latencies(const struct histogram *h)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < RTE_DIM(percentiles); i++)
		json_object_set_new(
			all, percentiles[i].name,
			json_integer((json_int_t)histogram_at(h, percentiles[i].share)));
	json_object_set_new(all, "messages", json_integer((json_int_t)h->count));
	return all;
}

static json_t *during(const struct blast *b)
{
	json_t *all = json_pack("{s:i, s:f}", "subscriptions", (int)b->options.during,
				"subscribe_s", during_s(b));

	json_object_set_new(all, "latency_ns", latencies(&b->during.busy));
	json_object_set_new(all, "quiet_latency_ns", latencies(&b->during.quiet));
	return all;
}

/* Of this side's stack: those that are not zero. */
static json_t *counters(const struct blast *b)
{
	const uint64_t *counter = zl_net_counters(b->machine.net);
	json_t *all = json_object();

	for (unsigned i = 0; i < ZL_NET_COUNTERS; i++)
		if (counter[i])
			json_object_set_new(all, zl_net_counter_name[i],
					    json_integer((json_int_t)counter[i]));
	return all;
}

static json_t *lagging(const struct blast *b)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < b->options.stalled + b->options.slow; i++) {
		const struct subscriber *s = &b->subscribers[i];

		json_array_append_new(
			all, json_pack("{s:i, s:s, s:I, s:I, s:I, s:I}", "id", (int)i, "kind",
				       lag_name[s->lag], "received", (json_int_t)b->received_by[i],
				       "lost", (json_int_t)s->lost, "repeated",
				       (json_int_t)s->repeated, "wrong", (json_int_t)s->wrong));
	}
	return all;
}

static void show_json(const struct blast *b, const struct result *r)
{
	const struct options *o = &b->options;
	json_t *all = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}",
				"pattern", o->pattern->name, "publishers", (int)o->publishers,
				"subscribers", (int)o->subscribers, "size", (int)o->size, "parts",
				(int)o->parts, "topics", (int)o->topics, "rate", o->rate, "seconds",
				r->seconds, "published_s", r->sent_s, "delivered_s", r->received_s,
				"published_bits_s", r->sent_bits_s, "delivered_bits_s",
				r->received_bits_s);
	json_t *counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "sent",
				   (json_int_t)b->sent, "received", (json_int_t)b->received,
				   "missing", (json_int_t)r->missing, "lost", (json_int_t)r->lost,
				   "repeated", (json_int_t)r->repeated, "wrong",
				   (json_int_t)r->wrong, "retransmits", (json_int_t)retransmits(b),
				   "tx_dropped", (json_int_t)tx_dropped(b), "verified", o->verify);

	json_object_set_new(all, "latency_ns", latencies(&b->latency));
	if (o->subscriptions)
		json_object_update_new(
			all, json_pack("{s:i, s:i, s:f}", "subscriptions", (int)o->subscriptions,
				       "matches", (int)o->matches, "subscribe_s", subscribe_s(b)));
	if (!o->pattern->subscribes)
		json_object_set_new(all, "shares",
				    json_pack("{s:f, s:f}", "least", r->least, "most", r->most));
	json_object_set_new(all, "told", json_integer((json_int_t)told(b)));
	if (o->during)
		json_object_set_new(all, "during", during(b));
	if (o->stalled + o->slow)
		json_object_set_new(all, "slow", lagging(b));
	json_object_set_new(all, "counters", counters(b));
	json_object_update(all, counts);
	json_decref(counts);
	json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
	printf("\n");
	json_decref(all);
}

int report(const struct blast *b)
{
	struct result r;

	if (b->failure[0]) {
		fprintf(stderr, "zeroline-blast: %s\n", b->failure);
		return EXIT_FAILURE;
	}
	r = sum_up(b);
	if (b->options.json)
		show_json(b, &r);
	else
		show_table(b, &r);
	if (!b->options.verify)
		return EXIT_SUCCESS;
	return r.lagging_wrong || r.missing || r.lost || r.repeated || r.wrong ? EXIT_FAILURE
									       : EXIT_SUCCESS;
}
