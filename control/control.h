/* Control's state, and what its files give each other. Everything runs on one thread, in the
 * loop; objects are owned by the lists here and freed by zl_control_run() in reverse order.
 *
 * The dataplane is the truth about what exists: sockets and endpoints here have `present` set only
 * while it has them, and streams live only as long as the connection to it. */
#ifndef ZL_CONTROL_CONTROL_H
#define ZL_CONTROL_CONTROL_H

#include <jansson.h>

#include "control/config/config.h"
#include "control/handshake/handshake.h"
#include "control/ipc/ipc.h"
#include "control/ipc/stats.h"
#include "control/loop.h"
#include "control/subscriptions/subs.h"

enum zl_counter {
#define X(name, text) ZL_COUNT_##name,
#include "control/counters.def"
#undef X
	ZL_COUNTERS
};

struct zl_control;
struct zl_device;

struct zl_socket {
	struct zl_socket *next;
	struct zl_ipc_socket at;
	uint32_t reconnect_ms, reconnect_max_ms;
	struct zl_config_ipc ipc;
	struct zl_security *security; /* the configuration's; NULL: none */
	struct zl_user_rules users;   /* likewise */
	struct zl_device *device;
	struct zl_subs *subs; /* XPUB and PUB, while attached */
	void *match_context;  /* of subs */
	unsigned line;        /* of the config; 0: found in the dataplane */
	bool present;
};

struct zl_device {
	struct zl_device *next;
	struct zl_ipc_device at;
	struct zl_socket *frontend, *backend, *capture; /* capture: may be NULL */
	unsigned line;
	bool present;
};

enum zl_endpoint_state {
	ZL_ENDPOINT_ADDING, /* the dataplane has not answered */
	ZL_ENDPOINT_REFUSED,
	ZL_ENDPOINT_LISTENING,
	ZL_ENDPOINT_CONNECTING,
	ZL_ENDPOINT_CONNECTED,
	ZL_ENDPOINT_WAITING, /* for its next try */
	ZL_ENDPOINT_STOPPED  /* reconnect_stop: there is no next try */
};

struct zl_endpoint {
	struct zl_endpoint *next;
	struct zl_control *control;
	struct zl_ipc_endpoint at;
	struct zl_socket *socket;
	enum zl_endpoint_state state;
	unsigned tries; /* since it was last connected */
	struct zl_timer retry;
	uint64_t stream;                       /* connect: the one it has, or 0 */
	struct zl_ipc_option_bytes routing_id; /* what its peer is to be called (ROUTER) */
	unsigned line;                         /* of the config; 0: added at run time */
	bool present;
};

enum zl_stream_state {
	ZL_STREAM_HANDSHAKE,
	ZL_STREAM_READY,
	ZL_STREAM_CLOSING /* told to close; waiting for STREAM_CLOSED */
};

/* dear.c: of a stream, while one of its handshake's commands waits for its turn. */
struct zl_dear_source;
struct zl_dear_command {
	struct zl_dear_source *source; /* NULL: none waits */
	struct zl_stream *next, *prev; /* of the same source */
	uint8_t *body;
	size_t bytes;
};
#define ZL_DEAR_BUCKETS 1024
struct zl_dear {
	struct zl_dear_source *bucket[ZL_DEAR_BUCKETS];
	struct zl_dear_source *first, *last; /* whose turn is next, and after all others */
};

struct zl_stream {
	struct zl_stream *hash_next;
	struct zl_stream *name_next; /* identity.c */
	bool named;
	struct zl_stream *next_publisher, **prev_publisher; /* in the device's socket's list */
	struct zl_ipc_stream_open open;
	uint32_t unsaid; /* bytes of what we say that its core has said already */
	char *path;      /* ipc: its endpoint's, or NULL */
	struct zl_socket *socket;
	enum zl_stream_state state;
	struct zl_handshake *handshake; /* while it lasts */
	struct zl_dear_command dear;
	struct zl_zap_request *asked; /* zap.c: while its ZAP handler has not answered */
	enum zl_socket_type peer_type;
	enum zl_zmtp_version zmtp;
	uint8_t *identity;
	unsigned identity_bytes;
	const char *closing; /* why control ends it; NULL: it does not */
	bool was_ready;
	char user[ZL_USER_MAX];               /* who it has proved to be, or "" */
	struct zl_ipc_properties *properties; /* what else the peer told of itself; NULL: nothing */
	uint64_t sent, acked;                 /* control's bytes */
	uint32_t subscriber;                  /* in socket->subs, or ZL_NO_PEER */
	struct zl_publisher *publisher;       /* in the device's backend's subs */
	uint8_t *message; /* upstream: frames of a user message until its last part */
	size_t message_bytes;
	bool message_too_long;
	uint32_t counted; /* limits.c: as one of this socket's, or 0 */
};

struct zl_close_count {
	char reason[ZL_REASON_MAX];
	uint64_t count;
};

struct zl_dataplane;
struct zl_resolver;
struct zl_zap;
struct zl_zap_request;
struct zl_tickets;
struct zl_api;

struct zl_control {
	struct zl_loop loop;
	struct zl_config config;
	struct zl_dataplane *dataplane;
	struct zl_resolver *resolver;
	struct zl_tickets *tickets; /* NULL: no socket needs any */
	struct zl_api *api;
	struct zl_zap *zaps; /* zap.c */
	struct zl_socket *sockets;
	struct zl_device *devices;
	struct zl_endpoint *endpoints;
	struct zl_stream **streams; /* by id, chained */
	uint32_t stream_mask, n_streams, n_ready;
	struct zl_stream **names; /* by socket and identity, chained */
	uint32_t names_mask, n_names, next_name;
	struct zl_limit_count *counts; /* limits.c */
	uint32_t counts_mask, n_counts;
	struct zl_dear dear;
	struct zl_stream *publishers; /* ready streams with a publisher */
	struct zl_close_count closes[128];
	unsigned n_closes;
	uint32_t next_id;
	struct zl_timer revoking; /* revoke.c */
	uint64_t counters[ZL_COUNTERS];
	uint64_t started_ns;
	char note[256]; /* on the user it runs as, said once attached; or empty */
	int exit_code;
};

/* control.c: the whole program; the exit status. */
int zl_control_main(int argc, char **argv);
/* The loop's turn hook. */
void zl_control_turn(void *control);

/* objects.c: sockets, devices and endpoints. */
int zl_objects_load(struct zl_control *c); /* from the config; 0 or -ENOMEM */
void zl_objects_free(struct zl_control *c);
/* Makes the dataplane have all that is not `present`. */
void zl_objects_add_missing(struct zl_control *c);
/* The dataplane's answer to DUMP: take its word for what exists. False: no memory. */
void zl_objects_forget(struct zl_control *c); /* nothing is present any more */
bool zl_objects_adopt_socket(struct zl_control *c, const struct zl_ipc_socket *at);
bool zl_objects_adopt_device(struct zl_control *c, const struct zl_ipc_device *at);
bool zl_objects_adopt_endpoint(struct zl_control *c, const struct zl_ipc_endpoint *at);
struct zl_socket *zl_socket_by_id(struct zl_control *c, uint32_t id);
struct zl_socket *zl_socket_by_name(struct zl_control *c, const char *name);

/* endpoint.c: one endpoint's life. */
typedef void zl_result_fn(struct zl_control *c, const struct zl_ipc_result *result,
			  uint64_t argument);
struct zl_endpoint *zl_endpoint_new(struct zl_control *c, struct zl_socket *socket,
				    const struct zl_ipc_endpoint *at, unsigned line);
void zl_endpoint_free(struct zl_control *c, struct zl_endpoint *e);
struct zl_endpoint *zl_endpoint_by_id(struct zl_control *c, uint32_t id);
/* One that is the same: so written, at the same address, or bound to what is written. */
bool zl_endpoint_is(const struct zl_endpoint *e, const struct zl_socket *socket,
		    const struct zl_ipc_endpoint *at);
struct zl_endpoint *zl_endpoint_find(struct zl_control *c, const struct zl_socket *socket,
				     const struct zl_ipc_endpoint *at);
/* Makes the dataplane have it; a host's name is resolved before. `done` as of a request. */
void zl_endpoint_add(struct zl_control *c, struct zl_endpoint *e, zl_result_fn *done,
		     uint64_t argument);
/* Where it listens, wildcards filled in, or else as written; text holds ZL_ENDPOINT_MAX + 8. */
char *zl_endpoint_last(const struct zl_endpoint *e, char *text);
/* The dataplane has it: listen, or dial unless it has a stream. */
void zl_endpoint_present(struct zl_control *c, struct zl_endpoint *e);
void zl_endpoint_refused(struct zl_control *c, struct zl_endpoint *e, const char *text);
/* A dialled stream opened (false: it has one already), became ready, or is gone; or a dial failed.
 * why: which ZL_STOP_* it is a case of, or 0. */
bool zl_endpoint_opened(struct zl_control *c, struct zl_endpoint *e, uint64_t stream);
void zl_endpoint_connected(struct zl_control *c, struct zl_endpoint *e);
void zl_endpoint_lost(struct zl_control *c, struct zl_endpoint *e, uint64_t stream, int32_t why);
const char *zl_endpoint_state_name(enum zl_endpoint_state state);

/* resolve.c: what zl_endpoint_add does for a name. False: no memory or no thread. */
bool zl_resolve_add(struct zl_control *c, const struct zl_ipc_endpoint *at, zl_result_fn *done,
		    uint64_t argument);
void zl_resolver_free(struct zl_control *c);

/* stream.c: streams from STREAM_OPEN to STREAM_CLOSED. */
void zl_streams_free(struct zl_control *c); /* forgets them all, without a word */
struct zl_stream *zl_stream_find(struct zl_control *c, uint64_t id);
void zl_stream_event(struct zl_control *c, void *packet); /* any checked stream packet */
bool zl_stream_adopt(struct zl_control *c, const struct zl_ipc_stream_state *state);
void zl_stream_close(struct zl_control *c, struct zl_stream *s, enum zl_reason reason);
void zl_stream_send(struct zl_control *c, struct zl_stream *s, const void *bytes, size_t n);
/* One whole command of its handshake, which is taken now. */
void zl_stream_command(struct zl_control *c, struct zl_stream *s, const uint8_t *body, size_t n);
/* Its ZAP handler has decided; or it cannot come in for want of a decision. */
void zl_stream_answered(struct zl_control *c, struct zl_stream *s,
			const struct zl_zap_answer *answer);
void zl_stream_unanswered(struct zl_control *c, struct zl_stream *s, enum zl_reason reason);
typedef void zl_stream_fn(void *context, struct zl_stream *s);
/* "10.0.0.1:4000", "ipc:/run/feed pid 123 uid 0"; text holds ZL_ENDPOINT_MAX + 64. */
char *zl_stream_address(const struct zl_stream *s, char *text);
void zl_streams_each(struct zl_control *c, zl_stream_fn *fn, void *context);

/* dear.c: commands that take public-key operations. */
/* It is taken by zl_stream_command() in its source's turn. False: no memory. */
bool zl_dear_add(struct zl_control *c, struct zl_stream *s, const uint8_t *body, size_t n);
/* The stream is closed, or gone; nothing if no command of it waits. */
void zl_dear_drop(struct zl_control *c, struct zl_stream *s);
/* Each turn: deals with some. */
void zl_dear_step(struct zl_control *c);

/* identity.c: what ROUTER, SERVER and PEER call a peer. */
/* The stream gets its name, made up if it has none: before it is READY, and (keeping the one that
 * the dataplane has) when it is adopted. ZL_REASONS: good; else why it must be closed. */
enum zl_reason zl_identity_take(struct zl_control *c, struct zl_stream *s);
/* The stream is gone. */
void zl_identity_give(struct zl_control *c, struct zl_stream *s);
void zl_identities_free(struct zl_control *c);

/* revoke.c: from now on, whoever is no longer let in is closed within a second or so. */
void zl_revoke_start(struct zl_control *c);
bool zl_revoked(const struct zl_stream *s);

/* zap.c: the ZAP handlers that sockets name. False: no memory. Free when no stream is left. */
bool zl_zaps_start(struct zl_control *c);
void zl_zaps_free(struct zl_control *c);
/* The stream's handshake is at ASK: zl_stream_answered() or zl_stream_unanswered() follows, in the
 * time that the socket's configuration gives. ZL_REASONS; or why it cannot be asked. */
enum zl_reason zl_zap_ask(struct zl_control *c, struct zl_stream *s);
/* The stream's handshake is over; nothing if it is not asked for. */
void zl_zap_drop(struct zl_stream *s);
/* tickets.c: Kerberos tickets for GSSAPI clients are fetched and renewed from now on. False: no
 * memory. */
bool zl_tickets_start(struct zl_control *c);
void zl_tickets_free(struct zl_control *c);

/* limits.c: who may connect and subscribe, and how many. */
/* A stream has come, before its handshake, or is adopted. ZL_REASONS: it may stay, and is counted;
 * else why it must be closed. */
enum zl_reason zl_limits_take(struct zl_control *c, struct zl_stream *s);
void zl_limits_give(struct zl_control *c, struct zl_stream *s);
void zl_limits_free(struct zl_control *c);
/* May it subscribe to this? If not, that is counted, and the stream may have been closed for it. */
bool zl_limits_subscribe(struct zl_control *c, struct zl_stream *s, const uint8_t *prefix,
			 unsigned bytes);

/* rights.c: what a peer may do by the name it has proved. */
/* When its handshake is over, or it is adopted: NULL, and the reason why it must be closed; else
 * the rule that is for it, of which one that says nothing is for everybody. */
const struct zl_user_rule *zl_rights_of(const struct zl_stream *s, const struct zl_endpoint *e,
					enum zl_reason *reason);

/* subscribe.c: between streams and the subscription tables. */
bool zl_subscribe_start(struct zl_control *c, unsigned cores); /* fresh tables, false: no memory */
void zl_subscribe_stop(struct zl_control *c);
/* Messages may come of it once it is ready. The host core, which most appliances have no peers on,
 * is told of subscriptions elsewhere from its first such peer on, before that one is ready. */
void zl_subscribe_source(struct zl_control *c, const struct zl_stream *s);
bool zl_subscribe_join(struct zl_control *c, struct zl_stream *s);
void zl_subscribe_leave(struct zl_control *c, struct zl_stream *s);
/* Each turn: forgets some of what streams that have left subscribed to. */
void zl_subscribe_step(struct zl_control *c);
void zl_subscribe_records(struct zl_control *c, struct zl_stream *s, const struct zl_ipc_subs *m);
void zl_subscribe_adopt(struct zl_control *c, const struct zl_ipc_match *m); /* MATCH_STATE */
void zl_subscribe_settle(struct zl_control *c);
void zl_subscribe_pump(
	struct zl_control *c); /* each turn: tell publishers what their credit allows */
/* A user message part that a subscriber sent upstream. */
void zl_subscribe_message(struct zl_control *c, struct zl_stream *s, const uint8_t *part, size_t n,
			  bool more);

/* dataplane.c: the connection. */
int zl_dataplane_start(struct zl_control *c);
void zl_dataplane_free(struct zl_control *c);
bool zl_dataplane_attached(const struct zl_control *c);
/* It was set up by an earlier control, or before the connection broke. */
bool zl_dataplane_took_over(const struct zl_control *c);
const struct zl_ipc_hello *zl_dataplane_hello(const struct zl_control *c);
const struct zl_stats_header *zl_dataplane_stats(const struct zl_control *c); /* or NULL */
uint64_t zl_dataplane_attached_ns(const struct zl_control *c);                /* CLOCK_MONOTONIC */
/* One whole packet, in order, at once or as soon as the socket takes it. */
void zl_dataplane_send(struct zl_control *c, const void *packet);
size_t zl_dataplane_queued(const struct zl_control *c); /* bytes not taken yet */
/* A request: `done` hears the RESULT, or -ENOTCONN when the connection ends first. */
void zl_dataplane_request(struct zl_control *c, enum zl_ipc_type type, const void *body,
			  zl_result_fn *done, uint64_t argument);
/* One record for a core's matcher; goes out when a packet is full, and at the turn's end. */
void zl_dataplane_match(struct zl_control *c, unsigned core, uint32_t socket, uint64_t target,
			const uint8_t *prefix, unsigned bytes, bool add);
void zl_dataplane_flush_matches(struct zl_control *c); /* before what relies on them */
void zl_dataplane_flush(struct zl_control *c);

/* api.c: control.sock. */
int zl_api_start(struct zl_control *c);
void zl_api_free(struct zl_control *c);
/* Answers a request that waited for the dataplane: result is taken; NULL: error is said. */
void zl_api_answer(struct zl_control *c, uint64_t client, json_t *result, const char *error);

/* report.c, change.c: the commands. A new reference, or NULL with *error filled in. */
#define ZL_API_ERROR_MAX 512
json_t *zl_report(struct zl_control *c, const char *command, json_t *request, char *error);
bool zl_report_knows(const char *command);
/* bind, connect, unbind, disconnect: true where the answer comes later by zl_api_answer(). */
bool zl_change(struct zl_control *c, const char *command, json_t *request, uint64_t client,
	       char *error);
bool zl_change_knows(const char *command);

/* devices.c: the commands "pause" and "resume", {"device": NAME}; as above. */
bool zl_devices_set(struct zl_control *c, bool paused, json_t *request, uint64_t client,
		    char *error);

/* cycles.c: the command "count", {"ms": N}; true where the answer comes later, as above. */
bool zl_cycles_count(struct zl_control *c, json_t *request, uint64_t client, char *error);

#endif
