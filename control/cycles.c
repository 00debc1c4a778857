/* `zeroline cores --cycles`: makes the poll cores count their cycles by stage for a while, and says
 * what the stats segment has of them. The names of the stages are the dataplane's. */
#include <stdio.h>
#include <string.h>

#include "control/report.h"

static bool has_prefix(const struct zl_stats_counter *counter, const char *prefix)
{
	return strncmp(counter->name, prefix, strlen(prefix)) == 0;
}

/* "cycles.port_rx" is the stage "port rx". */
static json_t *stage_name(const struct zl_stats_counter *counter)
{
	char name[sizeof(counter->name) + 1];

	snprintf(name, sizeof(name), "%.*s", (int)sizeof(counter->name),
		 counter->name + strlen("cycles."));
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = ' ';
	return json_string(name);
}

static json_t *core_row(const struct zl_stats_header *stats, unsigned core)
{
	const struct zl_stats_core *k = zl_stats_core(stats, core);
	bool counting = __atomic_load_n(&k->counting, __ATOMIC_ACQUIRE);
	json_t *row = json_pack("{s:i, s:b}", "core", (int)core, "counting", counting);
	json_t *stages = json_array();

	for (unsigned i = 0; i < stats->counters; i++) {
		const struct zl_stats_counter *counter = zl_stats_counters(stats) + i;
		json_t *value = report_number(zl_stats_values(stats, core)[i]);
		char name[sizeof(counter->name)];

		if (has_prefix(counter, "cycles.")) {
			json_array_append_new(stages,
					      json_pack("{s:o, s:o}", "stage", stage_name(counter),
							"cycles", value));
		} else if (has_prefix(counter, "counted.")) {
			snprintf(name, sizeof(name), "%.*s",
				 (int)(sizeof(name) - sizeof("counted.")),
				 counter->name + strlen("counted."));
			json_object_set_new(row, name, value);
		} else {
			json_decref(value);
		}
	}
	json_object_set_new(row, "stages", stages);
	return row;
}

json_t *report_cycles(struct zl_control *c, json_t *request, char *error)
{
	const struct zl_stats_header *stats = zl_dataplane_stats(c);
	json_t *cores = json_array();

	(void)request, (void)error;
	for (unsigned i = 0; stats && i < stats->cores; i++)
		json_array_append_new(cores, core_row(stats, i));
	return json_pack("{s:o, s:o}", "tsc_hz", report_number(stats ? stats->tsc_hz : 0), "cores",
			 cores);
}

static void counting(struct zl_control *c, const struct zl_ipc_result *r, uint64_t client)
{
	if (r->error)
		zl_api_answer(c, client, NULL, r->text);
	else
		zl_api_answer(c, client, json_object(), NULL);
}

bool zl_cycles_count(struct zl_control *c, json_t *request, uint64_t client, char *error)
{
	json_int_t ms = json_integer_value(json_object_get(request, "ms"));
	const struct zl_ipc_count m = {.ms = (uint32_t)ms};

	if (ms < 1 || ms > ZL_COUNT_MS_MAX) {
		snprintf(error, ZL_API_ERROR_MAX, "count: give \"ms\", 1 to %d", ZL_COUNT_MS_MAX);
		return false;
	}
	if (!zl_dataplane_attached(c)) {
		snprintf(error, ZL_API_ERROR_MAX,
			 "count: the dataplane is not attached; start zeroline-dataplane");
		return false;
	}
	zl_dataplane_request(c, ZL_IPC_COUNT, &m, counting, client);
	return true;
}
