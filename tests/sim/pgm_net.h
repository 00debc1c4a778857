/* A multicast network in virtual time: packets on their way, each to one station, in the order in
 * which they arrive. A packet is there once, however many stations it is on its way to or held by.
 */
#ifndef ZL_TESTS_SIM_PGM_NET_H
#define ZL_TESTS_SIM_PGM_NET_H

#include <stdbool.h>
#include <stdint.h>

#define PGM_NET_PACKET 1536

struct pgm_net_packet {
	uint32_t refs, len;
	struct pgm_net_packet *next; /* free ones */
	uint8_t bytes[PGM_NET_PACKET];
};

/* Something that happens to a station: a packet arrives, or with none something that its number
 * stands for. */
struct pgm_event {
	uint64_t at_ns, order;
	struct pgm_net_packet *packet;
	unsigned station, what;
};

struct pgm_net {
	struct pgm_event *heap;
	unsigned n, room;
	uint64_t order;
	struct pgm_net_packet *free;
	unsigned out; /* packets that are not free */
};

void pgm_net_create(struct pgm_net *n);
void pgm_net_destroy(struct pgm_net *n);

/* With one reference, the caller's. */
struct pgm_net_packet *pgm_net_packet(struct pgm_net *n, const uint8_t *head, uint32_t head_len,
				      const uint8_t *body, uint32_t body_len);
void pgm_net_hold(struct pgm_net_packet *p);
void pgm_net_drop(struct pgm_net *n, struct pgm_net_packet *p);

/* packet: a reference of its own is taken; or NULL. */
void pgm_net_add(struct pgm_net *n, uint64_t at_ns, unsigned station, unsigned what,
		 struct pgm_net_packet *packet);
/* When the next event is; UINT64_MAX: there is none. */
uint64_t pgm_net_next(const struct pgm_net *n);
/* Takes it out, with its reference. */
struct pgm_event pgm_net_take(struct pgm_net *n);

#endif
