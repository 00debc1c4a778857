/* What programs ask control by control.sock: the input is what up to three clients send, in pieces,
 * to a control with a dataplane, peers and subscriptions. Every line that came whole is answered by
 * one line of JSON, whatever was in it. */
#include "tests/fuzz/control_bed.h"

#define TURNS_MIN 5
#define TURNS_MAX 200

static uint64_t packet[ZL_IPC_PACKET_MAX / 8];

static void send_packet(const void *tail, size_t n)
{
	struct zl_ipc_header *h = (void *)packet;

	if (n)
		memcpy((uint8_t *)packet + h->length, tail, n);
	h->length += (uint32_t)n;
	bed_send(packet, h->length, -1);
}

static void give(uint64_t stream, enum zl_relay kind, const void *bytes, size_t n)
{
	struct zl_ipc_stream_bytes *m = zl_ipc_begin(packet, ZL_IPC_STREAM_BYTES, 0);

	m->stream = stream;
	m->kind = kind;
	m->bytes = (uint32_t)n;
	send_packet(bytes, n);
}

/* A subscriber with two prefixes, one of them not text. */
static void join(void)
{
	static const uint8_t g[64] = {0xff, [9] = 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
	static const char ready[] = "\5READY\13Socket-Type\0\0\0\3SUB\3X-a\0\0\0\2\xff\xfe";
	struct zl_ipc_stream_open *open = zl_ipc_begin(packet, ZL_IPC_STREAM_OPEN, 0);
	struct zl_ipc_subs *subs;

	open->stream = 1;
	open->endpoint = endpoint_id[2];
	open->socket = socket_id[1];
	open->remote = zl_ipc_end_ipv4(0x0a000002, 4000);
	send_packet(NULL, 0);
	give(1, ZL_RELAY_GREETING, g, sizeof(g));
	give(1, ZL_RELAY_COMMAND, ready, sizeof(ready) - 1);
	subs = zl_ipc_begin(packet, ZL_IPC_STREAM_SUBS, 0);
	subs->stream = 1;
	subs->count = 2;
	subs->bytes = 16;
	send_packet("\3\0\1\0EUR\5\0\1\0\xff\xfe\0ab", 16);
	bed_turn();
}

static bool all_answered(void)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (client[i].fd >= 0 && client[i].answered != client[i].asked)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed f = {data, n};
	uint8_t how = feed_u8(&f);

	bed_begin();
	bed_attach(how & 1);
	bed_turn();
	if (how & 2) {
		bed_send_stats(&(struct feed){(const uint8_t *)"\x7f", 1});
		join();
	}
	answer_with = how & 4 ? -1 : 0;
	while (f.left) {
		uint8_t which = feed_u8(&f);
		const uint8_t *bytes;
		size_t k = feed_some(&f, &bytes);

		bed_ask(which % CLIENTS, bytes, k);
		if (which & 0x80)
			bed_turn();
		if (which & 0x40)
			bed_hang_up(which % CLIENTS);
	}
	/* Many long answers do not fit a socket at once. */
	for (unsigned i = 0; i < TURNS_MIN || (i < TURNS_MAX && !all_answered()); i++)
		bed_turn();
	require(all_answered());
	bed_end();
	return 0;
}
