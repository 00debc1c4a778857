/* Cycles by stage: which layer a core is in, and how long it stays there. The hooks stand where
 * layers meet, once a vector; while nobody counts each is one branch, which is always predicted.
 *
 * One core only. A stage's cycles are its own, without those of the stages that were entered from
 * within it; all stages together have exactly the cycles from zl_stages_on() to zl_stages_off().
 * `now` is the TSC everywhere. */
#ifndef ZL_DATAPLANE_STAGE_H
#define ZL_DATAPLANE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>

enum zl_stage {
#define X(name, text) ZL_STAGE_##name,
#include "dataplane/stages.def"
#undef X
	ZL_STAGES
};

struct zl_stages {
	bool on;
	enum zl_stage current;      /* `other` while off, and between turns */
	uint64_t since;             /* now, when `current` was entered */
	uint64_t turn[ZL_STAGES];   /* of the turn in progress: not yet known to be idle or not */
	uint64_t cycles[ZL_STAGES]; /* of the turns before; never goes back */
};

static inline void zl_stage_switch(struct zl_stages *s, enum zl_stage stage, uint64_t now)
{
	s->turn[s->current] += now - s->since;
	s->since = now;
	s->current = stage;
}

/* Returns the stage that this one interrupts, for zl_stage_leave(). */
static inline enum zl_stage zl_stage_enter(struct zl_stages *s, enum zl_stage stage)
{
	enum zl_stage previous = s->current;

	if (__builtin_expect(s->on, 0))
		zl_stage_switch(s, stage, rte_rdtsc());
	return previous;
}

static inline void zl_stage_leave(struct zl_stages *s, enum zl_stage previous)
{
	if (__builtin_expect(s->on, 0))
		zl_stage_switch(s, previous, rte_rdtsc());
}

/* The end of a turn: if nothing came, all of it was idle. */
static inline void zl_stages_turn(struct zl_stages *s, bool worked, uint64_t now)
{
	zl_stage_switch(s, ZL_STAGE_other, now);
	for (unsigned i = 0; i < ZL_STAGES; i++) {
		s->cycles[worked ? i : ZL_STAGE_idle] += s->turn[i];
		s->turn[i] = 0;
	}
}

static inline void zl_stages_on(struct zl_stages *s, uint64_t now)
{
	s->on = true;
	s->current = ZL_STAGE_other;
	s->since = now;
}

/* In the middle of a turn, too: it had something to do, then. */
static inline void zl_stages_off(struct zl_stages *s, uint64_t now)
{
	zl_stages_turn(s, true, now);
	s->on = false;
}

#endif
