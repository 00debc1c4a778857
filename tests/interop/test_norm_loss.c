/* norm:// where datagrams are lost: what is in reach of the source's buffers is repaired, both
 * ways, with Debian's libzmq (libnorm); beyond that whoever receives is told of a loss, and the
 * stream goes on. The kernel has the group, and a rule in its namespace loses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/loss.h"
#include "tests/interop/norm_peers.h"
#include "tests/interop/remote.h"

#define MESSAGES  5000
#define ONE_IN    100
#define ALL       1
#define NOT_A_ONE 0

static void repair(struct appliance *a, const char *from, const char *const to[2])
{
	loss_begin(&a->net, NORM_PORT, ONE_IN);
	norm_carry(a, from, to, lab_scaled(MESSAGES));
	printf("%llu datagrams were lost\n", (unsigned long long)loss_count(&a->net));
	assert_true(loss_count(&a->net) > lab_scaled(MESSAGES) / ONE_IN / 20);
	appliance_stop(a);
}

static void test_what_a_source_of_libzmqs_loses_is_repaired(void **state)
{
	(void)state;
	repair(norm_start(1, "connect: [\"" NORM_OURS "\"], hwm: 0", NULL), NORM_HIS(1),
	       norm_by_tcp);
}

static void test_what_our_source_loses_is_repaired(void **state)
{
	(void)state;
	repair(norm_start(1, NULL, "bind: [\"" NORM_OURS "\"], hwm: 0"), FRONTEND, norm_by_group);
}

/* --- beyond what can be repaired --- */

#define OTHER_BACKEND "tcp://" LAB_APPLIANCE_IP ":5558"
#define OTHER                                                                                      \
	"  - {name: other, kind: forwarder, frontend: {connect: [\"" NORM_OURS                     \
	"\"], hwm: 0}, backend: {bind: [\"" OTHER_BACKEND "\"], hwm: 0}}\n"
/* Out within a second, and many times what is kept to be repaired from. */
#define SMALL      "norm_mode: 0, rate: 20000, norm_buffer_size: 64"
#define TICK_BYTES 1000
#define LOST       800
#define AFTER      20

static void tick(struct peer *pub, uint32_t number)
{
	uint8_t bytes[TICK_BYTES];

	memset(bytes, (int)(number % 251), sizeof(bytes));
	memcpy(bytes, &number, sizeof(number));
	remote_send_bytes(pub, bytes, sizeof(bytes));
}

struct watch {
	const char *endpoint;
	uint32_t ticks;
};

/* Each whole, in order, and to the last one: how many were left out. */
static void watch_run(struct peer *self, const void *plan)
{
	const struct watch *w = plan;
	void *sub = peer_socket(self, ZMQ_SUB);
	uint8_t bytes[TICK_BYTES];
	uint32_t number, due = 0, out = 0;
	bool told = false;

	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(sub, w->endpoint))
		peer_fail(self, "%s: %s", w->endpoint, zmq_strerror(zmq_errno()));
	while (due < w->ticks) {
		if (zmq_recv(sub, bytes, sizeof(bytes), 0) != sizeof(bytes))
			peer_fail(self, "after %u: %s", due, zmq_strerror(zmq_errno()));
		memcpy(&number, bytes, sizeof(number));
		if (number < due || bytes[TICK_BYTES - 1] != number % 251)
			peer_fail(self, "%u came where %u was due", number, due);
		out += number - due;
		due = number + 1;
		if (!told)
			peer_say(self, "first", 0, 0);
		told = true;
	}
	peer_say(self, "last", out, 0);
	peer_listen(self, "end");
}

/* A datagram has a message or two. */
static void await_losses(struct appliance *a, uint64_t n)
{
	const uint64_t end = lab_now_ms() + (uint64_t)LAB_PATIENCE_MS;

	while (loss_count(&a->net) < n)
		if (lab_now_ms() > end)
			fail_msg("%llu datagrams were lost, and not %llu",
				 (unsigned long long)loss_count(&a->net), (unsigned long long)n);
}

/* What a core has counted is told a hundred times a second. */
static void await_told(struct appliance *a)
{
	const uint64_t end = lab_now_ms() + (uint64_t)LAB_PATIENCE_MS;

	while (appliance_counter(a, "core.norm_lost") == 0)
		if (lab_now_ms() > end)
			fail_msg("no loss is told");
}

static void test_what_cannot_be_repaired_is_told_and_the_stream_goes_on(void **state)
{
	static const struct watch watch = {OTHER_BACKEND, LOST + AFTER};
	struct appliance *a = appliance_start(&(struct appliance_config){
		.carrier = LAB_TAP,
		.backend = "bind: [\"" NORM_OURS "\"], hwm: 0, options: {" SMALL "}",
		.devices = OTHER});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_PUB);
	struct peer *sub = peer_start(&a->net, "watcher", watch_run, &watch);
	uint64_t out;

	(void)state;
	remote_connect(pub, FRONTEND);
	appliance_await_peers(a, 4); /* two, and the group's two ends */
	tick(pub, 0);
	peer_hear(sub, "first");
	loss_begin(&a->net, NORM_PORT, ALL);
	for (uint32_t i = 1; i < LOST; i++)
		tick(pub, i);
	await_losses(a, LOST / 2);
	loss_begin(&a->net, NORM_PORT, NOT_A_ONE);
	for (uint32_t i = LOST; i < LOST + AFTER; i++)
		tick(pub, i);
	out = peer_hear(sub, "last")->n;
	printf("%llu of %u were lost for good\n", (unsigned long long)out, LOST + AFTER);
	assert_in_range(out, LOST / 4, LOST);
	await_told(a);
	peer_tell(sub, "end", 0);
	peer_done(sub);
	remote_end(pub);
	appliance_stop(a);
}

/* A source of libzmq's has what its last 1,500 packets held. Each message is one, and one of them
 * never arrives, nor what it could be rebuilt from: NORM_DATA (RFC 5740 4.2.1) of the second block
 * with the fourth symbol, or parity. Nothing follows the last message. */
#define RUSH 2000
#define HOLE "@th,68,4 2 @th,192,24 1 @th,216,8 { 3, 16-255 }"

static void rush_run(struct peer *self, const void *plan)
{
	void *pub = peer_socket(self, ZMQ_PUB);
	const struct timespec a_ms = {.tv_nsec = 1000000};
	uint8_t bytes[TICK_BYTES];
	const int all = 0;

	zmq_setsockopt(pub, ZMQ_SNDHWM, &all, sizeof(all));
	if (zmq_connect(pub, plan))
		peer_fail(self, "%s: %s", (const char *)plan, zmq_strerror(zmq_errno()));
	for (uint32_t i = 0; i < RUSH; i++) {
		memset(bytes, (int)(i % 251), sizeof(bytes));
		memcpy(bytes, &i, sizeof(i));
		zmq_send(pub, bytes, sizeof(bytes), 0);
		nanosleep(&a_ms, NULL);
	}
	peer_listen(self, "end");
}

static void test_what_is_behind_a_hole_is_not_held_up(void **state)
{
	static const struct watch watch = {BACKEND, RUSH};
	struct appliance *a = norm_start(1, "connect: [\"" NORM_OURS "\"], hwm: 0", NULL);
	struct peer *sub = peer_start(&a->net, "watcher", watch_run, &watch), *pub;
	uint64_t out;

	(void)state;
	appliance_await_counter(a, "core.streams_ready", 2);
	loss_of(&a->net, NORM_PORT, HOLE);
	pub = peer_start(&a->net, "publisher", rush_run, NORM_HIS(1));
	peer_hear(sub, "first");
	out = peer_hear(sub, "last")->n;
	printf("%llu of %u were lost for good\n", (unsigned long long)out, RUSH);
	assert_int_equal(out, 1);
	await_told(a);
	norm_leave(sub);
	norm_leave(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_a_source_of_libzmqs_loses_is_repaired),
		LAB_TEST(test_what_our_source_loses_is_repaired),
		LAB_TEST(test_what_cannot_be_repaired_is_told_and_the_stream_goes_on),
		LAB_TEST(test_what_is_behind_a_hole_is_not_held_up),
	};
	int status = lab_begin();

	if (!status && !zmq_has("norm")) {
		printf("SKIPPED: this libzmq has no norm://\n");
		return LAB_SKIPPED;
	}
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
