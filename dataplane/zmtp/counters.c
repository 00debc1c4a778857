/* Names and texts of the layer's counters, from the one table that defines them. */
#include "dataplane/zmtp/session.h"

const char *const zl_zmtp_counter_name[ZL_ZMTP_COUNTERS] = {
#define X(name, text) #name,
#include "dataplane/zmtp/zmtp_counters.def"
#undef X
};

const char *const zl_zmtp_counter_text[ZL_ZMTP_COUNTERS] = {
#define X(name, text) text,
#include "dataplane/zmtp/zmtp_counters.def"
#undef X
};
