/* A peer: a forked process in the peers' namespace that uses Debian's libzmq over the kernel's TCP.
 * It and the test pass notes to each other; what the peer finds wrong is the test's failure. */
#ifndef ZL_TESTS_INTEROP_PEER_H
#define ZL_TESTS_INTEROP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/interop/lab.h"

#define NOTE_DATA 8192

struct note {
	char what[24];
	uint64_t n;
	double seconds;
	uint32_t bytes; /* of data */
	uint8_t data[NOTE_DATA];
};

/* What every socket of a peer that is started from now on shows and demands; NULL: nothing. The
 * struct must outlive the peer. */
struct peer_security {
	bool server;
	const char *public_key, *secret_key, *server_key; /* CURVE, Z85; server_key: of a client */
	const char *user, *password;     /* PLAIN: a client's own, or whom a server lets in */
	const char *principal, *service; /* GSSAPI; service: of a client */
	bool plaintext;
};
void peer_secure(const struct peer_security *security);

/* PGM's options of every socket of a peer that is started from now on; NULL: libzmq's own. The
 * struct must outlive the peer. */
struct peer_multicast {
	int rate_kbits, recovery_ms;
};
void peer_multicast(const struct peer_multicast *multicast);

struct peer;
/* Runs in the child; returning from it closes its sockets, flushed, and says "done". */
typedef void (*peer_run)(struct peer *self, const void *plan);

/* --- in the test --- */
struct peer *peer_start(const struct lab_net *net, const char *name, peer_run run,
			const void *plan);
/* The next note, which must be `what`. Valid until the next call. */
const struct note *peer_hear(struct peer *p, const char *what);
/* The same, past any notes called `skip`. */
const struct note *peer_hear_past(struct peer *p, const char *skip, const char *what);
void peer_tell(struct peer *p, const char *what, uint64_t n);
void peer_tell_data(struct peer *p, const char *what, uint64_t n, const void *data, size_t bytes);
/* Hears "done" and waits for its exit. */
void peer_done(struct peer *p);
/* SIGKILL (or SIGSTOP, SIGCONT), and for SIGKILL its end is waited for. */
void peer_signal(struct peer *p, int signal);

/* --- in the child --- */
void peer_say(struct peer *self, const char *what, uint64_t n, double seconds);
void peer_say_data(struct peer *self, const char *what, uint64_t n, const void *data, size_t bytes);
const struct note *peer_listen(struct peer *self, const char *what); /* NULL: any */
bool peer_is_told(struct peer *self);                                /* a note waits */
int peer_descriptor(struct peer *self); /* readable when a note waits */
void peer_fail(struct peer *self, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/* A socket without HWM that gives up receiving after the lab's patience; the peer's end closes it.
 * At most 8. */
void *peer_socket(struct peer *self, int type);
void *peer_open(struct peer *self, int type, const char *endpoint, bool bind);
void peer_option(struct peer *self, void *socket, int option, int value);
/* How often the socket has lost a connection since it was made. */
unsigned peer_disconnects(struct peer *self, void *socket);
double peer_clock(void);

#endif
