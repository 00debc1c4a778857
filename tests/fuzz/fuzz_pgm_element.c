/* A PGM network element between four subnets: the input is how it is bounded, how time passes, and
 * packets on any interface, made of fields that are near to what is expected, or of plain bytes
 * with the checksum that they should have.
 *
 * Whatever comes: what goes out can be parsed, goes the way of its type and never back where it
 * came from; an NCF answers a NAK on its interface; a repair goes only where it was asked for;
 * there are no more sessions and repairs than may be; all that is due is done in its turn; and when
 * nothing comes any more, nothing is left. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/element.h"
#include "tests/fuzz/feed.h"

#define MS UINT64_C(1000000)

enum {
	DPORT = 7500,
	INTERFACES = 4,
	SESSIONS = 4,
	PACKET_MAX = 600,
	MODELLED = 64, /* sequence numbers from 0 on, and across the wrap */
	STEPS = 400,
};

static const struct pgm_nla source_nla = {.len = 4, .addr = {10, 0, 0, 1}};
static const struct pgm_nla group_nla = {.len = 4, .addr = {239, 0, 0, 1}};
static const struct pgm_tsi tsi = {.gsi = {1, 2, 3, 4, 5, 6}, .port = 9};

static struct {
	struct feed feed;
	struct pgm_element *element;
	struct pgm_element_config config;
	uint64_t counter[PGM_COUNTERS], now;
	bool full;
	const struct pgm_packet *came; /* what is being shown, if anything */
	unsigned interface;            /* where */
	/* Asked for on an interface since it last went there; of parity, whether ever. */
	bool asked[SESSIONS][INTERFACES][MODELLED], parity[SESSIONS][INTERFACES];
} f;

/* The session of a packet as the model counts them; false: it counts it not. */
static bool is_modelled(const struct pgm_packet *p, unsigned *session)
{
	*session = (unsigned)(p->tsi.port - tsi.port);
	return !memcmp(p->tsi.gsi, tsi.gsi, sizeof(tsi.gsi)) && *session < SESSIONS;
}

static bool *asked(unsigned session, unsigned interface, uint32_t sqn)
{
	uint32_t i = sqn + MODELLED / 2;

	return i < MODELLED ? &f.asked[session][interface][i] : NULL;
}

static void note_nak(const struct pgm_packet *p, unsigned interface)
{
	unsigned session;

	if (p->type != PGM_NAK || !is_modelled(p, &session))
		return;
	f.parity[session][interface] |= !!(p->flags & PGM_PARITY);
	for (unsigned i = 0; !(p->flags & PGM_PARITY) && i <= p->options.naks; i++) {
		bool *a = asked(session, interface, i ? p->options.nak_list[i - 1] : p->sqn);

		if (a)
			*a = true;
	}
}

static void check_repair(const struct pgm_packet *p, unsigned interface)
{
	unsigned session;
	bool *a;

	if (!is_modelled(p, &session))
		return;
	if (p->flags & PGM_PARITY) {
		require(f.parity[session][interface]);
	} else if ((a = asked(session, interface, p->sqn))) {
		require(*a);
		*a = false;
	}
}

static bool element_send(void *ctx, const struct pgm_hop *out, const uint8_t *at, unsigned len,
			 bool router_alert)
{
	struct pgm_packet p;
	bool up;

	(void)ctx, (void)router_alert;
	require(out->interface < INTERFACES && pgm_parse(at, len, &p) == PGM_OK);
	up = p.type == PGM_NAK || p.type == PGM_NNAK || p.type == PGM_SPMR;
	require(up == (out->to.addr[0] >> 4 != 0xe));
	if (p.type == PGM_NCF)
		require(f.came && f.came->type == PGM_NAK && out->interface == f.interface);
	else if (f.came)
		require(f.came->type == p.type && out->interface != f.interface);
	else
		require(p.type == PGM_NAK); /* which is repeated */
	if (p.type == PGM_SPM)
		require(!memcmp(&p.nla, &f.config.nla[out->interface], sizeof(p.nla)));
	if (p.type == PGM_RDATA)
		check_repair(&p, out->interface);
	return !f.full;
}

static void *create(void)
{
	static const struct pgm_element_ops ops = {.send = element_send};
	uint8_t how = feed_u8(&f.feed);
	void *memory = NULL;

	pgm_element_defaults(&f.config);
	f.config.seed = how;
	f.config.interfaces = INTERFACES;
	for (unsigned i = 0; i < INTERFACES; i++)
		f.config.nla[i] = (struct pgm_nla){.len = 4, .addr = {10, 0, (uint8_t)i, 254}};
	f.config.paths = how & 1 ? 2 : SESSIONS;
	f.config.repairs = how & 2 ? 4 : 64;
	f.config.path_repairs = how & 4 ? 3 : 64;
	f.config.expiry_ns = 5000 * MS;
	f.config.evict_ns = how & 8 ? 0 : 2000 * MS;
	require(!posix_memalign(&memory, 64, pgm_element_bytes(&f.config)));
	memset(memory, 0xa5, pgm_element_bytes(&f.config));
	f.element = pgm_element_init(memory, &f.config, &ops, NULL, f.counter);
	return memory;
}

static void turn(void)
{
	uint64_t due = pgm_element_turn(f.element, f.now);

	require(due > f.now);
	require((due == PGM_NEVER) == !pgm_element_paths(f.element));
	require(pgm_element_paths(f.element) || !pgm_element_repairs(f.element));
}

static struct pgm_nla address_of(enum pgm_type type, uint8_t how)
{
	bool up = type == PGM_NAK || type == PGM_NNAK;

	if (how & 64)
		up = !up;
	if (type == PGM_SPMR && !(how & 64))
		return source_nla;
	return up ? f.config.nla[f.interface] : group_nla;
}

/* In memory of exactly its size, so that a sanitizer sees who reads or writes behind it. */
static void show(const uint8_t *bytes, size_t len, uint8_t how)
{
	uint8_t *at = malloc(len ? len : 1);
	struct pgm_packet p;
	struct pgm_hop in = {.from = source_nla};

	require(at);
	if (len)
		memcpy(at, bytes, len);
	f.interface = in.interface = how >> 4 & 3;
	if (pgm_parse(at, len, &p) == PGM_OK) {
		in.to = address_of(p.type, how);
		note_nak(&p, in.interface);
		f.came = &p;
		pgm_element_input(f.element, f.now, &p, &in, at, (unsigned)len);
		f.came = NULL;
	}
	free(at);
}

/* A number near the beginning and the wrap, or any. */
static uint32_t near(void)
{
	uint8_t x = feed_u8(&f.feed);

	return x == 255 ? feed_u32(&f.feed) : (uint32_t)(x & 63) - 32;
}

static void feed_options(struct pgm_options *o)
{
	o->has = feed_u16(&f.feed) & 0x1ff;
	o->naks = feed_u8(&f.feed) % 5;
	for (unsigned i = 0; i < o->naks; i++)
		o->nak_list[i] = near();
	if (!o->naks)
		o->has &= (uint16_t)~PGM_HAS_NAK_LIST;
	o->tg_size = 1u << (feed_u8(&f.feed) & 7);
	o->parity = PGM_PARITY_ONDEMAND;
	o->curr_tgsize = feed_u8(&f.feed) & 15;
}

static void forge(enum pgm_type type, uint8_t how)
{
	uint8_t out[PACKET_MAX], session = feed_u8(&f.feed);
	struct pgm_packet p;

	memset(&p, 0, sizeof(p));
	p.type = type;
	p.flags = session & 4 ? PGM_PARITY : 0;
	p.tsi = tsi;
	p.tsi.port = (uint16_t)(p.tsi.port + (session & 3));
	p.sport = type >= PGM_NAK && type != PGM_NCF ? DPORT : p.tsi.port;
	p.dport = p.sport == DPORT ? p.tsi.port : DPORT;
	p.sqn = near();
	p.lead = near();
	p.nla = source_nla;
	p.group = group_nla;
	if (session & 8)
		feed_options(&p.options);
	show(out, pgm_build(&p, out, sizeof(out)), how);
}

static void forge_bytes(uint8_t how)
{
	uint8_t bytes[PACKET_MAX];
	const uint8_t *from;
	size_t len = feed_some(&f.feed, &from);

	if (len > sizeof(bytes))
		len = sizeof(bytes);
	if (len)
		memcpy(bytes, from, len);
	if (len >= PGM_HEADER_LEN) {
		pgm_store16(bytes + 6, 0);
		pgm_store16(bytes + 6, pgm_checksum(bytes, len));
	}
	show(bytes, len, how);
}

static void step(void)
{
	static const uint8_t types[16] = {PGM_SPM,   PGM_SPM, PGM_ODATA, PGM_RDATA,
					  PGM_RDATA, PGM_NAK, PGM_NAK,   PGM_NAK,
					  PGM_NNAK,  PGM_NCF, PGM_NCF,   PGM_SPMR};
	uint8_t what = feed_u8(&f.feed);

	switch (what & 15) {
	case 12:
		forge_bytes(what);
		break;
	case 13:
	case 14:
		f.now += (uint64_t)(feed_u8(&f.feed) + 1) * MS * (what & 16 ? 10 : 1);
		turn();
		break;
	case 15:
		f.full = what & 16;
		break;
	default:
		forge(types[what & 15], what);
		break;
	}
	require(pgm_element_paths(f.element) <= f.config.paths);
	require(pgm_element_repairs(f.element) <= f.config.repairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *memory;

	memset(&f, 0, sizeof(f));
	f.feed = (struct feed){data, size};
	f.now = 1000 * MS;
	memory = create();
	for (unsigned i = 0; i < STEPS && f.feed.left; i++)
		step();
	f.now += f.config.expiry_ns;
	turn();
	require(!pgm_element_paths(f.element));
	free(memory);
	return 0;
}
