/* A session on a stream that the test plays: bytes go in cut as the test likes, what the session
 * hands up is written to a log, what it queues is read back as bytes. The naive encoder here shares
 * nothing with the code under test. */
#ifndef ZL_TESTS_UNIT_TEST_ZMTP_WIRE_H
#define ZL_TESTS_UNIT_TEST_ZMTP_WIRE_H

#include "dataplane/zmtp/session.h"
#include "tests/unit/eal.h"

struct bytes {
	uint8_t *at;
	size_t n, room;
};
void bytes_add(struct bytes *b, const void *p, size_t n);
void bytes_free(struct bytes *b);

struct wire {
	struct zl_stream stream;
	struct zl_session session;
	struct rte_mbuf *rx, *rx_last; /* by next */
	uint64_t given, consumed;
	unsigned outputs, shutdowns, aborts, established, expected;
	/* what came up */
	struct bytes log;     /* of parts: flags, length in four bytes, body */
	struct bytes relayed; /* kind, length in four bytes, bytes */
	unsigned parts, calls, longest_call;
	uint64_t released_msgs, released_bytes;
	const char *closed; /* reason, or NULL */
	/* how the owner behaves */
	unsigned take; /* parts that deliver may still take */
	bool relay_refuses, relay_readies, takes_subscriptions;
	struct wire **to; /* what is taken is written to these */
	unsigned n_to;
	bool strip;             /* now and then as if it had come from elsewhere */
	struct bytes *sent;     /* which then should be these bytes, */
	struct bytes *sent_old; /* or these where they speak ZMTP 1.0; may be NULL */
	unsigned sent_msgs;
	const char *close_in_deliver;
};

extern struct eal_pools pools;
extern struct zl_zmtp zmtp;

/* Starts with full pools; checks that they are full again. */
void wires_start(unsigned mb, unsigned frames);
void wires_stop(void);

void wire_open(struct wire *w, uint64_t max_msg_bytes);
/* Through greeting and handshake, into traffic. */
void wire_open_traffic(struct wire *w, uint64_t max_msg_bytes, bool takes_subscriptions);
/* The same, of any version. */
void wire_open_version(struct wire *w, uint64_t max_msg_bytes, bool takes_subscriptions,
		       enum zl_zmtp_version version);
/* One buffer, with `bytes` that lie `at` in it. */
void wire_give(struct wire *w, const uint8_t *bytes, unsigned n, unsigned at);
/* In buffers of random size up to `most`; some are shared with others, as clones. */
void wire_feed(struct wire *w, const uint8_t *bytes, size_t n, unsigned most);
void wire_readable(struct wire *w);
void wire_fin(struct wire *w);
/* A copy of everything that is queued, and stays so. */
void wire_queued(const struct wire *w, struct bytes *out);
/* Everything that is queued, compared; then acknowledged. */
void wire_expect_queued(struct wire *w, const uint8_t *bytes, size_t n, unsigned msgs);
/* The end was reported with this reason. */
void wire_expect_closed(struct wire *w, const char *reason);
/* Ends it and gives everything back. */
void wire_close(struct wire *w);

void naive_frame(struct bytes *b, uint8_t flags, const uint8_t *body, size_t n, bool force_long);
/* Of ZMTP 1.0. */
void naive_old_frame(struct bytes *b, bool more, const uint8_t *body, size_t n, bool force_long);
void naive_command(struct bytes *b, const char *name, const void *data, size_t n);
/* As the log has it. */
void log_part(struct bytes *b, uint8_t flags, const uint8_t *body, size_t n);

unsigned below(unsigned n);

#endif
