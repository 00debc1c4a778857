/* Strangers by the thousand who connect and say nothing, and as many who say what makes no sense,
 * from one address and from many, beside live traffic (scripts/bench has ten thousand of either):
 * nothing of that is lost and nobody of it closed, whoever has something to say gets in, the
 * strangers go by counted reasons, and what they cost of memory has a bound and an end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"
#include "tests/interop/remote.h"

#define STRANGERS  2500 /* of either kind; fewer where message counts are divided */
#define HALF_OPEN  1024 /* as configs/zeroline.yaml has it */
#define AN_ADDRESS 128
#define MEMORY_KB  (64u << 10) /* more than before, of either process */
/* A flood that ends resets a thousand connections at once: a reset that is lost comes no second
 * time. */
#define ASKS        "keepalive: 2s"
#define CURVE_PORT  5558
#define CURVE       "tcp://" LAB_APPLIANCE_IP ":5558"
#define CURVE_FRONT "tcp://" LAB_APPLIANCE_IP ":5557"

static unsigned many; /* of either kind, in this test */

/* --- the flood --- */

static void flood_start(struct appliance *a, struct lab_child *child, const char *from,
			const char *sources, uint16_t port, bool curve)
{
	char to[32], path[512], log[128], n[16];
	char *argv[16] = {path,
			  "--to",
			  to,
			  "--from",
			  (char *)from,
			  "--sources",
			  (char *)sources,
			  "--half-open",
			  n,
			  "--garbage",
			  n,
			  NULL};

	snprintf(to, sizeof(to), LAB_APPLIANCE_IP ":%u", port);
	snprintf(path, sizeof(path), "%s", lab_program("tests/bench/bench-flood"));
	snprintf(log, sizeof(log), "%s/flood.log", a->run_dir);
	snprintf(n, sizeof(n), "%u", many);
	argv[11] = curve ? "--curve" : NULL;
	lab_spawn(child,
		  &(struct lab_spawn){
			  .namespace = a->net.peer, .name = "flood", .log = log, .argv = argv});
}

static uint64_t said(const char *log, const char *name)
{
	const char *at = strstr(log, name);

	if (!at)
		fail_msg("no %s in what the flood said: %s", name, log);
	return strtoull(at + strlen(name) + 3, NULL, 10);
}

static void flood_end(struct lab_child *child)
{
	char *log;

	lab_kill(child, SIGTERM);
	assert_int_equal(lab_wait(child, LAB_PATIENCE_MS), 0);
	log = lab_log(child);
	printf("  the flood: %s", strchr(log, '{'));
	assert_int_equal(said(log, "\"tried"), 2 * many);
	free(log);
}

/* --- the appliance --- */

static uint64_t memory_kb(const struct lab_child *child, const char *what)
{
	char path[64], line[256];
	uint64_t kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", child->pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, what, strlen(what)) == 0)
			kb = strtoull(line + strlen(what) + 1, NULL, 10);
	fclose(f);
	return kb;
}

struct memory {
	uint64_t dataplane, control;
};

static struct memory memory_of(const struct appliance *a)
{
	return (struct memory){memory_kb(&a->dataplane, "VmRSS"), memory_kb(&a->control, "VmRSS")};
}

static void memory_is_bounded(const struct appliance *a, const struct memory *before)
{
	const struct memory now = memory_of(a);

	printf("  memory, kB: the dataplane %llu, was %llu; control %llu, was %llu\n",
	       (unsigned long long)now.dataplane, (unsigned long long)before->dataplane,
	       (unsigned long long)now.control, (unsigned long long)before->control);
	if (lab_sanitized())
		return; /* freed memory is kept for a while */
	assert_true(now.dataplane < before->dataplane + MEMORY_KB);
	assert_true(now.control < before->control + MEMORY_KB);
}

struct range {
	int least, most;
};

static bool half_open_in(json_t *status, const void *context)
{
	const struct range *r = context;
	json_int_t n = json_integer_value(
		json_object_get(json_object_get(status, "peers"), "handshaking"));

	return n >= r->least && n <= r->most;
}

/* Some, if there may be some at all. */
static void await_half_open(struct appliance *a, int most)
{
	const struct range r = {most > 0, most};

	appliance_await(a, "status", half_open_in, &r, "strangers are as few as may be");
}

/* --- whoever has something to say --- */

static void start_bystanders(struct exchange *x, struct appliance *a, const struct flow *flow)
{
	exchange_subscriber(x, a, flow, (const char *[]){"A", "B", NULL});
	exchange_subscriber(x, a, flow, (const char *[]){"A", "D/", NULL});
	x->publisher_plan.blocks = true;
	exchange_publisher(x, a, flow);
	exchange_go(x);
}

static void end_bystanders(struct exchange *x)
{
	peer_tell(x->publisher, "stop", 0);
	exchange_finish(x);
}

/* Subscribes, and is sent something. While half open it may have to make room and come again; once
 * in, it stays. */
static void client_comes(struct appliance *a, struct peer *publisher, const char *backend)
{
	struct peer *sub = remote_start(&a->net, "client", ZMQ_SUB);
	uint64_t began = lab_now_ms();
	unsigned tries;

	remote_subscribe(sub, "~client");
	remote_connect(sub, backend);
	remote_expect_subscription(publisher, true, "~client");
	printf("  a client was there after %llu ms\n", (unsigned long long)(lab_now_ms() - began));
	tries = remote_disconnects(sub);
	remote_send(publisher, "~client, hello");
	remote_expect(sub, "~client, hello");
	assert_int_equal(remote_disconnects(sub), tries);
	remote_end(sub);
	remote_expect_subscription(publisher, false, "~client");
}

/* --- */

static void beside_traffic(const char *from, const char *sources)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.tcp = ASKS, .limits = "streams: 4096, handshake: 5min"});
	struct flow flow = exchange_market(0);
	struct exchange x = {0};
	struct lab_child flood;
	struct memory before;
	struct peer *publisher;

	lab_net_many(&a->net);
	start_bystanders(&x, a, &flow);
	publisher = remote_start(&a->net, "announcer", ZMQ_XPUB);
	remote_connect(publisher, FRONTEND);
	remote_expect_subscriptions(publisher,
				    (const char *[]){"+A", "+B", "+D/", "+~0 ", "+~1 ", NULL});
	appliance_await_peers(a, 4);
	before = memory_of(a);
	flood_start(a, &flood, from, sources, 5556, false);
	client_comes(a, publisher, BACKEND);
	lab_await_log(&flood, "each has come once", 4 * LAB_PATIENCE_MS);
	client_comes(a, publisher, BACKEND);
	memory_is_bounded(a, &before);
	await_half_open(a, atoi(sources) > 1 ? HALF_OPEN : AN_ADDRESS);
	flood_end(&flood);
	await_half_open(a, 0);
	appliance_await_peers(a, 4);
	assert_true(appliance_closes(a, "not_zmtp") > 0);
	assert_true(appliance_closes(a, "mechanism_mismatch") > 0);
	assert_true(appliance_closes(a, "command_too_long") > 0);
	if (many > AN_ADDRESS && atoi(sources) == 1)
		assert_true(appliance_counter(a, "core.drop_half_open_address") > 0);
	if (many > HALF_OPEN && atoi(sources) > 1)
		assert_true(appliance_counter(a, "core.drop_half_open") +
				    appliance_counter(a, "core.close_half_open") >
			    0);
	assert_int_equal(remote_disconnects(publisher), 0);
	remote_end(publisher);
	end_bystanders(&x);
	appliance_stop(a);
}

static void test_from_one_address(void **state)
{
	(void)state;
	many = (unsigned)lab_scaled(STRANGERS);
	beside_traffic("10.99.0.200", "1");
}

static void test_from_many_addresses(void **state)
{
	char n[8];

	(void)state;
	many = (unsigned)lab_scaled(STRANGERS);
	snprintf(n, sizeof(n), "%d", LAB_MANY);
	beside_traffic(LAB_MANY_IP, n);
}

static struct peer_security as_client;
static char public_key[41], secret_key[41];

static const char *curve_device(void)
{
	static char text[700];
	char folder[64], path[128];
	FILE *f;

	lab_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/own.cert_secret", folder);
	zmq_curve_keypair(public_key, secret_key);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public_key,
		secret_key);
	fclose(f);
	snprintf(text, sizeof(text),
		 "  - {name: private, kind: forwarder, frontend: {bind: [\"" CURVE_FRONT "\"]}, "
		 "backend: {bind: [\"" CURVE "\"], security: {mechanism: curve, role: server, "
		 "secret_key: %s, allow: any}}}\n",
		 path);
	as_client = (struct peer_security){
		.public_key = public_key, .secret_key = secret_key, .server_key = public_key};
	return text;
}

/* HELLOs that take a public-key operation each to be seen through. */
static void test_of_a_socket_that_demands_curve(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.tcp = ASKS,
					   .limits = "streams: 4096, handshake: 5min",
					   .devices = curve_device()});
	struct flow flow = exchange_market(0);
	struct exchange x = {0};
	struct lab_child flood;
	struct peer *publisher;
	struct memory before;
	char n[8];

	(void)state;
	many = (unsigned)lab_scaled(STRANGERS);
	lab_net_many(&a->net);
	start_bystanders(&x, a, &flow);
	publisher = remote_start(&a->net, "announcer", ZMQ_XPUB);
	remote_connect(publisher, CURVE_FRONT);
	appliance_await_peers(a, 4);
	before = memory_of(a);
	snprintf(n, sizeof(n), "%d", LAB_MANY);
	flood_start(a, &flood, LAB_MANY_IP, n, CURVE_PORT, true);
	peer_secure(&as_client);
	client_comes(a, publisher, CURVE);
	lab_await_log(&flood, "each has come once", 4 * LAB_PATIENCE_MS);
	client_comes(a, publisher, CURVE);
	peer_secure(NULL);
	memory_is_bounded(a, &before);
	await_half_open(a, HALF_OPEN);
	flood_end(&flood);
	await_half_open(a, 0);
	assert_true(appliance_closes(a, "curve_cannot_open") > 0);
	assert_true(appliance_counter(a, "control.dear_commands") > 0);
	/* where keys are kept is not swapped out, but for sanitizers, which take mlock() away */
	assert_true(memory_kb(&a->dataplane, "VmLck") > 0);
	assert_true(lab_sanitized() || memory_kb(&a->control, "VmLck") > 0);
	assert_int_equal(remote_disconnects(publisher), 0);
	remote_end(publisher);
	end_bystanders(&x);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_from_one_address),
		LAB_TEST(test_from_many_addresses),
		LAB_TEST(test_of_a_socket_that_demands_curve),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
