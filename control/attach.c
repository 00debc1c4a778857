/* Attaching: a new dataplane is set up step by step, each answered before the next, so that
 * nothing is half-started; a running one is asked for its state, and believed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/connection.h"
#include "control/log.h"

/* Before the first attachment a refusal is the end: the person is there to read it. */
static void refused(struct zl_control *c, const struct zl_ipc_result *r, unsigned line)
{
	struct zl_dataplane *d = c->dataplane;

	if (r->error == -ENOTCONN)
		return;
	if (r->config_line > 0)
		line = r->config_line;
	if (line > 0)
		zl_log(ZL_ERROR, "%s:%u: %s", c->config.file, line, r->text);
	else
		zl_log(ZL_ERROR, "%s: %s", c->config.file, r->text);
	if (!d->was_attached) {
		c->exit_code = 1;
		c->loop.stop = true;
	}
	d->refused = true;
	connection_broken(d);
}

static void running(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;

	d->phase = RUNNING;
	d->was_attached = true;
	d->attached_ns = zl_now_ns();
	c->counters[ZL_COUNT_attaches]++;
	zl_objects_add_missing(c);
}

/* Once: not beside a line that says why it did not start. */
static void say_note(struct zl_control *c)
{
	if (c->note[0])
		zl_log(ZL_WARN, "%s", c->note);
	c->note[0] = '\0';
}

static void started(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	struct zl_dataplane *d = c->dataplane;

	(void)argument;
	if (r->error) {
		refused(c, r, 0);
		return;
	}
	d->hello.set_up = 1;
	d->hello.poll_cores = c->config.setup.poll_cores;
	d->hello.ports = c->config.n_ports;
	if (!zl_subscribe_start(c, zl_ipc_cores(d->hello.poll_cores))) {
		connection_broken(d);
		return;
	}
	zl_log(ZL_INFO, "set up the dataplane (pid %u): %u cores, %u ports", d->hello.pid,
	       d->hello.poll_cores, d->hello.ports);
	say_note(c);
	running(c);
}

static void element_done(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	const struct zl_ipc_empty empty = {0};
	unsigned next = (unsigned)argument;

	if (r->error)
		refused(c, r, next > 0 ? c->config.elements[next - 1].at.config_line : 0);
	else if (next < c->config.n_elements)
		zl_dataplane_request(c, ZL_IPC_ELEMENT, &c->config.elements[next].at, element_done,
				     next + 1);
	else
		zl_dataplane_request(c, ZL_IPC_START, &empty, started, 0);
}

static void port_done(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	unsigned next = (unsigned)argument;

	if (r->error) {
		refused(c, r, next > 0 ? c->config.ports[next - 1].config_line : 0);
		return;
	}
	if (next < c->config.n_ports)
		zl_dataplane_request(c, ZL_IPC_PORT, &c->config.ports[next], port_done, next + 1);
	else
		element_done(c, r, 0);
}

/* `auto`: hugepages if enough of them are free now. */
static uint32_t decide_hugepages(const struct zl_config *config)
{
	unsigned long long free_pages = 0, kilobytes = 0;
	char line[128];
	FILE *f;

	if (config->hugepages != ZL_HUGEPAGES_AUTO)
		return config->hugepages == ZL_HUGEPAGES_YES;
	f = fopen("/proc/meminfo", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "HugePages_Free: %llu", &free_pages);
		sscanf(line, "Hugepagesize: %llu", &kilobytes);
	}
	fclose(f);
	return free_pages * kilobytes / 1024 >= config->setup.memory_mb;
}

void attach_set_up(struct zl_control *c)
{
	struct zl_ipc_setup setup = c->config.setup;

	setup.hugepages = decide_hugepages(&c->config);
	c->dataplane->phase = SETTING_UP;
	zl_objects_forget(c);
	zl_dataplane_request(c, ZL_IPC_SETUP, &setup, port_done, 0);
}

/* --- taking over --- */

static void adopt(struct zl_control *c, void *packet)
{
	struct zl_ipc_header *h = packet;
	const void *body = zl_ipc_body(packet);
	bool good = true;

	if (h->type == ZL_IPC_SOCKET_ADD)
		good = zl_objects_adopt_socket(c, body) &&
		       zl_subscribe_start(c, zl_ipc_cores(c->dataplane->hello.poll_cores));
	else if (h->type == ZL_IPC_DEVICE_ADD)
		good = zl_objects_adopt_device(c, body);
	else if (h->type == ZL_IPC_ENDPOINT_ADD)
		good = zl_objects_adopt_endpoint(c, body);
	else if (h->type == ZL_IPC_STREAM_STATE)
		good = zl_stream_adopt(c, body);
	else if (h->type == ZL_IPC_MATCH_STATE)
		zl_subscribe_adopt(c, body);
	if (!good)
		connection_broken(c->dataplane);
}

bool is_state(uint16_t type)
{
	return type == ZL_IPC_SOCKET_ADD || type == ZL_IPC_DEVICE_ADD ||
	       type == ZL_IPC_ENDPOINT_ADD || type == ZL_IPC_STREAM_STATE ||
	       type == ZL_IPC_MATCH_STATE;
}

/* Sockets, devices, endpoints, streams, matches, in this order however they came. */
static void adopt_all(struct zl_control *c, struct queue *held)
{
	static const uint16_t order[] = {ZL_IPC_SOCKET_ADD, ZL_IPC_DEVICE_ADD, ZL_IPC_ENDPOINT_ADD,
					 ZL_IPC_STREAM_STATE, ZL_IPC_MATCH_STATE};

	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (struct flight *f = held->first; f; f = f->next)
			if (((struct zl_ipc_header *)f->bytes)->type == order[i])
				adopt(c, f->bytes);
}

static void dumped(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	struct zl_dataplane *d = c->dataplane;
	struct queue held;

	(void)argument;
	if (r->error) {
		if (r->error != -ENOTCONN)
			zl_log(ZL_ERROR, "the dataplane's state: %s", r->text);
		connection_broken(d);
		return;
	}
	held = d->held;
	if (!held.first)
		held.last = &held.first;
	queue_init(&d->held);
	adopt_all(c, &held);
	zl_subscribe_settle(c);
	zl_log(ZL_INFO, "took over the dataplane (pid %u): %u streams ready", d->hello.pid,
	       c->n_ready);
	say_note(c);
	d->phase = RUNNING;
	for (struct flight *f = held.first; f; f = f->next)
		if (!is_state(((struct zl_ipc_header *)f->bytes)->type))
			connection_event(c, f->bytes);
	queue_clear(&held);
	running(c);
}

void attach_take_over(struct zl_control *c)
{
	struct zl_dataplane *d = c->dataplane;
	const struct zl_ipc_empty empty = {0};

	if (d->hello.config_hash != c->config.setup.config_hash)
		zl_log(ZL_WARN,
		       "%s: cores, memory, tcp, limits or ports differ from the running "
		       "dataplane's; "
		       "restart zeroline-dataplane to apply them",
		       c->config.file);
	d->phase = DUMPING;
	d->took_over = true;
	zl_objects_forget(c);
	if (!zl_subscribe_start(c, zl_ipc_cores(d->hello.poll_cores)))
		connection_broken(d);
	zl_dataplane_request(c, ZL_IPC_DUMP, &empty, dumped, 0);
}
