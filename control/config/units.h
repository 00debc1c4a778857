/* Numbers as people write them in YAML: 10k, 256KiB, 2ms, 30s, 1%, 100Mbit. One parser, and a
 * table of unit names for each kind of quantity. */
#ifndef ZL_CONTROL_CONFIG_UNITS_H
#define ZL_CONTROL_CONFIG_UNITS_H

#include <stdint.h>

enum zl_unit {
	ZL_UNIT_COUNT,    /* plain, k, M, G */
	ZL_UNIT_BYTES,    /* B, kB, MB, GB, KiB, MiB, GiB */
	ZL_UNIT_MS,       /* ms, s, min, h: the result is in milliseconds */
	ZL_UNIT_US,       /* us as well: the result is in microseconds */
	ZL_UNIT_FRACTION, /* %, ppm: the result is in parts per million */
	ZL_UNIT_RATE,     /* kbit, Mbit, Gbit (a second): the result is in kbit */
	ZL_UNITS
};

/* 0, -EINVAL (not a number, or not with a unit of this kind: only 0 needs none where there are
 * units), or -ERANGE (does not fit 64 bits). A fraction is exact or -EINVAL. */
int zl_unit_parse(enum zl_unit unit, const char *text, uint64_t *value);

/* What a person may write, to end the sentence "is not ...": "a duration (500ms, 30s, 2min)". */
const char *zl_unit_words(enum zl_unit unit);

#endif
