/* DPDK's headers as most files of the dataplane reach them, to be parsed once a library instead of
 * once a file: meson's precompiled header where -Db_pch=true asks for it, as scripts/test does for
 * clang. No file includes this one, and the release build, which is without, shows that each
 * includes what it uses. Nothing of ours is in here: a change to ours would make it all again. */
#ifndef ZL_PCH_DPDK_H
#define ZL_PCH_DPDK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_tcp.h>

#endif
