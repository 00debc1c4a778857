/* Groups to queues, by rte_flow. Of fragments only the first has ports, and all of a datagram must
 * come to one core: a rule by port is not for them. It says so where the driver can; others match
 * by a packet type that fragments are not of (Intel's NICs, and the kernel's flower for tap). */
#include "drivers/port/rules.h"

#include <errno.h>
#include <netinet/in.h>

#include <rte_errno.h>
#include <rte_flow.h>

#include "drivers/port/state.h"

#define FRAGMENTED (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)

static struct port_rule *find(struct zl_port *p, const struct zl_port_rule *what)
{
	for (unsigned i = 0; i < ZL_PORT_RULES_MAX; i++) {
		struct port_rule *r = &p->rule[i];

		if (r->refs && r->what.group == what->group && r->what.udp_port == what->udp_port &&
		    r->what.protocol == what->protocol)
			return r;
	}
	return NULL;
}

static struct port_rule *unused(struct zl_port *p)
{
	for (unsigned i = 0; i < ZL_PORT_RULES_MAX; i++)
		if (!p->rule[i].refs)
			return &p->rule[i];
	return NULL;
}

/* NULL: rte_errno. */
static struct rte_flow *ask(uint16_t port, const struct rte_flow_item *pattern, uint16_t queue)
{
	const struct rte_flow_attr ingress = {.ingress = 1};
	const struct rte_flow_action_queue to = {.index = queue};
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_error why;

	if (rte_flow_validate(port, &ingress, pattern, actions, &why))
		return NULL;
	return rte_flow_create(port, &ingress, pattern, actions, &why);
}

/* whole: the rule says itself that it is not for fragments. */
static struct rte_flow *make(uint16_t port, const struct zl_port_rule *what, uint16_t queue,
			     bool whole)
{
	const bool udp = what->protocol == IPPROTO_UDP;
	const struct rte_flow_item_ipv4 ip = {
		.hdr.dst_addr = rte_cpu_to_be_32(what->group),
		.hdr.next_proto_id = what->protocol,
	};
	const struct rte_flow_item_ipv4 ip_mask = {
		.hdr.dst_addr = RTE_BE32(UINT32_MAX),
		.hdr.next_proto_id = udp ? 0 : UINT8_MAX, /* UDP's own item says it */
		.hdr.fragment_offset = whole ? RTE_BE16(FRAGMENTED) : 0,
	};
	const struct rte_flow_item_udp to = {.hdr.dst_port = rte_cpu_to_be_16(what->udp_port)};
	const struct rte_flow_item_udp to_mask = {.hdr.dst_port = RTE_BE16(UINT16_MAX)};
	const struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &ip, .mask = &ip_mask},
		udp ? (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_UDP,
					     .spec = &to,
					     .mask = &to_mask}
		    : (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_END},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};

	return ask(port, pattern, queue);
}

int zl_port_rule_add(struct zl_port *p, const struct zl_port_rule *what, uint16_t queue)
{
	struct port_rule *r = find(p, what);
	struct rte_flow *flow = NULL;

	if (r) {
		if (r->queue != queue)
			return -EEXIST;
		r->refs++;
		return 0;
	}
	r = unused(p);
	if (!r)
		return -ENOSPC;
	if (what->protocol == IPPROTO_UDP)
		flow = make(p->id, what, queue, true);
	if (!flow)
		flow = make(p->id, what, queue, false);
	if (!flow)
		return rte_errno ? -rte_errno : -EIO;
	*r = (struct port_rule){.what = *what, .queue = queue, .refs = 1, .flow = flow};
	return 0;
}

void zl_port_rule_del(struct zl_port *p, const struct zl_port_rule *what)
{
	struct port_rule *r = find(p, what);
	struct rte_flow_error why;

	if (r && --r->refs == 0)
		rte_flow_destroy(p->id, r->flow, &why);
}
