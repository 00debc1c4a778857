/* The kernel's word on who connected: as of connect(), whatever became of the process since. */
#include "control/confine/confine.h"

#include <sys/socket.h>

#define GROUPS_MAX 1024

bool zl_confine_caller(int sock, struct zl_caller *caller)
{
	struct ucred c;
	socklen_t bytes = sizeof(c);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &bytes))
		return false;
	*caller = (struct zl_caller){c.pid, c.uid, c.gid};
	return true;
}

bool zl_confine_caller_in(int sock, const struct zl_caller *caller, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t bytes = sizeof(groups);

	if (caller->gid == group)
		return true;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes))
		return false; /* in more groups than that: not believed */
	for (unsigned i = 0; i < bytes / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}
