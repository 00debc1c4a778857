/* A peer of pgm:// and epgm:// that is OpenPGM by its own interface, without libzmq around it: as a
 * source it can be told to make parity, which libzmq never does. It lays out and reads itself what
 * libzmq puts into TSDUs: where the first message begins, then a stream of ZMTP 1.0 frames (RFC
 * 13). */
#ifndef ZL_TESTS_INTEROP_OPENPGM_H
#define ZL_TESTS_INTEROP_OPENPGM_H

#include "tests/interop/flow.h"

#define OPENPGM_PORT 7500 /* of the group, and of UDP */
#define OPENPGM_TG   8    /* packets of a transmission group, where there is parity */

struct openpgm {
	const struct flow *flow; /* of one part a message, with topics */
	bool udp;                /* epgm:// */
	/* "own address;group", as OpenPGM has it; NULL: LAB_PEER_IP and 239.192.7.1. Where several
	 * peers are OpenPGM each needs an address of its own, as its name (GSI) is made of this. */
	const char *network;
	unsigned hops;       /* TTL of what it sends to the group; 0: 1 */
	unsigned rate_bytes; /* of data, a second; 0: 50 Mbit/s */
	unsigned spm_ms;     /* between its SPMs while it sends data; 0: 30 s */
	/* A source that makes parity when it is asked to. What it sends has one length then:
	 * OpenPGM writes lengths into parity in the machine's byte order, and RFC 3208 means the
	 * network's. Pro-active parity is nothing that OpenPGM (5.3.128) has: its socket never
	 * learns how long a group is, so that it looks for a whole one behind each packet, and dies
	 * of what is not there.
	 */
	bool fec;
};

/* As a publisher that is deaf (publisher_run), for one subscriber; it repairs until told "end". */
void openpgm_publish(struct peer *self, const void *openpgm);
/* As a subscriber that is warmed, with id 0 and to everything (subscriber_run). What is lost for
 * good is a failure. */
void openpgm_subscribe(struct peer *self, const void *openpgm);

/* --- openpgm_parity.c --- */

/* OpenPGM's source (5.3.128) computes parity, but no receiver knows it, its own included: it goes
 * out with what its buffer happened to have as ports, and with the checksum of another packet; and
 * SPMs offer it with the bit for pro-active parity where it is on demand (RFC 3208 11.8.1). From
 * now on what this process sends is right in these. The code itself, NCFs and repairs are
 * OpenPGM's. */
void openpgm_mend_parity(uint16_t sport, uint16_t dport);

#endif
