#include "dataplane/zmtp/poly1305.h"

#include <string.h>

#include <sodium.h>

#define BITS44 ((1ull << 44) - 1)
#define BITS42 ((1ull << 42) - 1)

typedef unsigned __int128 wide;

zl_poly1305_fn *zl_poly1305_long = zl_poly1305_portable;

static uint64_t load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static void store(uint8_t *p, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	memcpy(p, &word, sizeof(word));
}

static struct zl_poly1305_number number_of(uint64_t low, uint64_t high)
{
	return (struct zl_poly1305_number){
		{low & BITS44, (low >> 44 | high << 20) & BITS44, high >> 24}};
}

/* What goes beyond 2^130 comes back five times; 2^132, where limbs of a product meet, is four times
 * that. */
static inline struct zl_poly1305_number times(struct zl_poly1305_number a,
					      struct zl_poly1305_number b)
{
	const uint64_t *x = a.limb, *y = b.limb, y1 = y[1] * 20, y2 = y[2] * 20;
	wide d0 = (wide)x[0] * y[0] + (wide)x[1] * y2 + (wide)x[2] * y1;
	wide d1 = (wide)x[0] * y[1] + (wide)x[1] * y[0] + (wide)x[2] * y2;
	wide d2 = (wide)x[0] * y[2] + (wide)x[1] * y[1] + (wide)x[2] * y[0];
	struct zl_poly1305_number n;

	d1 += (uint64_t)(d0 >> 44);
	d2 += (uint64_t)(d1 >> 44);
	n.limb[0] = ((uint64_t)d0 & BITS44) + (uint64_t)(d2 >> 42) * 5;
	n.limb[1] = ((uint64_t)d1 & BITS44) + (n.limb[0] >> 44);
	n.limb[2] = (uint64_t)d2 & BITS42;
	n.limb[0] &= BITS44;
	return n;
}

struct zl_poly1305_number zl_poly1305_times(struct zl_poly1305_number a,
					    struct zl_poly1305_number b)
{
	return times(a, b);
}

/* above: 1, or 0 for a last block that has its end in it. */
static inline struct zl_poly1305_number add_block(const struct zl_poly1305 *p,
						  struct zl_poly1305_number sum,
						  const uint8_t *bytes, uint64_t above)
{
	struct zl_poly1305_number block = number_of(load(bytes), load(bytes + 8));

	for (unsigned i = 0; i < 3; i++)
		sum.limb[i] += block.limb[i];
	sum.limb[2] += above << 40;
	return times(sum, p->r);
}

void zl_poly1305_init(struct zl_poly1305 *p, const uint8_t key[ZL_POLY1305_KEY_BYTES])
{
	p->r = number_of(load(key) & 0x0ffffffc0fffffff, load(key + 8) & 0x0ffffffc0ffffffc);
	p->sum = (struct zl_poly1305_number){{0}};
	p->pad[0] = load(key + 16);
	p->pad[1] = load(key + 24);
	p->held = 0;
	p->has_powers = 0;
}

/* The block at hand takes what it can. */
static size_t fill(struct zl_poly1305 *p, const uint8_t *bytes, size_t n)
{
	size_t room = ZL_POLY1305_BLOCK - p->held, take = n < room ? n : room;

	memcpy(p->block + p->held, bytes, take);
	p->held += (uint32_t)take;
	if (p->held == ZL_POLY1305_BLOCK) {
		p->sum = add_block(p, p->sum, p->block, 1);
		p->held = 0;
	}
	return take;
}

void zl_poly1305_update(struct zl_poly1305 *p, const uint8_t *bytes, size_t n)
{
	struct zl_poly1305_number sum;
	size_t took = 0;

	if (p->held)
		took = fill(p, bytes, n);
	took += zl_poly1305_long(p, bytes + took, n - took);
	sum = p->sum;
	for (; n - took >= ZL_POLY1305_BLOCK; took += ZL_POLY1305_BLOCK)
		sum = add_block(p, sum, bytes + took, 1);
	p->sum = sum;
	if (took < n)
		fill(p, bytes + took, n - took);
}

/* All bits where they belong, and less than 2^130. */
static void carry(struct zl_poly1305_number *n)
{
	for (unsigned round = 0; round < 2; round++) {
		n->limb[1] += n->limb[0] >> 44;
		n->limb[0] &= BITS44;
		n->limb[2] += n->limb[1] >> 44;
		n->limb[1] &= BITS44;
		n->limb[0] += (n->limb[2] >> 42) * 5;
		n->limb[2] &= BITS42;
	}
	n->limb[1] += n->limb[0] >> 44;
	n->limb[0] &= BITS44;
}

/* Less the modulus, if it is not less than that. */
static void reduce(struct zl_poly1305_number *n)
{
	struct zl_poly1305_number less = *n;
	uint64_t keep;

	less.limb[0] += 5;
	less.limb[1] += less.limb[0] >> 44;
	less.limb[0] &= BITS44;
	less.limb[2] += less.limb[1] >> 44;
	less.limb[1] &= BITS44;
	keep = (less.limb[2] >> 42) - 1; /* all ones: it was less */
	less.limb[2] &= BITS42;
	for (unsigned i = 0; i < 3; i++)
		n->limb[i] = (n->limb[i] & keep) | (less.limb[i] & ~keep);
}

void zl_poly1305_final(struct zl_poly1305 *p, uint8_t tag[ZL_POLY1305_TAG_BYTES])
{
	uint64_t *limb = p->sum.limb;
	wide low, high;

	if (p->held) {
		p->block[p->held++] = 1;
		memset(p->block + p->held, 0, ZL_POLY1305_BLOCK - p->held);
		p->sum = add_block(p, p->sum, p->block, 0);
	}
	carry(&p->sum);
	reduce(&p->sum);
	low = (wide)(limb[0] | limb[1] << 44) + p->pad[0];
	high = (wide)(limb[1] >> 20 | limb[2] << 24) + p->pad[1] + (uint64_t)(low >> 64);
	store(tag, (uint64_t)low);
	store(tag + 8, (uint64_t)high);
	sodium_memzero(p, p->has_powers ? sizeof(*p) : offsetof(struct zl_poly1305, power));
}

size_t zl_poly1305_portable(struct zl_poly1305 *p, const uint8_t *bytes, size_t n)
{
	(void)p;
	(void)bytes;
	(void)n;
	return 0;
}

static __attribute__((constructor)) void choose(void)
{
	zl_poly1305_fn *all[ZL_POLY1305S_MAX];

	zl_poly1305_long = all[zl_poly1305s(all) - 1];
}
