/* Peers of norm:// by Debian's libzmq (libnorm). The group is on the loopback of the namespace,
 * which all have in common; each peer has a number of its own in it. */
#ifndef ZL_TESTS_INTEROP_NORM_PEERS_H
#define ZL_TESTS_INTEROP_NORM_PEERS_H

#include "tests/interop/appliance.h"
#include "tests/interop/peer.h"

#define NORM_PORT     7500
#define NORM_GROUP    "239.192.7.1:7500"
#define NORM_GROUP_IP 0xefc00701
#define NORM_OURS     "norm://lo;" NORM_GROUP
#define NORM_HIS(id)  "norm://" #id ",lo;" NORM_GROUP
/* A source of libzmq 4.3 goes no further once it has a message that its buffer does not hold, which
 * is of 2 KiB, with 3 or 10 for its header. */
#define NORM_LIBZMQ_MOST 2038

extern const char *const norm_by_tcp[2], *const norm_by_group[2];

struct appliance *norm_start(unsigned poll_cores, const char *frontend, const char *backend);
/* A socket of libzmq's that has a group takes half a minute to close: it is killed. */
void norm_leave(struct peer *p);
/* So many have joined the group: who joins later than a source's first packet begins after it. */
void norm_await_joined(struct appliance *a, unsigned n);
/* One libzmq publishes there, two subscribe there, and all is as it was sent, of small messages and
 * large: nothing is lost. So many messages, of which a hundredth are large. */
void norm_carry(struct appliance *a, const char *from, const char *const to[2], uint64_t messages);

#endif
