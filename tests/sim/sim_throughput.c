/* Congestion control, by what it achieves in virtual time: a clean link is filled, random loss
 * costs what theory says and no more, and two flows share. The bounds are wide; a stack that misses
 * one has an error, not bad luck, and the seeds make every run the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/pair.h"

#define MSS      1448 /* 1500 less 40 of headers and 12 of timestamps */
#define ON_WIRE  1538 /* the frame, its preamble, check sequence and gap */
#define GIGABIT  UINT64_C(1000000000)
#define RTT_NS   (10 * PAIR_MS)
#define PIPE     1250000 /* bytes in flight at 1 Gbit/s and 10 ms */
#define START_NS (2 * PAIR_SEC)

static void create(struct pair *p, const struct link_params *link)
{
	struct zl_tcp_config tcp;

	zl_tcp_config_default(&tcp);
	tcp.rcvbuf = 4 << 20;
	pair_create(p, 42, link, &tcp);
}

/* Payload bits a second that reached the server between two moments. */
static double rate_between(struct pair *p, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t before;

	pair_run(p, from_ns);
	before = p->server[0].received;
	pair_run(p, to_ns);
	return (double)(p->server[0].received - before) * 8e9 / (double)(to_ns - from_ns);
}

static void test_a_clean_gigabit_link_is_filled_after_slow_start(void **state)
{
	struct link_params link = {
		.delay_ns = RTT_NS / 2, .rate_bps = GIGABIT, .queue_bytes = PIPE};
	struct pair p;
	double rate;

	(void)state;
	create(&p, &link);
	pair_connect(&p, START_NS, UINT64_C(400000000));
	/* Slow start doubles each RTT: 10 segments to 860 take 7 of them. */
	rate = rate_between(&p, START_NS + 500 * PAIR_MS, START_NS + 2500 * PAIR_MS);
	print_message("clean 1 Gbit/s, 10 ms: %.0f Mbit/s\n", rate / 1e6);
	assert_true(rate >= 0.8 * GIGABIT * MSS / ON_WIRE);
	pair_destroy(&p);
}

static void test_slow_start_fills_the_pipe_within_a_dozen_round_trips(void **state)
{
	struct link_params link = {
		.delay_ns = RTT_NS / 2, .rate_bps = GIGABIT, .queue_bytes = 4 * PIPE};
	struct pair p;

	(void)state;
	create(&p, &link);
	pair_connect(&p, START_NS, UINT64_C(400000000));
	pair_run(&p, START_NS + 12 * RTT_NS);
	print_message("in the first 12 RTTs: %lu bytes\n", p.server[0].received);
	/* 10 + 20 + ... + 640 segments in 7 RTTs after the handshake, then the full rate. */
	assert_true(p.server[0].received > 2 * PIPE);
	pair_destroy(&p);
}

/* Mathis et al. 1997: NewReno under random loss p carries C x MSS / (RTT x sqrt(p)), C = sqrt(3/2)
 * with every segment acknowledged, sqrt(3/4) with delayed ACKs. The floor is a third of the latter:
 * NewReno without SACK pays for time-outs and for one RTT a hole, which the formula leaves out. */
static double mathis(double loss)
{
	return sqrt(0.75) * MSS * 8 / (RTT_NS / 1e9 * sqrt(loss));
}

static void loss_costs_no_more_than_theory(uint32_t ppm)
{
	struct link_params link = {
		.delay_ns = RTT_NS / 2, .rate_bps = GIGABIT, .queue_bytes = PIPE, .loss_ppm = ppm};
	struct pair p;
	double rate, theory = mathis(ppm / 1e6);

	create(&p, &link);
	pair_connect(&p, START_NS, UINT64_C(400000000));
	rate = rate_between(&p, START_NS + PAIR_SEC, START_NS + 31 * PAIR_SEC);
	print_message("loss %.2f%%: %.2f Mbit/s, theory %.2f\n", ppm / 1e4, rate / 1e6,
		      theory / 1e6);
	assert_true(rate >= theory / 3);
	/* And no more than it may: twice the theory for acknowledging each segment. */
	assert_true(rate <= 2 * sqrt(2) * theory);
	pair_destroy(&p);
}

static void test_one_percent_loss_costs_no_more_than_theory(void **state)
{
	(void)state;
	loss_costs_no_more_than_theory(10000);
}

static void test_a_tenth_of_a_percent_loss_costs_no_more_than_theory(void **state)
{
	(void)state;
	loss_costs_no_more_than_theory(1000);
}

static void test_two_flows_share_a_bottleneck_roughly(void **state)
{
	struct link_params link = {
		.delay_ns = RTT_NS / 2, .rate_bps = 50000000, .queue_bytes = 62500};
	struct pair p;
	uint64_t before[2], got[2];
	double jain;

	(void)state;
	create(&p, &link);
	pair_connect(&p, START_NS, UINT64_C(400000000));
	pair_connect(&p, START_NS + PAIR_SEC, UINT64_C(400000000));
	pair_run(&p, START_NS + 5 * PAIR_SEC);
	for (unsigned i = 0; i < 2; i++)
		before[i] = p.server[i].received;
	pair_run(&p, START_NS + 35 * PAIR_SEC);
	for (unsigned i = 0; i < 2; i++)
		got[i] = p.server[i].received - before[i];
	/* Jain's index: 1 is equal, 1/2 is one of them starved; 0.8 is three to one. */
	jain = (double)(got[0] + got[1]) * (double)(got[0] + got[1]) /
	       (2 * ((double)got[0] * (double)got[0] + (double)got[1] * (double)got[1]));
	print_message("two flows: %lu and %lu bytes, Jain %.3f\n", got[0], got[1], jain);
	assert_true(jain >= 0.8);
	assert_true((double)(got[0] + got[1]) >= 0.8 * 30 * 50e6 / 8 * MSS / ON_WIRE);
	pair_destroy(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clean_gigabit_link_is_filled_after_slow_start),
		cmocka_unit_test(test_slow_start_fills_the_pipe_within_a_dozen_round_trips),
		cmocka_unit_test(test_one_percent_loss_costs_no_more_than_theory),
		cmocka_unit_test(test_a_tenth_of_a_percent_loss_costs_no_more_than_theory),
		cmocka_unit_test(test_two_flows_share_a_bottleneck_roughly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
