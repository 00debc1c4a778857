/* The table of patterns: a new one is one file and one row here. */
#include "dataplane/router/patterns.h"

static const struct zl_pattern *const table[ZL_SOCKET_TYPES] = {
	[ZL_PUB] = &zl_pub_pattern,
	[ZL_SUB] = &zl_sub_pattern,
	[ZL_PAIR] = &zl_pair_pattern,
	[ZL_DEALER] = &zl_dealer_pattern,
	[ZL_CLIENT] = &zl_client_pattern,
	[ZL_GATHER] = &zl_gather_pattern,
	[ZL_SCATTER] = &zl_scatter_pattern,
	[ZL_CHANNEL] = &zl_channel_pattern,
	[ZL_PULL] = &zl_pull_pattern,
	[ZL_PUSH] = &zl_push_pattern,
	[ZL_XPUB] = &zl_xpub_pattern,
	[ZL_XSUB] = &zl_xsub_pattern,
	[ZL_REQ] = &zl_req_pattern,
	[ZL_REP] = &zl_rep_pattern,
	[ZL_ROUTER] = &zl_router_pattern,
	[ZL_STREAM] = &zl_stream_pattern,
	[ZL_SERVER] = &zl_server_pattern,
	[ZL_RADIO] = &zl_radio_pattern,
	[ZL_DISH] = &zl_dish_pattern,
	[ZL_DGRAM] = &zl_dgram_pattern,
	[ZL_PEER] = &zl_peer_pattern,
};

const struct zl_pattern *zl_pattern(enum zl_socket_type type)
{
	return (unsigned)type < ZL_SOCKET_TYPES ? table[type] : NULL;
}
