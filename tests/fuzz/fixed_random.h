/* libsodium's random numbers from a seed, so that an input does the same each time. */
#ifndef ZL_TESTS_FUZZ_FIXED_RANDOM_H
#define ZL_TESTS_FUZZ_FIXED_RANDOM_H

/* Before sodium_init(). */
void fixed_random_use(void);
/* From the seed's first number on: for each input. */
void fixed_random_begin(void);

#endif
