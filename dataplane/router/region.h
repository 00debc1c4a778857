/* The memory of a matcher: one reserved stretch of address space, touched as it is used. Blocks are
 * named by 32-bit references (in words of 4 bytes), and freed blocks wait in lists by size. Small
 * sizes are exact, so what a tree of a million nodes leaves behind is what it will ask for. */
#ifndef ZL_ROUTER_REGION_H
#define ZL_ROUTER_REGION_H

#include <stddef.h>
#include <stdint.h>

enum {
	ZL_REGION_EXACT = 384, /* words: every size up to here has its own list */
	ZL_REGION_CLASSES = ZL_REGION_EXACT + 4 * 24,
};

struct zl_region {
	uint32_t *base; /* reference 0 is nothing */
	void *map;      /* in which base lies */
	size_t map_bytes;
	uint64_t words;  /* usable */
	uint64_t top;    /* words from here on were not used since the region was empty */
	uint64_t in_use; /* words */
	uint32_t free[ZL_REGION_CLASSES + 1];
	uint64_t has_free[ZL_REGION_CLASSES / 64 + 1]; /* a bit a list that is not empty */
};

/* 0, or a negative errno. */
int zl_region_open(struct zl_region *r, size_t max_bytes);
void zl_region_close(struct zl_region *r);

/* A block of at least so many words, or 0. Give it back with the same number. A free of n words
 * makes sure that an allocation of n or fewer succeeds. */
uint32_t zl_region_alloc(struct zl_region *r, uint32_t words);
void zl_region_free(struct zl_region *r, uint32_t ref, uint32_t words);

static inline void *zl_region_at(const struct zl_region *r, uint32_t ref)
{
	return r->base + ref;
}

#endif
