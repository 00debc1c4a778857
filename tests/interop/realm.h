/* A Kerberos realm of a test's own, ZL.TEST: its KDC runs in the namespaces of the appliance and of
 * its peers, on their loopback interfaces; all of its files are in the test's folder, where the
 * environment of whoever is started from then on points. One at a time.
 *
 *   zmq/feed       key in feed.keytab: the appliance as a server
 *   zeroline/box   key in box.keytab: the appliance as a client; stale.keytab has one that it had
 *   alice, bob, zmq/peer, zmq/other   keys in peers.keytab, which is the peers' own */
#ifndef ZL_TESTS_INTEROP_REALM_H
#define ZL_TESTS_INTEROP_REALM_H

#include "tests/interop/lab.h"

/* Whether what it takes is installed. */
bool realm_possible(void);
void realm_make(void);
void realm_start(const struct lab_net *net);
/* To the KDC: SIGSTOP, SIGCONT; SIGKILL, before the namespaces are given back. */
void realm_signal(int signal);
/* What the appliance's KDC has said; free it. */
char *realm_log(void);

#endif
