/* Names and texts of the layer's counters, from the one table that defines them. */
#include "dataplane/router/socket.h"

const char *const zl_router_counter_name[ZL_ROUTER_COUNTERS] = {
#define X(name, text) #name,
#include "dataplane/router/router_counters.def"
#undef X
};

const char *const zl_router_counter_text[ZL_ROUTER_COUNTERS] = {
#define X(name, text) text,
#include "dataplane/router/router_counters.def"
#undef X
};
