/* The erasure code of PGM's parity packets (RFC 3208 11): Reed-Solomon over GF(2^8) with the
 * polynomial x^8 + x^4 + x^3 + x^2 + 1, systematic, as in Rizzo's code that the RFC refers to and
 * OpenPGM has. Byte i of the k packets of a group are values of a polynomial of degree k - 1 at the
 * points 0, 1, a, a^2 ...; byte i of parity packet j is its value at a^(k + j - 1). Pure functions.
 */
#ifndef ZL_PGM_FEC_H
#define ZL_PGM_FEC_H

#include <stddef.h>
#include <stdint.h>

#define PGM_FEC_K_MAX 128 /* packets of a group */
#define PGM_FEC_N_MAX 255 /* with their parity */

/* What depends on k alone. */
struct pgm_fec {
	uint8_t k;
	uint8_t log_weight[PGM_FEC_K_MAX];
};

/* k: 1 to PGM_FEC_K_MAX. */
void pgm_fec_init(struct pgm_fec *f, unsigned k);

/* What each of the k packets counts for in parity packet j, 0 to PGM_FEC_N_MAX - k - 1. */
void pgm_fec_row(const struct pgm_fec *f, unsigned j, uint8_t row[PGM_FEC_K_MAX]);

/* to[i] += by * from[i], in the field. */
void pgm_fec_add(uint8_t *to, const uint8_t *from, size_t len, uint8_t by);

uint8_t pgm_fec_mul(uint8_t a, uint8_t b);

/* How to get packet missing[m], for each m < n, from parity packets parity[0..n-1] and the packets
 * that are there: it is the sum over j of of_parity[m][j] x parity packet parity[j], plus the sum
 * over all i that are not missing of of_data[m][i] x packet i. missing ascending, parity without
 * repeats. Any n parity packets do. */
void pgm_fec_solve(const struct pgm_fec *f, unsigned n, const uint8_t *missing,
		   const uint8_t *parity, uint8_t (*of_parity)[PGM_FEC_K_MAX],
		   uint8_t (*of_data)[PGM_FEC_K_MAX]);

#endif
