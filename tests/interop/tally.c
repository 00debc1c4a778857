#include "tests/interop/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NFT "ip netns exec %s nft "

/* Before the kernel looks for whom a packet is. */
#define CHAIN                                                                                      \
	"'add table ip tally; "                                                                    \
	"add chain ip tally in { type filter hook prerouting priority -300; }'"

static void nft(const char *namespace, const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), NFT "%s", namespace, command);
	if (system(line))
		fail_msg("failed: %s (scripts/setup installs nftables)", line);
}

void tally_begin(const char *namespace, const char *const *match, unsigned n)
{
	char rule[400];

	nft(namespace, CHAIN);
	for (unsigned i = 0; i < n; i++) {
		snprintf(rule, sizeof(rule),
			 "'add counter ip tally n%u; add rule ip tally in %s counter name n%u'", i,
			 match[i], i);
		nft(namespace, rule);
	}
}

uint64_t tally(const char *namespace, unsigned i)
{
	unsigned long long n = 0;
	bool found = false;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), NFT "list counter ip tally n%u", namespace, i);
	f = popen(line, "r");
	if (!f)
		fail_msg("failed: %s", line);
	while (fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "packets ");

		found |= at && sscanf(at, "packets %llu", &n) == 1;
	}
	pclose(f);
	if (!found)
		fail_msg("%s: there is no tally n%u", namespace, i);
	return n;
}
