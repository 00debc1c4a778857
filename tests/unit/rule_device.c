/* The functions of rte_flow here are taken for DPDK's by what is linked with them. */
#include "tests/unit/rule_device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_errno.h>

#include "drivers/port/state.h"

struct rule_device device;

static struct zl_port ports[DEVICE_PORTS];

void device_reset(uint16_t queues)
{
	memset(&device, 0, sizeof(device));
	memset(ports, 0, sizeof(ports));
	for (unsigned i = 0; i < DEVICE_PORTS; i++) {
		ports[i].id = (uint16_t)(DEVICE_ID + i);
		ports[i].info.queues = queues;
	}
}

struct zl_port *device_port(unsigned i)
{
	return &ports[i];
}

/* What ours are: ETH, IPV4, UDP or not. */
static void note(uint16_t port, const struct rte_flow_item *item,
		 const struct rte_flow_action *action)
{
	device.port = port;
	assert_int_equal(item[0].type, RTE_FLOW_ITEM_TYPE_ETH);
	assert_int_equal(item[1].type, RTE_FLOW_ITEM_TYPE_IPV4);
	memcpy(&device.ip, item[1].spec, sizeof(device.ip));
	memcpy(&device.ip_mask, item[1].mask, sizeof(device.ip_mask));
	device.udp = item[2].type == RTE_FLOW_ITEM_TYPE_UDP;
	if (device.udp) {
		const struct rte_flow_item_udp *spec = item[2].spec, *mask = item[2].mask;

		assert_int_equal(mask->hdr.dst_port, 0xffff);
		assert_int_equal(mask->hdr.src_port, 0);
		device.udp_port = rte_be_to_cpu_16(spec->hdr.dst_port);
	}
	assert_int_equal(item[device.udp ? 3 : 2].type, RTE_FLOW_ITEM_TYPE_END);
	assert_int_equal(action[0].type, RTE_FLOW_ACTION_TYPE_QUEUE);
	device.queue = ((const struct rte_flow_action_queue *)action[0].conf)->index;
	assert_int_equal(action[1].type, RTE_FLOW_ACTION_TYPE_END);
}

static bool refuses(void)
{
	return device.refuses ||
	       (device.takes_no_fragment_mask && device.ip_mask.hdr.fragment_offset);
}

int rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
		      const struct rte_flow_item item[], const struct rte_flow_action action[],
		      struct rte_flow_error *error)
{
	(void)error;
	assert_true(attr->ingress && !attr->egress && !attr->transfer);
	device.asked++;
	note(port, item, action);
	if (!refuses())
		return 0;
	rte_errno = ENOTSUP;
	return -rte_errno;
}

struct rte_flow *rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
				 const struct rte_flow_item item[],
				 const struct rte_flow_action action[],
				 struct rte_flow_error *error)
{
	(void)attr;
	(void)error;
	note(port, item, action);
	assert_false(refuses()); /* it was asked */
	device.made++;
	return (struct rte_flow *)&device;
}

int rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error)
{
	(void)error;
	assert_in_range(port, DEVICE_ID, DEVICE_ID + DEVICE_PORTS - 1);
	assert_ptr_equal(flow, &device);
	device.destroyed++;
	return 0;
}
