/* Endpoints of two lines, "epgm://A|B": what one has lost the other brings, and what goes out goes
 * out on both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/group.h"
#include "tests/interop/line_b.h"
#include "tests/interop/peer.h"

#define IP_A     "239.192.7.1"
#define IP_B     "239.192.7.2"
#define PORT     7500
#define HERE     "epgm://eth0;" IP_A ":7500|eth0;" IP_B ":7500"
#define FROM(ip) "epgm://" LAB_PEER_IP ";" ip ":7500"
#define FAST     "rate: 50000, recovery_ivl: 5s"
#define MESSAGES 20000

static const struct peer_multicast fast = {.rate_kbits = 50000, .recovery_ms = 5000};
/* What a busy machine's stall of a tenth of a second leaves room for in the port's ring, from which
 * both lines would lose the same packets. */
static const struct peer_multicast slow = {.rate_kbits = 20000, .recovery_ms = 5000};

static uint64_t counted(struct appliance *a, const char *name)
{
	uint64_t n = appliance_counter(a, name);

	printf("%s: %llu\n", name, (unsigned long long)n);
	return n;
}

static struct appliance *bridge(const char *frontend, const char *backend, const char *impair)
{
	peer_multicast(&fast);
	return appliance_start(&(struct appliance_config){
		.frontend = frontend, .backend = backend, .impair = impair});
}

static struct peer *begin_line_b(struct appliance *a)
{
	static const struct line_b plan = {IP_A, IP_B, PORT};
	struct peer *p = peer_start(&a->net, "line B", line_b_run, &plan);

	peer_hear(p, "ready");
	return p;
}

static void end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

/* The only source that is heard. */
static uint64_t of_source(struct appliance *a, const char *what)
{
	json_t *list = appliance_ask(a, "sources"), *row = json_array_get(list, 0);
	uint64_t n = (uint64_t)json_integer_value(json_object_get(row, what));

	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(row, "source")), LAB_PEER_IP);
	assert_string_equal(json_string_value(json_object_get(row, "socket")), "feed.frontend");
	assert_true(json_is_integer(json_object_get(row, what)));
	json_decref(list);
	printf("%s of the source: %llu\n", what, (unsigned long long)n);
	return n;
}

#define LOSES_5_PERCENT "rx: {loss: 5%, seed: 1}"

static void test_what_one_line_loses_the_other_brings(void **state)
{
	struct flow flow = group_mixed(lab_scaled(MESSAGES));
	struct appliance *a = bridge("connect: [\"" HERE "\"], hwm: 0, options: {" FAST "}", NULL,
				     LOSES_5_PERCENT);
	struct peer *line_b = begin_line_b(a);
	uint64_t missed;

	(void)state;
	group_carry(a, &flow, FROM(IP_A), (const char *const[]){BACKEND, BACKEND}, 0);
	end(line_b);
	missed = counted(a, "pgm.rcv_line_a_missed") + counted(a, "pgm.rcv_line_b_missed");
	assert_true(counted(a, "pgm.rcv_line_a_first") > 0);
	assert_true(counted(a, "pgm.rcv_line_b_first") > 0);
	assert_true(missed > 0);
	/* One in twenty of what a line lost the other lost too, and was asked for. */
	assert_true(counted(a, "pgm.rcv_nak_sqns") < missed / 2);
	assert_int_equal(counted(a, "pgm.rcv_lost"), 0);
	assert_int_equal(of_source(a, "lost"), 0);
	assert_int_equal(of_source(a, "missing"), 0);
	assert_int_equal(of_source(a, "line_a_missed") + of_source(a, "line_b_missed"), missed);
	assert_true(of_source(a, "late") > 0);
	assert_true(of_source(a, "gaps") > 0);
	assert_true(of_source(a, "gap_max_us") >= of_source(a, "gap_mean_us"));
	appliance_stop(a);
}

static uint64_t packets_of_source(struct appliance *a)
{
	return counted(a, "pgm.src_odata") + counted(a, "pgm.src_rdata") +
	       counted(a, "pgm.src_spms") + counted(a, "pgm.src_ncfs");
}

/* The kernel shows what comes for one group to sockets of the other, too. */
static void test_what_goes_out_goes_out_on_both(void **state)
{
	struct flow flow = group_mixed(lab_scaled(MESSAGES));
	struct appliance *a = bridge(NULL, "bind: [\"" HERE "\"], hwm: 0, options: {" FAST "}",
				     NULL);
	uint64_t before, datagrams;

	(void)state;
	group_carry(a, &flow, FRONTEND, (const char *const[]){FROM(IP_A), FROM(IP_B)}, 0);
	before = packets_of_source(a);
	datagrams = counted(a, "net.udp_tx_datagrams");
	assert_in_range(datagrams, 2 * before, 2 * packets_of_source(a)); /* SPMs go on */
	assert_int_equal(counted(a, "pgm.src_drop_group"), 0);
	appliance_stop(a);
}

/* --- numbers, of which some are lost --- */

#define NUMBERS   10000
#define NUMBER    1000 /* bytes of each, so that a packet has one or two */
#define LAST_ONES 200  /* "end", so often that one comes */

static void count_up(struct peer *self, const void *plan)
{
	void *pub = peer_open(self, ZMQ_PUB, FROM(IP_A), false);
	static char number[NUMBER];

	(void)plan;
	peer_say(self, "ready", 0, 0);
	while (!peer_is_told(self)) {
		zmq_send(pub, "warm", 4, 0);
		zmq_poll(NULL, 0, 1);
	}
	peer_listen(self, "go");
	for (uint64_t i = 0; i < NUMBERS; i++) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)i);
		if (zmq_send(pub, number, sizeof(number), 0) < 0)
			peer_fail(self, "send: %s", zmq_strerror(zmq_errno()));
	}
	for (unsigned i = 0; i < LAST_ONES; i++) {
		zmq_send(pub, "end", 4, 0);
		zmq_poll(NULL, 0, 1);
	}
	peer_say(self, "sent", NUMBERS, 0);
	peer_listen(self, "end");
}

/* Says how many it has received: in order, whole, and none twice. */
static void check_off(struct peer *self, const void *plan)
{
	void *sub = peer_open(self, ZMQ_SUB, BACKEND, false);
	static char number[NUMBER];
	uint64_t next = 0, received = 0;
	bool warm = false;

	(void)plan;
	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
	for (;;) {
		int n = zmq_recv(sub, number, sizeof(number), 0);
		uint64_t i;

		if (n < 0)
			peer_fail(self, "after %llu: %s", (unsigned long long)received,
				  zmq_strerror(zmq_errno()));
		if (n == 4 && strcmp(number, "end") == 0)
			break;
		if (n == 4 && !warm)
			peer_say(self, "warm", 0, 0);
		if (n == 4) {
			warm = true;
			continue;
		}
		i = strtoull(number, NULL, 10);
		if (n != NUMBER || i < next)
			peer_fail(self, "%llu came after %llu", (unsigned long long)i,
				  (unsigned long long)next);
		next = i + 1;
		received++;
	}
	peer_say(self, "received", received, 0);
	peer_listen(self, "end");
}

static void test_who_asks_nobody_loses_what_both_lines_lose(void **state)
{
	struct appliance *a = bridge("connect: [\"" HERE "\"], hwm: 0, options: {" FAST
				     ", pgm_naks: no, pgm_nak_ivl: 2s}",
				     NULL, LOSES_5_PERCENT);
	struct peer *line_b = begin_line_b(a), *sub, *pub;
	uint64_t sent, received, lost, missed_a, missed_b, all;

	(void)state;
	peer_multicast(&slow);
	sub = peer_start(&a->net, "subscriber", check_off, NULL);
	pub = peer_start(&a->net, "publisher", count_up, NULL);
	peer_hear(pub, "ready");
	peer_hear(sub, "warm");
	peer_tell(pub, "go", 0);
	sent = peer_hear(pub, "sent")->n;
	received = peer_hear(sub, "received")->n;
	lost = counted(a, "pgm.rcv_lost");
	missed_a = counted(a, "pgm.rcv_line_a_missed");
	missed_b = counted(a, "pgm.rcv_line_b_missed");
	all = counted(a, "pgm.rcv_line_a") + missed_a;
	printf("%llu of %llu messages came\n", (unsigned long long)received,
	       (unsigned long long)sent);
	assert_int_equal(counted(a, "pgm.rcv_lost_passed"), lost);
	assert_int_equal(counted(a, "pgm.rcv_naks"), 0);
	assert_int_equal(counted(a, "pgm.rcv_spmrs"), 0);
	/* 5 % each, and 5 % of 5 %: of some 7,000 packets. */
	assert_in_range(missed_a, all * 3 / 100, all * 7 / 100);
	assert_in_range(missed_b, all * 3 / 100, all * 7 / 100);
	assert_in_range(lost, 1, all / 100);
	assert_int_equal(of_source(a, "lost"), lost);
	/* A packet has parts of three messages at most. */
	assert_in_range(sent - received, 1, 3 * lost);
	end(sub);
	end(pub);
	end(line_b);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_one_line_loses_the_other_brings),
		LAB_TEST(test_what_goes_out_goes_out_on_both),
		LAB_TEST(test_who_asks_nobody_loses_what_both_lines_lose),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
