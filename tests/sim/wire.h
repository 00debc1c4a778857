/* What is true of every frame that a correct stack sends, whatever its state: checked from the
 * outside, by reading the frames alone. One watcher sees all flows of a world. */
#ifndef ZL_TESTS_SIM_WIRE_H
#define ZL_TESTS_SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FLOWS 64

/* One end of a flow, as the wire shows it. */
struct wire_end {
	uint32_t ip;
	uint16_t port;
	bool syn_seen, scale_offered, mss_offered;
	uint8_t scale;
	uint16_t mss;      /* what it will take */
	uint32_t isn;      /* of its SYN */
	uint32_t sent_end; /* past the last payload byte or SYN or FIN that it sent */
	uint32_t edge;     /* right edge of the window it advertised, as sent */
	bool edge_known;
	uint32_t may_send; /* right edge that has reached it from the peer */
	bool may_send_known;
};

struct wire {
	struct {
		struct wire_end end[2];
	} flow[WIRE_FLOWS];
	unsigned flows;
	uint64_t syns;
	uint32_t first_isn; /* of the first SYN of all */
	char fault[160];    /* the first thing that was wrong; empty: nothing */
};

/* Sent by a stack, complete, before the link has touched it. mtu: the sender's. */
void wire_sent(struct wire *w, const uint8_t *frame, uint32_t len, uint32_t mtu);
/* Handed to the stack that it is addressed to; passed over if a checksum is wrong. */
void wire_delivered(struct wire *w, const uint8_t *frame, uint32_t len);
/* One line about a frame. */
void wire_describe(const uint8_t *frame, uint32_t len, char *line, size_t size);

/* Where a changed byte range lies, for the counters that must notice it. */
enum wire_part {
	WIRE_ETHERNET,
	WIRE_IP,
	WIRE_TCP,
	WIRE_PADDING,
	WIRE_UNCHECKED
};
/* The part whose checksum is the first to notice a short burst that begins with first_bit.
 * WIRE_UNCHECKED: ARP and the like, which only Ethernet's frame check sequence covers. */
enum wire_part wire_part_hit(const uint8_t *frame, uint32_t len, uint32_t first_bit);

#endif
