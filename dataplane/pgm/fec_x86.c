/* With the byte shuffles of x86-64, that look up sixteen halves at once. */
#include <immintrin.h>

#include "dataplane/pgm/fec_add.h"

__attribute__((target("ssse3"))) static size_t add16(uint8_t *to, const uint8_t *from, size_t len,
						     const struct pgm_products *t)
{
	const __m128i low = _mm_loadu_si128((const __m128i *)t->low);
	const __m128i high = _mm_loadu_si128((const __m128i *)t->high);
	const __m128i half = _mm_set1_epi8(15);
	size_t i;

	for (i = 0; len - i >= 16; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(from + i));
		__m128i y = _mm_loadu_si128((const __m128i *)(to + i));

		y = _mm_xor_si128(y, _mm_shuffle_epi8(low, _mm_and_si128(x, half)));
		x = _mm_and_si128(_mm_srli_epi64(x, 4), half);
		y = _mm_xor_si128(y, _mm_shuffle_epi8(high, x));
		_mm_storeu_si128((__m128i *)(to + i), y);
	}
	return i;
}

size_t pgm_fec_add_wide(uint8_t *to, const uint8_t *from, size_t len, const struct pgm_products *t)
{
	return __builtin_cpu_supports("ssse3") ? add16(to, from, len, t) : 0;
}
