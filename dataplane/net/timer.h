/* A hierarchical timer wheel, one per core. Arm, re-arm and disarm are O(1) and never allocate: the
 * timer is embedded in what it times. Ticks of 2^16 ns; a timer fires at or after its deadline,
 * never before, and at most once an arming. One core only; now_ns is any monotonic clock. */
#ifndef ZL_NET_TIMER_H
#define ZL_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct zl_timer {
	struct zl_timer *next, **pprev; /* pprev NULL: not armed */
	uint64_t deadline_ns;
	void (*fire)(struct zl_timer *t,
		     uint64_t now_ns); /* may re-arm, disarm or free any timer */
};

#define ZL_TIMER_TICK_SHIFT 16
#define ZL_TIMER_LEVELS     4
#define ZL_TIMER_SLOTS      256

struct zl_timer_wheel {
	uint64_t tick; /* last tick processed */
	uint32_t armed;
	uint64_t occupied[ZL_TIMER_LEVELS][ZL_TIMER_SLOTS / 64];
	struct zl_timer *slot[ZL_TIMER_LEVELS][ZL_TIMER_SLOTS];
};

void zl_timer_wheel_init(struct zl_timer_wheel *w, uint64_t now_ns);
void zl_timer_init(struct zl_timer *t, void (*fire)(struct zl_timer *t, uint64_t now_ns));
void zl_timer_arm(struct zl_timer_wheel *w, struct zl_timer *t, uint64_t deadline_ns);
void zl_timer_disarm(struct zl_timer_wheel *w, struct zl_timer *t);
static inline bool zl_timer_armed(const struct zl_timer *t)
{
	return t->pprev != 0;
}
/* Fires what is due. */
void zl_timer_run(struct zl_timer_wheel *w, uint64_t now_ns);
/* When zl_timer_run next has something to do: the tick in which the next timer fires, or earlier if
 * that one is far off (it moves down a level then); UINT64_MAX if none is armed. */
uint64_t zl_timer_next(const struct zl_timer_wheel *w);

#endif
