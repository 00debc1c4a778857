/* Socket options as libzmq's peers, or the wire, show them: a row for each, with a device of its
 * own that has the option, and what must be seen that would not be without it. One appliance has
 * all of the devices; a row leaves no peer behind.
 *
 * To hold the rows to their word: ZL_OPTIONS_ROW=N has only row N, and ZL_OPTIONS_NONE=1 takes the
 * options away, so that it must fail. */
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
#include "tests/interop/capture.h"
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"

#define FIRST_PORT 6000
#define BIG        8000 /* bytes of a message that fills buffers */

/* Where row i's device is: frontends at even ports, backends at odd ones. */
struct at {
	struct appliance *a;
	uint16_t front, back;
};

struct row {
	const char *option, *kind, *frontend, *backend; /* types and options; bound if not said */
	void (*see)(const struct at *at);
};

static const char *address(uint16_t port)
{
	static char text[4][40];
	static unsigned n;

	n = (n + 1) % 4;
	snprintf(text[n], sizeof(text[n]), "tcp://" LAB_APPLIANCE_IP ":%u", port);
	return text[n];
}

static struct peer *start(const struct at *at, const char *name, int type)
{
	return remote_start(&at->a->net, name, type);
}

static struct peer *joined(const struct at *at, const char *name, int type, uint16_t port)
{
	struct peer *p = start(at, name, type);

	remote_connect(p, address(port));
	return p;
}

struct reaches {
	struct appliance *a;
	const char *name;
	uint64_t least;
};

static bool reached(json_t *stats, const void *context)
{
	const struct reaches *r = context;
	size_t i;
	json_t *row;

	json_array_foreach(
		stats, i,
		row) if (strcmp(json_string_value(json_object_get(row, "name")), r->name) ==
			 0) return (uint64_t)json_integer_value(json_object_get(row, "total")) >=
		r->least;
	return false;
}

static void await_counter(const struct at *at, const char *name, uint64_t least)
{
	const struct reaches r = {at->a, name, least};

	appliance_await(at->a, "stats", reached, &r, name);
}

static uint64_t counter(const struct at *at, const char *name)
{
	return appliance_counter(at->a, name);
}

static bool has_closed(json_t *status, const void *context)
{
	const struct reaches *r = context;

	return (uint64_t)json_integer_value(
		       json_object_get(json_object_get(status, "closes"), r->name)) >= r->least;
}

static void await_close(const struct at *at, const char *reason)
{
	const struct reaches r = {at->a, reason, 1};

	appliance_await(at->a, "status", has_closed, &r, reason);
}

/* --- what peers are told --- */

static void see_routing_id(const struct at *at)
{
	struct peer *router = joined(at, "router", ZMQ_ROUTER, at->back);
	struct peer *dealer = joined(at, "dealer", ZMQ_DEALER, at->front);

	remote_send(dealer, "m");
	remote_expect(router, "box");
	remote_expect(router, "m");
	remote_end(dealer);
	remote_end(router);
}

static void see_probe_router(const struct at *at)
{
	struct peer *router = joined(at, "router", ZMQ_ROUTER, at->back);

	remote_expect(router, "box");
	remote_expect(router, "");
	remote_end(router);
}

static void see_hello(const struct at *at)
{
	struct peer *dealer = joined(at, "dealer", ZMQ_DEALER, at->front);

	remote_expect(dealer, "hello");
	remote_end(dealer);
}

static void see_disconnect_msg(const struct at *at)
{
	struct peer *far = joined(at, "far", ZMQ_DEALER, at->back), *near;

	near = start(at, "near", ZMQ_DEALER);
	remote_option_text(near, ZMQ_ROUTING_ID, "bob");
	remote_connect(near, address(at->front));
	remote_send(near, "m");
	remote_expect(far, "bob");
	remote_expect(far, "m");
	remote_end(near);
	remote_expect(far, "bob");
	remote_expect(far, "bye");
	remote_end(far);
}

#define HICCUP_BINDS  "tcp://" LAB_PEER_IP ":5801"
#define CONNECT_BINDS "tcp://" LAB_PEER_IP ":5802"

static void see_hiccup_msg(const struct at *at)
{
	struct peer *far = joined(at, "far", ZMQ_DEALER, at->back);
	struct peer *near = start(at, "near", ZMQ_DEALER);

	remote_bind(near, HICCUP_BINDS);
	remote_send(near, "m");
	remote_expect(far, "m");
	remote_end(near);
	remote_expect(far, "hiccup");
	remote_end(far);
}

static void see_connect_routing_id(const struct at *at)
{
	struct peer *far = joined(at, "far", ZMQ_DEALER, at->back);
	struct peer *near = start(at, "near", ZMQ_DEALER);

	remote_option_text(near, ZMQ_ROUTING_ID, "own");
	remote_bind(near, CONNECT_BINDS);
	remote_send(near, "m");
	remote_expect(far, "called");
	remote_expect(far, "m");
	remote_end(near);
	remote_end(far);
}

static void see_router_notify(const struct at *at)
{
	struct peer *far = joined(at, "far", ZMQ_DEALER, at->back), *near;

	appliance_await_peers(at->a, 1);
	near = start(at, "near", ZMQ_DEALER);
	remote_option_text(near, ZMQ_ROUTING_ID, "bob");
	remote_connect(near, address(at->front));
	remote_expect(far, "bob");
	remote_expect(far, "");
	remote_end(near);
	remote_expect(far, "bob");
	remote_expect(far, "");
	remote_end(far);
}

static void see_router_handover(const struct at *at)
{
	struct peer *far = joined(at, "far", ZMQ_DEALER, at->back), *old, *new;

	old = start(at, "old", ZMQ_DEALER);
	remote_option_text(old, ZMQ_ROUTING_ID, "bob");
	remote_option(old, ZMQ_RECONNECT_IVL, -1);
	remote_connect(old, address(at->front));
	remote_send(old, "1");
	remote_expect(far, "bob");
	remote_expect(far, "1");
	new = start(at, "new", ZMQ_DEALER);
	remote_option_text(new, ZMQ_ROUTING_ID, "bob");
	remote_connect(new, address(at->front));
	remote_send(new, "2");
	remote_expect(far, "bob");
	remote_expect(far, "2");
	await_close(at, "handover");
	remote_end(old);
	remote_end(new);
	remote_end(far);
}

static void see_metadata(const struct at *at)
{
	static const char site[] = "\6X-site\0\0\0\2ny";
	struct peer *raw = raw_start(&at->a->net, "raw");
	const uint8_t *ready;

	raw_connect(raw, at->front);
	raw_greet(raw);
	ready = raw_receive(raw, 2 + 6 + 12 + 4 + 4 + sizeof(site) - 1);
	assert_memory_equal(ready + 2 + 6 + 12 + 4 + 4, site, sizeof(site) - 1);
	raw_close(raw);
	raw_end(raw);
}

static bool told_rack(json_t *peers, const void *context)
{
	json_t *p = json_object_get(json_array_get(peers, 0), "properties");
	const char *rack = json_string_value(json_object_get(p, "X-rack"));

	(void)context;
	return rack && strcmp(rack, "7") == 0;
}

static void see_peer_properties(const struct at *at)
{
	static const char ready[] = "\4\x26\5READY\13Socket-Type\0\0\0\4PUSH\6X-rack\0\0\0\0017";
	struct peer *raw = raw_start(&at->a->net, "raw");

	raw_connect(raw, at->front);
	raw_greet(raw);
	raw_send(raw, ready, sizeof(ready) - 1);
	appliance_await(at->a, "peers", told_rack, NULL, "the peer's property");
	raw_close(raw);
	raw_end(raw);
}

/* --- subscriptions --- */

static void see_welcome(const struct at *at)
{
	struct peer *sub = start(at, "sub", ZMQ_SUB);

	remote_subscribe(sub, "wel");
	remote_connect(sub, address(at->back));
	remote_expect(sub, "welcome");
	remote_end(sub);
}

static void see_verbose(const struct at *at)
{
	struct peer *pub = start(at, "pub", ZMQ_XPUB), *sub[2];

	remote_option(pub, ZMQ_XPUB_VERBOSE, 1);
	remote_connect(pub, address(at->front));
	for (unsigned i = 0; i < 2; i++) {
		sub[i] = joined(at, "sub", ZMQ_SUB, at->back);
		remote_subscribe(sub[i], "A");
		remote_expect_subscription(pub, true, "A");
	}
	remote_end(sub[0]);
	remote_end(sub[1]);
	remote_expect_subscription(pub, false, "A");
	remote_end(pub);
}

static void see_inverted(const struct at *at)
{
	struct peer *pub = start(at, "pub", ZMQ_XPUB), *sub = start(at, "sub", ZMQ_SUB);

	remote_option(sub, ZMQ_INVERT_MATCHING, 1);
	remote_subscribe(sub, "A");
	remote_connect(sub, address(at->back));
	remote_connect(pub, address(at->front));
	remote_expect_subscription(pub, true, ""); /* of everything */
	await_counter(at, "router.subscriptions_in", counter(at, "router.subscriptions_in"));
	remote_send(pub, "A1");
	remote_send(pub, "B1");
	remote_expect(sub, "B1");
	remote_end(sub);
	remote_end(pub);
}

/* A subscriber that stops for a while gets it all, whatever its high-water mark. */
static void see_nodrop(const struct at *at)
{
	uint64_t stalls = counter(at, "router.stalls_send");
	struct peer *pub = start(at, "pub", ZMQ_XPUB), *sub = joined(at, "sub", ZMQ_SUB, at->back);
	static char text[BIG];

	remote_subscribe(sub, "");
	remote_connect(pub, address(at->front));
	remote_expect_subscription(pub, true, "");
	memset(text, 'x', sizeof(text));
	peer_signal(sub, SIGSTOP);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "%08u", i);
		remote_send_bytes(pub, text, sizeof(text));
	}
	await_counter(at, "router.stalls_send", stalls + 1);
	peer_signal(sub, SIGCONT);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "%08u", i);
		remote_expect_bytes(sub, text, sizeof(text));
	}
	remote_end(sub);
	remote_end(pub);
}

/* --- messages --- */

/* What a peer that stopped for a while gets in the end is the newest, and not all before it. */
static void see_conflate(const struct at *at)
{
	uint64_t was = counter(at, "router.dropped_conflated");
	struct peer *push = joined(at, "push", ZMQ_PUSH, at->front);
	struct peer *pull = joined(at, "pull", ZMQ_PULL, at->back);
	static char text[BIG];
	unsigned got = 0;

	appliance_await_peers(at->a, 2);
	peer_signal(pull, SIGSTOP);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "%08u", i);
		remote_send_bytes(push, text, i < 1999 ? sizeof(text) : 8);
	}
	await_counter(at, "router.dropped_conflated", was + 1);
	peer_signal(pull, SIGCONT);
	for (uint32_t bytes = 0; bytes != 8; got++) {
		peer_tell(pull, "receive", 0);
		bytes = peer_hear(pull, "got")->bytes;
	}
	assert_in_range(got, 1, 1999);
	remote_end(push);
	remote_end(pull);
}

static void see_maxmsgsize(const struct at *at)
{
	struct peer *push = joined(at, "push", ZMQ_PUSH, at->front);
	struct peer *pull = joined(at, "pull", ZMQ_PULL, at->back);
	char text[101] = {0};

	remote_send_bytes(push, text, 100);
	remote_expect_bytes(pull, text, 100);
	remote_send_bytes(push, text, 101);
	await_close(at, "frame_too_long");
	remote_end(push);
	remote_end(pull);
}

/* Whoever is not ready is dealt nothing. */
static void see_immediate(const struct at *at)
{
	struct peer *push = joined(at, "push", ZMQ_PUSH, at->front);
	struct peer *pull = joined(at, "pull", ZMQ_PULL, at->back);

	for (unsigned i = 0; i < 10; i++) {
		remote_send(push, "m");
		remote_expect(pull, "m");
	}
	remote_end(push);
	remote_end(pull);
}

/* --- connections --- */

static void see_heartbeats(const struct at *at)
{
	struct peer *push = joined(at, "push", ZMQ_PUSH, at->front);
	struct peer *raw = raw_start(&at->a->net, "raw");

	raw_connect(raw, at->front);
	raw_greet(raw);
	raw_ready(raw, "PUSH");
	assert_memory_equal(raw_receive(raw, 9), "\4\7\4PING\0\62", 9); /* a TTL of 5 s */
	raw_expect_close(raw);                                          /* it does not answer */
	raw_end(raw);
	await_close(at, "heartbeat_timeout");
	await_counter(at, "zmtp.pongs_in", 3);
	appliance_await_peers(at->a, 1);
	peer_signal(push, SIGSTOP);
	appliance_await_peers(at->a, 0);
	peer_signal(push, SIGCONT);
	remote_end(push);
}

static void see_heartbeat_of_the_peer(const struct at *at)
{
	struct peer *push = start(at, "push", ZMQ_PUSH);

	remote_option(push, ZMQ_HEARTBEAT_IVL, 100);
	remote_option(push, ZMQ_HEARTBEAT_TIMEOUT, 60000);
	remote_option(push, ZMQ_HEARTBEAT_TTL, 400);
	remote_connect(push, address(at->front));
	appliance_await_peers(at->a, 1);
	await_counter(at, "zmtp.pings_in", 3);
	peer_signal(push, SIGSTOP);
	await_close(at, "heartbeat_ttl");
	peer_signal(push, SIGCONT);
	remote_end(push);
}

static void see_handshake_ivl(const struct at *at)
{
	struct peer *raw = raw_start(&at->a->net, "raw");

	raw_connect(raw, at->front);
	raw_expect_close(raw);
	await_close(at, "handshake_timeout");
	raw_end(raw);
}

static void turned_away_run(struct peer *self, const void *plan)
{
	raw_expect_turned_away(self, *(const uint16_t *)plan);
}

static void see_accept_filter(const struct at *at)
{
	struct peer *raw = raw_start(&at->a->net, "raw");

	peer_done(peer_start(&at->a->net, "stranger", turned_away_run, &at->front));
	await_counter(at, "core.drop_filtered", 1);
	raw_connect(raw, at->back); /* which the peer's network may */
	raw_greet(raw);
	raw_close(raw);
	raw_end(raw);
}

static void see_keepalive(const struct at *at)
{
	uint64_t was = counter(at, "net.tcp_keepalive_probes");
	struct peer *raw = raw_start(&at->a->net, "raw");

	raw_connect(raw, at->front);
	raw_greet(raw);
	raw_ready(raw, "PUSH");
	await_counter(at, "net.tcp_keepalive_probes", was + 1);
	raw_close(raw);
	raw_end(raw);
}

static void see_tos(const struct at *at)
{
	struct peer *capture = capture_start(&at->a->net, at->front);
	struct peer *raw = raw_start(&at->a->net, "raw");

	raw_connect(raw, at->front);
	raw_greet(raw);
	raw_close(raw);
	assert_int_equal(capture_tos(capture), 0xb8);
	capture_end(capture);
	raw_end(raw);
}

static bool is_stopped(json_t *status, const void *context)
{
	json_t *e;
	size_t i;

	(void)context;
	json_array_foreach(json_object_get(status, "endpoints"), i,
			   e) if (strcmp(json_string_value(json_object_get(e, "state")),
					 "stopped") == 0) return true;
	return false;
}

/* Nobody listens at its endpoint. */
static void see_reconnect_stop(const struct at *at)
{
	appliance_await(at->a, "status", is_stopped, NULL, "the connect has stopped");
}

/* Nobody is at its address. */
static void see_connect_timeout(const struct at *at)
{
	await_close(at, "connect_timed_out");
}

static void see_linger(const struct at *at)
{
	uint64_t was = counter(at, "router.parts_received");
	struct peer *push = joined(at, "push", ZMQ_PUSH, at->front);
	struct peer *pull = start(at, "pull", ZMQ_PULL);
	static char text[BIG];

	remote_bind(pull, "tcp://" LAB_PEER_IP ":5803");
	appliance_await_peers(at->a, 2);
	peer_signal(pull, SIGSTOP);
	for (unsigned i = 0; i < 2000; i++)
		remote_send_bytes(push, text, sizeof(text));
	await_counter(at, "router.parts_received", was + 2000);
	assert_null(appliance_change(at->a, "disconnect", "linger.backend",
				     "tcp://" LAB_PEER_IP ":5803"));
	await_counter(at, "net.tcp_closed_linger_timeout", 1);
	peer_signal(pull, SIGCONT);
	remote_end(pull);
	remote_end(push);
}

static const struct row rows[] = {
	{"routing_id", "bridge", "type: DEALER", "type: DEALER, options: {routing_id: box}",
	 see_routing_id},
	{"probe_router", "bridge", "type: DEALER",
	 "type: DEALER, options: {routing_id: box, probe_router: yes}", see_probe_router},
	{"hello_msg", "bridge", "type: DEALER, options: {hello_msg: hello}", "type: DEALER",
	 see_hello},
	{"disconnect_msg", "bridge", "type: ROUTER, options: {disconnect_msg: bye}", "type: DEALER",
	 see_disconnect_msg},
	{"hiccup_msg", "bridge",
	 "type: DEALER, connect: '" HICCUP_BINDS "', options: {hiccup_msg: hiccup}", "type: DEALER",
	 see_hiccup_msg},
	{"connect_routing_id", "bridge",
	 "type: ROUTER, connect: '" CONNECT_BINDS "', options: {connect_routing_id: called}",
	 "type: DEALER", see_connect_routing_id},
	{"router_notify", "bridge", "type: ROUTER, options: {router_notify: [connect, disconnect]}",
	 "type: DEALER", see_router_notify},
	{"router_handover", "bridge", "type: ROUTER, options: {router_handover: yes}",
	 "type: DEALER", see_router_handover},
	{"metadata", "streamer", "options: {metadata: {X-site: ny}}", "", see_metadata},
	{"peer properties", "streamer", "", "", see_peer_properties},
	{"xpub_welcome_msg", "forwarder", "", "options: {xpub_welcome_msg: welcome}", see_welcome},
	{"xpub_verbose", "forwarder", "", "options: {xpub_verbose: yes}", see_verbose},
	{"invert_matching", "forwarder", "", "options: {invert_matching: yes}", see_inverted},
	{"xpub_nodrop", "forwarder", "hwm: 0",
	 "hwm: 10, sndbuf: 16KiB, options: {xpub_nodrop: yes}", see_nodrop},
	{"conflate", "streamer", "", "options: {conflate: yes}", see_conflate},
	{"maxmsgsize", "streamer", "options: {maxmsgsize: 100}", "", see_maxmsgsize},
	{"immediate", "streamer", "",
	 "connect: 'tcp://" LAB_PEER_IP ":5999', options: {immediate: yes}", see_immediate},
	{"heartbeat_ivl, _timeout, _ttl", "streamer",
	 "options: {heartbeat_ivl: 100ms, heartbeat_timeout: 400ms, heartbeat_ttl: 5s}", "",
	 see_heartbeats},
	{"a peer's heartbeat TTL", "streamer", "", "", see_heartbeat_of_the_peer},
	{"handshake_ivl", "streamer", "options: {handshake_ivl: 200ms}", "", see_handshake_ivl},
	{"tcp_accept_filter", "streamer", "options: {tcp_accept_filter: 192.168.0.0/16}",
	 "options: {tcp_accept_filter: [192.168.0.0/16, 10.99.0.0/24]}", see_accept_filter},
	{"tcp_keepalive", "streamer", "options: {tcp_keepalive: yes, tcp_keepalive_idle: 1s}", "",
	 see_keepalive},
	{"tos", "streamer", "options: {tos: 184}", "", see_tos},
	{"reconnect_stop", "streamer",
	 "connect: 'tcp://" LAB_PEER_IP ":5998', options: {reconnect_stop: conn_refused}", "",
	 see_reconnect_stop},
	{"connect_timeout", "streamer",
	 "connect: 'tcp://10.99.0.77:5998', options: {connect_timeout: 200ms}", "",
	 see_connect_timeout},
	{"linger", "streamer", "hwm: 0",
	 "hwm: 0, connect: 'tcp://" LAB_PEER_IP ":5803', options: {linger: 300ms}", see_linger},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void put_side(FILE *f, const char *side, const char *row, unsigned port)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", row);
	if (getenv("ZL_OPTIONS_NONE") && strstr(text, "options: "))
		*strstr(text, "options: ") = '\0'; /* they stand last */
	fprintf(f, "    %s: {", side);
	if (!strstr(text, "connect: ") || strstr(text, "immediate"))
		fprintf(f, "bind: ['%s']%s", address((uint16_t)port), *text ? ", " : "");
	fprintf(f, "%s}\n", text);
}

static char *devices(void)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	for (unsigned i = 0; i < ROWS; i++) {
		bool named = strcmp(rows[i].option, "linger") == 0;

		fprintf(f, "  - name: %s", named ? "linger" : "row");
		if (!named)
			fprintf(f, "%u", i);
		fprintf(f, "\n    kind: %s\n", rows[i].kind);
		put_side(f, "frontend", rows[i].frontend, FIRST_PORT + 2 * i);
		put_side(f, "backend", rows[i].backend, FIRST_PORT + 2 * i + 1);
	}
	fclose(f);
	return text;
}

static void test_each_option_shows(void **state)
{
	const char *only = getenv("ZL_OPTIONS_ROW");
	char *text = devices();
	struct appliance *a = appliance_start(
		&(struct appliance_config){.devices = text, .limits = "handshake: 5min"});

	(void)state;
	for (unsigned i = 0; i < ROWS; i++) {
		const struct at at = {a, (uint16_t)(FIRST_PORT + 2 * i),
				      (uint16_t)(FIRST_PORT + 2 * i + 1)};
		uint64_t from = lab_now_ms();

		if (only && (unsigned)atoi(only) != i)
			continue;
		rows[i].see(&at);
		appliance_await_peers(a, 0);
		print_message("%-32s seen (%u ms)\n", rows[i].option,
			      (unsigned)(lab_now_ms() - from));
	}
	appliance_stop(a);
	free(text);
}

static void test_what_is_in_force_is_listed(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.backend = "bind: [\"" BACKEND "\"], options: {heartbeat_ivl: 1500ms, "
			   "xpub_verbose: yes, tcp_accept_filter: [10.99.0.0/24]}"});
	char *text;

	(void)state;
	assert_int_equal(
		appliance_cli(a, &text, (const char *const[]){"options", "feed.backend", NULL}), 0);
	assert_non_null(strstr(text, "heartbeat_ivl           1500ms        set"));
	assert_non_null(strstr(text, "xpub_verbose            yes           set"));
	assert_non_null(strstr(text, "tcp_accept_filter       10.99.0.0/24  set"));
	assert_null(strstr(text, "router_mandatory"));
	free(text);
	appliance_stop(a);
}

/* The dataplane ends while a peer has not read: what is queued for it still comes. */
static void test_what_is_queued_is_sent_while_the_appliance_ends(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "streamer",
		.frontend = "bind: [\"" FRONTEND "\"], hwm: 0",
		.backend = "bind: [\"" BACKEND "\"], hwm: 0, options: {linger: 10s}"});
	const struct at at = {a, 5555, 5556};
	struct peer *push = joined(&at, "push", ZMQ_PUSH, 5555);
	struct peer *pull = joined(&at, "pull", ZMQ_PULL, 5556);
	static char text[BIG];

	(void)state;
	appliance_await_peers(a, 2);
	peer_signal(pull, SIGSTOP);
	for (unsigned i = 0; i < 1500; i++)
		remote_send_bytes(push, text, sizeof(text));
	await_counter(&at, "router.parts_received", 1500);
	lab_kill(&a->dataplane, SIGTERM);
	while (remote_disconnects(push) == 0)
		;
	peer_signal(pull, SIGCONT);
	for (unsigned i = 0; i < 1500; i++)
		remote_expect_bytes(pull, text, sizeof(text));
	remote_end(push);
	remote_end(pull);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_each_option_shows),
		LAB_TEST(test_what_is_in_force_is_listed),
		LAB_TEST(test_what_is_queued_is_sent_while_the_appliance_ends),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
