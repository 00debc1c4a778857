/* A hash table by destination, and sequence numbers modulo the template's length. */
#include "tests/bench/count/flows.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS (2 * FLOWS_MAX)

int flows_open(struct flows *f)
{
	*f = (struct flows){.slot = calloc(SLOTS, sizeof(*f->slot))};
	return f->slot ? 0 : -ENOMEM;
}

void flows_close(struct flows *f)
{
	free(f->slot);
	f->slot = NULL;
}

/* Never 0. A stamped frame and one without are different flows; so are protocols, but for those
 * that have the same address and port: of these nobody sends both. */
static uint64_t key_of(const struct frame_facts *a)
{
	uint64_t where = (uint64_t)a->dst_ip << 32 | (uint64_t)a->dst_port << 16;

	if (a->stamped)
		return (where | a->stamp.group) * 2 + 1 + (1ull << 63);
	return where ? where : 2;
}

static struct flow *find(struct flows *f, const struct frame_facts *about)
{
	uint64_t key = key_of(about);
	uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 40) % SLOTS;

	while (f->slot[at].key && f->slot[at].key != key)
		at = (at + 1) % SLOTS;
	if (f->slot[at].key)
		return &f->slot[at];
	if (f->used == FLOWS_MAX)
		return &f->over;
	f->used++;
	f->slot[at].key = key;
	f->slot[at].about = *about;
	f->slot[at].expected = about->stamped ? about->stamp.sequence : 0;
	return &f->slot[at];
}

static uint32_t after(uint32_t sequence, uint32_t count)
{
	return sequence + 1 < count ? sequence + 1 : 0;
}

static void behind(struct flow *flow, uint32_t distance)
{
	uint64_t bit = distance <= 64 ? 1ull << (distance - 1) : 0;

	if (!bit || flow->seen & bit) {
		flow->repeated++;
		return;
	}
	flow->seen |= bit;
	flow->late++;
	if (flow->lost)
		flow->lost--; /* else: from before the first that came */
}

static void sequence(struct flow *flow, const struct stamp *s)
{
	uint32_t ahead = s->sequence >= flow->expected ? s->sequence - flow->expected
						       : s->count - (flow->expected - s->sequence);

	if (ahead && ahead >= (s->count + 1) / 2) {
		behind(flow, s->count - ahead);
		return;
	}
	flow->lost += ahead;
	flow->seen = ahead >= 63 ? 1 : flow->seen << (ahead + 1) | 1;
	flow->expected = after(s->sequence, s->count);
}

void flows_count(struct flows *f, const struct frame_facts *about, uint32_t bytes)
{
	struct flow *flow = find(f, about);

	flow->frames++;
	flow->bytes += bytes;
	if (!about->stamped || flow == &f->over)
		return;
	/* Another template than before: nothing can be said of what lies between. */
	if (about->stamp.count != flow->about.stamp.count) {
		flow->about.stamp = about->stamp;
		flow->expected = about->stamp.sequence;
		flow->seen = 0;
	}
	sequence(flow, &about->stamp);
}

static void add(struct flow *sum, const struct flow *flow)
{
	sum->frames += flow->frames;
	sum->bytes += flow->bytes;
	sum->lost += flow->lost;
	sum->late += flow->late;
	sum->repeated += flow->repeated;
}

struct flow flows_sum(const struct flows *f)
{
	struct flow sum = {0};

	for (uint32_t i = 0; i < SLOTS; i++)
		add(&sum, &f->slot[i]);
	add(&sum, &f->over);
	return sum;
}

static int by_key(const void *a, const void *b)
{
	const struct flow *x = *(const struct flow *const *)a, *y = *(const struct flow *const *)b;

	return x->key < y->key ? -1 : x->key > y->key;
}

const struct flow **flows_sorted(const struct flows *f)
{
	const struct flow **all = f->used ? calloc(f->used, sizeof(struct flow *)) : NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; all && i < SLOTS; i++)
		if (f->slot[i].key)
			all[n++] = &f->slot[i];
	if (all)
		qsort(all, n, sizeof(all[0]), by_key);
	return all;
}
