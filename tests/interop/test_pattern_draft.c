/* Patterns that Debian's libzmq lacks (they are drafts there): their bytes as RFC 41, 49, 51 and 52
 * have them, against a raw peer; and from one appliance to another, with libzmq's stable patterns
 * at both ends. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/bounce.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/raw.h"

#define SIDE(type, at) "type: " type ", bind: [\"" at "\"], hwm: 0"

/* --- bytes --- */

static struct appliance *bridge(const char *frontend, const char *backend)
{
	return appliance_start(&(struct appliance_config){
		.kind = "bridge", .frontend = frontend, .backend = backend});
}

/* A raw peer of type `ours`; the appliance says that it is `theirs`. */
static struct peer *join(struct appliance *a, uint16_t port, const char *ours, const char *theirs)
{
	struct peer *p = raw_start(&a->net, ours);
	uint8_t frame[64] = "\4\0\5READY\13Socket-Type\0\0\0",
		due[64] = "\5READY\13Socket-Type\0\0\0";
	uint8_t n = (uint8_t)strlen(ours), m = (uint8_t)strlen(theirs);
	uint8_t length;

	raw_connect(p, port);
	raw_greet(p);
	frame[1] = (uint8_t)(22 + n);
	frame[23] = n;
	memcpy(frame + 24, ours, n);
	raw_send(p, frame, 24u + n);
	due[21] = m;
	memcpy(due + 22, theirs, m);
	length = raw_receive(p, 2)[1];
	assert_true(length >= 22 + m);
	assert_memory_equal(raw_receive(p, length), due, 22u + m);
	return p;
}

static void expect_bytes(struct peer *p, const void *bytes, size_t n)
{
	assert_memory_equal(raw_receive(p, n), bytes, n);
}
#define SENDS(p, text)   raw_send(p, text, sizeof(text) - 1)
#define EXPECTS(p, text) expect_bytes(p, text, sizeof(text) - 1)

static void end(struct appliance *a, struct peer *one, struct peer *other)
{
	raw_end(one);
	raw_end(other);
	appliance_stop(a);
}

/* RFC 49: one part; anything longer is dropped. */
static void test_scatter_and_gather_pass_single_parts(void **state)
{
	struct appliance *a = bridge(SIDE("GATHER", FRONTEND), SIDE("SCATTER", BACKEND));
	struct peer *scatter = join(a, 5555, "SCATTER", "GATHER");
	struct peer *gather = join(a, 5556, "GATHER", "SCATTER");

	(void)state;
	appliance_await_peers(a, 2);
	SENDS(scatter, "\0\5hello\1\1a\0\1b\0\0\0\1c");
	EXPECTS(gather, "\0\5hello\0\0\0\1c");
	end(a, scatter, gather);
}

/* RFC 52: PAIR, of one part. */
static void test_channels_pass_single_parts_both_ways(void **state)
{
	struct appliance *a = bridge(SIDE("CHANNEL", FRONTEND), SIDE("CHANNEL", BACKEND));
	struct peer *one = join(a, 5555, "CHANNEL", "CHANNEL");
	struct peer *other = join(a, 5556, "CHANNEL", "CHANNEL");

	(void)state;
	appliance_await_peers(a, 2);
	SENDS(one, "\0\4down\1\1a\0\1b\0\1c");
	EXPECTS(other, "\0\4down\0\1c");
	SENDS(other, "\0\2up");
	EXPECTS(one, "\0\2up");
	end(a, one, other);
}

/* RFC 41: what a server calls its clients is never on the wire. */
static void test_a_client_has_servers_in_turn_and_hears_all(void **state)
{
	struct appliance *a = bridge(SIDE("CLIENT", FRONTEND), SIDE("CLIENT", BACKEND));
	struct peer *one = join(a, 5555, "SERVER", "CLIENT");
	struct peer *other = join(a, 5556, "SERVER", "CLIENT");

	(void)state;
	appliance_await_peers(a, 2);
	SENDS(one, "\0\4down");
	EXPECTS(other, "\0\4down");
	SENDS(other, "\0\2up");
	EXPECTS(one, "\0\2up");
	end(a, one, other);
}

/* Names of four bytes, not all 0 (RFC 41, 51), which the appliance's user sees. */
static void named(const char *type, const char *peer)
{
	char side[128];
	uint8_t label[6], reply[10] = {0};
	struct appliance *a;
	struct peer *named[2], *dealer;

	snprintf(side, sizeof(side), "type: %s, bind: [\"" FRONTEND "\"], hwm: 0", type);
	a = bridge(side, SIDE("DEALER", BACKEND));
	named[0] = join(a, 5555, peer, type);
	named[1] = join(a, 5555, peer, type);
	dealer = join(a, 5556, "DEALER", "DEALER");
	appliance_await_peers(a, 3);
	for (unsigned i = 0; i < 2; i++) {
		SENDS(named[i], "\0\2hi");
		memcpy(label, raw_receive(dealer, 6), 6);
		assert_memory_equal(label, "\1\4", 2);
		assert_memory_not_equal(label + 2, "\0\0\0\0", 4);
		EXPECTS(dealer, "\0\2hi");
		memcpy(reply, label, 6);
		memcpy(reply + 6, "\0\2", 2);
		reply[8] = 'n';
		reply[9] = (uint8_t)('0' + i);
		raw_send(dealer, reply, sizeof(reply));
		expect_bytes(named[i], reply + 6, 4);
	}
	raw_end(named[1]);
	end(a, named[0], dealer);
}

static void test_a_server_knows_its_clients_by_number(void **state)
{
	(void)state;
	named("SERVER", "CLIENT");
}

static void test_a_peer_knows_its_peers_by_number(void **state)
{
	(void)state;
	named("PEER", "PEER");
}

/* --- from one appliance to another --- */

#define SECOND_IP "10.99.0.3"
#define SECOND_AT "tcp://" SECOND_IP ":5557"

struct second {
	char run_dir[96], file[112];
	struct lab_child dataplane, control;
};

static void in_namespace(const struct appliance *a, const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "ip netns exec %s sh -c '%s'", a->net.appliance, command);
	if (system(line))
		fail_msg("%s", line);
}

/* On a tap of its own in the same namespace, whose kernel hands packets on between the two. */
static void second_start(struct second *s, struct appliance *a, const char *frontend,
			 const char *backend)
{
	char *dataplane[] = {"--run-dir", s->run_dir, NULL};
	char *control[] = {"--config", s->file, "--run-dir", s->run_dir, NULL};
	FILE *f;

	snprintf(s->run_dir, sizeof(s->run_dir), "%s/second", a->run_dir);
	snprintf(s->file, sizeof(s->file), "%s/zeroline.yaml", s->run_dir);
	assert_int_equal(mkdir(s->run_dir, 0755), 0);
	f = fopen(s->file, "we");
	assert_non_null(f);
	fprintf(f,
		"memory: {hugepages: no, megabytes: 512}\n"
		"ports: [{name: eth0, kind: tap, device: zl1, address: " SECOND_IP "/24}]\n"
		"devices: [{name: second, kind: bridge, frontend: {%s}, backend: {%s}}]\n",
		frontend, backend);
	fclose(f);
	appliance_spawn(a, &s->dataplane, "dataplane/zeroline-dataplane", 0, dataplane);
	appliance_await_file(s->run_dir, "dataplane.sock");
	appliance_spawn(a, &s->control, "control/zeroline-control", 0, control);
	in_namespace(a, "until ip link set zl1 up 2>/dev/null; do :; done");
	in_namespace(a, "ip route add " SECOND_IP "/32 dev zl1 src " LAB_PEER_IP);
	in_namespace(a, "for i in zl0 zl1; do echo 1 > /proc/sys/net/ipv4/conf/$i/proxy_arp; "
			"echo 1 > /proc/sys/net/ipv4/conf/$i/forwarding; done");
}

static void second_end(struct second *s)
{
	lab_kill(&s->control, SIGTERM);
	assert_int_equal(lab_wait(&s->control, lab_patience_ms()), 0);
	lab_kill(&s->dataplane, SIGTERM);
	assert_int_equal(lab_wait(&s->dataplane, lab_patience_ms()), 0);
}

/* libzmq's `type` at both ends, between them two appliances that speak a draft to each other. */
static void across(int push_type, int pull_type, const char *first_front, const char *first_back,
		   const char *second_front, const char *second_back)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.carrier = LAB_TAP,
									 .kind = "bridge",
									 .frontend = first_front,
									 .backend = first_back});
	struct pusher push = {.endpoint = FRONTEND,
			      .type = push_type,
			      .messages = lab_scaled(100000),
			      .bytes = 40};
	struct puller pull = {.endpoint = SECOND_AT, .type = pull_type};
	struct second second = {0};
	struct peer *pusher, *puller;

	second_start(&second, a, second_front, second_back);
	puller = peer_start(&a->net, "puller", puller_run, &pull);
	pusher = peer_start(&a->net, "pusher", pusher_run, &push);
	appliance_await_peers(a, 2); /* the pusher, and the second appliance */
	peer_tell(pusher, "go", 0);
	peer_hear(pusher, "sent");
	pull_all(&puller, 1, &push, 1, NULL);
	peer_tell(pusher, "end", 0);
	peer_done(pusher);
	peer_tell(puller, "end", 0);
	peer_done(puller);
	second_end(&second);
	appliance_stop(a);
}

#define CONNECTS(type) "type: " type ", connect: [\"" BACKEND "\"], hwm: 0"

static void test_one_appliance_scatters_what_another_gathers(void **state)
{
	(void)state;
	across(ZMQ_PUSH, ZMQ_PULL, SIDE("PULL", FRONTEND), SIDE("SCATTER", BACKEND),
	       CONNECTS("GATHER"), SIDE("PUSH", SECOND_AT));
}

static void test_two_appliances_share_a_channel(void **state)
{
	(void)state;
	across(ZMQ_PAIR, ZMQ_PAIR, SIDE("PAIR", FRONTEND), SIDE("CHANNEL", BACKEND),
	       CONNECTS("CHANNEL"), SIDE("PAIR", SECOND_AT));
}

/* Who asks is behind the second appliance, who answers behind the first, which knows the second by
 * a name that it makes. */
static void ask_across(const char *first_back, const char *second_front, bool named)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.carrier = LAB_TAP,
					   .kind = "bridge",
					   .frontend = SIDE("DEALER", FRONTEND),
					   .backend = first_back});
	struct bounce ask = {.endpoint = SECOND_AT, .named = named, .messages = lab_scaled(50000)};
	struct bounce back = {.endpoint = FRONTEND};
	struct second second = {0};
	struct peer *asker, *answerer;

	second_start(&second, a, second_front, SIDE("DEALER", SECOND_AT));
	answerer = peer_start(&a->net, "answerer", bounce_back_run, &back);
	asker = peer_start(&a->net, "asker", bounce_ask_run, &ask);
	appliance_await_peers(a, 2); /* the answerer, and the second appliance */
	peer_tell(asker, "go", 0);
	peer_hear(asker, "answered");
	peer_tell(asker, "end", 0);
	peer_done(asker);
	peer_tell(answerer, "end", 0);
	peer_done(answerer);
	second_end(&second);
	appliance_stop(a);
}

/* RFC 41 */
static void test_a_server_answers_the_client_of_another_appliance(void **state)
{
	(void)state;
	ask_across(SIDE("SERVER", BACKEND), CONNECTS("CLIENT"), false);
}

/* RFC 51: who is to write first must have heard of the other, here by its hello. */
static void test_peers_of_two_appliances_answer_each_other(void **state)
{
	(void)state;
	ask_across(SIDE("PEER", BACKEND) ", options: {hello_msg: " BOUNCE_HELLO "}",
		   CONNECTS("PEER"), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_scatter_and_gather_pass_single_parts),
		LAB_TEST(test_channels_pass_single_parts_both_ways),
		LAB_TEST(test_a_client_has_servers_in_turn_and_hears_all),
		LAB_TEST(test_a_server_knows_its_clients_by_number),
		LAB_TEST(test_a_peer_knows_its_peers_by_number),
		LAB_TEST(test_one_appliance_scatters_what_another_gathers),
		LAB_TEST(test_two_appliances_share_a_channel),
		LAB_TEST(test_a_server_answers_the_client_of_another_appliance),
		LAB_TEST(test_peers_of_two_appliances_answer_each_other),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
