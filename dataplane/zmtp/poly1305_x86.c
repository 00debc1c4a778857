/* Poly1305 with the vectors of x86-64: a lane takes every LANES-th block and multiplies by r to the
 * power of LANES; in the end each lane's sum is multiplied by the power of r that its place asks
 * for, and they are added up. Limbs have 26 bits, since lanes multiply 32 by 32. */
#include <immintrin.h>
#include <string.h>

#include "dataplane/zmtp/poly1305.h"

#define LIMBS  ZL_POLY1305_LIMBS
#define BITS26 ((1u << 26) - 1)

/* Work of its own before and after: what the powers of r take, and adding lanes up. */
#define LONG_ENOUGH 4 /* blocks a lane */

struct limbs {
	uint64_t limb[LIMBS];
};

static struct limbs limbs_of(struct zl_poly1305_number n)
{
	uint64_t h0 = n.limb[0], h1 = n.limb[1], h2 = n.limb[2];

	h2 += h1 >> 44;
	h1 &= (1ull << 44) - 1;
	return (struct limbs){{h0 & BITS26, (h0 >> 26 | h1 << 18) & BITS26, h1 >> 8 & BITS26,
			       (h1 >> 34 | h2 << 10) & BITS26, h2 >> 16}};
}

static struct zl_poly1305_number number_of(struct limbs l)
{
	uint64_t *a = l.limb;

	for (unsigned i = 0; i + 1 < LIMBS; i++) {
		a[i + 1] += a[i] >> 26;
		a[i] &= BITS26;
	}
	a[0] += (a[4] >> 26) * 5;
	a[4] &= BITS26;
	a[1] += a[0] >> 26;
	a[0] &= BITS26;
	/* a[1] may have a bit more, which is added where it belongs */
	return (struct zl_poly1305_number){
		{a[0] + ((a[1] & ((1u << 18) - 1)) << 26),
		 (a[1] >> 18) + (a[2] << 8) + ((a[3] & ((1u << 10) - 1)) << 34),
		 (a[3] >> 10) + (a[4] << 16)}};
}

/* Lane 2k has block k of a run's last ones, lane 2k + 1 block lanes / 2 + k: how they are loaded.
 */
static void find_powers(struct zl_poly1305 *p, unsigned lanes)
{
	struct zl_poly1305_number power = p->r;

	for (unsigned left = 1; left <= lanes; left++) {
		const unsigned block = lanes - left;
		const unsigned lane = block < lanes / 2 ? 2 * block : 2 * block - lanes + 1;
		const struct limbs l = limbs_of(power);

		for (unsigned i = 0; i < LIMBS; i++) {
			p->power[i][lane] = l.limb[i];
			p->highest[i] = l.limb[i];
		}
		power = zl_poly1305_times(power, p->r);
	}
	p->has_powers = 1;
}

#define NAME        avx2
#define TARGET      __attribute__((target("avx2")))
#define LANES       4
#define VECTOR      __m256i
#define V(op)       _mm256_##op
#define LOAD(p)     _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, a) _mm256_storeu_si256((__m256i *)(p), a)
#define AND(a, b)   _mm256_and_si256(a, b)
#define OR(a, b)    _mm256_or_si256(a, b)
#define SET1(a)     _mm256_set1_epi64x((long long)(a))
#include "dataplane/zmtp/poly1305_lanes.h"

#define NAME        avx512
#define TARGET      __attribute__((target("avx512f")))
#define LANES       8
#define VECTOR      __m512i
#define V(op)       _mm512_##op
#define LOAD(p)     _mm512_loadu_si512(p)
#define STORE(p, a) _mm512_storeu_si512(p, a)
#define AND(a, b)   _mm512_and_si512(a, b)
#define OR(a, b)    _mm512_or_si512(a, b)
#define SET1(a)     _mm512_set1_epi64((long long)(a))
#include "dataplane/zmtp/poly1305_lanes.h"

unsigned zl_poly1305s(zl_poly1305_fn *all[ZL_POLY1305S_MAX])
{
	unsigned n = 0;

	all[n++] = zl_poly1305_portable;
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		all[n++] = long_avx2;
	if (__builtin_cpu_supports("avx512f"))
		all[n++] = long_avx512;
	return n;
}
