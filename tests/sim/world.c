/* The clock, the event queue, and the turns of the stacks. */
#include "tests/sim/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/nic.h"
#include "tests/sim/pcap.h"
#include "tests/sim/wire.h"

#define RX_GOOD (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD)

struct event {
	uint64_t at_ns, order; /* order: of creation, which breaks ties */
	unsigned stack;
	struct nic_frame *frame; /* arrives; or NULL: */
	void (*fn)(void *arg);
	void *arg;
};

struct stack {
	struct world *world;
	unsigned index;
	struct world_stack config;
	struct zl_net *net;
	struct sim_random random;
	struct link out[WORLD_STACKS];
	FILE *pcap;
	uint16_t source_port;
	uint64_t turn_at_ns; /* of the last turn */
	struct event *due;   /* of this instant */
	unsigned dues, due_room;
	uint64_t hit[WIRE_UNCHECKED + 1]; /* corrupted frames that came in, by part */
};

struct world {
	struct world_config config;
	uint64_t now_ns, orders, hash, frames;
	struct event *heap;
	unsigned events, heap_room;
	unsigned stacks;
	struct stack stack[WORLD_STACKS];
	struct wire wire;
	char fault[160];
	int64_t sabotage; /* payload frames still to let pass; -1: never */
};

static void *grown(void *p, unsigned n, unsigned *room, size_t size)
{
	if (n < *room)
		return p;
	*room = *room ? *room * 2 : 64;
	p = realloc(p, *room * size);
	if (!p)
		abort();
	return p;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void event_push(struct world *w, struct event e)
{
	unsigned i = w->events;

	w->heap = grown(w->heap, w->events, &w->heap_room, sizeof(*w->heap));
	w->events++;
	e.order = w->orders++;
	for (; i && before(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static struct event event_pop(struct world *w)
{
	struct event top = w->heap[0], last = w->heap[--w->events];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < w->events) {
		if (child + 1 < w->events && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

static void hash_frame(struct world *w, unsigned stack, const uint8_t *p, uint32_t len)
{
	uint64_t h = w->hash ^ sim_mix(w->now_ns ^ (uint64_t)stack << 60 ^ len), word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
		h ^= h >> 29;
	}
	for (; len; p++, len--)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	w->hash = h;
}

static void trace(const struct world *w, unsigned from, unsigned to, const struct nic_frame *f,
		  const char *fate, uint64_t at_ns)
{
	char line[160];
	double now = (double)(w->now_ns - w->config.epoch_ns) / 1e6;

	if (!w->config.trace)
		return;
	wire_describe(f->data, f->len, line, sizeof(line));
	printf("%12.6f %u>%u %s: %s", now, from, to, line, fate);
	if (at_ns)
		printf(" at %.6f", (double)(at_ns - w->config.epoch_ns) / 1e6);
	putchar('\n');
}

/* One frame through one link: an event for each arrival. */
static void carry(struct stack *from, unsigned to, const struct nic_frame *f)
{
	static const char *const fates[] = {"ok", "LOST", "TAIL DROP", "BLACKOUT"};
	struct world *w = from->world;
	struct link_arrival arrival[2];
	unsigned n;
	enum link_fate fate = link_carry(&from->out[to], w->now_ns, f->len, arrival, &n);

	if (fate != LINK_DELIVERED)
		trace(w, from->index, to, f, fates[fate], 0);
	for (unsigned i = 0; i < n; i++) {
		uint64_t turn = w->config.turn_ns, at = (arrival[i].at_ns + turn - 1) / turn * turn;
		struct nic_frame *copy = nic_frame_copy(f);

		trace(w, from->index, to, f,
		      arrival[i].flip_mask ? "CORRUPTED"
		      : i                  ? "DUPLICATE"
					   : "ok",
		      at);
		nic_frame_flip(copy, arrival[i].flip_first, arrival[i].flip_mask);
		event_push(w, (struct event){.at_ns = at, .stack = to, .frame = copy});
	}
}

static void frame_sent(struct stack *s, struct nic_frame *f)
{
	struct world *w = s->world;
	int to = nic_frame_station(f);

	w->frames++;
	nic_frame_strip(f, s->config.strip);
	wire_sent(&w->wire, f->data, f->len, s->config.mtu);
	nic_frame_pad(f);
	hash_frame(w, s->index, f->data, f->len);
	if (s->pcap)
		pcap_write(s->pcap, w->now_ns, f->data, f->len);
	if (w->sabotage >= 0 && nic_frame_has_payload(f) && w->sabotage-- == 0) {
		nic_frame_sabotage(f);
		trace(w, s->index, (unsigned)to, f, "SABOTAGED", 0);
	}
	for (unsigned i = 0; i < w->stacks; i++)
		if (i != s->index && (to < 0 || to == (int)i))
			carry(s, i, f);
	free(f);
}

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	struct stack *s = ctx;

	(void)port;
	for (unsigned i = 0; i < n; i++) {
		struct nic_frame *f = nic_frame_take(frames[i], s->config.tx_offload);

		if (f)
			frame_sent(s, f);
		else if (!s->world->fault[0])
			snprintf(s->world->fault, sizeof(s->world->fault),
				 "a frame without a header, or an offload that is not there");
	}
}

static uint64_t random_bits(void *ctx)
{
	return sim_random(&((struct stack *)ctx)->random);
}

static bool lands_here(void *ctx, uint16_t port, const struct zl_endpoint_addr *local,
		       const struct zl_endpoint_addr *remote)
{
	const struct stack *s = ctx;

	(void)port;
	(void)remote;
	return !s->source_port || s->source_port == local->port;
}

static bool accepted(void *ctx, uint64_t cookie, struct zl_stream *stream)
{
	struct stack *s = ctx;

	return s->config.accept && s->config.accept(s->config.ctx, cookie, stream);
}

static void neighbor(void *ctx, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac)
{
	(void)ctx, (void)port, (void)ip, (void)mac;
}

static const struct zl_net_ops ops = {
	.transmit = transmit,
	.accept = accepted,
	.neighbor = neighbor,
	.random = random_bits,
	.lands_here = lands_here,
};

struct world *world_create(const struct world_config *c)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->config = *c;
	if (!w->config.turn_ns)
		w->config.turn_ns = 1;
	w->now_ns = c->epoch_ns;
	w->sabotage = -1;
	return w;
}

static void close_pcap(struct stack *s)
{
	if (s->pcap)
		fclose(s->pcap);
}

void world_destroy(struct world *w)
{
	for (unsigned i = 0; i < w->stacks; i++) {
		zl_net_destroy(w->stack[i].net);
		close_pcap(&w->stack[i]);
		free(w->stack[i].due);
	}
	for (unsigned i = 0; i < w->events; i++)
		free(w->heap[i].frame);
	free(w->heap);
	free(w);
}

static void open_pcap(struct stack *s)
{
	char path[512];

	if (!s->world->config.pcap)
		return;
	snprintf(path, sizeof(path), s->index ? "%s.%u" : "%s", s->world->config.pcap, s->index);
	s->pcap = pcap_open(path);
	if (!s->pcap) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
}

unsigned world_add(struct world *w, const struct world_stack *config)
{
	struct stack *s = &w->stack[w->stacks];
	struct zl_net_config c = {
		.ops = &ops,
		.ctx = s,
		.frames = config->frames,
		.indirect = config->indirect,
		.blocks = config->blocks,
		.tcp = config->tcp,
		.socket_id = SOCKET_ID_ANY,
	};
	struct zl_net_port port = {
		.mac = nic_station_mac(w->stacks),
		.mtu = config->mtu,
		.tx_offload = config->tx_offload,
		.rx_checked = config->rx_offload ? RX_GOOD : 0,
		.ip = world_ip(w->stacks),
		.prefix_len = 24,
	};

	s->world = w;
	s->index = w->stacks++;
	s->config = *config;
	s->turn_at_ns = w->now_ns;
	sim_random_seed(&s->random, sim_mix(w->config.seed) + s->index);
	s->net = zl_net_create(&c);
	if (!s->net || zl_net_port_add(s->net, 0, &port)) {
		fprintf(stderr, "a simulated stack could not be made\n");
		exit(2);
	}
	open_pcap(s);
	return s->index;
}

void world_link(struct world *w, unsigned from, unsigned to, const struct link_params *p)
{
	link_init(&w->stack[from].out[to], p,
		  sim_mix(w->config.seed ^ 0x6c696e6b) + from * 16 + to);
}

struct zl_net *world_net(struct world *w, unsigned stack)
{
	return w->stack[stack].net;
}

uint32_t world_ip(unsigned stack)
{
	return UINT32_C(0x0a000001) + stack;
}

const struct link *world_link_state(const struct world *w, unsigned from, unsigned to)
{
	return &w->stack[from].out[to];
}

uint64_t world_now(const struct world *w)
{
	return w->now_ns;
}

void world_source_port(struct world *w, unsigned stack, uint16_t port)
{
	w->stack[stack].source_port = port;
}

void world_call(struct world *w, unsigned stack, uint64_t at_ns, void (*fn)(void *arg), void *arg)
{
	event_push(w, (struct event){.at_ns = at_ns > w->now_ns ? at_ns : w->now_ns,
				     .stack = stack,
				     .fn = fn,
				     .arg = arg});
}

/* When a stack's timers want a turn: never in the instant of its last one. */
static uint64_t timer_at(const struct stack *s)
{
	uint64_t at = zl_net_next_timer(s->net), soonest = s->turn_at_ns + s->world->config.turn_ns;

	return at > soonest ? at : soonest;
}

/* Reception: into the stack's own buffers, in vectors. Dry pool: the frame is lost, as on a NIC. */
static void receive(struct stack *s)
{
	struct world *w = s->world;
	struct rte_mbuf *vector[ZL_NET_BURST];
	unsigned n = 0;

	for (unsigned i = 0; i < s->dues; i++) {
		struct nic_frame *f = s->due[i].frame;

		if (!f)
			continue;
		vector[n] = f->part == WIRE_UNCHECKED && f->corrupted
				    ? NULL
				    : nic_frame_give(f, s->config.frames, s->config.rx_segment);
		if (vector[n]) {
			if (s->config.rx_offload && !f->corrupted)
				vector[n]->ol_flags |= RX_GOOD;
			n++;
			hash_frame(w, s->index, f->data, f->len);
			if (f->corrupted)
				s->hit[f->part]++;
			/* Corrupted padding or station addresses do not keep a segment out. */
			wire_delivered(&w->wire, f->data, f->len);
			if (s->pcap)
				pcap_write(s->pcap, w->now_ns, f->data, f->len);
		}
		free(f);
		if (n == ZL_NET_BURST) {
			zl_net_input(s->net, 0, vector, n, w->now_ns);
			n = 0;
		}
	}
	if (n)
		zl_net_input(s->net, 0, vector, n, w->now_ns);
}

static void turn(struct stack *s)
{
	struct world *w = s->world;

	receive(s);
	for (unsigned i = 0; i < s->dues; i++)
		if (s->due[i].fn)
			s->due[i].fn(s->due[i].arg);
	s->dues = 0;
	if (zl_net_next_timer(s->net) <= w->now_ns)
		zl_net_timers(s->net, w->now_ns);
	zl_net_output(s->net, w->now_ns);
	s->turn_at_ns = w->now_ns;
}

bool world_step(struct world *w, uint64_t until_ns)
{
	uint64_t next = w->events ? w->heap[0].at_ns : UINT64_MAX;

	for (unsigned i = 0; i < w->stacks; i++)
		if (zl_net_next_timer(w->stack[i].net) != UINT64_MAX &&
		    timer_at(&w->stack[i]) < next)
			next = timer_at(&w->stack[i]);
	if (next > until_ns) {
		w->now_ns = until_ns > w->now_ns ? until_ns : w->now_ns;
		return false;
	}
	w->now_ns = next > w->now_ns ? next : w->now_ns;
	while (w->events && w->heap[0].at_ns <= w->now_ns) {
		struct event e = event_pop(w);
		struct stack *s = &w->stack[e.stack];

		s->due = grown(s->due, s->dues, &s->due_room, sizeof(*s->due));
		s->due[s->dues++] = e;
	}
	for (unsigned i = 0; i < w->stacks; i++)
		if (w->stack[i].dues || (zl_net_next_timer(w->stack[i].net) != UINT64_MAX &&
					 timer_at(&w->stack[i]) <= w->now_ns))
			turn(&w->stack[i]);
	return true;
}

uint64_t world_hash(const struct world *w)
{
	return w->hash;
}

uint64_t world_frames(const struct world *w)
{
	return w->frames;
}

const char *world_fault(const struct world *w)
{
	return w->fault[0] ? w->fault : w->wire.fault[0] ? w->wire.fault : NULL;
}

bool world_first_isn(const struct world *w, uint32_t *isn)
{
	if (!w->wire.syns)
		return false;
	*isn = w->wire.first_isn;
	return true;
}

const char *world_check_counters(struct world *w)
{
	for (unsigned i = 0; i < w->stacks; i++) {
		const struct stack *s = &w->stack[i];
		const uint64_t *c = zl_net_counters(s->net);
		uint64_t ip = c[ZL_NET_ip_drop_header] + c[ZL_NET_ip_drop_checksum];
		uint64_t tcp = c[ZL_NET_tcp_drop_checksum] + c[ZL_NET_tcp_drop_header];

		if (ip == s->hit[WIRE_IP] && tcp == s->hit[WIRE_TCP])
			continue;
		snprintf(
			w->fault, sizeof(w->fault),
			"stack %u: %lu IP headers and %lu TCP segments were corrupted, but %lu and "
			"%lu were dropped for it",
			i, s->hit[WIRE_IP], s->hit[WIRE_TCP], ip, tcp);
		return w->fault;
	}
	return NULL;
}

void world_sabotage(struct world *w, unsigned nth)
{
	w->sabotage = nth;
}
