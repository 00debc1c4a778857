/* The commands that only look: status, ports, cores and stats. Peers, sockets and subscriptions
 * are in report_peers.c. Numbers of the poll cores are read from the shared segment, so asking
 * costs the dataplane nothing. */
#include "control/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	json_t *(*make)(struct zl_control *c, json_t *request, char *error);
} reports[] = {
	{"status", report_status},   {"ports", report_ports},
	{"cores", report_cores},     {"sockets", report_sockets},
	{"peers", report_peers},     {"subscriptions", report_subscriptions},
	{"stats", report_stats},     {"cycles", report_cycles},
	{"devices", report_devices}, {"options", report_options},
	{"sources", report_sources},
};

static int find_report(const char *command)
{
	for (unsigned i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
		if (strcmp(reports[i].name, command) == 0)
			return (int)i;
	return -1;
}

bool zl_report_knows(const char *command)
{
	return find_report(command) >= 0;
}

json_t *zl_report(struct zl_control *c, const char *command, json_t *request, char *error)
{
	return reports[find_report(command)].make(c, request, error);
}

json_t *report_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *config_path(const struct zl_control *c)
{
	char path[4096];

	return json_string(realpath(c->config.file, path) ? path : c->config.file);
}

static const char *device_kind(uint32_t kind)
{
	return kind < ZL_DEVICE_KINDS ? zl_device_kind_name[kind] : "?";
}

static json_t *status_devices(struct zl_control *c)
{
	json_t *list = json_array();

	for (struct zl_device *d = c->devices; d; d = d->next)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", d->at.name, "kind",
						device_kind(d->at.kind), "frontend",
						d->frontend ? d->frontend->at.name : "", "backend",
						d->backend ? d->backend->at.name : ""));
	return list;
}

static json_t *status_endpoints(struct zl_control *c)
{
	json_t *list = json_array();
	uint64_t now = zl_now_ns();
	char last[ZL_ENDPOINT_MAX + 8];

	for (struct zl_endpoint *e = c->endpoints; e; e = e->next) {
		uint64_t retry = e->retry.slot && e->retry.at_ns > now
					 ? (e->retry.at_ns - now) / 1000000
					 : 0;
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "id",
					report_number(e->at.id), "socket", e->socket->at.name,
					"type", e->at.connect ? "connect" : "bind", "endpoint",
					e->at.text, "last", zl_endpoint_last(e, last), "state",
					zl_endpoint_state_name(e->state), "retry_ms",
					report_number(retry)));
	}
	return list;
}

static json_t *status_dataplane(struct zl_control *c)
{
	const struct zl_ipc_hello *hello = zl_dataplane_hello(c);
	struct timespec t;

	if (!zl_dataplane_attached(c))
		return json_null();
	clock_gettime(CLOCK_REALTIME, &t);
	uint64_t now = (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
	uint64_t up = now > hello->started_ns ? (now - hello->started_ns) / 1000000000 : 0;
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "pid", report_number(hello->pid), "uptime_s",
			 report_number(up), "version", hello->version, "poll_cores",
			 report_number(hello->poll_cores), "config", config_path(c));
}

/* Peers in their handshake: those that control has heard of, and those that wait at the cores. */
static uint64_t handshaking(const struct zl_control *c)
{
	const struct zl_stats_header *stats = zl_dataplane_stats(c);
	uint64_t n = c->n_streams - c->n_ready;

	for (unsigned i = 0; stats && i < stats->cores; i++)
		n += zl_stats_core(stats, i)->at_door;
	return n;
}

json_t *report_status(struct zl_control *c, json_t *request, char *error)
{
	uint64_t now = zl_now_ns(), subscriptions = 0, sockets = 0;
	json_t *closes = json_object();
	bool attached = zl_dataplane_attached(c);

	(void)request, (void)error;
	for (struct zl_socket *s = c->sockets; s; s = s->next, sockets++)
		subscriptions += s->subs ? zl_subs_count(s->subs) : 0;
	for (unsigned i = 0; i < c->n_closes; i++)
		json_object_set_new(closes, c->closes[i].reason, report_number(c->closes[i].count));
	uint64_t since = attached ? (now - zl_dataplane_attached_ns(c)) / 1000000000 : 0;
	json_t *control = json_pack("{s:o, s:o, s:b, s:o}", "pid",
				    report_number((uint64_t)getpid()), "uptime_s",
				    report_number((now - c->started_ns) / 1000000000), "attached",
				    attached, "last_attach_s", report_number(since));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o}", "version",
			 ZL_VERSION, "control", control, "dataplane", status_dataplane(c), "ports",
			 report_number(c->config.n_ports), "sockets", report_number(sockets),
			 "devices", status_devices(c), "endpoints", status_endpoints(c), "peers",
			 "ready", report_number(c->n_ready), "handshaking",
			 report_number(handshaking(c)), "subscriptions",
			 report_number(subscriptions), "closes", closes);
}

static json_t *impairment(const struct zl_impair *i)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "loss_ppm",
		report_number(i->loss_ppm), "duplicate_ppm", report_number(i->duplicate_ppm),
		"corrupt_ppm", report_number(i->corrupt_ppm), "reorder_ppm",
		report_number(i->reorder_ppm), "delay_us", report_number(i->delay_us), "jitter_us",
		report_number(i->jitter_us), "reorder_us", report_number(i->reorder_us),
		"rate_kbps", report_number(i->rate_kbps), "queue_frames",
		report_number(i->queue_frames), "seed", report_number(i->seed));
}

static bool impairs(const struct zl_impair *i)
{
	return i->loss_ppm || i->duplicate_ppm || i->corrupt_ppm || i->reorder_ppm || i->delay_us ||
	       i->jitter_us || i->rate_kbps;
}

/* A port's row of each core, added up, and what the device turned out to be. */
static struct zl_stats_port port_sum(const struct zl_stats_header *stats, const char *name)
{
	struct zl_stats_port sum = {0};

	for (unsigned core = 0; stats && core < stats->cores; core++)
		for (unsigned i = 0; i < stats->ports; i++) {
			const struct zl_stats_port *p = zl_stats_port(stats, core, i);
			if (strncmp(p->name, name, sizeof(p->name)) != 0)
				continue;
			sum.rx_frames += p->rx_frames;
			sum.rx_bytes += p->rx_bytes;
			sum.tx_frames += p->tx_frames;
			sum.tx_bytes += p->tx_bytes;
			sum.tx_dropped += p->tx_dropped;
			sum.tx_deferred += p->tx_deferred;
			sum.rx_impaired += p->rx_impaired;
			sum.tx_impaired += p->tx_impaired;
			memcpy(sum.mac, p->mac, sizeof(sum.mac));
			sum.mtu = p->mtu;
			sum.queues = p->queues;
		}
	return sum;
}

static json_t *port_row(const struct zl_control *c, const struct zl_ipc_port *p)
{
	struct zl_stats_port sum = port_sum(zl_dataplane_stats(c), p->name);
	char ip[32], gateway[16] = "", mac[18];

	zl_ipv4_text(p->ip, ip);
	snprintf(ip + strlen(ip), sizeof(ip) - strlen(ip), "/%u", p->prefix_len & 63);
	if (p->gateway)
		zl_ipv4_text(p->gateway, gateway);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", sum.mac[0], sum.mac[1],
		 sum.mac[2], sum.mac[3], sum.mac[4], sum.mac[5]);
	json_t *row = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"name", p->name, "kind", zl_port_kind_name[p->kind], "device", p->device, "ip", ip,
		"gateway", gateway, "mac", mac, "mtu", (int)sum.mtu, "queues", (int)sum.queues,
		"rx_frames", report_number(sum.rx_frames), "rx_bytes", report_number(sum.rx_bytes),
		"tx_frames", report_number(sum.tx_frames), "tx_bytes", report_number(sum.tx_bytes),
		"tx_dropped", report_number(sum.tx_dropped), "tx_deferred",
		report_number(sum.tx_deferred), "impaired",
		report_number(sum.rx_impaired + sum.tx_impaired));
	json_t *both = json_null();
	if (impairs(&p->rx) || impairs(&p->tx))
		both = json_pack("{s:o, s:o}", "rx", impairment(&p->rx), "tx", impairment(&p->tx));
	json_object_set_new(row, "impairment", both);
	return row;
}

json_t *report_ports(struct zl_control *c, json_t *request, char *error)
{
	json_t *list = json_array();

	(void)request, (void)error;
	for (unsigned i = 0; i < c->config.n_ports; i++)
		json_array_append_new(list, port_row(c, &c->config.ports[i]));
	return list;
}

json_t *report_cores(struct zl_control *c, json_t *request, char *error)
{
	const struct zl_stats_header *stats = zl_dataplane_stats(c);
	json_t *list = json_array();

	(void)request, (void)error;
	for (unsigned i = 0; stats && i < stats->cores; i++) {
		const struct zl_stats_core *k = zl_stats_core(stats, i);
		uint64_t busy = k->busy_cycles, all = busy + k->idle_cycles;
		json_t *row = json_pack(
			"{s:i, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o}",
			"core", (int)i, "kind", i + 1 < stats->cores ? "poll" : "host", "cpu",
			(int)k->cpu, "turns", report_number(k->turns), "idle_turns",
			report_number(k->idle_turns), "sleeps", report_number(k->sleeps),
			"busy_cycles", report_number(busy), "idle_cycles",
			report_number(k->idle_cycles), "busy_pct",
			all ? 100.0 * (double)busy / (double)all : 0.0, "streams",
			report_number(k->streams), "msgs_in", report_number(k->msgs_in), "msgs_out",
			report_number(k->msgs_out), "pool_free", report_number(k->frames_free),
			"pool_total", report_number(k->frames_total));
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *stats_row(const struct zl_stats_header *stats, unsigned i)
{
	const struct zl_stats_counter *counter = zl_stats_counters(stats) + i;
	json_t *cores = json_array();
	uint64_t total = 0;

	for (unsigned core = 0; core < stats->cores; core++) {
		uint64_t value = zl_stats_values(stats, core)[i];
		total += value;
		json_array_append_new(cores, report_number(value));
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "name",
			 json_stringn(counter->name, strnlen(counter->name, sizeof(counter->name))),
			 "text",
			 json_stringn(counter->text, strnlen(counter->text, sizeof(counter->text))),
			 "total", report_number(total), "cores", cores);
}

json_t *report_stats(struct zl_control *c, json_t *request, char *error)
{
	static const struct {
		const char *name, *text;
	} own[ZL_COUNTERS] = {
#define X(name, text) [ZL_COUNT_##name] = {"control." #name, text},
#include "control/counters.def"
#undef X
	};
	const struct zl_stats_header *stats = zl_dataplane_stats(c);
	json_t *list = json_array();

	(void)request, (void)error;
	for (unsigned i = 0; stats && i < stats->counters; i++)
		json_array_append_new(list, stats_row(stats, i));
	for (unsigned i = 0; i < ZL_COUNTERS; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:[]}", "name", own[i].name,
						      "text", own[i].text, "total",
						      report_number(c->counters[i]), "cores"));
	return list;
}
