/* One connection of plain TCP, and ZMTP on it as an RFC has it (talk.h). */
#ifndef ZL_TESTS_INTEROP_WIRE_H
#define ZL_TESTS_INTEROP_WIRE_H

#include "tests/interop/talk.h"

struct wire;
struct wire *wire_new(struct peer *self, enum tongue tongue, int type);
void wire_buffer(struct wire *w, bool out, int bytes);
void wire_identity(struct wire *w, const void *identity, size_t n);
void wire_subscribe(struct wire *w, const void *prefix, size_t n);
void wire_join(struct wire *w, const char *endpoint, bool bind);
void wire_send(struct wire *w, const void *part, size_t n, bool more);
void wire_flush(struct wire *w);
int wire_receive(struct wire *w, void *part, size_t max, bool *more);
bool wire_has(struct wire *w); /* bytes that were not received */
int wire_descriptor(struct wire *w);

/* wire_greet.c: greetings and handshake, of a connection that has just been made. */
void wire_greet(struct wire *w);

/* For it: plain bytes, in and out, at once; a failure is the peer's. */
struct wire_side {
	struct peer *self;
	enum tongue tongue;
	int type;
	bool eager; /* says all that it may before it hears anything */
	uint8_t identity[255];
	size_t identity_bytes;
};
const struct wire_side *wire_side(const struct wire *w);
void wire_put(struct wire *w, const void *bytes, size_t n);
void wire_get(struct wire *w, void *bytes, size_t n);

#endif
