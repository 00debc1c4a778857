/* A stream of a stranger's NORM source: whatever it holds, and wherever some is lost. Then messages
 * of the fuzzer's laid out by the writer come back as they were, in pieces of any length. */
#include <string.h>

#include "dataplane/norm_stream.h"
#include "tests/fuzz/feed.h"
#include "tests/unit/eal.h"

#define FRAMES    256
#define BODY_MAX  5000
#define PIECE_MAX 1500
#define MAX_BYTES 20000

static struct eal_pools pools;
static struct zl_norm_reader reader;
static struct {
	bool compares;
	uint64_t messages, bytes;
	uint64_t sum; /* of all bytes and where they are */
} got, sent;

static void add(uint64_t *sum, const uint8_t *bytes, uint32_t len, bool more)
{
	for (uint32_t i = 0; i < len; i++)
		*sum = (*sum ^ bytes[i]) * 0x100000001b3ull;
	*sum = (*sum ^ (more ? 0x1ff : 0x2ff)) * 0x100000001b3ull;
}

static void on_message(void *ctx, const struct zl_msg *parts, unsigned n)
{
	static uint8_t body[2 * MAX_BYTES];
	uint64_t bytes = 0;

	(void)ctx;
	require(n > 0 && n <= ZL_ASSEMBLY_PARTS);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = zl_msg_peek(&parts[i], body, sizeof(body));

		require(len == parts[i].len);
		require(!!(parts[i].flags & ZL_MSG_MORE) == (i + 1 < n));
		add(&got.sum, body, len, i + 1 < n);
		bytes += len;
	}
	require(bytes <= MAX_BYTES);
	got.messages++;
	got.bytes += bytes;
	zl_msgs_unref(parts, n);
}

static void on_dropped(void *ctx, bool too_long)
{
	(void)ctx;
	(void)too_long;
	require(!got.compares);
}

static const struct zl_assembly_sink sink = {on_message, NULL, on_dropped, NULL, NULL};

static bool read_one(const uint8_t *bytes, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
	uint8_t *at;
	bool good;

	require(m);
	at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
	if (len)
		memcpy(at, bytes, len);
	good = zl_norm_reader_take(&reader, at, len, m, &sink);
	rte_pktmbuf_free(m);
	return good;
}

static void strange(struct feed *f)
{
	while (f->left) {
		uint8_t how = feed_u8(f);
		const uint8_t *bytes;
		size_t len = feed_take(f, how & 0x40 ? feed_u16(f) % (PIECE_MAX + 1) : how & 0x1f,
				       &bytes);

		if (how & 0x80)
			zl_norm_reader_reset(&reader);
		read_one(bytes, len);
	}
}

static void lay_out(struct zl_norm_writer *w, const struct zl_msg *part, unsigned room)
{
	uint8_t at[PIECE_MAX];
	unsigned n;

	do {
		n = zl_norm_lay_out(w, part, at, room);
		require(n > 0 && n <= room);
		require(read_one(at, n));
	} while (!zl_norm_gone(w, part, n));
}

static void there_and_back(struct feed *f)
{
	static uint8_t body[BODY_MAX];
	struct zl_norm_writer w = {0};
	unsigned room = 1 + feed_u16(f) % PIECE_MAX, parts = 0;
	bool more = false;

	while (f->left || more) {
		uint32_t len = f->left ? feed_u16(f) % (parts ? 300 : 2000) : 0;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
		struct zl_msg part;

		require(m);
		more = f->left && parts < 10 && feed_u8(f) & 1;
		for (uint32_t i = 0; i < len; i++)
			body[i] = (uint8_t)(len + i);
		memcpy(rte_pktmbuf_append(m, (uint16_t)len), body, len);
		part = (struct zl_msg){.buf = (struct zl_buf *)m,
				       .data = rte_pktmbuf_mtod(m, const uint8_t *),
				       .len = len,
				       .flags = more ? ZL_MSG_MORE : 0};
		add(&sent.sum, body, len, more);
		sent.bytes += len;
		sent.messages += !more;
		parts = more ? parts + 1 : 0;
		lay_out(&w, &part, room);
		rte_pktmbuf_free(m);
	}
	require(got.messages == sent.messages && got.bytes == sent.bytes && got.sum == sent.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {data, size};

	if (!pools.frames) {
		eal_start(64);
		eal_pools_create(&pools, FRAMES, 1, 1);
	}
	memset(&got, 0, sizeof(got));
	memset(&sent, 0, sizeof(sent));
	got.compares = feed_u8(&f) & 1;
	zl_norm_reader_init(&reader, pools.frames, MAX_BYTES);
	if (got.compares)
		there_and_back(&f);
	else
		strange(&f);
	zl_norm_reader_reset(&reader);
	require(eal_pools_full(&pools));
	return 0;
}
