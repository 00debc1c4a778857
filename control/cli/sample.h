/* Rates from two readings of the appliance's counters. */
#ifndef ZL_CONTROL_CLI_SAMPLE_H
#define ZL_CONTROL_CLI_SAMPLE_H

#include <jansson.h>

#include "control/cli/client.h"

/* One reading: an object with "at_s" (CLOCK_MONOTONIC) and control's answers to "status",
 * "cores", "ports", "sockets", "peers"; or to `only` this one (which may be "devices"), if it is
 * not NULL. NULL with c->text set. */
json_t *sample_read(struct client *c, const char *only);

/* `now` with, in each row of a list that `before` has too, a MEMBER_per_s for each member that
 * counts, and the cores' busy_pct of the time between. "interval_s" is that time. Counters that
 * went backwards (a restart between the two) give no rate. The caller owns the result. */
json_t *sample_rates(const json_t *before, const json_t *now);

#endif
