/* What a veth end must not do when its frames are to look like those of a real network. */
#ifndef ZL_TESTS_INTEROP_CABLE_H
#define ZL_TESTS_INTEROP_CABLE_H

void cable_plain(const char *namespace, const char *interface);

#endif
