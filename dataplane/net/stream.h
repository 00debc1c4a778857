/* An ordered byte channel, and the only thing that the session layer knows of what carries it:
 * a TCP connection of this stack, or a kernel socket of the host core (drivers/host). A stream belongs to
 * one core; every function here is called on that core alone.
 *
 * Receiving: the carrier queues in-order payload and calls events->readable once a burst; the owner
 * takes buffers with ops->take and says with ops->consumed when it is done with their bytes, which
 * is what reopens the peer's window. An owner under back-pressure simply does not take.
 *
 * Sending: the owner appends slices to sendq (sendq.h) and calls ops->output once a burst. Slices
 * are released, and events->released called, when the peer has acknowledged their bytes. */
#ifndef ZL_NET_STREAM_H
#define ZL_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/sendq.h"

struct zl_stream;

struct zl_stream_ops {
	/* Next buffer of in-order payload: one segment, data_len > 0, caller owns it. NULL: none. */
	struct rte_mbuf *(*take)(struct zl_stream *s);
	/* The owner has finished with `bytes` of what it took (not necessarily freed the buffer). */
	void (*consumed)(struct zl_stream *s, uint32_t bytes);
	/* Something was appended to sendq: mark the stream for output at the end of the turn. */
	void (*output)(struct zl_stream *s);
	/* No more will be appended: send what is queued, then FIN. events->closed follows at once or
	 * later; the owner must forget the stream only then. What is still queued after linger_ms
	 * is dropped, by a reset. */
	void (*shutdown)(struct zl_stream *s);
	/* Reset now, dropping what is queued. No event follows: the stream is gone on return. */
	void (*abort)(struct zl_stream *s);
};

/* Given by the owner when the stream is opened or accepted. */
struct zl_stream_events {
	void (*established)(struct zl_stream *s); /* an active open has succeeded */
	void (*readable)(struct zl_stream *s);    /* take() will give something, or peer_closed is set */
	/* Acknowledged by the peer and released: `bytes`, and `msgs` whose last byte was among them */
	void (*released)(struct zl_stream *s, uint32_t bytes, uint32_t msgs);
	/* The stream has ended; `reason` is a name of its layer's table (tcp_reasons.def). It is gone
	 * when the call returns. Not called after abort. */
	void (*closed)(struct zl_stream *s, const char *reason);
};

struct zl_endpoint_addr {
	uint32_t ip;   /* IPv4, host order */
	uint16_t port; /* host order */
};

/* What a listener or a connection may have of its own; 0: as its carrier has it for all
 * (zl_tcp_config, zl_kernel_config). */
struct zl_tcp_settings {
	uint32_t keepalive_idle_ms, keepalive_interval_ms, keepalive_probes;
	bool keepalive_off, keepalive_on; /* on: after two hours if nobody says when (RFC 9293) */
	uint32_t user_timeout_ms;
	uint32_t connect_timeout_ms; /* of an active open, all of its SYNs together */
	uint32_t backlog;            /* of a listener */
	bool one_port;               /* of a listener: SYNs are heard at ... */
	uint16_t port;               /* ... this port only */
	uint8_t tos;                 /* of every packet sent (RFC 2474, RFC 3168) */
};

struct zl_stream {
	const struct zl_stream_ops *ops;
	const struct zl_stream_events *events;
	void *owner; /* the owner's, e.g. the session */
	struct zl_sendq sendq;
	struct zl_endpoint_addr local, remote;
	uint32_t linger_ms; /* for shutdown; 0: as long as it takes */
	bool peer_closed; /* FIN seen: nothing after what take() still gives */
};

#endif
