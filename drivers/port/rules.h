/* Rules by which a device brings a multicast group to the queue of the core that receives it,
 * whatever queue its hash would choose (rte_flow). They save the way from core to core and change
 * nothing else: what comes to another queue is handed on there as ever, so that a device that
 * refuses a rule, or forgets it, costs time and no packet.
 *
 * Called by the main thread alone, which takes control's orders and may wait: a driver makes a rule
 * by netlink (tap), by ioctl (mlx5), or by asking its firmware, and a poll core does none of that.
 * Poll cores receive meanwhile, as rte_flow allows. The port has been started. */
#ifndef ZL_DRIVERS_PORT_RULES_H
#define ZL_DRIVERS_PORT_RULES_H

#include <stdint.h>

struct zl_port;

#define ZL_PORT_RULES_MAX 256 /* of a port */

/* What comes to it: all of a group's packets of that protocol, or of UDP those to one port. */
struct zl_port_rule {
	uint32_t group; /* host order, as the port */
	uint16_t udp_port;
	uint8_t protocol; /* IP's number */
};

/* Added as often as there are receivers: the device is asked once. 0; -EEXIST: it leads to another
 * queue already; -ENOSPC; else the driver's reason, -ENOSYS if it has no rules at all. */
int zl_port_rule_add(struct zl_port *p, const struct zl_port_rule *what, uint16_t queue);
/* One that was added; the last takes it from the device. */
void zl_port_rule_del(struct zl_port *p, const struct zl_port_rule *what);

#endif
