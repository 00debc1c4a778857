#include "tests/interop/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NFT "ip netns exec %s nft "

void loss_begin(const struct lab_net *net, uint16_t port, unsigned nth)
{
	lab_shell(NFT "'add table ip lab; delete table ip lab'", net->appliance);
	if (nth)
		lab_shell(NFT "'add table ip lab; "
			      "add chain ip lab in { type filter hook input priority 0; }; "
			      "add rule ip lab in udp dport %u numgen inc mod %u %u counter drop'",
			  net->appliance, port, nth, nth / 2);
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
