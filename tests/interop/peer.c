/* Peers as processes: their start, the notes between them and the test, and their sockets. */
#include "tests/interop/peer.h"
#include "tests/interop/zap.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#define SOCKETS_MAX 8

struct peer {
	struct peer *next;
	char name[32];
	pid_t pid;
	int fd;
	struct note note; /* the last one heard */
	/* in the child */
	void *ctx;
	struct {
		void *socket, *monitor;
		unsigned disconnects;
	} at[SOCKETS_MAX];
	unsigned n_sockets;
};

static struct peer *peers;

/* --- notes --- */

static bool note_send(int fd, const char *what, uint64_t n, double seconds, const void *data,
		      size_t bytes)
{
	struct note note = {.n = n, .seconds = seconds, .bytes = (uint32_t)bytes};

	snprintf(note.what, sizeof(note.what), "%s", what);
	if (bytes > 0)
		memcpy(note.data, data, bytes);
	return send(fd, &note, offsetof(struct note, data) + bytes, MSG_NOSIGNAL) > 0;
}

/* 1: a note; 0: none came in time; -1: the other side is gone */
static int note_receive(int fd, struct note *note, int ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	int ready = poll(&readable, 1, ms);

	if (ready < 1)
		return 0;
	return recv(fd, note, sizeof(*note), 0) > 0 ? 1 : -1;
}

/* --- in the test --- */

static void finish(struct peer *self)
{
	for (unsigned i = 0; i < self->n_sockets; i++) {
		zmq_close(self->at[i].socket);
		if (self->at[i].monitor)
			zmq_close(self->at[i].monitor);
	}
	if (self->ctx)
		zmq_ctx_term(self->ctx);
	peer_say(self, "done", 0, 0);
	_exit(0);
}

struct peer *peer_start(const struct lab_net *net, const char *name, peer_run run, const void *plan)
{
	struct peer *p = calloc(1, sizeof(*p));
	int pair[2];

	if (!p || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		fail_msg("no peer: %s", strerror(errno));
	snprintf(p->name, sizeof(p->name), "%s", name);
	fflush(NULL);
	p->pid = fork();
	if (p->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (p->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		p->fd = pair[1];
		lab_enter(net->peer, false);
		run(p, plan);
		finish(p);
	}
	close(pair[1]);
	p->fd = pair[0];
	p->next = peers;
	peers = p;
	return p;
}

static void forget(struct peer *p)
{
	struct peer **at = &peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	close(p->fd);
	free(p);
}

const struct note *peer_hear_past(struct peer *p, const char *skip, const char *what)
{
	int got;

	do
		got = note_receive(p->fd, &p->note, lab_patience_ms() * 3 / 2);
	while (got > 0 && strcmp(p->note.what, skip) == 0);
	if (got < 0)
		fail_msg("%s: the peer has ended; \"%s\" was expected of it", p->name, what);
	if (got == 0)
		fail_msg("%s: nothing was heard; \"%s\" was expected of it", p->name, what);
	if (strcmp(p->note.what, "failed") == 0)
		fail_msg("%s: %s", p->name, (char *)p->note.data);
	if (strcmp(p->note.what, what) != 0)
		fail_msg("%s: said \"%s\", but \"%s\" was expected", p->name, p->note.what, what);
	return &p->note;
}

const struct note *peer_hear(struct peer *p, const char *what)
{
	return peer_hear_past(p, "", what);
}

void peer_tell_data(struct peer *p, const char *what, uint64_t n, const void *data, size_t bytes)
{
	if (note_send(p->fd, what, n, 0, data, bytes))
		return;
	/* It has ended, and may have said why. */
	peer_hear(p, "that it listens");
}

void peer_tell(struct peer *p, const char *what, uint64_t n)
{
	peer_tell_data(p, what, n, NULL, 0);
}

void peer_done(struct peer *p)
{
	int status = 0;

	peer_hear(p, "done");
	waitpid(p->pid, &status, 0);
	if (status)
		fail_msg("%s: ended with wait status 0x%x", p->name, status);
	forget(p);
}

void peer_signal(struct peer *p, int signal)
{
	kill(p->pid, signal);
	if (signal != SIGKILL)
		return;
	waitpid(p->pid, NULL, 0);
	forget(p);
}

void peer_abandon(void)
{
	while (peers)
		peer_signal(peers, SIGKILL);
}

/* --- in the child --- */

void peer_say_data(struct peer *self, const char *what, uint64_t n, const void *data, size_t bytes)
{
	if (!note_send(self->fd, what, n, 0, data, bytes))
		_exit(1);
}

void peer_say(struct peer *self, const char *what, uint64_t n, double seconds)
{
	if (!note_send(self->fd, what, n, seconds, NULL, 0))
		_exit(1);
}

const struct note *peer_listen(struct peer *self, const char *what)
{
	/* However long the test is busy with others; it ends with the test. */
	if (note_receive(self->fd, &self->note, -1) < 1)
		_exit(1);
	if (what && strcmp(self->note.what, what) != 0)
		peer_fail(self, "was told \"%s\" where \"%s\" was due", self->note.what, what);
	return &self->note;
}

bool peer_is_told(struct peer *self)
{
	struct pollfd readable = {.fd = self->fd, .events = POLLIN};

	return poll(&readable, 1, 0) == 1;
}

int peer_descriptor(struct peer *self)
{
	return self->fd;
}

void peer_fail(struct peer *self, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s: %s\n", self->name,
		text); /* the first to fail need not be heard first */
	note_send(self->fd, "failed", 0, 0, text, strlen(text) + 1);
	_exit(1);
}

void peer_option(struct peer *self, void *socket, int option, int value)
{
	if (zmq_setsockopt(socket, option, &value, sizeof(value)))
		peer_fail(self, "socket option %d=%d: %s", option, value,
			  zmq_strerror(zmq_errno()));
}

static const struct peer_security *security; /* inherited by the child */

void peer_secure(const struct peer_security *with)
{
	security = with;
}

static const struct peer_multicast *multicast; /* likewise */

void peer_multicast(const struct peer_multicast *with)
{
	multicast = with;
}

static void set_text(struct peer *self, void *socket, int option, const char *text)
{
	if (text && zmq_setsockopt(socket, option, text, strlen(text)))
		peer_fail(self, "security option %d: %s", option, zmq_strerror(zmq_errno()));
}

/* Names as Kerberos writes them. A server keeps nothing of whom it has seen. */
static void secure_gssapi(struct peer *self, void *socket)
{
	setenv("KRB5RCACHENAME", "none:", 1);
	peer_option(self, socket, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
	peer_option(self, socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE,
		    ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
	set_text(self, socket, ZMQ_GSSAPI_PRINCIPAL, security->principal);
	set_text(self, socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, security->service);
	peer_option(self, socket, ZMQ_GSSAPI_PLAINTEXT, security->plaintext);
	if (security->server)
		peer_option(self, socket, ZMQ_GSSAPI_SERVER, 1);
}

static void secure(struct peer *self, void *socket)
{
	if (security->principal) {
		secure_gssapi(self, socket);
		return;
	}
	if (security->secret_key && security->server)
		peer_option(self, socket, ZMQ_CURVE_SERVER, 1);
	else if (security->server)
		peer_option(self, socket, ZMQ_PLAIN_SERVER, 1);
	set_text(self, socket, ZMQ_CURVE_PUBLICKEY, security->public_key);
	set_text(self, socket, ZMQ_CURVE_SECRETKEY, security->secret_key);
	set_text(self, socket, ZMQ_CURVE_SERVERKEY, security->server_key);
	if (security->server)
		return;
	set_text(self, socket, ZMQ_PLAIN_USERNAME, security->user);
	set_text(self, socket, ZMQ_PLAIN_PASSWORD, security->password);
}

void *peer_socket(struct peer *self, int type)
{
	unsigned i = self->n_sockets++;
	char monitor[32];

	if (!self->ctx) {
		self->ctx = zmq_ctx_new();
		if (security && security->server && security->user)
			zap_start(self->ctx, security->user, security->password);
	}
	if (i == SOCKETS_MAX)
		peer_fail(self, "a peer has at most %d sockets", SOCKETS_MAX);
	self->at[i].socket = zmq_socket(self->ctx, type);
	peer_option(self, self->at[i].socket, ZMQ_SNDHWM, 0);
	peer_option(self, self->at[i].socket, ZMQ_RCVHWM, 0);
	peer_option(self, self->at[i].socket, ZMQ_RCVTIMEO, lab_patience_ms());
	peer_option(self, self->at[i].socket, ZMQ_LINGER, lab_patience_ms());
	if (security)
		secure(self, self->at[i].socket);
	if (multicast) {
		peer_option(self, self->at[i].socket, ZMQ_RATE, multicast->rate_kbits);
		peer_option(self, self->at[i].socket, ZMQ_RECOVERY_IVL, multicast->recovery_ms);
	}
	snprintf(monitor, sizeof(monitor), "inproc://monitor%u", i);
	zmq_socket_monitor(self->at[i].socket, monitor, ZMQ_EVENT_DISCONNECTED);
	self->at[i].monitor = zmq_socket(self->ctx, ZMQ_PAIR);
	peer_option(self, self->at[i].monitor, ZMQ_LINGER, 0);
	zmq_connect(self->at[i].monitor, monitor);
	return self->at[i].socket;
}

void *peer_open(struct peer *self, int type, const char *endpoint, bool bind)
{
	void *socket = peer_socket(self, type);

	if (bind ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint))
		peer_fail(self, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
	return socket;
}

unsigned peer_disconnects(struct peer *self, void *socket)
{
	unsigned i = 0;
	char part[256];

	while (self->at[i].socket != socket)
		i++;
	/* An event is two parts. */
	while (zmq_recv(self->at[i].monitor, part, sizeof(part), ZMQ_DONTWAIT) >= 0)
		if (zmq_recv(self->at[i].monitor, part, sizeof(part), ZMQ_DONTWAIT) >= 0)
			self->at[i].disconnects++;
	return self->at[i].disconnects;
}

double peer_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
