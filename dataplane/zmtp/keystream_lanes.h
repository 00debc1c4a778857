/* Salsa20 for one width of vectors: included by keystream_x86.c for each, with NAME, TARGET, LANES,
 * VECTOR and its operations, which end here. */
#define PASTE2(a, b) a##_##b
#define PASTE(a, b)  PASTE2(a, b)
#define FN(name)     PASTE(name, NAME)

#define QUARTER(a, b, c, d)                                                                        \
	do {                                                                                       \
		x[b] = XOR(x[b], ROL(V(add_epi32)(x[a], x[d]), 7));                                \
		x[c] = XOR(x[c], ROL(V(add_epi32)(x[b], x[a]), 9));                                \
		x[d] = XOR(x[d], ROL(V(add_epi32)(x[c], x[b]), 13));                               \
		x[a] = XOR(x[a], ROL(V(add_epi32)(x[d], x[c]), 18));                               \
	} while (0)

TARGET static inline void FN(rounds)(VECTOR x[WORDS])
{
	for (unsigned i = 0; i < 10; i++) {
		QUARTER(0, 4, 8, 12);
		QUARTER(5, 9, 13, 1);
		QUARTER(10, 14, 2, 6);
		QUARTER(15, 3, 7, 11);
		QUARTER(0, 1, 2, 3);
		QUARTER(5, 6, 7, 4);
		QUARTER(10, 11, 8, 9);
		QUARTER(15, 12, 13, 14);
	}
}

/* Four words of all lanes to where they belong in each lane's block: a part of 128 bits holds four
 * lanes. */
TARGET static inline void FN(store)(uint8_t *to, const VECTOR x[4])
{
	VECTOR a = V(unpacklo_epi32)(x[0], x[1]), b = V(unpacklo_epi32)(x[2], x[3]);
	VECTOR c = V(unpackhi_epi32)(x[0], x[1]), d = V(unpackhi_epi32)(x[2], x[3]);
	VECTOR lane[4] = {V(unpacklo_epi64)(a, b), V(unpackhi_epi64)(a, b), V(unpacklo_epi64)(c, d),
			  V(unpackhi_epi64)(c, d)};

#define STORE(i, part)                                                                             \
	_mm_store_si128((__m128i *)(to + (4 * (part) + (i)) * ZL_KEYSTREAM_BLOCK),                 \
			PART(lane[i], part))
	for (unsigned i = 0; i < 4; i++) {
		STORE(i, 0);
		STORE(i, 1);
#if LANES == 16
		STORE(i, 2);
		STORE(i, 3);
#endif
	}
#undef STORE
}

TARGET static inline void FN(some)(uint8_t *to, const uint32_t key[8], const struct lanes *l,
				   unsigned from)
{
	VECTOR x[WORDS], was[WORDS];

	for (unsigned i = 0; i < 4; i++) {
		was[5 * i] = V(set1_epi32)((int)sigma[i]);
		was[1 + i] = V(set1_epi32)((int)key[i]);
		was[11 + i] = V(set1_epi32)((int)key[4 + i]);
	}
	was[6] = LOAD(l->nonce[0] + from);
	was[7] = LOAD(l->nonce[1] + from);
	was[8] = LOAD(l->block[0] + from);
	was[9] = LOAD(l->block[1] + from);
	memcpy(x, was, sizeof(x));
	FN(rounds)(x);
	for (unsigned i = 0; i < WORDS; i++)
		x[i] = V(add_epi32)(x[i], was[i]);
	for (unsigned i = 0; i < 4; i++)
		FN(store)(to + 16 * i, x + 4 * i);
}

TARGET static unsigned FN(make)(uint8_t to[ZL_KEYSTREAM_BYTES],
				const uint8_t key[ZL_KEYSTREAM_KEY_BYTES], uint64_t nonce,
				uint64_t block, unsigned each)
{
	struct lanes l = lanes_of(nonce, block, each);
	uint32_t words[ZL_KEYSTREAM_KEY_BYTES / 4];

	memcpy(words, key, sizeof(words));
	for (unsigned from = 0; from < ZL_KEYSTREAM_BLOCKS; from += LANES)
		FN(some)(to + from * ZL_KEYSTREAM_BLOCK, words, &l, from);
	return ZL_KEYSTREAM_BLOCKS / each;
}

#undef PASTE2
#undef PASTE
#undef FN
#undef QUARTER
#undef NAME
#undef TARGET
#undef LANES
#undef VECTOR
#undef V
#undef LOAD
#undef XOR
#undef ROL
#undef PART
