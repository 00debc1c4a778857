/* One core's TCP: what the files of tcp/ share with each other and with nobody else. A connection
 * is a zl_stream to its owner and a control block here. Input and timers only change state and put
 * the connection on a list; events and segments leave from tcp_output_pending(), once a turn, so an
 * owner may call any stream operation from inside any event. LISTEN is not a state but a table
 * entry. */
#ifndef ZL_NET_TCP_TCP_H
#define ZL_NET_TCP_TCP_H

#include <stddef.h>

#include <rte_tcp.h>

#include "dataplane/net/stack.h"
#include "dataplane/net/tcp/cc.h"

/* RFC 9293 3.3.2 */
enum tcp_state {
	TCP_CLOSED, /* in no table; waits for its owner to hear of it, then for release */
	TCP_SYN_SENT,
	TCP_SYN_RCVD,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
};

enum tcp_reason {
#define X(name, text) TCP_REASON_##name,
#include "dataplane/net/tcp/tcp_reasons.def"
#undef X
	TCP_REASONS
};

enum {
	CONN_OWNED = 1 << 0,         /* the stream has an owner: events go there */
	CONN_ACTIVE = 1 << 1,        /* opened by zl_tcp_connect */
	CONN_TS = 1 << 2,            /* timestamps in use (RFC 7323 3) */
	CONN_HALF_OPEN = 1 << 3,     /* counted in its listener's half_open */
	CONN_FIN_WANTED = 1 << 4,    /* shutdown was called: FIN follows the last byte */
	CONN_FIN_ACKED = 1 << 5,     /* our FIN was acknowledged */
	CONN_PEER_FIN = 1 << 6,      /* fin_seq holds the sequence number of the peer's FIN */
	CONN_SYN_RESENT = 1 << 7,    /* RFC 6298 5.7 */
	CONN_RTT_TIMED = 1 << 8,     /* rtt_seq was sent once, at rtt_sent_ns */
	CONN_RECOVERY = 1 << 9,      /* NewReno fast recovery (RFC 6582) */
	CONN_RTO_RECOVERY = 1 << 10, /* going back over what was sent before a time-out */
	CONN_PARTIAL_ACK = 1 << 11,  /* of this recovery one partial ACK was seen */
	CONN_PERSIST = 1 << 12,      /* the retransmission timer runs as the persist timer */
	CONN_RTX_OWED = 1 << 13,     /* retransmit the first unacknowledged segment */
	CONN_ACK_NOW = 1 << 14,
	CONN_ACK_DELAYED = 1 << 15,
	CONN_EV_ACCEPT = 1 << 16, /* events that are due */
	CONN_EV_ESTABLISHED = 1 << 17,
	CONN_EV_READABLE = 1 << 18,
	CONN_EV_CLOSED = 1 << 19,
	CONN_ON_EVENTS = 1 << 20, /* on the core's lists */
	CONN_ON_OUTPUT = 1 << 21,
	CONN_ON_DEAD = 1 << 22,
	CONN_ON_AGAIN = 1 << 23,
	CONN_PROBED = 1 << 25, /* a window probe is unanswered */
	CONN_BUSY = 1 << 26,   /* its events are being delivered: not to be released */
	CONN_WSCALE = 1 << 24, /* both sides scale windows */
};

/* A segment as received, in host order, with what later steps may still trim. */
struct tcp_options {
	bool has_mss, has_wscale, has_ts, sack_permitted;
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
};

struct tcp_segment {
	struct rte_mbuf *m; /* payload (may be a chain), NULL when taken or none */
	uint32_t seq, ack;
	uint32_t len; /* payload bytes */
	uint16_t wnd; /* as in the header */
	uint8_t flags;
	struct tcp_options opt;
};

struct tcp_conn {
	/* Every segment reads these. */
	struct tcp_conn *hash_next;
	uint32_t local_ip, remote_ip;
	uint16_t local_port, remote_port;
	uint8_t state; /* enum tcp_state */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t dupacks;
	uint32_t flags; /* CONN_* */
	uint32_t rcv_nxt;
	uint32_t rcv_adv; /* right edge that was advertised */
	uint32_t snd_una;
	uint32_t snd_nxt; /* next to send; back to snd_una after a time-out */
	uint32_t snd_max; /* highest ever sent */
	uint32_t snd_wnd; /* from snd_una, scaled */
	uint32_t ts_recent;
	uint32_t last_ack_sent;
	uint32_t rx_bytes; /* queued, or taken and not consumed */

	/* Receive queues, lists by mbuf->next of single segments; sequence number in hash.usr. */
	struct rte_mbuf *rx_head, *rx_tail;
	struct rte_mbuf *ooo_head, *ooo_tail;
	uint32_t rx_bufs, ooo_bufs;
	uint32_t fin_seq;        /* of the peer */
	uint16_t acks_owed_segs; /* in-order segments since the last ACK was sent */
	uint16_t dup_owed;       /* duplicate ACKs to send, one for each out-of-order segment */
	uint16_t rcv_mss;        /* what we advertised */
	uint16_t snd_mss;        /* payload bytes of a full segment, options deducted */
	uint16_t port;
	uint8_t backoff; /* doublings of the RTO */
	uint8_t probes;  /* keepalive probes without an answer */

	uint32_t snd_wl1, snd_wl2;
	uint32_t max_snd_wnd;
	struct tcp_cc cc;
	uint32_t recover; /* RFC 6582 */
	uint32_t limited; /* bytes sent by limited transmit since the first duplicate ACK */
	uint32_t rtt_seq;
	uint64_t rtt_sent_ns;
	uint32_t srtt_us8, rttvar_us4; /* scaled by 8 and by 4 (RFC 6298 2.3) */
	uint32_t rto_us;
	uint32_t ts_offset;
	uint64_t progress_ns;  /* the peer last acknowledged something, or answered a probe */
	uint64_t last_sent_ns; /* data, for the restart after idle (RFC 5681 4.1) */
	uint64_t last_rcvd_ns; /* anything valid, for keepalive */
	uint64_t ts_recent_ns;

	struct tcp_conn *ev_next, *out_next;
	uint32_t released_bytes, released_msgs;                      /* for events->released */
	uint64_t rtx_deadline_ns, ack_deadline_ns, slow_deadline_ns; /* 0: not running */
	struct zl_timer rtx_timer, ack_timer;
	struct zl_timer slow_timer; /* keepalive, FIN-WAIT-2, TIME-WAIT */

	struct tcp *tcp;
	struct zl_stream stream;
	uint32_t iss, irs;
	uint32_t challenge_second, challenges; /* RFC 5961 7 */
	uint32_t keepalive_idle_ms, keepalive_interval_ms, keepalive_probes;
	uint32_t user_timeout_ms;
	uint64_t connect_until_ns; /* of an active open; 0: until its SYNs are used up */
	struct zl_timer linger_timer;
	uint8_t tos;
	uint16_t listener; /* slot, and its id at the time */
	uint32_t listener_id;
	uint8_t reason; /* enum tcp_reason */
	uint8_t syn_resent;
	struct tcp_conn *gap_next, **gap_pprev;   /* those with segments ahead of a gap */
	struct tcp_conn *tw_next, **tw_pprev;     /* oldest TIME-WAIT first */
	struct tcp_conn *half_next, **half_pprev; /* half open, the oldest of a listener's first */
} __rte_cache_aligned;
_Static_assert(offsetof(struct tcp_conn, rx_head) == 64, "the first line is what lookup needs");

struct tcp_listener {
	uint32_t ip; /* 0: any of ours */
	uint16_t port;
	bool used;
	uint32_t id; /* differs each time the slot is used */
	uint32_t half_open;
	uint64_t cookie;
	struct zl_tcp_settings settings;
};
#define TCP_LISTENERS 256

/* By a listener's slot; those of one that had the slot before are in it, too. */
struct tcp_half_open {
	struct tcp_conn *head, **tail;
};

struct tcp_list {
	struct tcp_conn *head, **tail;
};

struct tcp {
	struct zl_net *net;
	const struct zl_tcp_config *config;
	struct tcp_conn **bucket;
	uint64_t bucket_mask, hash_seed;
	struct tcp_conn *free; /* by hash_next */
	struct tcp_list events, output, again;
	struct tcp_conn *gaps;
	struct tcp_conn *dead; /* by hash_next */
	struct tcp_conn *tw_head, **tw_tail;
	struct zl_timer kick; /* what could not go out this turn is tried again */
	bool received;        /* a segment came since the pool was last looked at */
	bool pool_low;        /* fewer than 1/16 of the frames are free: take no payload */
	uint8_t rcv_wscale;
	uint32_t rx_bufs_max, ooo_bufs_max; /* per connection */
	uint32_t connections;
	uint64_t key[2];                           /* of SipHash: ISNs and timestamp offsets */
	uint32_t limit_second, challenges, resets; /* sent in this second */
	uint32_t challenge_limit;
	uint32_t next_listener_id, listeners;
	struct tcp_listener listener[TCP_LISTENERS];
	struct tcp_half_open half_open[TCP_LISTENERS];
	struct tcp_conn *conns; /* config->max_connections of them */
};

#define TCP_IP_HEADERS    40  /* IPv4 and TCP without options: an MSS leaves them out (RFC 6691) */
#define TCP_SMALL_SEGMENT 200 /* payload that is copied: one buffer is enough for it */
#define TCP_DEFAULT_MSS   536 /* RFC 9293 3.7.1 */

/* Sequence numbers wrap (RFC 9293 3.4). */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}
static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}
static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}
static inline uint32_t conn_rcv_wnd(const struct tcp_conn *c)
{
	return seq_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv - c->rcv_nxt : 0;
}
static inline uint32_t conn_flight(const struct tcp_conn *c)
{
	return c->snd_nxt - c->snd_una;
}
static inline struct zl_net *conn_net(const struct tcp_conn *c)
{
	return c->tcp->net;
}
static inline uint64_t conn_now(const struct tcp_conn *c)
{
	return c->tcp->net->now_ns;
}
static inline struct tcp_conn *conn_of(struct zl_stream *s)
{
	return (struct tcp_conn *)((char *)s - offsetof(struct tcp_conn, stream));
}
static inline uint64_t ms_ns(uint64_t ms)
{
	return ms * 1000000;
}

/* table.c: connections and listeners; nothing here sends or calls back */
int table_create(struct tcp *t);
void table_destroy(struct tcp *t);
struct tcp_conn *table_find(const struct tcp *t, uint32_t local_ip, uint16_t local_port,
			    uint32_t remote_ip, uint16_t remote_port);
/* A zeroed connection, not yet in the table. NULL: all are in use. */
struct tcp_conn *table_alloc(struct tcp *t);
void table_insert(struct tcp_conn *c);
void table_remove(struct tcp_conn *c);
void table_free(struct tcp_conn *c);
struct tcp_listener *table_listener(struct tcp *t, uint32_t ip, uint16_t port);
/* The oldest connection in TIME-WAIT, or NULL. */
void table_time_wait_add(struct tcp_conn *c);
void table_time_wait_remove(struct tcp_conn *c);

/* conn.c: a connection's life, from set-up to release */
/* In the table, with timers and send queue ready; recycles TIME-WAIT if need be. NULL: table full.
 */
struct tcp_conn *conn_open(struct tcp *t, uint16_t port, const struct zl_endpoint_addr *local,
			   const struct zl_endpoint_addr *remote);
/* Into CLOSED for `reason`, no segment sent: out of the table, timers off, unsent data dropped. The
 * owner hears of it at the end of the turn. */
void conn_close(struct tcp_conn *c, enum tcp_reason reason);
/* The same after sending a RST, if the peer may know of the connection. */
void conn_reset(struct tcp_conn *c, enum tcp_reason reason);
void conn_established(struct tcp_conn *c);
void conn_time_wait(struct tcp_conn *c);
void conn_want_events(struct tcp_conn *c, uint32_t ev);
void conn_want_output(struct tcp_conn *c);
/* Try output again at the end of the next turn, at the latest after delay_ns. */
void conn_output_again(struct tcp_conn *c, uint64_t delay_ns);
void conn_half_open(struct tcp_conn *c, struct tcp_listener *l);
void conn_half_open_done(struct tcp_conn *c);
/* The listener's oldest half-open connection is forgotten, without a word. False: none can be now.
 */
bool conn_half_open_recycle(struct tcp *t, struct tcp_listener *l);

/* In CLOSED and nobody's: released at the end of the turn. */
void conn_want_release(struct tcp_conn *c);
void list_init(struct tcp_list *l);
/* stream.c */
extern const struct zl_stream_ops tcp_stream_ops;

/* pending.c: tcp_output_pending of stack.h */
void dead_release(struct tcp *t);

/* input.c: tcp_input of stack.h */

/* options.c */
#define TCP_OPTIONS_MAX 40
/* False: malformed. */
bool options_parse(const struct rte_tcp_hdr *h, unsigned header_len, struct tcp_options *o);
/* Options of a segment with these flags, padded to four bytes; returns their length. */
unsigned options_build(const struct tcp_conn *c, uint8_t flags, uint8_t out[TCP_OPTIONS_MAX]);
uint32_t timestamp_now(const struct tcp_conn *c);

/* listen.c: segments for no connection, and the handshake's first half */
void input_no_connection(struct tcp *t, uint16_t port, struct tcp_segment *s,
			 const struct zl_endpoint_addr *local,
			 const struct zl_endpoint_addr *remote, uint32_t iss_min);
/* What a SYN's options settle: MSS, window scale, timestamps. */
void syn_options(struct tcp_conn *c, const struct tcp_segment *s);

/* ack.c: RFC 9293 3.10.7.4, the fifth check */
/* False: the segment must be dropped (and has been answered as need be). */
bool ack_input(struct tcp_conn *c, struct tcp_segment *s);
void window_input(struct tcp_conn *c, const struct tcp_segment *s);
void syn_acked(struct tcp_conn *c, const struct tcp_segment *s);
/* ack in (snd_una, snd_max] acknowledges something new. */
void ack_advance(struct tcp_conn *c, const struct tcp_segment *s);

/* reassembly.c */
/* n bytes off the front of a segment's payload, n <= s->len; seq moves along. */
void payload_trim_head(struct tcp_segment *s, uint32_t n);
/* Cuts s to the receive window and queues what is new, in order or not. */
void payload_input(struct tcp_conn *c, struct tcp_segment *s);
/* Whole payload of s is next in order and inside the window. */
void payload_deliver(struct tcp_conn *c, struct tcp_segment *s);
struct rte_mbuf *payload_take(struct tcp_conn *c);
void payload_clear(struct tcp_conn *c);
/* Forgets what is ahead of a gap: the peer still has it (never SACKed, and may be if it was: RFC
 * 2018 8). */
void reassembly_clear(struct tcp_conn *c);

/* output.c */
void conn_output(struct tcp_conn *c);
/* The receive window has room for an update that is worth a segment (RFC 9293 3.8.6.2.2). */
bool window_update_due(const struct tcp_conn *c);
/* Bytes that the window could be opened to. */
uint32_t window_free(const struct tcp_conn *c);
/* The next len unsent bytes, and the FIN if they are the last. -1: no buffer. */
int output_segment(struct tcp_conn *c, uint32_t len);

/* segment.c: builds single segments. -ENOBUFS: nothing changed. */
enum payload_from {
	PAYLOAD_NONE,
	PAYLOAD_NEXT,
	PAYLOAD_COPY
};
int segment_send(struct tcp_conn *c, uint32_t seq, uint8_t flags, enum payload_from from,
		 uint32_t len);
int segment_ack(struct tcp_conn *c);
void segment_rst(struct tcp_conn *c);
/* RST to a segment that belongs to no connection (RFC 9293 3.10.7.1), rate-limited. */
void segment_rst_reply(struct tcp *t, const struct tcp_segment *s,
		       const struct zl_endpoint_addr *local, const struct zl_endpoint_addr *remote);
/* RFC 5961 7: an ACK, unless this connection or this core sent too many in this second. */
void challenge_ack(struct tcp_conn *c);

/* retransmit.c */
void rtt_sample(struct tcp_conn *c, uint64_t rtt_us);
uint64_t rto_ns(const struct tcp_conn *c);
void retransmit_init(struct tcp_conn *c);
/* After something was sent or acknowledged: run the right timer, or none. */
void retransmit_arm(struct tcp_conn *c, bool restart);
void retransmit_timeout(struct tcp_conn *c);
void retransmit_duplicate_ack(struct tcp_conn *c);
void retransmit_new_ack(struct tcp_conn *c, uint32_t acked, uint32_t flight);
/* Sends the first unacknowledged segment again. -ENOBUFS. */
int retransmit_first(struct tcp_conn *c);

/* timers.c */
void timers_init(struct tcp_conn *c);
void timers_stop(struct tcp_conn *c);
/* Deadlines may move later for free: the timer looks again when it fires. */
void timer_set(struct tcp_conn *c, struct zl_timer *t, uint64_t *deadline_ns, uint64_t at_ns);
void keepalive_start(struct tcp_conn *c);
void slow_timer_after_ms(struct tcp_conn *c, uint64_t ms);

/* settings.c */
void settings_init(struct tcp_conn *c);
void settings_apply(struct tcp_conn *c, const struct zl_tcp_settings *s);
/* The owner has no more to send. */
void settings_linger(struct tcp_conn *c);

/* isn.c */
uint32_t isn_choose(const struct tcp *t, const struct tcp_conn *c);
uint32_t timestamp_offset(const struct tcp *t, const struct tcp_conn *c);

/* reasons.c */
extern const char *const tcp_reason_name[TCP_REASONS];
extern const uint16_t tcp_reason_counter[TCP_REASONS];

#endif
