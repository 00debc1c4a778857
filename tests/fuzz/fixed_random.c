#include "tests/fuzz/fixed_random.h"

#include <stdint.h>
#include <string.h>

#include <sodium.h>

static uint64_t state;

/* splitmix64: good enough where nothing is secret */
static uint64_t next(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static const char *name(void)
{
	return "fixed";
}

static uint32_t number(void)
{
	return (uint32_t)next();
}

static void fill(void *const to, const size_t n)
{
	for (size_t at = 0; at < n; at += 8) {
		uint64_t x = next();

		memcpy((uint8_t *)to + at, &x, n - at < 8 ? n - at : 8);
	}
}

static int nothing(void)
{
	return 0;
}

void fixed_random_use(void)
{
	static randombytes_implementation fixed = {
		.implementation_name = name, .random = number, .buf = fill, .close = nothing};

	randombytes_set_implementation(&fixed);
}

void fixed_random_begin(void)
{
	state = 1;
}
