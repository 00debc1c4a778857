/* A socket's options, as the contract has them, to those who act on them: its pattern, TCP, its
 * sessions. */
#include "dataplane/lcore.h"

#define UNSET(value) ((value) <= 0)

static struct zl_option_bytes bytes_of(const struct zl_ipc_option_bytes *b)
{
	return (struct zl_option_bytes){.data = b->data, .len = b->len};
}

void zl_shard_options(struct zl_shard *s)
{
	const struct zl_ipc_options *o = &s->config.options;

	s->options = (struct zl_socket_options){
		.conflate = o->conflate,
		.probe_router = o->probe_router,
		.router_mandatory = o->router_mandatory,
		.router_handover = o->router_handover,
		.router_raw = o->router_raw,
		.router_notify = (uint8_t)o->router_notify,
		.stream_quiet = !o->stream_notify,
		.req_relaxed = o->req_relaxed,
		.req_correlate = o->req_correlate,
		.xpub_verbose = o->xpub_verbose,
		.xpub_verboser = o->xpub_verboser,
		.xpub_manual = o->xpub_manual,
		.xpub_manual_last_value = o->xpub_manual_last_value,
		.xpub_nodrop = o->xpub_nodrop,
		.invert_matching = o->invert_matching,
		.only_first_subscribe = o->only_first_subscribe,
		.welcome_msg = bytes_of(&o->xpub_welcome_msg),
		.hello_msg = bytes_of(&o->hello_msg),
		.disconnect_msg = bytes_of(&o->disconnect_msg),
		.hiccup_msg = bytes_of(&o->hiccup_msg),
	};
}

struct zl_tcp_settings zl_options_tcp(const struct zl_ipc_options *o)
{
	return (struct zl_tcp_settings){
		.keepalive_idle_ms = !UNSET(o->tcp_keepalive_idle) ? (uint32_t)o->tcp_keepalive_idle
								   : 0,
		.keepalive_interval_ms = !UNSET(o->tcp_keepalive_intvl)
						 ? (uint32_t)o->tcp_keepalive_intvl
						 : 0,
		.keepalive_probes = !UNSET(o->tcp_keepalive_cnt) ? (uint32_t)o->tcp_keepalive_cnt
								 : 0,
		.keepalive_off = o->tcp_keepalive == 0,
		.keepalive_on = o->tcp_keepalive == 1,
		.user_timeout_ms = (uint32_t)o->tcp_maxrt,
		.connect_timeout_ms = (uint32_t)o->connect_timeout,
		.backlog = (uint32_t)o->backlog,
		.one_port = o->bindtodevice != 0,
		.port = (uint16_t)(o->bindtodevice - 1),
		.tos = (uint8_t)o->tos,
	};
}

struct zl_heartbeats zl_options_heartbeats(const struct zl_ipc_options *o)
{
	int32_t timeout = o->heartbeat_timeout < 0 ? o->heartbeat_ivl : o->heartbeat_timeout;

	return (struct zl_heartbeats){
		.interval_ms = (uint32_t)o->heartbeat_ivl,
		.timeout_ms = (uint32_t)timeout,
		.ttl_ds = (uint16_t)(o->heartbeat_ttl / 100),
	};
}
