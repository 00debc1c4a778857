/* Socket options that patterns act on, by libzmq's names (zmq_setsockopt). Zero is the default of
 * each, as there. What concerns connections alone is with whoever makes them. */
#ifndef ZL_ROUTER_OPTIONS_H
#define ZL_ROUTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ZMQ_ROUTER_NOTIFY: a message of [routing id][empty] when a peer has come, or gone. */
enum {
	ZL_NOTIFY_CONNECT = 1,
	ZL_NOTIFY_DISCONNECT = 2
};

/* Bytes that stay with whoever set them; length 0: none. */
struct zl_option_bytes {
	const uint8_t *data;
	size_t len;
};

struct zl_socket_options {
	bool conflate;     /* only the newest message is kept for each pipe, and each way */
	bool probe_router; /* an empty message to each new peer: ROUTERs learn our identity */
	/* ROUTER */
	bool router_mandatory; /* -EHOSTUNREACH for a peer that there is not, 0 for a full one */
	bool router_handover;  /* a new peer takes its name from an old one */
	bool router_raw;       /* STREAM's way: no identities over the wire */
	uint8_t router_notify; /* ZL_NOTIFY_* */
	bool stream_quiet;     /* STREAM, and raw: ZMQ_STREAM_NOTIFY 0 */
	/* REQ */
	bool req_relaxed;   /* a request may follow one that has no answer yet */
	bool req_correlate; /* requests carry an id, and only its answer is taken */
	/* PUB, XPUB, SUB, XSUB */
	bool xpub_verbose;  /* every subscription goes up to the user, not only the first */
	bool xpub_verboser; /* and every cancellation, not only the last */
	bool xpub_manual;   /* the user answers subscriptions by its own */
	bool xpub_manual_last_value; /* and what it sends next is for the last subscriber alone */
	bool xpub_nodrop;            /* send() takes nothing while some matching pipe is full */
	bool invert_matching;        /* to those who have not subscribed */
	bool only_first_subscribe;   /* of a multipart message, only the first part may subscribe */
	struct zl_option_bytes welcome_msg; /* XPUB: to each new subscriber */
	/* ROUTER, DEALER, SERVER, CLIENT, ... */
	struct zl_option_bytes hello_msg;      /* to each new peer */
	struct zl_option_bytes disconnect_msg; /* up, when a peer has gone */
	struct zl_option_bytes hiccup_msg;     /* up, when a peer that we dial has gone */
};

extern const struct zl_socket_options zl_socket_options_default;

#endif
