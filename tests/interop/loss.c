#include "tests/interop/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NFT "ip netns exec %s nft "

static void forget(const struct lab_net *net)
{
	lab_shell(NFT "'add table ip lab; delete table ip lab'", net->appliance);
}

void loss_of(const struct lab_net *net, uint16_t port, const char *which)
{
	forget(net);
	lab_shell(NFT "'add table ip lab; "
		      "add chain ip lab in { type filter hook input priority 0; }; "
		      "add rule ip lab in udp dport %u %s counter drop'",
		  net->appliance, port, which);
}

void loss_begin(const struct lab_net *net, uint16_t port, unsigned nth)
{
	char which[64];

	snprintf(which, sizeof(which), "numgen inc mod %u %u", nth, nth / 2);
	if (nth)
		loss_of(net, port, which);
	else
		forget(net);
}

uint64_t loss_count(const struct lab_net *net)
{
	char line[512];
	unsigned long long n = 0;
	FILE *f;

	snprintf(line, sizeof(line), NFT "list table ip lab", net->appliance);
	f = popen(line, "r");
	if (!f)
		fail_msg("failed: %s", line);
	while (fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "packets ");

		if (at)
			sscanf(at, "packets %llu", &n);
	}
	pclose(f);
	return n;
}
