/* pgm:// and epgm://, as libzmq has them (flow_pgm.c): what its files share. */
#ifndef ZL_DATAPLANE_FLOW_PGM_H
#define ZL_DATAPLANE_FLOW_PGM_H

#include <rte_mbuf.h>

#include "dataplane/flow.h"
#include "dataplane/net/timer.h"
#include "dataplane/pgm/packet.h"
#include "dataplane/pgm/receiver.h"
#include "dataplane/pgm/source.h"
#include "dataplane/pgm_path.h"
#include "dataplane/tsdu.h"

#define ZL_PGM_SESSIONS 64    /* sources that one endpoint receives at once */
#define ZL_PGM_TPDU_MAX 65535 /* bytes, at most */

struct zl_pgm_flow {
	struct zl_flow flow;
	bool sends; /* PUB and XPUB; the others receive */
	bool loop;  /* ZMQ_MULTICAST_LOOP */
	uint8_t hops;
	uint64_t max_msg_bytes;
	struct zl_timer timer; /* wakes its core for what is due */
	uint64_t due_ns;
	void *memory;                           /* of source or receiver */
	struct zl_pgm_place *own[ZL_PGM_LINES]; /* where its packets come from */
	union {
		struct { /* sends */
			struct pgm_source *source;
			struct zl_untaken out; /* messages, with a reference each part */
			struct zl_tsdu_writer writer;
			unsigned sealed; /* bytes of a TSDU that is laid out and waits; 0: none */
		};
		struct { /* receives */
			struct pgm_receiver *receiver;
			struct zl_tsdu_reader *unused[ZL_PGM_SESSIONS];
			unsigned n_unused;
			struct zl_tsdu_reader reader[ZL_PGM_SESSIONS];
			struct rte_mbuf *spare; /* the packet at hand, if it may be kept */
		};
	};
};

/* Host core: memory for a source or a receiver, written to once, so that no core need wait for a
 * page. NULL: there is none. */
void *zl_pgm_memory(size_t bytes);

static inline struct zl_pgm_flow *zl_pgm_flow_of(struct zl_flow *f)
{
	return (struct zl_pgm_flow *)f;
}

/* A packet that came on that line of its path. m is borrowed; with `give`, its reference may be
 * kept, and true says that it was. */
bool zl_flow_pgm_input(struct zl_flow *f, const struct pgm_packet *p, struct rte_mbuf *m,
		       const struct pgm_nla *from, unsigned line, bool give);

/* flow_pgm_out.c; the first on the host core. 0, -errno. */
int zl_pgm_out_create(struct zl_pgm_flow *f, struct pgm_source_config *c);
void zl_pgm_out_write(struct zl_pgm_flow *f, const struct zl_msg *msgs, unsigned n);
/* What is not sent is dropped: nobody is behind it any more. */
void zl_pgm_out_forget(struct zl_pgm_flow *f);
/* Returns when there is more to do. */
uint64_t zl_pgm_out_turn(struct zl_pgm_flow *f, uint64_t now_ns);
void zl_pgm_out_close(struct zl_pgm_flow *f);

/* flow_pgm_in.c; likewise. */
int zl_pgm_in_create(struct zl_pgm_flow *f, struct pgm_receiver_config *c);
void zl_pgm_in_close(struct zl_pgm_flow *f);
unsigned zl_pgm_in_sources(struct zl_pgm_flow *f, struct zl_stats_source *to, unsigned room);

#endif
