/* What a run has shown: zeroline-blast's keys. */
#include "tests/bench/zmq_blast.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

static const struct percentile {
	const char *name;
	double share;
} percentiles[] = {{"p50", 0.5},     {"p90", 0.9},       {"p99", 0.99},
		   {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}};

struct result {
	double seconds, sent_s, received_s;
	uint64_t sent, received, missing, lost, repeated, wrong;
	double least, most; /* of one subscriber, where each has a share: 1 is an even one */
	struct histogram quiet, during;
};

static void merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++)
		into->slot[i] += from->slot[i];
	into->count += from->count;
	if (from->max > into->max)
		into->max = from->max;
}

/* Requests and their replies. */
static void add_publisher(struct result *r, const struct publisher *p)
{
	r->sent += p->sent;
	if (!p->late)
		return;
	r->received += p->answered;
	r->repeated += p->repeated;
	r->wrong += p->wrong;
	if (p->blast->options.verify)
		r->lost += p->sent - p->ledger.came;
	merge(&r->quiet, p->late);
}

/* What each had in the whole run. */
static void share_out(const struct blast *b, struct result *r)
{
	uint64_t all = 0, least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < b->options.subscribers; i++) {
		uint64_t n = b->subscribers[i].received;

		all += n;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	if (!all)
		return;
	r->least = (double)least * b->options.subscribers / (double)all;
	r->most = (double)most * b->options.subscribers / (double)all;
}

static void sum_up(const struct blast *b, struct result *r)
{
	const struct options *o = &b->options;
	uint64_t wanted;

	r->seconds = (double)(b->to_ns - b->from_ns) / 1e9;
	if (r->seconds > 0) {
		r->sent_s = (double)(b->sent[1] - b->sent[0]) / r->seconds;
		r->received_s = (double)(b->received[1] - b->received[0]) / r->seconds;
	}
	for (uint32_t i = 0; i < o->publishers; i++)
		add_publisher(r, &b->publishers[i]);
	for (uint32_t i = o->stalled + o->slow; i < o->subscribers; i++) {
		r->received += o->pattern->replies ? 0 : b->subscribers[i].received;
		r->lost += b->subscribers[i].lost;
		r->repeated += b->subscribers[i].repeated;
		r->wrong += b->subscribers[i].wrong;
	}
	wanted = r->sent;
	if (o->pattern->subscribes && !o->subscriptions)
		wanted *= o->subscribers - o->stalled - o->slow;
	if (!o->pattern->subscribes)
		share_out(b, r);
	r->missing = wanted > r->received ? wanted - r->received : 0;
	for (uint32_t i = 0; i < o->threads; i++) {
		merge(&r->quiet, &b->receivers[i].quiet);
		merge(&r->during, &b->receivers[i].during);
	}
}

static json_t *latencies(const struct histogram *h)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		json_object_set_new(
			all, percentiles[i].name,
			json_integer((json_int_t)histogram_at(h, percentiles[i].share)));
	json_object_set_new(all, "messages", json_integer((json_int_t)h->count));
	return all;
}

static json_t *slow_ones(const struct blast *b)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < b->options.stalled + b->options.slow; i++)
		json_array_append_new(all,
				      json_pack("{s:i, s:s, s:I, s:I}", "id", (int)i, "kind",
						i < b->options.stalled ? "stalled" : "slow",
						"received", (json_int_t)b->subscribers[i].received,
						"lost", (json_int_t)b->subscribers[i].lost));
	return all;
}

static void add_subscriptions(const struct blast *b, const struct result *r, json_t *all)
{
	const struct options *o = &b->options;

	if (o->subscriptions)
		json_object_update_new(all, json_pack("{s:i, s:i, s:f}", "subscriptions",
						      (int)o->subscriptions, "matches", 1,
						      "subscribe_s", b->subscribe_s));
	if (o->during)
		json_object_set_new(all, "during",
				    json_pack("{s:i, s:f, s:o, s:o}", "subscriptions",
					      (int)o->during, "subscribe_s", b->during_s,
					      "latency_ns", latencies(&r->during),
					      "quiet_latency_ns", latencies(&r->quiet)));
}

static void show_json(const struct blast *b, const struct result *r)
{
	const struct options *o = &b->options;
	double bits = 8.0 * o->size;
	json_t *all = json_pack(
		"{s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "pattern",
		o->pattern->name, "publishers", (int)o->publishers, "subscribers",
		(int)o->subscribers, "size", (int)o->size, "parts", 1, "topics", 1, "rate", o->rate,
		"seconds", r->seconds, "published_s", r->sent_s, "delivered_s", r->received_s,
		"published_bits_s", r->sent_s * bits, "delivered_bits_s", r->received_s * bits);

	json_object_set_new(all, "latency_ns", latencies(&r->quiet));
	json_object_update_new(all,
			       json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "sent",
					 (json_int_t)r->sent, "received", (json_int_t)r->received,
					 "missing", (json_int_t)r->missing, "lost",
					 (json_int_t)r->lost, "repeated", (json_int_t)r->repeated,
					 "wrong", (json_int_t)r->wrong, "verified", o->verify));
	add_subscriptions(b, r, all);
	if (!o->pattern->subscribes)
		json_object_set_new(all, "shares",
				    json_pack("{s:f, s:f}", "least", r->least, "most", r->most));
	if (o->stalled || o->slow)
		json_object_set_new(all, "slow", slow_ones(b));
	json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
	printf("\n");
	json_decref(all);
}

static void show_table(const struct blast *b, const struct result *r)
{
	const struct options *o = &b->options;

	printf("%u %ss, %u %ss, %u B, %.2f s\n", o->publishers, o->pattern->sender, o->subscribers,
	       o->pattern->taker, o->size, r->seconds);
	printf("%-10s %10.3f M msg/s\n%-10s %10.3f M msg/s\nlatency us", o->pattern->sent,
	       r->sent_s / 1e6, o->pattern->came, r->received_s / 1e6);
	for (unsigned i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		printf("  %s %.1f", percentiles[i].name,
		       (double)histogram_at(&r->quiet, percentiles[i].share) / 1e3);
	printf("  (%lu messages)\nsent %lu, received %lu, missing %lu\n", r->quiet.count, r->sent,
	       r->received, r->missing);
	if (o->subscriptions)
		printf("subscribed %.0f/s\n", b->subscribe_s);
	if (o->during)
		printf("subscribed %.0f/s with traffic on; p99 %.1f us meanwhile\n", b->during_s,
		       (double)histogram_at(&r->during, 0.99) / 1e3);
	if (o->verify)
		printf("verified: lost %lu, repeated %lu, wrong %lu\n", r->lost, r->repeated,
		       r->wrong);
}

int report(const struct blast *b)
{
	static struct result r;

	if (b->failed)
		return EXIT_FAILURE;
	sum_up(b, &r);
	if (b->options.json)
		show_json(b, &r);
	else
		show_table(b, &r);
	if (!b->options.verify)
		return EXIT_SUCCESS;
	return r.missing || r.lost || r.repeated || r.wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
