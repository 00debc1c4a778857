/* A device: two sockets joined, each one's messages sent by the other (RFC 28, 29; zmq_proxy). It
 * is called by the receive of its sockets' ops, on the core or thread that owns them both. */
#ifndef ZL_ROUTER_DEVICE_H
#define ZL_ROUTER_DEVICE_H

#include "dataplane/router/socket.h"

struct zl_device {
	uint32_t id; /* its owner's name for it */
	enum zl_device_kind kind;
	struct zl_socket *frontend, *backend; /* forwarder: XSUB (SUB), XPUB (PUB) */
	uint64_t parts_down, parts_up;        /* frontend to backend; back */
};

/* Joins two open sockets; id stays as it is. 0, -EPROTONOSUPPORT (a kind that there is not yet),
 * -EINVAL (socket types that the kind does not join). */
int zl_device_open(struct zl_device *d, enum zl_device_kind kind, struct zl_socket *frontend,
		   struct zl_socket *backend);
/* What `from`, one of the two, has received. How many parts were taken. */
unsigned zl_device_forward(struct zl_device *d, const struct zl_socket *from,
			   const struct zl_msg *msgs, unsigned n);
/* The message that `from` has received the beginning of will have no end. */
void zl_device_broken(struct zl_device *d, const struct zl_socket *from);

#endif
