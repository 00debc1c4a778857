/* Two stacks and their programs, for cmocka. */
#include "tests/sim/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/pool.h"
#include "tests/unit/eal.h"

#define BUFFERS     8192
#define PORT_BASE   5000
#define QUEUE_BYTES (4u << 20)

static bool accept_stream(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	struct pair *p = ctx;

	endpoint_accept(&p->server[cookie], s);
	return true;
}

void pair_create(struct pair *p, uint64_t seed, const struct link_params *link,
		 const struct zl_tcp_config *tcp)
{
	struct world_config c = {.seed = seed, .epoch_ns = PAIR_SEC, .turn_ns = 1000};

	eal_start(256);
	memset(p, 0, sizeof(*p));
	p->world = world_create(&c);
	for (unsigned i = 0; i < 2; i++) {
		struct world_stack s = {
			.mtu = 1500, .tcp = *tcp, .accept = accept_stream, .ctx = p};

		s.frames = p->pools[i].frames = sim_pool_mbufs(BUFFERS, RTE_MBUF_DEFAULT_BUF_SIZE);
		s.indirect = p->pools[i].indirect = sim_pool_mbufs(BUFFERS, 0);
		s.blocks = p->pools[i].blocks = sim_pool_objects(BUFFERS / 4, ZL_SLICE_BLOCK_SIZE);
		p->pools[i].payload = sim_pool_mbufs(BUFFERS, RTE_MBUF_DEFAULT_BUF_SIZE);
		world_add(p->world, &s);
	}
	world_link(p->world, 0, 1, link);
	world_link(p->world, 1, 0, link);
}

static void endpoint_init(struct pair *p, struct endpoint *e, unsigned stack, unsigned conn)
{
	e->world = p->world;
	e->stack = stack;
	e->payload = p->pools[stack].payload;
	e->plan = (struct endpoint_plan){.write_min = 16384,
					 .write_max = 16384,
					 .queue_bytes = QUEUE_BYTES,
					 .end = stack ? END_AFTER_PEER : END_WHEN_SENT};
	e->key = sim_mix(conn * 2 + stack);
	e->peer_key = sim_mix(conn * 2 + !stack);
	sim_random_seed(&e->random, e->key);
	e->remote = (struct zl_endpoint_addr){world_ip(1), (uint16_t)(PORT_BASE + conn)};
}

unsigned pair_connect(struct pair *p, uint64_t start_ns, uint64_t bytes)
{
	unsigned i = p->conns++;

	endpoint_init(p, &p->client[i], 0, i);
	endpoint_init(p, &p->server[i], 1, i);
	p->client[i].plan.bytes = bytes;
	p->server[i].peer_bytes = bytes;
	assert_int_equal(zl_tcp_listen(world_net(p->world, 1), 0, (uint16_t)(PORT_BASE + i), i), 0);
	world_call(p->world, 0, start_ns, endpoint_connect, &p->client[i]);
	return i;
}

static bool over(const struct endpoint *e)
{
	return e->closed || e->aborted || e->fault[0];
}

static bool all_over(const struct pair *p)
{
	for (unsigned i = 0; i < p->conns; i++)
		if (!over(&p->client[i]) || !over(&p->server[i]))
			return false;
	return true;
}

void pair_run(struct pair *p, uint64_t until_ns)
{
	while (!all_over(p) && world_step(p->world, until_ns))
		continue;
}

void pair_destroy(struct pair *p)
{
	for (unsigned i = 0; i < p->conns; i++) {
		assert_string_equal(p->client[i].fault, "");
		assert_string_equal(p->server[i].fault, "");
	}
	if (world_fault(p->world))
		fail_msg("%s", world_fault(p->world));
	world_destroy(p->world);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sim_pool_missing(p->pools[i].frames), 0);
		assert_int_equal(sim_pool_missing(p->pools[i].indirect), 0);
		assert_int_equal(sim_pool_missing(p->pools[i].blocks), 0);
		assert_int_equal(sim_pool_missing(p->pools[i].payload), 0);
		sim_pool_free(p->pools[i].frames);
		sim_pool_free(p->pools[i].indirect);
		sim_pool_free(p->pools[i].blocks);
		sim_pool_free(p->pools[i].payload);
	}
}
