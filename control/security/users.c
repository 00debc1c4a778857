/* Who may come in by PLAIN: a file of lines "name:password"; empty lines and those that begin with
 * # are passed over. Read again when it has changed. */
#include "control/security/security.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#define HASH crypto_generichash_BYTES

struct user {
	char name[ZL_PASSWORD_MAX + 1]; /* zeros behind it, so that all are compared alike */
	uint8_t hash[HASH]; /* of the password, keyed by the process: what is kept is not it */
};

struct list {
	struct user *at;
	size_t n, room;
};

struct zl_users {
	char *file;
	struct list now;
	struct list was;   /* before the file was last found to have changed */
	struct stat stamp; /* of the file as read; zeros: it was not */
	uint8_t key[crypto_generichash_KEYBYTES];
};

static void hash_of(const struct zl_users *u, uint8_t hash[HASH], const char *password, size_t n)
{
	crypto_generichash(hash, HASH, (const uint8_t *)password, n, u->key, sizeof(u->key));
}

static int add(struct zl_users *u, char *line)
{
	struct list *l = &u->now;
	char *colon = strchr(line, ':');
	struct user *at;

	if (!colon || colon == line || colon - line > ZL_PASSWORD_MAX ||
	    strlen(colon + 1) > ZL_PASSWORD_MAX)
		return -EBADMSG;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;

		at = realloc(l->at, room * sizeof(*at));
		if (!at)
			return -ENOMEM;
		l->at = at;
		l->room = room;
	}
	*colon = '\0';
	at = &l->at[l->n++];
	memset(at->name, 0, sizeof(at->name));
	memcpy(at->name, line, (size_t)(colon - line));
	hash_of(u, at->hash, colon + 1, strlen(colon + 1));
	return 0;
}

static int read_file(struct zl_users *u, unsigned *line_number)
{
	char line[2 * ZL_PASSWORD_MAX + 4];
	char buffer[BUFSIZ];
	FILE *f = fopen(u->file, "re");
	int error = 0;

	u->now.n = 0;
	if (!f)
		return -errno;
	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	if (fstat(fileno(f), &u->stamp))
		memset(&u->stamp, 0, sizeof(u->stamp));
	for (*line_number = 1; !error && fgets(line, sizeof(line), f); ++*line_number) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] && line[0] != '#')
			error = add(u, line);
		if (error)
			break;
	}
	fclose(f);
	sodium_memzero(line, sizeof(line));
	sodium_memzero(buffer, sizeof(buffer));
	if (error)
		u->now.n = 0; /* who cannot be looked up does not come in */
	return error;
}

int zl_users_open(struct zl_users **users, const char *file, unsigned *line)
{
	struct zl_users *u = calloc(1, sizeof(*u));

	*users = u;
	*line = 0;
	if (!u)
		return -ENOMEM;
	randombytes_buf(u->key, sizeof(u->key));
	u->file = strdup(file);
	return u->file ? read_file(u, line) : -ENOMEM;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Neither changed, nor replaced, nor made readable. */
static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

bool zl_users_changed(struct zl_users *u)
{
	struct list spare = u->was;
	unsigned line;
	struct stat s;

	u->was.n = 0;
	if (stat(u->file, &s))
		memset(&s, 0, sizeof(s));
	if (same_file(&s, &u->stamp))
		return false;
	memset(&u->stamp, 0, sizeof(u->stamp));
	u->was = u->now;
	u->now = spare;
	read_file(u, &line);
	return true;
}

static void forget(struct list *l)
{
	if (l->at)
		sodium_memzero(l->at, l->room * sizeof(*l->at));
	free(l->at);
}

void zl_users_close(struct zl_users *u)
{
	if (!u)
		return;
	forget(&u->now);
	forget(&u->was);
	free(u->file);
	sodium_memzero(u, sizeof(*u));
	free(u);
}

/* Every user is looked at, whoever is asked for, and all of each. */
bool zl_users_check(const struct zl_users *u, const char *user, size_t user_bytes,
		    const char *password, size_t password_bytes)
{
	char name[ZL_PASSWORD_MAX + 1] = {0};
	uint8_t hash[HASH];
	bool good = false;

	/* No name in the file has a zero within, so that one that is given with zeros is none. */
	if (user_bytes > ZL_PASSWORD_MAX || memchr(user, '\0', user_bytes))
		return false;
	memcpy(name, user, user_bytes);
	hash_of(u, hash, password, password_bytes);
	for (size_t i = 0; i < u->now.n; i++) {
		bool same = sodium_memcmp(hash, u->now.at[i].hash, HASH) == 0;

		good |= same & (sodium_memcmp(name, u->now.at[i].name, sizeof(name)) == 0);
	}
	sodium_memzero(hash, sizeof(hash));
	return good;
}

static const struct user *find(const struct list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->at[i].name, name, ZL_USER_MAX - 1) == 0)
			return &l->at[i];
	return NULL;
}

bool zl_users_keeps(const struct zl_users *u, const char *name)
{
	const struct user *now = find(&u->now, name), *was = find(&u->was, name);

	return now && (!was || sodium_memcmp(now->hash, was->hash, HASH) == 0);
}
