/* zeroline-blast: the nouns of one run, and which file moves them. One thread has it all.
 * Publishers and subscribers are what the run's pattern has in their place (pattern.h).
 *
 * A turn: frames in (machine.c), new messages to publishers' streams (publish.c), then the streams'
 * events, which read subscribers' streams (subscribe.c; some lag, lag.c; some reply, reply.c), and
 * frames out. */
#ifndef ZL_TESTS_BENCH_BLAST_H
#define ZL_TESTS_BENCH_BLAST_H

#include "tests/bench/draw.h"
#include "tests/bench/histogram.h"
#include "tests/bench/ledger.h"
#include "tests/bench/machine.h"
#include "tests/bench/message.h"
#include "tests/bench/options.h"

struct blast;

enum conn_state {
	CONN_OPENING, /* TCP */
	CONN_GREETING,
	CONN_METADATA, /* READY */
	CONN_TRAFFIC,
	CONN_CLOSED,
};

#define CONN_GATHER_MAX 512   /* a READY, a SUBSCRIBE of ours */
#define ASK_BYTES       65536 /* of SUBSCRIBE commands queued */

/* A connection to the device, up to and including the ZMTP handshake (connection.c). */
struct connection {
	struct zl_stream *stream;
	struct blast *blast;
	uint32_t id; /* of its kind, from 0 */
	uint8_t state;
	bool publisher;
	uint16_t have;
	uint8_t gathered[CONN_GATHER_MAX]; /* the beginning of a greeting or frame */
};

struct publisher {
	struct connection conn;
	uint64_t sent;          /* messages */
	uint64_t told;          /* SUBSCRIBE commands */
	uint32_t heard;         /* subscribers that have said that they listen */
	uint64_t draw;          /* of the next message */
	uint32_t *ordinal;      /* of the next message in each group */
	uint32_t buffers, at;   /* ring of laid-out buffers, and the one in use */
	uint32_t used;          /* messages of it that are used up */
	struct rte_mbuf **ring; /* each held by one reference; free again when that is the last */
};

/* How far a subscriber has got with asking (ask.c). */
struct asking {
	uint32_t n, wants;          /* asked for, of so many; wants + 1: and the mark */
	const struct prefixes *set; /* NULL: topics */
	uint32_t i, step, k;        /* the next prefix, the distance to the one after, the turn */
};

enum lag {
	LAG_NONE,
	LAG_SLOW,
	LAG_STALLED,
};

/* How far a replier has got with a frame that came in pieces, or is long (reply.c). */
struct echo {
	uint64_t skip; /* bytes of its body still to come */
	uint8_t header[ZL_FRAME_LONG_HEADER], have;
	bool inside, more, foreign; /* in its body; its flags: more parts follow, a command */
};

struct subscriber {
	struct connection conn; /* publisher: it reads the replies to the one of this id */
	uint8_t lag;            /* enum lag */
	uint64_t held,
		read; /* lagging: bytes taken and not yet read; read; from the measurement on */
	uint64_t lost, repeated, wrong;
	struct asking asking;
	uint32_t part; /* of the message under way */
	uint32_t skip,
		where; /* bytes of the frame still to come, and where they stand in its body */
	uint8_t begun[ZL_FRAME_SHORT_HEADER + ZL_FRAME_LONG_HEADER + PREFIX_MAX +
		      sizeof(struct stamp)];
	uint8_t have;       /* of begun */
	bool foreign;       /* the frame is not a message's */
	struct echo echo;   /* a replier's, in place of all that */
	uint32_t *expected; /* next sequence of each publisher, and group that is its */
};

enum phase {
	PHASE_CONNECT,
	PHASE_WARMUP,
	PHASE_MEASURE,
	PHASE_DRAIN,
	PHASE_DONE
};

/* Subscribing while traffic goes on (during.c). */
struct during {
	uint64_t from_ns, to_ns; /* UINT64_MAX: not yet */
	struct histogram quiet, busy;
};

/* Counts at the ends of what is measured. */
struct reading {
	uint64_t at_ns, sent, received;
	uint64_t *received_by; /* each subscriber, if each has a share of all */
};

struct blast {
	struct options options;
	struct machine machine;
	struct layout layout;
	struct draws draws;
	enum phase phase;
	struct publisher *publishers;
	struct subscriber *subscribers;
	struct subscriber *replies; /* what each publisher reads, if the pattern has it */
	struct ledger *ledgers; /* of each publisher's messages, if each comes to one: --verify */
	struct rte_mbuf *filler;
	uint32_t opened;           /* connections begun */
	uint32_t first;            /* publisher of this turn */
	uint64_t progress;         /* towards being connected and subscribed, in steps */
	uint64_t ask_ns, asked_ns; /* from the first SUBSCRIBE on; all are known to be effective */
	uint64_t sent, received;   /* messages, all; by subscribers that do not lag; or replies */
	uint64_t *received_by;     /* each subscriber: close together, for the window */
	uint64_t slowest;   /* what the slowest subscriber had received when last looked at */
	double interval_ns; /* between messages at a rate; 0: no rate */
	uint64_t start_ns;  /* of the schedule */
	uint64_t phase_ends_ns;
	uint64_t heard_ns;        /* when what is being walked over was read */
	uint64_t moved_ns, moved; /* draining: when a message last came, and how many there were */
	struct reading from, to;  /* what is measured: sent from .at_ns up to .at_ns */
	struct histogram latency;
	struct during during;
	char failure[256]; /* "": none */
};

/* The first failure of a run is the one that is told. */
void blast_fail(struct blast *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* connection.c */
int connection_open(struct connection *c, struct blast *b, bool publisher, uint32_t id);
/* Bytes of our own: a copy is queued. -ENOBUFS. */
int connection_send(struct connection *c, const uint8_t *bytes, uint32_t n);

/* publish.c */
/* Buffers that all publishers need. */
unsigned publishers_buffers(const struct options *o, const struct layout *l);
int publishers_open(struct blast *b);
void publishers_close(struct blast *b);
/* A command from the forwarder, up to what fits in conn.gathered. */
void publisher_command(struct publisher *p, const struct zl_command *command);
/* Has every publisher heard of every subscriber? */
bool publishers_ready(const struct blast *b);
/* Deliveries to subscribers that do not lag that follow from what was sent. */
uint64_t publishers_expect(const struct blast *b);
/* What is due, as far as there is room. */
void publishers_turn(struct blast *b);

/* subscribe.c */
int subscribers_open(struct blast *b);
void subscribers_close(struct blast *b);
/* Of all messages that came to one of several: those that never came. */
uint64_t subscribers_lost(const struct blast *b);
/* Bytes after the handshake. */
void subscriber_input(struct subscriber *s, const uint8_t *bytes, uint32_t n);

/* reply.c */
/* A buffer after the handshake, from this byte on. */
void replier_input(struct subscriber *s, struct rte_mbuf *m, uint32_t from);

/* ask.c */
void ask_begin(struct subscriber *s);
/* More SUBSCRIBE commands: as far as no more than so many bytes are queued, and in so many buffers.
 */
void ask(struct subscriber *s, uint32_t queued, uint32_t buffers);
bool ask_done(const struct subscriber *s);
/* "@PID/N": by its arrival publishers know that subscriber N has subscribed. Its length. */
uint8_t subscriber_mark(char mark[32], uint32_t id);

/* lag.c */
enum lag lag_of(const struct options *o, uint32_t id);
/* Of bytes that came: are they to be given back to the stack only later? */
bool lag_holds(struct subscriber *s, uint32_t bytes);
/* Gives back what slow ones have read by now. */
void lag_turn(struct blast *b);

/* during.c */
void during_init(struct blast *b);
/* More SUBSCRIBE commands once it is time. Are all effective, or none wanted? */
bool during_turn(struct blast *b);
/* A message of the measurement: sent then, and so late. */
void during_time(struct during *d, uint64_t when, uint64_t late);

/* report.c */
/* The exit status. */
int report(const struct blast *b);

#endif
