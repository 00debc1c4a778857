/* What came, for a person or a program. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <rte_ip.h>

#include "tests/bench/count/count.h"

#define SHOWN 20 /* flows in the table; --json has all */

/* "239.1.1.1:5555 group 3" */
static const char *name_of(const struct flow *f, char *text, size_t bytes)
{
	uint32_t ip = f->about.dst_ip;
	int n;

	if (!ip)
		return "not IPv4";
	n = snprintf(text, bytes, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	if (f->about.dst_port)
		n += snprintf(text + n, bytes - (size_t)n, ":%u", f->about.dst_port);
	if (f->about.stamped)
		snprintf(text + n, bytes - (size_t)n, " group %u", f->about.stamp.group);
	return text;
}

static double seconds(const struct count *c)
{
	return (double)(c->to_ns - c->from_ns) / 1e9;
}

static double rate(const struct count *c, uint64_t n)
{
	return c->to_ns > c->from_ns ? (double)n / seconds(c) : 0;
}

static void show_flow(const struct count *c, const char *name, const struct flow *f)
{
	printf("%-36s %12" PRIu64 " %14" PRIu64 " %10.3f %9.3f %10" PRIu64 " %8" PRIu64 " %8" PRIu64
	       "\n",
	       name, f->frames, f->bytes, rate(c, f->frames) / 1e6, rate(c, f->bytes) * 8 / 1e9,
	       f->lost, f->late, f->repeated);
}

static void show_table(const struct count *c, const struct flow **all)
{
	const struct zl_port_stats *port = zl_port_stats(c->port, 0);
	struct flow sum = flows_sum(&c->flows);
	char name[64];

	printf("%-36s %12s %14s %10s %9s %10s %8s %8s\n", "TO", "FRAMES", "BYTES", "M/S", "GBIT/S",
	       "LOST", "LATE", "REPEATED");
	for (uint32_t i = 0; all && i < c->flows.used && i < SHOWN; i++)
		show_flow(c, name_of(all[i], name, sizeof(name)), all[i]);
	if (c->flows.used > SHOWN)
		printf("... %u more; --json has them\n", c->flows.used - SHOWN);
	if (c->flows.over.frames)
		show_flow(c, "(beyond what can be told apart)", &c->flows.over);
	show_flow(c, "all", &sum);
	printf("%u flows in %.3f s", c->flows.used, seconds(c));
	if (c->options.verify)
		printf(", wrong checksums %" PRIu64, c->wrong);
	if (c->options.reflect)
		printf(", sent back %" PRIu64 ", dropped %" PRIu64, port->tx_frames,
		       port->tx_dropped);
	printf("\n");
}

static json_t *flow_json(const struct count *c, const struct flow *f)
{
	return json_pack("{s:I, s:I, s:f, s:f, s:I, s:I, s:I}", "frames", (json_int_t)f->frames,
			 "bytes", (json_int_t)f->bytes, "frames_s", rate(c, f->frames), "bits_s",
			 rate(c, f->bytes) * 8, "lost", (json_int_t)f->lost, "late",
			 (json_int_t)f->late, "repeated", (json_int_t)f->repeated);
}

static void show_json(const struct count *c, const struct flow **all)
{
	const struct zl_port_stats *port = zl_port_stats(c->port, 0);
	struct flow sum = flows_sum(&c->flows);
	json_t *out = flow_json(c, &sum), *flows = json_array();
	char name[64];

	for (uint32_t i = 0; all && i < c->flows.used; i++) {
		json_t *one = flow_json(c, all[i]);

		json_object_set_new(one, "to", json_string(name_of(all[i], name, sizeof(name))));
		json_array_append_new(flows, one);
	}
	json_object_set_new(out, "seconds", json_real(seconds(c)));
	json_object_set_new(out, "flows", json_integer(c->flows.used));
	json_object_set_new(out, "verified", json_boolean(c->options.verify));
	json_object_set_new(out, "wrong", json_integer((json_int_t)c->wrong));
	json_object_set_new(out, "sent_back", json_integer((json_int_t)port->tx_frames));
	json_object_set_new(out, "tx_dropped", json_integer((json_int_t)port->tx_dropped));
	json_object_set_new(out, "by_flow", flows);
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
	printf("\n");
	json_decref(out);
}

int count_report(const struct count *c)
{
	const struct flow **all;
	struct flow sum;

	if (c->failure[0]) {
		fprintf(stderr, "zeroline-count: %s\n", c->failure);
		return EXIT_FAILURE;
	}
	all = flows_sorted(&c->flows);
	if (c->options.json)
		show_json(c, all);
	else
		show_table(c, all);
	free(all);
	sum = flows_sum(&c->flows);
	return c->options.verify && (c->wrong || sum.lost || sum.repeated) ? EXIT_FAILURE
									   : EXIT_SUCCESS;
}
