/* Certificates as CZMQ's zcert writes them, in ZPL (RFC 4): sections, and under them, indented,
 * keys with values. Of `curve`, public-key and secret-key are of use here, in Z85; the rest is
 * passed over. */
#include "control/security/security.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define LINE_MAX_BYTES 1024
#define NAME_BYTES     32

/* Takes the spaces off the end. */
static void trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
}

/* `name = "value"`, or with other quotes or none; false: it is none of those. The name is copied,
 * the value stays in the line. */
static bool split(char *line, char name[NAME_BYTES], const char **value)
{
	char *equals = strchr(line, '=');
	size_t n = strspn(line, " \t");

	if (!equals)
		return false;
	*equals = '\0';
	line += n;
	trim(line);
	snprintf(name, NAME_BYTES, "%s", line);
	line = equals + 1 + strspn(equals + 1, " \t");
	trim(line);
	n = strlen(line);
	if (n >= 2 && (*line == '"' || *line == '\'') && line[n - 1] == *line) {
		line[n - 1] = '\0';
		line++;
	}
	*value = line;
	return true;
}

static int take_line(struct zl_cert *cert, char *line, bool *in_curve)
{
	char name[NAME_BYTES];
	const char *value;

	if (*line && !isspace((unsigned char)*line)) {
		trim(line);
		*in_curve = strcmp(line, "curve") == 0;
		return 0;
	}
	if (!*in_curve || !split(line, name, &value))
		return 0;
	if (strcmp(name, "public-key") == 0) {
		cert->has_public = zl_z85_decode(cert->public_key, value);
		return cert->has_public ? 0 : -EBADMSG;
	}
	if (strcmp(name, "secret-key") == 0) {
		cert->has_secret = zl_z85_decode(cert->secret_key, value);
		return cert->has_secret ? 0 : -EBADMSG;
	}
	return 0;
}

/* The two keys of a pair belong together. */
static int check(const struct zl_cert *cert)
{
	uint8_t derived[ZL_KEY_BYTES];

	if (!cert->has_public)
		return -ENODATA;
	if (!cert->has_secret)
		return 0;
	crypto_scalarmult_base(derived, cert->secret_key);
	return memcmp(derived, cert->public_key, ZL_KEY_BYTES) == 0 ? 0 : -EKEYREJECTED;
}

/* NULL: with its error. A pipe is not waited for. */
static FILE *open_file(const char *file, int *error)
{
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	FILE *f = NULL;

	if (fd < 0 || fstat(fd, &status))
		*error = -errno;
	else if (!S_ISREG(status.st_mode))
		*error = -EISDIR;
	else if (!(f = fdopen(fd, "r")))
		*error = -errno;
	if (!f && fd >= 0)
		close(fd);
	return f;
}

int zl_cert_load(struct zl_cert *cert, const char *file)
{
	char line[LINE_MAX_BYTES];
	char buffer[BUFSIZ]; /* here, so that it can be wiped */
	bool in_curve = false;
	int error = 0;
	FILE *f;

	memset(cert, 0, sizeof(*cert));
	f = open_file(file, &error);
	if (!f)
		return error;
	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	while (!error && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "#\r\n") == 0 ? 0 : strcspn(line, "\r\n")] = '\0';
		error = take_line(cert, line, &in_curve);
	}
	fclose(f);
	sodium_memzero(line, sizeof(line));
	sodium_memzero(buffer, sizeof(buffer));
	if (!error)
		error = check(cert);
	if (error)
		zl_cert_wipe(cert);
	return error;
}

const char *zl_cert_error(int error)
{
	switch (-error) {
	case EBADMSG:
		return "a key in it is not 40 characters of Z85";
	case ENODATA:
		return "there is no public-key under \"curve\" in it";
	case EISDIR:
		return "it is not a file";
	case EKEYREJECTED:
		return "its secret-key is not that of its public-key";
	default:
		return strerror(-error);
	}
}

void zl_cert_wipe(struct zl_cert *cert)
{
	sodium_memzero(cert, sizeof(*cert));
}
