/* What PGM's options have to do with each other (RFC 3208 11). */
#include "control/config/schema.h"

#define KBIT_BYTES 125

static bool fail(struct zl_yaml *y, const struct zl_config_socket *s, enum zl_option_id id,
		 const char *name, const char *why)
{
	return zl_yaml_fail(y, s->given.line[id], "options.%s: %s", name, why);
}
#define FAIL(y, s, name, why) fail(y, s, ZL_OPTION_ID_##name, #name, why)

/* As many packets as the window holds, all of the largest size. */
static uint64_t window_packets(const struct zl_ipc_options *o)
{
	return (uint64_t)o->rate * KBIT_BYTES * (uint64_t)o->recovery_ivl / 1000 /
	       (uint64_t)o->multicast_maxtpdu;
}

bool zl_pgm_check(struct zl_yaml *y, const struct zl_config_socket *s)
{
	const struct zl_ipc_options *o = &s->at.options;
	uint64_t group = (uint64_t)o->pgm_fec_group;

	if (!group && o->pgm_fec_proactive)
		return FAIL(y, s, pgm_fec_proactive, "parity is of groups: set pgm_fec_group too");
	if (!group && o->pgm_fec_ondemand)
		return FAIL(y, s, pgm_fec_ondemand, "parity is of groups: set pgm_fec_group too");
	if (!group)
		return true;
	if (group < 2 || (group & (group - 1)))
		return zl_yaml_fail(y, s->given.line[ZL_OPTION_ID_pgm_fec_group],
				    "options.pgm_fec_group: \"%d\" is not a power of two from 2 to "
				    "128, such as 16",
				    o->pgm_fec_group);
	if (!o->pgm_fec_proactive && !o->pgm_fec_ondemand)
		return FAIL(y, s, pgm_fec_group,
			    "no parity is sent: set pgm_fec_proactive or pgm_fec_ondemand too");
	if (window_packets(o) >= 2 * group)
		return true;
	return zl_yaml_fail(y, s->given.line[ZL_OPTION_ID_pgm_fec_group],
			    "options.pgm_fec_group: rate and recovery_ivl keep %llu packets, and "
			    "two groups of %d are needed; raise them, or make groups smaller",
			    (unsigned long long)window_packets(o), o->pgm_fec_group);
}
