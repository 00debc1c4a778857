/* A window over sequence numbers (ledger.h). They wrap; the window moves on by words. */
#include "tests/bench/ledger.h"

#include <stdlib.h>

#define SIZE_MAX_ALL (1u << 22) /* of all senders together */
#define SIZE_MIN     (1u << 16)

int ledger_open(struct ledger *l, uint32_t senders)
{
	*l = (struct ledger){.size = SIZE_MIN};
	while ((uint64_t)l->size * 2 * senders <= SIZE_MAX_ALL)
		l->size *= 2;
	l->bit = calloc(l->size / 64, sizeof(uint64_t));
	return l->bit ? 0 : -1;
}

void ledger_close(struct ledger *l)
{
	free(l->bit);
	l->bit = NULL;
}

static uint64_t *word(struct ledger *l, uint32_t sequence)
{
	return &l->bit[(sequence & (l->size - 1)) / 64];
}

bool ledger_add(struct ledger *l, uint32_t sequence)
{
	uint64_t bit = 1ull << sequence % 64;

	if ((int32_t)(sequence - l->first) < 0)
		return false;
	for (; sequence - l->first >= l->size; l->first += 64)
		*word(l, l->first) = 0;
	if (*word(l, sequence) & bit)
		return false;
	*word(l, sequence) |= bit;
	l->came++;
	return true;
}
