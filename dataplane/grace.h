/* Memory that a driver takes away while cores poll. net_memif (DPDK 22.11) marks its port down and
 * unmaps its rings at once, on EAL's interrupt thread, as soon as its peer is gone: a core that is
 * in the middle of them then ends the process. That thread waits here, before it unmaps anything,
 * until each core that polls has been out of its ports since. Header of grace.c. */
#ifndef ZL_DATAPLANE_GRACE_H
#define ZL_DATAPLANE_GRACE_H

/* Each on its own core, below ZL_POLL_CORES_MAX, and outside of its ports. It polls from here on;
 * it is through with what it had begun (each turn); it will not touch a port until it enters again.
 */
void zl_grace_enter(unsigned core);
void zl_grace_pass(unsigned core);
void zl_grace_leave(unsigned core);

/* Any other thread: returns once each core has passed, or is not in. */
void zl_grace_wait(void);

#endif
