/* The top of zeroline.yaml: cores, memory, TCP and limits, with their defaults. Ports and devices
 * have files of their own. */
#include "control/config/schema.h"

#include <stdlib.h>
#include <string.h>

#define HALF_OPEN            1024
#define HALF_OPEN_AN_ADDRESS 128

#define SETUP(field) ZL_YAML_AT(struct zl_config, setup.field)

static const char *const idle_words[] = {"adaptive", "busy", NULL};
static const char *const hugepage_words[] = {"auto", "yes", "no", NULL};

static bool read_cpu(struct zl_yaml *y, yaml_node_t *node, void *field,
		     const struct zl_yaml_key *key)
{
	const struct zl_yaml_key cpu = {.name = key->name, .size = 4, .max = 1023};

	return zl_yaml_number(y, node, field, &cpu);
}

static bool read_cpus(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	int32_t *cpus = field;
	int n = zl_yaml_items(y, node, true, "CPU numbers");

	if (n > ZL_POLL_CORES_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "has %d CPUs, but there are at most %d poll cores", n,
				    ZL_POLL_CORES_MAX);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);
		if (!read_cpu(y, zl_yaml_item(y, node, i), &cpus[i], key))
			return false;
		zl_yaml_leave(y, was);
	}
	return n >= 0;
}

static const struct zl_yaml_key core_keys[] = {
	{"poll", zl_yaml_number, SETUP(poll_cores), .min = 1, .max = ZL_POLL_CORES_MAX},
	{"cpus", read_cpus, SETUP(cpu)},
	{"host_cpu", read_cpu, SETUP(host_cpu)},
	{"idle", zl_yaml_enum, SETUP(idle), .more = idle_words},
	{0},
};

static const struct zl_yaml_key memory_keys[] = {
	{"hugepages", zl_yaml_enum, ZL_YAML_AT(struct zl_config, hugepages),
	 .more = hugepage_words},
	{"megabytes", zl_yaml_number, SETUP(memory_mb), .min = 64, .max = 1 << 20},
	{0},
};

static const struct zl_yaml_key tcp_keys[] = {
	{"rcvbuf", zl_yaml_number, SETUP(rcvbuf_bytes), .unit = ZL_UNIT_BYTES, .min = 4096,
	 .max = 1 << 30, .more = "4KiB to 1GiB"},
	{"min_rto", zl_yaml_number, SETUP(min_rto_ms), .unit = ZL_UNIT_MS, .min = 1, .max = 60000,
	 .more = "1ms to 60s"},
	{"user_timeout", zl_yaml_number, SETUP(user_timeout_ms), .unit = ZL_UNIT_MS, .min = 100,
	 .max = 86400000, .more = "100ms to 24h"},
	{"keepalive", zl_yaml_number, SETUP(keepalive_idle_ms), .unit = ZL_UNIT_MS, .max = 86400000,
	 .more = "0 (none) to 24h"},
	{"backlog", zl_yaml_number, SETUP(backlog), .min = 1, .max = 1 << 20},
	{0},
};

static const struct zl_yaml_key limit_keys[] = {
	{"streams", zl_yaml_number, SETUP(max_streams), .min = 1, .max = 1 << 20},
	{"matcher_megabytes", zl_yaml_number, SETUP(matcher_mb), .min = 1, .max = 1 << 20},
	{"handshake", zl_yaml_number, SETUP(handshake_ms), .unit = ZL_UNIT_MS, .min = 100,
	 .max = 3600000, .more = "100ms to 1h"},
	{"half_open", zl_yaml_number, SETUP(half_open), .min = 1, .max = 1 << 20},
	{"half_open_an_address", zl_yaml_number, SETUP(half_open_an_address), .min = 1,
	 .max = 1 << 20},
	{0},
};

static const struct zl_yaml_key top_keys[] = {
	{"run_dir", zl_yaml_string, ZL_YAML_AT(struct zl_config, run_dir), .min = 1},
	{"cores", zl_yaml_map, .more = core_keys},
	{"memory", zl_yaml_map, .more = memory_keys},
	{"tcp", zl_yaml_map, .more = tcp_keys},
	{"limits", zl_yaml_map, .more = limit_keys},
	{"ports", zl_port_list},
	{"pgm_elements", zl_element_list},
	{"devices", zl_device_list},
	{0},
};

static void defaults(struct zl_config *config)
{
	config->setup = (struct zl_ipc_setup){
		.poll_cores = 1,
		.idle = ZL_IDLE_ADAPTIVE,
		.memory_mb = 512,
		.host_cpu = -1,
		.max_streams = 4096,
		.matcher_mb = 64,
		.handshake_ms = 30000,
		.rcvbuf_bytes = 1 << 20,
		.min_rto_ms = 200,
		.user_timeout_ms = 30000,
		.keepalive_idle_ms = 60000,
		.backlog = 1024,
	};
	memset(config->setup.cpu, 0xff, sizeof(config->setup.cpu));
	strcpy(config->run_dir, "/run/zeroline");
}

/* However many strangers there are, they leave places for peers, and most of theirs for others than
 * any one of them. */
static void default_half_open(struct zl_ipc_setup *s)
{
	if (!s->half_open)
		s->half_open = s->max_streams < 2 * HALF_OPEN ? (s->max_streams + 1) / 2
							      : HALF_OPEN;
	if (!s->half_open_an_address)
		s->half_open_an_address = HALF_OPEN_AN_ADDRESS;
}

bool zl_schema_read(struct zl_yaml *y, struct zl_config *config)
{
	defaults(config);
	if (!zl_yaml_read_map(y, yaml_document_get_root_node(&y->doc), config, top_keys))
		return false;
	default_half_open(&config->setup);
	return true;
}
