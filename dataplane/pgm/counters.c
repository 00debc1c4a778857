/* Names and texts of the layer's counters, from the one table that defines them. */
#include "dataplane/pgm/counters.h"

const char *const pgm_counter_name[PGM_COUNTERS] = {
#define X(name, text) #name,
#include "dataplane/pgm/pgm_counters.def"
#undef X
};

const char *const pgm_counter_text[PGM_COUNTERS] = {
#define X(name, text) text,
#include "dataplane/pgm/pgm_counters.def"
#undef X
};
