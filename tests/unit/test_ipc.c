/* The contract's check holds: every field that has a bad value is broken in turn, every packet is
 * cut at every length, and random bytes are thrown at it, each in a block of exactly its size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/ipc/ipc.h"
#include "control/ipc/stats.h"

static uint64_t packet[ZL_IPC_PACKET_MAX / 8];
#define HEADER ((struct zl_ipc_header *)packet)

static void add_tail(const void *bytes, size_t n)
{
	memcpy((char *)packet + HEADER->length, bytes, n);
	HEADER->length += (uint32_t)n;
}

static void add_subs(struct zl_ipc_subs *m, const char *prefix, uint8_t op)
{
	struct zl_ipc_prefix r = {.len = (uint16_t)strlen(prefix), .op = op};

	add_tail(&r, sizeof(r));
	add_tail(prefix, r.len);
	m->bytes += (uint32_t)sizeof(r) + r.len;
	m->count++;
}

static void add_match(struct zl_ipc_match *m, const char *prefix, uint64_t target, uint8_t op)
{
	struct zl_ipc_match_prefix r = {
		.target = target, .len = (uint16_t)strlen(prefix), .op = op};

	add_tail(&r, sizeof(r));
	add_tail(prefix, r.len);
	m->bytes += (uint32_t)sizeof(r) + r.len;
	m->count++;
}

static void fill_objects(enum zl_ipc_type type, void *body)
{
	struct zl_ipc_setup *setup = body;
	struct zl_ipc_port *port = body;
	struct zl_ipc_element *element = body;
	struct zl_ipc_socket *socket = body;
	struct zl_ipc_device *device = body;
	struct zl_ipc_endpoint *endpoint = body;

	if (type == ZL_IPC_SETUP)
		setup->poll_cores = 2;
	if (type == ZL_IPC_PORT)
		strcpy(port->name, "eth0");
	if (type == ZL_IPC_ELEMENT) {
		strcpy(element->name, "west");
		element->ports = 3;
		element->groups = 1;
		element->group[0] = 0xefc00101;
	}
	if (type == ZL_IPC_SOCKET_ADD) {
		socket->id = 1;
		strcpy(socket->name, "feed");
	}
	if (type == ZL_IPC_DEVICE_ADD) {
		device->id = device->frontend = device->backend = 1;
		strcpy(device->name, "feed");
	}
	if (type == ZL_IPC_ENDPOINT_ADD)
		endpoint->id = endpoint->socket = 1;
	if (type == ZL_IPC_SOCKET_DEL || type == ZL_IPC_DEVICE_DEL || type == ZL_IPC_ENDPOINT_DEL ||
	    type == ZL_IPC_DIAL)
		((struct zl_ipc_id *)body)->id = 1;
	if (type == ZL_IPC_DEVICE_SET)
		((struct zl_ipc_device_set *)body)->id = 1;
	if (type == ZL_IPC_ENDPOINT_SET)
		((struct zl_ipc_endpoint_set *)body)->id = 1;
	if (type == ZL_IPC_COUNT)
		((struct zl_ipc_count *)body)->ms = 1000;
}

static void fill_streams(enum zl_ipc_type type, void *body)
{
	struct zl_ipc_stream_state *state = body;

	if (type >= ZL_IPC_STREAM_OPEN && type <= ZL_IPC_STREAM_SUBS)
		*(uint64_t *)body = 77; /* all begin with the stream */
	if (type == ZL_IPC_STREAM_READY)
		((struct zl_ipc_stream_ready *)body)->zmtp = ZL_ZMTP_V1_0;
	if (type == ZL_IPC_STREAM_STATE) {
		state->ready.stream = 77;
		state->ready.zmtp = ZL_ZMTP_V3_1;
	}
	if (type == ZL_IPC_STREAM_CLOSE)
		strcpy(((struct zl_ipc_stream_close *)body)->reason, "why");
	if (type == ZL_IPC_STREAM_CLOSED)
		strcpy(((struct zl_ipc_stream_closed *)body)->reason, "why");
	if (type == ZL_IPC_STREAM_BYTES) {
		((struct zl_ipc_stream_bytes *)body)->bytes = 3;
		add_tail("abc", 3);
	}
	if (type == ZL_IPC_STREAM_SEND) {
		((struct zl_ipc_stream_send *)body)->bytes = 3;
		add_tail("abc", 3);
	}
	if (type == ZL_IPC_STREAM_SUBS) {
		add_subs(body, "EUR", ZL_SUBSCRIBE);
		add_subs(body, "", ZL_CANCEL);
	}
	if (type == ZL_IPC_MATCH || type == ZL_IPC_MATCH_STATE) {
		((struct zl_ipc_match *)body)->socket = 1;
		add_match(body, "EUR", 77, ZL_SUBSCRIBE);
		add_match(body, "USD", ZL_MATCH_CORE | 1, ZL_CANCEL);
	}
}

/* A good packet of a type. */
static void *good(enum zl_ipc_type type)
{
	memset(packet, 0, sizeof(packet));
	void *body = zl_ipc_begin(packet, type, 9);
	fill_objects(type, body);
	fill_streams(type, body);
	return body;
}

/* In a block of its own size, so that reading past the end is seen. */
static int check_copy(const void *bytes, size_t n)
{
	void *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	int err = zl_ipc_check(copy, n);
	free(copy);
	return err;
}

static void test_a_good_packet_of_every_type_passes(void **state)
{
	(void)state;
	for (int type = 1; type < ZL_IPC_TYPE_COUNT; type++) {
		good((enum zl_ipc_type)type);
		if (check_copy(packet, HEADER->length) != 0)
			fail_msg("%s does not pass", zl_ipc_name((uint16_t)type));
	}
}

static void test_a_packet_cut_at_any_length_fails(void **state)
{
	(void)state;
	for (int type = 1; type < ZL_IPC_TYPE_COUNT; type++) {
		good((enum zl_ipc_type)type);
		uint32_t length = HEADER->length;
		for (uint32_t n = 0; n < length; n++) {
			HEADER->length = length;
			assert_int_equal(check_copy(packet, n), -EBADMSG);
			/* and if the header agrees with the cut */
			HEADER->length = n;
			assert_int_equal(check_copy(packet, n), -EBADMSG);
		}
		HEADER->length = length + 1;
		assert_int_equal(check_copy(packet, length + 1), -EBADMSG);
	}
}

#define FIELD(type, st, field, value)                                                              \
	{                                                                                          \
		ZL_IPC_##type, offsetof(struct zl_ipc_##st, field),                                \
			sizeof(((struct zl_ipc_##st *)0)->field), value, #type "." #field          \
	}
#define FULL UINT64_MAX /* all bytes 0xff: a string without its end, an enum out of range */

static const struct {
	enum zl_ipc_type type;
	size_t offset, size;
	uint64_t value;
	const char *name;
} breaks[] = {
	FIELD(HELLO, hello, set_up, 2),
	FIELD(HELLO, hello, set_up, 1), /* without a core */
	FIELD(HELLO, hello, poll_cores, ZL_POLL_CORES_MAX + 1),
	FIELD(HELLO, hello, ports, ZL_IPC_PORTS_MAX + 1),
	FIELD(HELLO, hello, version, FULL),
	FIELD(SETUP, setup, poll_cores, 0),
	FIELD(SETUP, setup, poll_cores, ZL_POLL_CORES_MAX + 1),
	FIELD(SETUP, setup, idle, 2),
	FIELD(SETUP, setup, hugepages, 2),
	FIELD(SETUP, setup, cpu[0], (uint32_t)-2),
	FIELD(SETUP, setup, cpu[15], (uint32_t)-2),
	FIELD(SETUP, setup, host_cpu, (uint32_t)-2),
	FIELD(PORT, port, name, 0),
	FIELD(PORT, port, name, FULL),
	FIELD(PORT, port, kind, ZL_PORT_KINDS),
	FIELD(PORT, port, device, FULL),
	FIELD(PORT, port, options, FULL),
	FIELD(PORT, port, prefix_len, 33),
	FIELD(PORT, port, queues, ZL_POLL_CORES_MAX + 1),
	FIELD(PORT, port, rx.loss_ppm, 1000001),
	FIELD(PORT, port, rx.duplicate_ppm, 1000001),
	FIELD(PORT, port, rx.corrupt_ppm, 1000001),
	FIELD(PORT, port, rx.reorder_ppm, 1000001),
	FIELD(PORT, port, tx.loss_ppm, 1000001),
	FIELD(PORT, port, tx.duplicate_ppm, 1000001),
	FIELD(PORT, port, tx.corrupt_ppm, 1000001),
	FIELD(PORT, port, tx.reorder_ppm, 1000001),
	FIELD(RESULT, result, error, 1),
	FIELD(RESULT, result, error, (uint32_t)-4096),
	FIELD(RESULT, result, text, FULL),
	FIELD(RESULT, result, bound.bytes, 16),
	FIELD(SOCKET_ADD, socket, id, 0),
	FIELD(SOCKET_ADD, socket, type, ZL_SOCKET_TYPES),
	FIELD(SOCKET_ADD, socket, home, ZL_CORES_MAX),
	FIELD(SOCKET_ADD, socket, name, 0),
	FIELD(SOCKET_ADD, socket, name, FULL),
	FIELD(SOCKET_DEL, id, id, 0),
	FIELD(DEVICE_ADD, device, id, 0),
	FIELD(DEVICE_ADD, device, kind, ZL_DEVICE_KINDS),
	FIELD(DEVICE_ADD, device, name, 0),
	FIELD(DEVICE_ADD, device, name, FULL),
	FIELD(DEVICE_ADD, device, frontend, 0),
	FIELD(DEVICE_ADD, device, backend, 0),
	FIELD(DEVICE_DEL, id, id, 0),
	FIELD(ENDPOINT_ADD, endpoint, id, 0),
	FIELD(ENDPOINT_ADD, endpoint, socket, 0),
	FIELD(ENDPOINT_ADD, endpoint, connect, 2),
	FIELD(ENDPOINT_ADD, endpoint, text, FULL),
	FIELD(ENDPOINT_ADD, endpoint, carrier, ZL_CARRIERS),
	FIELD(ENDPOINT_ADD, endpoint, carrier, ZL_CARRIER_IPC), /* without an address */
	FIELD(ENDPOINT_ADD, endpoint, address.bytes, 16),       /* of no family */
	FIELD(ENDPOINT_ADD, endpoint, source.bytes, FULL),
	FIELD(ENDPOINT_ADD, endpoint, bound.bytes, 1),
	FIELD(ENDPOINT_ADD, endpoint, mode, 01000),
	FIELD(ENDPOINT_ADD, endpoint, filters, ZL_FILTERS_MAX + 1),
	FIELD(ENDPOINT_DEL, id, id, 0),
	FIELD(DIAL, id, id, 0),
	FIELD(STREAM_OPEN, stream_open, stream, 0),
	FIELD(STREAM_OPEN, stream_open, stream, FULL),
	FIELD(STREAM_OPEN, stream_open, outgoing, 2),
	FIELD(STREAM_OPEN, stream_open, core, ZL_CORES_MAX),
	FIELD(STREAM_OPEN, stream_open, carrier, ZL_CARRIERS),
	FIELD(STREAM_OPEN, stream_open, local.bytes, 29),
	FIELD(STREAM_OPEN, stream_open, remote.bytes, 28),
	FIELD(STREAM_OPEN, stream_open, said, ZL_OPENING_MAX + 1),
	FIELD(STREAM_OPEN, stream_open, bytes, 1),
	FIELD(ENDPOINT_SET, endpoint_set, id, 0),
	FIELD(ENDPOINT_SET, endpoint_set, at_greeting, 2),
	FIELD(ENDPOINT_SET, endpoint_set, bytes, ZL_GREETING_BYTES - 1),
	FIELD(ENDPOINT_SET, endpoint_set, bytes, ZL_OPENING_MAX + 1),
	FIELD(STREAM_BYTES, stream_bytes, stream, 0),
	FIELD(STREAM_BYTES, stream_bytes, kind, ZL_RELAY_MESSAGE + 1),
	FIELD(STREAM_BYTES, stream_bytes, bytes, 2),
	FIELD(STREAM_BYTES, stream_bytes, bytes, FULL),
	FIELD(STREAM_BYTES, stream_bytes, more, 2),
	FIELD(STREAM_SEND, stream_send, stream, 0),
	FIELD(STREAM_SEND, stream_send, bytes, 4),
	FIELD(STREAM_SENT, stream_sent, stream, 0),
	FIELD(STREAM_READY, stream_ready, stream, 0),
	FIELD(STREAM_READY, stream_ready, peer_type, ZL_SOCKET_TYPES),
	FIELD(STREAM_READY, stream_ready, zmtp, 0x0302),
	FIELD(STREAM_READY, stream_ready, identity_len, 256),
	FIELD(STREAM_READY, stream_ready, boxes.on, 3),
	FIELD(STREAM_READY, stream_ready, boxes.on, ZL_BOXES_GSSAPI), /* without a context */
	FIELD(STREAM_READY, stream_ready, context_bytes, 1),
	FIELD(STREAM_CLOSE, stream_close, stream, 0),
	FIELD(STREAM_CLOSE, stream_close, reason, 0),
	FIELD(STREAM_CLOSE, stream_close, reason, FULL),
	FIELD(STREAM_CLOSED, stream_closed, stream, 0), /* and no endpoint */
	FIELD(STREAM_CLOSED, stream_closed, stream, FULL),
	FIELD(STREAM_CLOSED, stream_closed, reason, 0),
	FIELD(STREAM_CLOSED, stream_closed, reason, FULL),
	FIELD(STREAM_STATE, stream_state, open.stream, 0),
	FIELD(STREAM_STATE, stream_state, open.outgoing, 2),
	FIELD(STREAM_STATE, stream_state, open.core, ZL_CORES_MAX),
	FIELD(STREAM_STATE, stream_state, ready.stream, 78), /* another */
	FIELD(STREAM_STATE, stream_state, ready.peer_type, ZL_SOCKET_TYPES),
	FIELD(STREAM_STATE, stream_state, ready.zmtp, 0x0302),
	FIELD(STREAM_STATE, stream_state, ready.identity_len, 256),
	FIELD(STREAM_SUBS, subs, stream, 0),
	FIELD(STREAM_SUBS, subs, bytes, 10),
	FIELD(STREAM_SUBS, subs, bytes, FULL),
	FIELD(STREAM_SUBS, subs, count, 1),
	FIELD(STREAM_SUBS, subs, count, 3),
	FIELD(MATCH, match, core, ZL_CORES_MAX),
	FIELD(MATCH, match, socket, 0),
	FIELD(MATCH, match, bytes, 37),
	FIELD(MATCH, match, count, 1),
	FIELD(MATCH_STATE, match, count, 3),
	FIELD(COUNT, count, ms, 0),
	FIELD(COUNT, count, ms, ZL_COUNT_MS_MAX + 1),
};

static void test_every_field_that_can_be_broken_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		char *body = good(breaks[i].type);
		size_t n = breaks[i].size;

		if (breaks[i].value == FULL)
			memset(body + breaks[i].offset, 0xff, n);
		else
			memcpy(body + breaks[i].offset, &breaks[i].value, n < 8 ? n : 8);
		if (check_copy(packet, HEADER->length) != -EBADMSG)
			fail_msg("%s = %llx passes", breaks[i].name,
				 (unsigned long long)breaks[i].value);
	}
}

static void test_broken_records_are_noticed(void **state)
{
	(void)state;
	struct zl_ipc_prefix *r = (void *)((char *)good(ZL_IPC_STREAM_SUBS) +
					   sizeof(struct zl_ipc_subs));
	r->op = 2;
	assert_int_equal(check_copy(packet, HEADER->length), -EBADMSG);
	for (unsigned len = 0; len < 65536; len += 7) {
		good(ZL_IPC_STREAM_SUBS);
		r->len = (uint16_t)len;
		assert_int_equal(check_copy(packet, HEADER->length), -EBADMSG);
	}
	static const uint64_t targets[] = {0, ZL_MATCH_CORE | ZL_CORES_MAX, 0xfffffffe00000000ull,
					   1ull << 61};
	struct zl_ipc_match_prefix *m = (void *)((char *)good(ZL_IPC_MATCH) +
						 sizeof(struct zl_ipc_match));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		good(ZL_IPC_MATCH);
		m->target = targets[i];
		assert_int_equal(check_copy(packet, HEADER->length), -EBADMSG);
	}
	good(ZL_IPC_MATCH);
	m->op = 2;
	assert_int_equal(check_copy(packet, HEADER->length), -EBADMSG);
}

static void test_wrong_version_type_and_length_fail(void **state)
{
	(void)state;
	good(ZL_IPC_START);
	HEADER->version++;
	assert_int_equal(check_copy(packet, HEADER->length), -EBADMSG);
	good(ZL_IPC_START);
	for (unsigned type = 0; type < 65536; type++) {
		HEADER->type = (uint16_t)type;
		if (type == 0 || type >= ZL_IPC_TYPE_COUNT)
			assert_int_equal(check_copy(packet, HEADER->length), -EBADMSG);
	}
	assert_int_equal(zl_ipc_size(ZL_IPC_TYPE_COUNT), 0);
	assert_int_equal(zl_ipc_size(0), 0);
	assert_string_equal(zl_ipc_name(0), "?");
	assert_string_equal(zl_ipc_name(ZL_IPC_DIAL), "DIAL");
}

static void test_random_bytes_never_lead_outside(void **state)
{
	uint64_t seed = 88172645463325252ull;
	unsigned passed = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		enum zl_ipc_type type = (enum zl_ipc_type)(1 + round % (ZL_IPC_TYPE_COUNT - 1));
		uint8_t *bytes = good(type);
		size_t n = HEADER->length - sizeof(struct zl_ipc_header);
		for (int flips = 0; flips < 3; flips++) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			bytes[seed % n] = (uint8_t)(seed >> 32);
		}
		passed += check_copy(packet, HEADER->length) == 0;
	}
	assert_true(passed > 0); /* fields without a bad value were hit too */
}

static void test_packets_and_a_descriptor_cross_the_socket(void **state)
{
	char dir[] = "/tmp/zl-ipc-XXXXXX", path[64];
	int fd = -1, pipes[2];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(zl_ipc_connect(dir), -ENOENT);
	int listener = zl_ipc_listen(dir);
	assert_true(listener >= 0);
	snprintf(path, sizeof(path), "%s/%s", dir, ZL_IPC_SOCKET);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(zl_ipc_listen(dir), -EADDRINUSE);
	close(accept(listener, NULL, NULL));

	int a = zl_ipc_connect(dir), b = accept(listener, NULL, NULL);
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(zl_ipc_recv(b, packet, &fd), -EAGAIN);
	assert_int_equal(pipe(pipes), 0);
	good(ZL_IPC_HELLO);
	assert_int_equal(zl_ipc_send(a, packet, HEADER->length, pipes[0]), 0);
	memset(packet, 0, sizeof(packet));
	assert_true(zl_ipc_recv(b, packet, &fd) > 0);
	assert_int_equal(HEADER->type, ZL_IPC_HELLO);
	assert_true(fd >= 0);
	close(fd);
	/* A malformed packet is refused, and its descriptor is not kept. */
	good(ZL_IPC_HELLO);
	HEADER->version = 0;
	assert_int_equal(zl_ipc_send(a, packet, HEADER->length, pipes[0]), 0);
	assert_int_equal(zl_ipc_recv(b, packet, &fd), -EBADMSG);
	assert_int_equal(fd, -1);
	close(a);
	assert_int_equal(zl_ipc_recv(b, packet, &fd), 0);
	close(b);
	close(pipes[0]);
	close(pipes[1]);
	/* What a dead listener left is replaced. */
	close(listener);
	listener = zl_ipc_listen(dir);
	assert_true(listener >= 0);
	close(listener);
	unlink(path);
	rmdir(dir);
}

static void test_a_full_socket_says_eagain(void **state)
{
	int pair[2], err, sent = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	good(ZL_IPC_MATCH);
	while ((err = zl_ipc_send(pair[0], packet, HEADER->length, -1)) == 0)
		sent++;
	assert_int_equal(err, -EAGAIN);
	assert_true(sent > 0);
	close(pair[1]);
	assert_int_equal(zl_ipc_send(pair[0], packet, HEADER->length, -1), -ECONNRESET);
	assert_int_equal(zl_ipc_send(pair[0], packet, HEADER->length, -1), -EPIPE);
	close(pair[0]);
}

static void test_stats_segment_maps_and_is_read_only(void **state)
{
	struct zl_stats_header shape = {.cores = 2, .ports = 3, .counters = 5, .peers = 7};
	void *base;

	(void)state;
	int fd = zl_stats_create(&shape, &base);
	assert_true(fd >= 0);
	const struct zl_stats_header *h = zl_stats_map(fd);
	assert_non_null(h);
	zl_stats_values(base, 1)[4] = 42;
	assert_int_equal(zl_stats_values(h, 1)[4], 42);
	zl_stats_peer(base, 1, 6)->stream = 99;
	assert_int_equal(zl_stats_peer(h, 1, 6)->stream, 99);
	assert_true((char *)(zl_stats_peer(h, 1, 6) + 1) <= (char *)h + h->bytes);
	assert_true(ftruncate(fd, 0) < 0);
	zl_stats_unmap(h);

	/* Every number of the shape and every offset is checked. */
	for (size_t at = 0; at < offsetof(struct zl_stats_header, tsc_hz); at += 4) {
		uint32_t *word = (uint32_t *)((char *)base + at), was = *word;
		if (at == offsetof(struct zl_stats_header, reserved))
			continue;
		*word = was + 1;
		if (zl_stats_map(fd))
			fail_msg("offset %zu", at);
		*word = was;
	}
	for (size_t at = offsetof(struct zl_stats_header, counters_at); at < sizeof(shape);
	     at += 8) {
		*(uint64_t *)((char *)base + at) += 64;
		assert_null(zl_stats_map(fd));
		*(uint64_t *)((char *)base + at) -= 64;
	}
	zl_stats_unmap(base);
	close(fd);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_null(zl_stats_map(pipes[0]));
	close(pipes[0]);
	close(pipes[1]);
	shape.cores = ZL_CORES_MAX + 1;
	assert_int_equal(zl_stats_create(&shape, &base), -EINVAL);
}

static void test_every_enum_has_its_word(void **state)
{
	(void)state;
	for (int i = 0; i < ZL_PORT_KINDS; i++)
		assert_non_null(zl_port_kind_name[i]);
	for (int i = 0; i < ZL_SOCKET_TYPES; i++)
		assert_non_null(zl_socket_type_name[i]);
	assert_string_equal(zl_socket_type_name[ZL_XSUB], "XSUB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_packet_of_every_type_passes),
		cmocka_unit_test(test_a_packet_cut_at_any_length_fails),
		cmocka_unit_test(test_every_field_that_can_be_broken_is_noticed),
		cmocka_unit_test(test_broken_records_are_noticed),
		cmocka_unit_test(test_wrong_version_type_and_length_fail),
		cmocka_unit_test(test_random_bytes_never_lead_outside),
		cmocka_unit_test(test_packets_and_a_descriptor_cross_the_socket),
		cmocka_unit_test(test_a_full_socket_says_eagain),
		cmocka_unit_test(test_stats_segment_maps_and_is_read_only),
		cmocka_unit_test(test_every_enum_has_its_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
