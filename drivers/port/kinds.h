/* The kinds of port: how each becomes an ethdev, and what to tell a person when it does not. Main
 * lcore only. */
#ifndef ZL_DRIVERS_KINDS_H
#define ZL_DRIVERS_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "control/ipc/ipc.h"

struct zl_port_driver {
	const char *name;   /* a virtual device's name is this and a number; NULL: a PCI device */
	bool rx_intr;       /* has receive interrupts that epoll can wait for */
	bool intr_drain;    /* their descriptor is an eventfd: read it after waking */
	uint32_t frame_max; /* where what the driver says of itself is wrong; 0: it is right */
	bool own_hash;      /* chooses among queues by a hash that it does not let us set */
	bool by_pointer;    /* the peer is given the very mbuf: it must be its own */
	/* Looks at the device before DPDK does. 0, or a negative errno and in `why` what is wrong
	 * and the remedy. */
	int (*check)(const struct zl_ipc_port *cfg, char *why, size_t bytes);
	/* The driver's arguments, without cfg->options. Virtual kinds. */
	void (*devargs)(const struct zl_ipc_port *cfg, char *args, size_t bytes);
	const char *remedy; /* when the driver refuses a device that passed the check */
};

/* By enum zl_port_kind. */
extern const struct zl_port_driver zl_port_drivers[ZL_PORT_KINDS];

/* Two ports of kind ring that name the same wire; wire.c. */
struct zl_wire;

struct zl_device {
	const struct zl_port_driver *driver;
	uint16_t id;                     /* ethdev's */
	char vdev[RTE_ETH_NAME_MAX_LEN]; /* "": a PCI device, which is not ours to remove */
	struct zl_wire *wire;
	unsigned wire_end;
	char listener[128]; /* a memif server's socket file, or "" */
};

/* Finds or creates the device. 0, or a negative errno, `why` as above, and nothing left behind. */
int zl_device_create(const struct zl_ipc_port *cfg, struct zl_device *d, char *why, size_t bytes);
/* Waits until EAL's interrupt thread has handled what had come by now. Drivers that have callbacks
 * there (net_memif, net_tap) free what these point to while they may be running (22.11): closing
 * only what is quiet avoids it. Before stopping a device, and before removing it. */
void zl_device_settle(void);
/* The ethdev is stopped already. */
void zl_device_remove(struct zl_device *d);

/* wire.c: creates one end of the wire that cfg->device names; its rings live until both ends are
 * gone. */
int zl_wire_attach(const struct zl_ipc_port *cfg, struct zl_device *d, char *why, size_t bytes);
void zl_wire_detach(struct zl_device *d);

/* An interface of the kernel's, by which af_packet and af_xdp ports work. Its MTU, or 0. */
uint16_t zl_interface_mtu(const char *name);

#endif
