/* The whole of zeroline-control against a scripted dataplane: a child process runs the real program
 * in a directory of its own, and the test speaks the contract, packet by packet, and the API on
 * control.sock. What does not come as the script has it fails the test. */
#ifndef ZL_TESTS_UNIT_SCRIPTED_DATAPLANE_H
#define ZL_TESTS_UNIT_SCRIPTED_DATAPLANE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/ipc/ipc.h"

#define WAIT_MS 10000 /* for what must come; nothing waits so long when all is well */

struct bed {
	char dir[64];
	int listener, sock, api;
	pid_t control;
	uint64_t packet[ZL_IPC_PACKET_MAX / 8]; /* the last one, of either direction */
	uint32_t frontend, backend, bind_front, dial, bind_back; /* ids, as control chose them */
	uint64_t subs_sent;
	unsigned name_bytes; /* of the socket's routing id, as ZMTP 1.0 peers are told */
	struct zl_ipc_endpoint_set opening; /* the last that came, */
	unsigned openings;                  /* of so many */
};

extern struct bed bed;
/* Of the next control; NULL: a forwarder "feed" that binds and connects in front, on two cores. */
extern const char *bed_config;
#define HEADER ((struct zl_ipc_header *)bed.packet)

/* Each claim has a control of its own, which must end with status 0 and so without a leak; a claim
 * that sees it end itself clears bed.control. */
int bed_start(void **state);
int bed_stop(void **state);
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

/* A file of the run directory; good until the next call. */
char *path_of(const char *name);
/* One more control on the same directory. */
pid_t start_control(void);
/* Waits for the process: its status, as waitpid() has it. */
int end_status(pid_t pid);
void await(int fd);

/* A packet to control: its zeroed body, bytes behind it, and off it goes. */
void *begin(enum zl_ipc_type type, uint64_t seq);
void append(const void *bytes, size_t n);
void deliver(void);
/* The next packet; a HELLO's answer or any other. Its body is good until the next packet. */
void *receive(enum zl_ipc_type type);
/* The RESULT of the request that was received last. */
void answer(int error, const char *text, uint32_t line);

/* Set-up: control connects, is told whether the dataplane has been set up, and sends its config. */
void accept_control(uint32_t set_up);
void expect_setup(void);
void expect_endpoint(bool connect, uint32_t ip, uint16_t port, uint32_t socket, uint32_t *id);
/* The connect endpoint is dialled; it gets no stream unless a test gives it one. */
void expect_dial(void);
/* All of it, of a dataplane that has just started. */
void set_up_all(void);

/* Streams: what the dataplane reports of them, and what control orders. */
extern const uint8_t greeting[64]; /* of ZMTP 3.1, NULL */
uint64_t id_of(unsigned core, unsigned n);
void fill_open(struct zl_ipc_stream_open *m, uint64_t stream, uint32_t endpoint, uint32_t socket);
void open_stream(uint64_t stream, uint32_t endpoint, uint32_t socket);
/* A whole handshake of a peer. */
void join(uint64_t stream, uint32_t endpoint, uint32_t socket, enum zl_socket_type type,
	  uint8_t minor);
void give_bytes(uint64_t stream, enum zl_relay kind, const void *bytes, size_t n, bool more);
void give_closed(uint64_t stream, uint32_t endpoint, const char *reason);
void expect_send(uint64_t stream, const void *bytes, size_t n);
void expect_close(uint64_t stream, const char *reason);

/* Subscriptions: one prefix of a peer, op 1 to subscribe and 0 to cancel. */
void subscribe(uint64_t stream, const char *prefix, uint8_t op);
/* One MATCH with one record. */
void expect_match(unsigned core, uint64_t target, const char *prefix, uint8_t op);
/* Of all that were sent on this connection. */
void expect_ack(void);

/* The API: the reply to a line, which is the caller's; and a number in its result at a, or a.b. */
json_t *ask(const char *request);
json_int_t number_at(json_t *o, const char *a, const char *b);

#endif
