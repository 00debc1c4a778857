/* Salsa20 (D. J. Bernstein, "The Salsa20 family of stream ciphers") with the vectors of x86-64: a
 * block is a lane, and word i of all blocks is vector i. Only additions, rotations and exclusive
 * ors, so its time does not depend on keys. */
#include <immintrin.h>
#include <string.h>

#include "dataplane/zmtp/keystream.h"

#define WORDS 16 /* of a block */

static const uint32_t sigma[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

/* Where of the nonces and blocks each lane is. */
struct lanes {
	_Alignas(64) uint32_t nonce[2][WORDS], block[2][WORDS];
};

static struct lanes lanes_of(uint64_t nonce, uint64_t block, unsigned each)
{
	const unsigned shift = (unsigned)__builtin_ctz(each);
	struct lanes l;

	for (unsigned i = 0; i < ZL_KEYSTREAM_BLOCKS; i++) {
		uint64_t n = __builtin_bswap64(nonce + (i >> shift)), b = block + (i & (each - 1));

		l.nonce[0][i] = (uint32_t)n;
		l.nonce[1][i] = (uint32_t)(n >> 32);
		l.block[0][i] = (uint32_t)b;
		l.block[1][i] = (uint32_t)(b >> 32);
	}
	return l;
}

#define NAME       avx2
#define TARGET     __attribute__((target("avx2")))
#define LANES      8
#define VECTOR     __m256i
#define V(op)      _mm256_##op
#define LOAD(p)    _mm256_load_si256((const __m256i *)(p))
#define XOR(a, b)  _mm256_xor_si256(a, b)
#define ROL(a, n)  _mm256_or_si256(_mm256_slli_epi32(a, n), _mm256_srli_epi32(a, 32 - (n)))
#define PART(a, i) _mm256_extracti128_si256(a, i)
#include "dataplane/zmtp/keystream_lanes.h"

#define NAME       avx512
#define TARGET     __attribute__((target("avx512f")))
#define LANES      16
#define VECTOR     __m512i
#define V(op)      _mm512_##op
#define LOAD(p)    _mm512_load_si512(p)
#define XOR(a, b)  _mm512_xor_si512(a, b)
#define ROL(a, n)  _mm512_rol_epi32(a, n)
#define PART(a, i) _mm512_extracti32x4_epi32(a, i)
#include "dataplane/zmtp/keystream_lanes.h"

unsigned zl_keystreams(zl_keystream_fn *all[ZL_KEYSTREAMS_MAX])
{
	unsigned n = 0;

	all[n++] = zl_keystream_portable;
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		all[n++] = make_avx2;
	if (__builtin_cpu_supports("avx512f"))
		all[n++] = make_avx512;
	return n;
}
