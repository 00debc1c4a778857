/* to[i] += by * from[i] over many bytes: by times each half of a byte, looked up. */
#ifndef ZL_PGM_FEC_ADD_H
#define ZL_PGM_FEC_ADD_H

#include <stddef.h>
#include <stdint.h>

struct pgm_products {
	uint8_t low[16], high[16]; /* by times i, and times i << 4 */
};

/* fec_x86.c, or fec_any.c: with the vectors of this machine. Returns how many bytes it has done,
 * from the first on; the rest is left to the caller. */
size_t pgm_fec_add_wide(uint8_t *to, const uint8_t *from, size_t len, const struct pgm_products *t);

#endif
