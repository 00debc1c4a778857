/* Names of hosts, looked up by a thread each, so that the loop never waits for a name server. The
 * thread gets a copy of the endpoint and gives it back through a pipe; who asked is known by the
 * endpoint's id, for it may be gone by then. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"

struct lookup {
	struct zl_ipc_endpoint at;
	struct zl_ports ports;
	zl_result_fn *done;
	uint64_t argument;
	int write_end;
	struct zl_ipc_result result;
};

struct zl_resolver {
	struct zl_watch watch;
	int write_end;
};

static void finish(struct zl_control *c, struct lookup *l)
{
	struct zl_endpoint *e = zl_endpoint_by_id(c, l->at.id);

	if (e && !l->result.error) {
		l->at.socket = e->at.socket;
		e->at = l->at;
		zl_dataplane_request(c, ZL_IPC_ENDPOINT_ADD, &e->at, l->done, l->argument);
	} else {
		l->done(c, &l->result, l->argument);
	}
	free(l);
}

static void ready(struct zl_watch *watch, uint32_t events)
{
	struct zl_control *c = watch->context;
	struct lookup *l;

	(void)events;
	while (read(watch->fd, &l, sizeof(l)) == sizeof(l))
		finish(c, l);
}

static void *look_up(void *context)
{
	struct lookup *l = context;
	int write_end = l->write_end;

	if (zl_endpoint_resolve_now(&l->at, &l->ports, l->result.text, sizeof(l->result.text)))
		l->result.error = -EHOSTUNREACH;
	/* A pointer is written whole. If control has ended meanwhile, so has the process. */
	while (write(write_end, &l, sizeof(l)) < 0 && errno == EINTR)
		;
	return NULL;
}

static struct zl_resolver *resolver(struct zl_control *c)
{
	struct zl_resolver *r = calloc(1, sizeof(*r));
	int fds[2];

	if (!r || pipe2(fds, O_CLOEXEC) < 0) {
		free(r);
		return NULL;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	r->watch = (struct zl_watch){.fd = fds[0], .ready = ready, .context = c};
	r->write_end = fds[1];
	zl_loop_add(&c->loop, &r->watch, EPOLLIN);
	return r;
}

bool zl_resolve_add(struct zl_control *c, const struct zl_ipc_endpoint *at, zl_result_fn *done,
		    uint64_t argument)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!c->resolver)
		c->resolver = resolver(c);
	if (l && c->resolver) {
		l->at = *at;
		l->ports = (struct zl_ports){c->config.ports, c->config.n_ports};
		l->done = done;
		l->argument = argument;
		l->write_end = c->resolver->write_end;
		if (zl_thread_start(look_up, l))
			return true;
	}
	free(l);
	return false;
}

/* The end of the pipe that threads write to stays open: some may still be at it. */
void zl_resolver_free(struct zl_control *c)
{
	if (!c->resolver)
		return;
	zl_loop_remove(&c->loop, &c->resolver->watch);
	free(c->resolver);
	c->resolver = NULL;
}
