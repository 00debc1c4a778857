/* Peers that send what they should not, or nothing: each is closed for a counted reason, and
 * nobody else notices: a flow runs beside them all the time, and is exact. */
#include <setjmp.h>
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
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"

#define FRONT 5555
#define BACK  5556

enum stage { /* how far the peer behaves */
	CONNECTED,
	GREETED,
	READY,
};

/* `bytes` (with `padding` zeros after them) are the last that the peer sends; it then waits to be
 * closed, or hangs up itself. */
struct misdeed {
	const char *what;
	enum stage stage;
	uint16_t port;
	const char *bytes;
	size_t n, padding;
	bool hangs_up;
	const char *reason;
};
#define BYTES(text) .bytes = (text), .n = sizeof(text) - 1

#define SIGNATURE          "\xff\0\0\0\0\0\0\0\1\x7f"
#define TYPE(text, length) "\4" length "\5READY\xbSocket-Type" text

static const struct misdeed misdeeds[] = {
	{"an HTTP request", CONNECTED, BACK, BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	 .reason = "not_zmtp"},
	{"noise", CONNECTED, FRONT, BYTES("\x16\3\1\2\0\1\0\1\xfc\3\3\x8a\x91\x1b\x7e\xe2\x04"),
	 .reason = "not_zmtp"},
	{"half a signature, and the end", CONNECTED, BACK, BYTES("\xff\0\0\0\0"), .hangs_up = true,
	 .reason = "half_greeting"},
	{"half a greeting, and the end", CONNECTED, BACK, BYTES(SIGNATURE "\3\1NULL"),
	 .hangs_up = true, .reason = "half_greeting"},
	{"half a greeting, and silence", CONNECTED, BACK, BYTES(SIGNATURE "\3"),
	 .reason = "handshake_timeout"},
	{"nothing at all", CONNECTED, FRONT, BYTES(""), .reason = "handshake_timeout"},
	{"a greeting, and silence", GREETED, BACK, BYTES(""), .reason = "handshake_timeout"},
	{"a greeting, and the end", GREETED, BACK, BYTES(""), .hangs_up = true,
	 .reason = "closed_in_handshake"},
	{"a CURVE greeting", CONNECTED, BACK, BYTES(SIGNATURE "\3\1CURVE"), 47,
	 .reason = "mechanism_mismatch"},
	{"ZMTP 2.0 of a PUSH socket", CONNECTED, BACK, BYTES(SIGNATURE "\1\x8\0\0"),
	 .reason = "socket_type_mismatch"},
	{"ZMTP 2.0 of a socket type there is not", CONNECTED, BACK, BYTES(SIGNATURE "\1\xb\0\0"),
	 .reason = "no_socket_type"},
	{"ZMTP 2.0 with an identity that has more parts", CONNECTED, BACK,
	 BYTES(SIGNATURE "\1\2\1\0"), .reason = "bad_greeting"},
	{"a ZMTP version that never was", CONNECTED, BACK, BYTES(SIGNATURE "\0\2\0\0"),
	 .reason = "bad_greeting"},
	{"ZMTP 2.0 that stops in its greeting", CONNECTED, FRONT, BYTES(SIGNATURE "\1\1\0\5ab"),
	 .hangs_up = true, .reason = "half_greeting"},
	{"a command in ZMTP 2.0", CONNECTED, BACK, BYTES(SIGNATURE "\1\2\0\0\4\xb\x9SUBSCRIBEA"),
	 .reason = "bad_frame_flags"},
	{"ZMTP 1.0 with an identity of 256 bytes", CONNECTED, BACK, BYTES("\xff\0\0\0\0\0\0\1\1\0"),
	 .reason = "identity_too_long"},
	{"ZMTP 1.0 with an identity that has no flags", CONNECTED, FRONT,
	 BYTES("\xff\0\0\0\0\0\0\0\0\0"), .reason = "bad_greeting"},
	{"ZMTP 1.0 that stops in its identity", CONNECTED, FRONT, BYTES("\5\0ti"), .hangs_up = true,
	 .reason = "half_greeting"},
	{"a frame of ZMTP 1.0 longer than the socket takes", CONNECTED, FRONT,
	 BYTES("\1\0\xff\0\0\0\0\0\x20\0\0\0"), .reason = "frame_too_long"},
	{"a frame of ZMTP 1.0 that never ends", CONNECTED, FRONT, BYTES("\1\0\x20\0only this"),
	 .hangs_up = true, .reason = "truncated"},
	{"a message before READY", GREETED, BACK, BYTES("\0\5hello"),
	 .reason = "handshake_not_command"},
	{"SUBSCRIBE before READY", GREETED, BACK, BYTES("\4\xb\x9SUBSCRIBEA"),
	 .reason = "unexpected_command"},
	{"a command of 2^60 bytes before READY", GREETED, BACK,
	 BYTES("\6\x10\0\0\0\0\0\0\0\5READY"), .reason = "command_too_long"},
	{"a command of 2^63 bytes and more before READY", GREETED, FRONT,
	 BYTES("\6\xff\xff\xff\xff\xff\xff\xff\xff"), .reason = "frame_too_long"},
	{"a message of 2^60 bytes before READY", GREETED, FRONT, BYTES("\2\x10\0\0\0\0\0\0\0"),
	 .reason = "handshake_not_command"},
	{"a REP socket", GREETED, BACK, BYTES(TYPE("\0\0\0\3REP", "\31")),
	 .reason = "socket_type_mismatch"},
	{"a SUB where publishers connect", GREETED, FRONT, BYTES(TYPE("\0\0\0\3SUB", "\31")),
	 .reason = "socket_type_mismatch"},
	{"a socket type there is not", GREETED, BACK, BYTES(TYPE("\0\0\0\3XYZ", "\31")),
	 .reason = "no_socket_type"},
	{"READY with a property that ends beyond it", GREETED, BACK,
	 BYTES(TYPE("\0\0\1\0SUB", "\31")), .reason = "bad_property"},
	{"a frame of 2^60 bytes", READY, BACK, BYTES("\2\x10\0\0\0\0\0\0\0"),
	 .reason = "frame_too_long"},
	{"a frame of 2^63 bytes and more", READY, FRONT,
	 BYTES("\2\xff\xff\xff\xff\xff\xff\xff\xff"), .reason = "frame_too_long"},
	{"a message longer than the socket takes", READY, FRONT, BYTES("\2\0\0\0\0\0\x20\0\0"),
	 .reason = "frame_too_long"},
	{"reserved flags", READY, BACK, BYTES("\x80\1x"), .reason = "bad_frame_flags"},
	{"a command of no bytes", READY, BACK, BYTES("\4\0"), .reason = "bad_command"},
	{"a frame that never ends", READY, FRONT, BYTES("\0\x20 only this"), .hangs_up = true,
	 .reason = "truncated"},
	{"an ERROR command", READY, BACK, BYTES("\4\x9\5ERROR\2no"), .reason = "peer_error"},
	{"an endless command", READY, BACK, BYTES("\6\0\0\0\0\1\0\0\0\x9SUBSCRIBE"),
	 .reason = "command_too_long"},
};

static void commit(struct appliance *a, struct peer *p, const struct misdeed *m)
{
	uint64_t before = appliance_closes(a, m->reason);
	uint8_t bytes[512] = {0};

	memcpy(bytes, m->bytes, m->n);
	raw_connect(p, m->port);
	if (m->stage >= GREETED)
		raw_greet(p);
	if (m->stage >= READY)
		raw_ready(p, m->port == FRONT ? "PUB" : "SUB");
	if (m->n)
		raw_send(p, bytes, m->n + m->padding);
	if (m->hangs_up)
		raw_close(p);
	else
		raw_expect_close(p);
	printf("%s\n", m->what);
	appliance_await_closes(a, m->reason, before + 1);
	if (!m->hangs_up)
		raw_close(p);
}

/* Two subscribers and a publisher that does not stop. */
static void start_bystanders(struct exchange *x, struct appliance *a, const struct flow *flow)
{
	exchange_subscriber(x, a, flow, (const char *[]){"", NULL});
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

static void test_each_misdeed_is_closed_for_its_reason_and_nobody_else_notices(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.limits = "handshake: 1s",
		.frontend = "bind: [\"" FRONTEND "\"], hwm: 0, max_message: 1MiB"});
	struct flow flow = exchange_market(0);
	struct exchange x = {0};
	struct peer *p = raw_start(&a->net, "hostile");

	(void)state;
	start_bystanders(&x, a, &flow);
	for (unsigned i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++) {
		printf("  %s\n", misdeeds[i].what);
		commit(a, p, &misdeeds[i]);
	}
	end_bystanders(&x);
	raw_end(p);
	appliance_stop(a);
}

static void test_hundreds_of_half_open_handshakes_leave_room_for_others(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.limits = "handshake: 3s, half_open_an_address: 1000"});
	struct peer *p = raw_start(&a->net, "flood"), *sub, *pub;
	const unsigned n = 300;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		raw_connect(p, BACK);
		raw_send(p, SIGNATURE, i % 11);
	}
	sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	remote_connect(pub, FRONTEND);
	remote_subscribe(sub, "x");
	remote_connect(sub, BACKEND);
	remote_expect_subscription(pub, true, "x");
	remote_send(pub, "x1");
	remote_expect(sub, "x1");
	raw_expect_close(p); /* the last of them */
	assert_int_equal(remote_disconnects(sub) + remote_disconnects(pub), 0);
	remote_end(sub);
	remote_end(pub);
	raw_end(p);
	appliance_await_peers(a, 0);
	appliance_stop(a);
}

static void test_connections_that_are_reset_at_every_stage_leave_nothing(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct flow flow = exchange_market(0);
	struct exchange x = {0};
	struct peer *p = raw_start(&a->net, "resets");

	(void)state;
	start_bystanders(&x, a, &flow);
	for (unsigned i = 0; i < 60; i++) {
		raw_connect(p, i % 2 ? FRONT : BACK);
		if (i % 3 > 0)
			raw_greet(p);
		if (i % 3 > 1)
			raw_ready(p, i % 2 ? "PUB" : "SUB");
		raw_reset(p);
	}
	appliance_await_peers(a, 3);
	end_bystanders(&x);
	raw_end(p);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_each_misdeed_is_closed_for_its_reason_and_nobody_else_notices),
		LAB_TEST(test_hundreds_of_half_open_handshakes_leave_room_for_others),
		LAB_TEST(test_connections_that_are_reset_at_every_stage_leave_nothing),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
