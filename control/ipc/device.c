/* Which sockets a device may join: decided by control for a configuration, and again by the
 * dataplane. */
#include "control/ipc/ipc.h"

#define BIT(t) (1u << ZL_##t)

/* What a device's socket gives to the other one, and takes from it. Subscriptions, and what
 * subscribers send upstream, go by control: from a PUB or XPUB behind it alone does a SUB or XSUB
 * know what to subscribe to, and from a RADIO a DISH what to join. */
#define GIVES                                                                                      \
	(BIT(PAIR) | BIT(DEALER) | BIT(ROUTER) | BIT(PULL) | BIT(SERVER) | BIT(CLIENT) |           \
	 BIT(GATHER) | BIT(PEER) | BIT(CHANNEL) | BIT(STREAM) | BIT(DGRAM))
#define TAKES                                                                                      \
	(BIT(PAIR) | BIT(PUB) | BIT(DEALER) | BIT(ROUTER) | BIT(PUSH) | BIT(XPUB) | BIT(SERVER) |  \
	 BIT(CLIENT) | BIT(RADIO) | BIT(SCATTER) | BIT(PEER) | BIT(CHANNEL) | BIT(STREAM) |        \
	 BIT(DGRAM))
/* Messages of one part; of more than one, whatever the peer sends (a name or a group first). */
#define SINGLE (BIT(CLIENT) | BIT(GATHER) | BIT(SCATTER) | BIT(CHANNEL))
#define PREFIXED                                                                                   \
	(BIT(ROUTER) | BIT(SERVER) | BIT(PEER) | BIT(RADIO) | BIT(DISH) | BIT(STREAM) | BIT(DGRAM))
/* What a STREAM's [routing id][bytes], or a DGRAM's [address][body], mean nothing to: each of these
 * would take the first part for the name of a peer, or the group, of its own. */
#define LABELLED (BIT(STREAM) | BIT(DGRAM))
#define NAMING   (LABELLED | BIT(ROUTER) | BIT(SERVER) | BIT(PEER) | BIT(RADIO) | BIT(DISH))

/* Those that send to every peer that wants a message, and those that take from any publisher. */
#define SHARDED (BIT(PUB) | BIT(SUB) | BIT(XPUB) | BIT(XSUB) | BIT(RADIO) | BIT(DISH))

const char *const zl_device_kind_name[ZL_DEVICE_KINDS] = {
	[ZL_FORWARDER] = "forwarder",
	[ZL_STREAMER] = "streamer",
	[ZL_QUEUE] = "queue",
	[ZL_BRIDGE] = "bridge",
};

static const struct {
	enum zl_socket_type frontend, backend;
} of_kind[ZL_DEVICE_KINDS] = {
	[ZL_FORWARDER] = {ZL_XSUB, ZL_XPUB},
	[ZL_STREAMER] = {ZL_PULL, ZL_PUSH},
	[ZL_QUEUE] = {ZL_ROUTER, ZL_DEALER},
	[ZL_BRIDGE] = {ZL_SOCKET_TYPES, ZL_SOCKET_TYPES},
};

enum zl_socket_type zl_ipc_device_frontend(enum zl_device_kind kind)
{
	return of_kind[kind].frontend;
}

enum zl_socket_type zl_ipc_device_backend(enum zl_device_kind kind)
{
	return of_kind[kind].backend;
}

bool zl_ipc_sharded(enum zl_socket_type type)
{
	return 1u << type & SHARDED;
}

static bool flows(uint32_t from, uint32_t to)
{
	return from & GIVES && to & TAKES;
}

static bool fits(uint32_t one, uint32_t other)
{
	return !(one & SINGLE && other & PREFIXED) && !(one & LABELLED && other & NAMING);
}

bool zl_ipc_raw(enum zl_socket_type type, const struct zl_ipc_options *options)
{
	return type == ZL_STREAM || (type == ZL_ROUTER && options && options->router_raw);
}

bool zl_ipc_device_joins(enum zl_device_kind kind, enum zl_socket_type frontend,
			 enum zl_socket_type backend)
{
	uint32_t front = 1u << frontend, back = 1u << backend;

	switch (kind) {
	case ZL_FORWARDER:
		return front & (BIT(XSUB) | BIT(SUB)) && back & (BIT(XPUB) | BIT(PUB));
	case ZL_STREAMER:
	case ZL_QUEUE:
		return frontend == of_kind[kind].frontend && backend == of_kind[kind].backend;
	case ZL_BRIDGE:
		if (zl_ipc_device_joins(ZL_FORWARDER, frontend, backend) ||
		    (frontend == ZL_DISH && backend == ZL_RADIO))
			return true;
		return (flows(front, back) || flows(back, front)) && fits(front, back) &&
		       fits(back, front);
	case ZL_DEVICE_KINDS:
		break;
	}
	return false;
}

bool zl_ipc_device_captures(enum zl_socket_type type)
{
	return type == ZL_PUB || type == ZL_PUSH || type == ZL_DEALER || type == ZL_PAIR;
}
