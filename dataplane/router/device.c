/* Devices (device.h): what one socket receives the other sends, as far as it has room. */
#include "dataplane/router/device.h"
#include "dataplane/router/fan.h"
#include "dataplane/router/patterns.h"

#include <errno.h>

int zl_device_open(struct zl_device *d, enum zl_device_kind kind, struct zl_socket *frontend,
		   struct zl_socket *backend)
{
	if (!zl_ipc_device_joins(kind, frontend->pattern->type, backend->pattern->type))
		return -EINVAL;
	d->kind = kind;
	d->frontend = frontend;
	d->backend = backend;
	d->passing[0] = d->passing[1] = false;
	d->parts_down = 0;
	d->parts_up = 0;
	return 0;
}

/* A message that the other side will never take is passed over, over as many calls as it takes:
 * others are waiting behind it. */
static unsigned pass_over(bool *passing, const struct zl_msg *msgs, unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);

	*passing = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

unsigned zl_device_forward(struct zl_device *d, const struct zl_socket *from,
			   const struct zl_msg *msgs, unsigned n)
{
	bool down = from == d->frontend;
	struct zl_socket *to = down ? d->backend : d->frontend;
	bool *passing = &d->passing[!down];
	unsigned taken = n && *passing ? pass_over(passing, msgs, n) : 0;

	while (taken < n) {
		int sent = zl_socket_send(to, msgs + taken, n - taken);

		if (sent == 0)
			break;
		if (sent > 0) {
			taken += (unsigned)sent;
			continue;
		}
		to->counter[ZL_ROUTER_dropped_refused]++;
		taken += pass_over(passing, msgs + taken, n - taken);
	}
	*(down ? &d->parts_down : &d->parts_up) += taken;
	return taken;
}

bool zl_device_blocked(const struct zl_device *d, const struct zl_socket *from)
{
	const struct zl_socket *to = from == d->frontend ? d->backend : d->frontend;

	return to->pattern->send != zl_never_sends && !zl_socket_can_send(to);
}

void zl_device_broken(struct zl_device *d, const struct zl_socket *from)
{
	bool down = from == d->frontend;

	if (d->passing[!down])
		d->passing[!down] = false;
	else
		zl_socket_broken(down ? d->backend : d->frontend);
}
