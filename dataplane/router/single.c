/* Messages of a single part (single.h). */
#include "dataplane/router/single.h"
#include "dataplane/router/fan.h" /* zl_fan_rest */

#include <errno.h>
#include <stdlib.h>

int zl_single_open(struct zl_single *f, uint32_t pipes_max)
{
	f->dropping = calloc(pipes_max, sizeof(*f->dropping));
	return f->dropping ? 0 : -ENOMEM;
}

void zl_single_close(struct zl_single *f)
{
	free(f->dropping);
	f->dropping = NULL;
}

void zl_single_forget(struct zl_single *f, const struct zl_pipe *p)
{
	f->dropping[p->slot] = false;
}

unsigned zl_single_run(const struct zl_msg *msgs, unsigned n)
{
	unsigned run = 0;

	while (run < n && !(msgs[run].flags & ZL_MSG_MORE))
		run++;
	return run;
}

/* A message of several parts, or what has come of it. */
static unsigned drop(struct zl_socket *s, bool *dropping, const struct zl_msg *msgs, unsigned n)
{
	unsigned parts = zl_fan_rest(msgs, n);

	s->counter[ZL_ROUTER_dropped_multipart] += !*dropping;
	*dropping = msgs[parts - 1].flags & ZL_MSG_MORE;
	return parts;
}

unsigned zl_single_take(struct zl_socket *s, struct zl_single *f, struct zl_inbox *in,
			struct zl_pipe *p, const struct zl_msg *msgs, unsigned n)
{
	bool *dropping = &f->dropping[p->slot];
	unsigned done = 0;

	while (done < n) {
		unsigned run = *dropping ? 0 : zl_single_run(msgs + done, n - done), taken;

		if (!run) {
			done += drop(s, dropping, msgs + done, n - done);
			continue;
		}
		taken = zl_inbox_take(s, in, p, msgs + done, run);
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}
