/* Messages of a single part (RFC 41, 49, 52): those of several are dropped on the way in, all of
 * their parts, and refused on the way out. */
#ifndef ZL_ROUTER_SINGLE_H
#define ZL_ROUTER_SINGLE_H

#include "dataplane/router/inbox.h"

struct zl_single {
	bool *dropping; /* by slot: the rest of a message is being dropped */
};

/* 0, -ENOMEM. */
int zl_single_open(struct zl_single *f, uint32_t pipes_max);
void zl_single_close(struct zl_single *f);
void zl_single_forget(struct zl_single *f, const struct zl_pipe *p);
/* zl_pattern.input: what is left of these goes up. */
unsigned zl_single_take(struct zl_socket *s, struct zl_single *f, struct zl_inbox *in,
			struct zl_pipe *p, const struct zl_msg *msgs, unsigned n);
/* How many messages at the front have one part only. */
unsigned zl_single_run(const struct zl_msg *msgs, unsigned n);

#endif
