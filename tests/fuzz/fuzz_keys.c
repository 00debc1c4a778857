/* Files that `security` names: certificates and lists of users, and the keys and names in them. The
 * first byte says which. A certificate that is taken is the same when it is written and read again,
 * one that is not leaves nothing behind in memory and has its line. */
#include <errno.h>
#include <fcntl.h>

#include <sodium.h>

#include "control/security/security.h"
#include "tests/fuzz/fixed_random.h"
#include "tests/fuzz/memory_file.h"

static void check_again(const struct zl_cert *cert)
{
	char path[] = "/dev/shm/zl-fuzz-XXXXXX";
	struct zl_cert again;
	int fd = mkostemp(path, O_CLOEXEC);

	require(fd >= 0 && close(fd) == 0 && unlink(path) == 0);
	require(zl_cert_create(path, cert, "fuzz", cert->has_secret) == 0);
	require(zl_cert_load(&again, path) == 0);
	unlink(path);
	require(memcmp(&again, cert, sizeof(again)) == 0);
}

static void certificate(struct feed *f)
{
	static const struct zl_cert nothing;
	struct zl_cert cert;
	int error = zl_cert_load(&cert, memory_file(f->at, f->left));

	if (error) {
		require(memcmp(&cert, &nothing, sizeof(cert)) == 0);
		require(zl_cert_error(error)[0]);
		return;
	}
	require(cert.has_public);
	check_again(&cert);
	zl_cert_wipe(&cert);
}

/* Its two keys are made to fit where the input has "@P" and "@S", which no luck would find. */
static void good_certificate(struct feed *f)
{
	static char text[8192];
	struct zl_cert pair;
	char public_key[ZL_Z85_KEY + 1], secret_key[ZL_Z85_KEY + 1];
	size_t n = 0;

	fixed_random_begin();
	zl_cert_generate(&pair);
	zl_z85_encode(public_key, pair.public_key);
	zl_z85_encode(secret_key, pair.secret_key);
	while (f->left && n < sizeof(text) - ZL_Z85_KEY) {
		uint8_t byte = feed_u8(f);

		if (byte != '@' || !f->left || (*f->at != 'P' && *f->at != 'S')) {
			text[n++] = (char)byte;
			continue;
		}
		memcpy(text + n, feed_u8(f) == 'P' ? public_key : secret_key, ZL_Z85_KEY);
		n += ZL_Z85_KEY;
	}
	certificate(&(struct feed){(uint8_t *)text, n});
}

static void key(struct feed *f)
{
	char text[64], again[ZL_Z85_KEY + 1];
	uint8_t bytes[ZL_KEY_BYTES];
	const uint8_t *at;
	size_t n = feed_take(f, sizeof(text) - 1, &at);

	memcpy(text, at, n);
	text[n] = '\0';
	if (!zl_z85_decode(bytes, text))
		return;
	zl_z85_encode(again, bytes);
	require(strcmp(text, again) == 0);
}

static void names(struct feed *f)
{
	char name[300], owner[ZL_USER_MAX], path[ZL_CERT_PATH];
	const uint8_t *at;
	size_t n = feed_take(f, sizeof(name) - 1, &at);

	memcpy(name, at, n);
	name[n] = '\0';
	zl_cert_owner(owner, name);
	zl_cert_is_public(name);
	if (!zl_cert_name_good(name))
		return;
	require(zl_cert_is_public(name) && strcmp(owner, name) == 0);
	require(zl_cert_path(path, "/keys", name, false) == 0 && !strchr(path + 6, '/'));
}

/* Who is in the file may come in, by this password and no other. */
static void users(struct feed *f)
{
	struct zl_users *u;
	unsigned line;
	const uint8_t *at = f->at;
	const char *file = memory_file(f->at, f->left);
	int error = zl_users_open(&u, file, &line);
	const uint8_t *colon, *end;

	require(error == 0 || error == -EBADMSG);
	require(!error || line > 0);
	end = memchr(at, '\n', f->left);
	end = end ? end : at + f->left;
	colon = memchr(at, ':', (size_t)(end - at));
	if (!error && colon && *at != '#' && !memchr(at, '\0', (size_t)(end - at)) &&
	    !memchr(at, '\r', (size_t)(end - at))) {
		size_t name = (size_t)(colon - at), password = (size_t)(end - colon) - 1;

		require(zl_users_check(u, (const char *)at, name, (const char *)colon + 1,
				       password));
		require(!zl_users_check(u, (const char *)at, name, "no\nsuch", 7));
	}
	zl_users_changed(u);
	zl_users_close(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const kinds[])(struct feed * f) = {certificate, good_certificate, key, names,
							 users};
	struct feed f = {data, n};
	static bool started;

	if (!started) {
		fixed_random_use();
		require(sodium_init() >= 0);
	}
	started = true;
	kinds[feed_u8(&f) % 5](&f);
	return 0;
}
