/* Rules that go by the name that a peer has proved: two users of PLAIN with different rights on the
 * same sockets, and one who has none. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define SIDE_DOOR "tcp://" LAB_APPLIANCE_IP ":5565"

static const struct peer_security alice = {.user = "alice", .password = "a"},
				  bob = {.user = "bob", .password = "b"},
				  eve = {.user = "eve", .password = "e"};

/* Alice publishes A and hears all, bob publishes and hears B; bob comes in front by one door only,
 * and at 50 messages a second each way. */
static struct appliance *start(void)
{
	static char front[900], back[900];
	char folder[64], users[80];
	FILE *f;

	lab_folder(folder, sizeof(folder));
	snprintf(users, sizeof(users), "%s/users", folder);
	f = fopen(users, "we");
	assert_non_null(f);
	fputs("alice:a\nbob:b\neve:e\n", f);
	fclose(f);
	snprintf(front, sizeof(front),
		 "bind: [\"" FRONTEND "\", \"" SIDE_DOOR
		 "\"], hwm: 0, security: {mechanism: plain, "
		 "role: server, users: %s}, policy: {users: [{connect: allow, user: alice}, "
		 "{connect: allow, user: bob, endpoint: \"" FRONTEND
		 "\", rate_in: {messages: 50}}], "
		 "topics: [{publish: allow, prefix: A, user: alice}, {publish: allow, prefix: B, "
		 "user: bob}]}",
		 users);
	snprintf(back, sizeof(back),
		 "bind: [\"" BACKEND "\"], hwm: 1000, security: {mechanism: plain, role: server, "
		 "users: %s}, policy: {users: [{connect: deny, user: eve}, {connect: allow, user: "
		 "bob, rate_out: {messages: 50}}, {connect: allow}], topics: [{subscribe: allow, "
		 "prefix: \"\", user: alice}, {subscribe: allow, prefix: B, user: bob}]}",
		 users);
	return appliance_start(&(struct appliance_config){.frontend = front, .backend = back});
}

static void finish(struct appliance *a)
{
	appliance_stop(a);
	peer_secure(NULL);
}

static struct peer *join(struct appliance *a, const struct peer_security *who, int type,
			 const char *at)
{
	struct peer *p;

	peer_secure(who);
	p = remote_start(&a->net, who->user, type);
	remote_connect(p, at);
	return p;
}

/* What it brings goes nowhere, and the next thing passes. */
static void each_publishes_his_own(struct appliance *a, struct peer *of_alice, struct peer *of_bob,
				   struct peer *hears_all, struct peer *hears_b, unsigned dropped)
{
	remote_send(of_alice, "B by alice");
	remote_send(of_alice, "A by alice");
	remote_expect(hears_all, "A by alice");
	remote_send(of_bob, "A by bob");
	remote_send(of_bob, "B by bob");
	remote_expect(hears_all, "B by bob");
	remote_expect(hears_b, "B by bob");
	appliance_await_counter(a, "core.dropped_topic", dropped + 2);
}

static void refused(struct appliance *a, const struct peer_security *who, const char *at)
{
	uint64_t before = appliance_closes(a, "endpoint_denied");
	struct peer *p;

	peer_secure(who);
	p = remote_start(&a->net, who->user, strcmp(at, BACKEND) == 0 ? ZMQ_SUB : ZMQ_PUB);
	remote_option(p, ZMQ_RECONNECT_IVL, -1);
	remote_option(p, ZMQ_LINGER, 0); /* libzmq may wait for who has refused it */
	remote_connect(p, at);
	appliance_await_closes(a, "endpoint_denied", before + 1);
	remote_end(p);
}

static void test_each_user_has_rights_of_his_own_and_keeps_them(void **state)
{
	struct appliance *a = start();
	struct peer *hears_all = join(a, &alice, ZMQ_SUB, BACKEND),
		    *hears_b = join(a, &bob, ZMQ_SUB, BACKEND), *of_alice, *of_bob;

	(void)state;
	remote_subscribe(hears_all, "");
	remote_subscribe(hears_b, "A"); /* refused */
	remote_subscribe(hears_b, "B");
	of_alice = join(a, &alice, ZMQ_XPUB, SIDE_DOOR);
	remote_expect_subscriptions(of_alice, (const char *[]){"+", "+B", NULL});
	of_bob = join(a, &bob, ZMQ_XPUB, FRONTEND);
	remote_expect_subscriptions(of_bob, (const char *[]){"+", "+B", NULL});
	appliance_await_counter(a, "control.subscriptions_denied", 1);
	each_publishes_his_own(a, of_alice, of_bob, hears_all, hears_b, 0);
	refused(a, &bob, SIDE_DOOR);
	refused(a, &eve, FRONTEND);
	refused(a, &eve, BACKEND);
	lab_kill(&a->control, SIGKILL);
	appliance_start_control(a);
	appliance_ready(a);
	each_publishes_his_own(a, of_alice, of_bob, hears_all, hears_b, 2);
	remote_subscribe(hears_b, "AB");
	appliance_await_counter(a, "control.subscriptions_denied", 1);
	refused(a, &bob, SIDE_DOOR);
	assert_int_equal(remote_disconnects(of_bob), 0);
	remote_end(of_alice);
	remote_end(of_bob);
	remote_end(hears_all);
	remote_end(hears_b);
	finish(a);
}

/* --- rates --- */

enum {
	RATE = 50,
	BURST = RATE / 10, /* at once; twice that if a core did not run just before */
	MESSAGES = 40,
	AT_LEAST_MS = 1000 * (MESSAGES - 2 * BURST - 1) / RATE
};

/* How long until all of them have come. */
static uint64_t pass(struct peer *from, struct peer *to)
{
	uint64_t began = lab_now_ms();
	char text[24];

	for (unsigned i = 0; i < MESSAGES; i++) {
		snprintf(text, sizeof(text), "B%u", i);
		remote_send(from, text);
	}
	for (unsigned i = 0; i < MESSAGES; i++) {
		snprintf(text, sizeof(text), "B%u", i);
		remote_expect(to, text);
	}
	return lab_now_ms() - began;
}

static void test_a_user_is_held_to_his_rate_which_outlives_control(void **state)
{
	struct appliance *a = start();
	struct peer *hears_all = join(a, &alice, ZMQ_SUB, BACKEND), *of_bob;

	(void)state;
	remote_subscribe(hears_all, "");
	of_bob = join(a, &bob, ZMQ_XPUB, FRONTEND);
	remote_expect_subscription(of_bob, true, "");
	lab_kill(&a->control, SIGKILL);
	appliance_start_control(a);
	appliance_ready(a);
	assert_true(pass(of_bob, hears_all) >= AT_LEAST_MS);
	assert_true(appliance_counter(a, "core.stalls_rate") > 0);
	remote_end(of_bob);
	remote_end(hears_all);
	finish(a);
}

static void test_a_user_is_sent_no_more_than_his_rate(void **state)
{
	static char back[700];
	char folder[64], users[80];
	struct appliance *a;
	struct peer *hears[2], *pub;
	FILE *f;

	(void)state;
	lab_folder(folder, sizeof(folder));
	snprintf(users, sizeof(users), "%s/users", folder);
	f = fopen(users, "we");
	assert_non_null(f);
	fputs("alice:a\nbob:b\n", f);
	fclose(f);
	snprintf(back, sizeof(back),
		 "bind: [\"" BACKEND "\"], hwm: 1000, security: {mechanism: plain, role: server, "
		 "users: %s}, policy: {users: [{connect: allow, user: bob, rate_out: {messages: "
		 "50}}, {connect: allow}]}",
		 users);
	a = appliance_start(&(struct appliance_config){.backend = back});
	hears[0] = join(a, &alice, ZMQ_SUB, BACKEND);
	hears[1] = join(a, &bob, ZMQ_SUB, BACKEND);
	for (unsigned i = 0; i < 2; i++)
		remote_subscribe(hears[i], i ? "B" : "B0");
	peer_secure(NULL);
	pub = remote_start(&a->net, "pub", ZMQ_XPUB);
	remote_connect(pub, FRONTEND);
	remote_expect_subscriptions(pub, (const char *[]){"+B", "+B0", NULL});
	assert_true(pass(pub, hears[1]) >= AT_LEAST_MS);
	assert_true(appliance_counter(a, "router.waited") > 0);
	remote_expect(hears[0], "B0");
	for (unsigned i = 0; i < 2; i++)
		remote_end(hears[i]);
	remote_end(pub);
	finish(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_each_user_has_rights_of_his_own_and_keeps_them),
		LAB_TEST(test_a_user_is_held_to_his_rate_which_outlives_control),
		LAB_TEST(test_a_user_is_sent_no_more_than_his_rate),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
