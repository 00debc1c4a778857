/* Hooks of patterns for what they do not do. */
#include "dataplane/router/patterns.h"

#include <errno.h>

int zl_never_sends(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	(void)s;
	(void)msgs;
	(void)n;
	(void)local;
	return -EOPNOTSUPP;
}

bool zl_can_never_send(const struct zl_socket *s)
{
	(void)s;
	return false;
}

unsigned zl_never_receives(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n)
{
	(void)p;
	(void)msgs;
	s->counter[ZL_ROUTER_dropped_one_way] += n;
	return n;
}

void zl_never_broken(struct zl_socket *s)
{
	(void)s;
}

void zl_never_waits(struct zl_socket *s, struct zl_pipe *p)
{
	(void)s;
	(void)p;
}

int zl_never_subscribes(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
			uint32_t len)
{
	(void)s;
	(void)p;
	(void)add;
	(void)prefix;
	(void)len;
	return -EOPNOTSUPP;
}
