/* Limits and rules of a socket, with real peers on both sides of each. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/reader.h"
#include "tests/interop/remote.h"

#define FRONT(policy) "bind: [\"" FRONTEND "\"], hwm: 0, policy: {" policy "}"
#define BACK(policy)  "bind: [\"" BACKEND "\"], hwm: 1000, policy: {" policy "}"

static bool has_closed(json_t *status, const void *reason)
{
	return json_integer_value(json_object_get(json_object_get(status, "closes"), reason)) > 0;
}

static void await_closed(struct appliance *a, const char *reason)
{
	char what[80];

	snprintf(what, sizeof(what), "a peer was closed: %s", reason);
	appliance_await(a, "status", has_closed, reason, what);
}

/* --- rates --- */

enum {
	RATE = 500,
	BURST = RATE / 10, /* may come at once; twice that if the core did not run just before:
			    * what it earned meanwhile it gets after the burst has gone */
	MESSAGES = 300,
	AT_LEAST_MS = 1000 * (MESSAGES - 2 * BURST - 1) / RATE
};

/* All messages come, and not sooner than the rate allows. */
static void pass_slowly(const struct appliance_config *config, bool front)
{
	struct appliance *a = appliance_start(config);
	struct peer *reader = reader_start(a, false), *numbers;
	struct read_numbers r;
	uint64_t began;

	appliance_await_peers(a, 1);
	numbers = numbers_start(a);
	reader_go(reader);
	began = lab_now_ms();
	numbers_pass(numbers, reader, MESSAGES);
	assert_true(lab_now_ms() - began >= AT_LEAST_MS);
	if (front)
		assert_true(appliance_counter(a, "core.stalls_rate") > 0);
	else
		assert_true(appliance_counter(a, "router.waited") > 0);
	r = reader_end(reader, numbers);
	assert_int_equal(r.n, MESSAGES);
	assert_int_equal(r.prefix, MESSAGES);
	numbers_end(numbers);
	appliance_stop(a);
}

static void test_a_publisher_is_held_to_its_rate_and_loses_nothing(void **state)
{
	(void)state;
	pass_slowly(&(struct appliance_config){.frontend = FRONT("rate_in: {messages: 500}")},
		    true);
}

static void test_a_publisher_is_held_to_its_rate_in_bytes(void **state)
{
	(void)state; /* of 100 bytes each */
	pass_slowly(&(struct appliance_config){.frontend = FRONT("rate_in: {bytes: 50kB}")}, true);
}

static void test_a_subscriber_is_sent_no_more_than_its_rate(void **state)
{
	(void)state;
	pass_slowly(&(struct appliance_config){.backend = BACK("rate_out: {messages: 500}")},
		    false);
}

/* --- limits --- */

static void test_subscriptions_beyond_the_limit_are_refused(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.backend = BACK("limits: {subscriptions_a_peer: 2}")});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_connect(sub, BACKEND);
	remote_subscribe(sub, "A");
	remote_subscribe(sub, "B");
	remote_subscribe(sub, "C");
	remote_expect_subscription(pub, true, "A");
	remote_expect_subscription(pub, true, "B");
	remote_unsubscribe(sub, "A");
	remote_expect_subscription(pub, false, "A");
	assert_int_equal(appliance_counter(a, "control.subscriptions_over_limit"), 1);
	remote_subscribe(sub, "D"); /* there is room again */
	remote_expect_subscription(pub, true, "D");
	remote_send(pub, "C1");
	remote_send(pub, "D1");
	remote_expect(sub, "D1");
	assert_int_equal(remote_disconnects(sub), 0);
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

static void test_or_their_peer_is_closed(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.backend = BACK("limits: {subscriptions: 2, over: close}")});
	struct peer *sub[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		sub[i] = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_connect(sub[0], BACKEND);
	remote_subscribe(sub[0], "A");
	remote_subscribe(sub[0], "B");
	appliance_await_peers(a, 1);
	remote_subscribe(sub[1], "C");
	remote_connect(sub[1], BACKEND);
	await_closed(a, "too_many_subscriptions");
	assert_int_equal(remote_disconnects(sub[0]), 0);
	for (unsigned i = 0; i < 2; i++)
		remote_end(sub[i]);
	appliance_stop(a);
}

static void test_peers_beyond_the_limit_are_closed_until_there_is_room(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.frontend = FRONT("limits: {peers: 1}"),
					   .backend = BACK("limits: {peers_an_address: 2}")});
	struct peer *pub[2], *sub[3];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		pub[i] = remote_start(&a->net, "publisher", ZMQ_XPUB);
	for (unsigned i = 0; i < 3; i++) {
		sub[i] = remote_start(&a->net, "subscriber", ZMQ_SUB);
		remote_subscribe(sub[i], "");
		remote_connect(sub[i], BACKEND);
		if (i < 2)
			appliance_await_peers(a, 1 + i);
	}
	await_closed(a, "too_many_from_address");
	remote_connect(pub[0], FRONTEND);
	remote_expect_subscription(pub[0], true, "");
	remote_connect(pub[1], FRONTEND);
	await_closed(a, "too_many_peers");
	remote_send(pub[0], "A1");
	for (unsigned i = 0; i < 2; i++)
		remote_expect(sub[i], "A1");
	remote_end(pub[0]); /* the other one, who has kept trying, gets in */
	remote_expect_subscription(pub[1], true, "");
	remote_end(sub[0]);
	remote_end(sub[1]);
	remote_send(pub[1], "A2");
	remote_end(sub[2]);
	remote_end(pub[1]);
	appliance_stop(a);
}

/* --- rules --- */

static void knock_run(struct peer *self, const void *plan)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(5556)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t byte;

	(void)plan;
	inet_pton(AF_INET, LAB_APPLIANCE_IP, &at.sin_addr);
	/* the reset may be here before connect() returns */
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) && errno != ECONNRESET)
		peer_fail(self, "connect: %s", strerror(errno));
	if (recv(fd, &byte, 1, 0) > 0)
		peer_fail(self, "it was greeted");
	close(fd);
}

static void test_an_address_that_is_not_let_in_is_not_even_greeted(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.frontend = FRONT("addresses: [deny 10.99.0.3, allow 10.99.0.0/24]"),
		.backend = BACK("addresses: deny 10.99.0.0/30")});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *knock = peer_start(&a->net, "stranger", knock_run, NULL);

	(void)state;
	peer_done(knock);
	await_closed(a, "address_denied");
	remote_connect(pub, FRONTEND);
	appliance_await_peers(a, 1);
	assert_int_equal(appliance_closes(a, "address_denied"), 1);
	remote_end(pub);
	appliance_stop(a);
}

static void test_only_what_may_be_published_goes_through(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.frontend = FRONT("topics: [{publish: deny, prefix: EUR.x}, "
				  "{publish: allow, prefix: EUR., from: 10.99.0.0/24}]")});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);

	(void)state;
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "");
	remote_send(pub, "EUR.1");
	remote_send(pub, "USD.1");
	remote_send(pub, "EUR.x1");
	remote_send(pub, "EUR.2");
	remote_expect(sub, "EUR.1");
	remote_expect(sub, "EUR.2");
	appliance_await_counter(a, "core.dropped_topic", 2);
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

static void test_only_what_may_be_subscribed_to_is(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.backend = BACK("topics: [{subscribe: deny, prefix: EUR.x}, "
				"{subscribe: allow, prefix: EUR.}]")});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_connect(sub, BACKEND);
	remote_subscribe(sub, "EUR.xyz");
	remote_subscribe(sub, "");
	remote_subscribe(sub, "EUR."); /* EUR.x is in it */
	remote_subscribe(sub, "EUR.1");
	remote_expect_subscription(pub, true, "EUR.1");
	assert_int_equal(appliance_counter(a, "control.subscriptions_denied"), 3);
	remote_send(pub, "EUR.xyz");
	remote_send(pub, "EUR.1");
	remote_expect(sub, "EUR.1");
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_publisher_is_held_to_its_rate_and_loses_nothing),
		LAB_TEST(test_a_publisher_is_held_to_its_rate_in_bytes),
		LAB_TEST(test_a_subscriber_is_sent_no_more_than_its_rate),
		LAB_TEST(test_subscriptions_beyond_the_limit_are_refused),
		LAB_TEST(test_or_their_peer_is_closed),
		LAB_TEST(test_peers_beyond_the_limit_are_closed_until_there_is_room),
		LAB_TEST(test_an_address_that_is_not_let_in_is_not_even_greeted),
		LAB_TEST(test_only_what_may_be_published_goes_through),
		LAB_TEST(test_only_what_may_be_subscribed_to_is),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
