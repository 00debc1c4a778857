/* What a new peer is sent at once: ZMQ_HELLO_MSG, and ZMQ_PROBE_ROUTER's empty message, by which a
 * ROUTER learns that we are there. From pipe_added(): the pipe must be able to carry it by then. */
#ifndef ZL_ROUTER_GREET_H
#define ZL_ROUTER_GREET_H

#include "dataplane/router/socket.h"

/* probes: is this a socket type that may probe? */
void zl_greet(struct zl_socket *s, struct zl_pipe *p, bool probes);
/* XPUB: ZMQ_XPUB_WELCOME_MSG. */
void zl_welcome(struct zl_socket *s, struct zl_pipe *p);

#endif
