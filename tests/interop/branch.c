#include "tests/interop/branch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/cable.h"

static struct lab_net branches[BRANCHES];

static const struct lab_net *open_branch(const struct lab_net *net, unsigned number)
{
	struct lab_net *b = &branches[number - 1];

	*b = *net;
	/* stale() in lab.c knows whose it is by the name */
	snprintf(b->peer, sizeof(b->peer), "%.20s-%u", net->peer, number);
	lab_shell("ip netns add %s", b->peer);
	lab_shell("ip -n %s link set lo up", b->peer);
	lab_shell("ip -n %s link add zl%u type veth peer name peer0 netns %s", b->appliance, number,
		  b->peer);
	cable_plain(b->peer, "peer0");
	lab_shell("ip -n %s link set zl%u up", b->appliance, number);
	lab_shell("ip -n %s link set peer0 up", b->peer);
	for (unsigned host = 2; host <= 3; host++)
		lab_shell("ip -n %s addr add 10.99.%u.%u/24 dev peer0", b->peer, number, host);
	lab_shell("ip -n %s route add default via 10.99.%u.1", b->peer, number);
	return b;
}

struct appliance *branch_appliance(const struct branch_plan *plan,
				   const struct lab_net *net[BRANCHES])
{
	char ports[512] = "";
	size_t at = 0;
	struct appliance *a;

	for (unsigned n = 1; n <= BRANCHES; n++)
		at += (size_t)snprintf(ports + at, sizeof(ports) - at,
				       "  - {name: lan%u, kind: af_packet, device: zl%u, "
				       "address: 10.99.%u.1/24, impair: {%s}}\n",
				       n, n, n, plan->impair[n] ? plan->impair[n] : "");
	a = appliance_prepare(&(struct appliance_config){.carrier = LAB_AF_PACKET,
							 .poll_cores = 2,
							 .impair = plan->impair[0],
							 .ports = ports,
							 .top = plan->top});
	for (unsigned n = 1; n <= BRANCHES; n++)
		net[n - 1] = open_branch(&a->net, n);
	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
	return a;
}

void branch_abandon(void)
{
	char line[80];

	for (unsigned i = 0; i < BRANCHES; i++) {
		if (!branches[i].peer[0])
			continue;
		snprintf(line, sizeof(line), "ip netns del %s", branches[i].peer);
		if (system(line))
			fprintf(stderr, "branch: %s failed\n", line);
		branches[i].peer[0] = '\0';
	}
}
