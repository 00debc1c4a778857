/* The door: what a core says by itself to a peer that comes to a bound endpoint, before control
 * need know of it. The peer's greeting is answered a piece at a time, as control would (the words
 * are control's: zl_ipc_endpoint_set), and kept; control is told of the peer when there is
 * something to decide. Whoever says nothing, half of something or what is no ZMTP costs control
 * nothing, and is out by the core's own limits (strangers.h) and deadline. Why they went is told in
 * sums.
 *
 * One core's; called by it alone. */
#ifndef ZL_DATAPLANE_DOOR_H
#define ZL_DATAPLANE_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"
#include "dataplane/net/timer.h"

struct zl_peer;
struct zl_lcore;
struct zl_core_endpoint;

/* An endpoint's part: what is said there. */
struct zl_opening {
	uint16_t bytes; /* 0: nothing; control is told of who comes at once */
	bool at_greeting;
	uint8_t words[ZL_OPENING_MAX];
};

/* A peer's part. What it has said and has been told stays, for control to be told. */
struct zl_visitor {
	struct zl_core_endpoint *at; /* where it came to, while it is at the door */
	uint16_t said;               /* of the opening */
	uint8_t bytes;               /* of its greeting */
	uint8_t greeting[ZL_GREETING_BYTES];
};

#define ZL_DOOR_REASONS 32
/* A core's part: who ended before control knew of them. */
struct zl_door {
	struct {
		char reason[ZL_REASON_MAX];
		uint32_t endpoint; /* of the last of them */
		uint32_t n;
	} gone[ZL_DOOR_REASONS];
	unsigned reasons;
	struct zl_timer tell;
	uint32_t waiting; /* peers, now */
};

void zl_door_init(struct zl_door *door);
/* Control's word on an endpoint. -ENOENT. */
int zl_door_set(struct zl_lcore *c, const struct zl_ipc_endpoint_set *m);
/* A peer that has just been accepted is spoken to. False: nothing is to be said there. */
bool zl_door_meet(struct zl_peer *p, struct zl_core_endpoint *at);

enum zl_door_verdict {
	ZL_DOOR_WAITS, /* for its next words, or it has been shown out */
	ZL_DOOR_ASKS /* it is for control now, which is to be told of it, and then of these bytes */
};
/* What came: a piece of its greeting, or a whole command. */
enum zl_door_verdict zl_door_hear(struct zl_peer *p, enum zl_relay kind, const uint8_t *bytes,
				  uint32_t len);
/* It is at the door no more: control is being told of it, or it has ended. */
void zl_door_leave(struct zl_peer *p);
/* One of an endpoint's callers has ended, and control did not know of it. */
void zl_door_gone(struct zl_lcore *c, uint32_t endpoint, const char *reason);

#endif
