/* Doorbells. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/ring/doorbell.h"

int zl_doorbell_open(struct zl_doorbell *b)
{
	b->asleep = 0;
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return b->fd < 0 ? -errno : 0;
}

void zl_doorbell_close(struct zl_doorbell *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

/* The flag must be seen before the reader's last look, and what was written before the flag is
 * read: both sides need a full barrier between their store and their load. */
void zl_doorbell_sleep(struct zl_doorbell *b)
{
	__atomic_store_n(&b->asleep, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void zl_doorbell_awake(struct zl_doorbell *b)
{
	uint64_t rings;

	__atomic_store_n(&b->asleep, 0, __ATOMIC_SEQ_CST);
	while (read(b->fd, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
}

void zl_doorbell_ring(struct zl_doorbell *b)
{
	uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&b->asleep, __ATOMIC_SEQ_CST))
		return;
	while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
