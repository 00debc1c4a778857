/* Values on a command line: each ends the program with a line that says what is wanted if the text
 * is none. */
#ifndef ZL_TESTS_BENCH_VALUES_H
#define ZL_TESTS_BENCH_VALUES_H

#include <argp.h>
#include <stdint.h>

#include "control/ipc/ipc.h"
#include "dataplane/net/stream.h"

void value_number(struct argp_state *state, const char *text, double low, double high, double *out);
uint32_t value_whole(struct argp_state *state, const char *text, uint32_t low, uint32_t high);
/* "LOW-HIGH", or one number for both. */
void value_range(struct argp_state *state, const char *text, uint32_t low, uint32_t high,
		 uint32_t *from, uint32_t *to);
uint32_t value_ip(struct argp_state *state, const char *text);
/* "IP:PORT" */
struct zl_endpoint_addr value_endpoint(struct argp_state *state, const char *text);
/* "IP/BITS" */
void value_address(struct argp_state *state, const char *text, struct zl_ipc_port *p);
/* "KIND:DEVICE[,OPTIONS]" */
void value_port(struct argp_state *state, const char *text, struct zl_ipc_port *p);

#endif
