/* Sockets, devices and endpoints: made from the config, given to the dataplane, and matched with
 * what a running dataplane already has. Names are what the two sides agree on; ids are adopted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/control.h"
#include "control/log.h"

struct zl_socket *zl_socket_by_id(struct zl_control *c, uint32_t id)
{
	struct zl_socket *s = c->sockets;

	while (s && s->at.id != id)
		s = s->next;
	return s;
}

struct zl_socket *zl_socket_by_name(struct zl_control *c, const char *name)
{
	struct zl_socket *s = c->sockets;

	while (s && strcmp(s->at.name, name) != 0)
		s = s->next;
	return s;
}

static struct zl_device *device_by_name(struct zl_control *c, const char *name)
{
	struct zl_device *d = c->devices;

	while (d && strcmp(d->at.name, name) != 0)
		d = d->next;
	return d;
}

static struct zl_socket *socket_new(struct zl_control *c, const struct zl_ipc_socket *at)
{
	struct zl_socket **end = &c->sockets, *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->at = *at;
	s->reconnect_ms = ZL_RECONNECT_MS;
	s->reconnect_max_ms = ZL_RECONNECT_MAX;
	while (*end)
		end = &(*end)->next;
	*end = s;
	return s;
}

static struct zl_device *device_new(struct zl_control *c, const struct zl_ipc_device *at)
{
	struct zl_device **end = &c->devices, *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->at = *at;
	while (*end)
		end = &(*end)->next;
	*end = d;
	return d;
}

static bool load_endpoint(struct zl_control *c, struct zl_socket *s,
			  const struct zl_config_endpoint *from)
{
	struct zl_endpoint *e = zl_endpoint_new(c, s, &from->at, from->line);

	if (e)
		e->routing_id = from->routing_id;
	return e != NULL;
}

static struct zl_socket *load_socket(struct zl_control *c, const struct zl_config_socket *from,
				     struct zl_device *device)
{
	struct zl_socket *s = socket_new(c, &from->at);

	if (!s)
		return NULL;
	s->at.id = c->next_id++;
	s->reconnect_ms = from->reconnect_ms;
	s->reconnect_max_ms = from->reconnect_max_ms;
	s->ipc = from->ipc;
	s->security = from->security;
	s->users = from->users;
	s->device = device;
	s->line = from->line;
	for (unsigned i = 0; i < from->n_endpoints; i++)
		if (!load_endpoint(c, s, &from->endpoints[i]))
			return NULL;
	return s;
}

/* Is every endpoint of it the kernel's? */
static bool kernel_alone(const struct zl_config_device *d)
{
	const struct zl_config_socket *side[] = {&d->frontend, &d->backend, &d->capture};
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(side) / sizeof(side[0]); i++)
		for (unsigned j = 0; j < side[i]->n_endpoints; j++, n++)
			if (zl_ipc_on_ports(side[i]->endpoints[j].at.carrier))
				return false;
	return n > 0;
}

/* Devices whose sockets have a home are spread over the poll cores, each on one; where all peers
 * are the kernel's it is the host core, so that nothing needs to cross. */
static void choose_homes(struct zl_config *config)
{
	unsigned next = 0, home;

	for (unsigned i = 0; i < config->n_devices; i++) {
		struct zl_config_device *d = &config->devices[i];

		if (zl_ipc_sharded(d->frontend.at.type) && zl_ipc_sharded(d->backend.at.type) &&
		    (!d->has_capture || zl_ipc_sharded(d->capture.at.type)))
			continue;
		home = kernel_alone(d) ? zl_ipc_host_core(config->setup.poll_cores)
				       : next++ % config->setup.poll_cores;
		d->frontend.at.home = d->backend.at.home = d->capture.at.home = home;
	}
}

int zl_objects_load(struct zl_control *c)
{
	choose_homes(&c->config);
	c->next_id = 1;
	for (unsigned i = 0; i < c->config.n_devices; i++) {
		const struct zl_config_device *from = &c->config.devices[i];
		struct zl_ipc_device at = {.id = c->next_id++, .kind = from->kind};

		strcpy(at.name, from->name);
		struct zl_device *d = device_new(c, &at);
		if (!d)
			return -ENOMEM;
		d->line = from->line;
		d->frontend = load_socket(c, &from->frontend, d);
		d->backend = d->frontend ? load_socket(c, &from->backend, d) : NULL;
		if (!d->backend)
			return -ENOMEM;
		if (from->has_capture)
			d->capture = load_socket(c, &from->capture, d);
		if (from->has_capture && !d->capture)
			return -ENOMEM;
	}
	return 0;
}

void zl_objects_free(struct zl_control *c)
{
	while (c->endpoints)
		zl_endpoint_free(c, c->endpoints);
	while (c->devices) {
		struct zl_device *d = c->devices;
		c->devices = d->next;
		free(d);
	}
	while (c->sockets) {
		struct zl_socket *s = c->sockets;
		c->sockets = s->next;
		zl_subs_free(s->subs);
		free(s);
	}
}

void zl_objects_forget(struct zl_control *c)
{
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		s->present = false;
	for (struct zl_device *d = c->devices; d; d = d->next)
		d->present = false;
	for (struct zl_endpoint *e = c->endpoints; e; e = e->next) {
		e->present = false;
		e->at.bound = (struct zl_ipc_sockaddr){0};
		e->state = ZL_ENDPOINT_ADDING;
		e->stream = 0;
		e->tries = 0;
		zl_timer_stop(&c->loop, &e->retry);
	}
}

/* Ids are never reused in a dataplane's run, and what ran before this control may have used and
 * deleted some above any that is left: the clock is above them all. */
static void above(struct zl_control *c, uint32_t id)
{
	uint32_t now = (uint32_t)time(NULL);

	if (c->next_id <= id)
		c->next_id = id + 1;
	if (c->next_id < now)
		c->next_id = now;
}

/* An id that the dataplane uses for something else moves out of the way. */
static void free_id(struct zl_control *c, uint32_t id)
{
	above(c, id);
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (s->at.id == id && !s->present)
			s->at.id = c->next_id++;
	for (struct zl_device *d = c->devices; d; d = d->next)
		if (d->at.id == id && !d->present)
			d->at.id = c->next_id++;
	for (struct zl_endpoint *e = c->endpoints; e; e = e->next)
		if (e->at.id == id && !e->present)
			e->at.id = c->next_id++;
}

bool zl_objects_adopt_socket(struct zl_control *c, const struct zl_ipc_socket *at)
{
	struct zl_socket *s = zl_socket_by_name(c, at->name);

	free_id(c, at->id);
	if (!s) {
		zl_log(ZL_WARN,
		       "socket \"%s\" runs in the dataplane but is not in %s; it stays until "
		       "the dataplane restarts",
		       at->name, c->config.file);
		s = socket_new(c, at);
		if (!s)
			return false;
	}
	s->at.id = at->id;
	s->at.home = at->home; /* kept, wherever it would be chosen now */
	if (memcmp(&s->at, at, sizeof(*at)) != 0)
		zl_log(ZL_WARN,
		       "%s:%u: socket \"%s\" runs with other options; restart zeroline-dataplane "
		       "to "
		       "apply them",
		       c->config.file, s->line, at->name);
	s->at = *at;
	s->present = true;
	return true;
}

bool zl_objects_adopt_device(struct zl_control *c, const struct zl_ipc_device *at)
{
	struct zl_device *d = device_by_name(c, at->name);

	free_id(c, at->id);
	if (!d)
		d = device_new(c, at);
	if (!d)
		return false;
	d->at = *at;
	d->present = true;
	d->frontend = zl_socket_by_id(c, at->frontend);
	d->backend = zl_socket_by_id(c, at->backend);
	d->capture = at->capture ? zl_socket_by_id(c, at->capture) : NULL;
	if (d->frontend)
		d->frontend->device = d;
	if (d->backend)
		d->backend->device = d;
	if (d->capture)
		d->capture->device = d;
	return true;
}

bool zl_objects_adopt_endpoint(struct zl_control *c, const struct zl_ipc_endpoint *at)
{
	struct zl_socket *s = zl_socket_by_id(c, at->socket);

	free_id(c, at->id);
	if (!s)
		return true;
	struct zl_endpoint *e = c->endpoints;
	while (e && (e->present || !zl_endpoint_is(e, s, at)))
		e = e->next;
	if (!e)
		e = zl_endpoint_new(c, s, at, 0);
	if (!e)
		return false;
	e->at = *at;
	e->present = true;
	return true;
}

static void refused(struct zl_control *c, const char *what, const char *name, unsigned line,
		    const struct zl_ipc_result *r)
{
	if (r->error != -ENOTCONN)
		zl_log(ZL_ERROR, "%s:%u: %s \"%s\": %s", c->config.file,
		       r->config_line ? r->config_line : line, what, name, r->text);
}

static void socket_added(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	struct zl_socket *s = zl_socket_by_id(c, (uint32_t)id);

	if (s && r->error) {
		s->present = false;
		refused(c, "socket", s->at.name, s->line, r);
	}
}

static void device_added(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	for (struct zl_device *d = c->devices; d; d = d->next)
		if (d->at.id == id && r->error) {
			d->present = false;
			refused(c, "device", d->at.name, d->line, r);
		}
}

static void endpoint_added(struct zl_control *c, const struct zl_ipc_result *r, uint64_t id)
{
	struct zl_endpoint *e = zl_endpoint_by_id(c, (uint32_t)id);

	if (!e)
		return;
	if (!r->error) {
		e->at.bound = r->bound;
		zl_endpoint_present(c, e);
		return;
	}
	e->present = false;
	if (r->error == -ENOTCONN)
		return;
	zl_endpoint_refused(c, e, r->text);
	refused(c, "endpoint", e->at.text, e->line, r);
}

/* What a running dataplane lacks it may have had and deleted, under the id that it has here. */
static void renumber_missing(struct zl_control *c)
{
	above(c, 0);
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (!s->present)
			s->at.id = c->next_id++;
	for (struct zl_device *d = c->devices; d; d = d->next)
		if (!d->present)
			d->at.id = c->next_id++;
	for (struct zl_endpoint *e = c->endpoints; e; e = e->next)
		if (!e->present)
			e->at.id = c->next_id++;
}

/* The running dataplane may have another number of cores than the config: the host core is after
 * the poll cores in both. */
static uint32_t home_there(uint32_t home, uint32_t poll_cores, uint32_t poll_cores_there)
{
	return home == zl_ipc_host_core(poll_cores) ? zl_ipc_host_core(poll_cores_there)
						    : home % poll_cores_there;
}

/* What of a device is to be added has the home of what is there; a device of which nothing is has
 * one that there is. */
static void settle_homes(struct zl_control *c)
{
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (!s->present)
			s->at.home = home_there(s->at.home, c->config.setup.poll_cores,
						zl_dataplane_hello(c)->poll_cores);
	for (struct zl_device *d = c->devices; d; d = d->next) {
		struct zl_socket *side[] = {d->frontend, d->backend, d->capture};
		const struct zl_socket *there = NULL;

		for (unsigned i = 0; i < 3 && !there; i++)
			if (side[i] && side[i]->present)
				there = side[i];
		for (unsigned i = 0; i < 3; i++)
			if (there && side[i] && !side[i]->present)
				side[i]->at.home = there->at.home;
	}
}

void zl_objects_add_missing(struct zl_control *c)
{
	if (zl_dataplane_took_over(c))
		renumber_missing(c);
	settle_homes(c);
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (!s->present) {
			s->present = true;
			zl_dataplane_request(c, ZL_IPC_SOCKET_ADD, &s->at, socket_added, s->at.id);
		}
	for (struct zl_device *d = c->devices; d; d = d->next)
		if (!d->present && d->frontend && d->backend) {
			d->present = true;
			d->at.frontend = d->frontend->at.id;
			d->at.backend = d->backend->at.id;
			d->at.capture = d->capture ? d->capture->at.id : 0;
			zl_dataplane_request(c, ZL_IPC_DEVICE_ADD, &d->at, device_added, d->at.id);
		}
	for (struct zl_endpoint *e = c->endpoints; e; e = e->next) {
		if (e->present)
			zl_endpoint_present(c, e);
		else
			zl_endpoint_add(c, e, endpoint_added, e->at.id);
	}
}
