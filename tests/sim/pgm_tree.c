#include "tests/sim/pgm_tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/element.h"
#include "dataplane/pgm/receiver.h"
#include "dataplane/pgm/source.h"
#include "tests/sim/pgm_net.h"
#include "tests/sim/random.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

enum {
	STATIONS_MAX = 2 + TREE_SUBNETS * TREE_RECEIVERS,
	SOURCE = 0, /* stations; receivers follow, subnet by subnet */
	ELEMENT = 1,
	FIRST = 2,
	UP = 0, /* the element's interfaces; subnet i is i + 1 */
	DPORT = 7500,
	TPDU = 256,
	SQNS_MAX = 256,
	EVENTS_MOST = 5000000,
};

/* What an event of a station is: with a packet, by which of the element's interfaces it came. */
enum what {
	SENDS = 100, /* the program has a message */
	CLOSES,
};

struct station {
	struct tree *w;
	unsigned i, subnet;
	struct pgm_receiver *r;
	void *memory;
	uint64_t counter[PGM_COUNTERS];
	bool opened, closed, heard, placed;
	uint32_t heard_at, at; /* of messages, whose sequence numbers are `first` and on */
};

struct tree {
	const struct tree_scenario *s;
	struct sim_random random;
	struct pgm_net net;
	uint64_t now, due[STATIONS_MAX], ends;
	unsigned stations;
	struct pgm_source *source;
	struct pgm_element *element;
	void *source_memory, *element_memory;
	struct pgm_element_config element_config;
	uint64_t counter[PGM_COUNTERS];
	struct station station[STATIONS_MAX];
	uint32_t first, sent;
	bool lost[SQNS_MAX];
	/* How many repairs of a packet, or of its group, a subnet may get. */
	uint8_t asked[TREE_SUBNETS][2][SQNS_MAX];
	bool closing, sabotage;
	struct tree_tally *t;
	char *what;
	unsigned size;
};

static const struct pgm_tsi tsi = {.gsi = {9, 8, 7, 6, 5, 4}, .port = 999};
static const struct pgm_nla source_nla = {.len = 4, .addr = {10, 0, 0, 1}};
static const struct pgm_nla group_nla = {.len = 4, .addr = {239, 1, 1, 1}};

__attribute__((format(printf, 2, 3))) static void fault(struct tree *w, const char *format, ...)
{
	va_list args;

	if (w->what[0])
		return;
	va_start(args, format);
	vsnprintf(w->what, w->size, format, args);
	va_end(args);
}

static void note(struct tree *w, uint64_t what)
{
	w->t->hash = sim_mix(w->t->hash ^ what ^ w->now);
}

static enum pgm_type type_of(const uint8_t *at)
{
	return at[4] & 15;
}

static void write_message(const struct tree *w, uint32_t i, uint8_t out[16])
{
	uint64_t x[2] = {sim_mix(w->s->seed * 1000003 + i), sim_mix(i)};

	memcpy(out, x, 16);
}

static unsigned message_len(uint32_t i)
{
	return 4 + i % 13;
}

/* --- the network --- */

/* A group's packets are numbered by its first, and any of those asked for will do. */
static uint8_t *asked_for(struct tree *w, unsigned subnet, uint32_t sqn, bool parity)
{
	uint32_t i = (parity ? sqn & ~(uint32_t)(w->s->tg_size - 1) : sqn) - w->first;

	if (i < SQNS_MAX)
		return &w->asked[subnet][parity][i];
	fault(w, "%u is asked for or repaired, but was never sent", sqn);
	return &w->asked[subnet][parity][0];
}

static void note_nak(struct tree *w, unsigned subnet, const struct pgm_packet *p)
{
	const bool parity = p->flags & PGM_PARITY;

	for (unsigned i = 0; i <= p->options.naks; i++) {
		uint32_t sqn = i ? p->options.nak_list[i - 1] : p->sqn;
		uint8_t packets = (uint8_t)(parity ? (sqn & (uint32_t)(w->s->tg_size - 1)) + 1 : 1);
		uint8_t *asked = asked_for(w, subnet, sqn, parity);

		if (packets > *asked)
			*asked = packets;
	}
}

static void check_repair(struct tree *w, unsigned subnet, const uint8_t *at)
{
	uint8_t *asked = asked_for(w, subnet, pgm_load32(at + PGM_HEADER_LEN), at[5] & PGM_PARITY);

	w->t->copies++;
	if (!*asked)
		w->t->unasked++;
	if (!*asked && w->s->element)
		fault(w, "subnet %u gets a repair that it has not asked for", subnet);
	*asked -= *asked > 0;
}

static void mark_lost(struct tree *w, const struct pgm_net_packet *p)
{
	if (type_of(p->bytes) == PGM_ODATA && !(p->bytes[5] & PGM_PARITY))
		w->lost[pgm_load32(p->bytes + PGM_HEADER_LEN) - w->first] = true;
}

static bool is_lost(struct tree *w, const struct pgm_net_packet *p, uint32_t loss)
{
	const enum pgm_type type = type_of(p->bytes);

	if (type == PGM_NAK || type == PGM_SPMR)
		return sim_chance(&w->random, w->s->nak_loss);
	if (!sim_chance(&w->random, loss) &&
	    !(type == PGM_NCF && sim_chance(&w->random, w->s->ncf_loss)))
		return false;
	mark_lost(w, p);
	return true;
}

static void to_receiver(struct tree *w, struct station *to, struct pgm_net_packet *p)
{
	unsigned copies = 1 + sim_chance(&w->random, w->s->duplicated);

	if (is_lost(w, p, w->s->own_loss))
		return;
	for (unsigned i = 0; i < copies; i++) {
		uint64_t extra = w->s->jitter_ns ? sim_below(&w->random, w->s->jitter_ns) : 0;

		pgm_net_add(&w->net, w->now + w->s->down_ns + extra, to->i, 0, p);
	}
}

static void to_subnet(struct tree *w, unsigned subnet, struct pgm_net_packet *p)
{
	if (type_of(p->bytes) == PGM_RDATA)
		check_repair(w, subnet, p->bytes);
	if (is_lost(w, p, w->s->subnet_loss))
		return;
	for (unsigned i = 0; i < w->s->receivers; i++)
		to_receiver(w, &w->station[FIRST + subnet * w->s->receivers + i], p);
}

static void to_source(struct tree *w, struct pgm_net_packet *p)
{
	if (!is_lost(w, p, 0))
		pgm_net_add(&w->net, w->now + w->s->up_ns, SOURCE, 0, p);
}

static bool source_send(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
			unsigned body_len, bool router_alert)
{
	struct tree *w = ctx;
	struct pgm_net_packet *p = pgm_net_packet(&w->net, head, head_len, body, body_len);

	(void)router_alert;
	w->t->odata += type_of(head) == PGM_ODATA;
	w->t->rdata += type_of(head) == PGM_RDATA;
	if (!is_lost(w, p, w->s->up_loss))
		pgm_net_add(&w->net, w->now + w->s->up_ns, ELEMENT, UP, p);
	pgm_net_drop(&w->net, p);
	return true;
}

static bool receiver_send(void *ctx, struct pgm_session *session, const struct pgm_nla *to,
			  const uint8_t *at, unsigned len, bool router_alert)
{
	struct station *from = ctx;
	struct tree *w = from->w;
	const struct pgm_nla *own = &w->element_config.nla[from->subnet + 1];
	struct pgm_net_packet *p = pgm_net_packet(&w->net, at, len, NULL, 0);

	(void)session, (void)router_alert;
	if (type_of(at) == PGM_NAK) {
		w->t->naks++;
		if (memcmp(to, w->s->element ? own : &source_nla, sizeof(*to)))
			fault(w, "receiver %u sends its NAK elsewhere", from->i);
	}
	for (unsigned i = FIRST; !to && i < w->stations; i++)
		if (i != from->i && w->station[i].subnet == from->subnet)
			to_receiver(w, &w->station[i], p);
	if (to && !is_lost(w, p, 0))
		pgm_net_add(&w->net, w->now + w->s->down_ns, ELEMENT, from->subnet + 1, p);
	pgm_net_drop(&w->net, p);
	return true;
}

static bool element_send(void *ctx, const struct pgm_hop *out, const uint8_t *at, unsigned len,
			 bool router_alert)
{
	struct tree *w = ctx;
	struct pgm_net_packet *p = pgm_net_packet(&w->net, at, len, NULL, 0);

	(void)router_alert;
	if (memcmp(&out->to, out->interface == UP ? &source_nla : &group_nla, sizeof(out->to)))
		fault(w, "the element sends something elsewhere");
	if (out->interface == UP)
		to_source(w, p);
	else
		to_subnet(w, out->interface - 1, p);
	pgm_net_drop(&w->net, p);
	return true;
}

/* What is between the source and the subnets, if it is no element. */
static void switch_input(struct tree *w, unsigned interface, struct pgm_net_packet *packet)
{
	if (interface == UP)
		for (unsigned i = 0; i < w->s->subnets; i++)
			to_subnet(w, i, packet);
	else
		to_source(w, packet);
}

static void element_input(struct tree *w, unsigned interface, struct pgm_net_packet *packet,
			  const struct pgm_packet *parsed)
{
	const bool up = interface == UP;
	struct pgm_packet p;
	struct pgm_hop in = {.interface = interface,
			     .from = up ? source_nla : (struct pgm_nla){.len = 4, .addr = {10, 9}},
			     .to = up                         ? group_nla
				   : parsed->type == PGM_SPMR ? source_nla
							      : w->element_config.nla[interface]};
	uint8_t copy[PGM_NET_PACKET]; /* others are still to get it as it was */

	memcpy(copy, packet->bytes, packet->len);
	pgm_parse(copy, packet->len, &p);
	pgm_element_input(w->element, w->now, &p, &in, copy, packet->len);
}

/* The NAK of one subnet comes from another too, of which the checker knows nothing. */
static void sabotage(struct tree *w, const struct pgm_packet *p, unsigned interface)
{
	struct pgm_packet copy = *p;
	uint8_t bytes[PGM_NET_PACKET];
	unsigned other = interface % w->s->subnets + 1, len;
	struct pgm_hop in = {.interface = other,
			     .from = {.len = 4, .addr = {10, 9}},
			     .to = w->element_config.nla[other]};

	len = (unsigned)pgm_build(p, bytes, sizeof(bytes));
	pgm_element_input(w->element, w->now, &copy, &in, bytes, len);
}

static void at_element(struct tree *w, unsigned interface, struct pgm_net_packet *packet,
		       const struct pgm_packet *p)
{
	if (p->type == PGM_NAK)
		note_nak(w, interface - 1, p);
	if (!w->s->element) {
		switch_input(w, interface, packet);
		return;
	}
	element_input(w, interface, packet, p);
	if (w->sabotage && p->type == PGM_NAK)
		sabotage(w, p, interface);
}

/* --- a receiver's program --- */

static void opened(void *ctx, struct pgm_session *session)
{
	struct station *to = ctx;

	(void)session;
	if (to->opened)
		fault(to->w, "receiver %u has two sessions", to->i);
	to->opened = true;
}

static void closed(void *ctx, struct pgm_session *session, enum pgm_session_end why)
{
	struct station *to = ctx;

	(void)session;
	to->closed = true;
	note(to->w, why);
}

/* The first thing delivered or lost is what it has first heard of. */
static void place(struct station *to, uint32_t at)
{
	if (!to->placed && at != to->heard_at)
		fault(to->w, "receiver %u begins with %u, but heard of %u", to->i, at,
		      to->heard_at);
	if (!to->placed)
		to->at = at;
	to->placed = true;
}

static bool deliver(void *ctx, struct pgm_session *session, const uint8_t *at, size_t len,
		    void *buffer, uint32_t sqn)
{
	struct station *to = ctx;
	struct tree *w = to->w;
	uint8_t message[16];
	uint32_t i = sqn - w->first;

	(void)session, (void)buffer;
	place(to, i);
	write_message(w, i, message);
	if (i != to->at)
		fault(w, "receiver %u gets message %u where %u is due", to->i, i, to->at);
	else if (len != message_len(i) || memcmp(at, message, len))
		fault(w, "receiver %u: message %u is not what was sent", to->i, i);
	to->at++;
	w->t->delivered++;
	note(w, sqn);
	return true;
}

static void lost(void *ctx, struct pgm_session *session, uint32_t first, uint32_t count)
{
	struct station *to = ctx;
	struct tree *w = to->w;

	(void)session;
	place(to, first - w->first);
	if (first - w->first != to->at)
		fault(w, "receiver %u loses message %u where %u is due", to->i, first - w->first,
		      to->at);
	to->at += count;
	w->t->given_up += count;
	note(w, (uint64_t)first << 32 | count);
}

static void hold(void *ctx, void *buffer)
{
	(void)ctx;
	pgm_net_hold(buffer);
}

static void unhold(void *ctx, void *buffer)
{
	struct station *to = ctx;

	pgm_net_drop(&to->w->net, buffer);
}

/* --- setting up --- */

static void *allocate(size_t n)
{
	void *p = NULL;

	if (!n || posix_memalign(&p, 64, n))
		abort();
	return p;
}

static void create_source(struct tree *w)
{
	static const struct pgm_source_ops ops = {.send = source_send};
	struct pgm_source_config c;

	pgm_source_defaults(&c, 1000, 1000, TPDU, 0);
	c.tsi = tsi;
	c.dport = DPORT;
	c.nla = source_nla;
	c.group = group_nla;
	c.rate = 0;
	c.txw_sqns = w->s->txw_sqns;
	c.txw_bytes = w->s->txw_sqns * TPDU;
	c.first_sqn = (uint32_t)sim_random(&w->random);
	c.ambient_ns = 2 * SECOND;
	c.linger_ns = 15 * SECOND;
	c.tg_size = w->s->tg_size;
	c.ondemand = w->s->tg_size;
	w->source_memory = allocate(pgm_source_bytes(&c));
	w->source = pgm_source_init(w->source_memory, &c, &ops, w, w->counter, w->now);
	w->first = pgm_source_lead(w->source) + 1;
	w->due[SOURCE] = w->now;
}

static void create_element(struct tree *w)
{
	static const struct pgm_element_ops ops = {.send = element_send};
	struct pgm_element_config *c = &w->element_config;

	pgm_element_defaults(c);
	c->seed = sim_random(&w->random);
	c->interfaces = w->s->subnets + 1;
	for (unsigned i = 0; i < c->interfaces; i++)
		c->nla[i] = (struct pgm_nla){.len = 4, .addr = {10, 1, (uint8_t)i, 254}};
	c->paths = 1;
	c->repairs = c->path_repairs = w->s->element_repairs;
	w->element_memory = allocate(pgm_element_bytes(c));
	w->element = pgm_element_init(w->element_memory, c, &ops, w, w->counter);
	w->due[ELEMENT] = PGM_NEVER;
}

static void create_receiver(struct tree *w, unsigned i)
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
	struct station *to = &w->station[i];
	struct pgm_receiver_config c;

	pgm_receiver_defaults(&c, 1000, 1000, TPDU, 0);
	c.dport = DPORT;
	c.group = group_nla;
	c.seed = sim_random(&w->random);
	c.sessions = 1;
	c.rxw_sqns = c.held = c.rebuilt = SQNS_MAX;
	c.max_apdu = 0;
	c.expiry_ns = 30 * SECOND;
	c.finished_ns = 60 * SECOND;
	to->w = w;
	to->i = i;
	to->subnet = (i - FIRST) / w->s->receivers;
	to->memory = allocate(pgm_receiver_bytes(&c));
	to->r = pgm_receiver_init(to->memory, &c, &ops, to, to->counter);
	w->due[i] = PGM_NEVER;
}

static void create(struct tree *w)
{
	sim_random_seed(&w->random, sim_mix(w->s->seed ^ 0x77ee));
	w->now = SECOND;
	pgm_net_create(&w->net);
	w->stations = FIRST + w->s->subnets * w->s->receivers;
	create_source(w);
	create_element(w);
	for (unsigned i = FIRST; i < w->stations; i++)
		create_receiver(w, i);
	pgm_net_add(&w->net, w->now + 200 * MS, SOURCE, SENDS, NULL);
}

static void destroy(struct tree *w)
{
	for (unsigned i = FIRST; i < w->stations; i++) {
		pgm_receiver_close(w->station[i].r);
		free(w->station[i].memory);
	}
	while (w->net.n) {
		struct pgm_event e = pgm_net_take(&w->net);

		if (e.packet)
			pgm_net_drop(&w->net, e.packet);
	}
	if (w->net.out)
		fault(w, "%u packets are held and not let go", w->net.out);
	pgm_net_destroy(&w->net);
	free(w->source_memory);
	free(w->element_memory);
}

/* --- running --- */

static void send_one(struct tree *w)
{
	uint8_t message[16];

	write_message(w, w->sent, message);
	if (pgm_source_send(w->source, w->now, message, message_len(w->sent)))
		w->sent++;
	pgm_net_add(&w->net, w->now + w->s->interval_ns, SOURCE,
		    w->sent == w->s->messages ? CLOSES : SENDS, NULL);
}

static void hear(struct tree *w, struct station *to, const struct pgm_packet *p)
{
	if (to->heard || p->flags & PGM_PARITY || p->options.has & PGM_HAS_FIN ||
	    (p->type != PGM_ODATA && p->type != PGM_SPM))
		return;
	to->heard = true;
	to->heard_at = (p->type == PGM_SPM ? p->lead + 1 : p->sqn) - w->first;
}

static void arrive(struct tree *w, const struct pgm_event *e)
{
	struct station *to = &w->station[e->station];
	struct pgm_packet p;
	enum pgm_reason bad = pgm_parse(e->packet->bytes, e->packet->len, &p);

	if (bad) {
		fault(w, "a packet is bad: %s", pgm_reason_text(bad));
	} else if (e->station == SOURCE) {
		w->t->naks_up += p.type == PGM_NAK;
		pgm_source_input(w->source, w->now, &p);
	} else if (e->station == ELEMENT) {
		at_element(w, e->what, e->packet, &p);
	} else {
		hear(w, to, &p);
		pgm_receiver_input(to->r, w->now, &p, &source_nla, 0, e->packet);
	}
}

static void happen(struct tree *w, const struct pgm_event *e)
{
	if (e->packet) {
		arrive(w, e);
	} else if (e->what == SENDS) {
		send_one(w);
	} else {
		w->closing = true;
		w->ends = w->now + 60 * SECOND;
		pgm_source_close(w->source, w->now);
	}
}

static void take_turn(struct tree *w, unsigned station)
{
	uint64_t due = station == SOURCE    ? pgm_source_turn(w->source, w->now)
		       : station == ELEMENT ? pgm_element_turn(w->element, w->now)
					    : pgm_receiver_turn(w->station[station].r, w->now);

	w->due[station] = due > w->now ? due : w->now + 1000;
}

static unsigned soonest(const struct tree *w)
{
	unsigned first = 0;

	for (unsigned i = 1; i < w->stations; i++)
		if (w->due[i] < w->due[first])
			first = i;
	return first;
}

static bool over(const struct tree *w)
{
	if (!w->closing || !pgm_source_closed(w->source) || w->net.n)
		return false;
	for (unsigned i = FIRST; i < w->stations; i++)
		if (w->station[i].opened && !w->station[i].closed)
			return w->now > w->ends;
	return true;
}

static void run(struct tree *w)
{
	for (unsigned events = 0; !over(w) && !w->what[0]; events++) {
		unsigned station = soonest(w);
		struct pgm_event e;

		if (events == EVENTS_MOST) {
			fault(w, "there is no end to it");
			return;
		}
		if (w->due[station] < pgm_net_next(&w->net)) {
			w->now = w->due[station];
			take_turn(w, station);
			continue;
		}
		e = pgm_net_take(&w->net);
		w->now = e.at_ns;
		happen(w, &e);
		if (e.packet)
			pgm_net_drop(&w->net, e.packet);
		take_turn(w, e.station);
	}
}

/* --- what must have been --- */

static void check_end(struct tree *w, struct station *to)
{
	if (!to->opened || !to->closed)
		fault(w, "receiver %u: its session does not %s", to->i,
		      to->opened ? "end" : "begin");
	else if (to->placed ? to->at != w->sent : to->heard_at != w->sent)
		fault(w, "receiver %u ends at message %u of %u, and was not told", to->i, to->at,
		      w->sent);
	else if (w->s->ample && to->counter[PGM_rcv_lost])
		fault(w, "receiver %u lost %u packets that there was room for", to->i,
		      (unsigned)to->counter[PGM_rcv_lost]);
}

static void check_element(struct tree *w)
{
	pgm_element_turn(w->element, w->now + 60 * SECOND);
	if (pgm_element_repairs(w->element))
		fault(w, "the element still waits for %u repairs", pgm_element_repairs(w->element));
	w->t->shed = w->counter[PGM_ne_drop_naks_shed];
	if (w->s->ample && w->t->shed)
		fault(w, "NAKs are shed where there is room for them");
}

void tree_run(const struct tree_scenario *s, bool sabotaged, struct tree_tally *t, char *what,
	      unsigned size)
{
	struct tree *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	memset(t, 0, sizeof(*t));
	what[0] = 0;
	w->s = s;
	w->sabotage = sabotaged;
	w->t = t;
	w->what = what;
	w->size = size;
	create(w);
	run(w);
	for (unsigned i = FIRST; i < w->stations; i++)
		check_end(w, &w->station[i]);
	check_element(w);
	for (unsigned i = 0; i < SQNS_MAX; i++)
		t->lost += w->lost[i];
	t->asked_up = w->counter[PGM_src_nak_sqns];
	destroy(w);
	free(w);
}
