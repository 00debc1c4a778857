#include "tests/interop/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/lab.h"

#define NFT "ip netns exec %s nft "

/* Before the kernel looks for whom a packet is. */
#define CHAIN                                                                                      \
	"'add table ip tally; "                                                                    \
	"add chain ip tally in { type filter hook prerouting priority -300; }'"

void tally_begin(const char *namespace, const char *const *match, unsigned n)
{
	lab_shell(NFT CHAIN, namespace);
	for (unsigned i = 0; i < n; i++)
		lab_shell(NFT
			  "'add counter ip tally n%u; add rule ip tally in %s counter name n%u'",
			  namespace, i, match[i], i);
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
