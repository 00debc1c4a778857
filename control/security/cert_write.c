/* Makes pairs of keys and writes them as CZMQ's zcert does, in ZPL (RFC 4): a public file, and a
 * secret one that has both keys. No file is overwritten, none is left half written, and what held a
 * secret key is wiped. */
#include "control/security/security.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define TEXT_MAX 512

int zl_cert_generate(struct zl_cert *cert)
{
	if (sodium_init() < 0)
		return -ENOSYS;
	crypto_box_keypair(cert->public_key, cert->secret_key);
	cert->has_public = cert->has_secret = true;
	return 0;
}

static void text_of(char text[TEXT_MAX], const struct zl_cert *cert, const char *name, bool secret)
{
	char key[ZL_Z85_KEY + 1];
	int n;

	zl_z85_encode(key, cert->public_key);
	n = snprintf(text, TEXT_MAX,
		     "# %s\n\nmetadata\n    name = \"%s\"\ncurve\n    public-key = \"%s\"\n",
		     secret ? "A CURVE certificate with its secret key: for its owner alone."
			    : "A public CURVE certificate: anybody may have it.",
		     name, key);
	if (secret) {
		zl_z85_encode(key, cert->secret_key);
		snprintf(text + n, TEXT_MAX - (size_t)n, "    secret-key = \"%s\"\n", key);
	}
	sodium_memzero(key, sizeof(key));
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, text, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		text += written;
		n -= (size_t)written;
	}
	return 0;
}

/* Closes `fd` in any case. The mode is not the umask's business: a public certificate is for a
 * control process that has a user of its own. */
static int fill(int fd, const struct zl_cert *cert, const char *name, bool secret)
{
	char text[TEXT_MAX];
	int error;

	text_of(text, cert, name, secret);
	error = write_all(fd, text, strlen(text));
	sodium_memzero(text, sizeof(text));
	if (!error && (fchmod(fd, secret ? 0600 : 0644) || fsync(fd)))
		error = -errno;
	if (close(fd) && !error)
		error = -errno;
	return error;
}

int zl_cert_create(const char *path, const struct zl_cert *cert, const char *name, bool secret)
{
	int error, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	error = fill(fd, cert, name, secret);
	if (error)
		unlink(path);
	return error;
}

/* What has come or gone stays so when the power fails. */
static int sync_folder(const char *folder)
{
	int error = 0, fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL) /* some file systems have no such thing */
		error = -errno;
	close(fd);
	return error;
}

/* Gives a file its name, unless there is one of that name. */
static int place(const char *making, const char *path)
{
	if (renameat2(AT_FDCWD, making, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL) /* a file system that has not got that has links */
		return -errno;
	if (link(making, path))
		return -errno;
	unlink(making);
	return 0;
}

int zl_cert_publish(const char *folder, const struct zl_cert *cert, const char *name)
{
	char path[ZL_CERT_PATH], making[ZL_CERT_PATH];
	int n, fd, error = zl_cert_path(path, folder, name, false);

	if (error)
		return error;
	n = snprintf(making, sizeof(making), "%s/.%s.cert.XXXXXX", folder, name);
	if (n < 0 || n >= (int)sizeof(making))
		return -ENAMETOOLONG;
	fd = mkostemp(making, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = fill(fd, cert, name, false);
	if (!error)
		error = place(making, path);
	if (error) {
		unlink(making);
		return error;
	}
	return sync_folder(folder);
}

int zl_cert_remove(const char *folder, const char *path)
{
	return unlink(path) ? -errno : sync_folder(folder);
}
