/* SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash whose output tells nothing of the
 * key, for what a stranger can see. Any core. */
#ifndef ZL_NET_TCP_SIPHASH_H
#define ZL_NET_TCP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash24(const uint64_t key[2], const void *data, size_t len);

#endif
