/* Frames of a feed by multicast, each one message: PGM's original data and source path messages, in
 * UDP (epgm://) or on IP (pgm://), or RADIO's datagrams. All but the sequence number is laid out
 * ahead. One thread. */
#ifndef ZL_TESTS_BENCH_FEED_FRAME_H
#define ZL_TESTS_BENCH_FEED_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FEED_FRAME_MAX  1514 /* without the FCS */
#define FEED_TOPICS_MAX 64
#define FEED_WINDOW     4096 /* packets that a source claims to have */

enum feed_kind {
	FEED_EPGM,
	FEED_PGM,
	FEED_UDP,
	FEED_KINDS
};
extern const char *const feed_kind_name[FEED_KINDS];

struct feed_frames {
	enum feed_kind kind;
	uint16_t session;       /* PGM's source port: another one is another source */
	uint32_t source, group; /* host order */
	uint16_t port;
	uint16_t size;   /* bytes of a message, its topic (4) included */
	uint16_t topics; /* in turn */
	/* of feed_frames_make */
	uint16_t len;                  /* of a data frame */
	uint16_t pgm;                  /* where PGM begins in it */
	uint32_t sum[FEED_TOPICS_MAX]; /* of a packet's 16-bit words, but sequence and trail */
	uint8_t frame[FEED_TOPICS_MAX][FEED_FRAME_MAX];
};

/* false: it does not fit a frame. */
bool feed_frames_make(struct feed_frames *f);
/* Data frame number `sqn`, of f->len bytes; a source's first is 0. */
void feed_frame_data(const struct feed_frames *f, uint32_t sqn, uint8_t *out);
/* The SPM that goes before data frame `sqn`: its bytes; 0 if there are none in this kind. */
uint16_t feed_frame_spm(const struct feed_frames *f, uint32_t n, uint32_t sqn, uint8_t *out);

#endif
