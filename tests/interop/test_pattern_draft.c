/* Patterns that Debian's libzmq lacks (they are drafts there): their bytes as RFC 41, 49, 51 and 52
 * have them, against a raw peer; and from one appliance to another, with libzmq's stable patterns
 * at both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/bounce.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/raw.h"
#include "tests/interop/second.h"

#define SIDE(type, at) "type: " type ", bind: [\"" at "\"], hwm: 0"

/* --- bytes --- */

static struct appliance *bridge(const char *frontend, const char *backend)
{
	return appliance_start(&(struct appliance_config){
		.kind = "bridge", .frontend = frontend, .backend = backend});
}

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
	struct peer *scatter = raw_join(&a->net, 5555, "SCATTER", "GATHER");
	struct peer *gather = raw_join(&a->net, 5556, "GATHER", "SCATTER");

	(void)state;
	appliance_await_peers(a, 2);
	RAW_SENDS(scatter, "\0\5hello\1\1a\0\1b\0\0\0\1c");
	RAW_EXPECTS(gather, "\0\5hello\0\0\0\1c");
	end(a, scatter, gather);
}

/* RFC 52: PAIR, of one part. */
static void test_channels_pass_single_parts_both_ways(void **state)
{
	struct appliance *a = bridge(SIDE("CHANNEL", FRONTEND), SIDE("CHANNEL", BACKEND));
	struct peer *one = raw_join(&a->net, 5555, "CHANNEL", "CHANNEL");
	struct peer *other = raw_join(&a->net, 5556, "CHANNEL", "CHANNEL");

	(void)state;
	appliance_await_peers(a, 2);
	RAW_SENDS(one, "\0\4down\1\1a\0\1b\0\1c");
	RAW_EXPECTS(other, "\0\4down\0\1c");
	RAW_SENDS(other, "\0\2up");
	RAW_EXPECTS(one, "\0\2up");
	end(a, one, other);
}

/* RFC 41: what a server calls its clients is never on the wire. */
static void test_a_client_has_servers_in_turn_and_hears_all(void **state)
{
	struct appliance *a = bridge(SIDE("CLIENT", FRONTEND), SIDE("CLIENT", BACKEND));
	struct peer *one = raw_join(&a->net, 5555, "SERVER", "CLIENT");
	struct peer *other = raw_join(&a->net, 5556, "SERVER", "CLIENT");

	(void)state;
	appliance_await_peers(a, 2);
	RAW_SENDS(one, "\0\4down");
	RAW_EXPECTS(other, "\0\4down");
	RAW_SENDS(other, "\0\2up");
	RAW_EXPECTS(one, "\0\2up");
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
	named[0] = raw_join(&a->net, 5555, peer, type);
	named[1] = raw_join(&a->net, 5555, peer, type);
	dealer = raw_join(&a->net, 5556, "DEALER", "DEALER");
	appliance_await_peers(a, 3);
	for (unsigned i = 0; i < 2; i++) {
		RAW_SENDS(named[i], "\0\2hi");
		memcpy(label, raw_receive(dealer, 6), 6);
		assert_memory_equal(label, "\1\4", 2);
		assert_memory_not_equal(label + 2, "\0\0\0\0", 4);
		RAW_EXPECTS(dealer, "\0\2hi");
		memcpy(reply, label, 6);
		memcpy(reply + 6, "\0\2", 2);
		reply[8] = 'n';
		reply[9] = (uint8_t)('0' + i);
		raw_send(dealer, reply, sizeof(reply));
		raw_expect(named[i], reply + 6, 4);
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

/* Both peers of a way, at its ends. */
static void all_are_done(struct second *s, struct peer *one, struct peer *other)
{
	peer_tell(one, "end", 0);
	peer_done(one);
	peer_tell(other, "end", 0);
	peer_done(other);
	appliance_await_peers(s->first, SECOND_WAYS);
}

/* libzmq's `type` at both ends, between them two appliances that speak a draft to each other. */
static void pass(struct second *s, unsigned way, int push_type, int pull_type)
{
	struct pusher push = {.endpoint = second_front(way),
			      .type = push_type,
			      .messages = lab_scaled(100000),
			      .bytes = 40};
	struct puller pull = {.endpoint = second_back(way), .type = pull_type};
	struct peer *pusher, *puller;

	printf("over %s\n", second_name(way));
	puller = peer_start(&s->first->net, "puller", puller_run, &pull);
	pusher = peer_start(&s->first->net, "pusher", pusher_run, &push);
	appliance_await_peers(s->first, SECOND_WAYS + 1);
	peer_tell(pusher, "go", 0);
	peer_hear(pusher, "sent");
	pull_all(&puller, 1, &push, 1, NULL);
	all_are_done(s, pusher, puller);
}

static void pass_on_all(const struct second_plan *plan, int push_type, int pull_type)
{
	struct second s;

	second_start(&s, plan);
	for (unsigned way = 0; way < SECOND_WAYS; way++)
		pass(&s, way, push_type, pull_type);
	second_end(&s);
	appliance_stop(s.first);
}

static void test_one_appliance_scatters_what_another_gathers(void **state)
{
	(void)state;
	pass_on_all(&(struct second_plan){.front = "type: PULL",
					  .near = "type: SCATTER",
					  .far = "type: GATHER",
					  .back = "type: PUSH"},
		    ZMQ_PUSH, ZMQ_PULL);
}

static void test_two_appliances_share_a_channel(void **state)
{
	(void)state;
	pass_on_all(&(struct second_plan){.front = "type: PAIR",
					  .near = "type: CHANNEL",
					  .far = "type: CHANNEL",
					  .back = "type: PAIR"},
		    ZMQ_PAIR, ZMQ_PAIR);
}

/* Who asks is behind the second appliance, who answers behind the first, which knows the second by
 * a name that it makes. */
static void ask(struct second *s, unsigned way, bool named)
{
	struct bounce ask = {
		.endpoint = second_back(way), .named = named, .messages = lab_scaled(50000)};
	struct bounce back = {.endpoint = second_front(way)};
	struct peer *asker, *answerer;

	printf("over %s\n", second_name(way));
	answerer = peer_start(&s->first->net, "answerer", bounce_back_run, &back);
	asker = peer_start(&s->first->net, "asker", bounce_ask_run, &ask);
	appliance_await_peers(s->first, SECOND_WAYS + 1);
	peer_tell(asker, "go", 0);
	peer_hear(asker, "answered");
	all_are_done(s, asker, answerer);
}

static void ask_on_all(const char *near, const char *far, bool named)
{
	struct second s;

	second_start(&s, &(struct second_plan){.front = "type: DEALER",
					       .near = near,
					       .far = far,
					       .back = "type: DEALER"});
	for (unsigned way = 0; way < SECOND_WAYS; way++)
		ask(&s, way, named);
	second_end(&s);
	appliance_stop(s.first);
}

/* RFC 41 */
static void test_a_server_answers_the_client_of_another_appliance(void **state)
{
	(void)state;
	ask_on_all("type: SERVER", "type: CLIENT", false);
}

/* RFC 51: who is to write first must have heard of the other, here by its hello. */
static void test_peers_of_two_appliances_answer_each_other(void **state)
{
	(void)state;
	ask_on_all("type: PEER, options: {hello_msg: " BOUNCE_HELLO "}", "type: PEER", true);
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

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
