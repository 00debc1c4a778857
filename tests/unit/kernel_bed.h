/* Streams of the kernel with a peer that the test plays on a plain socket: the test turns the
 * object by hand, and each stream writes down what it was told. Over AF_UNIX by an abstract name,
 * or over TCP on the loopback. */
#ifndef ZL_TESTS_UNIT_KERNEL_BED_H
#define ZL_TESTS_UNIT_KERNEL_BED_H

#include "drivers/host/kernel.h"
#include "tests/unit/eal.h"

#define STREAMS 4
#define RCVBUF  (64u << 10)

struct owned { /* what an owner saw */
	struct zl_stream *stream;
	bool greedy;      /* takes and consumes whatever is readable */
	bool keeps;       /* takes, and consumes nothing */
	bool established; /* of a dial */
	uint8_t *in;
	size_t n_in;
	uint64_t readable, unconsumed, released_bytes, released_msgs;
	const char *closed;
	bool hangs_up; /* at the peer's end it shuts down, as a session does */
};

extern struct zl_kernel *kernel;
extern struct eal_pools pools;
extern struct owned owned[STREAMS];
extern unsigned n_owned; /* accepted or dialled so far */
extern uint64_t now_ns;
extern struct zl_tcp_settings bed_settings; /* of what listens or dials from now on */

void bed_start(unsigned frames);
/* Everything must be back. */
void bed_stop(void);
/* One turn. */
void bed_turn(void);
/* Turns until `is` says yes; fails after many. */
typedef bool (*bed_is)(const void *context);
void bed_await(bed_is is, const void *context, const char *what);

/* A peer's plain socket, connected to stream owned[n_owned - 1]. */
int bed_peer(void);     /* ipc */
int bed_peer_tcp(void); /* the kernel's TCP */
int bed_peer_tcp6(void);
struct zl_ipc_endpoint bed_ipc(const char *name, bool connect);
/* A dial to an endpoint: 0 or -errno; the stream is owned[n_owned - 1]. */
int bed_dial(const struct zl_ipc_endpoint *at);

/* Queues n bytes of a pattern that goes on from call to call, in slices of at most `slice`. */
void bed_queue(struct owned *o, size_t n, unsigned slice);
/* As many bytes as the pattern has; fails if they differ. */
void pattern(uint8_t *to, uint64_t from, size_t n);
void pattern_check(const uint8_t *at, uint64_t from, size_t n);
uint64_t bed_counter(enum zl_kernel_counter k);

#endif
