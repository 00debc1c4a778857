/* Where PGM's packets come in and go out: UDP of a port that both ends know (epgm://, as OpenPGM
 * encapsulates it), or IP's protocol 113 (pgm://). What is sent to the group and to our own address
 * belongs to all flows of that address together: a packet is shown to each in turn. Own core, as
 * for flows. An endpoint of two lines has all that twice; what goes to its group goes out on both.
 */
#ifndef ZL_DATAPLANE_PGM_PATH_H
#define ZL_DATAPLANE_PGM_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"

#include "dataplane/net/stream.h"

struct zl_flow;
struct zl_lcore;
struct zl_raw;
struct zl_udp;

#define ZL_PGM_PLACES 128 /* of a core: two a group and port */
#define ZL_PGM_LINES  2

/* A local address that packets come to. refs 0: free. */
struct zl_pgm_place {
	struct zl_lcore *core;
	unsigned refs, receivers; /* flows; of them those that receive */
	enum zl_carrier carrier;
	struct zl_endpoint_addr local; /* the port is of EPGM */
	uint32_t via;
	uint16_t port; /* the one that has `via`, as the stack counts them */
	struct zl_udp *udp;
	struct zl_raw *raw;
};

/* On its own core (core == c->id) or another's, where it leads there. As often as there are flows
 * of it. own: from where each line's packets are sent, or NULL. 0, -errno. */
int zl_pgm_path_open(struct zl_lcore *c, const struct zl_ipc_endpoint *at, unsigned core,
		     bool receives, struct zl_pgm_place *own[ZL_PGM_LINES]);
void zl_pgm_path_close(struct zl_lcore *c, const struct zl_ipc_endpoint *at, bool receives);

/* Bytes that go before a PGM packet, from the IP header on. */
unsigned zl_pgm_overhead(enum zl_carrier carrier);

struct zl_pgm_packet {
	const uint8_t *head, *body;
	unsigned head_len, body_len;
	uint32_t to; /* a host; 0: the flow's groups */
	uint8_t hops;
	bool router_alert;
	bool loop; /* receivers of ours hear it too */
};
/* false: no memory. */
bool zl_pgm_send(struct zl_flow *f, const struct zl_pgm_packet *packet);

#endif
