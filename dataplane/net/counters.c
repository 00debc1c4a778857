/* Names and texts of the layer's counters, from the one table that defines them. */
#include "dataplane/net/net.h"

const char *const zl_net_counter_name[ZL_NET_COUNTERS] = {
#define X(name, text) #name,
#include "dataplane/net/net_counters.def"
#undef X
};

const char *const zl_net_counter_text[ZL_NET_COUNTERS] = {
#define X(name, text) text,
#include "dataplane/net/net_counters.def"
#undef X
};
