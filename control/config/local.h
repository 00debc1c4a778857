/* Inside of config/: endpoints that only the kernel has. Each reads e->text and fills in carrier
 * and address: 0, or -EINVAL with one line in `error`. */
#ifndef ZL_CONTROL_CONFIG_LOCAL_H
#define ZL_CONTROL_CONFIG_LOCAL_H

#include <stddef.h>

#include "control/ipc/ipc.h"

int local_ipc(struct zl_ipc_endpoint *e, char *error, size_t error_max);
int local_tipc(struct zl_ipc_endpoint *e, char *error, size_t error_max);
int local_vmci(struct zl_ipc_endpoint *e, char *error, size_t error_max);
/* norm.c */
int local_norm(struct zl_ipc_endpoint *e, char *error, size_t error_max);

#endif
