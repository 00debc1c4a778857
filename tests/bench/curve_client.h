/* A CURVE client (RFC 26) of a few calls, for loads: blocking on the kernel's TCP, with one key of
 * each kind for all of its connections, so that it works out as little as may be. */
#ifndef ZL_TESTS_BENCH_CURVE_CLIENT_H
#define ZL_TESTS_BENCH_CURVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include "control/security/security.h" /* Z85 */

#define CURVE_KEY 32

struct curve_client {
	uint8_t server[CURVE_KEY], public_key[CURVE_KEY], secret_key[CURVE_KEY];
	uint8_t short_public[CURVE_KEY], short_secret[CURVE_KEY];
	uint8_t to_server[CURVE_KEY]; /* of the short-term key and the server's long-term one */
	uint8_t hello[202];           /* the frame, the same for all connections */
};

struct curve_session {
	int fd;
	uint8_t key[CURVE_KEY]; /* of both short-term keys */
	uint64_t sent;          /* nonces */
};

void curve_client_init(struct curve_client *c, const uint8_t server[CURVE_KEY]);
/* The steps of a handshake on a connected socket; false: the server does not say what it should. */
bool curve_greet(struct curve_session *s, const struct curve_client *c, int fd); /* and HELLO */
bool curve_initiate(struct curve_session *s, const struct curve_client *c, const char *type);
bool curve_ready(struct curve_session *s);
bool curve_handshake(struct curve_session *s, const struct curve_client *c, int fd,
		     const char *type);

/* A message in a frame: its length, and it itself. */
size_t curve_frame_bytes(uint32_t size);
void curve_seal(struct curve_session *s, uint8_t *frame, uint8_t flags, const uint8_t *body,
		uint32_t size);
/* plain: flags and body. */
bool curve_open(const struct curve_session *s, const uint8_t *frame, size_t bytes, uint8_t *plain);
bool curve_subscribe(struct curve_session *s); /* to everything */
bool curve_hears_subscription(struct curve_session *s);

#endif
