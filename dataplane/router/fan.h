/* One run of messages to a set of pipes: written once to all that have room for it, cut short at a
 * message for those that have less, and dropped, whole messages at a time, for those that are full.
 * A set is held from a message's first part to its last, over as many calls as that takes. */
#ifndef ZL_ROUTER_FAN_H
#define ZL_ROUTER_FAN_H

#include "dataplane/router/socket.h"

/* A pipe that cannot take a whole run. */
struct zl_fan_short {
	struct zl_pipe *pipe;
	uint32_t room; /* messages */
	bool late;     /* it does not get the rest of the message that the run begins with */
};

struct zl_fan {
	struct zl_pipe **set; /* those that the current run is for */
	uint32_t n;
	uint64_t key; /* of the set; ZL_FAN_STALE: to be made anew at the next first part */
	bool mid;     /* the last part written had more to follow */
	bool local;   /* and came from another core */
	struct zl_pipe **whole;
	struct zl_fan_short *cut;
};
#define ZL_FAN_STALE UINT64_MAX

/* 0, -ENOMEM. */
int zl_fan_open(struct zl_fan *f, uint32_t pipes_max);
void zl_fan_close(struct zl_fan *f);
/* Put the run on the set's pipes (not those to other cores if local). It begins with the rest of a
 * message if f->mid, and may end within one. */
void zl_fan_write(struct zl_socket *s, struct zl_fan *f, const struct zl_msg *msgs, unsigned n,
		  bool local);
/* The pipe is gone. */
void zl_fan_forget(struct zl_fan *f, const struct zl_pipe *p);
/* The message that was begun will have no end. */
void zl_fan_broken(struct zl_socket *s, struct zl_fan *f);

/* Parts up to and with the last part of the message that msgs[0] belongs to, or n. */
static inline unsigned zl_fan_rest(const struct zl_msg *msgs, unsigned n)
{
	unsigned i = 0;

	while (i < n && (msgs[i].flags & ZL_MSG_MORE))
		i++;
	return i < n ? i + 1 : n;
}

#endif
