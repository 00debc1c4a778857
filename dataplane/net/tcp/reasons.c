/* Names of the reasons for which connections end, and the counter of each. */
#include "dataplane/net/tcp/tcp.h"

const char *const tcp_reason_name[TCP_REASONS] = {
#define X(name, text) [TCP_REASON_##name] = #name,
#include "dataplane/net/tcp/tcp_reasons.def"
#undef X
};

const uint16_t tcp_reason_counter[TCP_REASONS] = {
#define X(name, text) [TCP_REASON_##name] = ZL_NET_tcp_closed_##name,
#include "dataplane/net/tcp/tcp_reasons.def"
#undef X
};
