/* A control process of one thread for tests of the command line: it accepts on DIR/control.sock and
 * answers each command with the canned line it was given, in turn where there are several. */
#ifndef ZL_TESTS_FAKE_CONTROL_H
#define ZL_TESTS_FAKE_CONTROL_H

#include <stddef.h>

struct fake_answer {
	const char *cmd;
	const char *reply; /* a whole line without its newline; NULL: hang up */
};

struct fake_control;

/* Serves `answers` (up to one with a NULL cmd; later ones of the same cmd are for later requests,
 * the last of them for good) until fake_control_stop(). The arrays must outlive it. */
struct fake_control *fake_control_start(const struct fake_answer *answers);
void fake_control_stop(struct fake_control *f);
const char *fake_control_dir(const struct fake_control *f);
/* The last request, as it came. */
const char *fake_control_asked(const struct fake_control *f);

#endif
