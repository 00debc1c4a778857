/* Timer wheel: a timer goes to the level whose slots are just fine enough for how far off it is,
 * and moves down a level when time enters its slot. Bitmaps of occupied slots let a long sleep skip
 * what is empty, so a run costs what it fires and moves, not the time that has passed. */
#include "dataplane/net/timer.h"

#include <stddef.h>
#include <string.h>

#define SLOT_BITS 8
#define SLOT_MASK (ZL_TIMER_SLOTS - 1)
#define WORDS     (ZL_TIMER_SLOTS / 64)
#define NEVER     UINT64_MAX
#define FARTHEST  ((UINT64_C(1) << (SLOT_BITS * ZL_TIMER_LEVELS)) - 1)

_Static_assert(ZL_TIMER_SLOTS == 1 << SLOT_BITS, "slots are indexed by bits of the tick");

void zl_timer_wheel_init(struct zl_timer_wheel *w, uint64_t now_ns)
{
	memset(w, 0, sizeof(*w));
	w->tick = now_ns >> ZL_TIMER_TICK_SHIFT;
}

void zl_timer_init(struct zl_timer *t, void (*fire)(struct zl_timer *t, uint64_t now_ns))
{
	*t = (struct zl_timer){.fire = fire};
}

/* The first tick that is not before the deadline. */
static uint64_t tick_of(uint64_t deadline_ns)
{
	uint64_t below = (UINT64_C(1) << ZL_TIMER_TICK_SHIFT) - 1;

	return (deadline_ns >> ZL_TIMER_TICK_SHIFT) + !!(deadline_ns & below);
}

/* Links t where time will find it no earlier than tick `earliest`, which is w->tick while a cascade
 * precedes the firing of that tick, and w->tick + 1 otherwise. */
static void place(struct zl_timer_wheel *w, struct zl_timer *t, uint64_t earliest)
{
	uint64_t tick = tick_of(t->deadline_ns);
	unsigned level = 0;

	if (tick < earliest)
		tick = earliest;
	if (tick - w->tick > FARTHEST)
		tick = w->tick + FARTHEST;
	while ((tick - w->tick) >> (SLOT_BITS * (level + 1)))
		level++;

	unsigned slot = (tick >> (SLOT_BITS * level)) & SLOT_MASK;
	struct zl_timer **head = &w->slot[level][slot];

	t->next = *head;
	if (t->next)
		t->next->pprev = &t->next;
	t->pprev = head;
	*head = t;
	w->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void unlink_timer(struct zl_timer_wheel *w, struct zl_timer *t)
{
	uintptr_t first = (uintptr_t)&w->slot[0][0], at = (uintptr_t)t->pprev;

	*t->pprev = t->next;
	if (t->next) {
		t->next->pprev = t->pprev;
	} else if (at >= first && at < first + sizeof(w->slot) && !*t->pprev) {
		size_t slot = (at - first) / sizeof(w->slot[0][0]);
		uint64_t *word = &w->occupied[slot / ZL_TIMER_SLOTS][slot % ZL_TIMER_SLOTS / 64];

		*word &= ~(UINT64_C(1) << (slot % 64));
	}
	t->next = NULL;
	t->pprev = NULL;
}

void zl_timer_arm(struct zl_timer_wheel *w, struct zl_timer *t, uint64_t deadline_ns)
{
	zl_timer_disarm(w, t);
	t->deadline_ns = deadline_ns;
	place(w, t, w->tick + 1);
	w->armed++;
}

void zl_timer_disarm(struct zl_timer_wheel *w, struct zl_timer *t)
{
	if (!t->pprev)
		return;
	unlink_timer(w, t);
	w->armed--;
}

/* How many slots after `from` the next occupied one is, 1 to ZL_TIMER_SLOTS; 0: none is. */
static unsigned distance(const uint64_t *occupied, unsigned from)
{
	for (unsigned i = 0; i <= WORDS; i++) {
		unsigned start = (from + 1) & SLOT_MASK;
		unsigned word = (start / 64 + i) % WORDS;
		uint64_t bits = occupied[word];

		/* The first word is looked at twice: above the start, and at last below it. */
		if (i == 0)
			bits &= ~UINT64_C(0) << (start % 64);
		else if (i == WORDS)
			bits &= ~(~UINT64_C(0) << (start % 64));
		if (bits) {
			unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);

			return ((slot - start) & SLOT_MASK) + 1;
		}
	}
	return 0;
}

/* The next tick at which a slot must be fired or cascaded. */
static uint64_t next_tick(const struct zl_timer_wheel *w)
{
	uint64_t best = NEVER;

	for (unsigned level = 0; level < ZL_TIMER_LEVELS; level++) {
		uint64_t at = w->tick >> (SLOT_BITS * level);
		unsigned d = distance(w->occupied[level], at & SLOT_MASK);
		uint64_t tick = (at + d) << (SLOT_BITS * level);

		if (d && tick < best)
			best = tick;
	}
	return best;
}

/* Empties a slot; the list's head is the caller's, so that timers in it can still be disarmed. */
static void detach(struct zl_timer_wheel *w, unsigned level, unsigned slot, struct zl_timer **list)
{
	*list = w->slot[level][slot];
	if (*list)
		(*list)->pprev = list;
	w->slot[level][slot] = NULL;
	w->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/* Time has entered new slots of the upper levels: move their timers down, the uppermost first. */
static void cascade(struct zl_timer_wheel *w)
{
	for (unsigned level = ZL_TIMER_LEVELS - 1; level > 0; level--) {
		unsigned shift = SLOT_BITS * level;
		struct zl_timer *list;

		if (w->tick & ((UINT64_C(1) << shift) - 1))
			continue;
		detach(w, level, (w->tick >> shift) & SLOT_MASK, &list);
		while (list) {
			struct zl_timer *t = list;

			unlink_timer(w, t);
			place(w, t, w->tick);
		}
	}
}

static void fire(struct zl_timer_wheel *w, uint64_t now_ns)
{
	struct zl_timer *list;

	detach(w, 0, w->tick & SLOT_MASK, &list);
	while (list) {
		struct zl_timer *t = list;

		unlink_timer(w, t);
		w->armed--;
		t->fire(t, now_ns);
	}
}

void zl_timer_run(struct zl_timer_wheel *w, uint64_t now_ns)
{
	uint64_t target = now_ns >> ZL_TIMER_TICK_SHIFT;

	while (w->tick < target) {
		uint64_t tick = w->armed ? next_tick(w) : NEVER;

		if (tick > target) {
			w->tick = target;
			return;
		}
		w->tick = tick;
		cascade(w);
		fire(w, now_ns);
	}
}

uint64_t zl_timer_next(const struct zl_timer_wheel *w)
{
	uint64_t tick = w->armed ? next_tick(w) : NEVER;

	return tick > NEVER >> ZL_TIMER_TICK_SHIFT ? NEVER : tick << ZL_TIMER_TICK_SHIFT;
}
