/* Devices: the forwarder joins XSUB and XPUB (device.h). */
#include "dataplane/router/device.h"
#include "dataplane/router/fan.h"

#include <errno.h>

int zl_device_open(struct zl_device *d, enum zl_device_kind kind, struct zl_socket *frontend,
		   struct zl_socket *backend)
{
	enum zl_socket_type front = frontend->pattern->type, back = backend->pattern->type;

	if (kind != ZL_FORWARDER)
		return -EPROTONOSUPPORT;
	if ((front != ZL_XSUB && front != ZL_SUB) || (back != ZL_XPUB && back != ZL_PUB))
		return -EINVAL;
	d->kind = kind;
	d->frontend = frontend;
	d->backend = backend;
	d->parts_down = 0;
	d->parts_up = 0;
	return 0;
}

/* A message that the other side will never take is passed over: others are waiting behind it. */
static unsigned refused(struct zl_socket *to, const struct zl_msg *msgs, unsigned n)
{
	to->counter[ZL_ROUTER_dropped_refused]++;
	return zl_fan_rest(msgs, n);
}

unsigned zl_device_forward(struct zl_device *d, const struct zl_socket *from,
			   const struct zl_msg *msgs, unsigned n)
{
	bool down = from == d->frontend;
	struct zl_socket *to = down ? d->backend : d->frontend;
	int sent = zl_socket_send(to, msgs, n);
	unsigned taken = sent >= 0 ? (unsigned)sent : refused(to, msgs, n);

	*(down ? &d->parts_down : &d->parts_up) += taken;
	return taken;
}

void zl_device_broken(struct zl_device *d, const struct zl_socket *from)
{
	zl_socket_broken(from == d->frontend ? d->backend : d->frontend);
}
