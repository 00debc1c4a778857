/* A folder of public certificates: which of its files are meant, and whose they are. Hidden files
 * are not (so a file can be written under such a name, and be there at once), nor secret ones. */
#include "control/security/security.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool ends_secret(const char *name)
{
	static const char end[] = "_secret";
	size_t n = strlen(name);

	return n >= strlen(end) && strcmp(name + n - strlen(end), end) == 0;
}

bool zl_cert_is_public(const char *file)
{
	return file[0] != '.' && !ends_secret(file);
}

bool zl_cert_name_good(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= ZL_USER_MAX || ends_secret(name))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return true;
}

void zl_cert_owner(char owner[ZL_USER_MAX], const char *file)
{
	snprintf(owner, ZL_USER_MAX, "%.*s", (int)strcspn(file, "."), file);
}

int zl_cert_path(char path[ZL_CERT_PATH], const char *folder, const char *name, bool secret)
{
	int n = snprintf(path, ZL_CERT_PATH, "%s/%s.cert%s", folder, name, secret ? "_secret" : "");

	return n > 0 && n < ZL_CERT_PATH ? 0 : -ENAMETOOLONG;
}

static int visit_file(const char *folder, const char *file, zl_cert_visit *visit, void *context)
{
	char path[ZL_CERT_PATH], owner[ZL_USER_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, file);
	struct zl_cert cert = {0};
	int error = -ENAMETOOLONG, result;

	zl_cert_owner(owner, file);
	if (n > 0 && n < ZL_CERT_PATH)
		error = zl_cert_load(&cert, path);
	result = visit(context, path, owner, &cert, error);
	zl_cert_wipe(&cert);
	return result;
}

int zl_cert_each(const char *folder, zl_cert_visit *visit, void *context)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int result = 0;

	if (!d)
		return -errno;
	while (!result && (e = readdir(d)))
		if (zl_cert_is_public(e->d_name))
			result = visit_file(folder, e->d_name, visit, context);
	closedir(d);
	return result;
}
