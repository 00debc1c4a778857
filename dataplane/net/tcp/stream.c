/* What the owner of a connection may do with it (stream.h). Each may be called at any time on the
 * owning core, from inside any event of this or of another stream too: nothing here calls back, and
 * the connection's memory stays until the end of the turn. */
#include "dataplane/net/tcp/tcp.h"

static struct rte_mbuf *stream_take(struct zl_stream *s)
{
	struct tcp_conn *c = conn_of(s);
	struct rte_mbuf *m = payload_take(c);

	/* A finished connection waited only for this. */
	if (!c->rx_head && c->state == TCP_TIME_WAIT && c->flags & CONN_EV_CLOSED)
		conn_want_events(c, CONN_EV_CLOSED);
	return m;
}

static void stream_consumed(struct zl_stream *s, uint32_t bytes)
{
	struct tcp_conn *c = conn_of(s);

	RTE_ASSERT(bytes <= c->rx_bytes);
	c->rx_bytes -= bytes;
	if (window_update_due(c)) {
		c->flags |= CONN_ACK_NOW;
		conn_want_output(c);
	}
}

static void stream_output(struct zl_stream *s)
{
	conn_want_output(conn_of(s));
}

/* RFC 9293 3.10.4 */
static void stream_shutdown(struct zl_stream *s)
{
	struct tcp_conn *c = conn_of(s);

	if (c->flags & CONN_FIN_WANTED)
		return;
	c->flags |= CONN_FIN_WANTED;
	settings_linger(c);
	switch ((enum tcp_state)c->state) {
	case TCP_SYN_SENT:
		conn_close(c, TCP_REASON_closed_here);
		return;
	case TCP_ESTABLISHED:
		c->state = TCP_FIN_WAIT_1;
		break;
	case TCP_CLOSE_WAIT:
		c->state = TCP_LAST_ACK;
		break;
	case TCP_SYN_RCVD: /* FIN-WAIT-1 follows when it is established */
	case TCP_CLOSED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		return;
	}
	conn_want_output(c);
}

/* RFC 9293 3.10.5 */
static void stream_abort(struct zl_stream *s)
{
	struct tcp_conn *c = conn_of(s);

	c->flags &= ~(CONN_OWNED | CONN_EV_READABLE | CONN_EV_CLOSED);
	payload_clear(c);
	conn_reset(c, TCP_REASON_aborted);
	conn_want_release(c);
}

const struct zl_stream_ops tcp_stream_ops = {
	.take = stream_take,
	.consumed = stream_consumed,
	.output = stream_output,
	.shutdown = stream_shutdown,
	.abort = stream_abort,
};
