/* Inside of control/: the connection's state, shared by dataplane.c, which carries packets, and
 * attach.c, which sets the dataplane up or takes it over. */
#ifndef ZL_CONTROL_CONNECTION_H
#define ZL_CONTROL_CONNECTION_H

#include "control/control.h"

enum phase {
	DOWN,
	HELLO,
	SETTING_UP,
	DUMPING,
	RUNNING
};

struct flight { /* a packet that waits: to be sent, or to be handled after DUMP */
	struct flight *next;
	size_t length;
	uint64_t bytes[];
};

struct queue {
	struct flight *first, **last;
	size_t bytes;
};

struct request {
	struct request *next;
	uint64_t seq, argument;
	zl_result_fn *done;
};

struct batch { /* MATCH records for one core */
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	bool open;
};

struct zl_dataplane {
	struct zl_control *control;
	struct zl_watch watch;
	struct zl_timer retry;
	enum phase phase;
	bool said_waiting, broken, refused, was_attached, took_over;
	struct zl_ipc_hello hello;
	const struct zl_stats_header *stats;
	uint64_t seq, attached_ns;
	struct queue out, held;
	struct request *requests, **last_request;
	uint64_t subs_handled, subs_acked; /* STREAM_SUBS of this connection */
	struct batch match[ZL_CORES_MAX];
};

void queue_init(struct queue *q);
bool queue_add(struct queue *q, const void *packet, size_t length);
void queue_clear(struct queue *q);

/* dataplane.c: gives the connection up at the turn's end, where nobody is in the middle of it. */
void connection_broken(struct zl_dataplane *d);
/* One packet of traffic, for the streams. */
void connection_event(struct zl_control *c, void *packet);

/* attach.c: after HELLO, the one or the other. is_state: a packet of DUMP's answer. */
void attach_set_up(struct zl_control *c);
void attach_take_over(struct zl_control *c);
bool is_state(uint16_t type);

#endif
