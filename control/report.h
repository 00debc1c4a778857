/* Inside of control/: the reports by name. Each gives a new reference, or NULL with the error. */
#ifndef ZL_CONTROL_REPORT_H
#define ZL_CONTROL_REPORT_H

#include <stdlib.h>

#include "control/control.h"

json_t *report_status(struct zl_control *c, json_t *request, char *error);
json_t *report_ports(struct zl_control *c, json_t *request, char *error);
json_t *report_cores(struct zl_control *c, json_t *request, char *error);
json_t *report_stats(struct zl_control *c, json_t *request, char *error);
json_t *report_sockets(struct zl_control *c, json_t *request, char *error);
json_t *report_peers(struct zl_control *c, json_t *request, char *error);
json_t *report_subscriptions(struct zl_control *c, json_t *request, char *error);

json_t *report_devices(struct zl_control *c, json_t *request, char *error); /* devices.c */
json_t *report_cycles(struct zl_control *c, json_t *request, char *error);  /* cycles.c */

json_t *report_sources(struct zl_control *c, json_t *request, char *error); /* report_sources.c */
json_t *report_options(struct zl_control *c, json_t *request, char *error); /* report_options.c */

json_t *report_number(uint64_t value);
/* Printable bytes as they are, others and the backslash as \xNN. */
json_t *report_printable(const uint8_t *bytes, unsigned n);
/* An object of them, which are well formed. */
json_t *report_properties(const struct zl_ipc_properties *p);

/* report_peers.c: what a socket's peers have moved since the dataplane started, those that are gone
 * as well: {"peers", "msgs_in", "bytes_in", "msgs_out", "bytes_out", "dropped"}. */
json_t *report_totals(struct zl_control *c, const struct zl_socket *s);

#endif
