/* The patterns, a file each; patterns.c has the table. */
#ifndef ZL_ROUTER_PATTERNS_H
#define ZL_ROUTER_PATTERNS_H

#include "dataplane/router/socket.h"

extern const struct zl_pattern zl_pub_pattern, zl_sub_pattern, zl_xpub_pattern, zl_xsub_pattern;
extern const struct zl_pattern zl_push_pattern, zl_pull_pattern, zl_dealer_pattern, zl_pair_pattern,
	zl_client_pattern, zl_scatter_pattern, zl_gather_pattern, zl_channel_pattern;
extern const struct zl_pattern zl_router_pattern, zl_req_pattern, zl_rep_pattern, zl_server_pattern,
	zl_peer_pattern, zl_stream_pattern, zl_radio_pattern, zl_dish_pattern, zl_dgram_pattern;

/* hooks.c: of patterns for what they do not do. */
int zl_never_sends(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local);
bool zl_can_never_send(const struct zl_socket *s);
unsigned zl_never_receives(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n); /* drops and counts */
void zl_never_broken(struct zl_socket *s);
void zl_never_waits(struct zl_socket *s, struct zl_pipe *p); /* released */
int zl_never_subscribes(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
			uint32_t len);

/* push.c: what SCATTER does as PUSH does; pull.c: and GATHER as PULL. */
int zl_push_open(struct zl_socket *s);
void zl_push_close(struct zl_socket *s);
void zl_push_pipe_added(struct zl_socket *s, struct zl_pipe *p);
void zl_push_pipe_removed(struct zl_socket *s, struct zl_pipe *p);
bool zl_push_can_send(const struct zl_socket *s);
void zl_push_broken(struct zl_socket *s);
void zl_push_released(struct zl_socket *s, struct zl_pipe *p);
int zl_pull_open(struct zl_socket *s);
void zl_pull_close(struct zl_socket *s);
void zl_pull_pipe_added(struct zl_socket *s, struct zl_pipe *p);
void zl_pull_pipe_removed(struct zl_socket *s, struct zl_pipe *p);

/* xpub.c: what PUB does as XPUB does. */
int zl_xpub_open(struct zl_socket *s);
void zl_xpub_close(struct zl_socket *s);
void zl_xpub_pipe_added(struct zl_socket *s, struct zl_pipe *p);
void zl_xpub_pipe_removed(struct zl_socket *s, struct zl_pipe *p);
int zl_xpub_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local);
void zl_xpub_broken(struct zl_socket *s);
void zl_xpub_released(struct zl_socket *s, struct zl_pipe *p);
int zl_xpub_subscribe(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
		      uint32_t len);
/* What subscribers send: subscriptions, and messages for the publishers, which PUB drops. */
unsigned zl_xpub_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
		       unsigned n);

/* xsub.c: what SUB does as XSUB does. */
int zl_xsub_open(struct zl_socket *s);
void zl_xsub_close(struct zl_socket *s);
void zl_xsub_pipe_added(struct zl_socket *s, struct zl_pipe *p);
void zl_xsub_pipe_removed(struct zl_socket *s, struct zl_pipe *p);
unsigned zl_xsub_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
		       unsigned n);
void zl_xsub_broken(struct zl_socket *s);
void zl_xsub_released(struct zl_socket *s, struct zl_pipe *p);
int zl_xsub_subscribe(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
		      uint32_t len);

/* stream.c: what ROUTER does as STREAM does if it is raw. strict: as zl_named_send(). */
void zl_stream_pipe_added(struct zl_socket *s, struct zl_pipe *p);
void zl_stream_pipe_removed(struct zl_socket *s, struct zl_pipe *p);
int zl_stream_write(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool strict);

#endif
