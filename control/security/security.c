/* A socket's security, in memory that is not swapped out and is wiped when it goes. */
#include "control/security/gssapi.h"
#include "control/security/security.h"

#include <sodium.h>

struct zl_security *zl_security_new(void)
{
	struct zl_security *s = sodium_malloc(sizeof(*s));

	if (s)
		sodium_memzero(s, sizeof(*s));
	return s;
}

void zl_security_free(struct zl_security *s)
{
	if (!s)
		return;
	zl_keyring_close(s->keyring);
	zl_users_close(s->users);
	zl_principals_close(s->principals);
	zl_gssapi_close(s->gssapi);
	sodium_free(s); /* wipes */
}

bool zl_security_changed(struct zl_security *s, zl_keyring_skip *skipped, void *context)
{
	return (s->keyring && zl_keyring_changed(s->keyring, skipped, context)) ||
	       (s->users && zl_users_changed(s->users)) ||
	       (s->principals && zl_principals_changed(s->principals));
}

bool zl_security_keeps(const struct zl_security *s, const char *name)
{
	if (s->keyring)
		return zl_keyring_keeps(s->keyring, name);
	if (s->principals)
		return zl_principals_keeps(s->principals, name);
	return !s->users || zl_users_keeps(s->users, name);
}
