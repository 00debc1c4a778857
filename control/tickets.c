/* Kerberos tickets of sockets that are GSSAPI clients, fetched ahead of time and renewed at half of
 * their life: by a thread each, which gives what it has got back through a pipe, so that the loop
 * never waits for a KDC. One that is late costs nothing but its own socket's handshakes, which are
 * closed (gssapi_no_ticket) and tried again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/control.h"
#include "control/log.h"
#include "control/security/gssapi.h"

#define LOOK_MS 1000

struct fetch {
	struct zl_gssapi *of;
	struct zl_gssapi_ticket ticket;
	int write_end;
};

struct zl_tickets {
	struct zl_watch watch;
	struct zl_timer timer;
	int write_end;
};

static void *get(void *context)
{
	struct fetch *f = context;
	int write_end = f->write_end;

	zl_gssapi_fetch(&f->ticket);
	/* A pointer is written whole. If control has ended meanwhile, so has the process. */
	while (write(write_end, &f, sizeof(f)) < 0 && errno == EINTR)
		;
	return NULL;
}

static void take(struct zl_control *c, struct fetch *f)
{
	const struct zl_gssapi_ticket *t = &f->ticket;

	if (!zl_gssapi_take(f->of, &f->ticket))
		zl_log(ZL_WARN, "no ticket of %s for %s: %s; trying again", t->principal,
		       t->service, t->error);
	c->counters[t->error[0] ? ZL_COUNT_tickets_failed : ZL_COUNT_tickets_fetched]++;
	free(f);
}

static void ready(struct zl_watch *watch, uint32_t events)
{
	struct fetch *f;

	(void)events;
	while (read(watch->fd, &f, sizeof(f)) == sizeof(f))
		take(watch->context, f);
}

static void look_at(struct zl_tickets *t, struct zl_gssapi *g)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f)
		return;
	if (!zl_gssapi_due(g, &f->ticket)) {
		free(f);
		return;
	}
	f->of = g;
	f->write_end = t->write_end;
	if (zl_thread_start(get, f))
		return;
	snprintf(f->ticket.error, sizeof(f->ticket.error), "no thread to fetch it");
	take(t->watch.context, f);
}

static void look(struct zl_timer *timer)
{
	struct zl_control *c = timer->context;

	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (s->security && s->security->gssapi)
			look_at(c->tickets, s->security->gssapi);
	zl_timer_set(&c->loop, timer, LOOK_MS);
}

static struct zl_tickets *tickets_new(struct zl_control *c)
{
	struct zl_tickets *t = calloc(1, sizeof(*t));
	int fds[2];

	if (!t || pipe2(fds, O_CLOEXEC) < 0) {
		free(t);
		return NULL;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	t->watch = (struct zl_watch){.fd = fds[0], .ready = ready, .context = c};
	t->timer = (struct zl_timer){.fire = look, .context = c};
	t->write_end = fds[1];
	return t;
}

/* What a server has seen, so that a recorded handshake is of no use, is kept in the run directory,
 * for the next control as well, unless the environment has it elsewhere. */
static void place_replays(const struct zl_control *c)
{
	char name[ZL_RUN_DIR_MAX + 32];

	snprintf(name, sizeof(name), "file2:%s/gssapi.replays", c->config.run_dir);
	setenv("KRB5RCACHENAME", name, 0);
}

bool zl_tickets_start(struct zl_control *c)
{
	bool needed = false, client = false;

	for (struct zl_socket *s = c->sockets; s; s = s->next) {
		needed |= s->security && s->security->gssapi;
		client |= s->security && s->security->gssapi && !s->security->server;
	}
	if (needed)
		place_replays(c);
	if (!client)
		return true;
	c->tickets = tickets_new(c);
	if (!c->tickets || zl_loop_add(&c->loop, &c->tickets->watch, EPOLLIN) < 0)
		return false;
	look(&c->tickets->timer);
	return true;
}

/* The end of the pipe that threads write to stays open: some may still be at it. */
void zl_tickets_free(struct zl_control *c)
{
	if (!c->tickets)
		return;
	zl_timer_stop(&c->loop, &c->tickets->timer);
	zl_loop_remove(&c->loop, &c->tickets->watch);
	close(c->tickets->watch.fd);
	free(c->tickets);
	c->tickets = NULL;
}
