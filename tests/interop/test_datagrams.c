/* udp:// as libzmq has it: RADIO, DISH and DGRAM, to one address and to groups, byte by byte
 * against sockets of the kernel's. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/gram.h"
#include "tests/interop/raw.h"

#define GROUP      "239.192.7.1"
#define UDP_PORT   7777 /* of the appliance */
#define GRAM_PORT  7778 /* of the peers */
#define RADIO_PORT 5556
#define DISH_PORT  5555
#define HERE       LAB_APPLIANCE_IP
#define MESSAGES   100000
#define BURST      32

static struct peer *dish_of(struct appliance *a)
{
	return raw_join(&a->net, RADIO_PORT, "DISH", "RADIO");
}

static bool has_joined(json_t *peers, const void *n)
{
	json_int_t sum = 0;
	json_t *peer;
	size_t i;

	json_array_foreach(peers, i, peer)
	{
		sum += json_integer_value(json_object_get(peer, "subscriptions"));
	}
	return sum == *(const json_int_t *)n;
}

/* So many groups are joined, and the cores know. */
static void await_joined(struct appliance *a, json_int_t n)
{
	appliance_await(a, "peers", has_joined, &n, "the groups were joined");
	appliance_settle(a);
}

/* udp -> DISH, RADIO -> tcp. */
static struct appliance *receiver(const char *bind, unsigned cores)
{
	static char frontend[128];

	snprintf(frontend, sizeof(frontend), "type: DISH, bind: [\"%s\"]", bind);
	return appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.poll_cores = cores,
		.megabytes = 128 * cores,
		.frontend = frontend,
		.backend = "type: RADIO, bind: [\"" BACKEND "\"], hwm: 0"});
}

/* tcp -> DISH, RADIO -> udp. */
static struct appliance *sender(const char *backend)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "bridge",
					   .frontend = "type: DISH, bind: [\"" FRONTEND "\"]",
					   .backend = backend});

	await_joined(a, 1); /* what goes out there is all groups' */
	return a;
}

static struct peer *radio_of(struct appliance *a)
{
	return raw_join(&a->net, DISH_PORT, "RADIO", "DISH");
}

/* --- received --- */

static void test_a_dish_receives_what_is_sent_to_its_address(void **state)
{
	struct appliance *a = receiver("udp://" HERE ":7777", 1);
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\6\4JOINa\4\5\4JOIN");
	await_joined(a, 2);
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1aone");
	RAW_EXPECTS(dish, "\1\1a\0\3one");
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1bnobody wants it");
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1a");
	RAW_EXPECTS(dish, "\1\1a\0\0");
	GRAM_SENDS(gram, HERE, UDP_PORT, "\0of no group");
	RAW_EXPECTS(dish, "\1\0\0\13of no group");
	gram_end(gram);
	raw_end(dish);
	appliance_stop(a);
}

static void test_what_is_no_message_is_dropped_and_counted(void **state)
{
	struct appliance *a = receiver("udp://*:7777", 1);
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\6\4JOINa");
	await_joined(a, 1);
	GRAM_SENDS(gram, HERE, UDP_PORT, "");
	GRAM_SENDS(gram, HERE, UDP_PORT, "\2a");
	GRAM_SENDS(gram, HERE, UDP_PORT, "\377a");
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1aone");
	RAW_EXPECTS(dish, "\1\1a\0\3one");
	appliance_await_counter(a, "core.drop_flow_malformed", 3);
	gram_end(gram);
	raw_end(dish);
	appliance_stop(a);
}

static void test_a_dish_joins_its_group(void **state)
{
	struct appliance *a = receiver("udp://eth0;" GROUP ":7777", 1);
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL), *dish = dish_of(a);

	(void)state;
	RAW_SENDS(dish, "\4\6\4JOINa");
	await_joined(a, 1);
	GRAM_SENDS(gram, GROUP, UDP_PORT, "\1aone");
	RAW_EXPECTS(dish, "\1\1a\0\3one");
	assert_int_equal(appliance_counter(a, "net.igmp_tx_reports") > 0, 1);
	/* Once it has left, nobody hears it. */
	assert_null(appliance_change(a, "unbind", "feed.frontend", "udp://eth0;" GROUP ":7777"));
	GRAM_SENDS(gram, GROUP, UDP_PORT, "\1atwo");
	assert_null(appliance_change(a, "bind", "feed.frontend", "udp://" HERE ":7777"));
	appliance_await_peers(a, 2);
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1athree");
	RAW_EXPECTS(dish, "\1\1a\0\5three");
	gram_end(gram);
	raw_end(dish);
	appliance_stop(a);
}

/* Two sockets of one appliance in one group: each hears it. */
static void test_two_dishes_share_a_group(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = "type: DISH, bind: [\"udp://" GROUP ":7777\"]",
		.backend = "type: RADIO, connect: [\"udp://" LAB_PEER_IP ":7778\"]",
		.devices = "  - {name: other, kind: bridge, frontend: {type: DISH, bind: "
			   "[\"udp://" GROUP ":7777\"]}, backend: {type: RADIO, connect: "
			   "[\"udp://" LAB_PEER_IP ":7779\"]}}\n"});
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL);
	struct peer *other = gram_start(&a->net, "other", GRAM_PORT + 1, NULL);

	(void)state;
	appliance_await_peers(a, 4);
	await_joined(a, 2);
	GRAM_SENDS(gram, GROUP, UDP_PORT, "\1aone");
	GRAM_EXPECTS(gram, "\1aone");
	GRAM_EXPECTS(other, "\1aone");
	gram_end(gram);
	gram_end(other);
	appliance_stop(a);
}

static void receive_many(unsigned cores, const char *bind, const char *to, uint32_t max)
{
	struct appliance *a = receiver(bind, cores);
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL), *dish = dish_of(a);
	uint8_t head[16], body[GRAM_BODY_MAX], frame[GRAM_BODY_MAX + 32];
	uint64_t messages = lab_scaled(MESSAGES) / 4;

	RAW_SENDS(dish, "\4\6\4JOINa");
	await_joined(a, 1);
	for (uint64_t i = 0; i < messages; i += BURST) {
		gram_burst(gram, to, UDP_PORT, "a", max, i, BURST);
		for (uint64_t k = i; k < i + BURST; k++) {
			size_t n = gram_body(k, max, body), at = 0;

			memcpy(head, "\1\1a", 3);
			memcpy(frame, head, 3);
			at = 3;
			if (n < 256) {
				frame[at++] = 0;
				frame[at++] = (uint8_t)n;
			} else {
				memset(frame + at, 0, 9);
				frame[at] = 2;
				frame[at + 7] = (uint8_t)(n >> 8);
				frame[at + 8] = (uint8_t)n;
				at += 9;
			}
			memcpy(frame + at, body, n);
			raw_expect(dish, frame, at + n);
		}
	}
	gram_end(gram);
	raw_end(dish);
	appliance_stop(a);
}

static void test_many_datagrams_come_as_they_were_sent(void **state)
{
	(void)state;
	receive_many(1, "udp://" HERE ":7777", HERE, GRAM_BODY_MAX);
}

static void test_many_of_a_group_come_on_several_cores(void **state)
{
	(void)state;
	/* what comes in fragments is put together on another core than the rest is, and may be
	 * later */
	receive_many(2, "udp://" GROUP ":7777", GROUP, GRAM_WHOLE);
}

/* --- sent --- */

static void test_a_radio_sends_all_groups_to_its_address(void **state)
{
	struct appliance *a = sender("type: RADIO, connect: [\"udp://" LAB_PEER_IP ":7778\"]");
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL), *radio = radio_of(a);

	(void)state;
	RAW_SENDS(radio, "\1\1a\0\3one\1\0\0\3two\1\4news\0\0");
	GRAM_EXPECTS(gram, "\1aone");
	GRAM_EXPECTS(gram, "\0two");
	GRAM_EXPECTS(gram, "\4news");
	gram_end(gram);
	raw_end(radio);
	appliance_stop(a);
}

static void test_a_radio_sends_to_a_group(void **state)
{
	struct appliance *a = sender("type: RADIO, connect: [\"udp://" GROUP ":7778\"]");
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, GROUP), *radio = radio_of(a);

	(void)state;
	RAW_SENDS(radio, "\1\1a\0\3one");
	GRAM_EXPECTS(gram, "\1aone");
	assert_int_equal(gram_hops(gram), 1);
	gram_end(gram);
	raw_end(radio);
	appliance_stop(a);
}

static void test_multicast_hops_is_the_time_to_live(void **state)
{
	struct appliance *a = sender("type: RADIO, connect: [\"udp://" GROUP ":7778\"], "
				     "options: {multicast_hops: 7}");
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, GROUP), *radio = radio_of(a);

	(void)state;
	RAW_SENDS(radio, "\1\1a\0\3one");
	GRAM_EXPECTS(gram, "\1aone");
	assert_int_equal(gram_hops(gram), 7);
	gram_end(gram);
	raw_end(radio);
	appliance_stop(a);
}

static void test_many_messages_go_as_they_came(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = "type: DISH, bind: [\"udp://" HERE ":7777\"]",
		.backend = "type: RADIO, connect: [\"udp://" GROUP ":7778\"]"});
	struct peer *from = gram_start(&a->net, "from", GRAM_PORT + 1, NULL);
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, GROUP);
	uint64_t messages = lab_scaled(MESSAGES);

	(void)state;
	appliance_await_peers(a, 2);
	await_joined(a, 1);
	/* As long as the kernel asks for our MAC address it holds datagrams back, which others of
	 * the same socket may then overtake. */
	gram_burst(from, HERE, UDP_PORT, "a", GRAM_BODY_MAX, 0, 1);
	gram_check(gram, "a", GRAM_BODY_MAX, 0, 1);
	for (uint64_t i = 0; i < messages; i += BURST) {
		gram_burst(from, HERE, UDP_PORT, "a", GRAM_BODY_MAX, i, BURST);
		gram_check(gram, "a", GRAM_BODY_MAX, i, BURST);
	}
	gram_end(from);
	gram_end(gram);
	appliance_stop(a);
}

static void test_what_no_datagram_holds_is_dropped_and_counted(void **state)
{
	struct appliance *a = sender("type: RADIO, connect: [\"udp://" LAB_PEER_IP ":7778\"]");
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL), *radio = radio_of(a);
	static uint8_t frame[3 + 9 + 70000] = {1, 1, 'a', 2, 0, 0, 0, 0, 0, 1, 0x11, 0x70};

	(void)state;
	for (size_t at = 0, n; at < sizeof(frame); at += n) {
		n = sizeof(frame) - at < NOTE_DATA ? sizeof(frame) - at : NOTE_DATA;
		raw_send(radio, frame + at, n);
	}
	RAW_SENDS(radio, "\1\1a\0\3one");
	GRAM_EXPECTS(gram, "\1aone");
	appliance_await_counter(a, "core.drop_flow_too_long", 1);
	gram_end(gram);
	raw_end(radio);
	appliance_stop(a);
}

/* --- both ways --- */

/* A DGRAM's messages are [address][body], which a PAIR passes on as they are. */
static void test_a_dgram_answers_who_asked(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = "type: DGRAM, bind: [\"udp://" HERE ":7777\"]",
		.backend = "type: PAIR, bind: [\"" BACKEND "\"], hwm: 0"});
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL);
	struct peer *other = gram_start(&a->net, "other", GRAM_PORT + 1, NULL);
	struct peer *pair = raw_join(&a->net, RADIO_PORT, "PAIR", "PAIR");

	(void)state;
	appliance_await_peers(a, 2);
	GRAM_SENDS(gram, HERE, UDP_PORT, "who?");
	RAW_EXPECTS(pair, "\1\16" LAB_PEER_IP ":7778\0\4who?");
	RAW_SENDS(pair, "\1\16" LAB_PEER_IP ":7778\0\2me\1\16" LAB_PEER_IP ":7779\0\0");
	assert_string_equal(GRAM_EXPECTS(gram, "me"), HERE ":7777");
	assert_string_equal(GRAM_EXPECTS(other, ""), HERE ":7777");
	RAW_SENDS(pair, "\1\5no:77\0\1x\1\16" LAB_PEER_IP ":7778\0\3end");
	GRAM_EXPECTS(gram, "end");
	appliance_await_counter(a, "core.drop_flow_malformed", 1);
	gram_end(gram);
	gram_end(other);
	raw_end(pair);
	appliance_stop(a);
}

/* --- control --- */

static void test_a_new_control_finds_the_flows(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = "type: DISH, bind: [\"udp://" HERE ":7777\"]",
		.backend = "type: RADIO, connect: [\"udp://" LAB_PEER_IP ":7778\"]"});
	struct peer *gram = gram_start(&a->net, "gram", GRAM_PORT, NULL);

	(void)state;
	appliance_await_peers(a, 2);
	await_joined(a, 1);
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1aone");
	GRAM_EXPECTS(gram, "\1aone");
	lab_kill(&a->control, SIGKILL);
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1atwo");
	GRAM_EXPECTS(gram, "\1atwo");
	appliance_start_control(a);
	appliance_ready(a);
	appliance_await_peers(a, 2);
	assert_int_equal(appliance_closes(a, "control_restart"), 0);
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1athree");
	GRAM_EXPECTS(gram, "\1athree");
	assert_null(
		appliance_change(a, "disconnect", "feed.backend", "udp://" LAB_PEER_IP ":7778"));
	assert_null(appliance_change(a, "connect", "feed.backend", "udp://" LAB_PEER_IP ":7779"));
	appliance_await_peers(a, 2);
	await_joined(a, 1);
	struct peer *other = gram_start(&a->net, "other", GRAM_PORT + 1, NULL);
	GRAM_SENDS(gram, HERE, UDP_PORT, "\1afour");
	GRAM_EXPECTS(other, "\1afour");
	gram_end(gram);
	gram_end(other);
	appliance_stop(a);
}

static void test_a_port_that_is_taken_is_said(void **state)
{
	struct appliance *a = receiver("udp://" HERE ":7777", 1);
	const char *error = appliance_change(a, "bind", "feed.frontend", "udp://*:7777");

	(void)state;
	assert_non_null(error);
	assert_non_null(strstr(error, "address in use"));
	error = appliance_change(a, "connect", "feed.frontend", "udp://" LAB_PEER_IP ":7777");
	assert_non_null(error);
	assert_non_null(strstr(error, "DISH does not connect to udp://"));
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_dish_receives_what_is_sent_to_its_address),
		LAB_TEST(test_what_is_no_message_is_dropped_and_counted),
		LAB_TEST(test_a_dish_joins_its_group),
		LAB_TEST(test_two_dishes_share_a_group),
		LAB_TEST(test_many_datagrams_come_as_they_were_sent),
		LAB_TEST(test_many_of_a_group_come_on_several_cores),
		LAB_TEST(test_a_radio_sends_all_groups_to_its_address),
		LAB_TEST(test_a_radio_sends_to_a_group),
		LAB_TEST(test_multicast_hops_is_the_time_to_live),
		LAB_TEST(test_many_messages_go_as_they_came),
		LAB_TEST(test_what_no_datagram_holds_is_dropped_and_counted),
		LAB_TEST(test_a_dgram_answers_who_asked),
		LAB_TEST(test_a_new_control_finds_the_flows),
		LAB_TEST(test_a_port_that_is_taken_is_said),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
