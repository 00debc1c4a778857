/* A PGM source, or a receiver, whose wire the test reads as text and whose clock it turns.
 *
 * A packet reads "O7/3 abc" (ODATA 7, trailing edge 3), "R7/3 abc" (RDATA), "S2 3-7" (SPM 2,
 * edges), "N7,9" (NAK), "Z7" (NNAK), "C7,9" (NCF), "Q" (SPMR); P after the letter means parity,
 * whose TSDU is given as its length. Options and unicast addresses follow. What a receiver does
 * reads "open", "7:abc" (delivered), "-7+2" (two lost from 7 on), "closed finished". */
#ifndef ZL_TESTS_UNIT_PGM_BED_H
#define ZL_TESTS_UNIT_PGM_BED_H

#include "dataplane/pgm/counters.h"
#include "dataplane/pgm/receiver.h"
#include "dataplane/pgm/source.h"

#define BED_PACKET  2048
#define BED_PACKETS 2048
#define BED_TEXT    8192
#define MS          UINT64_C(1000000)
#define SECOND      (1000 * MS)

struct bed_packet {
	uint8_t bytes[BED_PACKET];
	unsigned len;
	bool unicast, router_alert;
	struct pgm_nla to;
};

struct bed_wire {
	struct bed_packet *packet; /* BED_PACKETS */
	unsigned n, read;
	bool full; /* takes no more */
	char text[BED_TEXT];
};

struct source_bed {
	struct pgm_source_config config;
	struct pgm_source *s;
	void *memory;
	uint64_t counter[PGM_COUNTERS], now;
	struct bed_wire wire;
};

/* Of no rate, a window of 64 packets, and libzmq's times; then to be altered, and started. */
void source_bed_prepare(struct source_bed *b);
void source_bed_start(struct source_bed *b);
void source_bed_stop(struct source_bed *b);
bool source_bed_send(struct source_bed *b, const char *tsdu);
/* Turns the clock on to `at`, with a turn whenever one is due. */
void source_bed_run(struct source_bed *b, uint64_t at);
/* A NAK for one packet, or parity for its group. */
struct pgm_packet source_bed_nak(const struct source_bed *b, uint32_t sqn);
enum pgm_input source_bed_show(struct source_bed *b, const struct pgm_packet *p);

struct receiver_bed {
	struct pgm_receiver_config config;
	struct pgm_receiver *r;
	void *memory;
	uint64_t counter[PGM_COUNTERS], now;
	struct bed_wire wire;
	struct pgm_session *session; /* the last that was opened */
	bool refuses;                /* to take what is delivered */
	unsigned line;               /* that packets are shown on */
	int holds;                   /* buffers held, less those let go */
	char text[BED_TEXT];
};

/* libzmq's times, a window of 64 packets, and 64 buffers held. */
void receiver_bed_prepare(struct receiver_bed *b);
void receiver_bed_start(struct receiver_bed *b);
void receiver_bed_stop(struct receiver_bed *b);
void receiver_bed_run(struct receiver_bed *b, uint64_t at);
/* Packets of the source of source_bed.c. */
struct pgm_packet bed_data(enum pgm_type type, uint32_t sqn, uint32_t trail, const char *tsdu);
struct pgm_packet bed_spm(uint32_t sqn, uint32_t trail, uint32_t lead);
struct pgm_packet bed_ncf(uint32_t sqn);
enum pgm_input receiver_bed_show(struct receiver_bed *b, const struct pgm_packet *p);
void receiver_bed_odata(struct receiver_bed *b, uint32_t sqn, const char *tsdu);
/* What it has done since it was last asked. */
const char *receiver_bed_did(struct receiver_bed *b);

/* Onto the wire; false: it takes no more. */
bool bed_put(struct bed_wire *w, const uint8_t *head, unsigned head_len, const uint8_t *body,
	     unsigned body_len, bool router_alert);
/* What went out since it was last asked, "; " in between. */
const char *bed_read(struct bed_wire *w);
/* The next packet, whole; false: there is none. */
bool bed_next(struct bed_wire *w, struct pgm_packet *p);

/* The hand-made NLAs: 10.0.0.1 and 239.192.1.1. */
extern const struct pgm_nla bed_source_nla, bed_group;

#endif
