/* Peers that came to us and are not READY: what a stranger can have of a core without proving
 * anything. There are at most so many of a core and of one source (zl_ipc_source), which is also
 * all of the memory that they can have, reserved at start.
 *
 * A new one that finds no room takes the place of another that keeps us waiting: of the source that
 * has most of those, the one that has been silent for longest. A source that has more than a
 * program's sockets may be (ZL_STRANGER_FEW), and more than the new one's, gives way at once; among
 * equals only who has been silent for ZL_STRANGER_GRACE_NS, so that many that come at the same
 * moment (after a restart, say) let each other finish. Whom we keep waiting ourselves, because
 * control has not answered yet, is never put out; and if nobody can be, the new one is refused.
 * (RFC 4987 3.4 has the thought for SYNs.)
 *
 * One core's; called by it alone. */
#ifndef ZL_DATAPLANE_STRANGERS_H
#define ZL_DATAPLANE_STRANGERS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"

#define ZL_STRANGER_GRACE_NS UINT64_C(100000000)
#define ZL_STRANGER_FEW      8

struct zl_peer;
struct source;

struct zl_strangers {
	uint32_t most, an_address; /* most 0: none is counted */
	uint32_t n, sources;
	struct source *pool, *free;          /* one for each that there may be */
	struct source **bucket;              /* by hash */
	uint32_t mask;                       /* of bucket */
	struct ladder {                      /* sources by how many of theirs are silent */
		struct source *first, *last; /* who came to this rung first */
	} * ladder;
	uint32_t top; /* its highest rung that has any; 0: none */
};

/* A peer's part. */
struct zl_stranger {
	struct source *source;       /* NULL: it is none, or no more */
	struct zl_peer *next, *prev; /* of its source, silent, the longest first */
	uint64_t since_ns;
	bool silent; /* it keeps us waiting */
};

/* -ENOMEM. an_address 0: as `most`. */
int zl_strangers_open(struct zl_strangers *s, uint32_t most, uint32_t an_address);
void zl_strangers_close(struct zl_strangers *s);

enum zl_stranger_verdict {
	ZL_STRANGER_WELCOME,
	ZL_STRANGER_INSTEAD,      /* of *out, which the caller is to close */
	ZL_STRANGER_TOO_MANY,     /* of all */
	ZL_STRANGER_TOO_MANY_HERE /* of its source */
};
/* Is there room for one more of this source, or whose place is it to have? */
enum zl_stranger_verdict zl_strangers_room(struct zl_strangers *s, const struct zl_ipc_source *from,
					   uint64_t now_ns, struct zl_peer **out);
/* After that: it is one, and silent. */
void zl_stranger_begin(struct zl_peer *p, const struct zl_ipc_source *from);
/* It has asked something, a whole command or the beginning of a greeting, and we are to answer. */
void zl_stranger_asked(struct zl_peer *p);
/* We have answered, or it has said what may have no answer, the end of its greeting: it has as much
 * time from now on as if it had just come. */
void zl_stranger_answered(struct zl_peer *p);
/* It is READY, or has gone; nothing if it is none. */
void zl_stranger_over(struct zl_peer *p);

#endif
