/* Peers that have proved nothing: how many a core lets in, who has to go for a new one, and who
 * never has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>

#include "tests/unit/core_pair.h"

#define MOST       14
#define AN_ADDRESS 12
#define WIRES      50

static struct wire wire[WIRES];
static unsigned wires;

static int setup(void **state)
{
	(void)state;
	cores_start();
	wires = 0;
	for (unsigned i = 0; i < CORES; i++)
		assert_int_equal(zl_strangers_open(&core[i].strangers, MOST, AN_ADDRESS), 0);
	return 0;
}

/* Whatever a test has done, nobody is counted when all have gone. */
static int teardown(void **state)
{
	const struct zl_strangers *s = &core[0].strangers;

	(void)state;
	cores_stop();
	assert_int_equal(s->n, 0);
	assert_int_equal(s->sources, 0);
	assert_int_equal(s->top, 0);
	for (unsigned i = 0; i < CORES; i++)
		zl_strangers_close(&core[i].strangers);
	return 0;
}

static uint64_t count(enum zl_core_counter k)
{
	return core[0].counter[k];
}

static struct wire *knock(uint8_t host, bool *let_in)
{
	struct wire *w = &wire[wires++];

	assert_true(wires <= WIRES);
	wire_open(w, 0);
	w->stream.remote = (struct zl_endpoint_addr){.ip = 0x0a000000u + host, .port = 1000};
	*let_in = zl_peer_accept(&core[0], OUT, &w->stream);
	return w;
}

/* The id of its stream. */
static uint64_t comes(uint8_t host)
{
	bool let_in;

	knock(host, &let_in);
	assert_true(let_in);
	return ((struct zl_ipc_stream_open *)hear(&core[0], ZL_IPC_STREAM_OPEN))->stream;
}

static void is_refused(uint8_t host, enum zl_core_counter k)
{
	uint64_t before = count(k);
	bool let_in;

	knock(host, &let_in);
	assert_false(let_in);
	assert_int_equal(count(k), before + 1);
	hear_nothing(&core[0]);
}

/* This one comes, and that one has to go. */
static uint64_t comes_instead(uint8_t host, uint64_t of)
{
	uint64_t before = count(ZL_CORE_close_half_open), id = comes(host);
	const struct zl_ipc_stream_closed *m;

	assert_int_equal(count(ZL_CORE_close_half_open), before + 1);
	core_turn(&core[0]);
	m = hear(&core[0], ZL_IPC_STREAM_CLOSED);
	assert_true(m->stream == of);
	assert_string_equal(m->reason, "half_open");
	return id;
}

static void grace_passes(void)
{
	core[0].now_ns += ZL_STRANGER_GRACE_NS;
}

static void test_a_source_with_many_gives_way_at_once(void **state)
{
	uint64_t many[AN_ADDRESS], id;

	(void)state;
	for (unsigned i = 0; i < AN_ADDRESS; i++)
		many[i] = comes(1);
	comes(2);
	comes(3);
	for (unsigned i = 0; i < AN_ADDRESS - ZL_STRANGER_FEW; i++) {
		id = comes_instead((uint8_t)(4 + i), many[i]);
		assert_true(id != many[i]);
	}
	/* now it has as many as a program may have sockets */
	is_refused(9, ZL_CORE_drop_half_open);
	grace_passes();
	comes_instead(9, many[AN_ADDRESS - ZL_STRANGER_FEW]);
}

/* Its whole greeting, but for the last `less` bytes; what comes of it in pieces. */
static void greet(struct wire *w, unsigned less, unsigned pieces)
{
	const uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};

	wire_give(w, greeting, sizeof(greeting) - less, 0);
	wire_readable(w);
	while (pieces--)
		hear(&core[0], ZL_IPC_STREAM_BYTES);
}

static void answer(uint64_t stream)
{
	struct zl_ipc_stream_send *m = order_begin(&core[0], ZL_IPC_STREAM_SEND);

	m->stream = stream;
	m->bytes = 1;
	*(uint8_t *)(m + 1) = 'x';
	order_send(&core[0], 1);
}

static void test_among_equals_who_has_been_silent_for_long_gives_way(void **state)
{
	uint64_t id[MOST];

	(void)state;
	for (unsigned i = 0; i < MOST; i++)
		id[i] = comes((uint8_t)(1 + i));
	is_refused(100, ZL_CORE_drop_half_open);
	grace_passes();
	greet(&wire[0], 0, 3); /* the first has just said something */
	comes_instead(100, id[1]);
	for (unsigned i = 2; i < MOST; i++)
		comes_instead((uint8_t)(100 + i), id[i]);
	is_refused(200, ZL_CORE_drop_half_open);
	grace_passes();
	comes_instead(200, id[0]);
}

static void test_an_address_has_so_many_and_no_more(void **state)
{
	uint64_t id[AN_ADDRESS];

	(void)state;
	for (unsigned i = 0; i < AN_ADDRESS; i++)
		id[i] = comes(1);
	is_refused(1, ZL_CORE_drop_half_open_address);
	comes(2);
	grace_passes();
	for (unsigned i = 0; i < AN_ADDRESS; i++)
		comes_instead(1, id[i]);
	is_refused(1, ZL_CORE_drop_half_open_address);
}

static void ask(struct wire *w)
{
	uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};
	struct bytes b = {0};

	bytes_add(&b, greeting, sizeof(greeting));
	naive_command(&b, "HELLO", "please", 6);
	peer_say(&core[0], w, &b);
	bytes_free(&b);
	for (unsigned i = 0; i < 4; i++)
		hear(&core[0], ZL_IPC_STREAM_BYTES);
}

static void test_whom_we_keep_waiting_is_not_put_out(void **state)
{
	uint64_t id[MOST];

	(void)state;
	for (unsigned i = 0; i < MOST; i++) {
		id[i] = comes((uint8_t)(1 + i / 2));
		ask(&wire[i]);
	}
	grace_passes();
	is_refused(100, ZL_CORE_drop_half_open);
	answer(id[3]);
	/* one silent one, but no source has more of them than the new one would have */
	is_refused(100, ZL_CORE_drop_half_open);
	grace_passes();
	comes_instead(100, id[3]);
}

/* Between the pieces of the greetings, too; and its time begins with our answer. */
static void test_whose_greeting_is_to_be_answered_is_not_put_out(void **state)
{
	uint64_t id[MOST];

	(void)state;
	for (unsigned i = 0; i < MOST; i++) {
		id[i] = comes((uint8_t)(1 + i));
		greet(&wire[i], 64 - 10, 1);
	}
	grace_passes();
	is_refused(100, ZL_CORE_drop_half_open);
	answer(id[4]);
	is_refused(100, ZL_CORE_drop_half_open);
	grace_passes();
	comes_instead(100, id[4]);
	is_refused(101, ZL_CORE_drop_half_open);
}

static void test_who_is_ready_or_has_gone_makes_room(void **state)
{
	struct zl_ipc_stream_ready *m;
	uint64_t id;

	(void)state;
	for (unsigned i = 0; i < AN_ADDRESS; i++)
		id = comes(1);
	is_refused(1, ZL_CORE_drop_half_open_address);
	wire[0].stream.events->closed(&wire[0].stream, "reset_by_peer");
	core_turn(&core[0]);
	hear(&core[0], ZL_IPC_STREAM_CLOSED);
	id = comes(1);
	is_refused(1, ZL_CORE_drop_half_open_address);
	ask(&wire[wires - 2]);
	m = order_begin(&core[0], ZL_IPC_STREAM_READY);
	m->stream = id;
	m->peer_type = ZL_SUB;
	m->zmtp = ZL_ZMTP_V3_1;
	order_send(&core[0], 0);
	comes(1);
	assert_int_equal(core[0].strangers.n, AN_ADDRESS);
}

static struct zl_ipc_end end_of_ipv6(const char *text)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = 5};
	struct zl_ipc_end end = {.bytes = sizeof(a)};

	assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
	memcpy(end.at, &a, sizeof(a));
	return end;
}

static bool one_source(const char *a, const char *b)
{
	struct zl_ipc_end one = end_of_ipv6(a), two = end_of_ipv6(b);
	struct zl_ipc_source at = zl_ipc_source(ZL_CARRIER_TCP, &one, 0);
	struct zl_ipc_source too = zl_ipc_source(ZL_CARRIER_TCP, &two, 0);

	return zl_ipc_source_is(&at, &too);
}

static void test_a_source_is_what_one_stranger_may_choose_from(void **state)
{
	struct zl_ipc_end plain = zl_ipc_end_ipv4(0x0a000001, 9),
			  six = end_of_ipv6("::ffff:10.0.0.1");
	struct zl_ipc_source a = zl_ipc_source(ZL_CARRIER_STACK, &plain, 0);
	struct zl_ipc_source b = zl_ipc_source(ZL_CARRIER_TCP, &six, 0);
	struct zl_ipc_end none = {0};

	(void)state;
	assert_true(one_source("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
	assert_false(one_source("2001:db8:1:2::1", "2001:db8:1:3::1"));
	assert_false(one_source("::ffff:10.0.0.1", "::ffff:10.0.0.2"));
	assert_true(zl_ipc_source_is(&a, &b));
	assert_int_equal(zl_ipc_end_ip(&six), 0x0a000001);
	assert_int_equal(zl_ipc_end_ip(&plain), 0x0a000001);
	plain = zl_ipc_end_ipv4(0x0a000001, 10);
	b = zl_ipc_source(ZL_CARRIER_STACK, &plain, 0);
	assert_true(zl_ipc_source_is(&a, &b));
	a = zl_ipc_source(ZL_CARRIER_IPC, &none, 1000);
	b = zl_ipc_source(ZL_CARRIER_IPC, &none, 1001);
	assert_false(zl_ipc_source_is(&a, &b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_a_source_with_many_gives_way_at_once),
		T(test_among_equals_who_has_been_silent_for_long_gives_way),
		T(test_an_address_has_so_many_and_no_more),
		T(test_whom_we_keep_waiting_is_not_put_out),
		T(test_whose_greeting_is_to_be_answered_is_not_put_out),
		T(test_who_is_ready_or_has_gone_makes_room),
#undef T
		cmocka_unit_test(test_a_source_is_what_one_stranger_may_choose_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
