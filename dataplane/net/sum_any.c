/* Processors of which nothing particular is known. */
#include "dataplane/net/sum.h"

unsigned ones_sums(ones_sum_fn *all[ONES_SUMS_MAX])
{
	all[0] = ones_sum_portable;
	return 1;
}
