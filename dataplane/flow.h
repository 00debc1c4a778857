/* A flow: a way in and out of a socket that is no stream but datagrams (zl_ipc_flows). It is made
 * with its endpoint, lives on one core, and has one peer of it, which control dials and says
 * to be ready as any other: from then on its messages come and go. Nothing is asked of whoever is
 * out there. What cannot be taken at once is dropped, and counted, or (`keeps`) waits here, and the
 * flow is stalled: it is to bring no more.
 *
 * Made and freed by the host core; everything else on its own core. */
#ifndef ZL_DATAPLANE_FLOW_H
#define ZL_DATAPLANE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"
#include "dataplane/ring/msg.h"
#include "dataplane/ring/untaken.h"

struct zl_core_endpoint;
struct zl_flow;
struct zl_lcore;
struct zl_peer;
struct zl_stats_source;

/* What a carrier of datagrams does, one table each (flow_udp.c). */
struct zl_flow_ops {
	/* Host core, with all that takes memory or long; NULL: errno. */
	struct zl_flow *(*create)(struct zl_lcore *c, const struct zl_ipc_endpoint *at,
				  const struct zl_ipc_socket *socket);
	void (*destroy)(struct zl_flow *f);
	/* May be NULL. Host core: does it receive what its groups are sent? */
	bool (*hears)(const struct zl_flow *f);
	/* Binds and joins what its endpoint says. 0, -errno. */
	int (*open)(struct zl_flow *f);
	void (*close)(struct zl_flow *f);
	/* What it has received may wait. */
	bool keeps;
	/* May be NULL. Each turn. */
	void (*turn)(struct zl_flow *f, uint64_t now_ns);
	/* May be NULL: it is not stalled any more. */
	void (*resume)(struct zl_flow *f);
	/* Another core's part of that: what comes there is handed on to `core`. */
	int (*open_elsewhere)(struct zl_lcore *c, struct zl_core_endpoint *e, unsigned core);
	void (*close_elsewhere)(struct zl_lcore *c, struct zl_core_endpoint *e);
	/* Parts of messages, borrowed; a message may be cut between its parts. What cannot go out
	 * at once is queued, and counted below. */
	void (*write)(struct zl_flow *f, const struct zl_msg *msgs, unsigned n);
	/* Sources that it hears, as many as there is room for; their number. NULL: it tells none.
	 */
	unsigned (*sources)(struct zl_flow *f, struct zl_stats_source *to, unsigned room);
	/* The message that write() was given the beginning of has no end, or its peer is gone. */
	void (*broken)(struct zl_flow *f);
};

#define ZL_FLOW_PARTS     64  /* handed to the socket at once */
#define ZL_FLOW_MSG_PARTS 256 /* of a message, at most */
#define ZL_FLOW_LINES     2   /* groups of an endpoint, at most (zl_ipc_endpoint.b) */

struct zl_flow {
	const struct zl_flow_ops *ops;
	struct zl_lcore *core;
	struct zl_flow *next; /* of its core */
	struct zl_peer *peer; /* NULL: none that is ready */
	struct zl_ipc_endpoint at;
	bool ruled[ZL_FLOW_LINES]; /* its port's device brings that group to this core */
	uint8_t rules_refused;
	uint32_t queued_msgs; /* written, and not sent yet: what the socket's HWM is for */
	uint64_t queued_bytes;
	/* What has come in this turn: whole messages, a reference each part. */
	struct zl_msg in[ZL_FLOW_PARTS];
	unsigned n_in;
	struct zl_untaken waiting; /* before those, with `keeps` */
};

static inline bool zl_flow_stalled(const struct zl_flow *f)
{
	return !f->peer || f->waiting.n;
}

/* --- host core --- */
/* The core that a flow of this socket is on. */
unsigned zl_flow_core(const struct zl_ipc_endpoint *at, const struct zl_ipc_socket *socket,
		      unsigned poll_cores);
struct zl_flow *zl_flow_create(struct zl_lcore *c, const struct zl_ipc_endpoint *at,
			       const struct zl_ipc_socket *socket);
void zl_flow_destroy(struct zl_flow *f);
/* flow_rules.c: asks the ports' devices to bring its groups to its core, and takes that back. Part
 * of create and destroy: the main thread may wait for a driver, a poll core may not. */
void zl_flow_rules_make(struct zl_flow *f);
void zl_flow_rules_drop(struct zl_flow *f);

/* --- each core that has a part in it: the poll cores, or of the kernel's the host core --- */
/* Its part of the endpoint e; f: the flow, on its own core, else NULL. 0, -errno: f is the caller's
 * again. */
int zl_flow_open(struct zl_lcore *c, struct zl_core_endpoint *e, struct zl_flow *f);
/* The flow, for the host core to destroy; NULL: it is on another core. Its peer is over. */
struct zl_flow *zl_flow_close(struct zl_lcore *c, struct zl_core_endpoint *e);

/* --- its own core --- */
/* What came of its rules. */
void zl_flow_rules_count(const struct zl_flow *f);
/* Its messages come and go from now on, by this peer; and no more. */
void zl_flow_join(struct zl_flow *f, struct zl_peer *p);
void zl_flow_leave(struct zl_flow *f);
/* A message has come, of so many parts; the references are the flow's from here on. */
void zl_flow_in(struct zl_flow *f, const struct zl_msg *parts, unsigned n);
/* The same of a message of two parts that its caller makes in place: room for both, and once they
 * are there, that they are. */
struct zl_msg *zl_flow_room_for_two(struct zl_flow *f);
static inline void zl_flow_two_in(struct zl_flow *f)
{
	f->n_in += 2;
}
/* The same of a message of one part, whose descriptor is only now made. */
void zl_flow_single_in(struct zl_flow *f, struct zl_buf *buf, const uint8_t *data, uint32_t len);
/* At the core's end: groups are left, and who receives is told, as far as its carrier can. */
void zl_flows_end(struct zl_lcore *c);
/* Its socket may have room again for what waits. */
void zl_flow_resume(struct zl_flow *f);
/* Each turn, once what came in is known: to their sockets, and out. */
void zl_flows_turn(struct zl_lcore *c);
/* Joins and leaves the group on the port that has the address `via`; each core does. 0, -errno. */
int zl_flow_join_group(struct zl_lcore *c, uint32_t via, uint32_t group);
void zl_flow_leave_group(struct zl_lcore *c, uint32_t via, uint32_t group);

extern const struct zl_flow_ops zl_flow_udp, zl_flow_pgm, zl_flow_norm;

#endif
