/* norm://: a PUB or XPUB is a source, a SUB or XSUB receives whoever sends to its group. Bind and
 * connect are the same, as for libzmq. The kernel carries it, by libnorm (drivers/host/norm.h), so
 * that it lives on the host core; what is in its streams is in norm_stream.h. */
#include "dataplane/flow_norm.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "dataplane/lcore.h"

#define SOURCES_BYTES (128u << 20) /* that more sources than a few may take */
#define SOURCES_MIN   4
#define BUFFER_MIN    64 /* KiB */

/* --- the main thread --- */

/* As many as memory allows, and a few whatever it takes. */
static unsigned sources(uint32_t buffer_bytes)
{
	unsigned n = SOURCES_BYTES / (3 * buffer_bytes); /* its buffer, and its stream's, twice */

	return RTE_MIN(RTE_MAX(n, (unsigned)SOURCES_MIN), (unsigned)ZL_NORM_SOURCES);
}

static struct zl_norm_config config_of(const struct zl_norm_flow *f,
				       const struct zl_ipc_endpoint *at,
				       const struct zl_ipc_options *o)
{
	struct zl_norm_config c = {
		.ip = at->ip,
		.port = at->port,
		.node = at->node,
		.sends = f->sends,
		.loop = o->multicast_loop,
		.unicast_nack = o->norm_unicast_nack,
		.hops = (uint8_t)o->multicast_hops,
		.tos = (uint8_t)o->tos,
		.mode = (enum zl_norm_mode)o->norm_mode,
		.rate_bits = (uint64_t)o->rate * 1000,
		.buffer_bytes = (uint32_t)RTE_MAX(o->norm_buffer_size, BUFFER_MIN) << 10,
		.segment_bytes = (uint16_t)o->norm_segment_size,
		/* as libzmq has it: a block is larger than its parity */
		.block = (uint8_t)RTE_MAX(o->norm_block_size, o->norm_num_parity + 1),
		.parity = (uint8_t)o->norm_num_parity,
	};

	memcpy(c.device, at->device, sizeof(c.device));
	c.sources = sources(c.buffer_bytes);
	return c;
}

static void destroy(struct zl_flow *flow)
{
	struct zl_norm_flow *f = zl_norm_flow_of(flow);

	zl_norm_destroy(f->norm);
	free(f);
}

static struct zl_flow *create(struct zl_lcore *c, const struct zl_ipc_endpoint *at,
			      const struct zl_ipc_socket *socket)
{
	struct zl_norm_flow *f = calloc(1, sizeof(*f));
	struct zl_norm_config config;
	int error;

	if (!f)
		return NULL;
	f->flow.core = c;
	f->sends = socket->type == ZL_PUB || socket->type == ZL_XPUB;
	config = config_of(f, at, &socket->options);
	for (unsigned i = 0; !f->sends && i < ZL_NORM_SOURCES; i++)
		zl_norm_reader_init(&f->reader[i], c->frames, socket->max_msg_bytes);
	f->norm = zl_norm_create(&config, &zl_norm_in_ops, f);
	if (f->norm)
		return &f->flow;
	error = errno;
	free(f);
	errno = error;
	return NULL;
}

/* --- its core --- */

static void wake(struct zl_timer *t, uint64_t now_ns)
{
	struct zl_norm_flow *f = (struct zl_norm_flow *)((char *)t -
							 offsetof(struct zl_norm_flow, timer));

	(void)now_ns;
	f->again = true; /* the turn goes on with it */
}

void zl_norm_flow_again(struct zl_norm_flow *f, uint64_t after_ns)
{
	struct zl_lcore *c = f->flow.core;

	zl_timer_arm(&c->timers, &f->timer, c->now_ns + after_ns);
}

static int open_here(struct zl_flow *flow)
{
	struct zl_norm_flow *f = zl_norm_flow_of(flow);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = f};

	zl_timer_init(&f->timer, wake);
	if (epoll_ctl(flow->core->epoll, EPOLL_CTL_ADD, zl_norm_fd(f->norm), &e))
		return -errno;
	return 0;
}

static void close_here(struct zl_flow *flow)
{
	struct zl_norm_flow *f = zl_norm_flow_of(flow);

	epoll_ctl(flow->core->epoll, EPOLL_CTL_DEL, zl_norm_fd(f->norm), NULL);
	zl_timer_disarm(&flow->core->timers, &f->timer);
	if (f->sends)
		zl_norm_out_close(f);
	else
		zl_norm_in_close(f);
}

/* Of other cores none has a part in it. */
static int open_elsewhere(struct zl_lcore *c, struct zl_core_endpoint *e, unsigned core)
{
	(void)c;
	(void)e;
	(void)core;
	return -EINVAL;
}

static void close_elsewhere(struct zl_lcore *c, struct zl_core_endpoint *e)
{
	(void)c;
	(void)e;
}

static void turn(struct zl_flow *flow, uint64_t now_ns)
{
	struct zl_norm_flow *f = zl_norm_flow_of(flow);
	struct pollfd told = {.fd = zl_norm_fd(f->norm), .events = POLLIN};
	bool heard = poll(&told, 1, 0) > 0;

	(void)now_ns;
	if (!heard && !f->again)
		return;
	f->again = false;
	zl_timer_disarm(&flow->core->timers, &f->timer);
	zl_norm_begin(f->norm);
	if (f->sends)
		zl_norm_out_turn(f);
	else
		zl_norm_in_turn(f);
	zl_norm_end(f->norm);
}

static void write_parts(struct zl_flow *flow, const struct zl_msg *msgs, unsigned n)
{
	if (zl_norm_flow_of(flow)->sends)
		zl_norm_out_write(zl_norm_flow_of(flow), msgs, n);
}

static void broken(struct zl_flow *flow)
{
	if (zl_norm_flow_of(flow)->sends)
		zl_norm_out_forget(zl_norm_flow_of(flow));
}

static void resume(struct zl_flow *flow)
{
	if (!zl_norm_flow_of(flow)->sends)
		zl_norm_flow_again(zl_norm_flow_of(flow), 0);
}

const struct zl_flow_ops zl_flow_norm = {
	.create = create,
	.destroy = destroy,
	.open = open_here,
	.close = close_here,
	.keeps = true,
	.turn = turn,
	.resume = resume,
	.open_elsewhere = open_elsewhere,
	.close_elsewhere = close_elsewhere,
	.write = write_parts,
	.broken = broken,
};
