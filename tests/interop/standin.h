/* The debug switch of lab.h: libzmq's own proxy in the appliance's place and on its address. */
#ifndef ZL_TESTS_INTEROP_STANDIN_H
#define ZL_TESTS_INTEROP_STANDIN_H

struct appliance;

void standin_start(struct appliance *a);
void standin_stop(struct appliance *a);

#endif
