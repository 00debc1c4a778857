/* The PGM layer's counters (pgm_counters.def): one array of PGM_COUNTERS a core, which its sources
 * and receivers share. Written by that core alone, read by anyone. */
#ifndef ZL_PGM_COUNTERS_H
#define ZL_PGM_COUNTERS_H

enum pgm_counter {
#define X(name, text) PGM_##name,
#include "dataplane/pgm/pgm_counters.def"
#undef X
	PGM_COUNTERS
};

extern const char *const pgm_counter_name[PGM_COUNTERS];
extern const char *const pgm_counter_text[PGM_COUNTERS];

#endif
