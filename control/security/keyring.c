/* Whose keys may come in: a directory of public certificates, one a file, whose name without its
 * suffix is what their owner is called. Read again when the directory, or a file in it, has
 * changed: a file that cannot be read then lets nobody in, and all others are as before. */
#include "control/security/security.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry {
	uint8_t key[ZL_KEY_BYTES];
	char name[ZL_USER_MAX];
};

struct entries {
	struct entry *at; /* sorted by key, and then by name */
	size_t n, room;
};

struct zl_keyring {
	char *folder;
	struct entries now;
	struct entries was; /* before it was last found to have changed */
	uint64_t stamp;     /* of what was read */
};

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key, ZL_KEY_BYTES);
}

static int by_key_and_name(const void *a, const void *b)
{
	int order = by_key(a, b);

	return order ? order
		     : strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static uint64_t mix(uint64_t stamp, uint64_t value)
{
	return (stamp ^ value) * 0x9e3779b97f4a7c15ull + (stamp >> 29);
}

static uint64_t stamp_at(const struct timespec *t)
{
	return mix((uint64_t)t->tv_sec, (uint64_t)t->tv_nsec);
}

static uint64_t stamp_name(const char *name)
{
	uint64_t stamp = 0;

	for (; *name; name++)
		stamp = mix(stamp, (uint8_t)*name);
	return stamp;
}

/* Differs when a file came, went or changed, got another name, or became readable. */
static uint64_t stamp_of(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	uint64_t sum = 0, n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		struct stat s;
		uint64_t stamp;

		if (!zl_cert_is_public(e->d_name) || fstatat(dirfd(d), e->d_name, &s, 0))
			continue;
		stamp = mix(mix(stamp_name(e->d_name), s.st_ino), (uint64_t)s.st_size);
		stamp = mix(mix(stamp, stamp_at(&s.st_mtim)), stamp_at(&s.st_ctim));
		sum += stamp; /* in whatever order the directory has them */
		n++;
	}
	closedir(d);
	return mix(sum, n) | 1;
}

static int add(struct entries *k, const uint8_t *key, const char *owner)
{
	struct entry *e;

	if (k->n == k->room) {
		size_t room = k->room ? 2 * k->room : 16;
		e = realloc(k->at, room * sizeof(*e));
		if (!e)
			return -ENOMEM;
		k->at = e;
		k->room = room;
	}
	e = &k->at[k->n++];
	memcpy(e->key, key, ZL_KEY_BYTES);
	snprintf(e->name, sizeof(e->name), "%s", owner);
	return 0;
}

struct reading {
	struct zl_keyring *keyring;
	zl_keyring_skip *skipped;
	void *context;
};

static int take_file(void *context, const char *path, const char *owner, const struct zl_cert *cert,
		     int error)
{
	const struct reading *r = context;

	if (!error)
		return add(&r->keyring->now, cert->public_key, owner);
	r->skipped(r->context, path, zl_cert_error(error));
	return 0;
}

static int read_folder(struct zl_keyring *k, zl_keyring_skip *skipped, void *context)
{
	struct reading r = {k, skipped, context};
	int error;

	k->now.n = 0;
	error = zl_cert_each(k->folder, take_file, &r);
	if (error)
		k->now.n = 0; /* who cannot be looked up does not come in */
	if (k->now.n)
		qsort(k->now.at, k->now.n, sizeof(*k->now.at), by_key_and_name);
	return error;
}

int zl_keyring_open(struct zl_keyring **keyring, const char *folder, zl_keyring_skip *skipped,
		    void *context)
{
	struct zl_keyring *k = calloc(1, sizeof(*k));
	int error;

	*keyring = k;
	if (!k)
		return -ENOMEM;
	k->folder = strdup(folder);
	if (!k->folder)
		return -ENOMEM;
	k->stamp = stamp_of(folder);
	error = read_folder(k, skipped, context);
	return error;
}

bool zl_keyring_changed(struct zl_keyring *k, zl_keyring_skip *skipped, void *context)
{
	uint64_t stamp = stamp_of(k->folder);
	struct entries spare = k->was;

	k->was.n = 0;
	if (stamp == k->stamp)
		return false;
	k->stamp = stamp;
	k->was = k->now;
	k->now = spare;
	read_folder(k, skipped, context);
	return true;
}

void zl_keyring_close(struct zl_keyring *k)
{
	if (!k)
		return;
	free(k->folder);
	free(k->now.at);
	free(k->was.at);
	free(k);
}

const char *zl_keyring_find(const struct zl_keyring *k, const uint8_t key[ZL_KEY_BYTES])
{
	struct entry want;
	const struct entry *e;

	memcpy(want.key, key, ZL_KEY_BYTES);
	e = k->now.n ? bsearch(&want, k->now.at, k->now.n, sizeof(want), by_key) : NULL;
	return e ? e->name : NULL;
}

bool zl_keyring_has(const struct zl_keyring *k, const char *name)
{
	for (size_t i = 0; i < k->now.n; i++)
		if (strcmp(k->now.at[i].name, name) == 0)
			return true;
	return false;
}

bool zl_keyring_keeps(const struct zl_keyring *k, const char *name)
{
	for (size_t i = 0; i < k->was.n; i++) {
		const struct entry *e = &k->was.at[i];

		if (strcmp(e->name, name) == 0 &&
		    (k->now.n == 0 ||
		     !bsearch(e, k->now.at, k->now.n, sizeof(*e), by_key_and_name)))
			return false;
	}
	return zl_keyring_has(k, name);
}
