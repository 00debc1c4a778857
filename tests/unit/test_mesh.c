/* Lanes between cores: what is reserved can be pushed, everything comes in the order in which it
 * was pushed, and every block and reference is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "dataplane/ring/doorbell.h"
#include "dataplane/ring/mesh.h"
#include "tests/unit/eal.h"

#define BLOCKS 400
#define RING   (ZL_LANE_SLOTS - 1) /* an rte_ring keeps one slot free */
#define LONG   (2u * ZL_LANE_SLOTS)

static struct eal_pools pools;
static struct zl_doorbell bell;
static struct zl_lane lane;
static uint32_t pushed, pulled; /* parcels are numbered by `socket` */

static int open_lane(void **state)
{
	(void)state;
	eal_pools_create(&pools, 64, 1, BLOCKS);
	pushed = pulled = 0;
	if (zl_doorbell_open(&bell))
		return -1;
	return zl_lane_open(&lane, "test_lane", pools.blocks, &bell, SOCKET_ID_ANY);
}

static int close_lane(void **state)
{
	(void)state;
	zl_lane_close(&lane);
	zl_doorbell_close(&bell);
	assert_true(eal_pools_full(&pools));
	eal_pools_free(&pools);
	return 0;
}

static struct zl_parcel numbered(uint32_t n)
{
	return (struct zl_parcel){.socket = n, .kind = ZL_PARCEL_NEIGHBOR};
}

static void push(uint32_t n)
{
	struct zl_parcel v[64];

	while (n) {
		uint32_t run = RTE_MIN(n, RTE_DIM(v));

		for (uint32_t i = 0; i < run; i++)
			v[i] = numbered(pushed++);
		zl_lane_push(&lane, v, run);
		n -= run;
	}
}

/* All that the ring holds, at most n; it must be what comes next. */
static uint32_t pull(uint32_t n)
{
	struct zl_parcel p;
	uint32_t done = 0;

	while (done < n && zl_lane_pull(lane.ring, &p, 1)) {
		assert_int_equal(p.socket, pulled);
		pulled++;
		done++;
	}
	return done;
}

static void pull_all(void)
{
	while (pulled < pushed) {
		assert_true(pull(UINT32_MAX) > 0);
		zl_lane_flush(&lane);
	}
	assert_false(zl_lane_waiting(&lane));
}

static void test_what_is_pushed_comes_in_order(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 100; turn++) {
		assert_true(zl_lane_reserve(&lane, 1000));
		push(1000);
		zl_lane_flush(&lane);
		assert_int_equal(pull(UINT32_MAX), 1000);
	}
}

static void test_a_run_that_fits_the_ring_waits_for_it(void **state)
{
	(void)state;
	assert_true(zl_lane_reserve(&lane, RING));
	push(RING - 10);
	zl_lane_flush(&lane);
	assert_false(zl_lane_reserve(&lane, 11));
	assert_true(zl_lane_reserve(&lane, 10));
	assert_int_equal(pull(1), 1);
	assert_true(zl_lane_reserve(&lane, 11));
	pull_all();
}

static void test_a_message_longer_than_the_ring_goes_through_blocks(void **state)
{
	(void)state;
	assert_true(zl_lane_reserve(&lane, LONG));
	push(LONG);
	assert_true(zl_lane_waiting(&lane));
	pull_all();
	assert_int_equal(pulled, LONG);
}

static void test_nothing_passes_a_message_that_waits(void **state)
{
	struct zl_parcel frame = numbered(LONG);

	(void)state;
	assert_true(zl_lane_reserve(&lane, LONG));
	push(LONG);
	assert_int_equal(pull(100), 100); /* the ring has room, and still */
	assert_false(zl_lane_reserve(&lane, 1));
	assert_int_equal(zl_lane_offer(&lane, &frame, 1), 0);
	pull_all();
	assert_int_equal(zl_lane_offer(&lane, &frame, 1), 1);
	pushed++;
	pull_all();
}

static void test_frames_leave_reserved_slots_alone(void **state)
{
	struct zl_parcel v[64];

	(void)state;
	assert_true(zl_lane_reserve(&lane, RING - 3));
	for (uint32_t i = 0; i < RTE_DIM(v); i++)
		v[i] = numbered(i);
	assert_int_equal(zl_lane_offer(&lane, v, RTE_DIM(v)), 3);
	pushed = 3;
	push(RING - 3);
	assert_false(zl_lane_waiting(&lane));
	pull_all();
}

static void test_what_was_reserved_and_not_used_is_given_back(void **state)
{
	unsigned before = rte_mempool_avail_count(pools.blocks);

	(void)state;
	assert_true(zl_lane_reserve(&lane, LONG));
	assert_true(rte_mempool_avail_count(pools.blocks) < before);
	push(10);
	zl_lane_flush(&lane);
	assert_int_equal(rte_mempool_avail_count(pools.blocks), before);
	pull_all();
}

static void test_without_blocks_nothing_is_promised(void **state)
{
	void *taken[BLOCKS];
	unsigned n = eal_pool_drain(pools.blocks, taken, BLOCKS);

	(void)state;
	assert_false(zl_lane_reserve(&lane, LONG));
	assert_true(zl_lane_reserve(&lane, RING));
	push(RING);
	eal_pool_refill(pools.blocks, taken, n);
	pull_all();
}

static void test_a_broken_needs_no_reservation_and_stays_behind_its_message(void **state)
{
	struct zl_parcel broken = {.kind = ZL_PARCEL_BROKEN}, p;

	(void)state;
	assert_true(zl_lane_reserve(&lane, RING));
	push(RING);
	zl_lane_push(&lane, &broken, 1);
	assert_true(zl_lane_waiting(&lane));
	assert_int_equal(pull(UINT32_MAX), RING);
	zl_lane_flush(&lane);
	assert_int_equal(zl_lane_pull(lane.ring, &p, 1), 1);
	assert_int_equal(p.kind, ZL_PARCEL_BROKEN);
	assert_false(zl_lane_waiting(&lane));
}

static void test_closing_gives_references_back(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
	struct zl_parcel v = {.msg.buf = (struct zl_buf *)m, .kind = ZL_PARCEL_MSG};

	(void)state;
	assert_true(zl_lane_reserve(&lane, LONG));
	rte_mbuf_refcnt_set(m, (uint16_t)LONG);
	for (uint32_t i = 0; i < LONG; i++)
		zl_lane_push(&lane, &v, 1);
	v = (struct zl_parcel){.frame = rte_pktmbuf_alloc(pools.frames), .kind = ZL_PARCEL_RX};
	zl_lane_push(&lane, &v, 1); /* on the last block: the pools tell in close_lane() */
}

static bool rung(void)
{
	uint64_t rings;

	return eventfd_read(bell.fd, &rings) == 0;
}

static void test_a_reader_that_sleeps_is_woken_once_a_turn(void **state)
{
	(void)state;
	assert_true(zl_lane_reserve(&lane, 2));
	push(1);
	zl_lane_flush(&lane);
	assert_false(rung()); /* awake */
	zl_doorbell_sleep(&bell);
	zl_lane_flush(&lane);
	assert_false(rung()); /* nothing new */
	assert_true(zl_lane_reserve(&lane, 1));
	push(1);
	assert_false(rung());
	zl_lane_flush(&lane);
	assert_true(rung());
	zl_doorbell_awake(&bell);
	pull_all();
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_lane, close_lane)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_is_pushed_comes_in_order),
		T(test_a_run_that_fits_the_ring_waits_for_it),
		T(test_a_message_longer_than_the_ring_goes_through_blocks),
		T(test_nothing_passes_a_message_that_waits),
		T(test_frames_leave_reserved_slots_alone),
		T(test_what_was_reserved_and_not_used_is_given_back),
		T(test_without_blocks_nothing_is_promised),
		T(test_a_broken_needs_no_reservation_and_stays_behind_its_message),
		T(test_closing_gives_references_back),
		T(test_a_reader_that_sleeps_is_woken_once_a_turn),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
