/* Which of one sender's messages have come, where each is to come once, to any of several and in
 * any order: bits by sequence number, of the newest few million. */
#ifndef ZL_TESTS_BENCH_LEDGER_H
#define ZL_TESTS_BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct ledger {
	uint64_t came;  /* different messages */
	uint32_t first; /* the oldest sequence number that is still known: a multiple of 64 */
	uint32_t size;  /* how many are known: a power of two */
	uint64_t *bit;
};

/* For one of so many senders. 0, or -1: no memory. */
int ledger_open(struct ledger *l, uint32_t senders);
void ledger_close(struct ledger *l);
/* The message has come. false: it had come before. */
bool ledger_add(struct ledger *l, uint32_t sequence);

#endif
