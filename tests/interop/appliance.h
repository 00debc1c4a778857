/* The appliance under test: zeroline-dataplane and zeroline-control as child processes in a
 * namespace, configured by a file made here, asked and steered by control.sock. One at a time. */
#ifndef ZL_TESTS_INTEROP_APPLIANCE_H
#define ZL_TESTS_INTEROP_APPLIANCE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "tests/interop/lab.h"

#define FRONTEND "tcp://" LAB_APPLIANCE_IP ":5555" /* where publishers connect */
#define BACKEND  "tcp://" LAB_APPLIANCE_IP ":5556" /* where subscribers connect */

struct appliance_config {
	enum lab_carrier carrier;
	unsigned poll_cores; /* 0: 1; they share the CPUs there are */
	unsigned megabytes;  /* 0: 192 and 128 for each further core, or as said below */
	const char *kind;    /* of the device; NULL: forwarder */
	/* The inside of YAML flow maps. NULL: no limit on queues, bound to FRONTEND and BACKEND. */
	const char *frontend, *backend;
	const char *devices;               /* further ones, as items of a YAML list; NULL: none */
	const char *impair, *limits, *tcp; /* NULL: nothing */
	const char *device;                /* NULL: LAB_DEVICE */
	unsigned queues;                   /* of the port; 0: as it likes */
	const char *more;                  /* further keys of the ZeroMQ device: "capture: {...}" */
	const char *ports;                 /* further ones, as items of a YAML list */
	const char *top;                   /* further keys of the whole file */
	bool portless;                     /* nothing but the kernel's sockets */
};

struct appliance {
	struct appliance_config config;
	struct lab_net net;
	char run_dir[64], file[80];
	struct lab_child dataplane, control;
	char *runtime_before; /* DPDK's own files on this machine before it started */
};

/* Both processes, and back when control says that it is attached and all binds listen. */
struct appliance *appliance_start(const struct appliance_config *config);
/* Namespaces, run directory and config file only. */
struct appliance *appliance_prepare(const struct appliance_config *config);
void appliance_write_config(struct appliance *a);
/* SIGTERM to both, and the claims of a clean end: exit status 0 (so no leak under ASan, no UBSan
 * complaint), no socket, no interface, no process, no file of DPDK's left. */
void appliance_stop(struct appliance *a);

/* Waits until the file is there. */
void appliance_await_file(const char *folder, const char *name);
/* Back when its socket is there. */
void appliance_start_dataplane(struct appliance *a);
void appliance_start_control(struct appliance *a);
/* Control serves and is attached; with a tap the peers have their address then. Milliseconds. */
uint64_t appliance_ready(struct appliance *a);
/* Control serves; there may be no dataplane. */
void appliance_await_served(struct appliance *a);
/* Another instance, or one with other arguments; `argv` ends with NULL. */
void appliance_spawn(struct appliance *a, struct lab_child *child, const char *program, uid_t uid,
		     char *const *argv);

/* control.sock. `request` is taken. The whole reply; json_decref it. */
json_t *appliance_request(struct appliance *a, json_t *request);
/* {"cmd": command} that must succeed; the result; json_decref it. */
json_t *appliance_ask(struct appliance *a, const char *command);
/* From now on, where a test has few messages, or many at once: memory is filled at each start, some
 * 0.2 s of CPU a 100 MB. A peer may have an eighth of it queued; below a quarter that is
 * free, senders are held back. */
void appliance_is_small(void);
void appliance_is_large(void);
/* On stderr: counters that have counted, and peers, if somebody serves. */
void appliance_tell_state(struct appliance *a);
/* bind, unbind, connect, disconnect. NULL: done; else the error (valid until the next call). */
const char *appliance_change(struct appliance *a, const char *command, const char *socket,
			     const char *endpoint);
/* Asks `command` until `is` says yes of the result. */
typedef bool (*appliance_is)(json_t *result, const void *context);
void appliance_await(struct appliance *a, const char *command, appliance_is is, const void *context,
		     const char *what);
/* Control knows of subscriptions before cores have them: what it knew before this is in force then.
 */
void appliance_settle(struct appliance *a);
/* status: so many peers are ready. */
void appliance_await_peers(struct appliance *a, unsigned n);
/* status.closes[reason], 0 if it is not there; stats' counter `name` */
uint64_t appliance_closes(struct appliance *a, const char *reason);
uint64_t appliance_counter(struct appliance *a, const char *name);
/* Closed for this reason so many times or more by now; a stream's end takes a moment to be told. */
void appliance_await_closes(struct appliance *a, const char *reason, uint64_t n);
/* What the cores have counted is told a hundred times a second. */
void appliance_await_counter(struct appliance *a, const char *name, uint64_t n);
/* n more than now. */
void appliance_await_more(struct appliance *a, const char *name, uint64_t n);

/* `zeroline ARGUMENTS` on this run directory; its exit status, and its output to be freed. */
int appliance_cli(struct appliance *a, char **output, const char *const *arguments);

#endif
