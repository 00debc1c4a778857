/* What ipc has that others have not: files, which outlive who made them, and peers that the kernel
 * knows by user, group and process. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/host/state.h"

#define PATH_AT    offsetof(struct sockaddr_un, sun_path)
#define GROUPS_MAX 256

/* "ipc://" "*": a name of our own that nobody has. */
static int choose_path(const struct zl_kernel *k, struct sockaddr_un *a, socklen_t *bytes)
{
	char directory[PATH_MAX]; /* peers have other working directories */
	uint64_t random;
	int n;

	if (!realpath(k->config.directory, directory) || getrandom(&random, sizeof(random), 0) < 0)
		return -errno;
	n = snprintf(a->sun_path, sizeof(a->sun_path), "%s/ipc-%016llx", directory,
		     (unsigned long long)random);
	if (n < 0 || n >= (int)sizeof(a->sun_path))
		return -ENAMETOOLONG;
	*bytes = (socklen_t)(PATH_AT + (size_t)n + 1);
	return 0;
}

/* Does anybody listen on that file? 0: nobody, it is a leftover. */
static int probe(const struct sockaddr_un *a, socklen_t bytes)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)a, bytes) ? errno : 0;
	close(fd);
	if (error == ECONNREFUSED || error == ENOENT)
		return 0;
	return error == EACCES ? -EACCES : -EADDRINUSE;
}

int unix_before_bind(const struct zl_kernel *k, struct sockaddr_storage *address, socklen_t *bytes)
{
	struct sockaddr_un *a = (struct sockaddr_un *)address;
	struct stat st;
	int error;

	if (!strcmp(a->sun_path, "*"))
		return choose_path(k, a, bytes);
	if (!a->sun_path[0] || lstat(a->sun_path, &st))
		return 0; /* an abstract name, or a new file; bind() says what is wrong with it */
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	error = probe(a, *bytes);
	if (!error && unlink(a->sun_path) && errno != ENOENT)
		error = -errno;
	return error;
}

int unix_after_bind(struct listener *l, const struct sockaddr_storage *address, socklen_t bytes)
{
	const struct sockaddr_un *a = (const struct sockaddr_un *)address;
	struct stat st;

	if (!a->sun_path[0])
		return 0;
	snprintf(l->path, sizeof(l->path), "%.*s", (int)(bytes - PATH_AT), a->sun_path);
	if (lstat(l->path, &st))
		return -errno;
	l->device = st.st_dev;
	l->inode = st.st_ino;
	/* Before listen(), so that nobody comes in earlier. */
	if (l->at.mode & ZL_MODE_GIVEN && chmod(l->path, l->at.mode & 0777))
		return -errno;
	return 0;
}

/* A file that has been put in its place since is another's. */
void unix_remove(const struct listener *l)
{
	struct stat st;

	if (l->path[0] && !lstat(l->path, &st) && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->path);
}

static bool in_groups(int fd, uint32_t gid)
{
	gid_t group[GROUPS_MAX];
	socklen_t bytes = sizeof(group);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, group, &bytes))
		return false;
	for (unsigned i = 0; i < bytes / sizeof(group[0]); i++)
		if (group[i] == gid)
			return true;
	return false;
}

static bool fits(const struct zl_ipc_filter *f, const struct ucred *who, int fd)
{
	switch ((enum zl_ipc_who)f->who) {
	case ZL_WHO_UID:
		return who->uid == f->id;
	case ZL_WHO_GID:
		return who->gid == f->id || in_groups(fd, f->id);
	case ZL_WHO_PID:
		return (uint32_t)who->pid == f->id;
	case ZL_WHOS:
		break;
	}
	return false;
}

bool unix_lets_in(const struct zl_ipc_endpoint *at, int fd)
{
	struct ucred who;
	socklen_t bytes = sizeof(who);

	if (!at->filters)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes))
		return false;
	for (uint32_t i = 0; i < at->filters; i++)
		if (fits(&at->filter[i], &who, fd))
			return true;
	return false;
}
