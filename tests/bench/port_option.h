/* --port of a command line: "KIND:DEVICE[,OPTIONS]". */
#ifndef ZL_TESTS_BENCH_PORT_OPTION_H
#define ZL_TESTS_BENCH_PORT_OPTION_H

#include <argp.h>

#include "control/ipc/ipc.h"

/* Sets kind, device and options of p; memif_role ("role=client") is a memif's if the options do
 * not say. Exits through argp_error. */
void port_option(struct argp_state *state, const char *text, const char *memif_role,
		 struct zl_ipc_port *p);

#endif
