/* The greeting of ZMTP 3.x and the framing of handshake commands. A peer of an older protocol is
 * told apart as RFC 37 has it ("Detecting ZMTP 1.0 and 2.0 Peers"): by the first byte, the low bit
 * of the tenth, and the version; old.c goes on with it. Our own greeting goes out a piece at a
 * time, each once the peer's has shown that it is for it: signature, version, rest. */
#include "control/handshake/handshake.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define SIGNATURE_BYTES 10
#define MAJOR           10
#define MINOR           11
#define MECHANISM       12
#define AS_SERVER       32

#define FLAG_COMMAND 0x04
#define FLAG_LONG    0x02

void zl_handshake_say_plain(struct zl_handshake *h, const void *bytes, size_t n)
{
	if (n == 0 || n > sizeof(h->output) - h->output_bytes)
		return;
	memcpy(h->output + h->output_bytes, bytes, n);
	h->output_bytes += (unsigned)n;
}

static const struct zl_mechanism *const mechanisms[] = {
	[ZL_MECHANISM_NULL] = &zl_mechanism_null,
	[ZL_MECHANISM_PLAIN] = &zl_mechanism_plain,
	[ZL_MECHANISM_CURVE] = &zl_mechanism_curve,
	[ZL_MECHANISM_GSSAPI] = &zl_mechanism_gssapi,
};

enum zl_verdict zl_handshake_none(struct zl_handshake *h, enum zl_socket_type type)
{
	static const uint8_t other[ZL_SOCKET_TYPES] = {
		[ZL_PUB] = ZL_SUB,     [ZL_XPUB] = ZL_SUB,   [ZL_SUB] = ZL_PUB,
		[ZL_XSUB] = ZL_PUB,    [ZL_RADIO] = ZL_DISH, [ZL_DISH] = ZL_RADIO,
		[ZL_DGRAM] = ZL_DGRAM,
	};

	memset(h, 0, sizeof(*h));
	h->mechanism = mechanisms[ZL_MECHANISM_NULL];
	h->type = type;
	h->peer_type = other[type];
	h->zmtp = ZL_ZMTP_NONE;
	return ZL_HANDSHAKE_READY;
}

/* NULL has no server, and RFC 37 has the peer that binds say that it is; of the others the socket
 * knows which it is. */
enum zl_verdict zl_handshake_start(struct zl_handshake *h, enum zl_socket_type type, bool binds,
				   const struct zl_ipc_options *options,
				   const struct zl_security *security)
{
	/* The padding is what ZMTP 1.0 reads as the length of our identity, flags included: at
	 * most 256. The identity itself follows once the peer is known to be of 1.0. */
	uint32_t frame = 1 + (options ? options->routing_id.len : 0);
	uint8_t signature[SIGNATURE_BYTES] = {
		0xff, [7] = (uint8_t)(frame >> 8), [8] = (uint8_t)frame, [9] = 0x7f};

	memset(h, 0, sizeof(*h));
	h->mechanism = mechanisms[security ? security->mechanism : ZL_MECHANISM_NULL];
	h->type = type;
	h->as_server = h->mechanism->has_server ? security->server : binds;
	h->options = options;
	h->security = security;
	if (zl_ipc_raw(type, options)) {
		h->peer_type = ZL_STREAM;
		h->zmtp = ZL_ZMTP_NONE;
		return ZL_HANDSHAKE_READY;
	}
	zl_handshake_say_plain(h, signature, sizeof(signature));
	return ZL_HANDSHAKE_MORE;
}

void zl_handshake_wipe(struct zl_handshake *h)
{
	if (h->mechanism && h->mechanism->end)
		h->mechanism->end(h);
	sodium_memzero(h, sizeof(*h));
}

void zl_handshake_name(struct zl_handshake *h, const char *user)
{
	snprintf(h->user, sizeof(h->user), "%s", user);
}

static void say_version(struct zl_handshake *h)
{
	static const uint8_t major = 3;

	if (!h->said_version)
		zl_handshake_say_plain(h, &major, 1);
	h->said_version = true;
}

static void say_rest(struct zl_handshake *h)
{
	uint8_t greeting[ZL_GREETING_BYTES] = {[MINOR] = 1};

	memcpy(greeting + MECHANISM, h->mechanism->name, strlen(h->mechanism->name));
	greeting[AS_SERVER] = h->mechanism->has_server && h->as_server;
	if (!h->said_rest)
		zl_handshake_say_plain(h, greeting + MINOR, ZL_GREETING_BYTES - MINOR);
	h->said_rest = true;
}

void zl_handshake_say(struct zl_handshake *h, const char *name, const uint8_t *data, size_t n)
{
	size_t name_bytes = strlen(name), body = name_bytes ? 1 + name_bytes + n : 0;
	uint8_t head[9] = {FLAG_COMMAND, (uint8_t)body};
	uint8_t length = (uint8_t)name_bytes;

	if (h->output_bytes + sizeof(head) + body > sizeof(h->output))
		return;
	if (body > 255) {
		head[0] |= FLAG_LONG;
		for (int i = 0; i < 8; i++)
			head[1 + i] = (uint8_t)((uint64_t)body >> (56 - 8 * i));
	}
	zl_handshake_say_plain(h, head, body > 255 ? 9 : 2);
	zl_handshake_say_plain(h, &length, body > 0);
	zl_handshake_say_plain(h, name, name_bytes);
	zl_handshake_say_plain(h, data, n);
}

static void say_error(struct zl_handshake *h, const char *text)
{
	uint8_t data[256];
	size_t n = strlen(text);

	data[0] = (uint8_t)n;
	memcpy(data + 1, text, n);
	zl_handshake_say(h, "ERROR", data, n + 1);
}

enum zl_verdict zl_handshake_refuse(struct zl_handshake *h, enum zl_reason reason)
{
	h->reason = reason;
	if (h->greeted && reason != ZL_REASON_peer_error)
		say_error(h, zl_reason_text[reason]);
	return ZL_HANDSHAKE_REFUSED;
}

enum zl_verdict zl_handshake_step(struct zl_handshake *h, const struct zl_step *steps,
				  const char *name, const uint8_t *data, size_t n)
{
	const struct zl_step *step = &steps[h->step];

	if (strcmp(name, step->name) != 0)
		return zl_handshake_refuse(h, ZL_REASON_unexpected_command);
	return step->take(h, data, n);
}

/* --- ZAP --- */

bool zl_handshake_asks(const struct zl_handshake *h)
{
	return h->security && h->security->zap;
}

void zl_handshake_show(struct zl_handshake *h, const void *credential, size_t n)
{
	struct zl_credential *to = &h->credential[h->credentials++];

	to->bytes = (uint8_t)n;
	memcpy(to->data, credential, n);
}

enum zl_verdict zl_handshake_ask(struct zl_handshake *h)
{
	h->asking = true;
	return ZL_HANDSHAKE_ASK;
}

enum zl_verdict zl_handshake_answer(struct zl_handshake *h, const struct zl_zap_answer *answer)
{
	const struct zl_ipc_properties *p = &answer->properties;
	struct zl_property property;

	h->asking = false;
	sodium_memzero(h->credential, sizeof(h->credential));
	switch (answer->status) {
	case 200:
		zl_handshake_name(h, answer->user);
		for (size_t at = 0, n; at < p->bytes; at += n) {
			n = zl_property_next(&property, p->data + at, p->bytes - at);
			zl_property_keep(&h->properties, p->data + at, n);
		}
		return h->mechanism->let_in(h);
	case 300:
		h->reason = ZL_REASON_zap_temporary;
		return ZL_HANDSHAKE_REFUSED;
	case 400:
		h->reason = ZL_REASON_zap_denied;
		say_error(h, "400");
		return ZL_HANDSHAKE_REFUSED;
	default:
		h->reason = ZL_REASON_zap_error;
		say_error(h, "500");
		return ZL_HANDSHAKE_REFUSED;
	}
}

static enum zl_verdict check_mechanism(struct zl_handshake *h)
{
	const uint8_t *name = h->greeting + MECHANISM;
	size_t n = 0;

	while (n < ZL_MECHANISM_BYTES && name[n])
		n++;
	for (size_t i = n; i < ZL_MECHANISM_BYTES; i++)
		if (name[i])
			return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	for (size_t i = 0; i < n; i++)
		if (!isupper(name[i]) && !isdigit(name[i]) && !strchr("-_.+", name[i]))
			return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	if (n == 0 || h->greeting[AS_SERVER] > 1)
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	if (n != strlen(h->mechanism->name) || memcmp(name, h->mechanism->name, n) != 0)
		return zl_handshake_refuse(h, ZL_REASON_mechanism_mismatch);
	/* A server must not meet a server. Two clients will wait for each other in vain: libzmq's
	 * servers do not say that they are, so it cannot be told. */
	if (h->mechanism->has_server && h->greeting[AS_SERVER] && h->as_server)
		return zl_handshake_refuse(h, ZL_REASON_mechanism_mismatch);
	h->greeted = true;
	return h->mechanism->start(h);
}

/* All that has come so far of one that is ZMTP 3's. */
static enum zl_verdict greeting_of_3(struct zl_handshake *h)
{
	const uint8_t *g = h->greeting;

	say_rest(h);
	if (h->greeting_bytes < ZL_GREETING_BYTES)
		return ZL_HANDSHAKE_MORE;
	if (h->greeting_bytes > ZL_GREETING_BYTES)
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	/* A later version speaks ours (RFC 37, version negotiation). */
	h->zmtp = g[MAJOR] > 3 || g[MINOR] > 0 ? ZL_ZMTP_V3_1 : ZL_ZMTP_V3_0;
	return check_mechanism(h);
}

enum zl_verdict zl_handshake_greeting(struct zl_handshake *h, const uint8_t *bytes, size_t n)
{
	uint8_t *g = h->greeting;

	if (n == 0)
		return ZL_HANDSHAKE_MORE;
	if (h->greeted || n > sizeof(h->greeting) - h->greeting_bytes)
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	memcpy(g + h->greeting_bytes, bytes, n);
	h->greeting_bytes += (unsigned)n;
	n = h->greeting_bytes;
	if (g[0] != 0xff || (n >= SIGNATURE_BYTES && !(g[SIGNATURE_BYTES - 1] & 1)))
		return zl_handshake_zmtp_1(h);
	if (n < SIGNATURE_BYTES)
		return ZL_HANDSHAKE_MORE;
	if (g[SIGNATURE_BYTES - 1] != 0x7f)
		return zl_handshake_refuse(h, ZL_REASON_not_zmtp);
	say_version(h);
	if (n <= MAJOR)
		return ZL_HANDSHAKE_MORE;
	return g[MAJOR] < 3 ? zl_handshake_zmtp_2(h) : greeting_of_3(h);
}

static enum zl_verdict error_command(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	if (n < 1 || n - 1 != data[0])
		return zl_handshake_refuse(h, ZL_REASON_bad_command);
	return zl_handshake_refuse(h, ZL_REASON_peer_error);
}

enum zl_verdict zl_handshake_command(struct zl_handshake *h, const uint8_t *body, size_t n)
{
	char name[256];

	if (!h->greeted)
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	if (n == 0 && h->mechanism->has_empty && !h->asking)
		return h->mechanism->command(h, "", body, 0);
	if (n < 1 || body[0] == 0 || n - 1 < body[0])
		return zl_handshake_refuse(h, ZL_REASON_bad_command);
	for (unsigned i = 0; i < body[0]; i++)
		if (body[1 + i] <= ' ' || body[1 + i] > '~')
			return zl_handshake_refuse(h, ZL_REASON_bad_command);
	memcpy(name, body + 1, body[0]);
	name[body[0]] = '\0';
	const uint8_t *data = body + 1 + body[0];
	size_t data_bytes = n - 1 - body[0];
	if (strcmp(name, "ERROR") == 0)
		return error_command(h, data, data_bytes);
	if (h->asking && h->mechanism->has_server)
		return zl_handshake_refuse(h, ZL_REASON_unexpected_command);
	return h->mechanism->command(h, name, data, data_bytes);
}

bool zl_handshake_is_dear(const struct zl_handshake *h, const uint8_t *body, size_t n)
{
	return h->greeted && !h->asking && h->mechanism->is_dear && n >= 1 && n - 1 >= body[0] &&
	       h->mechanism->is_dear(h, n - 1 - body[0]);
}
