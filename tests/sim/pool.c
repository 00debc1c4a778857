/* A mempool handler of our own: an array used as a stack, with free objects poisoned. */
#include "tests/sim/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>

#ifdef __SANITIZE_ADDRESS__
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif

#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#define __asan_address_is_poisoned(addr)        ((void)(addr), 0)
#endif

struct stack {
	bool live; /* created: from here on free objects are poisoned */
	unsigned n;
	void *object[];
};

static int stack_alloc(struct rte_mempool *mp)
{
	struct stack *s = calloc(1, sizeof(*s) + mp->size * sizeof(void *));

	mp->pool_data = s;
	return s ? 0 : -ENOMEM;
}

static void stack_free(struct rte_mempool *mp)
{
	free(mp->pool_data);
}

static int stack_enqueue(struct rte_mempool *mp, void *const *objects, unsigned n)
{
	struct stack *s = mp->pool_data;

	if (s->n + n > mp->size) {
		fprintf(stderr, "pool %s: given back more than it has\n", mp->name);
		abort();
	}
	for (unsigned i = 0; i < n; i++) {
		if (__asan_address_is_poisoned(objects[i])) {
			fprintf(stderr, "pool %s: object %p freed twice\n", mp->name, objects[i]);
			abort();
		}
		s->object[s->n++] = objects[i];
		if (s->live)
			ASAN_POISON_MEMORY_REGION(objects[i], mp->elt_size);
	}
	return 0;
}

static int stack_dequeue(struct rte_mempool *mp, void **objects, unsigned n)
{
	struct stack *s = mp->pool_data;

	if (n > s->n)
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++) {
		objects[i] = s->object[--s->n];
		ASAN_UNPOISON_MEMORY_REGION(objects[i], mp->elt_size);
	}
	return 0;
}

static unsigned stack_count(const struct rte_mempool *mp)
{
	const struct stack *s = mp->pool_data;

	return s->n;
}

static const struct rte_mempool_ops stack_ops = {
	.name = "sim_stack",
	.alloc = stack_alloc,
	.free = stack_free,
	.enqueue = stack_enqueue,
	.dequeue = stack_dequeue,
	.get_count = stack_count,
};
RTE_MEMPOOL_REGISTER_OPS(stack_ops)

static struct rte_mempool *ready(struct rte_mempool *mp, unsigned n, unsigned size)
{
	struct stack *s;

	if (!mp) {
		fprintf(stderr, "no pool of %u objects of %u bytes: %s\n", n, size,
			rte_strerror(rte_errno));
		exit(1);
	}
	s = mp->pool_data;
	s->live = true;
	for (unsigned i = 0; i < s->n; i++)
		ASAN_POISON_MEMORY_REGION(s->object[i], mp->elt_size);
	return mp;
}

static const char *next_name(char name[RTE_MEMPOOL_NAMESIZE])
{
	static unsigned serial;

	snprintf(name, RTE_MEMPOOL_NAMESIZE, "sim%u", serial++);
	return name;
}

struct rte_mempool *sim_pool_mbufs(unsigned n, unsigned room)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	return ready(rte_pktmbuf_pool_create_by_ops(next_name(name), n, 0, 0, room, SOCKET_ID_ANY,
						    "sim_stack"),
		     n, room);
}

struct rte_mempool *sim_pool_objects(unsigned n, unsigned size)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *mp = rte_mempool_create_empty(next_name(name), n, size, 0, 0,
							  SOCKET_ID_ANY, 0);

	if (mp && (rte_mempool_set_ops_byname(mp, "sim_stack", NULL) ||
		   rte_mempool_populate_default(mp) < 0)) {
		rte_mempool_free(mp);
		mp = NULL;
	}
	return ready(mp, n, size);
}

unsigned sim_pool_missing(const struct rte_mempool *pool)
{
	return pool->size - stack_count(pool);
}

static void unpoison(struct rte_mempool *mp, void *opaque, void *object, unsigned index)
{
	(void)opaque;
	(void)index;
	ASAN_UNPOISON_MEMORY_REGION(object, mp->elt_size);
}

void sim_pool_free(struct rte_mempool *pool)
{
	rte_mempool_obj_iter(pool, unpoison, NULL);
	rte_mempool_free(pool);
}
