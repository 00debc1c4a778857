/* The counters of a running dataplane as one memory segment that describes itself: the dataplane
 * writes, control maps it read-only (the memfd rides on HELLO), so reading costs the poll cores
 * nothing. Every number has one writer; readers may see a burst half counted, never a torn number.
 *
 * Layout: header; directory of counters; then for each poll core an array of values in directory
 * order; for each core and port a zl_stats_port; for each core max_streams zl_stats_peer slots and
 * ZL_STATS_SOCKETS zl_stats_socket and ZL_STATS_SOURCES zl_stats_source slots. */
#ifndef ZL_CONTROL_IPC_STATS_H
#define ZL_CONTROL_IPC_STATS_H

#include <stdint.h>

#include "control/ipc/ipc.h"

#define ZL_STATS_MAGIC   0x5a4c535441545331ull /* "ZLSTATS1" */
#define ZL_STATS_VERSION 3
#define ZL_STATS_SOCKETS 64
#define ZL_STATS_SOURCES 256

struct zl_stats_header {
	uint64_t magic;
	uint32_t version;
	uint32_t cores, ports, counters, peers; /* peers: slots a core */
	uint32_t reserved;
	uint64_t bytes; /* of the segment */
	uint64_t tsc_hz;
	uint64_t counters_at, values_at, cores_at, ports_at, peers_at; /* offsets from the start */
	uint64_t sockets_at, sources_at;
};

struct zl_stats_counter {
	char name[48]; /* "net.tcp_rx_segments": layer.name */
	char text[112];
};

/* values: uint64_t [cores][counters], each core's row padded to 64 bytes */
static inline uint64_t zl_stats_row_bytes(const struct zl_stats_header *h)
{
	return ((uint64_t)h->counters * 8 + 63) & ~63ull;
}

struct zl_stats_core {
	uint32_t cpu, reserved;
	uint64_t turns, idle_turns, sleeps; /* of the poll loop */
	uint64_t busy_cycles, idle_cycles;  /* TSC; sleeping is idle */
	uint64_t msgs_in, msgs_out;         /* message parts from and to peers */
	uint64_t streams;                   /* open now */
	uint64_t frames_free, frames_total; /* the core's packet pool */
	uint64_t counting;                  /* cycles by stage; 0 is stored after the counters */
	uint64_t at_door; /* peers in their handshake of which control has not heard */
	uint64_t reserved2[3];
};
_Static_assert(sizeof(struct zl_stats_core) % 64 == 0, "cores do not share cache lines");

struct zl_stats_port {
	char name[ZL_NAME_MAX];
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, tx_dropped; /* by this core */
	uint64_t rx_impaired, tx_impaired; /* frames the impairment stage lost, held or changed */
	uint8_t mac[8]; /* 6 of them; as in use, whatever the configuration left open */
	uint32_t mtu, queues;
	uint64_t tx_deferred; /* frames that had to wait for room in the device */
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct zl_stats_port) % 64 == 0, "cores do not share cache lines");

struct zl_stats_peer {
	uint64_t stream;                    /* 0: a free slot */
	uint64_t msgs_in, bytes_in;         /* user message parts from the peer, and their bytes */
	uint64_t msgs_out, bytes_out;       /* given to the peer's queue */
	uint64_t msgs_dropped;              /* for this peer: HWM reached, or no memory */
	uint64_t queued_msgs, queued_bytes; /* not yet acknowledged by the peer */
	uint64_t srtt_us;
	uint64_t subscriptions;
	uint64_t silent_ms; /* for so long it has acknowledged nothing of what is queued */
	uint64_t dropping;  /* 1: messages were dropped for it within the last second */
	uint64_t reserved[4];
};
_Static_assert(sizeof(struct zl_stats_peer) == 128, "two cache lines a peer");

/* What peers of one core's part of a socket have moved that are gone. */
struct zl_stats_socket {
	uint64_t socket; /* its id; 0: a free slot */
	uint64_t peers;
	uint64_t msgs_in, bytes_in, msgs_out, bytes_out, msgs_dropped;
	uint64_t reserved;
};
_Static_assert(sizeof(struct zl_stats_socket) == 64, "a cache line a socket");

/* What one source has sent to an endpoint of one core, a PGM session. */
struct zl_stats_source {
	uint64_t stream;       /* the endpoint's; 0: a free slot */
	uint8_t tsi[8];        /* GSI and source port */
	uint32_t ip;           /* host order */
	uint32_t missing;      /* packets, now */
	uint64_t tsdus, bytes; /* delivered */
	uint64_t late, lost;   /* packets: after later ones; for good */
	uint64_t gaps, gap_us,
		gap_max_us; /* delivery waited for what was missing: in all, at most */
	uint64_t naks;
	uint64_t line[2], line_missed[2]; /* packets, of two lines */
	uint64_t silent_ms;
};
_Static_assert(sizeof(struct zl_stats_source) == 128, "two cache lines a source");

/* Bytes that a segment of this shape needs; fills in h's offsets. */
uint64_t zl_stats_layout(struct zl_stats_header *h);
/* Dataplane: a sealed memfd of that size with the header in place, mapped at *base. fd or -errno.
 */
int zl_stats_create(struct zl_stats_header *shape, void **base);
/* Control: map a received memfd read-only and check that its offsets stay inside. NULL: not sane.
 */
const struct zl_stats_header *zl_stats_map(int fd);
void zl_stats_unmap(const struct zl_stats_header *h);

static inline uint64_t *zl_stats_values(const struct zl_stats_header *h, unsigned core)
{
	return (uint64_t *)((uintptr_t)h + h->values_at + core * zl_stats_row_bytes(h));
}
static inline struct zl_stats_core *zl_stats_core(const struct zl_stats_header *h, unsigned core)
{
	return (struct zl_stats_core *)((uintptr_t)h + h->cores_at) + core;
}
static inline struct zl_stats_port *zl_stats_port(const struct zl_stats_header *h, unsigned core,
						  unsigned port)
{
	return (struct zl_stats_port *)((uintptr_t)h + h->ports_at) + core * h->ports + port;
}
static inline struct zl_stats_peer *zl_stats_peer(const struct zl_stats_header *h, unsigned core,
						  unsigned slot)
{
	return (struct zl_stats_peer *)((uintptr_t)h + h->peers_at) + (uint64_t)core * h->peers +
	       slot;
}
static inline struct zl_stats_socket *zl_stats_socket(const struct zl_stats_header *h,
						      unsigned core, unsigned slot)
{
	return (struct zl_stats_socket *)((uintptr_t)h + h->sockets_at) +
	       (uint64_t)core * ZL_STATS_SOCKETS + slot;
}
static inline struct zl_stats_source *zl_stats_source(const struct zl_stats_header *h,
						      unsigned core, unsigned slot)
{
	return (struct zl_stats_source *)((uintptr_t)h + h->sources_at) +
	       (uint64_t)core * ZL_STATS_SOURCES + slot;
}
static inline struct zl_stats_counter *zl_stats_counters(const struct zl_stats_header *h)
{
	return (struct zl_stats_counter *)((uintptr_t)h + h->counters_at);
}

#endif
