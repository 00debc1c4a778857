/* Rules that bring a flow's groups to its core, where a port has a queue for each core and its
 * device has rules (drivers/port/rules.h). Where they are refused, or there is but one queue,
 * packets are steered in software as ever, and handed on by whichever core they come to. */
#include <netinet/in.h>

#include "dataplane/flow.h"
#include "dataplane/lcore.h"
#include "dataplane/net/igmp.h"
#include "dataplane/pgm/packet.h"
#include "drivers/port/rules.h"

static struct zl_ipc_line line_of(const struct zl_flow *f, unsigned i)
{
	return i ? f->at.b : (struct zl_ipc_line){f->at.ip, f->at.via};
}

/* The port of that line; NULL: it has no queues to choose from, or what it has of raw PGM is for a
 * network element first. */
static const struct zl_core_port *port_of(const struct zl_flow *f, unsigned i)
{
	const struct zl_lcore *c = f->core;
	int port = zl_net_port_of(c->net, line_of(f, i).via);

	if (port < 0 || (unsigned)port >= c->n_ports ||
	    zl_port_info(c->port[port].port)->queues == 1 ||
	    (c->port[port].element && f->at.carrier == ZL_CARRIER_PGM))
		return NULL;
	return &c->port[port];
}

static struct zl_port_rule rule_of(const struct zl_flow *f, unsigned i)
{
	const bool raw = f->at.carrier == ZL_CARRIER_PGM;

	return (struct zl_port_rule){.group = line_of(f, i).ip,
				     .udp_port = raw ? 0 : f->at.port,
				     .protocol = raw ? PGM_PROTOCOL : IPPROTO_UDP};
}

void zl_flow_rules_make(struct zl_flow *f)
{
	if (!f->ops->hears || !f->ops->hears(f))
		return;
	for (unsigned i = 0; i < ZL_FLOW_LINES; i++) {
		const struct zl_port_rule rule = rule_of(f, i);
		const struct zl_core_port *p = zl_is_group(rule.group) ? port_of(f, i) : NULL;

		if (!p)
			continue;
		f->ruled[i] = zl_port_rule_add(p->port, &rule, p->queue) == 0;
		f->rules_refused += !f->ruled[i];
	}
}

void zl_flow_rules_drop(struct zl_flow *f)
{
	for (unsigned i = 0; i < ZL_FLOW_LINES; i++) {
		const struct zl_port_rule rule = rule_of(f, i);

		if (f->ruled[i])
			zl_port_rule_del(port_of(f, i)->port, &rule);
		f->ruled[i] = false;
	}
}

void zl_flow_rules_count(const struct zl_flow *f)
{
	f->core->counter[ZL_CORE_steer_rules] += f->ruled[0] + f->ruled[1];
	f->core->counter[ZL_CORE_steer_refused] += f->rules_refused;
}
