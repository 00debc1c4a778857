/* What a peer talks through: a socket of libzmq's, or plain TCP and a version of ZMTP written from
 * its RFC: 13 (1.0), 15 (2.0), 23 (3.0), 37 (3.1), with no more behind it than one connection. All
 * of it is for the child. What goes wrong in a way that no test expects fails the peer. */
#ifndef ZL_TESTS_INTEROP_TALK_H
#define ZL_TESTS_INTEROP_TALK_H

#include "tests/interop/peer.h"

enum tongue {
	LIBZMQ,
	ZMTP_1_0,
	ZMTP_2_0,
	ZMTP_3_0,
	ZMTP_3_1,
};
extern const char *const tongue_name[]; /* "libzmq", "1.0", ... */

struct talk;
/* type: ZMQ_PUSH ... */
struct talk *talk_new(struct peer *self, enum tongue tongue, int type);
/* A socket option of libzmq's. Plain TCP knows the buffers; the others mean nothing to it. */
void talk_option(struct talk *t, int option, int value);
/* Before talk_join. */
void talk_identity(struct talk *t, const void *identity, size_t n);
/* Before talk_join: what a ROUTER of libzmq's calls who it connects to. */
void talk_name(struct talk *t, const void *name, size_t n);
/* Takes effect with or after talk_join. To a publisher of ZMTP 1.0 it says nothing. */
void talk_subscribe(struct talk *t, const void *prefix, size_t n);
/* tcp://IP:PORT. Plain TCP is shaken hands with when this returns, also where it binds. */
void talk_join(struct talk *t, const char *endpoint, bool bind);

/* Plain TCP may keep what is sent until the next talk_flush, talk_receive or talk_wait. */
void talk_send(struct talk *t, const void *part, size_t n, bool more);
/* A ROUTER of libzmq's: the first part of a message, once who has this name is there. */
void talk_send_to(struct talk *t, const void *name, size_t n);
void talk_flush(struct talk *t);
/* The next part, of which at most `max` bytes are stored; its length. -1: none came, and talk_error
 * says why. A subscription comes as 0x01 and the prefix, however it travelled, a cancel as 0x00. */
int talk_receive(struct talk *t, void *part, size_t max, bool *more);
const char *talk_error(const struct talk *t);
/* Back when a note waits, or (reads) something can be received, which it says. */
bool talk_wait(struct talk *t, bool reads);
/* Fails if anything has come that was not received. */
void talk_expect_silence(struct talk *t);
unsigned talk_disconnects(struct talk *t);

#endif
