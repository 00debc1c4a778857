/* norm://, as libzmq has it (flow_norm.c): what its files share. */
#ifndef ZL_DATAPLANE_FLOW_NORM_H
#define ZL_DATAPLANE_FLOW_NORM_H

#include "dataplane/flow.h"
#include "dataplane/net/timer.h"
#include "dataplane/norm_stream.h"
#include "drivers/host/norm.h"

#define ZL_NORM_PIECE 8192 /* bytes that are laid out at once */

struct zl_norm_flow {
	struct zl_flow flow;
	struct zl_norm *norm;
	bool sends;            /* PUB and XPUB; the others receive */
	bool again;            /* there is something to do, whether libnorm says anything or not */
	struct zl_timer timer; /* wakes its core for that */
	union {
		struct {                       /* sends */
			struct zl_untaken out; /* messages, with a reference each part */
			uint32_t orphans;      /* of them those at the front whose peer is gone */
			struct zl_norm_writer writer;
			bool full;    /* libnorm takes no more now */
			bool written; /* since it was last told to send all that it has */
			uint8_t piece[ZL_NORM_PIECE];
		};
		struct {                    /* receives */
			unsigned next;      /* source to be read first */
			uint64_t looked_ns; /* for what is behind a hole */
			struct zl_norm_reader reader[ZL_NORM_SOURCES];
		};
	};
};

static inline struct zl_norm_flow *zl_norm_flow_of(struct zl_flow *f)
{
	return (struct zl_norm_flow *)f;
}

/* In the next turn, or once so much time has passed, there is something to do. */
void zl_norm_flow_again(struct zl_norm_flow *f, uint64_t after_ns);

/* flow_norm_out.c */
void zl_norm_out_write(struct zl_norm_flow *f, const struct zl_msg *msgs, unsigned n);
void zl_norm_out_turn(struct zl_norm_flow *f);
/* What is not sent is dropped: nobody is behind it any more. */
void zl_norm_out_forget(struct zl_norm_flow *f);
void zl_norm_out_close(struct zl_norm_flow *f);

/* flow_norm_in.c */
extern const struct zl_norm_ops zl_norm_in_ops;
void zl_norm_in_open(struct zl_norm_flow *f);
void zl_norm_in_turn(struct zl_norm_flow *f);
void zl_norm_in_close(struct zl_norm_flow *f);

#endif
