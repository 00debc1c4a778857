/* The memory of a matcher: exact lists for small blocks, four sizes an octave above, a top that
 * moves up, and as the last resort a larger free block is cut. Cutting is never undone until the
 * region is empty: a matcher that has been full may refuse a large block while small ones are free.
 */
#include "dataplane/router/region.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_WORDS UINT64_C(0xffffff00)
#define SLACK     64 /* bytes: readers may look at whole words past a block */
#define HUGE_PAGE (UINT64_C(2) << 20)

/* Words of a block of class c. */
static uint64_t class_words(uint32_t c)
{
	uint32_t step;

	if (c <= ZL_REGION_EXACT)
		return c;
	step = c - ZL_REGION_EXACT; /* from 384: 448, 512, 640, 768, 896, ... */
	return (UINT64_C(4) + (step + 2) % 4) << (6 + (step + 2) / 4);
}

/* The least class that holds so many words. */
static uint32_t class_above(uint32_t words)
{
	uint32_t octave, quarter;

	if (words <= ZL_REGION_EXACT)
		return words;
	octave = 29 - (uint32_t)__builtin_clz(words - 1); /* (words - 1) >> octave is 4 .. 7 */
	quarter = ((words - 1) >> octave) + 1;            /* 5 .. 8 */
	return ZL_REGION_EXACT + (octave - 6) * 4 + quarter - 4 - 2;
}

/* The greatest class that such a piece can serve. */
static uint32_t class_below(uint64_t words)
{
	uint32_t c = class_above((uint32_t)words);

	return class_words(c) > words ? c - 1 : c;
}

int zl_region_open(struct zl_region *r, size_t max_bytes)
{
	uint64_t align = max_bytes < HUGE_PAGE ? 4 : HUGE_PAGE;
	void *at;

	*r = (struct zl_region){.words = max_bytes / 4};
	if (r->words > MAX_WORDS)
		r->words = MAX_WORDS;
	if (r->words < 64)
		return -EINVAL;
	/* In whole huge pages from the first word on, whatever address the kernel picks. */
	r->map_bytes = r->words * 4 + SLACK + align;
	at = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	(void)madvise(at, r->map_bytes, MADV_HUGEPAGE); /* a wish: fewer TLB misses in a match */
	r->map = at;
	r->base = (uint32_t *)(((uintptr_t)at + align - 1) / align * align);
	r->top = 1;
	return 0;
}

void zl_region_close(struct zl_region *r)
{
	if (r->map)
		munmap(r->map, r->map_bytes);
	r->map = NULL;
	r->base = NULL;
}

static void push(struct zl_region *r, uint32_t class, uint32_t ref)
{
	r->base[ref] = r->free[class];
	r->free[class] = ref;
	r->has_free[class / 64] |= UINT64_C(1) << (class % 64);
}

static uint32_t pop(struct zl_region *r, uint32_t class)
{
	uint32_t ref = r->free[class];

	r->free[class] = r->base[ref];
	if (r->free[class] == 0)
		r->has_free[class / 64] &= ~(UINT64_C(1) << (class % 64));
	return ref;
}

/* A free block of a larger class, cut to size; 0: there is none. */
static uint32_t cut(struct zl_region *r, uint32_t class)
{
	uint32_t word = class / 64, larger, ref;
	uint64_t bits = r->has_free[word] & ~(UINT64_C(1) << (class % 64)) &
			(~UINT64_C(0) << (class % 64));
	uint64_t at, rest;

	while (bits == 0) {
		if (++word == sizeof(r->has_free) / sizeof(r->has_free[0]))
			return 0;
		bits = r->has_free[word];
	}
	larger = word * 64 + (uint32_t)__builtin_ctzll(bits);
	ref = pop(r, larger);
	at = ref + class_words(class);
	rest = class_words(larger) - class_words(class);
	while (rest > 0) {
		uint32_t c = class_below(rest);

		push(r, c, (uint32_t)at);
		at += class_words(c);
		rest -= class_words(c);
	}
	return ref;
}

uint32_t zl_region_alloc(struct zl_region *r, uint32_t words)
{
	uint32_t class = class_above(words), ref;
	uint64_t size;

	if (class > ZL_REGION_CLASSES)
		return 0;
	size = class_words(class);
	if (r->free[class]) {
		ref = pop(r, class);
	} else if (r->top + size <= r->words) {
		ref = (uint32_t)r->top;
		r->top += size;
	} else {
		ref = cut(r, class);
		if (ref == 0)
			return 0;
	}
	r->in_use += size;
	return ref;
}

void zl_region_free(struct zl_region *r, uint32_t ref, uint32_t words)
{
	uint32_t class = class_above(words);

	r->in_use -= class_words(class);
	if (r->in_use == 0) { /* empty: forget the cuts */
		r->top = 1;
		memset(r->free, 0, sizeof(r->free));
		memset(r->has_free, 0, sizeof(r->has_free));
		return;
	}
	push(r, class, ref);
}
