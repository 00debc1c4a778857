/* zeroline-control is killed in the middle of traffic: no message and no connection is lost, and a
 * new one takes over. */
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
#include "tests/interop/exchange.h"
#include "tests/interop/remote.h"

#define TAKEOVER_MS 1000

/* Streams by name, sorted by the peer's address: "stream address type\n". Free it. */
static char *streams(struct appliance *a)
{
	json_t *peers = appliance_ask(a, "peers"), *p;
	char *text = calloc(1, 64 * (json_array_size(peers) + 1));
	size_t i, at = 0;

	json_array_foreach(peers, i, p) at += (size_t)snprintf(
		text + at, 64, "%s %s %s\n", json_string_value(json_object_get(p, "stream")),
		json_string_value(json_object_get(p, "address")),
		json_string_value(json_object_get(p, "type")));
	json_decref(peers);
	return text;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void same_lines(char *before, char *after)
{
	char *line[2][32], *texts[2] = {before, after};
	unsigned n[2] = {0};

	for (unsigned i = 0; i < 2; i++) {
		for (char *l = strtok(texts[i], "\n"); l && n[i] < 32; l = strtok(NULL, "\n"))
			line[i][n[i]++] = l;
		qsort(line[i], n[i], sizeof(char *), by_text);
	}
	assert_int_equal(n[0], n[1]);
	for (unsigned i = 0; i < n[0]; i++)
		assert_string_equal(line[0][i], line[1][i]);
}

static long long subscriptions(struct appliance *a)
{
	json_t *status = appliance_ask(a, "status");
	long long n = json_integer_value(json_object_get(status, "subscriptions"));

	json_decref(status);
	return n;
}

/* Kills control, lets some traffic go on without it, starts another. */
static void replace_control(struct appliance *a, struct exchange *x)
{
	uint64_t took;

	lab_kill(&a->control, SIGKILL);
	for (unsigned i = 0; i < x->n; i++) {
		peer_hear(x->subscriber[i], "reached");
		peer_hear(x->subscriber[i], "reached");
	}
	appliance_start_control(a);
	took = appliance_ready(a);
	printf("a new control has taken over in %llu ms\n", (unsigned long long)took);
	assert_true(lab_sanitized() || took < TAKEOVER_MS);
}

static void start_eaters(struct exchange *x, struct appliance *a, const struct flow *flow,
			 unsigned n)
{
	static const char *const prefixes[4][3] = {{""}, {"A"}, {"A", "B"}, {"D/", "C."}};

	for (unsigned i = 0; i < n; i++) {
		struct subscriber *s = exchange_prepare(x, flow, prefixes[i % 4]);
		s->report = lab_scaled(100000);
		exchange_start(x, a, s);
	}
	x->publisher_plan.blocks = true;
	exchange_publisher(x, a, flow);
	exchange_go(x);
}

static void test_control_is_killed_in_the_middle_of_traffic(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct flow flow = exchange_market(0);
	struct exchange x = {0};
	char *before, *after;
	long long known;

	(void)state;
	start_eaters(&x, a, &flow, 4);
	for (unsigned i = 0; i < x.n; i++)
		peer_hear(x.subscriber[i], "reached");
	before = streams(a);
	known = subscriptions(a);
	replace_control(a, &x);
	after = streams(a);
	assert_int_equal(subscriptions(a), known);
	same_lines(before, after);
	for (unsigned i = 0; i < x.n; i++)
		peer_hear(x.subscriber[i], "reached");
	peer_tell(x.publisher, "stop", 0);
	exchange_finish(&x);
	free(before);
	free(after);
	appliance_stop(a);
}

static void says(struct appliance *a, const char *command, const char *text)
{
	char *output;

	if (appliance_cli(a, &output, (const char *[]){command, NULL}) || !strstr(output, text))
		fail_msg("zeroline %s does not say \"%s\": %s", command, text, output);
	free(output);
}

static void test_subscriptions_and_peers_work_on_under_the_new_control(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *old = remote_start(&a->net, "old", ZMQ_SUB);
	struct peer *new = remote_start(&a->net, "new", ZMQ_SUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_subscribe(old, "A");
	remote_subscribe(old, "B");
	remote_connect(old, BACKEND);
	remote_expect_subscription(pub, true, "A");
	remote_expect_subscription(pub, true, "B");
	lab_kill(&a->control, SIGKILL);
	/* While there is none, traffic flows; what is asked for waits. */
	remote_send(pub, "A1");
	remote_expect(old, "A1");
	remote_unsubscribe(old, "B");
	remote_subscribe(old, "C");
	remote_subscribe(new, "A");
	remote_subscribe(new, "D");
	remote_connect(new, BACKEND);
	appliance_start_control(a);
	appliance_ready(a);
	remote_expect_subscriptions(pub, (const char *[]){"-B", "+C", "+D", NULL});
	appliance_await_peers(a, 3);
	says(a, "status", "feed");
	says(a, "peers", "SUB");
	assert_int_equal(subscriptions(a), 4); /* A twice, C, D */
	remote_send(pub, "A2");
	remote_send(pub, "B2");
	remote_send(pub, "C2");
	remote_send(pub, "D2");
	remote_expect(old, "A2");
	remote_expect(old, "C2");
	remote_expect(new, "A2");
	remote_expect(new, "D2");
	/* What was adopted is cancelled as if nothing had been. */
	remote_unsubscribe(old, "C");
	remote_expect_subscription(pub, false, "C");
	remote_unsubscribe(new, "D");
	remote_expect_subscription(pub, false, "D");
	remote_unsubscribe(new, "A");
	remote_unsubscribe(old, "A");
	remote_expect_subscription(pub, false, "A");
	remote_end(new);
	assert_int_equal(remote_disconnects(old) + remote_disconnects(pub), 0);
	remote_end(old);
	remote_end(pub);
	appliance_stop(a);
}

static void test_control_is_killed_again_and_again(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	char prefix[16], text[32];

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_connect(sub, BACKEND);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(prefix, sizeof(prefix), "%u.", i);
		remote_subscribe(sub, prefix);
		remote_expect_subscription(pub, true, prefix);
		lab_kill(&a->control, SIGKILL);
		appliance_start_control(a);
		appliance_ready(a);
		for (unsigned j = 0; j <= i; j++) {
			snprintf(text, sizeof(text), "%u.%u", j, i);
			remote_send(pub, text);
			remote_expect(sub, text);
		}
		assert_int_equal(subscriptions(a), i + 1);
	}
	assert_int_equal(remote_disconnects(sub) + remote_disconnects(pub), 0);
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_subscriptions_and_peers_work_on_under_the_new_control),
		LAB_TEST(test_control_is_killed_again_and_again),
		LAB_TEST(test_control_is_killed_in_the_middle_of_traffic),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
