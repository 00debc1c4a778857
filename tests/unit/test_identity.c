/* What control calls the peers of a ROUTER and a SERVER: names of their own and names made up, each
 * held by one peer, and kept when control is restarted. */
#include <string.h>

#include "tests/unit/scripted_dataplane.h"

enum {
	ROUTER = 150, /* sockets and their endpoints, found in the dataplane */
	SERVER = 151,
	AT_ROUTER = 201,
	AT_SERVER = 202,
};

static void dump_socket(uint64_t seq, uint32_t id, enum zl_socket_type type, const char *name)
{
	struct zl_ipc_socket *s = begin(ZL_IPC_SOCKET_ADD, seq);

	*s = (struct zl_ipc_socket){.id = id, .type = type};
	strcpy(s->name, name);
	s->sndhwm = s->rcvhwm = 1000;
	s->sndbuf = 256 << 10;
	s->max_msg_bytes = 128 << 20;
	deliver();
}

static void dump_endpoint(uint64_t seq, uint32_t id, uint32_t socket, uint16_t port)
{
	struct zl_ipc_endpoint *e = begin(ZL_IPC_ENDPOINT_ADD, seq);

	e->id = id;
	e->socket = socket;
	e->port = port;
	e->connect = id == bed.dial;
	e->ip = e->connect ? 0x0a000009 : 0;
	strcpy(e->text, "tcp://dumped:1");
	deliver();
}

static void dump_stream(uint64_t seq, uint64_t stream, uint32_t endpoint, uint32_t socket,
			enum zl_socket_type type, const char *identity)
{
	struct zl_ipc_stream_state *s = begin(ZL_IPC_STREAM_STATE, seq);

	fill_open(&s->open, stream, endpoint, socket);
	s->ready.stream = stream;
	s->ready.peer_type = type;
	s->ready.zmtp = ZL_ZMTP_V3_1;
	s->ready.identity_len = (uint32_t)strlen(identity);
	memcpy(s->ready.identity, identity, strlen(identity));
	deliver();
}

/* A control that finds a ROUTER with one peer, "old", and a SERVER. */
static void take_over(void)
{
	bed.frontend = 101;
	bed.backend = 102;
	bed.bind_front = 103;
	bed.dial = 104;
	accept_control(1);
	receive(ZL_IPC_DUMP);
	uint64_t seq = HEADER->seq;
	dump_socket(seq, bed.frontend, ZL_XSUB, "feed.frontend");
	dump_socket(seq, bed.backend, ZL_XPUB, "feed.backend");
	dump_socket(seq, ROUTER, ZL_ROUTER, "router");
	dump_socket(seq, SERVER, ZL_SERVER, "server");
	struct zl_ipc_device *d = begin(ZL_IPC_DEVICE_ADD, seq);
	*d = (struct zl_ipc_device){.id = 9, .frontend = bed.frontend, .backend = bed.backend};
	strcpy(d->name, "feed");
	deliver();
	dump_endpoint(seq, bed.bind_front, bed.frontend, 5555);
	dump_endpoint(seq, bed.dial, bed.frontend, 5557);
	dump_endpoint(seq, 105, bed.backend, 5556);
	dump_endpoint(seq, AT_ROUTER, ROUTER, 7001);
	dump_endpoint(seq, AT_SERVER, SERVER, 7002);
	dump_stream(seq, id_of(0, 1), bed.dial, bed.frontend, ZL_PUB, "");
	dump_stream(seq, id_of(0, 2), AT_ROUTER, ROUTER, ZL_DEALER, "old");
	HEADER->seq = seq;
	answer(0, "", 0);
}

static void shake_hands(uint64_t stream, uint32_t endpoint, uint32_t socket, const char *type,
			const char *identity)
{
	uint8_t ready[64] = "\x05READY\x0bSocket-Type\0\0\0";
	size_t n = 6 + 12 + 3;

	ready[n++] = (uint8_t)strlen(type);
	memcpy(ready + n, type, strlen(type));
	n += strlen(type);
	memcpy(ready + n, "\x08Identity\0\0\0", 12);
	n += 12;
	ready[n++] = (uint8_t)strlen(identity);
	memcpy(ready + n, identity, strlen(identity));
	n += strlen(identity);
	open_stream(stream, endpoint, socket);
	give_bytes(stream, ZL_RELAY_GREETING, greeting, 10, false);
	receive(ZL_IPC_STREAM_SEND);
	give_bytes(stream, ZL_RELAY_GREETING, greeting + 10, 54, false);
	receive(ZL_IPC_STREAM_SEND);
	give_bytes(stream, ZL_RELAY_COMMAND, ready, n, false);
}

/* The name that the peer got. */
static struct zl_ipc_stream_ready expect_ready(uint64_t stream)
{
	struct zl_ipc_stream_ready r;

	memcpy(&r, receive(ZL_IPC_STREAM_READY), sizeof(r));
	assert_int_equal(r.stream, stream);
	return r;
}

static void test_a_name_is_one_peers_until_its_stream_is_gone(void **state)
{
	(void)state;
	take_over();
	shake_hands(id_of(1, 3), AT_ROUTER, ROUTER, "DEALER", "bob");
	assert_int_equal(expect_ready(id_of(1, 3)).identity_len, 3);
	shake_hands(id_of(0, 4), AT_ROUTER, ROUTER, "REQ", "bob");
	expect_close(id_of(0, 4), "duplicate_identity");
	shake_hands(id_of(0, 5), AT_ROUTER, ROUTER, "REQ", "old");
	expect_close(id_of(0, 5), "duplicate_identity");
	give_closed(id_of(0, 4), AT_ROUTER, "duplicate_identity"); /* bob keeps his name */
	shake_hands(id_of(0, 6), AT_ROUTER, ROUTER, "REQ", "bob");
	expect_close(id_of(0, 6), "duplicate_identity");
	give_closed(id_of(1, 3), AT_ROUTER, "reset");
	shake_hands(id_of(0, 7), AT_ROUTER, ROUTER, "REQ", "bob");
	assert_int_equal(expect_ready(id_of(0, 7)).identity_len, 3);
}

static void test_names_are_made_up_for_those_who_have_none(void **state)
{
	struct zl_ipc_stream_ready a, b;

	(void)state;
	take_over();
	shake_hands(id_of(0, 3), AT_ROUTER, ROUTER, "REQ", "");
	a = expect_ready(id_of(0, 3));
	shake_hands(id_of(1, 4), AT_ROUTER, ROUTER, "REQ", "");
	b = expect_ready(id_of(1, 4));
	assert_int_equal(a.identity_len, 5);
	assert_int_equal(b.identity_len, 5);
	assert_int_equal(a.identity[0], 0);
	assert_int_equal(b.identity[0], 0);
	assert_memory_not_equal(a.identity, b.identity, 5);
	/* a SERVER numbers its peers, whatever they say */
	shake_hands(id_of(0, 5), AT_SERVER, SERVER, "CLIENT", "carol");
	a = expect_ready(id_of(0, 5));
	assert_int_equal(a.identity_len, 4);
	assert_memory_not_equal(a.identity, "\0\0\0\0", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_a_name_is_one_peers_until_its_stream_is_gone),
		CLAIM(test_names_are_made_up_for_those_who_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
