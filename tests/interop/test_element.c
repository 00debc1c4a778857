/* PGM's network element between a source of libzmq's (OpenPGM) and receivers on other networks:
 * what is lost before it is asked for once, and what is lost behind it is repaired there alone. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/branch.h"
#include "tests/interop/peer.h"

#define GROUP     "239.192.9.1:7500"
#define OTHER     "239.192.9.9:7500" /* which is not passed on */
#define MESSAGES  5000
#define BYTES_MAX 1200
/* Of what a busy machine misses for a tenth of a second, the ports' rings hold all: nothing is lost
 * but what the ports are told to lose. */
#define RATE_KBITS 16000
#define SINKS      3
#define SPMS       4 /* of so many one is not lost, and without one nobody can ask */
#define LOSS       "loss: 2%, seed: 1"
/* The way there and back takes longer than the 50 ms within which receivers ask: the others ask
 * before the first is answered. */
#define FAR "delay: 30ms"
#define ELEMENT                                                                                    \
	"pgm_elements:\n  - {name: middle, ports: [eth0, lan1, lan2], groups: 239.192.9.1}\n"

/* --- peers --- */

/* So many bytes, which follow from its number. */
static uint32_t make(uint32_t number, uint8_t *to)
{
	uint32_t bytes = 4 + number * 37 % (BYTES_MAX - 4);

	memset(to, (int)(number % 251), bytes);
	memcpy(to, &number, sizeof(number));
	return bytes;
}

static void *open_group(struct peer *self, int type, const char *endpoint, int hops)
{
	void *s = peer_socket(self, type);
	int rate = RATE_KBITS, recovery = 10000;

	zmq_setsockopt(s, ZMQ_RATE, &rate, sizeof(rate));
	zmq_setsockopt(s, ZMQ_RECOVERY_IVL, &recovery, sizeof(recovery));
	zmq_setsockopt(s, ZMQ_MULTICAST_HOPS, &hops, sizeof(hops));
	if (type == ZMQ_SUB)
		zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(s, endpoint))
		peer_fail(self, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
	return s;
}

struct source {
	const char *endpoint;
	int hops;
	uint32_t messages;
};

/* Says "warm" while nobody may have heard it; SPMs come by themselves after that. */
static void source_run(struct peer *self, const void *plan)
{
	const struct source *p = plan;
	void *s = open_group(self, ZMQ_PUB, p->endpoint, p->hops);
	const struct timespec a_while = {.tv_nsec = 10000000};
	uint8_t bytes[BYTES_MAX];

	while (!peer_is_told(self)) {
		zmq_send(s, "w", 1, 0);
		nanosleep(&a_while, NULL);
	}
	peer_listen(self, "pause");
	peer_listen(self, "go");
	for (uint32_t i = 0; i < p->messages; i++)
		zmq_send(s, bytes, make(i, bytes), 0);
	peer_listen(self, "end");
}

struct sink {
	const char *endpoint;
	uint32_t messages;
};

/* Each, once, whole and in order. */
static void sink_run(struct peer *self, const void *plan)
{
	const struct sink *p = plan;
	void *s = open_group(self, ZMQ_SUB, p->endpoint, 1);
	uint8_t bytes[BYTES_MAX + 1], want[BYTES_MAX];
	uint32_t due = 0;
	bool warm = false;

	peer_say(self, "joined", 0, 0);
	while (due < p->messages) {
		int n = zmq_recv(s, bytes, sizeof(bytes), 0);

		if (n == 1) {
			if (!warm)
				peer_say(self, "warm", 0, 0);
			warm = true;
			continue;
		}
		if (n < 0)
			peer_fail(self, "after %u: %s", due, zmq_strerror(zmq_errno()));
		if ((uint32_t)n != make(due, want) || memcmp(bytes, want, (size_t)n))
			peer_fail(self, "not message %u", due);
		due++;
	}
	peer_say(self, "received", due, 0);
	peer_listen(self, "end");
}

/* --- the appliance between them --- */

/* Counters of "pgm.ne_NAME"; printed, as what a network loses is not all foreseen. */
static uint64_t counted(struct appliance *a, const char *name)
{
	char whole[64];
	uint64_t n;

	snprintf(whole, sizeof(whole), "pgm.ne_%s", name);
	n = appliance_counter(a, whole);
	printf("%s: %llu\n", whole, (unsigned long long)n);
	return n;
}

static struct appliance *between(const char *impair, const char *impair_first,
				 const struct lab_net *far[BRANCHES])
{
	return branch_appliance(
		&(struct branch_plan){.impair = {impair, impair_first}, .top = ELEMENT}, far);
}

static struct peer *start_source(struct appliance *a, const struct source *plan)
{
	return peer_start(&a->net, "source", source_run, plan);
}

/* Two receivers on the first network, one on the second. */
static void carry(struct appliance *a, const struct lab_net *far[BRANCHES])
{
	const struct source from = {"pgm://" LAB_PEER_IP ";" GROUP, 8, MESSAGES};
	const struct sink to[SINKS] = {{"pgm://10.99.1.2;" GROUP, from.messages},
				       {"pgm://10.99.1.3;" GROUP, from.messages},
				       {"pgm://10.99.2.2;" GROUP, from.messages}};
	struct peer *source, *sink[SINKS];

	for (unsigned i = 0; i < SINKS; i++) {
		sink[i] = peer_start(far[i / 2], "sink", sink_run, &to[i]);
		peer_hear(sink[i], "joined");
	}
	source = start_source(a, &from);
	for (unsigned i = 0; i < SINKS; i++)
		peer_hear(sink[i], "warm");
	peer_tell(source, "pause", 0);
	appliance_await_more(a, "pgm.ne_spms", SPMS);
	peer_tell(source, "go", 0);
	for (unsigned i = 0; i < SINKS; i++)
		assert_int_equal(peer_hear(sink[i], "received")->n, from.messages);
	for (unsigned i = 0; i < SINKS; i++)
		peer_signal(sink[i], SIGKILL);
	peer_signal(source, SIGKILL);
}

static void test_what_is_lost_before_it_is_asked_for_once(void **state)
{
	const struct lab_net *far[BRANCHES];
	struct appliance *a = between("rx: {" LOSS ", " FAR "}, tx: {" FAR "}", NULL, far);
	uint64_t rdata, asked;

	(void)state;
	carry(a, far);
	rdata = counted(a, "rdata");
	asked = counted(a, "nak_sqns");
	assert_true(rdata > 0);
	/* All have lost it: who asks later has it from the first one's repair, or is one of many.
	 */
	assert_true(counted(a, "rdata_copies") > rdata);
	assert_true(counted(a, "naks_eliminated") > 0);
	assert_true(counted(a, "naks_forwarded") < asked);
	assert_true(counted(a, "ncfs") > 0);
	appliance_stop(a);
}

static void test_what_is_lost_behind_it_is_repaired_there_alone(void **state)
{
	const struct lab_net *far[BRANCHES];
	struct appliance *a = between(NULL, "tx: {" LOSS "}", far);
	const uint64_t end = lab_now_ms() + (uint64_t)LAB_PATIENCE_MS;
	uint64_t rdata, copies;

	(void)state;
	carry(a, far);
	do { /* the last ones are told within 10 ms, and may be between the two looks */
		rdata = counted(a, "rdata");
		copies = counted(a, "rdata_copies");
	} while (copies != rdata && lab_now_ms() < end);
	assert_true(rdata > 0);
	assert_int_equal(copies, rdata);
	appliance_stop(a);
}

/* It has come as far as it may, or is of a group that nobody spoke of. */
static void test_what_is_not_to_be_passed_on_is_not(void **state)
{
	static const struct source near = {"pgm://" LAB_PEER_IP ";" GROUP, 1, 0},
				   other = {"pgm://" LAB_PEER_IP ";" OTHER, 8, 0};
	const struct lab_net *far[BRANCHES];
	struct appliance *a = between(NULL, NULL, far);
	struct peer *source = start_source(a, &other);

	(void)state;
	appliance_await_more(a, "net.ip_drop_group", 20);
	peer_signal(source, SIGKILL);
	assert_int_equal(counted(a, "odata"), 0);
	source = start_source(a, &near);
	appliance_await_more(a, "net.ip_drop_ttl", 20);
	peer_signal(source, SIGKILL);
	assert_int_equal(appliance_counter(a, "net.transit_tx_packets"), 0);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_is_lost_before_it_is_asked_for_once),
		LAB_TEST(test_what_is_lost_behind_it_is_repaired_there_alone),
		LAB_TEST(test_what_is_not_to_be_passed_on_is_not),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
