/* A world of simulated time: real stacks (zl_net), joined by links that harm what they carry, under
 * a virtual clock, with every chance drawn from one seed. The same seed and the same calls give the
 * same frames at the same nanoseconds, which world_hash() proves. Single-threaded.
 *
 * Each stack has one port, number 0, address world_ip(i), and reaches the others in one hop. Frames
 * travel as deep copies outside any pool, so that a stack's pools hold only what the stack holds.
 */
#ifndef ZL_TESTS_SIM_WORLD_H
#define ZL_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/net.h"
#include "tests/sim/link.h"

struct world;

#define WORLD_STACKS 4

struct world_config {
	uint64_t seed;
	uint64_t epoch_ns; /* where the clock begins */
	uint64_t turn_ns;  /* frames arrive at multiples of this: what a polling turn collects */
	bool trace;        /* print each frame and its fate */
	const char *pcap;  /* NULL: none. Stack i's view goes to this path, with ".i" if i > 0 */
};

struct world_stack {
	uint16_t mtu;
	uint16_t rx_segment; /* reception fills so much of each buffer; 0: all of it */
	uint64_t tx_offload; /* RTE_ETH_TX_OFFLOAD_{IPV4,TCP}_CKSUM: the port does what was left */
	bool rx_offload;     /* the port says of good checksums that they are */
	uint32_t strip;      /* kinds of TCP options, as bits, that its SYNs lose on the way */
	struct rte_mempool *frames, *indirect,
		*blocks; /* the caller's; frames also for reception */
	struct zl_tcp_config tcp;
	bool (*accept)(void *ctx, uint64_t cookie, struct zl_stream *s);
	void *ctx;
};

/* Aborts the program on lack of memory or a pcap that cannot be made. */
struct world *world_create(const struct world_config *c);
/* Destroys the stacks (connections are reset without events). */
void world_destroy(struct world *w);

/* The index of the new stack. */
unsigned world_add(struct world *w, const struct world_stack *s);
void world_link(struct world *w, unsigned from, unsigned to, const struct link_params *p);
struct zl_net *world_net(struct world *w, unsigned stack);
uint32_t world_ip(unsigned stack);
const struct link *world_link_state(const struct world *w, unsigned from, unsigned to);
uint64_t world_now(const struct world *w);
/* The next active opens of the stack use this source port; 0: any. */
void world_source_port(struct world *w, unsigned stack, uint16_t port);

/* fn(arg) runs within a turn of the stack, before its output, at at_ns or now if that is past. */
void world_call(struct world *w, unsigned stack, uint64_t at_ns, void (*fn)(void *arg), void *arg);

/* Goes on to the next instant at which something happens, if that is no later than until_ns. False:
 * nothing was left to do until then, and the clock stands at until_ns. */
bool world_step(struct world *w, uint64_t until_ns);

/* Over all frames sent and delivered, with their times. */
uint64_t world_hash(const struct world *w);
uint64_t world_frames(const struct world *w);
/* What a stack did wrong on the wire, or NULL. */
const char *world_fault(const struct world *w);
/* The sequence number of the first SYN that was sent; false: none was yet. */
bool world_first_isn(const struct world *w, uint32_t *isn);
/* Compares the counters of drops with the corruption that was done. NULL if they agree. */
const char *world_check_counters(struct world *w);
/* From the n-th TCP payload frame on (0: the first), one frame has a payload byte flipped and its
 * checksum put right: what no stack can notice, but the tests must. */
void world_sabotage(struct world *w, unsigned nth);

#endif
