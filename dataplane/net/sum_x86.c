/* The one's complement sum with the vectors of x86-64. pmaddwd adds pairs of words to lanes of 32
 * bits, but takes words for signed: 2^15 is taken off each by flipping its top bit, and put back at
 * the end. A lane grows by at most 2^16 a step, so 64 KiB are far from overflowing it. */
#include <immintrin.h>

#include "dataplane/net/sum.h"

#define FLIP  INT16_MIN
#define LANES 4

/* Four lanes, with what was taken off them for `words` words, and the rest behind them. */
static inline uint16_t finish(__m128i lanes, uint32_t words, const uint8_t *rest, uint32_t n)
{
	int32_t lane[LANES];
	int64_t sum = (int64_t)words << 15;

	memcpy(lane, &lanes, sizeof(lane));
	for (unsigned i = 0; i < LANES; i++)
		sum += lane[i];
	return ones_fold((uint64_t)sum + ones_words(rest, n));
}

static uint16_t sum_sse2(const void *bytes, uint32_t len)
{
	const __m128i flip = _mm_set1_epi16(FLIP), one = _mm_set1_epi16(1);
	const uint8_t *p = bytes, *end = p + (len & ~15u);
	__m128i sum = _mm_setzero_si128();

	for (; p < end; p += 16) {
		__m128i v = _mm_xor_si128(_mm_loadu_si128((const __m128i *)p), flip);

		sum = _mm_add_epi32(sum, _mm_madd_epi16(v, one));
	}
	return finish(sum, (len & ~15u) / 2, p, len & 15);
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i pairs_avx2(const uint8_t *p)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)p);

	return _mm256_madd_epi16(_mm256_xor_si256(v, _mm256_set1_epi16(FLIP)),
				 _mm256_set1_epi16(1));
}

AVX2 static uint16_t sum_avx2(const void *bytes, uint32_t len)
{
	const uint8_t *p = bytes, *end = p + (len & ~31u), *four = p + (len & ~127u);
	__m256i a = _mm256_setzero_si256(), b = a;

	for (; p < four; p += 128) {
		a = _mm256_add_epi32(a, _mm256_add_epi32(pairs_avx2(p), pairs_avx2(p + 32)));
		b = _mm256_add_epi32(b, _mm256_add_epi32(pairs_avx2(p + 64), pairs_avx2(p + 96)));
	}
	for (; p < end; p += 32)
		a = _mm256_add_epi32(a, pairs_avx2(p));
	a = _mm256_add_epi32(a, b);
	return finish(_mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)),
		      (len & ~31u) / 2, p, len & 31);
}

#define AVX512 __attribute__((target("avx512bw")))

AVX512 static inline __m512i pairs_avx512(__m512i v)
{
	return _mm512_madd_epi16(_mm512_xor_si512(v, _mm512_set1_epi16(FLIP)),
				 _mm512_set1_epi16(1));
}

/* What is left over is loaded as if zeros followed it. */
AVX512 static uint16_t sum_avx512(const void *bytes, uint32_t len)
{
	const uint8_t *p = bytes, *two = p + (len & ~127u);
	uint64_t rest = len & 63 ? UINT64_MAX >> (64 - (len & 63)) : 0;
	__m512i a = _mm512_setzero_si512(), b = a;
	__m256i half;

	for (; p < two; p += 128) {
		a = _mm512_add_epi32(a, pairs_avx512(_mm512_loadu_si512(p)));
		b = _mm512_add_epi32(b, pairs_avx512(_mm512_loadu_si512(p + 64)));
	}
	if (len & 64) {
		a = _mm512_add_epi32(a, pairs_avx512(_mm512_loadu_si512(p)));
		p += 64;
	}
	if (rest)
		b = _mm512_add_epi32(b, pairs_avx512(_mm512_maskz_loadu_epi8(rest, p)));
	a = _mm512_add_epi32(a, b);
	half = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
	return finish(
		_mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)),
		(len + 63) / 64 * 32, p, 0);
}

unsigned ones_sums(ones_sum_fn *all[ONES_SUMS_MAX])
{
	unsigned n = 0;

	all[n++] = ones_sum_portable;
	all[n++] = sum_sse2;
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		all[n++] = sum_avx2;
	if (__builtin_cpu_supports("avx512bw"))
		all[n++] = sum_avx512;
	return n;
}
