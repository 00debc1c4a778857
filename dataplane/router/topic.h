/* Which bytes of a message's first part, or of a prefix of it, are its topic (ipc/policy.h). */
#ifndef ZL_ROUTER_TOPIC_H
#define ZL_ROUTER_TOPIC_H

#include <string.h>

#include "control/ipc/policy.h"

/* Its length; `len` bytes are there to look at, and suffice if they are ZL_TOPIC_KEY_MAX + 1. */
static inline uint32_t zl_topic_len(const struct zl_ipc_topic *rule, const uint8_t *first,
				    uint32_t len)
{
	const uint8_t *end;

	if (rule->bytes)
		return len < rule->bytes ? len : rule->bytes;
	if (!rule->until || !len)
		return len;
	end = memchr(first, (int)rule->until - 1, len);
	return end ? (uint32_t)(end - first) : len;
}

/* Four bytes at a time, then mixed well: topics are alike, and strangers choose some. */
static inline uint32_t zl_topic_hash(const uint8_t *topic, uint32_t len, uint64_t seed)
{
	uint64_t h = seed + len * 0x9e3779b97f4a7c15ull;
	uint32_t word;

	for (; len >= sizeof(word); topic += sizeof(word), len -= (uint32_t)sizeof(word)) {
		memcpy(&word, topic, sizeof(word));
		h = (h ^ word) * 0xff51afd7ed558ccdull;
		h ^= h >> 29;
	}
	for (; len; len--)
		h = (h ^ *topic++) * 0xc4ceb9fe1a85ec53ull;
	h = (h ^ h >> 32) * 0xff51afd7ed558ccdull;
	return (uint32_t)(h >> 32);
}

#endif
