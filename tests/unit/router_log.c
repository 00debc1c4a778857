#include "tests/unit/router_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct zl_buf {
	unsigned refs;
	uint8_t bytes[];
};
static unsigned buffers;

unsigned log_buffers(void)
{
	return buffers;
}

/* What log_parse() made has no buffer: the text outlives it. */
void zl_buf_ref(struct zl_buf *buf, uint16_t n)
{
	if (buf)
		buf->refs += n;
}

void zl_buf_unref(struct zl_buf *buf, uint16_t n)
{
	if (!buf)
		return;
	assert_true(buf->refs >= n);
	buf->refs -= n;
	if (buf->refs)
		return;
	buffers--;
	free(buf);
}

static struct zl_buf *on_buffer(void *ctx, const void *bytes, uint32_t len, const uint8_t **data)
{
	struct zl_buf *buf = malloc(sizeof(*buf) + len);

	(void)ctx;
	assert_non_null(buf);
	buffers++;
	buf->refs = 1;
	if (len)
		memcpy(buf->bytes, bytes, len);
	*data = buf->bytes;
	return buf;
}

static void on_misbehaved(void *ctx, struct zl_pipe *pipe, const char *reason)
{
	struct router_log *l = ctx;
	size_t at = strlen(l->misbehaved);

	snprintf(l->misbehaved + at, LOG_TEXT - at, "%u:%s ", (unsigned)(pipe - l->pipe), reason);
}

/* Under the name that shard.c closes it by. */
static void on_finish(void *ctx, struct zl_pipe *pipe)
{
	on_misbehaved(ctx, pipe, "closed_by_user");
}

/* Bodies that are in several pieces lie in one here: only their flag tells. */
uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max)
{
	uint32_t n = max < msg->len ? max : msg->len;

	memcpy(into, msg->data, n);
	return n;
}

static void append(char *log, const struct zl_msg *msg)
{
	size_t at = strlen(log);

	assert_true(at + msg->len + 2 < LOG_TEXT);
	memcpy(log + at, msg->data, msg->len);
	strcpy(log + at + msg->len, msg->flags & ZL_MSG_MORE ? "+" : " ");
}

static void on_write(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
		     const struct zl_msg *msgs, unsigned n)
{
	struct router_log *l = ctx;

	assert_true(n_pipes > 0 && n > 0);
	l->writes++;
	for (unsigned i = 0; i < n_pipes; i++) {
		for (unsigned k = 0; k < n; k++)
			append(l->out[pipes[i] - l->pipe], &msgs[k]);
	}
}

/* At a message boundary, or all: a message longer than the call goes on in the next. */
static unsigned on_receive(void *ctx, const struct zl_msg *msgs, unsigned n)
{
	struct router_log *l = ctx;
	unsigned taken = n < l->accept ? n : l->accept;

	while (taken > 0 && taken < n && (msgs[taken - 1].flags & ZL_MSG_MORE))
		taken--;
	l->accept -= taken;
	for (unsigned i = 0; i < taken; i++)
		append(l->received, &msgs[i]);
	return taken;
}

static unsigned on_subscriptions(void *ctx, struct zl_pipe *pipe, const struct zl_msg *msgs,
				 unsigned n)
{
	struct router_log *l = ctx;
	unsigned taken = n < l->accept ? n : l->accept;

	(void)pipe;
	l->accept -= taken;
	for (unsigned i = 0; i < taken; i++)
		append(l->subs, &msgs[i]);
	return taken;
}

static bool on_upstream(void *ctx, struct zl_pipe *pipe, const struct zl_msg *msg)
{
	struct router_log *l = ctx;

	(void)pipe;
	if (l->accept == 0)
		return false;
	l->accept--;
	append(l->upstream, msg);
	return true;
}

static void on_broken(void *ctx, struct zl_pipe *pipe)
{
	struct router_log *l = ctx;

	if (pipe)
		l->broken[pipe - l->pipe]++;
	else
		l->broken_receive++;
}

void log_open(struct router_log *l, enum zl_socket_type type)
{
	log_open_with(l, type, NULL, NULL, false);
}

void log_open_with(struct router_log *l, enum zl_socket_type type,
		   const struct zl_ipc_policy *policy, const struct zl_socket_options *options,
		   bool alone)
{
	static struct zl_socket_ops ops = {
		.write = on_write,
		.receive = on_receive,
		.subscriptions = on_subscriptions,
		.upstream = on_upstream,
		.broken = on_broken,
		.buffer = on_buffer,
		.misbehaved = on_misbehaved,
		.finish = on_finish,
	};
	struct zl_socket_config config = {
		.id = 1,
		.type = type,
		.sndhwm = 10,
		.pipes_max = LOG_PIPES,
		.matcher_bytes = 1 << 20,
		.options = options,
		.policy = policy,
		.ops = &ops,
		.ctx = l,
		.counter = l->counter,
	};

	memset(l, 0, sizeof(*l));
	ops.subscriptions = alone ? NULL : on_subscriptions;
	l->accept = 1000;
	assert_int_equal(zl_socket_open(&l->socket, &config), 0);
}

void log_close(struct router_log *l)
{
	zl_socket_close(&l->socket);
}

void log_add(struct router_log *l, unsigned i, enum zl_pipe_kind kind)
{
	l->pipe[i] = (struct zl_pipe){.kind = kind, .id = i};
	assert_int_equal(zl_socket_add_pipe(&l->socket, &l->pipe[i]), 0);
}

void log_add_named(struct router_log *l, unsigned i, const char *name)
{
	l->pipe[i] = (struct zl_pipe){
		.kind = ZL_PIPE_PEER,
		.id = i,
		.routing_id = (const uint8_t *)name,
		.routing_id_len = (uint8_t)strlen(name),
	};
	assert_int_equal(zl_socket_add_pipe(&l->socket, &l->pipe[i]), 0);
}

void log_subscribe(struct router_log *l, unsigned i, const char *prefix)
{
	assert_int_equal(l->socket.pattern->subscribe(&l->socket, &l->pipe[i], true,
						      (const uint8_t *)prefix,
						      (uint32_t)strlen(prefix)),
			 0);
}

unsigned log_parse(struct zl_msg *msgs, const char *text)
{
	unsigned n = 0;

	while (*text) {
		uint32_t len = (uint32_t)strcspn(text, "+ ");

		msgs[n++] = (struct zl_msg){
			.data = (const uint8_t *)text,
			.len = len,
			.flags = text[len] == '+' ? ZL_MSG_MORE : 0,
		};
		text += len + (text[len] != 0);
	}
	return n;
}

int log_send(struct router_log *l, const char *text)
{
	struct zl_msg msgs[256];
	unsigned n = log_parse(msgs, text);

	return zl_socket_send(&l->socket, msgs, n);
}

int log_send_local(struct router_log *l, const char *text)
{
	struct zl_msg msgs[256];
	unsigned n = log_parse(msgs, text);

	return zl_socket_send_local(&l->socket, msgs, n);
}

/* "S:x" subscribes, "C:x" cancels. */
unsigned log_input(struct router_log *l, unsigned i, const char *text)
{
	struct zl_msg msgs[256];
	unsigned n = log_parse(msgs, text);

	for (unsigned k = 0; k < n; k++) {
		if (msgs[k].len < 2 || msgs[k].data[1] != ':')
			continue;
		msgs[k].flags |= msgs[k].data[0] == 'S' ? ZL_MSG_SUBSCRIBE : ZL_MSG_CANCEL;
	}
	return zl_socket_input(&l->pipe[i], msgs, n);
}

void log_clear(struct router_log *l)
{
	memset(l->out, 0, sizeof(l->out));
	l->received[0] = l->upstream[0] = l->subs[0] = l->misbehaved[0] = 0;
	l->writes = 0;
}
