/* Patterns in which messages are dealt out and none is dropped, one row a pair of sockets, over
 * each transport, whoever connects: PUSH and PULL, DEALER and DEALER, PAIR and PAIR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/line.h"

#define MESSAGES 100000
#define PEERS    3

static const struct row {
	const char *name, *kind;
	const char *types[2]; /* the appliance's */
	int push, pull;       /* the peers' */
	bool up;
	unsigned peers;
} rows[] = {
	/* the name begins with what the program's first argument picks */
	{"PUSH to PULL", "streamer", {NULL, NULL}, ZMQ_PUSH, ZMQ_PULL, false, PEERS},
	{"DEALER to DEALER", "bridge", {"DEALER", "DEALER"}, ZMQ_DEALER, ZMQ_DEALER, false, PEERS},
	{"DEALER from DEALER", "bridge", {"DEALER", "DEALER"}, ZMQ_DEALER, ZMQ_DEALER, true, PEERS},
	{"PAIR to PAIR", "bridge", {"PAIR", "PAIR"}, ZMQ_PAIR, ZMQ_PAIR, false, 1},
	{"PAIR from PAIR", "bridge", {"PAIR", "PAIR"}, ZMQ_PAIR, ZMQ_PAIR, true, 1},
};

static void open_line(struct line *l, const struct row *r, const char *more, struct pusher push,
		      struct puller pull)
{
	printf("%s over %s, %s\n", r->name, l->transport->name,
	       l->connects ? "the appliance connects" : "peers connect");
	l->up = r->up;
	l->peers = r->peers;
	line_start(l, r->kind, r->types, more);
	push.type = r->push;
	pull.type = r->pull;
	for (unsigned i = 0; i < r->peers; i++) {
		line_puller(l, i, pull);
		line_pusher(l, i, push);
	}
}

/* All of it arrives, of each sender in order, and each receiver has its share. */
static void exactly_and_evenly(struct line *l, const struct row *r)
{
	uint64_t share[PEERS], each = lab_scaled(MESSAGES) / r->peers + 1;

	open_line(l, r, "hwm: 0", (struct pusher){.messages = each, .bytes = 40, .parts = 4},
		  (struct puller){0});
	line_go(l);
	line_arrives(l, share);
	for (unsigned i = 0; i < r->peers; i++)
		assert_int_equal(share[i], each);
	line_end(l);
}

static bool is_held_back(json_t *stats, const void *context)
{
	(void)stats;
	return appliance_counter((struct appliance *)(uintptr_t)context, "router.stalls_send") > 0;
}

/* Whoever is killed is replaced. Then nobody reads, until the senders are held back; of what is
 * taken first each sender has had its turn, and at last nothing is missing. None sends on before
 * all have begun: the first alone could fill all that is behind the appliance. */
static void killed_filled_and_released(struct line *l, const struct row *r)
{
	/* Begun: more than a sender's own HWM of 100, so that what is beyond is on its way. */
	const uint64_t each = 4000, take = 1000, begun = 150, hwm = 100;
	struct pulled had;

	open_line(
		l, r, "hwm: 100, sndbuf: 16KiB",
		(struct pusher){
			.messages = each, .bytes = 1024, .parts = 2, .small = true, .begun = begun},
		(struct puller){.small = true, .waits = true});
	line_replace_puller(l, r->peers - 1);
	line_replace_pusher(l, 0);
	line_go(l);
	for (unsigned i = 0; i < r->peers; i++)
		peer_hear(l->pusher[i], "begun");
	for (unsigned i = 0; i < r->peers; i++)
		peer_tell(l->pusher[i], "on", 0);
	appliance_await(l->appliance, "stats", is_held_back, l->appliance,
			"the senders are held back");
	assert_int_equal(pull_sum(l->puller, r->peers, 0).n, 0);
	had = pull_sum(l->puller, r->peers, take);
	assert_int_equal(had.n, take * r->peers);
	for (unsigned i = 0; i < r->peers; i++)
		assert_true(had.of[i] >= begun - hwm);
	for (unsigned i = 0; i < r->peers; i++)
		peer_tell(l->puller[i], "read", 0);
	line_arrives(l, NULL);
	line_end(l);
}

static void each_row(bool connects, void (*claim)(struct line *l, const struct row *r))
{
	for (unsigned t = 0; t < n_transports; t++)
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct line l = {.transport = &transports[t], .connects = connects};

			if (transport_picks(l.transport, rows[i].name))
				claim(&l, &rows[i]);
		}
}

static void test_peers_that_connect_get_all_in_even_shares(void **state)
{
	(void)state;
	each_row(false, exactly_and_evenly);
}

static void test_peers_that_bind_get_all_in_even_shares(void **state)
{
	(void)state;
	each_row(true, exactly_and_evenly);
}

static void test_peers_that_connect_are_replaced_and_hold_their_senders_back(void **state)
{
	(void)state;
	each_row(false, killed_filled_and_released);
}

static void test_peers_that_bind_are_replaced_and_hold_their_senders_back(void **state)
{
	(void)state;
	each_row(true, killed_filled_and_released);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_peers_that_connect_get_all_in_even_shares),
		LAB_TEST(test_peers_that_bind_get_all_in_even_shares),
		LAB_TEST(test_peers_that_connect_are_replaced_and_hold_their_senders_back),
		LAB_TEST(test_peers_that_bind_are_replaced_and_hold_their_senders_back),
	};
	int status = lab_begin();

	transport_pick(argc, argv);
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
