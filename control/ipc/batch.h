/* How the two sides of the ipc are scheduled. */
#ifndef ZL_IPC_BATCH_H
#define ZL_IPC_BATCH_H

#include <sched.h>

/* The calling thread decides, and carries no messages: where it shares a CPU with what does, it
 * takes nobody's turn when it is woken (sched(7), SCHED_BATCH), and finds more to do at once. Where
 * it has a CPU of its own nothing changes. A kernel that refuses is none the worse. */
static inline void zl_sched_batch(void)
{
	const struct sched_param none = {0};

	sched_setscheduler(0, SCHED_BATCH, &none);
}

#endif
