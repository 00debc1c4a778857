/* Subscriptions on their way through control: to the matchers of every core, and from there to the
 * publishers, exactly and within credit. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scripted_dataplane.h"

#define ORDER_PREFIXES 2000 /* over many turns of control, and more than a packet's worth */

static void test_subscriptions_reach_cores_and_publishers_exactly(void **state)
{
	const uint64_t a = id_of(0, 1), b = id_of(0, 2), c = id_of(1, 3), pub = id_of(1, 4),
		       old = id_of(0, 5);

	(void)state;
	set_up_all();
	join(a, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(b, bed.bind_back, bed.backend, ZL_XSUB, 0);
	join(c, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_XPUB, 1);

	subscribe(a, "EUR", 1); /* the first of core 0: core 1 hears, and then upstream */
	expect_match(0, a, "EUR", 1);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 1);
	expect_ack();
	expect_send(pub, "\x04\x0d\x09SUBSCRIBEEUR", 15);
	subscribe(a, "EUR", 1); /* again: nothing */
	expect_ack();
	subscribe(b, "EUR", 1); /* the second of core 0 */
	expect_match(0, b, "EUR", 1);
	expect_ack();
	subscribe(c, "EUR", 1); /* the first of core 1 */
	expect_match(0, ZL_MATCH_CORE | 1, "EUR", 1);
	expect_match(1, c, "EUR", 1);
	expect_ack();

	/* A publisher that comes later, of ZMTP 3.0, hears all there is. */
	join(old, bed.bind_front, bed.frontend, ZL_PUB, 0);
	expect_send(old,
		    "\x00\x04\x01"
		    "EUR",
		    6);
	subscribe(a, "EUR", 0);
	expect_match(0, a, "EUR", 0);
	expect_ack();
	give_closed(b, bed.bind_back,
		    "peer_closed"); /* the last of core 0, which forgets it by itself */
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 0);

	/* User messages go to publishers that are XPUB, whole. */
	give_bytes(c, ZL_RELAY_MESSAGE, "up", 2, true);
	give_bytes(c, ZL_RELAY_MESSAGE, "", 0, false);
	expect_send(pub, "\x01\x02up\x00\x00", 6);

	subscribe(c, "EUR", 0); /* the last of all */
	expect_match(0, ZL_MATCH_CORE | 1, "EUR", 0);
	expect_match(1, c, "EUR", 0);
	expect_ack();
	uint64_t first = ((struct zl_ipc_stream_send *)receive(ZL_IPC_STREAM_SEND))->stream;
	uint64_t second = ((struct zl_ipc_stream_send *)receive(ZL_IPC_STREAM_SEND))->stream;
	assert_true((first == pub && second == old) || (first == old && second == pub));
	subscribe(c, "EUR", 0); /* again: nothing, and nothing more was on its way */
	expect_ack();
}

static void join_old(uint64_t stream, uint32_t endpoint, uint32_t socket, const char *theirs,
		     size_t n, uint32_t zmtp)
{
	const struct zl_ipc_stream_ready *r;

	open_stream(stream, endpoint, socket);
	give_bytes(stream, ZL_RELAY_GREETING, theirs, n, false);
	if (zmtp == ZL_ZMTP_V2_0)
		expect_send(stream, socket == bed.backend ? "\3\1\0\0" : "\3\2\0\0", 4);
	r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->stream, stream);
	assert_int_equal(r->zmtp, zmtp);
}

/* RFC 15: messages; RFC 13: a subscriber sends nothing. */
static void test_old_publishers_are_told_as_their_protocol_has_it(void **state)
{
	const uint64_t sub = id_of(0, 1), two = id_of(1, 2), one = id_of(1, 3);

	(void)state;
	set_up_all();
	join_old(sub, bed.bind_back, bed.backend, "\xff\0\0\0\0\0\0\0\1\x7f\1\2\0\0", 14,
		 ZL_ZMTP_V2_0);
	join_old(two, bed.bind_front, bed.frontend, "\xff\0\0\0\0\0\0\0\1\x7f\1\1\0\0", 14,
		 ZL_ZMTP_V2_0);
	join_old(one, bed.bind_front, bed.frontend, "\1", 2, ZL_ZMTP_V1_0);
	subscribe(sub, "EUR", 1);
	expect_match(0, sub, "EUR", 1);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 1);
	expect_ack();
	expect_send(two, "\0\4\1EUR", 6);
	subscribe(sub, "EUR", 0);
	expect_match(0, sub, "EUR", 0);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 0);
	expect_ack();
	expect_send(two, "\0\4\0EUR", 6);
	subscribe(sub, "EUR", 0); /* nothing was on its way to the other */
	expect_ack();
}

/* Of a burst: which prefixes each core's matcher was told to add, and how many were sent. */
struct order {
	bool matched[2][ORDER_PREFIXES];
	unsigned sent;
};

static unsigned number_of(const uint8_t *prefix)
{
	char digits[9] = {0};

	memcpy(digits, prefix, 8);
	unsigned n = (unsigned)strtoul(digits, NULL, 10);
	assert_true(n < ORDER_PREFIXES);
	return n;
}

static void note_matches(struct order *o, const struct zl_ipc_match *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;
	struct zl_ipc_match_prefix r;

	for (; p < end; p += sizeof(r) + r.len) {
		memcpy(&r, p, sizeof(r));
		assert_int_equal(r.len, 8);
		assert_int_equal(r.op, 1);
		o->matched[m->core][number_of(p + sizeof(r))] = true;
	}
}

static void check_sends(struct order *o, const struct zl_ipc_stream_send *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;

	for (; p < end; p += 2 + 10 + 8, o->sent++) {
		assert_memory_equal(p, "\x04\x12\x09SUBSCRIBE", 12);
		unsigned n = number_of(p + 12);
		if (!o->matched[0][n] || !o->matched[1][n])
			fail_msg("a publisher heard of %u before a matcher", n);
	}
}

/* A publisher may answer a SUBSCRIBE at once, and what it sends must meet the subscription. */
static void test_no_publisher_hears_of_a_prefix_before_the_matchers(void **state)
{
	const uint64_t sub = id_of(0, 1), pub = id_of(1, 2);
	struct order order = {0};
	int fd;

	(void)state;
	set_up_all();
	join(sub, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_PUB, 1);
	for (unsigned i = 0; i < ORDER_PREFIXES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%08u", i);
		subscribe(sub, name, 1);
	}
	while (order.sent < ORDER_PREFIXES) {
		await(bed.sock);
		assert_true(zl_ipc_recv(bed.sock, bed.packet, &fd) > 0);
		if (HEADER->type == ZL_IPC_MATCH)
			note_matches(&order, zl_ipc_body(bed.packet));
		else if (HEADER->type == ZL_IPC_STREAM_SEND)
			check_sends(&order, zl_ipc_body(bed.packet));
		else
			assert_int_equal(HEADER->type, ZL_IPC_SUBS_ACK);
	}
}

static void test_upstream_keeps_to_its_credit(void **state)
{
	const uint64_t sub = id_of(0, 1), pub = id_of(0, 2);
	static char prefix[8001];
	uint64_t sent = 64 + 28;
	unsigned frames = 0;

	(void)state;
	set_up_all();
	join(sub, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_PUB, 1);
	memset(prefix, 'x', 8000);
	for (unsigned i = 0; i < 100; i++) { /* 800 KB; credit is 256 KiB */
		memcpy(prefix, (char[2]){(char)('A' + i / 26), (char)('A' + i % 26)}, 2);
		subscribe(sub, prefix, 1);
	}
	for (int acked = 0; frames < 100;) {
		int fd;
		struct pollfd p = {.fd = bed.sock, .events = POLLIN};
		if (poll(&p, 1, frames < 31 ? WAIT_MS : 200) == 0) {
			/* It has stopped at its credit; go on from there. */
			assert_true(sent - (uint64_t)acked <= 256 << 10);
			struct zl_ipc_stream_sent *m = begin(ZL_IPC_STREAM_SENT, 0);
			m->stream = pub;
			m->total = sent;
			acked = (int)sent;
			deliver();
			continue;
		}
		assert_true(zl_ipc_recv(bed.sock, bed.packet, &fd) > 0);
		const struct zl_ipc_stream_send *m = zl_ipc_body(bed.packet);
		if (HEADER->type != ZL_IPC_STREAM_SEND)
			continue;
		sent += m->bytes;
		frames += m->bytes / 8000;
	}
	assert_int_equal(sent, 64 + 28 + 100 * (9 + 10 + 8000));
}

static void test_a_burst_travels_in_full_packets_and_one_ack(void **state)
{
	const uint64_t sub = id_of(0, 1);
	unsigned records = 0, packets = 0;
	uint64_t acked = 0;

	(void)state;
	set_up_all();
	join(sub, bed.bind_back, bed.backend, ZL_SUB, 1);
	for (unsigned i = 0; i < 100; i++) {
		struct zl_ipc_subs *m = begin(ZL_IPC_STREAM_SUBS, 0);
		m->stream = sub;
		for (unsigned j = 0; j < 500; j++) {
			struct zl_ipc_prefix r = {.len = 8, .op = 1};
			char name[16];
			snprintf(name, sizeof(name), "%08u", i * 500 + j);
			append(&r, sizeof(r));
			append(name, 8);
			m->bytes += 12;
			m->count++;
		}
		deliver();
	}
	while (acked < 100) {
		int fd;
		await(bed.sock);
		assert_true(zl_ipc_recv(bed.sock, bed.packet, &fd) > 0);
		if (HEADER->type == ZL_IPC_MATCH) {
			records += ((struct zl_ipc_match *)zl_ipc_body(bed.packet))->count;
			packets++;
		} else {
			assert_int_equal(HEADER->type, ZL_IPC_SUBS_ACK);
			acked = ((struct zl_ipc_subs_ack *)zl_ipc_body(bed.packet))->count;
		}
	}
	assert_int_equal(records, 50000); /* the other core has no publisher */
	assert_true(packets <= 50000 / 682 + 1 + 100);
	json_t *list = ask("{\"cmd\":\"subscriptions\",\"limit\":3}\n");
	assert_int_equal(number_at(list, "total", NULL), 50000);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_subscriptions_reach_cores_and_publishers_exactly),
		CLAIM(test_old_publishers_are_told_as_their_protocol_has_it),
		CLAIM(test_no_publisher_hears_of_a_prefix_before_the_matchers),
		CLAIM(test_upstream_keeps_to_its_credit),
		CLAIM(test_a_burst_travels_in_full_packets_and_one_ack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
