/* pgm:// and epgm:// with Debian's libzmq (OpenPGM) as source and as receiver: between a group and
 * TCP, both ways, plain and with loss; who comes late, who comes again, and what is too late. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/group.h"
#include "tests/interop/remote.h"

#define GROUP      "239.192.7.1:7500"
#define FROM(s)    s "://" LAB_PEER_IP ";" GROUP /* of libzmq's side */
#define HERE(s)    s "://eth0;" GROUP            /* of ours */
#define RATE_KBITS 100000
#define FAST       "options: {rate: 100000, recovery_ivl: 5s}"

static const struct peer_multicast fast = {.rate_kbits = RATE_KBITS, .recovery_ms = 5000};

static struct appliance *bridge(const char *frontend, const char *backend, const char *impair)
{
	peer_multicast(&fast);
	return appliance_start(&(struct appliance_config){
		.frontend = frontend, .backend = backend, .impair = impair});
}

static void carry(struct appliance *a, const struct flow *flow, const char *from, const char *to,
		  unsigned spms)
{
	group_carry(a, flow, from, (const char *const[]){to, to}, spms);
	appliance_stop(a);
}

#define MESSAGES 100000

static void from_group(const char *endpoint, const char *from, const char *impair,
		       uint64_t messages)
{
	char frontend[160];
	struct flow flow = group_mixed(messages);

	snprintf(frontend, sizeof(frontend), "connect: [\"%s\"], hwm: 0, " FAST, endpoint);
	carry(bridge(frontend, NULL, impair), &flow, from, BACKEND, 0);
}

static void to_group(const char *endpoint, const char *to, const char *impair, uint64_t messages)
{
	char backend[160];
	struct flow flow = group_mixed(messages);

	snprintf(backend, sizeof(backend), "bind: [\"%s\"], hwm: 0, " FAST, endpoint);
	/* OpenPGM asks for no repairs before it has an SPM: of three it gets one. */
	carry(bridge(NULL, backend, impair), &flow, FRONTEND, to, impair ? 3 : 0);
}

static void test_epgm_is_received(void **state)
{
	(void)state;
	from_group(HERE("epgm"), FROM("epgm"), NULL, lab_scaled(MESSAGES));
}

static void test_epgm_is_sent(void **state)
{
	(void)state;
	to_group(HERE("epgm"), FROM("epgm"), NULL, lab_scaled(MESSAGES));
}

static void test_pgm_is_received(void **state)
{
	(void)state;
	from_group(HERE("pgm"), FROM("pgm"), NULL, lab_scaled(MESSAGES));
}

static void test_pgm_is_sent(void **state)
{
	(void)state;
	to_group(HERE("pgm"), FROM("pgm"), NULL, lab_scaled(MESSAGES));
}

/* What comes in on one core is another's. */
static void test_several_cores_share_the_work(void **state)
{
	struct flow flow = group_mixed(lab_scaled(MESSAGES / 5));

	(void)state;
	peer_multicast(&fast);
	carry(appliance_start(&(struct appliance_config){
		      .poll_cores = 2,
		      .frontend = "connect: [\"" HERE("epgm") "\"], hwm: 0, " FAST}),
	      &flow, FROM("epgm"), BACKEND, 0);
	carry(appliance_start(&(struct appliance_config){
		      .poll_cores = 2, .backend = "connect: [\"" HERE("pgm") "\"], hwm: 0, " FAST}),
	      &flow, FRONTEND, FROM("pgm"), 0);
}

#define LOSS "rx: {loss: 1%, seed: 1}, tx: {loss: 1%, seed: 2}"

static void test_what_is_lost_on_the_way_in_is_repaired(void **state)
{
	(void)state;
	from_group(HERE("epgm"), FROM("epgm"), LOSS, lab_scaled(MESSAGES / 5));
}

static void test_what_is_lost_on_the_way_out_is_repaired(void **state)
{
	(void)state;
	to_group(HERE("epgm"), FROM("epgm"), LOSS, lab_scaled(MESSAGES / 5));
}

/* --- who comes late, or again --- */

static struct appliance *late_bridge(void)
{
	peer_multicast(&fast);
	return appliance_start(
		&(struct appliance_config){.frontend = "bind: [\"" FRONTEND "\"], " FAST});
}

static void join_group(struct appliance *a)
{
	assert_null(appliance_change(a, "connect", "feed.frontend", HERE("epgm")));
	appliance_await_counter(a, "core.streams_ready", 2); /* the subscriber, and it */
}

static struct peer *source_of(struct appliance *a, const char *name)
{
	struct peer *p = remote_start(&a->net, name, ZMQ_PUB);

	remote_connect(p, FROM("epgm"));
	return p;
}

static void test_who_joins_late_begins_with_a_whole_message(void **state)
{
	struct appliance *a = late_bridge();
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = source_of(a, "source");

	(void)state;
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	appliance_await_peers(a, 1);
	for (unsigned i = 0; i < 10; i++)
		remote_send(pub, "too early");
	join_group(a);
	remote_send(pub, "one");
	remote_expect(sub, "one");
	remote_send_more(pub, "two");
	remote_send(pub, "parts");
	remote_expect(sub, "two");
	remote_expect(sub, "parts");
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void test_a_source_that_comes_again_is_a_new_session(void **state)
{
	struct appliance *a = late_bridge();
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = source_of(a, "source");

	(void)state;
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	appliance_await_peers(a, 1);
	join_group(a);
	remote_send(pub, "one");
	remote_expect(sub, "one");
	peer_signal(pub, SIGKILL);
	pub = source_of(a, "source again");
	remote_send(pub, "two");
	remote_expect(sub, "two");
	appliance_await_counter(a, "pgm.rcv_sessions", 2);
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void test_two_sources_are_heard_at_once(void **state)
{
	struct appliance *a = late_bridge();
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *one = source_of(a, "one"), *other = source_of(a, "other");

	(void)state;
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	appliance_await_peers(a, 1);
	join_group(a);
	for (unsigned i = 0; i < 20; i++) {
		remote_send(one, "of one");
		remote_expect(sub, "of one");
		remote_send(other, "of the other");
		remote_expect(sub, "of the other");
	}
	remote_end(one);
	remote_end(other);
	remote_end(sub);
	appliance_stop(a);
}

/* --- what is too late --- */

#define TICK_BYTES 1400 /* one a packet */
#define TICKS      4000

/* Numbered, as fast as the rate allows, which is slow. */
static void tick_run(struct peer *self, const void *plan)
{
	void *pub = peer_socket(self, ZMQ_PUB);
	uint8_t tick[TICK_BYTES];

	if (zmq_connect(pub, plan))
		peer_fail(self, "%s: %s", (const char *)plan, zmq_strerror(zmq_errno()));
	peer_say(self, "ready", 0, 0);
	peer_listen(self, "go");
	for (uint32_t i = 0; i < TICKS; i++) {
		memset(tick, (int)(i % 251), sizeof(tick));
		memcpy(tick, &i, sizeof(i));
		zmq_send(pub, tick, sizeof(tick), 0);
	}
	peer_listen(self, "end");
}

/* Whole, in order, and to the last one; what is left out is told. */
static void watch_run(struct peer *self, const void *plan)
{
	void *sub = peer_socket(self, ZMQ_SUB);
	uint8_t tick[TICK_BYTES];
	uint32_t i, due = 0, gaps = 0;

	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(sub, plan))
		peer_fail(self, "%s: %s", (const char *)plan, zmq_strerror(zmq_errno()));
	do {
		if (zmq_recv(sub, tick, sizeof(tick), 0) != sizeof(tick))
			peer_fail(self, "after %u: %s", due, zmq_strerror(zmq_errno()));
		memcpy(&i, tick, sizeof(i));
		if (i < due || tick[4] != i % 251 || tick[TICK_BYTES - 1] != i % 251)
			peer_fail(self, "%u came where %u was due", i, due);
		gaps += i > due;
		due = i + 1;
		if (i == 50)
			peer_say(self, "begun", 0, 0);
	} while (due < TICKS);
	peer_say(self, "received", gaps, 0);
	peer_listen(self, "end");
}

/* The appliance stands still for longer than the source remembers: what is lost is lost, and said,
 * and the stream goes on. */
static void test_what_is_older_than_the_window_is_lost_and_said(void **state)
{
	static const struct peer_multicast slow = {.rate_kbits = 8000, .recovery_ms = 300};
	struct appliance *a;
	struct peer *pub, *sub;
	uint64_t lost;

	(void)state;
	peer_multicast(&slow);
	a = appliance_start(&(struct appliance_config){
		.frontend = "connect: [\"" HERE(
			"epgm") "\"], "
				"options: {rate: 8000, recovery_ivl: 300ms}"});
	sub = peer_start(&a->net, "watcher", watch_run, BACKEND);
	appliance_await_peers(a, 2);
	pub = peer_start(&a->net, "ticker", tick_run, FROM("epgm"));
	peer_hear(pub, "ready");
	peer_tell(pub, "go", 0);
	peer_hear(sub, "begun");
	kill(a->dataplane.pid, SIGSTOP);
	usleep(3000000); /* 2,100 packets: twice what the tap's queue holds */
	kill(a->dataplane.pid, SIGCONT);
	assert_true(peer_hear(sub, "received")->n > 0);
	lost = appliance_counter(a, "pgm.rcv_lost");
	printf("%llu packets were lost\n", (unsigned long long)lost);
	assert_true(lost > 0);
	peer_tell(sub, "end", 0);
	peer_done(sub);
	peer_tell(pub, "end", 0);
	peer_done(pub);
	appliance_stop(a);
}

/* --- what is slower than its publishers --- */

/* A PUB drops what is beyond its HWM, as for any peer; what goes out is whole and in order. */
static void test_a_slow_group_is_held_to_the_hwm(void **state)
{
	static const struct peer_multicast slow = {.rate_kbits = 1000, .recovery_ms = 1000};
	static uint8_t big[8000];
	struct appliance *a;
	struct peer *pub, *sub;

	(void)state;
	peer_multicast(&slow);
	a = appliance_start(&(struct appliance_config){
		.backend = "bind: [\"" BACKEND
			   "\", \"" HERE("epgm") "\"], hwm: 10, sndbuf: 4096, "
						 "options: {rate: 1000, recovery_ivl: 1s}"});
	sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	remote_subscribe(sub, "");
	remote_connect(sub, FROM("epgm"));
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "");
	remote_send(pub, "first");
	remote_expect(sub, "first");
	for (unsigned i = 0; i < 100; i++) { /* 800 kB, of which the rate lets 125 go in a second */
		memset(big, (int)i, sizeof(big));
		remote_send_bytes(pub, big, sizeof(big));
	}
	appliance_await_counter(a, "router.parts_received", 101);
	assert_in_range(appliance_counter(a, "router.dropped_hwm"), 1, 90);
	memset(big, 0, sizeof(big));
	remote_expect_bytes(sub, big, sizeof(big));
	memset(big, 1, sizeof(big));
	remote_expect_bytes(sub, big, sizeof(big));
	assert_int_equal(appliance_counter(a, "core.drop_flow_no_memory"), 0);
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

/* A source and a receiver of one appliance, in one group. */
static void hears_itself(const char *options, bool hears)
{
	char other[400];
	struct appliance *a;
	struct peer *pub, *sub;

	peer_multicast(&fast);
	snprintf(other, sizeof(other),
		 "  - {name: other, kind: forwarder, frontend: {bind: [\"tcp://" LAB_APPLIANCE_IP
		 ":5557\"]}, backend: {bind: [\"" HERE("epgm") "\"], options: {%s}}}\n",
		 options);
	a = appliance_start(&(struct appliance_config){
		.frontend = "bind: [\"" FRONTEND "\", \"" HERE("epgm") "\"], " FAST,
		.devices = other});
	sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	remote_connect(pub, "tcp://" LAB_APPLIANCE_IP ":5557");
	remote_expect_subscription(pub, true, "");
	appliance_await_counter(a, "core.streams_ready", 4);
	remote_send(pub, "by the group");
	if (hears)
		remote_expect(sub, "by the group");
	remote_connect(pub, FRONTEND);
	appliance_await_counter(a, "core.streams_ready", 5);
	remote_send(pub, "by itself");
	remote_expect(sub, "by itself"); /* and nothing before it, if it does not hear */
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void test_multicast_loop_is_whether_an_appliance_hears_itself(void **state)
{
	(void)state;
	hears_itself("rate: 100000, recovery_ivl: 5s", true);
	hears_itself("rate: 100000, recovery_ivl: 5s, multicast_loop: no", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_epgm_is_received),
		LAB_TEST(test_epgm_is_sent),
		LAB_TEST(test_pgm_is_received),
		LAB_TEST(test_pgm_is_sent),
		LAB_TEST(test_several_cores_share_the_work),
		LAB_TEST(test_what_is_lost_on_the_way_in_is_repaired),
		LAB_TEST(test_what_is_lost_on_the_way_out_is_repaired),
		LAB_TEST(test_who_joins_late_begins_with_a_whole_message),
		LAB_TEST(test_a_source_that_comes_again_is_a_new_session),
		LAB_TEST(test_two_sources_are_heard_at_once),
		LAB_TEST(test_what_is_older_than_the_window_is_lost_and_said),
		LAB_TEST(test_a_slow_group_is_held_to_the_hwm),
		LAB_TEST(test_multicast_loop_is_whether_an_appliance_hears_itself),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
