/* The user, its groups, and capabilities. By system calls: the kernel's header is all it takes. */
#include "control/confine/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By name, or by number, of which 0 is known where there is no list of users. NULL: there is none.
 */
static const struct passwd *find(const char *name)
{
	static const struct passwd root;
	char *end;
	unsigned long uid = strtoul(name, &end, 10);

	if (*name < '0' || *name > '9' || *end)
		return getpwnam(name);
	return uid == 0 ? &root : getpwuid((uid_t)uid);
}

bool zl_confine_user(const char *name, uid_t *uid)
{
	const struct passwd *p = find(name);

	if (p)
		*uid = p->pw_uid;
	return p;
}

int zl_confine_identity(struct zl_identity *id, const char *name, char *text, size_t bytes)
{
	const struct passwd *p;

	*id = (struct zl_identity){.uid = geteuid(), .gid = getegid()};
	text[0] = '\0';
	if (geteuid() != 0) {
		if (!name || ((p = find(name)) && p->pw_uid == geteuid()))
			return 0;
		snprintf(text, bytes, "--user: \"%s\": only root can become another user", name);
		return -1;
	}
	p = find(name ? name : ZL_USER_DEFAULT);
	if (p) {
		*id = (struct zl_identity){p->pw_uid, p->pw_gid, p->pw_uid != 0};
		return 0;
	}
	snprintf(text, bytes,
		 name ? "--user: \"%s\" is no user of this machine; create it, or name another"
		      : "no user \"%s\" on this machine: stays root, with fewer capabilities; "
			"create it (configs/systemd/zeroline.sysusers) or name one with --user",
		 name ? name : ZL_USER_DEFAULT);
	return name ? -1 : 0;
}

/* Permitted, effective and inheritable. */
static int set_caps(uint64_t keep, bool only_what_there_is)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t bits = (uint32_t)(keep >> 32 * i);

		if (only_what_there_is)
			bits &= d[i].permitted;
		d[i].permitted = d[i].effective = bits;
		d[i].inheritable = 0;
	}
	return syscall(SYS_capset, &h, d) ? -errno : 0;
}

/* A process without CAP_SETPCAP cannot, and needs not: no_new_privs and no execve are left. */
static void drop_bounding(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(keep & ZL_CAP(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) &&
		    errno == EINVAL)
			break;
}

int zl_confine_become(const struct zl_identity *id, uint64_t keep)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	drop_bounding(keep);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (id->change) {
		int with_parent = 0; /* the kernel forgets it with the user */

		prctl(PR_GET_PDEATHSIG, &with_parent, 0, 0, 0);
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
		if (setgroups(0, NULL) || setresgid(id->gid, id->gid, id->gid) ||
		    setresuid(id->uid, id->uid, id->uid))
			return -errno;
		prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
		prctl(PR_SET_PDEATHSIG, with_parent, 0, 0, 0);
	} else if (geteuid() == 0 && setgroups(0, NULL) && errno != EPERM) {
		return -errno;
	}
	return set_caps(keep, true);
}

int zl_confine_thread(uint64_t keep)
{
	return set_caps(keep, true);
}
