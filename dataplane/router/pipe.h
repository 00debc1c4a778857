/* A pipe: the two-way link between a socket and one peer. A pattern sees pipes and never what they
 * end in: a session on this core, another core's shard of the same socket, or (inproc, application)
 * another socket. Compiled into the dataplane and the application library: no wire, no DPDK. */
#ifndef ZL_ROUTER_PIPE_H
#define ZL_ROUTER_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/ring/msg.h"

struct zl_backlog;
struct zl_socket;

enum zl_pipe_kind {
	ZL_PIPE_PEER, /* a ZeroMQ peer: HWM applies */
	ZL_PIPE_CORE, /* another core's shard of this socket: its own pipes apply their HWM */
};

struct zl_pipe {
	struct zl_socket *socket;
	void *end;     /* of whoever made the pipe: what it ends in */
	uint64_t id;   /* control's name for it: a stream id, or ZL_MATCH_CORE | core */
	uint32_t slot; /* place in socket->pipes, and the matcher's name for the pipe */
	enum zl_pipe_kind kind;
	uint8_t peer_type; /* enum zl_socket_type */
	bool dialled;      /* we connected to it */

	/* What ROUTER and its like call the peer: its own identity, or what was made up for it
	 * (ROUTER: 5 bytes, a 0 first; SERVER and PEER: 4, not all 0). Kept by whoever made the
	 * pipe for as long as the pipe lives. NULL: this socket needs none. */
	const uint8_t *routing_id;
	uint8_t routing_id_len;

	/* Outbound. Full means: as many messages as the HWM and as many bytes as sndbuf are queued
	 * and not yet acknowledged by the peer (libzmq's HWM likewise counts only what the kernel's
	 * socket buffer did not swallow). */
	uint32_t hwm_msgs; /* 0: no limit */
	uint32_t sndbuf_bytes;
	uint32_t queued_msgs;
	uint64_t queued_bytes;
	bool skipping;              /* the parts of a message are being dropped until its last */
	bool matched;               /* while an inverted match is made: this one subscribed */
	bool too_slow;              /* it is being closed for it */
	struct zl_backlog *backlog; /* what waits in front of the queue; NULL: nothing ever does */

	/* Inbound: so many parts of the message that will be offered next have been taken already,
	 * when whoever takes them one by one had no room for the others. */
	uint32_t parts_taken;

	uint64_t msgs_in, bytes_in, msgs_out, bytes_out,
		msgs_dropped; /* parts; dropped: messages */
};

/* How many more messages fit before `max` bytes are queued; while fewer are, at least one. */
static inline uint32_t zl_pipe_room_bytes(const struct zl_pipe *p, uint64_t max,
					  uint32_t bytes_a_msg)
{
	uint64_t room;

	if (p->queued_bytes >= max)
		return 0;
	room = (max - p->queued_bytes) / ((uint64_t)bytes_a_msg + 1) + 1;
	return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

/* How many more messages may be written now (UINT32_MAX: no limit). Exact at message grain: while
 * bytes are below sndbuf at least one more message always fits. */
static inline uint32_t zl_pipe_room(const struct zl_pipe *p, uint32_t bytes_a_msg)
{
	uint32_t by_count, by_bytes;

	if (p->hwm_msgs == 0 || p->kind == ZL_PIPE_CORE)
		return UINT32_MAX;
	by_count = p->queued_msgs < p->hwm_msgs ? p->hwm_msgs - p->queued_msgs : 0;
	by_bytes = zl_pipe_room_bytes(p, p->sndbuf_bytes, bytes_a_msg);
	return by_count > by_bytes ? by_count : by_bytes;
}

#endif
