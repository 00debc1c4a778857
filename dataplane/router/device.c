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
	d->capture = NULL;
	d->paused = d->mid[0] = d->mid[1] = d->uncaptured[0] = d->uncaptured[1] = false;
	d->capturing = 0;
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

/* A copy of what was passed on. Traffic does not wait for it: what the capture socket has no room
 * for is not captured, nor what meets a message of the other side that is still under way. */
static void capture(struct zl_device *d, unsigned side, const struct zl_msg *msgs, unsigned n)
{
	unsigned done = d->uncaptured[side] ? pass_over(&d->uncaptured[side], msgs, n) : 0;

	while (done < n) {
		int sent = 0;

		if (!d->capturing || d->capturing == side + 1)
			sent = zl_socket_send(d->capture, msgs + done, n - done);
		if (sent > 0) {
			done += (unsigned)sent;
			d->capturing = msgs[done - 1].flags & ZL_MSG_MORE ? side + 1 : 0;
			continue;
		}
		d->capture->counter[ZL_ROUTER_uncaptured]++;
		done += pass_over(&d->uncaptured[side], msgs + done, n - done);
	}
}

static unsigned pass_on(struct zl_device *d, bool down, const struct zl_msg *msgs, unsigned n)
{
	struct zl_socket *to = down ? d->backend : d->frontend;
	bool *passing = &d->passing[!down];
	unsigned taken = n && *passing ? pass_over(passing, msgs, n) : 0;

	while (taken < n) {
		int sent = zl_socket_send(to, msgs + taken, n - taken);

		if (sent == 0)
			break;
		if (sent > 0) {
			if (d->capture)
				capture(d, !down, msgs + taken, (unsigned)sent);
			taken += (unsigned)sent;
			continue;
		}
		to->counter[ZL_ROUTER_dropped_refused]++;
		taken += pass_over(passing, msgs + taken, n - taken);
	}
	*(down ? &d->parts_down : &d->parts_up) += taken;
	return taken;
}

unsigned zl_device_forward(struct zl_device *d, const struct zl_socket *from,
			   const struct zl_msg *msgs, unsigned n)
{
	bool down = from == d->frontend;
	unsigned taken;

	if (d->paused)
		n = d->mid[!down] ? zl_fan_rest(msgs, n) : 0;
	taken = pass_on(d, down, msgs, n);
	if (taken)
		d->mid[!down] = msgs[taken - 1].flags & ZL_MSG_MORE;
	return taken;
}

bool zl_device_blocked(const struct zl_device *d, const struct zl_socket *from)
{
	const struct zl_socket *to = from == d->frontend ? d->backend : d->frontend;

	if (d->paused && !d->mid[from != d->frontend])
		return true;
	return to->pattern->send != zl_never_sends && !zl_socket_can_send(to);
}

void zl_device_broken(struct zl_device *d, const struct zl_socket *from)
{
	bool down = from == d->frontend;

	d->mid[!down] = d->uncaptured[!down] = false;
	if (d->capturing == !down + 1) {
		d->capturing = 0;
		zl_socket_broken(d->capture);
	}
	if (d->passing[!down])
		d->passing[!down] = false;
	else
		zl_socket_broken(down ? d->backend : d->frontend);
}
