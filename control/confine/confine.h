/* What a process may still do once it has started: as which user, with which capabilities, by which
 * system calls. Called at start, on the main thread, before any other thread but where said.
 * Linux: capabilities(7), seccomp(2), unix(7) for SO_PEERCRED. */
#ifndef ZL_CONFINE_CONFINE_H
#define ZL_CONFINE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ZL_USER_DEFAULT "zeroline"
#define ZL_CAP(n)       (1ull << (n)) /* of CAP_ from linux/capability.h */

struct zl_identity {
	uid_t uid;
	gid_t gid;
	bool change; /* started as root, and there is a user to become */
};

/* Whom to become: `name` (or its number), or NULL for ZL_USER_DEFAULT if this machine has it. 0, or
 * -1 with one line in text; text is a note, or empty, where it returns 0. An ordinary user stays
 * what it is. */
int zl_confine_identity(struct zl_identity *id, const char *name, char *text, size_t bytes);
/* Whether the user with this name or number exists: its uid. */
bool zl_confine_user(const char *name, uid_t *uid);

/* The user for good, no supplementary groups, of the capabilities there are only those of `keep`,
 * none ever to be gained again (no_new_privs, bounding set). 0 or -errno. */
int zl_confine_become(const struct zl_identity *id, uint64_t keep);
/* The calling thread goes down to `keep` of what it has. Any thread. 0 or -errno. */
int zl_confine_thread(uint64_t keep);

/* From here on any other system call kills the process (SIGSYS): of all threads. 0 or -errno. */
int zl_confine_control(void);   /* control's: a list of what it may */
int zl_confine_dataplane(void); /* the dataplane's: a list of what it may not */

/* Who is at the other end of a Unix socket. */
struct zl_caller {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};
bool zl_confine_caller(int sock, struct zl_caller *caller);
/* Is the caller in this group, by its primary or a supplementary one? */
bool zl_confine_caller_in(int sock, const struct zl_caller *caller, gid_t group);

#endif
