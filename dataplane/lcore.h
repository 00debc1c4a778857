/* A core: its queues, stack, sessions, shards of sockets, pools and counters. A poll core has
 * queues of ports, the host core has the kernel's sockets, and all else is the same. Nothing in
 * here is touched by another thread while the core runs, except through its mailboxes and lanes.
 *
 * The files: lcore.c the turn; port_io.c frames in and out, steering; peers.c streams that became
 * peers, strangers.h those that have proved nothing yet; shard.c a socket's part on this core and
 * how its messages leave; flow.h datagrams; crossing.h, away.c and guest.c peers whose socket lives
 * on another core; orders.c what control says; dump.c what a new control is told; idle.c sleeping;
 * policy.c what of policies needs a clock, admit.c what peers may send; options.c who acts on
 * which; pressure.c memory that runs short; publish.c counters, publish_peers.c those of peers;
 * count.c cycles by stage. */
#ifndef ZL_DATAPLANE_LCORE_H
#define ZL_DATAPLANE_LCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/stats.h"
#include "dataplane/crossing.h"
#include "dataplane/door.h"
#include "dataplane/flow.h"
#include "dataplane/letter.h"
#include "dataplane/net/net.h"
#include "dataplane/net/timer.h"
#include "dataplane/pgm/counters.h"
#include "dataplane/pgm_path.h"
#include "dataplane/ring/mesh.h"
#include "dataplane/router/device.h"
#include "dataplane/router/socket.h"
#include "dataplane/stage.h"
#include "dataplane/strangers.h"
#include "dataplane/zmtp/session.h"
#include "drivers/port/port.h"

#define ZL_ENDPOINTS_MAX 256
#define ZL_PUBLISH_NS    10000000ull /* how old the counters may get */
#define ZL_SHARDS_MAX    ZL_STATS_SOCKETS
#define ZL_SLOW_SAMPLES  8 /* of a grace: how finely it is kept */

enum zl_core_counter {
#define X(name, text) ZL_CORE_##name,
#include "dataplane/core_counters.def"
#undef X
	ZL_CORE_COUNTERS
};

/* What a core did while it counted cycles. */
enum zl_counted {
#define X(name, text) ZL_COUNTED_##name,
#include "dataplane/counted.def"
#undef X
	ZL_COUNTED
};

struct zl_lcore;

/* One core's part of a socket. Allocated and freed by the host core. Of a socket that is not
 * sharded (zl_ipc_sharded) all is on its home core; elsewhere is but a place that endpoints lead
 * to. */
struct zl_shard {
	struct zl_socket socket;
	struct zl_lcore *core;
	struct zl_ipc_socket config;
	struct zl_socket_options options;       /* of config, for the pattern */
	struct zl_stats_socket gone;            /* what peers that are gone have moved */
	struct zl_pipe lane_pipe[ZL_CORES_MAX]; /* to the same socket on the other cores */
	uint32_t lanes;                         /* cores to cross to, maybe, as bits */
	uint32_t guests[ZL_CORES_MAX];          /* its peers whose streams are on core i */
	bool away;                              /* it lives elsewhere: `socket` is not open */
	bool checks_input; /* of all its peers: for the rules, or for the rate of one */
	struct {
		uint64_t last_ns, sample_at_ns; /* of ticks; of the next sample */
		unsigned sample;
	} clock;                  /* policy.c */
	struct rte_mbuf *held;    /* small parts that wait for long are copied into it, or NULL */
	struct zl_device *device; /* this core's part of the device it belongs to, or NULL */
	/* Peers whose messages wait for room, the one that has waited for longest first. */
	struct zl_peer *waits_first, *waits_last, *resuming;
};

struct zl_core_endpoint {
	struct zl_ipc_endpoint at; /* at.id 0: free */
	struct zl_shard *shard;
	/* Of datagrams: the flow, or on the other cores what leads there. */
	struct zl_flow *flow;
	struct zl_udp *udp;
	bool elsewhere; /* PGM: its path is open here */
	struct zl_opening opening;
};

enum zl_peer_state {
	ZL_PEER_FREE,
	ZL_PEER_CONNECTING, /* we dialled */
	ZL_PEER_DOOR,       /* connected; it has not asked for anything (door.h) */
	ZL_PEER_NEW,        /* connected; control has not been told */
	ZL_PEER_HANDSHAKE,
	ZL_PEER_READY,
	ZL_PEER_GONE, /* ended while no control was there: kept until one has been told */
};

/* A peer belongs to its stream's core, but for the end of it, which its socket's home core alone
 * touches from the pipe's beginning to its end. */
struct zl_peer {
	struct zl_session session;
	struct zl_lcore *core;
	struct zl_shard *shard;
	struct zl_flow *flow; /* its session has no stream; or NULL */
	uint64_t id;
	uint32_t index, endpoint, serial;
	enum zl_peer_state state;
	bool outgoing, announced; /* announced: control knows its id */
	const char *reason;       /* GONE */
	char control_reason[ZL_REASON_MAX];
	struct zl_timer deadline;    /* of the handshake; READY: the next look at its heartbeats */
	struct zl_stranger stranger; /* until it is READY, if it came to us */
	struct zl_visitor visitor;   /* at the door */
	uint32_t carrier;            /* enum zl_carrier */
	uint32_t pid, uid, gid;      /* ipc */
	struct zl_ipc_end local, remote;
	struct zl_ipc_stream_ready ready;
	uint64_t sent_total, sent_mark,
		sent_told; /* control's bytes; where they end; last reported */
	uint64_t subscriptions;
	struct {
		uint64_t acked, dropped;       /* at the last look */
		uint64_t acked_ns, dropped_ns; /* when they last grew; or nothing was queued */
	} pace;
	struct {
		uint64_t queued[ZL_SLOW_SAMPLES]; /* bytes in all, when they were sampled */
		uint64_t over_since_ns;           /* its HWM; 0: it is not */
	} slow;
	struct {
		struct zl_ipc_rate in; /* the socket's, or its own */
		int64_t msgs, bytes;   /* credit; overdrawn by one message at most */
		uint64_t last_ns, msgs_rest, bytes_rest;
		struct zl_timer again; /* it has waited long enough */
	} rate;
	uint32_t topic_rules; /* of its socket's policy, for what it publishes: a bit each */
	bool denying;         /* the rest of a message is dropped: it may not publish it */
	/* waiting list: for control or its mailbox */
	struct zl_peer *next_relay;
	bool waits_relay;
	struct zl_peer *next_free;
	struct zl_away away;

	/* of the socket's home */
	_Alignas(RTE_CACHE_LINE_SIZE) struct zl_pipe pipe;
	bool mid_message; /* the parts that were taken last have a rest, which comes next */
	/* waiting list: for room to deliver */
	bool waits_deliver;
	struct zl_peer *next_deliver;
	struct zl_guest guest;
};

/* Has it a pipe that joins it to its socket? Asked on its stream's core. */
static inline bool zl_peer_joined(const struct zl_peer *p)
{
	return p->away.state != ZL_AWAY_NOT || p->pipe.socket;
}

struct zl_core_port {
	struct zl_port *port;
	uint16_t queue;   /* of this core */
	bool polled;      /* this core has a queue of it */
	unsigned owner;   /* core that sends for those that have none */
	bool steer;       /* the device does not: frames are handed on by flow */
	bool groups_stay; /* but not a group's, which it may have brought here by a rule */
	bool element;     /* what it has of raw PGM goes by way of core 0 (element.h) */
	bool interrupts;  /* may be slept on */
};

struct zl_lcore {
	unsigned id, cores; /* cores: of the mesh, poll cores and the host core */
	unsigned poll_cores;
	const bool *stop;
	bool busy_poll;
	uint64_t now_ns;

	struct zl_net *net;       /* of the host core: without ports */
	struct zl_kernel *kernel; /* the host core's sockets; NULL on a poll core */
	struct zl_zmtp zmtp;
	struct zl_timer_wheel timers;
	struct zl_timer clock; /* policy.c; armed while sockets need it: */
	unsigned clocked;
	struct rte_mempool *frames, *indirect, *blocks;
	unsigned n_ports;
	struct zl_core_port port[ZL_PORTS_MAX];

	struct zl_lane lane[ZL_CORES_MAX];      /* to core i */
	struct rte_ring *inbound[ZL_CORES_MAX]; /* from core i */
	int mid_lane;                           /* in the middle of a message from core i, or -1 */
	struct zl_doorbell bell;
	struct zl_mailbox to_core, to_host;
	struct rte_mempool *letters;
	bool control; /* a control process is there and knows this core's streams */
	bool settled; /* at its end: nothing is left to send; other cores look */

	struct zl_shard *shard[ZL_SHARDS_MAX];
	struct zl_core_endpoint endpoint[ZL_ENDPOINTS_MAX];
	struct zl_elements *elements; /* element.c; or NULL */
	struct zl_flow *flows;        /* that live here, */
	struct zl_flow *flows_ended;  /* or did until the core's end */
	uint64_t flow_parts;          /* that their sockets have taken */
	struct zl_pgm_place pgm_place[ZL_PGM_PLACES];
	uint64_t pgm_counter[PGM_COUNTERS];
	struct zl_peer *peers;
	uint32_t peers_max, peers_open, next_serial;
	uint32_t peers_used;   /* places beyond were never used */
	uint32_t publish_peer; /* whose numbers are told next; peers_used: this round is over */
	struct zl_peer *free_peers;
	struct zl_peer *waits_relay;
	struct zl_peer *waits_lane; /* for room on the lane to their socket's home */
	struct zl_due *dues;        /* what is to be said across */
	uint32_t waits_deliver;     /* peers, of all shards */
	uint32_t handshake_ms;
	struct zl_strangers strangers;
	struct zl_door door;

	struct zl_lcore *const *all; /* cores by id; NULL: this one alone */
	bool owes;               /* holds something for peers that may lose nothing; others look */
	uint32_t own_used;       /* part of its own pools that is in use; others look */
	bool squeezed;           /* the pool of some core is short */
	uint64_t pipe_bytes_max; /* a peer may have queued, whatever its HWM */
	uint64_t starved_since_ns; /* nearly dry, or 0 */
	struct {
		struct zl_letter *letter; /* a MATCH that takes more than one turn, or NULL */
		uint32_t record, at;      /* the next of its records, and where it begins */
	} matching;
	struct {
		bool active;
		uint64_t seq, cursor;
		uint32_t peer, shard;
	} dump;

	uint64_t counter[ZL_CORE_COUNTERS];
	uint64_t router_counter[ZL_ROUTER_COUNTERS];
	uint64_t msgs_out; /* parts, for each session that they went to */
	uint64_t turns, idle_turns, sleeps, busy_cycles, idle_cycles;
	struct zl_stages stages;
	uint64_t count_until_ns, counted[ZL_COUNTED], counted_from[ZL_COUNTED];
	uint64_t idle_since_ns, publish_at_ns, peers_publish_at_ns;
	const struct zl_stats_header *stats;
	int epoll;
	uint64_t random[256]; /* of the kernel's, used once each */
	unsigned random_left;
};

/* The host core is the last one: it sleeps in epoll, and has the kernel's sockets in place of
 * ports. */
static inline bool zl_core_is_host(const struct zl_lcore *c)
{
	return c->id == zl_ipc_host_core(c->poll_cores);
}

static inline void zl_core_count(struct zl_lcore *c, enum zl_core_counter k)
{
	c->counter[k]++;
}

/* May control be told of what happens? Not while it is away, nor before its dump is complete. */
static inline bool zl_core_tells(const struct zl_lcore *c)
{
	return c->control && !c->dump.active;
}

/* lcore.c */
/* Body of the lcore's thread: runs until *stop, then ends every stream. */
int zl_lcore_run(void *lcore);
/* One turn of it, at c->now_ns; whether there was anything to do. */
bool zl_core_turn(struct zl_lcore *c);
uint64_t zl_clock_ns(void);

/* port_io.c */
unsigned zl_core_receive(struct zl_lcore *c);
unsigned zl_core_pull_lanes(struct zl_lcore *c);
void zl_core_flush(struct zl_lcore *c);
/* When the core stops: a moment for frames that wait for room in a device. */
void zl_core_drain(struct zl_lcore *c);
extern const struct zl_net_ops zl_core_net_ops;

/* peers.c */
extern const struct zl_session_ops zl_core_session_ops;
/* zl_net_ops.accept: ctx is the core, cookie the endpoint. */
bool zl_peer_accept(void *ctx, uint64_t cookie, struct zl_stream *stream);
int zl_peer_dial(struct zl_lcore *c, struct zl_core_endpoint *e);
struct zl_peer *zl_peer_find(struct zl_lcore *c, uint64_t id);
/* wrap: GSSAPI's context, which is taken. */
void zl_peer_ready(struct zl_peer *p, const struct zl_ipc_stream_ready *m, struct zl_wrap *wrap);
void zl_peer_close(struct zl_peer *p, const char *reason, bool flush);
void zl_peer_release(struct zl_peer *p);
bool zl_peer_describe(const struct zl_peer *p, struct zl_ipc_stream_open *m);
void zl_peers_control_gone(struct zl_lcore *c);
/* Offer again what control, its mailbox, or a full lane could not take. */
void zl_peers_resume(struct zl_lcore *c);
void zl_peer_wait_relay(struct zl_peer *p);
void zl_peer_wait_deliver(struct zl_peer *p);
/* The socket's home: a peer's parts, to be taken if it is its turn and there is room for them on
 * the lanes: `parts`, the whole of the message if it comes in several calls. How many were taken.
 */
unsigned zl_peer_offer(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts);
/* May so many parts that the socket receives leave by its device now, each way that they may go? */
bool zl_shard_may_pass(struct zl_shard *s, uint32_t parts);
/* Parts that came from it, whatever it is: as many as it may send now go to its socket. How many
 * were dealt with. */
unsigned zl_peer_take(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts);
/* There may be room for what could not be taken. */
void zl_peer_read(struct zl_peer *p);
/* Its stream's core: to its socket, here or away. How many were taken. */
unsigned zl_peer_hand_on(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts);
/* The socket's home: a pipe joins it to its socket, by what it has become ready with. 0, -ENOSPC.
 */
int zl_peer_join(struct zl_peer *p, struct zl_shard *home);
/* The socket's home: its pipe is taken away. */
void zl_peer_unjoin(struct zl_peer *p);
/* Its session is over, and no other core has anything of it: control is told, and it is released.
 */
void zl_peer_over(struct zl_peer *p);

/* Ends it at this end's wish: what is queued is sent or dropped as the socket's linger says, or by
 * `flush` if it says nothing. */
void zl_peer_end(struct zl_peer *p, const char *reason, bool flush);

/* options.c */
/* What s->config says, for the pattern: before it is opened. */
void zl_shard_options(struct zl_shard *s);
struct zl_tcp_settings zl_options_tcp(const struct zl_ipc_options *o);
struct zl_heartbeats zl_options_heartbeats(const struct zl_ipc_options *o);

/* shard.c */
/* Host core: one core's part of a socket, not yet known to it. NULL: errno. */
struct zl_shard *zl_shard_new(struct zl_lcore *core, const struct zl_ipc_socket *config,
			      size_t matcher_bytes);
void zl_shard_free(struct zl_shard *s);
struct zl_shard *zl_shard_find(struct zl_lcore *c, uint32_t socket);
/* Parts from another core, for this core's pipes. */
void zl_shard_from_core(struct zl_shard *s, const struct zl_msg *msgs, unsigned n);

/* orders.c */
unsigned zl_core_orders(struct zl_lcore *c);

/* notify.c: letters to the host core. false: the mailbox or the pool has no room. */
bool zl_notify_open(struct zl_peer *p);
bool zl_notify_closed(struct zl_lcore *c, uint64_t stream, uint32_t endpoint, const char *reason,
		      uint32_t count);
bool zl_notify_bytes(struct zl_peer *p, enum zl_relay kind, const uint8_t *bytes, uint32_t len,
		     bool more);
bool zl_notify_sent(struct zl_peer *p);
/* A user message part for the publishers; one too long for a letter ends the peer. */
bool zl_notify_message(struct zl_peer *p, const struct zl_msg *msg);
unsigned zl_notify_subs(struct zl_peer *p, const struct zl_msg *msgs, unsigned n);
struct zl_letter *zl_notify_begin(struct zl_lcore *c, enum zl_ipc_type type, uint64_t seq);
void zl_notify_post(struct zl_lcore *c, struct zl_letter *letter, uint32_t tail_bytes);

/* dump.c */
void zl_dump_begin(struct zl_lcore *c, uint64_t seq);
/* Each turn while it lasts: a letter or a few. False: the mailbox has no room now. */
bool zl_dump_step(struct zl_lcore *c);

/* pressure.c */
/* Every turn. */
void zl_pressure_watch(struct zl_lcore *c);
/* How much is left now, before messages are taken that will want some of it. */
void zl_pressure_look(struct zl_lcore *c);
/* Is this core's own memory short? Others look at what it says of that, so it must look often. */
bool zl_pressure_is_high(const struct zl_lcore *c);
/* A socket that may drop nothing (HWM 0) holds its publishers back when memory is short, as long as
 * some peer has something queued that will give memory back. */
bool zl_pressure_holds_back(const struct zl_shard *out);

/* policy.c */
void zl_policy_added(struct zl_lcore *c, struct zl_shard *s);
void zl_policy_removed(struct zl_lcore *c, struct zl_shard *s);

/* admit.c */
/* A peer that was accepted or dialled; that became ready; that is gone. */
void zl_admit_new(struct zl_peer *p);
void zl_admit_ready(struct zl_peer *p);
void zl_admit_gone(struct zl_peer *p);
/* zl_peer_hand_on() for a peer of a socket that checks: as many as its rates allow now (for more it
 * is read again in time), and what it may not publish is dropped. How many were dealt with. */
unsigned zl_admit_input(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts);

/* idle.c */
int zl_idle_open(struct zl_lcore *c);
void zl_idle_close(struct zl_lcore *c);
/* On the core's thread: take the signals by which its ports' drivers learn of frames. */
void zl_idle_own_signals(const struct zl_lcore *c);
void zl_idle_sleep(struct zl_lcore *c);

/* publish.c */
/* The segment for these cores: its descriptor, header at *stats. -errno. */
int zl_publish_create(unsigned cores, unsigned ports, unsigned peers,
		      const struct zl_stats_header **stats);
void zl_publish(struct zl_lcore *c);

/* publish_peers.c */
/* Every turn: goes on with the round that is under way. */
void zl_publish_peers(struct zl_lcore *c);
/* Begins another round if it is time. */
void zl_publish_round(struct zl_lcore *c);
void zl_publish_sockets(const struct zl_lcore *c);
void zl_publish_sources(struct zl_lcore *c); /* publish_sources.c */
/* The pipe's peer is gone: its sums stay with the shard. */
void zl_shard_keep(struct zl_shard *s, const struct zl_pipe *p);

/* count.c */
/* Counts cycles by stage for so long from now, or for as long as it does anyway. */
void zl_count_start(struct zl_lcore *c, uint32_t ms);
void zl_count_stop(struct zl_lcore *c);
/* The end of a turn, while counting. */
void zl_count_turn(struct zl_lcore *c, bool worked);
/* Brings c->counted up to date. */
void zl_count_tally(struct zl_lcore *c);

#endif
