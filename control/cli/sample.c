/* Two readings of the counters make rates. Rows are matched by what names them, so a peer that came
 * or went in between neither gets nor gives away another's numbers. */
#include "control/cli/sample.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "control/cli/cli.h"

static const struct {
	const char *name, *key;
	const char *counter[9];
} lists[] = {
	{"cores", "core", {"msgs_in", "msgs_out", "turns", "idle_turns", "sleeps"}},
	{"ports", "name", {"rx_frames", "rx_bytes", "tx_frames", "tx_bytes", "tx_dropped"}},
	{"sockets", "name", {"msgs_in", "bytes_in", "msgs_out", "bytes_out", "dropped"}},
	{"peers", "stream", {"msgs_in", "bytes_in", "msgs_out", "bytes_out", "dropped"}},
	{"devices",
	 "name",
	 {"msgs_down", "bytes_down", "msgs_up", "bytes_up", "msgs_sent_down", "bytes_sent_down",
	  "msgs_sent_up", "bytes_sent_up"}},
};
#define TOPS  4 /* of the lists, those that top shows */
#define LISTS (sizeof(lists) / sizeof(lists[0]))

json_t *sample_read(struct client *c, const char *only)
{
	json_t *sample = json_object(), *status = only ? NULL : client_call(c, "status", NULL);
	struct timespec t;

	if (status == NULL && !only)
		goto fail;
	if (status)
		json_object_set_new(sample, "status", status);
	clock_gettime(CLOCK_MONOTONIC, &t);
	json_object_set_new(sample, "at_s", json_real((double)t.tv_sec + (double)t.tv_nsec / 1e9));
	for (size_t i = 0; i < LISTS; i++) {
		if (only ? strcmp(only, lists[i].name) != 0 : i >= TOPS)
			continue;
		json_t *rows = client_call(c, lists[i].name, NULL);

		if (rows == NULL)
			goto fail;
		json_object_set_new(sample, lists[i].name, rows);
	}
	return sample;
fail:
	json_decref(sample);
	return NULL;
}

static const json_t *find(const json_t *rows, const char *key, const json_t *value)
{
	size_t i;
	const json_t *row;

	json_array_foreach(rows, i,
			   row) if (json_equal(json_object_get(row, key), value)) return row;
	return NULL;
}

static void add_rate(json_t *row, const json_t *before, const char *counter, double seconds)
{
	double from = member_number(before, counter), to = member_number(row, counter);
	char name[64];

	if (to < from || seconds <= 0)
		return;
	snprintf(name, sizeof(name), "%s_per_s", counter);
	json_object_set_new(row, name, json_real((to - from) / seconds));
}

static void add_busy(json_t *row, const json_t *before)
{
	double busy = member_number(row, "busy_cycles") - member_number(before, "busy_cycles");
	double idle = member_number(row, "idle_cycles") - member_number(before, "idle_cycles");

	if (busy >= 0 && idle >= 0 && busy + idle > 0)
		json_object_set_new(row, "busy_pct", json_real(100 * busy / (busy + idle)));
}

json_t *sample_rates(const json_t *before, const json_t *now)
{
	double seconds = member_number(now, "at_s") - member_number(before, "at_s");
	json_t *rates = json_deep_copy(now);

	json_object_set_new(rates, "interval_s", json_real(seconds));
	json_object_del(rates, "at_s");
	for (size_t i = 0; i < LISTS; i++) {
		const json_t *old = json_object_get(before, lists[i].name);
		bool cores = strcmp(lists[i].name, "cores") == 0;
		json_t *row;
		size_t r;

		json_array_foreach(json_object_get(rates, lists[i].name), r, row)
		{
			const json_t *was = find(old, lists[i].key,
						 json_object_get(row, lists[i].key));

			if (was == NULL)
				continue;
			for (const char *const *c = lists[i].counter; *c; c++)
				add_rate(row, was, *c, seconds);
			if (cores)
				add_busy(row, was);
		}
	}
	return rates;
}
