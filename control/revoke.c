/* Keys and users that are taken away: their files are looked at once a second, and whoever is
 * connected by what is no longer there is closed. */
#include "control/control.h"
#include "control/log.h"

#define LOOK_MS 1000

/* PLAIN tells its name at the beginning of the handshake, which may take its time. */
static const char *name_of(const struct zl_stream *s)
{
	if (s->state == ZL_STREAM_READY)
		return s->user;
	return s->handshake ? s->handshake->user : "";
}

bool zl_revoked(const struct zl_stream *s)
{
	const struct zl_security *security = s->socket ? s->socket->security : NULL;
	const char *name = name_of(s);

	return *name && security && security->server && !zl_security_keeps(security, name);
}

static void close_revoked(void *context, struct zl_stream *s)
{
	if (zl_revoked(s))
		zl_stream_close(context, s, ZL_REASON_revoked);
}

static void look(struct zl_timer *timer)
{
	struct zl_control *c = timer->context;
	bool changed = false;

	for (struct zl_socket *s = c->sockets; s; s = s->next)
		changed |= s->security && zl_security_changed(s->security, zl_security_skipped, c);
	if (changed)
		zl_streams_each(c, close_revoked, c);
	zl_timer_set(&c->loop, timer, LOOK_MS);
}

void zl_revoke_start(struct zl_control *c)
{
	bool needed = false;

	for (struct zl_socket *s = c->sockets; s; s = s->next)
		needed |= s->security && s->security->server;
	c->revoking = (struct zl_timer){.fire = look, .context = c};
	if (needed)
		zl_timer_set(&c->loop, &c->revoking, LOOK_MS);
}
