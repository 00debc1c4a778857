#include "tests/sim/pgm_world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/receiver.h"
#include "dataplane/pgm/source.h"
#include "tests/sim/pgm_net.h"
#include "tests/sim/random.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

enum {
	SOURCE = PGM_RECEIVERS, /* stations before it are receivers */
	STATIONS,
	OVERHEAD = 28,
	FRAGMENTS_MAX = 4,
	EVENTS_MOST = 5000000, /* more in one seed is a storm */
	DPORT = 7500,
	NAK_RATE = 200, /* packets/s of a receiver */
};

enum what {
	ARRIVES,
	SENDS,  /* the program has messages */
	CLOSES, /* and no more */
	JOINS,
	REFUSES, /* a receiver's program takes nothing */
	RESUMES,
};

struct message {
	uint32_t first, last; /* sequence numbers */
	unsigned len;
};

struct station {
	struct world *w;
	unsigned i;
	struct pgm_receiver *r;
	uint64_t counter[PGM_COUNTERS], due, extra_ns;
	bool present, opened, closed, refuses;
	bool heard; /* something that a session begins with, */
	uint32_t heard_sqn;
	bool placed; /* and what came first */
	unsigned at; /* message that is next */
};

struct world {
	const struct pgm_scenario *s;
	struct sim_random random;
	struct pgm_net net;
	uint64_t now, due[STATIONS], ends;
	struct pgm_source *source;
	struct pgm_source_config config;
	uint64_t counter[PGM_COUNTERS];
	struct station station[PGM_RECEIVERS];
	struct message *message;
	unsigned sent;     /* messages, the one included that is being sent */
	size_t sent_bytes; /* of that one, if it is fragmented */
	double level;      /* of the checker's own token bucket */
	uint64_t level_at, naks_at, naks;
	bool closing, sabotage;
	struct pgm_tally *t;
	char *what;
	unsigned size;
};

__attribute__((format(printf, 2, 3))) static void fault(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->what[0])
		return;
	va_start(args, format);
	vsnprintf(w->what, w->size, format, args);
	va_end(args);
}

static void note(struct world *w, uint64_t what)
{
	w->t->hash = sim_mix(w->t->hash ^ what ^ w->now);
}

/* --- messages --- */

static unsigned message_len(const struct world *w, unsigned i)
{
	uint64_t x = sim_mix(w->s->seed * 1000003 + i);

	return 4 + (unsigned)(x % (w->s->message_max - 3u));
}

static bool is_apdu(const struct world *w, unsigned i)
{
	return sim_mix(w->s->seed * 77 + i) % 1000000 < w->s->apdus;
}

static unsigned full_len(const struct world *w, unsigned i)
{
	unsigned len = message_len(w, i);

	return is_apdu(w, i) ? 1 + len * (FRAGMENTS_MAX - 1) : len;
}

static uint8_t message_byte(const struct world *w, unsigned i, unsigned at)
{
	return (uint8_t)(sim_mix(w->s->seed + i) + at * 7);
}

static void write_message(const struct world *w, unsigned i, uint8_t *out, unsigned len)
{
	uint8_t x = message_byte(w, i, 0);

	for (unsigned n = 0; n < len; n++, x = (uint8_t)(x + 7))
		out[n] = x;
}

static bool is_message(const struct world *w, unsigned i, const uint8_t *at, size_t len)
{
	uint8_t x = message_byte(w, i, 0);

	if (len != full_len(w, i))
		return false;
	for (size_t n = 0; n < len; n++, x = (uint8_t)(x + 7))
		if (at[n] != x)
			return false;
	return true;
}

/* --- the network --- */

static uint64_t travel_ns(struct world *w, const struct station *to)
{
	uint64_t ns = w->s->delay_ns + to->extra_ns;

	if (sim_chance(&w->random, w->s->reordered))
		ns += sim_below(&w->random, w->s->reorder_ns) + 1;
	return ns;
}

/* Its content changes on the way, and whoever changed it knew how to make it look right. */
static struct pgm_net_packet *forge(struct world *w, const struct pgm_net_packet *p)
{
	struct pgm_net_packet *f = pgm_net_packet(&w->net, p->bytes, p->len, NULL, 0);

	f->bytes[f->len - 1] ^= 1;
	pgm_store16(f->bytes + 6, 0);
	pgm_store16(f->bytes + 6, pgm_checksum(f->bytes, f->len));
	return f;
}

static bool to_receiver(struct world *w, struct station *to, struct pgm_net_packet *p)
{
	if (!to->present)
		return true;
	if (sim_chance(&w->random, w->s->own_loss))
		return false;
	pgm_net_add(&w->net, w->now + travel_ns(w, to), to->i, ARRIVES, p);
	if (sim_chance(&w->random, w->s->duplicated))
		pgm_net_add(&w->net, w->now + travel_ns(w, to), to->i, ARRIVES, p);
	return true;
}

static void check_rate(struct world *w, unsigned bytes)
{
	const struct pgm_source_config *c = &w->config;

	if (!c->rate)
		return;
	w->level += (double)(w->now - w->level_at) * (double)c->rate / 1e9;
	w->level_at = w->now;
	if (w->level > c->burst)
		w->level = c->burst;
	w->level -= bytes;
	if (w->level < -(double)c->burst - 600 - (double)c->rate * 4e-6)
		fault(w, "the rate is overdrawn by %.0f bytes", -w->level);
}

static bool source_send(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
			unsigned body_len, bool router_alert)
{
	struct world *w = ctx;
	const bool odata = (head[4] & 15) == PGM_ODATA && !(head[5] & PGM_PARITY);
	struct pgm_net_packet *p;
	bool all = true;

	(void)router_alert;
	if (sim_chance(&w->random, w->s->link_full))
		return false;
	w->t->packets++;
	w->t->odata += odata;
	check_rate(w, head_len + body_len + OVERHEAD);
	if (((head[4] & 15) == PGM_ODATA || (head[4] & 15) == PGM_RDATA) &&
	    head_len + body_len > w->s->max_tpdu)
		fault(w, "a packet of %u bytes", head_len + body_len);
	if (sim_chance(&w->random, w->s->shared_loss) ||
	    ((head[4] & 15) == PGM_NCF && sim_chance(&w->random, w->s->ncf_loss))) {
		w->t->lost += odata;
		return true;
	}
	p = pgm_net_packet(&w->net, head, head_len, body, body_len);
	for (unsigned i = 0; i < PGM_RECEIVERS; i++) {
		if (w->sabotage && odata && i == 7 && w->t->odata == 5) {
			struct pgm_net_packet *f = forge(w, p);

			to_receiver(w, &w->station[i], f);
			pgm_net_drop(&w->net, f);
			continue;
		}
		all &= to_receiver(w, &w->station[i], p);
	}
	w->t->lost += odata && !all;
	pgm_net_drop(&w->net, p);
	return true;
}

static void count_nak(struct world *w)
{
	if (w->now >= w->naks_at + 10 * MS) {
		w->naks_at = w->now;
		w->naks = 0;
	}
	if (++w->naks > w->t->worst_ms)
		w->t->worst_ms = w->naks;
}

static bool receiver_send(void *ctx, struct pgm_session *session, const struct pgm_nla *to,
			  const uint8_t *at, unsigned len, bool router_alert)
{
	struct station *from = ctx;
	struct world *w = from->w;
	struct pgm_net_packet *p;

	(void)session;
	(void)router_alert;
	if ((at[4] & 15) == PGM_NAK)
		count_nak(w);
	if (sim_chance(&w->random, w->s->nak_loss))
		return true;
	p = pgm_net_packet(&w->net, at, len, NULL, 0);
	if (to)
		pgm_net_add(&w->net, w->now + travel_ns(w, from), SOURCE, ARRIVES, p);
	for (unsigned i = 0; !to && w->s->peers_hear && i < PGM_RECEIVERS; i++)
		if (i != from->i)
			to_receiver(w, &w->station[i], p);
	pgm_net_drop(&w->net, p);
	return true;
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

/* The first thing delivered or lost: nothing may have been passed over that it should have had. */
static void place(struct station *to, unsigned at)
{
	const struct world *w = to->w;

	to->placed = true;
	to->at = at;
	if (at && (int32_t)(w->message[at - 1].first - to->heard_sqn) >= 0)
		fault(to->w, "receiver %u begins with message %u, but heard of %u before", to->i,
		      at, to->heard_sqn);
}

static bool deliver(void *ctx, struct pgm_session *session, const uint8_t *at, size_t len,
		    void *buffer, uint32_t sqn)
{
	struct station *to = ctx;
	struct world *w = to->w;

	(void)session;
	if (buffer && !((struct pgm_net_packet *)buffer)->refs)
		fault(w, "receiver %u delivers from a buffer that nobody holds", to->i);
	if (to->refuses)
		return false;
	for (unsigned i = 0; !to->placed && i < w->sent; i++)
		if (w->message[i].first == sqn)
			place(to, i);
	if (!to->placed || to->at >= w->sent || w->message[to->at].first != sqn)
		fault(w, "receiver %u gets %u where %u is due", to->i, sqn,
		      to->at < w->sent ? w->message[to->at].first : 0);
	else if (!is_message(w, to->at, at, len))
		fault(w, "receiver %u: message %u is not what was sent", to->i, to->at);
	to->at++;
	note(w, sqn);
	return true;
}

static void lost(void *ctx, struct pgm_session *session, uint32_t first, uint32_t count)
{
	struct station *to = ctx;
	struct world *w = to->w;

	(void)session;
	w->t->given_up += count;
	note(w, (uint64_t)first << 32 | count);
	for (unsigned i = 0; !to->placed && i < w->sent; i++)
		if ((int32_t)(w->message[i].last - first) >= 0 &&
		    (int32_t)(w->message[i].first - (first + count)) < 0)
			place(to, i);
	if (to->placed && to->at < w->sent && (int32_t)(w->message[to->at].last - first) < 0)
		fault(w, "receiver %u loses %u+%u, but message %u was due before", to->i, first,
		      count, to->at);
	while (to->placed && to->at < w->sent &&
	       (int32_t)(w->message[to->at].first - (first + count)) < 0)
		to->at++;
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

static const struct pgm_tsi tsi = {.gsi = {9, 8, 7, 6, 5, 4}, .port = 999};
static const struct pgm_nla source_nla = {.len = 4, .addr = {10, 0, 0, 1}};
static const struct pgm_nla group_nla = {.len = 4, .addr = {239, 1, 1, 1}};

/* A station's memory is kept for the next seed, as getting it costs more than using it. */
static void *allocate(unsigned station, size_t n)
{
	static struct {
		void *at;
		size_t n;
	} kept[STATIONS];

	if (!n)
		abort();
	if (n > kept[station].n) {
		free(kept[station].at);
		if (posix_memalign(&kept[station].at, 64, n))
			abort();
		kept[station].n = n;
	}
	return kept[station].at;
}

static void create_source(struct world *w)
{
	static const struct pgm_source_ops ops = {.send = source_send};
	const struct pgm_scenario *s = w->s;
	struct pgm_source_config *c = &w->config;

	pgm_source_defaults(c, 1000, 1000, s->max_tpdu, 0);
	c->tsi = tsi;
	c->dport = DPORT;
	c->nla = source_nla;
	c->group = group_nla;
	c->overhead = OVERHEAD;
	c->rate = s->rate;
	c->burst = 2 * (s->max_tpdu + OVERHEAD);
	c->txw_sqns = s->txw_sqns;
	c->txw_bytes = s->txw_sqns * (uint32_t)(s->max_tpdu + 8);
	c->txw_ns = s->txw_ns;
	c->first_sqn = s->first_sqn;
	c->ambient_ns = 2 * SECOND;
	c->ncf_ivl_ns = c->rdata_ivl_ns = s->bo_ns / 2;
	c->linger_ns = 15 * SECOND;
	c->join_sqns = s->join_sqns;
	c->tg_size = s->tg_size;
	c->proactive = s->proactive;
	c->ondemand = s->ondemand;
	c->short_group_ns = s->short_groups ? s->bo_ns : 0;
	w->source = pgm_source_init(allocate(SOURCE, pgm_source_bytes(c)), c, &ops, w, w->counter,
				    w->now);
	w->level = c->burst;
	w->level_at = w->now;
}

static void create_receiver(struct world *w, unsigned i)
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
	const struct pgm_scenario *s = w->s;
	struct station *to = &w->station[i];
	struct pgm_receiver_config c;

	pgm_receiver_defaults(&c, 1000, 1000, s->max_tpdu, 0);
	c.dport = DPORT;
	c.group = group_nla;
	c.seed = sim_random(&w->random);
	c.sessions = 1;
	c.rxw_sqns = s->rxw_sqns;
	c.held = s->held;
	c.rebuilt = s->ample ? s->rxw_sqns : 64;
	c.max_apdu = (uint32_t)s->message_max * FRAGMENTS_MAX;
	c.nak_rate = NAK_RATE;
	c.nak_bo_ns = s->bo_ns;
	c.nak_rpt_ns = c.nak_rdata_ns = 4 * s->bo_ns;
	c.expiry_ns = 30 * SECOND;
	c.finished_ns = 60 * SECOND;
	to->w = w;
	to->i = i;
	to->extra_ns = s->spread_ns ? sim_below(&w->random, s->spread_ns) : 0;
	to->r = pgm_receiver_init(allocate(i, pgm_receiver_bytes(&c)), &c, &ops, to, to->counter);
	w->due[i] = PGM_NEVER;
}

static void create(struct world *w)
{
	const struct pgm_scenario *s = w->s;
	uint64_t span = s->interval_ns * s->messages;

	sim_random_seed(&w->random, sim_mix(s->seed ^ 0x5a5a));
	w->now = SECOND;
	pgm_net_create(&w->net);
	w->message = calloc(s->messages, sizeof(*w->message));
	create_source(w);
	w->due[SOURCE] = w->now;
	for (unsigned i = 0; i < PGM_RECEIVERS; i++) {
		create_receiver(w, i);
		pgm_net_add(&w->net, i < s->late ? w->now + sim_below(&w->random, span) : w->now, i,
			    JOINS, NULL);
		if (i % 10 == 3 && i / 10 < s->slow)
			pgm_net_add(&w->net, w->now + sim_below(&w->random, span), i, REFUSES,
				    NULL);
	}
	pgm_net_add(&w->net, w->now + MS, SOURCE, SENDS, NULL);
}

static void destroy(struct world *w)
{
	for (unsigned i = 0; i < PGM_RECEIVERS; i++) {
		struct station *to = &w->station[i];

		pgm_receiver_close(to->r);
		if (pgm_receiver_held(to->r))
			fault(w, "receiver %u still holds %u buffers", i, pgm_receiver_held(to->r));
	}
	while (w->net.n) {
		struct pgm_event e = pgm_net_take(&w->net);

		if (e.packet)
			pgm_net_drop(&w->net, e.packet);
	}
	if (w->net.out)
		fault(w, "%u packets are held and not let go", w->net.out);
	pgm_net_destroy(&w->net);
	free(w->message);
}

/* --- running --- */

/* false: refused; it goes on with the same message. */
static bool send_message(struct world *w)
{
	static uint8_t bytes[FRAGMENTS_MAX * 2048];
	const unsigned i = w->sent - !!w->sent_bytes, len = full_len(w, i);
	const uint32_t before = pgm_source_lead(w->source);
	struct message *m = &w->message[i];
	size_t done;

	write_message(w, i, bytes, len);
	if (is_apdu(w, i))
		done = pgm_source_send_apdu(w->source, w->now, bytes, len, w->sent_bytes);
	else
		done = pgm_source_send(w->source, w->now, bytes, len) ? len : 0;
	if (done > w->sent_bytes) {
		unsigned most = pgm_source_max_tsdu(w->source) - (is_apdu(w, i) ? 20 : 0);
		uint32_t packets = (uint32_t)((done - w->sent_bytes + most - 1) / most);

		m->last = pgm_source_lead(w->source);
		if (!w->sent_bytes) {
			m->first = m->last - packets + 1;
			m->len = len;
			w->sent++;
		}
		if (before == m->last)
			fault(w, "something was sent, but not numbered");
	}
	w->sent_bytes = done == len ? 0 : done;
	return done == len;
}

static void send_some(struct world *w)
{
	const struct pgm_scenario *s = w->s;

	for (unsigned n = 0; n < s->burst; n++) {
		if (w->sent == s->messages && !w->sent_bytes) {
			pgm_net_add(&w->net, w->now + sim_below(&w->random, 10 * s->bo_ns), SOURCE,
				    CLOSES, NULL);
			return;
		}
		if (!send_message(w)) {
			pgm_net_add(&w->net, w->now + 200000, SOURCE, SENDS, NULL);
			return;
		}
	}
	pgm_net_add(&w->net, w->now + s->interval_ns * s->burst, SOURCE, SENDS, NULL);
}

static void hear(struct station *to, const struct pgm_packet *p)
{
	if (to->heard || (p->flags & PGM_PARITY) || (p->options.has & PGM_HAS_FIN) ||
	    (p->type != PGM_ODATA && p->type != PGM_SPM))
		return;
	to->heard = true;
	to->heard_sqn = p->type == PGM_SPM ? p->lead + 1 : p->sqn;
}

static void arrive(struct world *w, unsigned station, struct pgm_net_packet *packet)
{
	struct pgm_packet p;
	enum pgm_reason bad = pgm_parse(packet->bytes, packet->len, &p);

	if (bad) {
		fault(w, "a packet is bad: %s", pgm_reason_text(bad));
		return;
	}
	if (station == SOURCE) {
		pgm_source_input(w->source, w->now, &p);
		return;
	}
	hear(&w->station[station], &p);
	pgm_receiver_input(w->station[station].r, w->now, &p, &source_nla, 0, packet);
	if (pgm_receiver_held(w->station[station].r) > w->s->held)
		fault(w, "receiver %u holds more than it may", station);
}

static void happen(struct world *w, const struct pgm_event *e)
{
	struct station *to = e->station < SOURCE ? &w->station[e->station] : NULL;

	switch ((enum what)e->what) {
	case ARRIVES:
		arrive(w, e->station, e->packet);
		break;
	case SENDS:
		send_some(w);
		break;
	case CLOSES:
		w->closing = true;
		w->ends = w->now + 60 * SECOND;
		pgm_source_close(w->source, w->now);
		break;
	case JOINS:
		to->present = true;
		break;
	case REFUSES:
		to->refuses = true;
		pgm_net_add(&w->net, w->now + sim_scale(&w->random, MS, 500 * MS), e->station,
			    RESUMES, NULL);
		break;
	case RESUMES:
		to->refuses = false;
		pgm_receiver_resume(to->r, w->now);
		break;
	}
}

static void take_turn(struct world *w, unsigned station)
{
	uint64_t due = station == SOURCE ? pgm_source_turn(w->source, w->now)
					 : pgm_receiver_turn(w->station[station].r, w->now);

	w->due[station] = due > w->now ? due : w->now + 1000;
}

static unsigned soonest(const struct world *w)
{
	unsigned first = 0;

	for (unsigned i = 1; i < STATIONS; i++)
		if (w->due[i] < w->due[first])
			first = i;
	return first;
}

static bool over(const struct world *w)
{
	if (!w->closing || !pgm_source_closed(w->source) || w->net.n)
		return false;
	for (unsigned i = 0; i < PGM_RECEIVERS; i++)
		if (w->station[i].opened && !w->station[i].closed)
			return w->now > w->ends;
	return true;
}

static void run(struct world *w)
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

static void check_end(struct world *w, struct station *to)
{
	const struct pgm_scenario *s = w->s;
	unsigned had = 0;

	for (unsigned i = 0; i < w->sent && to->heard; i++)
		had += (int32_t)(w->message[i].first - to->heard_sqn) >= 0;
	if (to->opened != to->heard)
		fault(w, "receiver %u %s", to->i, to->opened ? "heard nothing" : "has no session");
	else if (to->opened && !to->closed)
		fault(w, "receiver %u: its session does not end", to->i);
	else if (to->placed ? to->at != w->sent : had)
		fault(w, "receiver %u ends at message %u of %u, and was not told", to->i, to->at,
		      w->sent);
	else if (s->ample && to->counter[PGM_rcv_lost])
		fault(w, "receiver %u lost %" PRIu64 " packets that there was room for", to->i,
		      to->counter[PGM_rcv_lost]);
}

/* How few NAKs there must be: of all receivers together in ten milliseconds; for what they found
 * missing; and on a kind network, for each packet that it lost to however many of them. */
static void check_naks(struct world *w)
{
	const struct pgm_scenario *s = w->s;
	const struct pgm_tally *t = w->t;
	const bool kind = s->ample && !s->join_sqns && !s->nak_loss && !s->ncf_loss &&
			  !s->reordered && s->shared_loss <= 50000 && s->own_loss <= 50000 &&
			  4 * (s->delay_ns + s->spread_ns) <= s->bo_ns;

	if (t->worst_ms > PGM_RECEIVERS * (NAK_RATE / 16 + 1 + NAK_RATE / 50))
		fault(w, "%" PRIu64 " NAKs in ten milliseconds", t->worst_ms);
	else if (t->naks > 2 * t->missed + 60)
		fault(w, "%" PRIu64 " NAKs, and %" PRIu64 " packets were missing", t->naks,
		      t->missed);
	else if (kind && t->naks > 6 * t->lost + 40)
		fault(w, "%" PRIu64 " NAKs, and %" PRIu64 " packets were lost", t->naks, t->lost);
}

static void add_up(struct world *w)
{
	struct pgm_tally *t = w->t;

	for (unsigned i = 0; i < PGM_RECEIVERS; i++) {
		const uint64_t *c = w->station[i].counter;

		t->missed += c[PGM_rcv_missing];
		t->naks += c[PGM_rcv_naks] + c[PGM_rcv_naks_parity];
		t->asked += c[PGM_rcv_nak_sqns];
		t->rebuilt += c[PGM_rcv_rebuilt];
	}
	t->repairs = w->counter[PGM_src_rdata] + w->counter[PGM_src_parity_repairs];
}

void pgm_world_run(const struct pgm_scenario *s, bool sabotage, struct pgm_tally *t, char *what,
		   unsigned size)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	memset(t, 0, sizeof(*t));
	what[0] = 0;
	w->s = s;
	w->sabotage = sabotage;
	w->t = t;
	w->what = what;
	w->size = size;
	create(w);
	run(w);
	for (unsigned i = 0; i < PGM_RECEIVERS; i++)
		check_end(w, &w->station[i]);
	add_up(w);
	check_naks(w);
	destroy(w);
	free(w);
}
