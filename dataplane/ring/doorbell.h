/* How a core is woken that sleeps: an eventfd, rung only while the reader says that it sleeps. */
#ifndef ZL_RING_DOORBELL_H
#define ZL_RING_DOORBELL_H

#include <stdint.h>

struct zl_doorbell {
	int fd;
	uint32_t asleep; /* atomic: about to sleep, or sleeping */
};

int zl_doorbell_open(struct zl_doorbell *b);
void zl_doorbell_close(struct zl_doorbell *b);
/* The reader: before its last look at its rings, and after waking. */
void zl_doorbell_sleep(struct zl_doorbell *b);
void zl_doorbell_awake(struct zl_doorbell *b);
/* A writer, after it has written: a system call only if the reader sleeps. */
void zl_doorbell_ring(struct zl_doorbell *b);

#endif
