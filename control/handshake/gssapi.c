/* The GSSAPI mechanism (RFC 38) as libzmq speaks it, with Kerberos (RFC 4121). Client and server
 * say INITIATE with a token of libgssapi's each, in turns, until both have the context. Then the
 * client says a command without anything in it, the server READY, the client READY. Each READY is
 * wrapped in a MESSAGE, as all traffic is from then on, unless the socket is to speak in the clear.
 * The context goes on to the core that has the stream.
 *
 * A ticket's signature tells who the peer is; nothing here asks a KDC (see security/gssapi.h). */
#include "control/handshake/handshake.h"

#include <string.h>

#include <gssapi/gssapi.h>
#include <krb5.h>
#include <sodium.h>

#include "control/security/gssapi.h"

#define LENGTH        4 /* of a token, before it */
#define FLAG_COMMAND  2 /* of what is wrapped, before it; READY may do without */
#define TOKEN_MAX     (ZL_HANDSHAKE_OUTPUT - 256) /* with what else a step may say */
#define READY_NAME    "\5READY"
#define READY_NAMED   (sizeof(READY_NAME) - 1)
#define SEQUENCE      8 /* where a token has its number (RFC 4121 4.2.6.2) */
#define WRAPPED_BYTES 16

enum {
	WAITS_FOR_TOKEN,
	WAITS_FOR_NOTHING, /* server: for the command that has nothing in it */
	WAITS_FOR_READY
};

static const char empty[] = "";

/* --- tokens --- */

static bool take_token(const uint8_t *data, size_t n, gss_buffer_desc *token)
{
	uint32_t length;

	if (n < LENGTH)
		return false;
	length = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 |
		 data[3];
	token->length = length;
	token->value = (void *)(uintptr_t)(data + LENGTH);
	return length > 0 && length == n - LENGTH;
}

static bool say_token(struct zl_handshake *h, const char *name, const gss_buffer_desc *token)
{
	uint8_t data[LENGTH + TOKEN_MAX];
	uint32_t n = (uint32_t)token->length;

	if (token->length > TOKEN_MAX)
		return false;
	for (int i = 0; i < LENGTH; i++)
		data[i] = (uint8_t)(n >> (24 - 8 * i));
	memcpy(data + LENGTH, token->value, n);
	zl_handshake_say(h, name, data, LENGTH + n);
	return true;
}

static enum zl_verdict refuse(struct zl_handshake *h, enum zl_reason reason)
{
	return zl_handshake_refuse(h, reason);
}

/* --- who it is --- */

static enum zl_reason name_peer(struct zl_handshake *h, gss_name_t name)
{
	const struct zl_principals *allowed = h->security->principals;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	enum zl_reason reason = ZL_REASONS;
	char user[ZL_USER_MAX];
	OM_uint32 minor;
	size_t n;

	if (gss_display_name(&minor, name, &text, NULL) != GSS_S_COMPLETE)
		return ZL_REASON_gssapi_denied;
	if (h->as_server && zl_handshake_asks(h) && text.length <= ZL_PASSWORD_MAX)
		zl_handshake_show(h, text.value, text.length);
	else if (h->as_server && zl_handshake_asks(h))
		reason = ZL_REASON_principal_denied; /* no handler can be told of it */
	else if (h->as_server && allowed && !zl_principals_has(allowed, text.value, text.length))
		reason = ZL_REASON_principal_denied;
	n = text.length < sizeof(user) ? text.length : sizeof(user) - 1;
	memcpy(user, text.value, n);
	user[n] = '\0';
	zl_handshake_name(h, user);
	gss_release_buffer(&minor, &text);
	return reason;
}

/* --- READY, and the context's way to the core --- */

static bool wrap(struct zl_handshake *h, const uint8_t *plain, size_t n)
{
	gss_buffer_desc in = {n, (void *)(uintptr_t)plain}, out = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;
	int encrypted = 0;
	bool good = gss_wrap(&minor, h->gssapi.context, 1, GSS_C_QOP_DEFAULT, &in, &encrypted,
			     &out) == GSS_S_COMPLETE &&
		    encrypted && say_token(h, "MESSAGE", &out);

	gss_release_buffer(&minor, &out);
	return good;
}

static bool say_ready(struct zl_handshake *h)
{
	uint8_t plain[1 + READY_NAMED + ZL_METADATA_MAX] = {0}; /* libzmq says it so */
	size_t n = zl_metadata_write(h, plain + 1 + READY_NAMED, ZL_METADATA_MAX);

	if (h->security->plaintext) {
		zl_handshake_say(h, "READY", plain + 1 + READY_NAMED, n);
		return true;
	}
	memcpy(plain + 1, READY_NAME, READY_NAMED);
	return wrap(h, plain, 1 + READY_NAMED + n);
}

/* For the core that has the stream: what is left of the handshake. */
static bool give_away(struct zl_handshake *h)
{
	gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
	struct zl_gss *g = &h->gssapi;
	OM_uint32 minor;

	if (h->security->plaintext)
		return true;
	if (gss_export_sec_context(&minor, &g->context, &token) != GSS_S_COMPLETE)
		return false;
	g->exported = token.value;
	g->exported_bytes = (uint32_t)token.length;
	if (token.length > ZL_IPC_CONTEXT_MAX)
		return false;
	h->boxes = (struct zl_ipc_boxes){
		.on = ZL_BOXES_GSSAPI, .server = h->as_server, .received = g->received};
	return true;
}

static enum zl_verdict finish(struct zl_handshake *h)
{
	if (!h->as_server && !say_ready(h))
		return refuse(h, ZL_REASON_gssapi_denied);
	return give_away(h) ? ZL_HANDSHAKE_READY : refuse(h, ZL_REASON_gssapi_denied);
}

static enum zl_verdict ready_opened(struct zl_handshake *h, const gss_buffer_desc *plain)
{
	const uint8_t *at = plain->value;

	if (plain->length < 1 + READY_NAMED || at[0] & ~FLAG_COMMAND ||
	    memcmp(at + 1, READY_NAME, READY_NAMED) != 0)
		return refuse(h, ZL_REASON_gssapi_malformed);
	if (!zl_metadata_read(h, at + 1 + READY_NAMED, plain->length - 1 - READY_NAMED))
		return refuse(h, h->reason);
	return finish(h);
}

/* Only tokens of RFC 4121 have their number where a core can see that none is left out; older
 * ciphers have others. */
static bool take_number(struct zl_gss *g, const gss_buffer_desc *token)
{
	const uint8_t *at = token->value;

	if (token->length < WRAPPED_BYTES || at[0] != 5 || at[1] != 4)
		return false;
	g->received = 0;
	for (int i = 0; i < 8; i++)
		g->received = g->received << 8 | at[SEQUENCE + i];
	return true;
}

static enum zl_verdict ready(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	gss_buffer_desc token, plain = GSS_C_EMPTY_BUFFER;
	enum zl_verdict verdict;
	OM_uint32 minor;
	int encrypted = 0;

	if (h->security->plaintext)
		return zl_metadata_read(h, data, n) ? finish(h) : refuse(h, h->reason);
	if (!take_token(data, n, &token) || !take_number(&h->gssapi, &token))
		return refuse(h, ZL_REASON_gssapi_malformed);
	if (gss_unwrap(&minor, h->gssapi.context, &token, &plain, &encrypted, NULL) !=
		    GSS_S_COMPLETE ||
	    !encrypted)
		verdict = refuse(h, ZL_REASON_gssapi_cannot_unwrap);
	else
		verdict = ready_opened(h, &plain);
	gss_release_buffer(&minor, &plain);
	return verdict;
}

/* --- the server --- */

/* Whose fault it is, for whoever reads the counts. */
static enum zl_reason why(OM_uint32 major, OM_uint32 minor)
{
	switch ((krb5_error_code)minor) {
	case KRB5KRB_AP_ERR_REPEAT:
		return ZL_REASON_gssapi_replay;
	case KRB5KRB_AP_ERR_TKT_EXPIRED:
	case KRB5KRB_AP_ERR_TKT_NYV:
	case KRB5KRB_AP_ERR_SKEW:
		return ZL_REASON_gssapi_expired;
	case KRB5KRB_AP_ERR_NOT_US:
	case KRB5KRB_AP_WRONG_PRINC:
	case KRB5KRB_AP_ERR_NOKEY:
	case KRB5KRB_AP_ERR_BADKEYVER:
	case KRB5_KT_NOTFOUND:
	case KRB5_KT_KVNONOTFOUND:
		return ZL_REASON_gssapi_wrong_service;
	}
	return GSS_ERROR(major) == GSS_S_DUPLICATE_TOKEN ? ZL_REASON_gssapi_replay
							 : ZL_REASON_gssapi_denied;
}

static enum zl_verdict accepted(struct zl_handshake *h, OM_uint32 major, OM_uint32 flags,
				gss_name_t name, const gss_buffer_desc *answer)
{
	enum zl_reason reason = ZL_REASONS;

	/* One that need not be proved to would not say anything, and could be answered nothing. */
	if (answer->length == 0 || (major == GSS_S_COMPLETE && !(flags & GSS_C_MUTUAL_FLAG)))
		return refuse(h, ZL_REASON_gssapi_denied);
	if (major == GSS_S_COMPLETE)
		reason = name_peer(h, name);
	if (reason != ZL_REASONS)
		return refuse(h, reason);
	if (!say_token(h, "INITIATE", answer))
		return refuse(h, ZL_REASON_gssapi_denied);
	h->step = major == GSS_S_COMPLETE ? WAITS_FOR_NOTHING : WAITS_FOR_TOKEN;
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict accept_token(struct zl_handshake *h, gss_buffer_desc *token)
{
	gss_buffer_desc answer = GSS_C_EMPTY_BUFFER;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major, minor, flags = 0, unused;
	enum zl_verdict verdict;

	major = gss_accept_sec_context(
		&minor, &h->gssapi.context, zl_gssapi_credential(h->security->gssapi), token,
		GSS_C_NO_CHANNEL_BINDINGS, &name, NULL, &answer, &flags, NULL, NULL);
	if (GSS_ERROR(major) || (major != GSS_S_COMPLETE && major != GSS_S_CONTINUE_NEEDED))
		verdict = refuse(h, why(major, minor));
	else
		verdict = accepted(h, major, flags, name, &answer);
	gss_release_name(&unused, &name);
	gss_release_buffer(&unused, &answer);
	return verdict;
}

static enum zl_verdict let_in(struct zl_handshake *h)
{
	if (!say_ready(h))
		return refuse(h, ZL_REASON_gssapi_denied);
	h->step = WAITS_FOR_READY;
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict nothing(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	(void)data;
	(void)n;
	return zl_handshake_asks(h) ? zl_handshake_ask(h) : let_in(h);
}

/* --- the client --- */

#define ASKED (GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG)

static enum zl_verdict initiated(struct zl_handshake *h, OM_uint32 major, OM_uint32 flags,
				 const gss_buffer_desc *token)
{
	enum zl_reason reason;

	if (token->length && !say_token(h, "INITIATE", token))
		return refuse(h, ZL_REASON_gssapi_too_long);
	if (major == GSS_S_CONTINUE_NEEDED)
		return ZL_HANDSHAKE_MORE;
	if (!(flags & GSS_C_MUTUAL_FLAG))
		return refuse(h, ZL_REASON_gssapi_denied);
	reason = name_peer(h, zl_gssapi_service(h->security->gssapi));
	if (reason != ZL_REASONS)
		return refuse(h, reason);
	if (token->length == 0)
		zl_handshake_say(h, empty, NULL, 0);
	h->step = WAITS_FOR_READY;
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict initiate(struct zl_handshake *h, gss_buffer_desc *token)
{
	const struct zl_gssapi *g = h->security->gssapi;
	gss_buffer_desc answer = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor, flags = 0, unused;
	enum zl_verdict verdict;

	if (zl_gssapi_credential(g) == GSS_C_NO_CREDENTIAL)
		return refuse(h, ZL_REASON_gssapi_no_ticket);
	major = gss_init_sec_context(&minor, zl_gssapi_credential(g), &h->gssapi.context,
				     zl_gssapi_service(g), zl_gssapi_kerberos, ASKED, 0,
				     GSS_C_NO_CHANNEL_BINDINGS, token, NULL, &answer, &flags, NULL);
	if (major != GSS_S_COMPLETE && major != GSS_S_CONTINUE_NEEDED)
		verdict = refuse(h, why(major, minor));
	else
		verdict = initiated(h, major, flags, &answer);
	gss_release_buffer(&unused, &answer);
	return verdict;
}

/* --- both --- */

static enum zl_verdict token_came(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	gss_buffer_desc token;

	if (!take_token(data, n, &token))
		return refuse(h, ZL_REASON_gssapi_malformed);
	return h->as_server ? accept_token(h, &token) : initiate(h, &token);
}

static enum zl_verdict gssapi_start(struct zl_handshake *h)
{
	h->step = WAITS_FOR_TOKEN;
	return h->as_server ? ZL_HANDSHAKE_MORE : initiate(h, GSS_C_NO_BUFFER);
}

static enum zl_verdict gssapi_command(struct zl_handshake *h, const char *name, const uint8_t *data,
				      size_t bytes)
{
	static const struct zl_step wrapped[] = {
		[WAITS_FOR_TOKEN] = {"INITIATE", token_came},
		[WAITS_FOR_NOTHING] = {empty, nothing},
		[WAITS_FOR_READY] = {"MESSAGE", ready},
	};
	static const struct zl_step plain[] = {
		[WAITS_FOR_TOKEN] = {"INITIATE", token_came},
		[WAITS_FOR_NOTHING] = {empty, nothing},
		[WAITS_FOR_READY] = {"READY", ready},
	};

	return zl_handshake_step(h, h->security->plaintext ? plain : wrapped, name, data, bytes);
}

/* A token of libgssapi's: a keytab and what was seen before are looked up in files. */
static bool gssapi_is_dear(const struct zl_handshake *h, size_t bytes)
{
	return h->step == WAITS_FOR_TOKEN && bytes > LENGTH;
}

static void gssapi_end(struct zl_handshake *h)
{
	gss_buffer_desc token = {h->gssapi.exported_bytes, h->gssapi.exported};
	OM_uint32 minor;

	gss_delete_sec_context(&minor, &h->gssapi.context, GSS_C_NO_BUFFER);
	if (token.value)
		sodium_memzero(token.value, token.length);
	gss_release_buffer(&minor, &token);
	h->gssapi = (struct zl_gss){0};
}

const struct zl_mechanism zl_mechanism_gssapi = {
	.name = "GSSAPI",
	.has_server = true,
	.has_empty = true,
	.start = gssapi_start,
	.command = gssapi_command,
	.is_dear = gssapi_is_dear,
	.let_in = let_in,
	.end = gssapi_end,
};
