/* A PGM source and a receiver in one session: the input is what is sent, how time passes, which of
 * their packets get lost, and packets of its own, made of fields that are near to what is expected,
 * or of plain bytes with the checksum that they should have.
 *
 * Whatever comes: each session is told of every sequence number once, as delivered or as lost, in
 * order; no more is held than may be, and at last nothing; what goes out can be parsed. While
 * nothing was forged, what is delivered is what was sent. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/receiver.h"
#include "dataplane/pgm/source.h"
#include "tests/fuzz/feed.h"

#define MS UINT64_C(1000000)

enum {
	DPORT = 7500,
	BUFFERS = 256,
	BUFFER_LEN = 600,
	HELD = 48,
	STEPS = 400,
};

static const struct pgm_nla source_nla = {.len = 4, .addr = {10, 0, 0, 1}};
static const struct pgm_nla group_nla = {.len = 4, .addr = {239, 0, 0, 1}};
static const struct pgm_tsi tsi = {.gsi = {1, 2, 3, 4, 5, 6}, .port = 9};

/* A packet on its way or held; of its exact size, so that a sanitizer sees a read beyond it. */
struct buffer {
	uint8_t *bytes;
	size_t len;
	int holds;
};

static struct {
	struct feed feed;
	struct pgm_source *source;
	struct pgm_receiver *receiver;
	uint64_t counter[PGM_COUNTERS], now;
	struct buffer down[BUFFERS], up[BUFFERS];
	unsigned down_n, up_n;
	bool full, refuses, forged;
	unsigned holds;
} f;

/* What a session has got, as its user pointer. */
struct track {
	bool used, begun;
	uint32_t next;
};
static struct track tracks[4];

static void buffer_set(struct buffer *b, const uint8_t *head, size_t head_len, const uint8_t *body,
		       size_t body_len)
{
	b->len = head_len + body_len;
	b->bytes = malloc(b->len ? b->len : 1);
	b->holds = 1;
	require(b->bytes);
	if (head_len)
		memcpy(b->bytes, head, head_len);
	if (body_len)
		memcpy(b->bytes + head_len, body, body_len);
}

static void buffer_drop(struct buffer *b)
{
	require(b->holds > 0);
	if (--b->holds)
		return;
	free(b->bytes);
	b->bytes = NULL;
}

static struct buffer *free_buffer(void)
{
	for (unsigned i = 0; i < BUFFERS; i++)
		if (!f.down[i].bytes)
			return &f.down[i];
	return NULL;
}

static void check_packet(const uint8_t *at, size_t len)
{
	struct pgm_packet p;

	require(pgm_parse(at, len, &p) == PGM_OK);
}

/* --- from below --- */

static struct buffer *way[BUFFERS]; /* towards the receiver */

static bool source_send(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
			unsigned body_len, bool router_alert)
{
	struct buffer *b = free_buffer();

	(void)ctx, (void)router_alert;
	if (f.full)
		return false;
	if (!b || f.down_n == BUFFERS)
		return true; /* lost */
	buffer_set(b, head, head_len, body, body_len);
	check_packet(b->bytes, b->len);
	way[f.down_n++] = b;
	return true;
}

static bool receiver_send(void *ctx, struct pgm_session *s, const struct pgm_nla *to,
			  const uint8_t *at, unsigned len, bool router_alert)
{
	(void)ctx, (void)to, (void)router_alert;
	require(pgm_session_user(s));
	if (f.full)
		return false;
	check_packet(at, len);
	if (f.up_n < BUFFERS)
		buffer_set(&f.up[f.up_n++], at, len, NULL, 0);
	return true;
}

static void opened(void *ctx, struct pgm_session *s)
{
	(void)ctx;
	require(!pgm_session_user(s));
	for (unsigned i = 0; i < 4; i++) {
		if (tracks[i].used)
			continue;
		tracks[i] = (struct track){.used = true};
		pgm_session_set_user(s, &tracks[i]);
		return;
	}
	require(!"more sessions than may be");
}

static void closed(void *ctx, struct pgm_session *s, enum pgm_session_end why)
{
	struct track *t = pgm_session_user(s);

	(void)ctx;
	require(t && t->used && why <= PGM_END_CLOSED);
	t->used = false;
}

static bool is_sent(uint32_t sqn, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != (uint8_t)(sqn * 31 + len))
			return false;
	return true;
}

/* Numbers of short groups are passed over, so that what comes may be further on. */
static void go_on(struct track *t, uint32_t first, uint32_t next)
{
	require(!t->begun || (int32_t)(first - t->next) >= 0);
	t->begun = true;
	t->next = next;
}

static bool deliver(void *ctx, struct pgm_session *s, const uint8_t *at, size_t len, void *buffer,
		    uint32_t sqn)
{
	uint32_t sum = 0;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		sum += at[i];
	require(sum <= 255 * len); /* all of it was read */
	require(!buffer || ((struct buffer *)buffer)->holds > 0);
	if (f.refuses)
		return false;
	go_on(pgm_session_user(s), sqn, sqn + 1);
	require(f.forged || is_sent(sqn, at, len));
	return true;
}

static void lost(void *ctx, struct pgm_session *s, uint32_t first, uint32_t count)
{
	(void)ctx;
	require(count && pgm_session_user(s));
	go_on(pgm_session_user(s), first, first + count);
}

static void hold(void *ctx, void *buffer)
{
	(void)ctx;
	((struct buffer *)buffer)->holds++;
	f.holds++;
	require(f.holds <= HELD);
}

static void unhold(void *ctx, void *buffer)
{
	(void)ctx;
	require(f.holds);
	f.holds--;
	buffer_drop(buffer);
}

/* --- setting up --- */

static void *allocate(size_t n)
{
	void *p = NULL;

	require(n && !posix_memalign(&p, 64, n));
	memset(p, 0xa5, n);
	return p;
}

static void *create_source(void)
{
	static const struct pgm_source_ops ops = {.send = source_send};
	struct pgm_source_config c;
	uint8_t how = feed_u8(&f.feed), parity = feed_u8(&f.feed);
	void *memory;

	pgm_source_defaults(&c, 1000, 1000, 300, 0);
	c.tsi = tsi;
	c.dport = DPORT;
	c.nla = source_nla;
	c.group = group_nla;
	c.max_tpdu = 200;
	c.rate = how & 1 ? 100000 : 0;
	c.burst = 1000;
	c.txw_sqns = how & 2 ? 16 : 128;
	c.txw_bytes = how & 4 ? 400 : 20000;
	c.txw_ns = how & 8 ? 100 * MS : 0;
	c.first_sqn = how & 16 ? UINT32_MAX - 5 : 0;
	c.join_sqns = how & 32 ? 4 : 0;
	if (parity & 1) {
		c.tg_size = (uint8_t)(2u << (parity >> 1 & 3) % 3);
		c.proactive = parity >> 3 & 3;
		c.ondemand = !c.proactive || parity & 32;
		c.short_group_ns = parity & 64 ? 10 * MS : 0;
	}
	memory = allocate(pgm_source_bytes(&c));
	f.source = pgm_source_init(memory, &c, &ops, NULL, f.counter, f.now);
	return memory;
}

static void *create_receiver(void)
{
	static const struct pgm_receiver_ops ops = {
		.opened = opened,
		.closed = closed,
		.deliver = deliver,
		.lost = lost,
		.hold = hold,
		.unhold = unhold,
		.send = receiver_send,
	};
	struct pgm_receiver_config c;
	uint8_t how = feed_u8(&f.feed);
	void *memory;

	pgm_receiver_defaults(&c, 1000, 1000, 300, 0);
	c.dport = DPORT;
	c.group = group_nla;
	c.seed = how;
	c.sessions = 2;
	c.rxw_sqns = how & 1 ? 16 : 64;
	c.held = how & 2 ? 4 : HELD;
	c.max_tpdu = 200;
	c.rebuilt = how & 4 ? 0 : how & 8 ? 2 : 64;
	c.max_apdu = how & 16 ? 0 : 300;
	c.lines = how & 32 ? 2 : 1;
	c.passive = how & 64;
	c.nak_ncf_retries = c.nak_data_retries = 3;
	c.expiry_ns = 5000 * MS;
	c.evict_ns = 2000 * MS;
	memory = allocate(pgm_receiver_bytes(&c));
	f.receiver = pgm_receiver_init(memory, &c, &ops, NULL, f.counter);
	return memory;
}

/* --- what the input does --- */

static void show_receiver(struct buffer *b)
{
	struct pgm_packet p;

	if (pgm_parse(b->bytes, b->len, &p) == PGM_OK)
		pgm_receiver_input(f.receiver, f.now, &p, &source_nla, b->len % PGM_LINES, b);
	buffer_drop(b);
}

/* The oldest packet on its way, or the last: so they come out of order. */
static void arrive_down(bool last, bool gets_lost)
{
	struct buffer *b;

	if (!f.down_n)
		return;
	b = way[last ? f.down_n - 1 : 0];
	f.down_n--;
	if (!last)
		memmove(way, way + 1, f.down_n * sizeof(way[0]));
	if (gets_lost)
		buffer_drop(b);
	else
		show_receiver(b);
}

static void arrive_up(bool gets_lost)
{
	struct buffer *b;
	struct pgm_packet p;

	if (!f.up_n)
		return;
	b = &f.up[--f.up_n];
	if (!gets_lost && pgm_parse(b->bytes, b->len, &p) == PGM_OK) {
		pgm_source_input(f.source, f.now, &p);
		pgm_receiver_input(f.receiver, f.now, &p, &source_nla, b->len % PGM_LINES, b);
	}
	buffer_drop(b);
}

static void send(void)
{
	uint32_t next = pgm_source_lead(f.source) + 1;
	unsigned len = feed_u8(&f.feed) % (pgm_source_max_tsdu(f.source) + 1);
	uint8_t tsdu[256];

	/* A short group makes it another number: then there is no telling. */
	memset(tsdu, (int)(uint8_t)(next * 31 + len), len);
	if (pgm_source_send(f.source, f.now, tsdu, len) && pgm_source_lead(f.source) != next)
		f.forged = true;
}

static void send_apdu(void)
{
	uint8_t apdu[400] = {0};
	size_t len = 1 + feed_u16(&f.feed) % sizeof(apdu), done = 0;

	f.forged = true; /* what is delivered of it has another form */
	for (unsigned tries = 0; tries < 5 && done < len; tries++)
		done = pgm_source_send_apdu(f.source, f.now, apdu, len, done);
}

static void pass_time(void)
{
	f.now += (uint64_t)(feed_u8(&f.feed) + 1) * MS;
	pgm_source_turn(f.source, f.now);
	pgm_receiver_turn(f.receiver, f.now);
}

/* A number near the edges of what the source has sent. */
static uint32_t near(void)
{
	uint8_t x = feed_u8(&f.feed);

	if (x == 255)
		return feed_u32(&f.feed);
	return (x & 128 ? pgm_source_trail(f.source) : pgm_source_lead(f.source)) +
	       (uint32_t)(x & 127) - 32;
}

static void feed_options(struct pgm_options *o)
{
	o->has = feed_u16(&f.feed) & 0x1ff;
	o->naks = feed_u8(&f.feed) % 5;
	for (unsigned i = 0; i < o->naks; i++)
		o->nak_list[i] = near();
	if (!o->naks)
		o->has &= (uint16_t)~PGM_HAS_NAK_LIST;
	o->rst = feed_u8(&f.feed) & 0x7f;
	o->parity = feed_u8(&f.feed) & 3;
	o->encoded = feed_u8(&f.feed) & 1;
	o->fragment = o->encoded ? feed_u8(&f.feed) : 0;
	o->first_sqn = near();
	o->offset = feed_u8(&f.feed);
	o->apdu_len = feed_u16(&f.feed);
	o->join_sqn = near();
	o->tg_size = feed_u8(&f.feed) & 31;
	o->parity_grp = feed_u8(&f.feed);
	o->curr_tgsize = feed_u8(&f.feed) & 15;
}

static void forge(void)
{
	static const uint8_t types[] = {PGM_SPM,  PGM_ODATA, PGM_RDATA, PGM_NAK,
					PGM_NNAK, PGM_NCF,   PGM_SPMR};
	const uint8_t *tsdu;
	uint8_t out[BUFFER_LEN];
	struct buffer *b = free_buffer();
	struct pgm_packet p;
	uint8_t how = feed_u8(&f.feed);
	size_t len;

	memset(&p, 0, sizeof(p));
	p.type = types[feed_u8(&f.feed) % sizeof(types)];
	p.flags = feed_u8(&f.feed) & (PGM_PARITY | PGM_VAR_PKTLEN);
	p.tsi = tsi;
	p.tsi.port = (uint16_t)(p.tsi.port + (how & 3)); /* four sessions, two of which may be */
	p.sport = p.type >= PGM_NAK && p.type != PGM_NCF ? DPORT : p.tsi.port;
	p.dport = p.sport == DPORT ? p.tsi.port : DPORT;
	p.sqn = near();
	p.trail = near();
	p.lead = near();
	p.nla = source_nla;
	p.group = group_nla;
	if (how & 4)
		feed_options(&p.options);
	p.tsdu_len = (uint16_t)feed_take(&f.feed, feed_u8(&f.feed), &tsdu);
	p.tsdu = tsdu;
	len = pgm_build(&p, out, sizeof(out));
	if (!len || !b)
		return;
	f.forged = true;
	buffer_set(b, out, len, NULL, 0);
	if (pgm_parse(b->bytes, b->len, &p) == PGM_OK)
		pgm_source_input(f.source, f.now, &p);
	show_receiver(b);
}

static void forge_bytes(void)
{
	struct buffer *b = free_buffer();
	const uint8_t *bytes;
	size_t len = feed_some(&f.feed, &bytes);
	struct pgm_packet p;

	if (!b)
		return;
	f.forged = true;
	buffer_set(b, bytes, len, NULL, 0);
	if (len >= PGM_HEADER_LEN) {
		pgm_store16(b->bytes + 6, 0);
		pgm_store16(b->bytes + 6, pgm_checksum(b->bytes, len));
	}
	if (pgm_parse(b->bytes, b->len, &p) == PGM_OK)
		pgm_source_input(f.source, f.now, &p);
	show_receiver(b);
}

static void step(void)
{
	uint8_t what = feed_u8(&f.feed);

	switch (what & 15) {
	case 0:
	case 1:
	case 2:
		send();
		break;
	case 3:
	case 4:
	case 5:
		arrive_down(what & 16, what & 32);
		break;
	case 6:
		arrive_up(what & 32);
		break;
	case 7:
	case 8:
		pass_time();
		break;
	case 9:
		f.full = what & 16;
		break;
	case 10:
		f.refuses = what & 16;
		if (!f.refuses)
			pgm_receiver_resume(f.receiver, f.now);
		break;
	case 11:
	case 12:
		forge();
		break;
	case 13:
		forge_bytes();
		break;
	case 14:
		send_apdu();
		break;
	case 15:
		if (what & 128)
			pgm_source_close(f.source, f.now);
		break;
	}
	require(f.holds == pgm_receiver_held(f.receiver));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *source, *receiver;

	memset(&f, 0, sizeof(f));
	memset(tracks, 0, sizeof(tracks));
	f.feed = (struct feed){data, size};
	f.now = 1000 * MS;
	source = create_source();
	receiver = create_receiver();
	for (unsigned i = 0; i < STEPS && f.feed.left; i++)
		step();
	pgm_receiver_close(f.receiver);
	require(!f.holds);
	while (f.down_n)
		buffer_drop(way[--f.down_n]);
	while (f.up_n)
		buffer_drop(&f.up[--f.up_n]);
	for (unsigned i = 0; i < BUFFERS; i++)
		require(!f.down[i].bytes);
	for (unsigned i = 0; i < 4; i++)
		require(!tracks[i].used);
	free(source);
	free(receiver);
	return 0;
}
