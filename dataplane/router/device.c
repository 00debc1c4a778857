/* Devices: the forwarder joins XSUB and XPUB (device.h). */
#include "dataplane/router/device.h"

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

unsigned zl_device_forward(struct zl_device *d, const struct zl_socket *from,
			   const struct zl_msg *msgs, unsigned n)
{
	bool down = from == d->frontend;
	unsigned taken = zl_socket_send(down ? d->backend : d->frontend, msgs, n);

	*(down ? &d->parts_down : &d->parts_up) += taken;
	return taken;
}

void zl_device_broken(struct zl_device *d, const struct zl_socket *from)
{
	zl_socket_broken(from == d->frontend ? d->backend : d->frontend);
}
