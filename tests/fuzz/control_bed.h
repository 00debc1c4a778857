/* Control in this process, between a dataplane and clients of control.sock that the fuzzer plays:
 * its loop is turned by hand and its timers go off when the input says so. Its log is formatted and
 * thrown away, hosts' names are not asked for. Whatever it sends must be well formed. */
#ifndef ZL_TESTS_FUZZ_CONTROL_BED_H
#define ZL_TESTS_FUZZ_CONTROL_BED_H

#include "control/control.h"
#include "tests/fuzz/feed.h"

#define SOCKETS   16
#define ENDPOINTS 32
#define CLIENTS   3

struct bed_client {
	int fd;                   /* -1: none */
	unsigned asked, answered; /* lines */
	char partial[65536 * 2];
	size_t n;
};

extern struct zl_control control;
extern struct bed_client client[CLIENTS];
/* What control has made, as the dataplane knows it; 0: none. */
extern uint32_t socket_id[SOCKETS], endpoint_id[ENDPOINTS];
extern unsigned sockets, endpoints;
/* How requests are answered: with this error, or not at all. */
extern int answer_with;
extern bool answers;

/* For each input: control starts, and waits for the dataplane. */
void bed_begin(void);
void bed_end(void);
/* The dataplane is there, says HELLO, and has been set up before or is now. */
void bed_attach(bool set_up);
void bed_detach(void);
/* Some turns of the loop; what control sends is taken, and its requests are answered. */
void bed_turn(void);
/* The next timer goes off. */
void bed_tick(void);
/* A packet to control; its header says how long it is. fd rides along, or -1. */
void bed_send(const void *packet, size_t length, int fd);
bool bed_attached(void);
/* The stats segment: of this shape, all numbers and names of the input's bytes. */
void bed_send_stats(struct feed *f);

/* A client: connects if it has not yet, sends bytes, hears what there is, goes. Every answer must
 * be JSON, of one line. */
void bed_ask(unsigned i, const void *bytes, size_t n);
void bed_hear(unsigned i);
void bed_hang_up(unsigned i);

#endif
