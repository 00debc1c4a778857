/* Binds: a listener of the kernel each, which hands its streams to the owner of all. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/state.h"

#define ACCEPTS_A_TURN 16
#define PAUSE_NS       100000000ull /* when there are no descriptors: then another try */

static int watch(struct zl_kernel *k, struct listener *l, int op, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = l};

	return epoll_ctl(k->epoll, op, l->fd, &e) ? -errno : 0;
}

/* TIPC names a socket by itself where a bind asks for no service. */
static int bind_to(struct zl_kernel *k, struct listener *l, struct sockaddr_storage *address,
		   socklen_t bytes)
{
	bool file = l->at.carrier == ZL_CARRIER_IPC;
	int error = file ? unix_before_bind(k, address, &bytes) : 0;

	if (error)
		return error;
	if (!carrier_names_itself(&l->at) && bind(l->fd, (struct sockaddr *)address, bytes))
		return -errno;
	return file ? unix_after_bind(l, address, bytes) : 0;
}

static void where(const struct listener *l, struct zl_ipc_sockaddr *bound)
{
	struct sockaddr_storage a = {0};
	socklen_t bytes = sizeof(a);

	*bound = l->at.address;
	if (carrier_keeps_name(&l->at) || getsockname(l->fd, (struct sockaddr *)&a, &bytes))
		return;
	if (l->at.carrier == ZL_CARRIER_VMCI)
		a.ss_family = AF_VSOCK; /* whatever number it has here */
	*bound = (struct zl_ipc_sockaddr){.bytes = RTE_MIN(bytes, (socklen_t)ZL_SOCKADDR_MAX)};
	memcpy(bound->at, &a, bound->bytes);
}

static int open_listener(struct zl_kernel *k, struct listener *l)
{
	uint32_t backlog = l->settings.backlog ? l->settings.backlog : k->config.backlog;
	struct sockaddr_storage address;
	socklen_t bytes;
	int error;

	l->fd = carrier_socket(&l->at, &address, &bytes);
	if (l->fd < 0)
		return l->fd;
	carrier_before_bind(l->fd, &l->at);
	stream_settings(k, l->fd, l->at.carrier, &l->settings); /* of what answers a SYN */
	error = bind_to(k, l, &address, bytes);
	if (!error && listen(l->fd, (int)backlog))
		error = -errno;
	return error ? error : watch(k, l, EPOLL_CTL_ADD, EPOLLIN);
}

int zl_kernel_listen(struct zl_kernel *k, const struct zl_ipc_endpoint *at,
		     const struct zl_tcp_settings *settings, uint64_t cookie,
		     struct zl_ipc_sockaddr *bound)
{
	struct listener *l = k->listener;
	int error;

	while (l < k->listener + LISTENERS_MAX && l->fd >= 0)
		l++;
	if (l == k->listener + LISTENERS_MAX)
		return -ENOSPC;
	*l = (struct listener){
		.kind = KIND_LISTENER, .cookie = cookie, .at = *at, .settings = *settings};
	error = open_listener(k, l);
	if (error)
		listener_close(l);
	else
		where(l, bound);
	return error;
}

void listener_close(struct listener *l)
{
	unix_remove(l);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->path[0] = '\0';
}

void zl_kernel_unlisten(struct zl_kernel *k, uint64_t cookie)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct listener *l = &k->listener[i];

		if (l->fd < 0 || l->cookie != cookie)
			continue;
		k->paused -= l->paused;
		listener_close(l);
	}
}

/* Who knocks waits in the kernel's queue meanwhile. */
static void pause_listener(struct zl_kernel *k, struct listener *l)
{
	k->counter[ZL_KERNEL_drop_no_descriptor]++;
	if (watch(k, l, EPOLL_CTL_MOD, 0))
		return;
	k->paused++;
	l->paused = true;
	l->resume_ns = k->now_ns + PAUSE_NS;
}

void listeners_resume(struct zl_kernel *k)
{
	for (unsigned i = 0; k->paused && i < LISTENERS_MAX; i++) {
		struct listener *l = &k->listener[i];

		if (l->fd < 0 || !l->paused || k->now_ns < l->resume_ns ||
		    watch(k, l, EPOLL_CTL_MOD, EPOLLIN))
			continue;
		l->paused = false;
		k->paused--;
	}
}

static void turn_away(struct zl_kernel *k, int fd, enum zl_kernel_counter why)
{
	const struct linger at_once = {.l_onoff = 1};

	k->counter[why]++;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void take_in(struct zl_kernel *k, const struct listener *l, int fd)
{
	struct kstream *s;

	if (l->at.carrier == ZL_CARRIER_IPC && !unix_lets_in(&l->at, fd)) {
		turn_away(k, fd, ZL_KERNEL_drop_filtered);
		return;
	}
	s = stream_new(k, fd, l->at.carrier);
	if (!s) {
		turn_away(k, fd, ZL_KERNEL_drop_no_stream);
		return;
	}
	stream_settings(k, fd, l->at.carrier, &l->settings);
	s->state = STREAM_OPEN;
	s->readable = s->writable = true;
	if (stream_watch(s) || !k->config.accept(k->config.ctx, l->cookie, &s->stream)) {
		stream_release(s, REASON_not_accepted);
		return;
	}
	k->counter[ZL_KERNEL_accepted]++;
	stream_activate(s);
}

void listener_accept(struct zl_kernel *k, struct listener *l)
{
	for (unsigned n = 0; n < ACCEPTS_A_TURN && l->fd >= 0; n++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_in(k, l, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_listener(k, l);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}
