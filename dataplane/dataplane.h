/* The process as a whole, as its main thread sees it: what control has asked for, the poll cores
 * and the host core, and the mail between them.
 *
 * The files: main.c arguments, lock, signals; host.c the main thread's loop; requests.c what
 * control asks and how the cores' answers are put together; journal.c subscriptions that control
 * has not yet acknowledged; catalog.c sockets, devices and endpoints; setup.c EAL, ports and cores
 * up and down. */
#ifndef ZL_DATAPLANE_DATAPLANE_H
#define ZL_DATAPLANE_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/confine/confine.h"
#include "dataplane/lcore.h"

#define ZL_DEVICES_MAX  32
#define ZL_REQUESTS_MAX 256
#define ZL_LETTERS      2048

/* What exists, so that a new control can be told. id 0: a free place. */
struct zl_catalog {
	struct zl_ipc_socket socket[ZL_SHARDS_MAX];
	struct zl_ipc_device device[ZL_DEVICES_MAX];
	struct zl_ipc_endpoint endpoint[ZL_ENDPOINTS_MAX];
};

/* A request that the cores are working on. */
struct zl_request {
	uint64_t seq;   /* our own, as the cores see it, unlike any other of the run; 0: free */
	uint64_t asked; /* control's */
	uint16_t type;
	uint16_t waiting; /* cores that have not answered */
	bool quiet;       /* of our own making: control is not told */
	int error;        /* the first that a core gave */
	union {
		struct zl_ipc_socket socket;
		struct zl_ipc_device device;
		struct zl_ipc_endpoint endpoint;
		struct zl_ipc_id id;
	} what;
};

struct zl_letter_queue {
	struct zl_letter *head, **tail;
	unsigned n;
};

/* An answer to control that no letter could be had for. */
struct zl_owed {
	struct zl_owed *next;
	size_t bytes;
	uint8_t packet[];
};

struct zl_dataplane {
	const char *run_dir, *log_level; /* error, info, debug: of DPDK's own words */
	struct zl_identity identity;     /* whom it becomes */
	char note[256];                  /* of it, said once the ports are up; or empty */
	uid_t control_uid;               /* who else than root may attach */
	uint64_t refused;                /* that were neither */
	int lock, listener, control, signals, epoll;
	bool quit, failed;
	uint64_t started_ns;

	/* asked for */
	bool has_setup;
	struct zl_ipc_setup setup;
	unsigned n_ports;
	struct zl_ipc_port port_config[ZL_IPC_PORTS_MAX];
	unsigned n_elements;
	struct zl_ipc_element element_config[ZL_ELEMENTS_MAX];

	/* running */
	bool eal, running, stop;
	struct zl_port *port[ZL_IPC_PORTS_MAX];
	struct zl_lcore *core[ZL_CORES_MAX];
	struct rte_mempool *letters;
	struct zl_doorbell bell;
	const struct zl_stats_header *stats;
	int stats_fd;

	struct zl_catalog catalog;
	struct zl_request request[ZL_REQUESTS_MAX];
	uint64_t own_seq;
	unsigned next_dial_core;
	struct zl_letter_queue to_core[ZL_CORES_MAX]; /* a mailbox was full */
	struct zl_letter_queue to_control;            /* its socket was full */
	struct zl_owed *owed;                         /* answers that go after to_control */
	bool cores_behind;              /* some core's mailbox is full: control is not read */
	struct zl_letter_queue journal; /* STREAM_SUBS sent, not acknowledged */
	uint64_t journal_acked;
	bool adopting; /* a new control is being told what is there: subscriptions wait */
	bool dumped[ZL_CORES_MAX];    /* a core has told all of it */
	unsigned stale[ZL_CORES_MAX]; /* what a core says is still for so many controls gone */
	struct zl_letter *notice[ZL_CORES_MAX]; /* put by for ZL_NOTICE_CONTROL_GONE */
};

/* Cores of the mesh; 0 before control's SETUP. */
static inline unsigned zl_dataplane_cores(const struct zl_dataplane *d)
{
	return d->has_setup ? zl_ipc_cores(d->setup.poll_cores) : 0;
}

/* main.c: one line to stderr, for a person. */
void zl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* confine.c */
/* After dataplane.sock is there, before EAL; 0, or -errno with one line said. */
int zl_dataplane_confine(struct zl_dataplane *d);
/* Once the ports are up: less, in all threads. 0 or -errno. */
int zl_dataplane_confine_running(const struct zl_dataplane *d);
bool zl_dataplane_may_attach(struct zl_dataplane *d, int sock);

/* eal.c */
/* 0, or -errno with one line in text. */
int zl_eal_start(struct zl_dataplane *d, char *text, size_t bytes);
void zl_eal_stop(struct zl_dataplane *d);

/* setup.c */
/* EAL, pools, ports, cores: everything or nothing, as far as EAL allows (it starts once a process:
 * on failure the process must end). 0, or -errno with one line in text and the config's line. */
int zl_dataplane_start(struct zl_dataplane *d, char *text, size_t bytes, uint32_t *line);
void zl_dataplane_stop(struct zl_dataplane *d);

/* host.c */
int zl_host_run(struct zl_dataplane *d);
/* To control; what its socket does not take now waits. Owns the letter. */
void zl_host_send(struct zl_dataplane *d, struct zl_letter *letter);
void zl_host_result(struct zl_dataplane *d, uint64_t seq, int error, uint32_t line,
		    const char *text);
/* Of a bind: where it listens, if there was no error. */
void zl_host_bound(struct zl_dataplane *d, uint64_t seq, int error, const char *text,
		   const struct zl_ipc_sockaddr *bound);
/* To a core; what its mailbox does not take now waits, in order. Owns the letter. */
void zl_host_post(struct zl_dataplane *d, unsigned core, struct zl_letter *letter);
/* A letter for each core put by; false: none to be had now. */
bool zl_host_reserve_notices(struct zl_dataplane *d);
void zl_letter_push(struct zl_letter_queue *q, struct zl_letter *letter);
struct zl_letter *zl_letter_pop(struct zl_letter_queue *q);

/* requests.c */
/* A packet of control's, checked; owns the letter. */
void zl_request_take(struct zl_dataplane *d, struct zl_letter *letter);
/* A RESULT of a core's; owns the letter. */
void zl_request_answer(struct zl_dataplane *d, unsigned core, struct zl_letter *letter);

/* catalog.c */
void *zl_catalog_find(struct zl_catalog *c, uint16_t type, uint32_t id);
/* A place for a new object of that ADD type; NULL: full. */
void *zl_catalog_place(struct zl_catalog *c, uint16_t type);
/* Why this cannot be added or deleted: -errno and one line, or 0. */
int zl_catalog_check(const struct zl_dataplane *d, uint16_t type, const void *body, char *text,
		     size_t bytes);
/* A bind of the stack's to port 0, and a connect of udp://, get one that no other endpoint has. */
void zl_catalog_choose_port(const struct zl_catalog *c, struct zl_ipc_endpoint *m);
void zl_catalog_note_bound(struct zl_catalog *c, uint32_t endpoint,
			   const struct zl_ipc_sockaddr *bound);
void zl_catalog_forget(struct zl_catalog *c, uint16_t type, uint32_t id);
/* All of it as ADD packets of `seq`; false: no letters for it now, and nothing was told. */
bool zl_catalog_tell(struct zl_dataplane *d, uint64_t seq);

/* journal.c */
/* A STREAM_SUBS letter on its way to control: kept until acknowledged. */
void zl_journal_send(struct zl_dataplane *d, struct zl_letter *letter);
void zl_journal_ack(struct zl_dataplane *d, uint64_t count);
/* To a new control, after its dump. */
void zl_journal_replay(struct zl_dataplane *d);

#endif
