/* Whom a GSSAPI server lets in: a file with a Kerberos principal a line, as gss_display_name() has
 * it; empty lines and those that begin with # are passed over. Read again when it has changed. */
#include "control/security/security.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct zl_principals {
	char *file;
	char **name;
	size_t n, room;
	struct stat stamp; /* of the file as read; zeros: it was not */
};

static int add(struct zl_principals *p, const char *line)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 16;
		char **more = realloc(p->name, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->name = more;
		p->room = room;
	}
	p->name[p->n] = strdup(line);
	return p->name[p->n] ? (int)(p->n++, 0) : -ENOMEM;
}

static void forget(struct zl_principals *p)
{
	while (p->n)
		free(p->name[--p->n]);
}

static int read_file(struct zl_principals *p)
{
	FILE *f = fopen(p->file, "re");
	char *line = NULL;
	size_t bytes = 0;
	int error = 0;

	if (!f)
		return -errno;
	if (fstat(fileno(f), &p->stamp))
		memset(&p->stamp, 0, sizeof(p->stamp));
	while (!error && getline(&line, &bytes, f) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] && line[0] != '#')
			error = add(p, line);
	}
	if (!error && ferror(f))
		error = -EIO;
	free(line);
	fclose(f);
	if (error)
		forget(p); /* who cannot be looked up does not come in */
	return error;
}

int zl_principals_open(struct zl_principals **principals, const char *file)
{
	struct zl_principals *p = calloc(1, sizeof(*p));

	*principals = p;
	if (!p)
		return -ENOMEM;
	p->file = strdup(file);
	return p->file ? read_file(p) : -ENOMEM;
}

void zl_principals_close(struct zl_principals *p)
{
	if (!p)
		return;
	forget(p);
	free(p->name);
	free(p->file);
	free(p);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool zl_principals_changed(struct zl_principals *p)
{
	const struct stat *was = &p->stamp;
	struct stat s;

	if (stat(p->file, &s))
		memset(&s, 0, sizeof(s));
	if (s.st_ino == was->st_ino && s.st_size == was->st_size &&
	    same_time(&s.st_mtim, &was->st_mtim) && same_time(&s.st_ctim, &was->st_ctim))
		return false;
	memset(&p->stamp, 0, sizeof(p->stamp));
	forget(p);
	read_file(p);
	return true;
}

bool zl_principals_has(const struct zl_principals *p, const char *name, size_t bytes)
{
	for (size_t i = 0; i < p->n; i++)
		if (strlen(p->name[i]) == bytes && memcmp(p->name[i], name, bytes) == 0)
			return true;
	return false;
}

bool zl_principals_keeps(const struct zl_principals *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strncmp(p->name[i], name, ZL_USER_MAX - 1) == 0)
			return true;
	return false;
}
