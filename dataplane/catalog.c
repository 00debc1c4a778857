/* Sockets, devices and endpoints that exist, whoever asked for them: what requests are checked
 * against, and what a new control is told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/dataplane.h"

/* Each kind is an array of structs that begin with their id. */
struct shelf {
	uint16_t add, del;
	size_t at, each;
	unsigned n;
};

static const struct shelf shelves[] = {
	{ZL_IPC_SOCKET_ADD, ZL_IPC_SOCKET_DEL, offsetof(struct zl_catalog, socket),
	 sizeof(struct zl_ipc_socket), ZL_SHARDS_MAX},
	{ZL_IPC_DEVICE_ADD, ZL_IPC_DEVICE_DEL, offsetof(struct zl_catalog, device),
	 sizeof(struct zl_ipc_device), ZL_DEVICES_MAX},
	{ZL_IPC_ENDPOINT_ADD, ZL_IPC_ENDPOINT_DEL, offsetof(struct zl_catalog, endpoint),
	 sizeof(struct zl_ipc_endpoint), ZL_ENDPOINTS_MAX},
};

static const struct shelf *shelf_of(uint16_t type)
{
	for (unsigned i = 0; i < RTE_DIM(shelves); i++)
		if (shelves[i].add == type || shelves[i].del == type)
			return &shelves[i];
	return NULL;
}

static void *find(struct zl_catalog *c, const struct shelf *shelf, uint32_t id)
{
	for (unsigned i = 0; i < shelf->n; i++) {
		uint32_t *place = (uint32_t *)((char *)c + shelf->at + i * shelf->each);

		if (*place == id)
			return place;
	}
	return NULL;
}

void *zl_catalog_find(struct zl_catalog *c, uint16_t type, uint32_t id)
{
	return id ? find(c, shelf_of(type), id) : NULL;
}

void *zl_catalog_place(struct zl_catalog *c, uint16_t type)
{
	return find(c, shelf_of(type), 0);
}

void zl_catalog_forget(struct zl_catalog *c, uint16_t type, uint32_t id)
{
	void *place = zl_catalog_find(c, type, id);

	if (place)
		memset(place, 0, shelf_of(type)->each);
}

#define EPHEMERAL_FIRST 49152 /* RFC 6335 6 */

/* The port of this end, which no other endpoint has. */
static uint16_t own_port(const struct zl_ipc_endpoint *e)
{
	return e->connect ? e->via_port : e->port;
}

static uint16_t free_port(const struct zl_catalog *c)
{
	uint16_t port = EPHEMERAL_FIRST;

	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX;) {
		if (c->endpoint[i].id && own_port(&c->endpoint[i]) == port) {
			port++; /* there are more than endpoints */
			i = 0;
		} else {
			i++;
		}
	}
	return port;
}

void zl_catalog_choose_port(const struct zl_catalog *c, struct zl_ipc_endpoint *m)
{
	if (m->connect && m->carrier == ZL_CARRIER_UDP)
		m->via_port = free_port(c);
	else if (!m->connect && m->carrier == ZL_CARRIER_STACK && !m->port)
		m->port = free_port(c);
}

void zl_catalog_note_bound(struct zl_catalog *c, uint32_t endpoint,
			   const struct zl_ipc_sockaddr *bound)
{
	struct zl_ipc_endpoint *e = zl_catalog_find(c, ZL_IPC_ENDPOINT_ADD, endpoint);

	if (e)
		e->bound = *bound;
}

/* Binds that the kernel does not hold apart are held apart here. */
static bool clash(const struct zl_ipc_endpoint *e, const struct zl_ipc_endpoint *m)
{
	if (!e->id || e->connect || e->carrier != m->carrier || e->port != m->port)
		return false;
	if (m->ip >> 28 == 0xe)
		return false; /* any number may be in a group */
	return !e->ip || !m->ip || e->ip == m->ip;
}

static int check_endpoint(const struct zl_dataplane *d, const struct zl_ipc_endpoint *m, char *text,
			  size_t bytes)
{
	struct zl_catalog *c = (struct zl_catalog *)(uintptr_t)&d->catalog;

	if (!zl_catalog_find(c, ZL_IPC_SOCKET_ADD, m->socket)) {
		snprintf(text, bytes, "endpoint %s: there is no socket %u", m->text, m->socket);
		return -ENOENT;
	}
	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX && !m->connect; i++) {
		const struct zl_ipc_endpoint *e = &c->endpoint[i];

		if (!zl_ipc_on_ports(m->carrier) || !m->port || !clash(e, m))
			continue;
		snprintf(text, bytes,
			 "endpoint %s: address in use by %s; unbind that or choose another port",
			 m->text, e->text);
		return -EADDRINUSE;
	}
	return 0;
}

static bool shares(const struct zl_ipc_device *e, uint32_t socket)
{
	return e->frontend == socket || e->backend == socket || e->capture == socket;
}

static int check_socket(const struct zl_dataplane *d, const struct zl_ipc_socket *m, char *text,
			size_t bytes)
{
	unsigned cores = zl_ipc_cores(d->setup.poll_cores);

	if (m->home < cores)
		return 0;
	snprintf(text, bytes, "socket %s: its home is core %u of %u; choose one that there is",
		 m->name, m->home, cores);
	return -EINVAL;
}

/* Two sockets with a home are joined there. */
static bool same_home(const struct zl_ipc_socket *a, const struct zl_ipc_socket *b)
{
	return a->home == b->home || zl_ipc_sharded(a->type) || zl_ipc_sharded(b->type);
}

static int check_device(const struct zl_dataplane *d, const struct zl_ipc_device *m, char *text,
			size_t bytes)
{
	struct zl_catalog *c = (struct zl_catalog *)(uintptr_t)&d->catalog;
	const struct zl_ipc_socket *frontend, *backend, *capture;

	for (unsigned i = 0; i < ZL_DEVICES_MAX; i++) {
		const struct zl_ipc_device *e = &c->device[i];

		if (!e->id || !(shares(e, m->frontend) || shares(e, m->backend) ||
				(m->capture && shares(e, m->capture))))
			continue;
		snprintf(text, bytes, "device %s: one of its sockets belongs to device %s", m->name,
			 e->name);
		return -EBUSY;
	}
	frontend = zl_catalog_find(c, ZL_IPC_SOCKET_ADD, m->frontend);
	backend = zl_catalog_find(c, ZL_IPC_SOCKET_ADD, m->backend);
	capture = m->capture ? zl_catalog_find(c, ZL_IPC_SOCKET_ADD, m->capture) : backend;
	if (!frontend || !backend || !capture) {
		snprintf(text, bytes, "device %s: its sockets must be added before it", m->name);
		return -ENOENT;
	}
	if (same_home(frontend, backend) && same_home(frontend, capture) &&
	    same_home(backend, capture))
		return 0;
	snprintf(text, bytes, "device %s: its sockets live on different cores; give them one home",
		 m->name);
	return -EINVAL;
}

static bool in_use(const struct zl_dataplane *d, uint32_t socket)
{
	const struct zl_catalog *c = &d->catalog;

	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX; i++)
		if (c->endpoint[i].id && c->endpoint[i].socket == socket)
			return true;
	for (unsigned i = 0; i < ZL_DEVICES_MAX; i++)
		if (c->device[i].id && shares(&c->device[i], socket))
			return true;
	return false;
}

int zl_catalog_check(const struct zl_dataplane *d, uint16_t type, const void *body, char *text,
		     size_t bytes)
{
	const struct shelf *shelf = shelf_of(type);
	struct zl_catalog *c = (struct zl_catalog *)(uintptr_t)&d->catalog;
	uint32_t id = *(const uint32_t *)body;

	if (type == shelf->del) {
		if (type == ZL_IPC_SOCKET_DEL && in_use(d, id)) {
			snprintf(text, bytes,
				 "socket %u is in use; delete its endpoints and device first", id);
			return -EBUSY;
		}
		if (find(c, shelf, id))
			return 0;
		snprintf(text, bytes, "there is no object %u of that kind", id);
		return -ENOENT;
	}
	if (find(c, shelf, id)) {
		snprintf(text, bytes, "object %u exists already", id);
		return -EEXIST;
	}
	if (!find(c, shelf, 0)) {
		snprintf(text, bytes, "no room: the dataplane holds at most %u of these", shelf->n);
		return -ENOSPC;
	}
	if (type == ZL_IPC_SOCKET_ADD)
		return check_socket(d, body, text, bytes);
	if (type == ZL_IPC_ENDPOINT_ADD)
		return check_endpoint(d, body, text, bytes);
	if (type == ZL_IPC_DEVICE_ADD)
		return check_device(d, body, text, bytes);
	return 0;
}

static unsigned objects(const struct zl_catalog *c)
{
	unsigned n = 0;

	for (unsigned s = 0; s < RTE_DIM(shelves); s++)
		for (unsigned i = 0; i < shelves[s].n; i++)
			n += *(const uint32_t *)((const char *)c + shelves[s].at +
						 i * shelves[s].each) != 0;
	return n;
}

bool zl_catalog_tell(struct zl_dataplane *d, uint64_t seq)
{
	/* More than enough are kept for it, but the cores' dumps of one that went may hold some. */
	if (rte_mempool_avail_count(d->letters) < objects(&d->catalog) + ZL_CORES_MAX)
		return false;
	for (unsigned s = 0; s < RTE_DIM(shelves); s++) {
		const struct shelf *shelf = &shelves[s];

		for (unsigned i = 0; i < shelf->n; i++) {
			const uint32_t *place = (uint32_t *)((char *)&d->catalog + shelf->at +
							     i * shelf->each);
			struct zl_letter *letter = *place ? zl_letter_new(d->letters) : NULL;

			if (!letter)
				continue;
			memcpy(zl_ipc_begin(letter->packet, shelf->add, seq), place, shelf->each);
			zl_host_send(d, letter);
		}
	}
	return true;
}
