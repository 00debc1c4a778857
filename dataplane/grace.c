/* Quiescent states (grace.h), as RCU has them: who waits draws a number, and each core says, once
 * it is through with what it had begun, which number it has seen. */
#include "dataplane/grace.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_interrupts.h>

#include "control/ipc/ipc.h"

#define LOOK_US 20 /* between two looks at a core */

static uint32_t drawn; /* the last number */
static struct {
	uint32_t seen;
	bool in;
} __attribute__((aligned(64))) core_of[ZL_POLL_CORES_MAX]; /* each written by its core */

void zl_grace_enter(unsigned core)
{
	/* Before any look at a port: who does not see it in has marked the port down for it to see.
	 */
	__atomic_store_n(&core_of[core].in, true, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	zl_grace_pass(core);
}

void zl_grace_pass(unsigned core)
{
	uint32_t now = __atomic_load_n(&drawn, __ATOMIC_ACQUIRE);

	if (core_of[core].seen != now)
		__atomic_store_n(&core_of[core].seen, now, __ATOMIC_RELEASE);
}

void zl_grace_leave(unsigned core)
{
	__atomic_store_n(&core_of[core].in, false, __ATOMIC_RELEASE);
}

static bool through(unsigned core, uint32_t number)
{
	return !__atomic_load_n(&core_of[core].in, __ATOMIC_ACQUIRE) ||
	       (int32_t)(__atomic_load_n(&core_of[core].seen, __ATOMIC_ACQUIRE) - number) >= 0;
}

void zl_grace_wait(void)
{
	uint32_t number = __atomic_add_fetch(&drawn, 1, __ATOMIC_SEQ_CST);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned core = 0; core < ZL_POLL_CORES_MAX; core++)
		while (!through(core, number))
			rte_delay_us_sleep(LOOK_US);
}

/* Called by drivers instead of libc's. */
int munmap(void *at, size_t bytes)
{
	if (rte_thread_is_intr())
		zl_grace_wait();
	return (int)syscall(SYS_munmap, at, bytes);
}
