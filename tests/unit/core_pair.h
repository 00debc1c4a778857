/* Poll cores without threads, ports or EAL's launch: the test is their host core and turns them by
 * hand. Peers are streams that the test plays (test_zmtp_wire.h). */
#ifndef ZL_TESTS_UNIT_CORE_PAIR_H
#define ZL_TESTS_UNIT_CORE_PAIR_H

#include "dataplane/lcore.h"
#include "tests/unit/test_zmtp_wire.h"

enum {
	CORES = 2,
	FRONT = 1, /* XSUB */
	BACK,      /* XPUB */
	DEVICE,
	IN, /* endpoint of FRONT */
	OUT
};

extern struct zl_lcore core[CORES];

/* Two cores with a forwarder and its two endpoints. */
void cores_start(void);
/* The same with another device: type, home and limits of its sockets are given. */
void cores_start_device(enum zl_device_kind kind, const struct zl_ipc_socket *front,
			const struct zl_ipc_socket *back);
/* Ends all; every buffer and letter must be back. */
void cores_stop(void);
void core_turn(struct zl_lcore *c);
void cores_turn(unsigned times);

/* A letter to the core; its answer is checked, if it is a request. */
void *order_begin(struct zl_lcore *c, enum zl_ipc_type type);
void order_send(struct zl_lcore *c, uint32_t tail_bytes);
void control_gone(struct zl_lcore *c);
/* The next letter from the core is of this type: its body, good until the next call. */
void *hear(struct zl_lcore *c, uint16_t type);
void hear_nothing(struct zl_lcore *c);

/* A peer through its handshake, as control would have it; its stream's id. */
uint64_t peer_join(struct zl_lcore *c, struct wire *w, uint32_t endpoint, enum zl_socket_type type);
void peer_accept(struct zl_lcore *c, struct wire *w, uint32_t endpoint);
void peer_say(struct zl_lcore *c, struct wire *w, const struct bytes *b);
/* What is queued for the peer, behind `out`; it acknowledges at most `most` bytes of it. */
void peer_reads(struct wire *w, struct bytes *out, uint64_t most);
void match(struct zl_lcore *c, uint64_t target, const char *prefix);

#endif
