/* The host core: sleeps in epoll, carries packets between control and the poll cores, and starts
 * and stops them. It never blocks on either side: what a full socket or mailbox does not take waits
 * in a queue, and while much waits the other side is not read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/dataplane.h"

#define WAITING_MAX 256 /* letters waiting for control before the cores are left waiting */
#define BURST       64
#define CORES_FIRST 4 /* times that they are asked before control is */
#define RETRY_MS    1 /* a core with a full mailbox does not tell when it has room */

void zl_letter_push(struct zl_letter_queue *q, struct zl_letter *letter)
{
	if (!q->head)
		q->tail = &q->head;
	letter->next = NULL;
	*q->tail = letter;
	q->tail = &letter->next;
	q->n++;
}

struct zl_letter *zl_letter_pop(struct zl_letter_queue *q)
{
	struct zl_letter *letter = q->head;

	if (letter) {
		q->head = letter->next;
		q->n--;
	}
	return letter;
}

static void drop_queue(struct zl_letter_queue *q)
{
	struct zl_letter *letter;

	while ((letter = zl_letter_pop(q)))
		zl_letter_free(letter);
}

/* The journal keeps its letters; everything else is done with once sent. */
static int send_letter(struct zl_dataplane *d, struct zl_letter *letter)
{
	const struct zl_ipc_header *h = zl_letter_header(letter);
	int error = zl_ipc_send(d->control, letter->packet, h->length, -1);

	if (error == -EAGAIN)
		return error;
	if (h->type == ZL_IPC_STREAM_SUBS)
		zl_letter_push(&d->journal, letter);
	else
		zl_letter_free(letter);
	return 0;
}

static void watch_control(struct zl_dataplane *d)
{
	struct epoll_event e = {.events = d->cores_behind ? 0 : EPOLLIN, .data.fd = d->control};

	if (d->to_control.head || d->owed)
		e.events |= EPOLLOUT;
	epoll_ctl(d->epoll, EPOLL_CTL_MOD, d->control, &e);
}

void zl_host_send(struct zl_dataplane *d, struct zl_letter *letter)
{
	if (zl_letter_header(letter)->type == ZL_IPC_STREAM_SUBS &&
	    (d->control < 0 || d->adopting)) {
		zl_letter_push(&d->journal, letter); /* told in its turn, after the dump */
		return;
	}
	if (d->control < 0) {
		zl_letter_free(letter);
		return;
	}
	if (d->to_control.head || send_letter(d, letter) == -EAGAIN) {
		zl_letter_push(&d->to_control, letter);
		watch_control(d);
	}
}

/* What no letter could be had for waits by itself, and goes after all letters: an answer is never
 * lost. Whoever cannot even be owed one is cut off, and asks again. */
static void owe(struct zl_dataplane *d, const void *packet, size_t bytes)
{
	struct zl_owed *o = malloc(sizeof(*o) + bytes), **at = &d->owed;

	if (!o) {
		shutdown(d->control, SHUT_RDWR);
		return;
	}
	o->next = NULL;
	o->bytes = bytes;
	memcpy(o->packet, packet, bytes);
	while (*at)
		at = &(*at)->next;
	*at = o;
	watch_control(d);
}

static void drop_owed(struct zl_dataplane *d)
{
	while (d->owed) {
		struct zl_owed *o = d->owed;

		d->owed = o->next;
		free(o);
	}
}

static void send_owed(struct zl_dataplane *d)
{
	while (d->owed && !d->to_control.head) {
		struct zl_owed *o = d->owed;

		if (zl_ipc_send(d->control, o->packet, o->bytes, -1) == -EAGAIN)
			return;
		d->owed = o->next;
		free(o);
	}
}

static void flush_control(struct zl_dataplane *d)
{
	while (d->to_control.head) {
		struct zl_letter *letter = zl_letter_pop(&d->to_control);

		if (send_letter(d, letter) != -EAGAIN)
			continue;
		letter->next = d->to_control.head; /* back to the front */
		d->to_control.head = letter;
		if (!letter->next)
			d->to_control.tail = &letter->next;
		d->to_control.n++;
		break;
	}
	send_owed(d);
	watch_control(d);
}

static void send_result(struct zl_dataplane *d, uint64_t seq, const struct zl_ipc_result *m)
{
	uint8_t packet[sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_result)];

	memcpy(zl_ipc_begin(packet, ZL_IPC_RESULT, seq), m, sizeof(*m));
	if (d->running) {
		struct zl_letter *letter = zl_letter_new(d->letters);

		if (letter) {
			memcpy(letter->packet, packet, sizeof(packet));
			zl_host_send(d, letter);
			return;
		}
	}
	if (d->control >= 0 &&
	    (d->running || zl_ipc_send(d->control, packet, sizeof(packet), -1) == -EAGAIN)) {
		owe(d, packet, sizeof(packet));
		send_owed(d);
	}
}

void zl_host_result(struct zl_dataplane *d, uint64_t seq, int error, uint32_t line,
		    const char *text)
{
	struct zl_ipc_result m = {.error = error, .config_line = line};

	strncpy(m.text, text, sizeof(m.text) - 1);
	send_result(d, seq, &m);
}

void zl_host_bound(struct zl_dataplane *d, uint64_t seq, int error, const char *text,
		   const struct zl_ipc_sockaddr *bound)
{
	struct zl_ipc_result m = {.error = error, .bound = *bound};

	strncpy(m.text, text, sizeof(m.text) - 1);
	send_result(d, seq, &m);
}

void zl_host_post(struct zl_dataplane *d, unsigned core, struct zl_letter *letter)
{
	if (d->to_core[core].head || !zl_mailbox_post(&d->core[core]->to_core, letter))
		zl_letter_push(&d->to_core[core], letter);
}

/* Control is not read while a core has more than its mailbox holds: nor may what it has to say keep
 * this thread from sleeping then. */
static void note_behind(struct zl_dataplane *d, bool behind)
{
	if (behind == d->cores_behind)
		return;
	d->cores_behind = behind;
	if (d->control >= 0)
		watch_control(d);
}

static bool flush_cores(struct zl_dataplane *d)
{
	bool waiting = false;

	for (unsigned i = 0; d->running && i < zl_dataplane_cores(d); i++) {
		struct zl_letter_queue *q = &d->to_core[i];

		while (q->head) {
			struct zl_letter *letter = q->head, *next = letter->next;

			if (!zl_mailbox_post(&d->core[i]->to_core, letter))
				break;
			q->head = next;
			q->n--;
		}
		waiting |= q->head != NULL;
	}
	return waiting;
}

/* While a control is being told what is there, its predecessor's subscriptions wait for the end of
 * that, so they are no reason not to hear a core that has not told all. */
static bool control_keeps_up(const struct zl_dataplane *d, unsigned core)
{
	return d->to_control.n < WAITING_MAX &&
	       (d->control < 0 || (d->adopting && !d->dumped[core]) || d->journal.n < WAITING_MAX);
}

/* From a core, in the order in which it was said. What it said before it heard that a control was
 * gone is not for the next one, but for subscriptions. */
static void from_core(struct zl_dataplane *d, unsigned core, struct zl_letter *letter)
{
	uint16_t type = zl_letter_header(letter)->type;

	if (type == ZL_IPC_RESULT) {
		zl_request_answer(d, core, letter);
	} else if (type == ZL_NOTICE_CONTROL_GONE) {
		d->stale[core]--;
		zl_letter_free(letter);
	} else if (!d->stale[core]) {
		zl_host_send(d, letter);
	} else if (type == ZL_IPC_STREAM_SUBS) {
		zl_letter_push(&d->journal, letter);
	} else {
		zl_letter_free(letter);
	}
}

static unsigned read_core(struct zl_dataplane *d, unsigned core)
{
	struct zl_letter *letter;
	unsigned n = 0;

	while (n < BURST && control_keeps_up(d, core) &&
	       (letter = zl_mailbox_take(&d->core[core]->to_host))) {
		n++;
		from_core(d, core, letter);
	}
	return n;
}

static void tell_cores_control_gone(struct zl_dataplane *d)
{
	for (unsigned i = 0; d->running && i < zl_dataplane_cores(d); i++) {
		struct zl_letter *letter = d->notice[i];

		d->notice[i] = NULL;
		d->stale[i]++;
		letter->object = NULL;
		*zl_letter_header(letter) = (struct zl_ipc_header){.type = ZL_NOTICE_CONTROL_GONE};
		zl_host_post(d, i, letter);
	}
}

/* What control had not taken is told again by the dump that its successor asks for; only
 * subscriptions are kept, because a dump does not have them before control has decided. */
static void control_gone(struct zl_dataplane *d)
{
	struct zl_letter *letter;

	epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->control, NULL);
	close(d->control);
	d->control = -1;
	drop_owed(d);
	while ((letter = zl_letter_pop(&d->to_control)))
		zl_host_send(d, letter); /* keeps or frees it */
	for (unsigned i = 0; i < ZL_REQUESTS_MAX; i++) {
		d->request[i].quiet = true; /* their askers are gone */
		if (d->request[i].type == ZL_IPC_DUMP)
			d->request[i].seq = 0; /* cores that are at it will not end it */
	}
	if (!d->running) {
		d->has_setup = false;
		d->n_ports = 0;
	}
	tell_cores_control_gone(d);
}

/* The notice of a control's end must never lack a letter: it is put by before one is let in. */
bool zl_host_reserve_notices(struct zl_dataplane *d)
{
	for (unsigned i = 0; d->running && i < zl_dataplane_cores(d); i++) {
		if (!d->notice[i])
			d->notice[i] = zl_letter_new(d->letters);
		if (!d->notice[i])
			return false;
	}
	return true;
}

static void hello(struct zl_dataplane *d)
{
	uint8_t packet[sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_hello)];
	struct zl_ipc_hello *m = zl_ipc_begin(packet, ZL_IPC_HELLO, 0);

	*m = (struct zl_ipc_hello){
		.pid = (uint32_t)getpid(),
		.set_up = d->running,
		.started_ns = d->started_ns,
		.config_hash = d->setup.config_hash,
		.poll_cores = d->setup.poll_cores,
		.ports = d->n_ports,
		.version = ZL_VERSION,
	};
	zl_ipc_send(d->control, packet, sizeof(packet), d->stats_fd);
}

static void refuse(int sock, const char *why)
{
	uint8_t packet[sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_result)];
	struct zl_ipc_result *m = zl_ipc_begin(packet, ZL_IPC_RESULT, 0);

	*m = (struct zl_ipc_result){.error = -EBUSY};
	strncpy(m->text, why, sizeof(m->text) - 1);
	zl_ipc_send(sock, packet, sizeof(packet), -1);
	close(sock);
}

static void control_came(struct zl_dataplane *d)
{
	int sock = accept4(d->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN, .data.fd = sock};

	if (sock < 0)
		return;
	if (!zl_dataplane_may_attach(d, sock)) {
		refuse(sock, "only root and control's user may attach; see --control-user");
		return;
	}
	if (d->control >= 0) {
		refuse(sock, "another zeroline-control is attached; stop it first");
		return;
	}
	if (!zl_host_reserve_notices(d)) {
		refuse(sock, "the poll cores are behind; try again");
		return;
	}
	d->control = sock;
	d->cores_behind = false; /* as far as it is watched for */
	d->adopting = d->running;
	memset(d->dumped, 0, sizeof(d->dumped));
	d->journal_acked = 0;
	epoll_ctl(d->epoll, EPOLL_CTL_ADD, sock, &e);
	hello(d);
}

/* Before START there is no letter pool; a packet is then handled where it was read. */
static bool read_packet(struct zl_dataplane *d)
{
	static struct zl_letter early;
	struct zl_letter *letter = d->running ? zl_letter_new(d->letters) : &early;
	int fd = -1;
	long n;

	if (!letter)
		return false;
	letter->object = NULL;
	n = zl_ipc_recv(d->control, letter->packet, &fd);
	if (fd >= 0)
		close(fd); /* control has none to give */
	if (n <= 0) {
		if (letter != &early)
			zl_letter_free(letter);
		if (n == -EAGAIN)
			return false;
		if (n == -EBADMSG)
			zl_say("zeroline-control sent a malformed packet; its connection is ended");
		control_gone(d);
		return false;
	}
	zl_request_take(d, letter);
	return true;
}

static void read_control(struct zl_dataplane *d)
{
	for (unsigned n = 0; n < BURST && d->control >= 0 && !d->quit; n++) {
		for (unsigned i = 0; i < zl_dataplane_cores(d); i++)
			if (d->to_core[i].head)
				return;
		if (!read_packet(d))
			return;
	}
}

static void read_signals(struct zl_dataplane *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals, &info, sizeof(info)) == sizeof(info))
		d->quit = true;
}

/* Whoever else may connect: by the file's permissions too. */
static void give_socket(const struct zl_dataplane *d)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/" ZL_IPC_SOCKET, d->run_dir);
	if (geteuid() == 0 && chown(path, d->control_uid, (gid_t)-1))
		zl_say("%s: cannot be given to user %u: %s", path, d->control_uid, strerror(errno));
}

static int open_host(struct zl_dataplane *d)
{
	struct epoll_event e = {.events = EPOLLIN};

	if (zl_doorbell_open(&d->bell)) {
		zl_say("eventfd: %s", strerror(errno));
		return -errno;
	}
	d->listener = zl_ipc_listen(d->run_dir);
	if (d->listener < 0) {
		zl_say("%s/" ZL_IPC_SOCKET ": %s; give another --run-dir", d->run_dir,
		       strerror(-d->listener));
		zl_doorbell_close(&d->bell);
		return d->listener;
	}
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	const int fds[] = {d->listener, d->signals, d->bell.fd};
	for (unsigned i = 0; i < RTE_DIM(fds); i++) {
		e.data.fd = fds[i];
		epoll_ctl(d->epoll, EPOLL_CTL_ADD, fds[i], &e);
	}
	return 0;
}

static void close_host(struct zl_dataplane *d)
{
	char path[4096];

	if (d->control >= 0)
		close(d->control);
	close(d->listener);
	close(d->epoll);
	snprintf(path, sizeof(path), "%s/" ZL_IPC_SOCKET, d->run_dir);
	unlink(path);
	for (unsigned i = 0; i < ZL_CORES_MAX; i++)
		drop_queue(&d->to_core[i]);
	drop_queue(&d->to_control);
	drop_queue(&d->journal);
	drop_owed(d);
	for (unsigned i = 0; i < ZL_CORES_MAX; i++)
		if (d->notice[i])
			zl_letter_free(d->notice[i]);
	zl_dataplane_stop(d);
	zl_doorbell_close(&d->bell);
}

static void serve_control(struct zl_dataplane *d, uint32_t events)
{
	if (events & EPOLLOUT)
		flush_control(d);
	if (events & ~(uint32_t)EPOLLOUT)
		read_control(d);
}

static void serve(struct zl_dataplane *d, const struct epoll_event *e)
{
	if (e->data.fd == d->signals)
		read_signals(d);
	else if (e->data.fd == d->listener)
		control_came(d);
	else if (e->data.fd == d->control)
		serve_control(d, e->events);
}

static bool read_cores(struct zl_dataplane *d)
{
	bool any = false;

	for (unsigned i = 0; d->running && i < zl_dataplane_cores(d); i++)
		any |= read_core(d, i) > 0;
	return any;
}

/* Cores first, so that what they said before control's next word is in order, and for as long as
 * they have something to say, within reason; sleeping only when neither side has anything left. */
static void turn(struct zl_dataplane *d)
{
	struct epoll_event events[8];
	bool waiting, busy;
	int n;

	waiting = flush_cores(d);
	note_behind(d, waiting);
	for (unsigned i = 0; (busy = read_cores(d)) && i < CORES_FIRST; i++)
		;
	if (!busy)
		zl_doorbell_sleep(&d->bell);
	for (unsigned i = 0; !busy && d->running && i < zl_dataplane_cores(d); i++)
		busy |= control_keeps_up(d, i) && !rte_ring_empty(d->core[i]->to_host.ring);
	n = epoll_wait(d->epoll, events, RTE_DIM(events), busy ? 0 : waiting ? RETRY_MS : -1);
	zl_doorbell_awake(&d->bell);
	for (int i = 0; i < n; i++)
		serve(d, &events[i]);
}

int zl_host_run(struct zl_dataplane *d)
{
	if (open_host(d))
		return -1;
	give_socket(d);
	if (zl_dataplane_confine(d)) {
		close_host(d);
		return -1;
	}
	zl_say("waiting for zeroline-control on %s/" ZL_IPC_SOCKET, d->run_dir);
	while (!d->quit)
		turn(d);
	close_host(d);
	return d->failed ? -1 : 0;
}
