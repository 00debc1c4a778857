/* The contract's AF_UNIX socket: listening, connecting, and whole packets in and out with at most
 * one descriptor riding along. Every packet received has passed zl_ipc_check(). */
#include "control/ipc/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20) /* what the kernel may hold each way: a burst of subscriptions */

static int socket_address(struct sockaddr_un *sa, const char *run_dir)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%s", run_dir, ZL_IPC_SOCKET);
	return n < (int)sizeof(sa->sun_path) ? 0 : -ENAMETOOLONG;
}

/* The system may cap the buffers lower (net.core.wmem_max): then bursts take more wake-ups. */
static int socket_open(void)
{
	int bytes = BUFFER_BYTES;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return sock;
}

static int close_with(int sock, int error)
{
	close(sock);
	return -error;
}

int zl_ipc_connect(const char *run_dir)
{
	struct sockaddr_un sa;
	int err = socket_address(&sa, run_dir);

	if (err)
		return err;
	int sock = socket_open();
	if (sock < 0)
		return sock;
	if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return close_with(sock, errno);
	return sock;
}

/* A socket file that nobody answers was left by a process that died; one that answers is in use. */
static int unlink_stale(const char *run_dir, const struct sockaddr_un *sa)
{
	int sock = zl_ipc_connect(run_dir);

	if (sock >= 0)
		return close_with(sock, EADDRINUSE);
	if (sock == -EAGAIN)
		return -EADDRINUSE;
	if (sock == -ECONNREFUSED && unlink(sa->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int zl_ipc_listen(const char *run_dir)
{
	struct sockaddr_un sa;
	int err = socket_address(&sa, run_dir);

	if (!err)
		err = unlink_stale(run_dir, &sa);
	if (err)
		return err;
	int sock = socket_open();
	if (sock < 0)
		return sock;
	/* Nobody can connect before listen(), so the mode is in place in time. */
	if (bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(sa.sun_path, 0600) < 0 ||
	    listen(sock, 4) < 0)
		return close_with(sock, errno);
	return sock;
}

int zl_ipc_send(int sock, const void *packet, size_t length, int fd)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)packet, .iov_len = length};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	for (;;) {
		if (sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* Keeps the first descriptor that came; any more are nobody's, and are closed. */
static int take_fd(struct msghdr *msg)
{
	int kept = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (kept < 0)
				kept = fd;
			else
				close(fd);
		}
	}
	return kept;
}

long zl_ipc_recv(int sock, void *buf, int *fd)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = ZL_IPC_PACKET_MAX};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	int came = take_fd(&msg);
	if (n > 0 && ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || zl_ipc_check(buf, n)))
		n = -EBADMSG;
	if (n > 0)
		*fd = came;
	else if (came >= 0)
		close(came);
	return n;
}
