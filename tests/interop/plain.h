/* A peer without ZMTP: a plain socket of the kernel's, TCP or AF_UNIX, or libzmq's own ZMQ_STREAM.
 * What it sends follows from its seed and from the place of each byte, and it must all come back,
 * in order. Steps as in remote.h: each has been done when the call returns, unless it says
 * otherwise. */
#ifndef ZL_TESTS_INTEROP_PLAIN_H
#define ZL_TESTS_INTEROP_PLAIN_H

#include "tests/interop/peer.h"

struct plain {
	const char *endpoint; /* tcp://IP:PORT, ipc://PATH */
	bool binds;           /* and takes the first who comes */
	bool stream;          /* ZMQ_STREAM */
	unsigned seed;
};
/* Says "joined" when it is connected. */
void plain_run(struct peer *self, const void *plain);

/* Begins to send so many bytes, `piece` at once; plain_echoed() is back when all have come back. */
void plain_go(struct peer *p, uint64_t bytes, uint32_t piece);
/* The same, but nothing is read before plain_reads(). Not of a ZMQ_STREAM. */
void plain_go_deaf(struct peer *p, uint64_t bytes, uint32_t piece);
void plain_reads(struct peer *p);
void plain_echoed(struct peer *p);
/* Of a plain socket: a few bytes; these come; so many come, as plain_fill() makes them of this
 * seed; the other side ends the connection, by a FIN, with nothing more. */
void plain_says(struct peer *p, const char *text);
void plain_hears(struct peer *p, const char *text);
void plain_hears_fill(struct peer *p, uint64_t bytes);
void plain_is_over(struct peer *p);
void plain_end(struct peer *p);

void plain_fill(uint8_t *to, unsigned seed, uint64_t at, size_t n);

#endif
