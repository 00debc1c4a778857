/* Groups that a core's stack is in (IGMPv3 as a host, RFC 3376, without source filters; older
 * versions where an older querier is heard). Every core joins that datagrams may come to, or that
 * sends what sockets of ours are to hear; one of them reports for the port: the one that what is
 * neither TCP nor UDP is steered to, which is core 0. All calls on the stack's own core. Header of
 * igmp.c. */
#ifndef ZL_NET_IGMP_H
#define ZL_NET_IGMP_H

#include "dataplane/net/net.h"

#define ZL_GROUPS_MAX 256 /* of a stack, over all ports */

static inline bool zl_is_group(uint32_t ip)
{
	return ip >> 28 == 0xe;
}

/* Joins are counted: as many leaves undo them. The port's device is to let the group's frames in.
 * -EINVAL: not a group; -ENODEV: no such port, or it has no address; -ENOSPC. */
int zl_group_join(struct zl_net *net, uint16_t port, uint32_t group, bool report, uint64_t now_ns);
/* Of a group that was joined. */
void zl_group_leave(struct zl_net *net, uint16_t port, uint32_t group, uint64_t now_ns);

#endif
