/* Exact decimal arithmetic: a value is digits / 10^fraction times the unit, and must come out
 * whole. Nothing is rounded in silence. */
#include "control/config/units.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

struct suffix {
	const char *name;
	uint64_t times;
};

static const struct suffix count_suffixes[] = {
	{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {0}};
static const struct suffix byte_suffixes[] = {{"", 1},
					      {"B", 1},
					      {"k", 1000},
					      {"kB", 1000},
					      {"KiB", 1ull << 10},
					      {"M", 1000000},
					      {"MB", 1000000},
					      {"MiB", 1ull << 20},
					      {"G", 1000000000},
					      {"GB", 1000000000},
					      {"GiB", 1ull << 30},
					      {0}};
static const struct suffix ms_suffixes[] = {
	{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {0}};
static const struct suffix us_suffixes[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"min", 60000000}, {0}};
static const struct suffix fraction_suffixes[] = {{"ppm", 1}, {"%", 10000}, {0}};
static const struct suffix rate_suffixes[] = {{"kbit", 1}, {"Mbit", 1000}, {"Gbit", 1000000}, {0}};

static const struct {
	const struct suffix *suffixes;
	const char *words;
} units[ZL_UNITS] = {
	[ZL_UNIT_COUNT] = {count_suffixes, "a number"},
	[ZL_UNIT_BYTES] = {byte_suffixes, "a size (4096, 256KiB, 128MiB)"},
	[ZL_UNIT_MS] = {ms_suffixes, "a duration (500ms, 30s, 2min)"},
	[ZL_UNIT_US] = {us_suffixes, "a duration (50us, 2ms, 1s)"},
	[ZL_UNIT_FRACTION] = {fraction_suffixes, "a share (1%, 0.01%, 50ppm)"},
	[ZL_UNIT_RATE] = {rate_suffixes, "a rate (512kbit, 100Mbit, 10Gbit)"},
};

const char *zl_unit_words(enum zl_unit unit)
{
	return units[unit].words;
}

/* Digits with at most one point; *scale becomes 10^(digits after it). */
static const char *parse_digits(const char *s, unsigned __int128 *digits, uint64_t *scale)
{
	unsigned n = 0, fraction = 0;
	int point = 0;

	*digits = 0;
	*scale = 1;
	for (;; s++) {
		if (*s == '.' && !point) {
			point = 1;
			continue;
		}
		if (!isdigit((unsigned char)*s) || n == 20 || fraction == 9)
			break;
		*digits = *digits * 10 + (unsigned)(*s - '0');
		n++;
		if (point) {
			*scale *= 10;
			fraction++;
		}
	}
	return n > 0 && (!point || fraction > 0) ? s : NULL;
}

int zl_unit_parse(enum zl_unit unit, const char *text, uint64_t *value)
{
	unsigned __int128 digits;
	uint64_t scale, times = 0;
	const char *s = parse_digits(text, &digits, &scale);

	if (!s)
		return -EINVAL;
	while (*s == ' ')
		s++;
	for (const struct suffix *u = units[unit].suffixes; u->name; u++)
		if (strcmp(s, u->name) == 0)
			times = u->times;
	if (times == 0 && digits == 0 && *s == '\0')
		times = 1;
	if (times == 0)
		return -EINVAL;
	digits *= times;
	if (digits % scale != 0)
		return -EINVAL;
	digits /= scale;
	if (digits > UINT64_MAX)
		return -ERANGE;
	*value = (uint64_t)digits;
	return 0;
}
