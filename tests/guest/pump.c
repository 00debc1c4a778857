/* Bytes between AF_UNIX and AF_VSOCK (pump.h): a thread for each direction of each connection. */
#include "tests/guest/pump.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

struct link {
	int fd[2];
	int ends; /* directions that are over */
};

struct direction {
	struct link *link;
	unsigned from;
};

/* --- sockets --- */

static int vsock_socket(uint32_t port, bool listens)
{
	struct sockaddr_vm at = {.svm_family = AF_VSOCK,
				 .svm_cid = listens ? VMADDR_CID_ANY : VMADDR_CID_LOCAL,
				 .svm_port = port};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = listens ? bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16)
			    : connect(fd, (struct sockaddr *)&at, sizeof(at));

	if (!error)
		return fd;
	close(fd);
	return -1;
}

static int unix_socket(const char *path, bool listens)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (listens)
		unlink(path);
	error = listens ? bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16)
			: connect(fd, (struct sockaddr *)&at, sizeof(at));
	if (!error)
		return fd;
	close(fd);
	return -1;
}

/* --- bytes --- */

static bool write_all(int fd, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t put = send(fd, bytes, n, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		bytes += put;
		n -= (size_t)put;
	}
	return true;
}

/* When one direction is over so is the other, and the second closes. */
static void *carry(void *argument)
{
	struct direction *d = argument;
	struct link *link = d->link;
	int from = link->fd[d->from], to = link->fd[!d->from];
	uint8_t bytes[32768];
	ssize_t n;

	free(d);
	while ((n = recv(from, bytes, sizeof(bytes), 0)) > 0 && write_all(to, bytes, (size_t)n))
		;
	shutdown(from, SHUT_RDWR);
	shutdown(to, SHUT_RDWR);
	if (__atomic_add_fetch(&link->ends, 1, __ATOMIC_ACQ_REL) == 2) {
		close(from);
		close(to);
		free(link);
	}
	return NULL;
}

static void start(struct peer *self, struct link *link, unsigned from)
{
	struct direction *d = calloc(1, sizeof(*d));
	pthread_t thread;

	if (!d)
		peer_fail(self, "no memory");
	*d = (struct direction){link, from};
	if (pthread_create(&thread, NULL, carry, d))
		peer_fail(self, "no thread");
	pthread_detach(thread);
}

static void accept_one(struct peer *self, const struct pump *p, int listener)
{
	struct link *link = calloc(1, sizeof(*link));
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int other = p->from_vsock ? unix_socket(p->path, false) : vsock_socket(p->port, false);

	if (!link || fd < 0)
		peer_fail(self, "accept: %s", strerror(errno));
	if (other < 0) {
		close(fd);
		free(link);
		return;
	}
	*link = (struct link){.fd = {fd, other}};
	start(self, link, 0);
	start(self, link, 1);
}

static void pump_run(struct peer *self, const void *plan)
{
	const struct pump *p = plan;
	int listener = p->from_vsock ? vsock_socket(p->port, true) : unix_socket(p->path, true);
	struct pollfd wait[2] = {{.fd = peer_descriptor(self), .events = POLLIN},
				 {.fd = listener, .events = POLLIN}};

	if (listener < 0)
		peer_fail(self, "%s, port %u: %s", p->path, p->port, strerror(errno));
	peer_say(self, "listens", 0, 0);
	while (poll(wait, 2, -1) > 0 && !wait[0].revents)
		accept_one(self, p, listener);
	peer_listen(self, "end");
	if (!p->from_vsock)
		unlink(p->path);
}

/* --- in the test --- */

struct peer *pump_start(const struct lab_net *net, const struct pump *plan)
{
	struct peer *p = peer_start(net, "pump", pump_run, plan);

	peer_hear(p, "listens");
	return p;
}

void pump_end(struct peer *pump)
{
	peer_tell(pump, "end", 0);
	peer_done(pump);
}
