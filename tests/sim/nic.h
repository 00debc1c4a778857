/* What a NIC does at each end of a simulated wire: takes frames out of a stack's buffers, completes
 * the checksums that the stack left to it, pads, and puts received frames into buffers again. */
#ifndef ZL_TESTS_SIM_NIC_H
#define ZL_TESTS_SIM_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "tests/sim/wire.h"

/* A frame on its way, in memory of malloc: each belongs to whoever holds the pointer. */
struct nic_frame {
	uint32_t len;
	bool corrupted;
	enum wire_part part; /* if corrupted */
	uint8_t data[];
};

/* Takes over m. NULL: it asks for an offload that is not in tx_offload, or is no frame at all. */
struct nic_frame *nic_frame_take(struct rte_mbuf *m, uint64_t tx_offload);
struct nic_frame *nic_frame_copy(const struct nic_frame *f);
/* Into buffers of the pool, `segment` bytes each (0: as many as fit). NULL: the pool is dry. */
struct rte_mbuf *nic_frame_give(const struct nic_frame *f, struct rte_mempool *pool,
				uint16_t segment);

/* To the least length of a frame, with bytes that are not zero. */
void nic_frame_pad(struct nic_frame *f);
/* XORs 15 bits from first_bit on (see struct link_arrival) and notes what they hit. */
void nic_frame_flip(struct nic_frame *f, uint32_t first_bit, uint16_t mask);
/* Blanks the options of a SYN whose kinds are bits of the mask, as some middleboxes do. */
void nic_frame_strip(struct nic_frame *f, uint32_t kinds);
/* Flips a byte of TCP payload and puts the TCP checksum right. */
void nic_frame_sabotage(struct nic_frame *f);
bool nic_frame_has_payload(const struct nic_frame *f);

struct rte_ether_addr nic_station_mac(unsigned station);
/* The station that the frame is addressed to; -1: all. */
int nic_frame_station(const struct nic_frame *f);

#endif
