/* A device: two sockets joined, each one's messages sent by the other (RFC 28, 29; zmq_proxy). It
 * is called by the receive of its sockets' ops, on the core or thread that owns them both. */
#ifndef ZL_ROUTER_DEVICE_H
#define ZL_ROUTER_DEVICE_H

#include "dataplane/router/socket.h"

struct zl_device {
	uint32_t id; /* its owner's name for it */
	enum zl_device_kind kind;
	struct zl_socket *frontend, *backend;
	struct zl_socket *capture; /* gets a copy of what is passed on, if it has room; or NULL */
	bool paused;               /* nothing is taken but the rest of a message */
	bool mid[2];               /* frontend's, backend's: a message has more parts to come */
	bool uncaptured[2];        /* the rest of it is not captured */
	uint8_t capturing;         /* 1, 2: in the middle of the frontend's, the backend's; or 0 */
	bool passing[2]; /* frontend's, backend's: the rest of a refused message is passed over */
	uint64_t parts_down, parts_up; /* frontend to backend; back */
};

/* Joins two open sockets; id stays as it is, and there is no capture. 0, -EINVAL (socket types that
 * the kind does not join, zl_ipc_device_joins). */
int zl_device_open(struct zl_device *d, enum zl_device_kind kind, struct zl_socket *frontend,
		   struct zl_socket *backend);
/* What `from`, one of the two, has received. How many parts were taken; the rest stays with those
 * who sent it until the other socket has room. */
unsigned zl_device_forward(struct zl_device *d, const struct zl_socket *from,
			   const struct zl_msg *msgs, unsigned n);
/* Must what `from` receives wait until the other socket has room? */
bool zl_device_blocked(const struct zl_device *d, const struct zl_socket *from);
/* The message that `from` has received the beginning of will have no end. */
void zl_device_broken(struct zl_device *d, const struct zl_socket *from);

#endif
