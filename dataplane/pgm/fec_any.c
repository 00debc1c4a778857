/* Processors of which nothing particular is known. */
#include "dataplane/pgm/fec_add.h"

size_t pgm_fec_add_wide(uint8_t *to, const uint8_t *from, size_t len, const struct pgm_products *t)
{
	(void)to;
	(void)from;
	(void)len;
	(void)t;
	return 0;
}
