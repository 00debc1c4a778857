/* ZMTP, or plain bytes, on a stream: greeting and handshake relayed to whoever decides (control),
 * then traffic. Turns bytes into messages and messages into bytes; knows neither TCP nor patterns.
 * One core only.
 *
 * Receiving: frames are cut out of the stream's buffers where they lie; a frame that spans buffers
 * is gathered once if small, or becomes a chain. Only whole messages (all parts) go up. What the
 * owner does not take stays here and in the stream, and the peer's window closes.
 *
 * Sending: zl_session_write() encodes a run once and queues it on many sessions by reference; parts
 * that came from a ZMTP wire (zl_msg.wire) are forwarded as the bytes that they came in. Frames of
 * messages are the same from ZMTP 2.0 on; sessions of 1.0 share an encoding of their own.
 *
 * A raw session (version ZL_ZMTP_NONE: STREAM) has neither greeting nor frames: nothing is read
 * before the verdict, each buffer that comes is a message of one part, where it lies, and of what
 * is written the bodies alone go out. A limit on a message, heartbeats and subscriptions are not
 * for it. */
#ifndef ZL_ZMTP_SESSION_H
#define ZL_ZMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h" /* enum zl_relay */
#include "dataplane/net/stream.h"
#include "dataplane/ring/msg.h"
#include "dataplane/stage.h"
#include "dataplane/zmtp/box.h"

struct zl_session;
struct zl_envelope;
struct zl_wrap;

/* Counters and close reasons (zmtp_counters.def), per core. */
enum zl_zmtp_counter {
#define X(name, text) ZL_ZMTP_##name,
#include "dataplane/zmtp/zmtp_counters.def"
#undef X
	ZL_ZMTP_COUNTERS
};
extern const char *const zl_zmtp_counter_name[ZL_ZMTP_COUNTERS];
extern const char *const zl_zmtp_counter_text[ZL_ZMTP_COUNTERS];

/* What a session hands upward. */
struct zl_session_ops {
	/* Handshake bytes or a command (see ipc.h STREAM_BYTES). false: no room now; the session
	 * stops reading and offers the same again at the next zl_session_input(). */
	bool (*relay)(struct zl_session *s, enum zl_relay kind, const uint8_t *bytes, uint32_t len);
	/* Whole messages, borrowed. SUBSCRIBE and CANCEL, as commands or as parts that begin with
	 * 0x01 or 0x00, come as parts with that flag where this end takes subscriptions, and JOIN
	 * and LEAVE do where it takes joins; with
	 * only_first_subscribes a part may be one only if its message's first is. Returns how many
	 * parts were taken, at a message boundary; 0..n-1: back-pressure, offered again at the next
	 * zl_session_input(). A message of more than ZL_ZMTP_PARTS_A_CALL parts comes in several
	 * calls (all of it is here by then). */
	unsigned (*deliver)(struct zl_session *s, const struct zl_msg *msgs, unsigned n);
	/* Whole messages and bytes acknowledged by the peer (control's bytes count no message). Not
	 * called once the session has been closed. */
	void (*released)(struct zl_session *s, uint32_t msgs, uint32_t bytes);
	/* An outgoing stream is connected. */
	void (*established)(struct zl_session *s);
	/* May be NULL. The peer's PING asks to be missed: zl_session_heartbeat() is due now. */
	void (*expected)(struct zl_session *s);
	/* The end: the stream is gone, the session may be reused on return. Never called from
	 * within zl_session_open/input/write/send on the same session: those mark it, and the end
	 * comes from zl_zmtp_poll(). */
	void (*closed)(struct zl_session *s, const char *reason);
};

/* Parts in one call of deliver, at most. */
#define ZL_ZMTP_PARTS_A_CALL 1024
/* Parts that an unfinished message may have: their descriptors are held here. */
#define ZL_ZMTP_PARTS_MAX 16384
/* A frame's length must fit a slice of a send queue, header included. */
#define ZL_ZMTP_MSG_MAX (UINT32_MAX - 64ull)

/* One core's ZMTP: what all of its sessions share. */
struct zl_zmtp {
	const struct zl_session_ops *ops;
	struct rte_mempool *frames;   /* gathering and encoding */
	struct rte_mempool *indirect; /* boundary pieces of chains */
	struct rte_mbuf *tail;        /* shared encode buffer in use, or NULL */
	struct zl_session *ended;     /* to be told by zl_zmtp_poll */
	uint32_t apart_sessions; /* in traffic, with another framing than ZMTP's, or in envelopes */
	struct zl_stages *stages; /* of the core: for its owner to set, if it counts */
	uint64_t counter[ZL_ZMTP_COUNTERS];
	struct zl_keystream opening, sealing; /* of the box at hand, and those after it */
};
void zl_zmtp_init(struct zl_zmtp *z, const struct zl_session_ops *ops, struct rte_mempool *frames,
		  struct rte_mempool *indirect);
void zl_zmtp_fini(struct zl_zmtp *z);
/* Report ended sessions. Every turn. */
void zl_zmtp_poll(struct zl_zmtp *z);

/* Heartbeats of this end (RFC 37): a PING at every interval (0: none), whose answer, or anything
 * else, must come within the timeout (0: never); ttl is what the PING asks of the peer, in tenths
 * of a second (0: nothing). */
struct zl_heartbeats {
	uint32_t interval_ms, timeout_ms;
	uint16_t ttl_ds;
};

/* How messages lie on the wire. */
enum zl_framing {
	ZL_FRAMING_ZMTP, /* 2.0 and later */
	ZL_FRAMING_OLD,  /* 1.0 */
	ZL_FRAMING_NONE, /* raw: bodies, one behind the other */
	ZL_FRAMINGS
};

enum zl_session_state {
	ZL_SESSION_SIGNATURE, /* nothing of the greeting has been relayed */
	ZL_SESSION_GREETING,  /* some of it has */
	ZL_SESSION_HANDSHAKE, /* commands go to control */
	ZL_SESSION_TRAFFIC,
	ZL_SESSION_ENDED, /* on z->ended */
};

/* Embedded by its owner, who reads it at most. */
struct zl_session {
	struct zl_zmtp *zmtp;
	struct zl_stream *stream; /* NULL once ended */
	void *owner;
	enum zl_session_state state;
	bool takes_subscriptions;   /* this end is PUB or XPUB */
	bool takes_joins;           /* this end is RADIO; set by the owner */
	bool only_first_subscribes; /* of a message's parts; set by the owner (see deliver) */
	bool subscribing;           /* parts of the message at hand may be subscriptions */
	enum zl_framing framing;    /* as the verdict's version has it */
	bool stalled;               /* the owner took less than it was offered */
	bool held;                  /* nothing is read until the verdict on the handshake */
	bool takes_turns;           /* GSSAPI: INITIATE is not a client's last word */
	bool reading;               /* in zl_session_input */
	bool stream_gone;           /* its closed event is being handled */
	bool rx_cut;                /* frames of rx have been handed up where they lie */
	uint16_t version;           /* enum zl_zmtp_version; 0 before traffic */
	uint16_t relayed;           /* bytes of the greeting */
	uint64_t max_msg_bytes;
	const struct zl_envelope *envelope; /* every frame is in one (CURVE, GSSAPI); NULL: none */
	struct zl_box_key open, seal;       /* CURVE: the peer's, and ours */
	struct zl_wrap *wrap;               /* GSSAPI: the context, owned */
	const char *reason;                 /* of the end */
	struct zl_session *next;            /* on z->ended */
	/* receiving */
	struct rte_mbuf *rx; /* buffer being cut, owned; NULL: none */
	uint32_t rx_off;
	uint32_t unconsumed; /* bytes taken, and not yet reported as consumed */
	uint64_t msg_bytes;  /* of the parts so far of the message being cut */
	struct {
		struct rte_mbuf *head, *last; /* a frame being gathered */
		uint64_t want;                /* its body's length */
		uint64_t have;
		uint8_t flags;      /* once the header is whole */
		uint8_t header_len; /* bytes of it that are here */
		uint8_t header[10];
	} frame;
	/* Parts that are here and that the owner has not taken: those of whole messages, which it
	 * refused, before those of an unfinished one. Each holds a reference. */
	struct {
		struct rte_mbuf *first, *last; /* blocks of descriptors */
		struct rte_mbuf *copy;         /* sparse parts are moved together in here */
		uint32_t skip;                 /* descriptors of `first` that are gone */
		uint32_t n, whole;             /* in all, and of whole messages */
	} parts;
	uint32_t inputs; /* buffers taken */
	/* heartbeats; times are 0 where there is nothing to wait for */
	struct {
		struct zl_heartbeats ours;
		uint32_t heard; /* inputs at the last look */
		uint32_t peer_ttl_ms;
		uint64_t ping_at_ns, answer_by_ns, peer_by_ns;
		uint64_t ping_end; /* queued_bytes after the last PING */
	} beat;
	/* sending */
	uint64_t queued_bytes, acked_bytes;
	uint64_t pong_end; /* queued_bytes after the last PONG */
	uint32_t pongs;    /* not acknowledged */
};

/* Take over a stream: sets its events and owner. In greeting state. max_msg_bytes bounds a frame
 * and a message; 0: only ZL_ZMTP_MSG_MAX does. */
void zl_session_open(struct zl_session *s, struct zl_zmtp *z, struct zl_stream *stream, void *owner,
		     uint64_t max_msg_bytes);
/* Nothing is read before the verdict, which finds nothing relayed: the peer of a raw session. */
void zl_session_hold(struct zl_session *s);
/* events for zl_tcp_connect() and accept: owner is the session. */
extern const struct zl_stream_events zl_session_events;
/* Read on after back-pressure. */
void zl_session_input(struct zl_session *s);
/* Messages are opened and sealed (CURVE) from the verdict on, before which this is called. */
void zl_session_box(struct zl_session *s, const struct zl_ipc_boxes *boxes);
/* The same of GSSAPI, by a context that is the session's from here on. */
void zl_session_wrap(struct zl_session *s, struct zl_wrap *wrap);
/* The verdict: traffic may flow. What the peer has sent by now is delivered from within. A peer of
 * ZMTP 1.0 cannot subscribe: where this end takes subscriptions, one to everything comes of it. */
void zl_session_ready(struct zl_session *s, bool takes_subscriptions, enum zl_zmtp_version version);
/* The same without that: what is written to it now goes out, and zl_session_input() delivers. */
void zl_session_begin(struct zl_session *s, bool takes_subscriptions, enum zl_zmtp_version version);
/* Control's bytes, whole frames of ZMTP 3, at a frame boundary: copied (into envelopes, if need
 * be). 0, -ENOBUFS (nothing was queued), or -ENOTCONN (the session has ended). */
int zl_session_send(struct zl_session *s, const uint8_t *bytes, uint32_t len);
/* In ops->relay, of a greeting's piece of `len` bytes: one that an answer always follows from? */
bool zl_session_greeting_asks(const struct zl_session *s, uint32_t len);
/* Of a greeting's first n bytes (one at least): they show that it is none, of no version. */
bool zl_greeting_is_none(const uint8_t *g, uint32_t n);
/* It begins with a signature as ZMTP 2.0 and later have it; all of that is here. */
bool zl_greeting_is_signed(const uint8_t *g, uint32_t n);
/* Bytes handed to the stream and acknowledged, in all: what marks are compared with. */
uint64_t zl_session_queued_total(const struct zl_session *s);
uint64_t zl_session_acked_total(const struct zl_session *s);
/* The same run on each session. A session that cannot queue it is ended ("no_memory"): a message
 * is never cut in half. */
void zl_session_write(struct zl_zmtp *z, struct zl_session *const *sessions, unsigned n_sessions,
		      const struct zl_msg *msgs, unsigned n);
/* Begin heartbeats, in traffic. Then call at the time that it returns (UINT64_MAX: never), and when
 * ops->expected says so: sends what is due, ends a session whose peer has been silent too long. One
 * that its owner holds back is not, for the owner is not listening. */
void zl_session_heartbeats(struct zl_session *s, const struct zl_heartbeats *ours, uint64_t now_ns);
uint64_t zl_session_heartbeat(struct zl_session *s, uint64_t now_ns);
/* End it: what was queued is still sent if `flush`, else it is reset. closed() follows from the
 * next zl_zmtp_poll(); a stream that still has something to send finishes by itself. `reason` must
 * outlive the session. */
void zl_session_close(struct zl_session *s, const char *reason, bool flush);

#endif
