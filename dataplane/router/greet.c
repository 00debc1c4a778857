/* A new peer's first messages (greet.h). */
#include "dataplane/router/greet.h"

static void write_own(struct zl_socket *s, struct zl_pipe *p, const uint8_t *bytes, size_t len)
{
	struct zl_msg msg = {.len = (uint32_t)len};

	msg.buf = s->ops->buffer(s->ctx, bytes, msg.len, &msg.data);
	if (!msg.buf) {
		s->counter[ZL_ROUTER_dropped_notices]++;
		return;
	}
	p->queued_msgs++;
	p->queued_bytes += len;
	p->msgs_out++;
	p->bytes_out += len;
	s->counter[ZL_ROUTER_deliveries]++;
	s->ops->write(s->ctx, &p, 1, &msg, 1);
	zl_buf_unref(msg.buf, 1);
}

void zl_greet(struct zl_socket *s, struct zl_pipe *p, bool probes)
{
	const struct zl_option_bytes *hello = &s->options->hello_msg;

	if (p->kind != ZL_PIPE_PEER)
		return;
	if (hello->len)
		write_own(s, p, hello->data, hello->len);
	if (probes && s->options->probe_router)
		write_own(s, p, (const uint8_t *)"", 0);
}

void zl_welcome(struct zl_socket *s, struct zl_pipe *p)
{
	const struct zl_option_bytes *welcome = &s->options->welcome_msg;

	if (p->kind == ZL_PIPE_PEER && welcome->len)
		write_own(s, p, welcome->data, welcome->len);
}
