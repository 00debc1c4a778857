/* Ports whose device is made up: it answers what rte_flow asks, by what a test says of it, and
 * notes the last rule. */
#ifndef ZL_TESTS_UNIT_RULE_DEVICE_H
#define ZL_TESTS_UNIT_RULE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

struct zl_port;

#define DEVICE_PORTS 2
#define DEVICE_ID    3 /* of the first port, as ethdev numbers them */

extern struct rule_device {
	bool refuses, takes_no_fragment_mask;
	unsigned asked, made, destroyed;
	uint16_t port, queue;
	struct rte_flow_item_ipv4 ip, ip_mask;
	bool udp;
	uint16_t udp_port;
} device;

/* Without rules; its ports have so many queues. */
void device_reset(uint16_t queues);
struct zl_port *device_port(unsigned i);

#endif
