/* The PLAIN mechanism (RFC 24): the client says a name and a password, in the clear; the server
 * lets it in or not. HELLO, WELCOME, INITIATE and READY, the last two with metadata. */
#include "control/handshake/handshake.h"

#include <string.h>

#include <sodium.h>

enum {
	WAITS_FOR_HELLO, /* server; and then for ZAP's answer */
	WAITS_FOR_INITIATE,
	WAITS_FOR_WELCOME, /* client */
	WAITS_FOR_READY
};

/* A string of a length byte: taken off the front. False: there is none. */
static bool take_text(const uint8_t **data, size_t *n, const char **text, size_t *bytes)
{
	if (*n < 1 || *n - 1 < (*data)[0])
		return false;
	*bytes = (*data)[0];
	*text = (const char *)*data + 1;
	*data += 1 + *bytes;
	*n -= 1 + *bytes;
	return true;
}

static enum zl_verdict say_welcome(struct zl_handshake *h)
{
	zl_handshake_say(h, "WELCOME", NULL, 0);
	h->step = WAITS_FOR_INITIATE;
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict hello(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	const char *user, *password;
	size_t user_bytes, password_bytes;
	char name[ZL_PASSWORD_MAX + 1];

	if (!take_text(&data, &n, &user, &user_bytes) ||
	    !take_text(&data, &n, &password, &password_bytes) || n > 0)
		return zl_handshake_refuse(h, ZL_REASON_bad_command);
	if (zl_handshake_asks(h)) {
		zl_handshake_show(h, user, user_bytes);
		zl_handshake_show(h, password, password_bytes);
		return zl_handshake_ask(h);
	}
	if (!zl_users_check(h->security->users, user, user_bytes, password, password_bytes))
		return zl_handshake_refuse(h, ZL_REASON_user_denied);
	memcpy(name, user, user_bytes);
	name[user_bytes] = '\0';
	zl_handshake_name(h, name);
	return say_welcome(h);
}

static void say_metadata(struct zl_handshake *h, const char *command)
{
	uint8_t data[ZL_METADATA_MAX];

	zl_handshake_say(h, command, data, zl_metadata_write(h, data, sizeof(data)));
}

static enum zl_verdict initiate(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	if (!zl_metadata_read(h, data, n))
		return zl_handshake_refuse(h, h->reason);
	say_metadata(h, "READY");
	return ZL_HANDSHAKE_READY;
}

static enum zl_verdict welcome(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	(void)data;
	if (n > 0)
		return zl_handshake_refuse(h, ZL_REASON_bad_command);
	say_metadata(h, "INITIATE");
	h->step = WAITS_FOR_READY;
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict ready(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	if (!zl_metadata_read(h, data, n))
		return zl_handshake_refuse(h, h->reason);
	return ZL_HANDSHAKE_READY;
}

static enum zl_verdict plain_start(struct zl_handshake *h)
{
	const struct zl_security *s = h->security;
	uint8_t data[2 * (1 + ZL_PASSWORD_MAX)], user = (uint8_t)strlen(s->user),
						 password = (uint8_t)strlen(s->password);

	h->step = h->as_server ? WAITS_FOR_HELLO : WAITS_FOR_WELCOME;
	if (h->as_server)
		return ZL_HANDSHAKE_MORE;
	data[0] = user;
	memcpy(data + 1, s->user, user);
	data[1 + user] = password;
	memcpy(data + 2 + user, s->password, password);
	zl_handshake_say(h, "HELLO", data, 2u + user + password);
	sodium_memzero(data, sizeof(data));
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict plain_command(struct zl_handshake *h, const char *name, const uint8_t *data,
				     size_t bytes)
{
	static const struct zl_step steps[] = {
		[WAITS_FOR_HELLO] = {"HELLO", hello},
		[WAITS_FOR_INITIATE] = {"INITIATE", initiate},
		[WAITS_FOR_WELCOME] = {"WELCOME", welcome},
		[WAITS_FOR_READY] = {"READY", ready},
	};

	return zl_handshake_step(h, steps, name, data, bytes);
}

const struct zl_mechanism zl_mechanism_plain = {
	.name = "PLAIN",
	.has_server = true,
	.start = plain_start,
	.command = plain_command,
	.let_in = say_welcome,
};
