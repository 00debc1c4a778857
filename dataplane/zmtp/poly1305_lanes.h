/* Poly1305 for one width of vectors: included by poly1305_x86.c for each, with NAME, TARGET, LANES,
 * VECTOR and its operations, which end here. */
#define PASTE2(a, b) a##_##b
#define PASTE(a, b)  PASTE2(a, b)
#define FN(name)     PASTE(name, NAME)
#define NUMBER       struct FN(number)

/* A number in each lane. */
NUMBER
{
	VECTOR limb[LIMBS];
};

/* LANES blocks, in the order of find_powers(). */
TARGET static inline NUMBER FN(load)(const uint8_t *bytes)
{
	const VECTOR a = LOAD(bytes), b = LOAD(bytes + sizeof(VECTOR)), bits = SET1(BITS26);
	const VECTOR low = V(unpacklo_epi64)(a, b), high = V(unpackhi_epi64)(a, b);

	return (NUMBER){{AND(low, bits), AND(V(srli_epi64)(low, 26), bits),
			 AND(OR(V(srli_epi64)(low, 52), V(slli_epi64)(high, 12)), bits),
			 AND(V(srli_epi64)(high, 14), bits),
			 OR(V(srli_epi64)(high, 40), SET1(1u << 24))}};
}

TARGET static inline NUMBER FN(add)(NUMBER a, NUMBER b)
{
	for (unsigned i = 0; i < LIMBS; i++)
		a.limb[i] = V(add_epi64)(a.limb[i], b.limb[i]);
	return a;
}

/* What goes beyond 26 bits of a limb is the next one's; of the last one, the first one's, five
 * times. */
#define CARRY(from, to)                                                                            \
	do {                                                                                       \
		VECTOR over = V(srli_epi64)(d[from], 26);                                          \
		d[from] = AND(d[from], bits);                                                      \
		if ((to) == 0)                                                                     \
			over = V(add_epi64)(over, V(slli_epi64)(over, 2));                         \
		d[to] = V(add_epi64)(d[to], over);                                                 \
	} while (0)

/* five: b's limbs, five times each. */
TARGET static inline NUMBER FN(times)(NUMBER a, NUMBER b, NUMBER five)
{
	const VECTOR bits = SET1(BITS26);
	VECTOR d[LIMBS];

	for (unsigned i = 0; i < LIMBS; i++) {
		d[i] = V(mul_epu32)(a.limb[0], b.limb[i]);
		for (unsigned j = 1; j < LIMBS; j++)
			d[i] = V(add_epi64)(d[i],
					    V(mul_epu32)(a.limb[j], j > i ? five.limb[LIMBS + i - j]
									  : b.limb[i - j]));
	}
	CARRY(0, 1);
	CARRY(3, 4);
	CARRY(1, 2);
	CARRY(4, 0);
	CARRY(2, 3);
	CARRY(0, 1);
	CARRY(3, 4);
	return (NUMBER){{d[0], d[1], d[2], d[3], d[4]}};
}

TARGET static inline NUMBER FN(five)(NUMBER a)
{
	for (unsigned i = 0; i < LIMBS; i++)
		a.limb[i] = V(add_epi64)(a.limb[i], V(slli_epi64)(a.limb[i], 2));
	return a;
}

TARGET static struct zl_poly1305_number FN(sum)(NUMBER n)
{
	struct limbs l = {{0}};

	for (unsigned i = 0; i < LIMBS; i++) {
		uint64_t lane[LANES];

		STORE(lane, n.limb[i]);
		for (unsigned j = 0; j < LANES; j++)
			l.limb[i] += lane[j];
	}
	return number_of(l);
}

TARGET static size_t FN(long)(struct zl_poly1305 *p, const uint8_t *bytes, size_t n)
{
	const size_t step = (size_t)LANES * ZL_POLY1305_BLOCK;
	size_t at = step;
	struct limbs before;
	NUMBER sum, power, highest, five;

	if (n < (p->has_powers ? 1 : LONG_ENOUGH) * step)
		return 0;
	if (!p->has_powers)
		find_powers(p, LANES);
	for (unsigned i = 0; i < LIMBS; i++) {
		power.limb[i] = LOAD(p->power[i]);
		highest.limb[i] = SET1(p->highest[i]);
	}
	five = FN(five)(highest);
	before = limbs_of(p->sum);
	sum = FN(load)(bytes);
	for (unsigned i = 0; i < LIMBS; i++) {
		uint64_t first[LANES] = {before.limb[i]};

		sum.limb[i] = V(add_epi64)(sum.limb[i], LOAD(first));
	}
	for (; n - at >= step; at += step)
		sum = FN(add)(FN(times)(sum, highest, five), FN(load)(bytes + at));
	p->sum = FN(sum)(FN(times)(sum, power, FN(five)(power)));
	return at;
}

#undef PASTE2
#undef PASTE
#undef FN
#undef NUMBER
#undef CARRY
#undef NAME
#undef TARGET
#undef LANES
#undef VECTOR
#undef V
#undef LOAD
#undef STORE
#undef AND
#undef OR
#undef SET1
