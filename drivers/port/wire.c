/* A wire between two ring ports of one process: a pair of rte_rings, found by the name that both
 * configurations give. For tests and for chaining; frames travel by pointer. */
#include "drivers/port/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#define WIRES       8
#define WIRE_FRAMES 1024

struct zl_wire {
	char name[16];
	struct rte_ring *ring[2]; /* ring[i] is what end i receives */
	bool end[2];
};

/* Main lcore only. */
static struct zl_wire wires[WIRES];

static void drop(struct zl_wire *w)
{
	void *m;

	for (unsigned i = 0; i < 2; i++) {
		while (w->ring[i] && !rte_ring_dequeue(w->ring[i], &m))
			rte_pktmbuf_free(m);
		rte_ring_free(w->ring[i]);
	}
	memset(w, 0, sizeof(*w));
}

static struct zl_wire *find(const char *name)
{
	for (unsigned i = 0; i < WIRES; i++)
		if (!strcmp(wires[i].name, name))
			return &wires[i];
	return NULL;
}

static struct zl_wire *create(const char *name)
{
	struct zl_wire *w = find("");
	char ring[RTE_RING_NAMESIZE];

	if (!w)
		return NULL;
	snprintf(w->name, sizeof(w->name), "%.15s", name);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(ring, sizeof(ring), "wire_%.15s.%u", w->name, i);
		w->ring[i] = rte_ring_create(ring, WIRE_FRAMES, SOCKET_ID_ANY,
					     RING_F_SP_ENQ | RING_F_SC_DEQ);
	}
	if (w->ring[0] && w->ring[1])
		return w;
	drop(w);
	return NULL;
}

int zl_wire_attach(const struct zl_ipc_port *cfg, struct zl_device *d, char *why, size_t bytes)
{
	struct zl_wire *w = find(cfg->device);
	unsigned end;
	char name[24];
	int id;

	if (w && w->end[0] && w->end[1]) {
		snprintf(why, bytes, "that ring joins two ports already; name another");
		return -EBUSY;
	}
	if (!w)
		w = create(cfg->device);
	if (!w) {
		snprintf(why, bytes, "there are %u such rings already, or no memory", WIRES);
		return -ENOMEM;
	}
	end = w->end[0] ? 1 : 0;
	snprintf(name, sizeof(name), "%s.%u", w->name, end);
	id = rte_eth_from_rings(name, &w->ring[end], 1, &w->ring[!end], 1, 0);
	if (id < 0) {
		if (!w->end[!end])
			drop(w);
		snprintf(why, bytes, "%s", d->driver->remedy);
		return -ENOMEM;
	}
	w->end[end] = true;
	d->id = (uint16_t)id;
	d->wire = w;
	d->wire_end = end;
	/* The driver puts its own prefix before the name. */
	rte_eth_dev_get_name_by_port(d->id, d->vdev);
	return 0;
}

void zl_wire_detach(struct zl_device *d)
{
	struct zl_wire *w = d->wire;

	w->end[d->wire_end] = false;
	d->wire = NULL;
	if (!w->end[0] && !w->end[1])
		drop(w);
}
