/* Numbered messages of a group (RFC 48), sent by a raw peer that is a RADIO and checked by one that
 * is a DISH: Debian's libzmq has neither. A message is a part with the group's name, and one with
 * its number. */
#ifndef ZL_TESTS_INTEROP_RADIO_H
#define ZL_TESTS_INTEROP_RADIO_H

#include "tests/interop/raw.h"

/* Begun, to be waited for by raw_done(): so many messages are sent, or the next ones are these. */
void raw_begin_sending(struct peer *radio, const char *group, uint64_t n);
void raw_begin_checking(struct peer *dish, const char *group, uint64_t n);
void raw_done(struct peer *p);

/* --- in the child: how many is in n, of which group in the data --- */
void radio_send(struct peer *self, int fd, const struct note *what);
void dish_check(struct peer *self, int fd, const struct note *what);

#endif
