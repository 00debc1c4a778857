/* norm:// with Debian's libzmq (libnorm) as source and as receiver: between a group and TCP, both
 * ways; who comes late, who comes again, and who is too slow. */
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
#include "tests/interop/norm_peers.h"
#include "tests/interop/remote.h"

#define GROUP    NORM_GROUP
#define OURS     NORM_OURS
#define MESSAGES 100000
#define A_FEW    10000
/* Another group of the same port. */
#define OTHERS    "norm://lo;239.192.7.2:7500"
#define HIS_OTHER "norm://1,lo;239.192.7.2:7500"

static void carry(struct appliance *a, const char *from, const char *const to[2], uint64_t messages)
{
	norm_carry(a, from, to, lab_scaled(messages));
	appliance_stop(a);
}

static void test_a_group_is_received(void **state)
{
	(void)state;
	carry(norm_start(1, "connect: [\"" OURS "\"], hwm: 0", NULL), NORM_HIS(1), norm_by_tcp,
	      MESSAGES);
}

static void test_a_group_is_sent_to(void **state)
{
	(void)state;
	carry(norm_start(1, NULL, "bind: [\"" OURS "\"], hwm: 0"), FRONTEND, norm_by_group,
	      MESSAGES);
}

static void test_several_cores_share_the_work(void **state)
{
	(void)state;
	carry(norm_start(2, "bind: [\"" OURS "\"], hwm: 0", NULL), NORM_HIS(1), norm_by_tcp, A_FEW);
	carry(norm_start(2, NULL, "connect: [\"" OURS "\"], hwm: 0"), FRONTEND, norm_by_group,
	      A_FEW);
}

/* --- who comes late, or again --- */

#define TICK_BYTES 1000
#define TICKS      60
#define LATE       30

/* Numbered, in two parts. */
static void tick_run(struct peer *self, const void *plan)
{
	void *pub = peer_socket(self, ZMQ_PUB);
	uint8_t tick[TICK_BYTES];

	if (zmq_connect(pub, plan))
		peer_fail(self, "%s: %s", (const char *)plan, zmq_strerror(zmq_errno()));
	for (uint32_t i = 0; i < TICKS; i++) {
		if (i == 0 || i == LATE) { /* each is out before who comes late comes */
			peer_say(self, "ready", 0, 0);
			peer_listen(self, "go");
		}
		memset(tick, (int)(i % 251), sizeof(tick));
		memcpy(tick, &i, sizeof(i));
		zmq_send(pub, tick, sizeof(i), ZMQ_SNDMORE);
		zmq_send(pub, tick, sizeof(tick), 0);
	}
	peer_listen(self, "end");
}

/* Each whole, in order, and to the last one; from which one on, and how many gaps there are. */
static void watch_run(struct peer *self, const void *plan)
{
	void *sub = peer_socket(self, ZMQ_SUB);
	uint8_t tick[TICK_BYTES];
	uint32_t i, of, first = UINT32_MAX, due = 0, gaps = 0;
	bool told = false;

	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(sub, plan))
		peer_fail(self, "%s: %s", (const char *)plan, zmq_strerror(zmq_errno()));
	peer_say(self, "there", 0, 0);
	do {
		if (zmq_recv(sub, &i, sizeof(i), 0) != sizeof(i) ||
		    zmq_recv(sub, tick, sizeof(tick), 0) != sizeof(tick))
			peer_fail(self, "after %u: %s", due, zmq_strerror(zmq_errno()));
		memcpy(&of, tick, sizeof(of));
		if (of != i || i < due || tick[4] != i % 251 || tick[TICK_BYTES - 1] != i % 251)
			peer_fail(self, "%u of %u came where %u was due", i, of, due);
		gaps += first != UINT32_MAX && i != due;
		first = first < i ? first : i;
		due = i + 1;
		if (due >= LATE && !told)
			peer_say(self, "late", 0, 0);
		told |= due >= LATE;
	} while (due < TICKS);
	peer_say(self, "received", first, gaps);
	peer_listen(self, "end");
}

#define OTHER_BACKEND "tcp://" LAB_APPLIANCE_IP ":5558"
#define OTHER                                                                                      \
	"  - {name: other, kind: forwarder, frontend: {bind: [\"tcp://" LAB_APPLIANCE_IP           \
	":5557\"]}, backend: {bind: [\"" OTHER_BACKEND "\"], hwm: 0}}\n"

/* libzmq says of each part that one may begin there. What of the past is sent again is the source's
 * and NORM's to know. */
static void test_who_joins_late_begins_with_whole_messages(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.carrier = LAB_TAP, .frontend = "connect: [\"" OURS "\"]", .devices = OTHER});
	struct peer *early = peer_start(&a->net, "early watcher", watch_run, BACKEND);
	struct peer *pub, *sub;
	const struct note *got;

	(void)state;
	peer_hear(early, "there");
	appliance_await_peers(a, 2);
	pub = peer_start(&a->net, "ticker", tick_run, NORM_HIS(1));
	peer_hear(pub, "ready");
	peer_tell(pub, "go", 0);
	peer_hear(pub, "ready");
	peer_hear(early, "late");
	sub = peer_start(&a->net, "watcher", watch_run, OTHER_BACKEND);
	peer_hear(sub, "there");
	appliance_await_peers(a, 3);
	assert_null(appliance_change(a, "connect", "other.frontend", OURS));
	peer_tell(pub, "go", 0);
	got = peer_hear_past(sub, "late", "received");
	printf("from %llu of %d on, with %.0f gaps\n", (unsigned long long)got->n, TICKS,
	       got->seconds);
	assert_in_range(got->n, 0, TICKS - 1);
	assert_true(appliance_counter(a, "core.norm_lost") >= got->seconds);
	peer_hear(early, "received");
	norm_leave(early);
	norm_leave(sub);
	norm_leave(pub);
	appliance_stop(a);
}

static struct peer *source(struct appliance *a, const char *name, const char *endpoint)
{
	struct peer *p = remote_start(&a->net, name, ZMQ_PUB);

	remote_connect(p, endpoint);
	return p;
}

static struct appliance *received_by_tcp(struct peer **sub)
{
	struct appliance *a = norm_start(1, "connect: [\"" OURS "\"]", NULL);

	*sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_subscribe(*sub, "");
	remote_connect(*sub, BACKEND);
	appliance_await_peers(a, 2);
	return a;
}

static void test_a_source_that_comes_again_is_heard_again(void **state)
{
	struct peer *sub, *pub;
	struct appliance *a = received_by_tcp(&sub);

	(void)state;
	pub = source(a, "source", NORM_HIS(1));
	remote_send(pub, "one");
	remote_expect(sub, "one");
	peer_signal(pub, SIGKILL);
	pub = source(a, "source again", NORM_HIS(1));
	remote_send_more(pub, "two");
	remote_send(pub, "parts");
	remote_expect(sub, "two");
	remote_expect(sub, "parts");
	appliance_await_counter(a, "core.norm_streams", 2);
	norm_leave(pub);
	norm_leave(sub);
	appliance_stop(a);
}

static void test_two_sources_are_heard_at_once(void **state)
{
	struct peer *sub, *one, *other;
	struct appliance *a = received_by_tcp(&sub);

	(void)state;
	one = source(a, "one", NORM_HIS(1));
	other = source(a, "other", NORM_HIS(2));
	for (unsigned i = 0; i < 20; i++) {
		remote_send(one, "of one");
		remote_expect(sub, "of one");
		remote_send(other, "of the other");
		remote_expect(sub, "of the other");
	}
	assert_int_equal(appliance_counter(a, "core.norm_streams"), 2);
	norm_leave(one);
	norm_leave(other);
	norm_leave(sub);
	appliance_stop(a);
}

static void test_a_group_that_is_left_is_heard_no_more(void **state)
{
	struct peer *sub, *pub;
	struct appliance *a = received_by_tcp(&sub);
	const char *wrong;

	(void)state;
	pub = source(a, "source", NORM_HIS(1));
	remote_send(pub, "one");
	remote_expect(sub, "one");
	assert_null(appliance_change(a, "disconnect", "feed.frontend", OURS));
	remote_send(pub, "two");
	wrong = appliance_change(a, "connect", "feed.frontend", "norm://nosuch0;" GROUP);
	assert_non_null(wrong);
	assert_non_null(strstr(wrong, "norm://nosuch0;" GROUP ": there is no such interface"));
	assert_null(appliance_change(a, "bind", "feed.frontend", OTHERS));
	remote_connect(pub, HIS_OTHER);
	appliance_await_counter(a, "core.streams_ready", 3);
	remote_send(pub, "three");
	remote_expect(sub, "three");
	norm_leave(pub);
	norm_leave(sub);
	appliance_stop(a);
}

/* libnorm would be mute where getaddrinfo() makes the group's number one of IPv6. */
static void test_a_host_of_ipv6_alone_is_told_so(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.carrier = LAB_TAP,
					   .portless = true,
					   .frontend = "bind: [\"tcp://127.0.0.1:5555\"]",
					   .backend = "bind: [\"tcp://127.0.0.1:5556\"]"});
	const char *wrong;

	(void)state;
	lab_shell("ip netns exec %s sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6'",
		  a->net.appliance);
	lab_shell("ip -n %s link add v0 type veth peer name v1", a->net.appliance);
	lab_shell("ip -n %s link set v0 up", a->net.appliance);
	lab_shell("ip -n %s link set v1 up", a->net.appliance);
	wrong = appliance_change(a, "bind", "feed.backend", OURS);
	assert_non_null(wrong);
	assert_non_null(strstr(wrong, OURS ": no interface of this machine has an IPv4 address"));
	assert_non_null(strstr(wrong, "; give one an IPv4 address"));
	lab_shell("ip -n %s addr add 10.98.0.1/24 dev v0", a->net.appliance);
	assert_null(appliance_change(a, "bind", "feed.backend", OURS));
	appliance_stop(a);
}

/* --- what is slower than its publishers --- */

/* A PUB drops what is beyond its HWM, as for any peer; what goes out is whole and in order. */
static void test_a_slow_group_is_held_to_the_hwm(void **state)
{
	static uint8_t big[8000];
	struct appliance *a = norm_start(1, NULL,
					 "bind: [\"" BACKEND "\", \"" OURS
					 "\"], hwm: 10, sndbuf: 4096, options: {norm_mode: 0, "
					 "rate: 1000, norm_buffer_size: 64}");
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_subscribe(sub, "");
	remote_connect(sub, NORM_HIS(2));
	norm_await_joined(a, 2); /* he and we */
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
	for (unsigned i = 0; i < 2; i++) {
		memset(big, (int)i, sizeof(big));
		remote_expect_bytes(sub, big, sizeof(big));
	}
	assert_int_equal(appliance_counter(a, "core.drop_flow_no_memory"), 0);
	norm_leave(pub);
	norm_leave(sub);
	appliance_stop(a);
}

#define SLOW 800 /* 1.6 MB: less than NORM's buffers hold */

static void steer(struct appliance *a, const char *command)
{
	json_t *reply = appliance_request(
		a, json_pack("{s:s, s:s}", "cmd", command, "device", "feed"));

	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
}

/* What the socket does not take in time is not read, and waits in NORM's buffers. */
static void test_a_socket_without_room_holds_the_stream(void **state)
{
	static uint8_t big[NORM_LIBZMQ_MOST];
	struct peer *sub, *pub;
	struct appliance *a = received_by_tcp(&sub);

	(void)state;
	pub = source(a, "source", NORM_HIS(1));
	remote_send(pub, "first");
	remote_expect(sub, "first");
	steer(a, "pause");
	for (unsigned i = 0; i < SLOW; i++) {
		memset(big, (int)i, sizeof(big));
		remote_send_bytes(pub, big, sizeof(big));
	}
	appliance_await_counter(a, "core.stalls_flow", 1);
	steer(a, "resume");
	for (unsigned i = 0; i < SLOW; i++) {
		memset(big, (int)i, sizeof(big));
		remote_expect_bytes(sub, big, sizeof(big));
	}
	assert_int_equal(appliance_counter(a, "core.norm_lost"), 0);
	norm_leave(pub);
	norm_leave(sub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_group_is_received),
		LAB_TEST(test_a_group_is_sent_to),
		LAB_TEST(test_several_cores_share_the_work),
		LAB_TEST(test_who_joins_late_begins_with_whole_messages),
		LAB_TEST(test_a_source_that_comes_again_is_heard_again),
		LAB_TEST(test_two_sources_are_heard_at_once),
		LAB_TEST(test_a_group_that_is_left_is_heard_no_more),
		LAB_TEST(test_a_host_of_ipv6_alone_is_told_so),
		LAB_TEST(test_a_slow_group_is_held_to_the_hwm),
		LAB_TEST(test_a_socket_without_room_holds_the_stream),
	};
	int status = lab_begin();

	if (!status && !zmq_has("norm")) {
		printf("SKIPPED: this libzmq has no norm://\n");
		return LAB_SKIPPED;
	}
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
