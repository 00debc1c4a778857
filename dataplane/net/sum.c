/* The one's complement sum that every machine has, and the choice at start. A pointer and not the
 * loader's choice (ifunc): that is made before sanitizers are ready, and is not in every libc. */
#include "dataplane/net/sum.h"

ones_sum_fn *ones_sum = ones_sum_portable;

uint16_t ones_sum_portable(const void *bytes, uint32_t len)
{
	return ones_fold(ones_words(bytes, len));
}

static __attribute__((constructor)) void choose(void)
{
	ones_sum_fn *all[ONES_SUMS_MAX];

	ones_sum = all[ones_sums(all) - 1];
}
