/* Only the newest message (conflate.h). */
#include "dataplane/router/conflate.h"

#include <errno.h>
#include <stdlib.h>

enum {
	GROUP = 64 /* pipes that are written to at once */
};

static void let_go(struct zl_msg *kept)
{
	if (kept->data)
		zl_buf_unref(kept->buf, 1);
	*kept = (struct zl_msg){0};
}

static void keep(struct zl_msg *kept, const struct zl_msg *m)
{
	zl_buf_ref(m->buf, 1);
	let_go(kept);
	*kept = *m;
}

/* What a run comes down to. */
struct newest {
	const struct zl_msg *msg; /* NULL: it has no message of one part */
	uint32_t messages, multipart;
	uint64_t bytes; /* of all */
};

static struct newest newest_of(const struct zl_msg *msgs, unsigned n)
{
	struct newest f = {0};
	bool inside = false;

	for (unsigned i = 0; i < n; i++) {
		bool more = msgs[i].flags & ZL_MSG_MORE;

		f.bytes += msgs[i].len;
		f.multipart += more && !inside;
		f.messages += !inside;
		if (!more && !inside)
			f.msg = &msgs[i];
		inside = more;
	}
	return f;
}

/* The pattern has accounted for all of the run: takes back what is not written now. */
static void unaccount(struct zl_pipe *p, uint32_t messages, unsigned parts, uint64_t bytes)
{
	p->queued_msgs -= messages < p->queued_msgs ? messages : p->queued_msgs;
	p->queued_bytes -= bytes < p->queued_bytes ? bytes : p->queued_bytes;
	p->msgs_out -= parts;
	p->bytes_out -= bytes;
}

static void write_newest(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
			 const struct zl_msg *msgs, unsigned n)
{
	struct zl_socket *s = pipes[0]->socket;
	struct zl_conflate *c = s->conflate;
	struct newest f = newest_of(msgs, n);
	struct zl_pipe *now[GROUP];
	unsigned count = 0;

	for (unsigned i = 0; i < n_pipes; i++) {
		struct zl_pipe *p = pipes[i];
		struct zl_conflated *at = &c->at[p->slot];
		uint32_t lost = f.messages - (f.msg != NULL);

		if (!f.msg) {
			unaccount(p, f.messages, n, f.bytes);
		} else if (at->busy) {
			lost += at->out.data != NULL;
			unaccount(p, f.messages, n, f.bytes);
			keep(&at->out, f.msg);
		} else {
			unaccount(p, f.messages - 1, n - 1, f.bytes - f.msg->len);
			at->busy = p->kind == ZL_PIPE_PEER;
			now[count++] = p;
		}
		p->msgs_dropped += lost;
		s->counter[ZL_ROUTER_dropped_conflated] += lost;
		if (count == GROUP) {
			c->owner->write(ctx, now, count, f.msg, 1);
			count = 0;
		}
	}
	if (count)
		c->owner->write(ctx, now, count, f.msg, 1);
}

int zl_conflate_open(struct zl_socket *s)
{
	struct zl_conflate *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->at = calloc(s->pipes_max, sizeof(*c->at));
	if (!c->at) {
		free(c);
		return -ENOMEM;
	}
	c->owner = s->ops;
	c->ops = *s->ops;
	c->ops.write = write_newest;
	s->ops = &c->ops;
	s->conflate = c;
	return 0;
}

void zl_conflate_close(struct zl_socket *s)
{
	if (!s->conflate)
		return;
	s->ops = s->conflate->owner;
	free(s->conflate->at);
	free(s->conflate);
	s->conflate = NULL;
}

void zl_conflate_forget(struct zl_socket *s, const struct zl_pipe *p)
{
	struct zl_conflated *at = &s->conflate->at[p->slot];

	let_go(&at->out);
	let_go(&at->in);
	at->busy = false;
}

void zl_conflate_released(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_conflated *at = &s->conflate->at[p->slot];
	struct zl_msg out = at->out;

	at->busy = out.data != NULL;
	if (!out.data)
		return;
	at->out = (struct zl_msg){0};
	p->queued_msgs++;
	p->queued_bytes += out.len;
	p->msgs_out++;
	p->bytes_out += out.len;
	s->conflate->owner->write(s->ctx, &p, 1, &out, 1);
	zl_buf_unref(out.buf, 1);
}

unsigned zl_conflate_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n)
{
	struct zl_conflated *at = &s->conflate->at[p->slot];
	struct newest f = newest_of(msgs, n);
	const struct zl_msg *newest = f.msg ? f.msg : at->in.data ? &at->in : NULL;

	s->counter[ZL_ROUTER_dropped_conflated] += f.messages - (f.msg != NULL) +
						   (f.msg && at->in.data);
	if (!newest)
		return n;
	if (s->pattern->input(s, p, newest, 1) == 1)
		let_go(&at->in);
	else if (f.msg)
		keep(&at->in, f.msg);
	return n;
}
