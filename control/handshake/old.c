/* Peers of ZMTP 1.0 and 2.0 (RFC 13 and 15), which have no commands and no security: their greeting
 * is their handshake. 2.0 says its socket's type and identity, 1.0 an identity alone, so that what
 * it is must be taken on trust. To a 1.0 peer our signature was the header of our identity, which
 * then follows; a 2.0 peer is told our type and identity as soon as it has said its version. */
#include "control/handshake/handshake.h"

#include <string.h>

#define VERSION_AT  10
#define TYPE_AT     11
#define FLAGS_AT    12 /* of the frame with the identity of 2.0 */
#define BYTES_OF_2  14 /* that frame's header included */
#define SHORT_BYTES 2  /* header of 1.0's */
#define LONG_BYTES  10

/* What 2.0 calls our types ("XPUB and XSUB sockets are implemented at the protocol level as PUB and
 * SUB"), and what a peer that does not say is taken for. */
static const struct {
	bool exists;
	enum zl_socket_type as, partner;
} old_type[ZL_SOCKET_TYPES] = {
	[ZL_PAIR] = {true, ZL_PAIR, ZL_PAIR},       [ZL_PUB] = {true, ZL_PUB, ZL_SUB},
	[ZL_SUB] = {true, ZL_SUB, ZL_PUB},          [ZL_REQ] = {true, ZL_REQ, ZL_REP},
	[ZL_REP] = {true, ZL_REP, ZL_REQ},          [ZL_DEALER] = {true, ZL_DEALER, ZL_DEALER},
	[ZL_ROUTER] = {true, ZL_ROUTER, ZL_DEALER}, [ZL_PULL] = {true, ZL_PULL, ZL_PUSH},
	[ZL_PUSH] = {true, ZL_PUSH, ZL_PULL},       [ZL_XPUB] = {true, ZL_PUB, ZL_SUB},
	[ZL_XSUB] = {true, ZL_SUB, ZL_PUB},
};

/* ZL_REASONS: we may talk to such peers. RFC 37: where the mechanism is not NULL, a 1.0 or 2.0 peer
 * must be closed at once. */
static enum zl_reason objection(const struct zl_handshake *h)
{
	if (h->mechanism != &zl_mechanism_null || zl_handshake_asks(h))
		return ZL_REASON_mechanism_mismatch;
	return old_type[h->type].exists ? ZL_REASONS : ZL_REASON_too_old;
}

static void say_identity(struct zl_handshake *h)
{
	if (h->options)
		zl_handshake_say_plain(h, h->options->routing_id.data, h->options->routing_id.len);
}

static enum zl_verdict admit(struct zl_handshake *h, enum zl_zmtp_version version,
			     enum zl_socket_type peer, const uint8_t *identity, size_t n)
{
	h->greeted = true;
	h->zmtp = version;
	h->peer_type = peer;
	h->identity_bytes = (unsigned)n;
	memcpy(h->identity, identity, n);
	return ZL_HANDSHAKE_READY;
}

/* RFC 13 has it that an identity's flags are 0, and are not to be validated: so that the flags of
 * newer peers' signatures are let pass, which are no matter here. They tell this protocol, which
 * has nothing else to be known by, from HTTP, TLS and others' first words. */
static bool opens(const uint8_t *g, size_t n)
{
	return g[0] == 0xff || (g[0] && (n < SHORT_BYTES || g[1] == 0));
}

enum zl_verdict zl_handshake_zmtp_1(struct zl_handshake *h)
{
	const uint8_t *g = h->greeting;
	size_t n = h->greeting_bytes, header = g[0] == 0xff ? LONG_BYTES : SHORT_BYTES;
	enum zl_reason reason = opens(g, n) ? objection(h) : ZL_REASON_not_zmtp;
	uint64_t bytes = g[0]; /* with the flags */

	if (reason != ZL_REASONS)
		return zl_handshake_refuse(h, reason);
	if (n < header)
		return ZL_HANDSHAKE_MORE;
	if (header == LONG_BYTES) {
		bytes = 0;
		for (unsigned i = 1; i <= 8; i++)
			bytes = bytes << 8 | g[i];
	}
	if (bytes == 0)
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	if (--bytes > ZL_IDENTITY_MAX)
		return zl_handshake_refuse(h, ZL_REASON_identity_too_long);
	if (n < header + bytes)
		return ZL_HANDSHAKE_MORE;
	if (n > header + bytes)
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	say_identity(h);
	return admit(h, ZL_ZMTP_V1_0, old_type[h->type].partner, g + header, bytes);
}

static void say_type(struct zl_handshake *h)
{
	const uint32_t n = h->options ? h->options->routing_id.len : 0;
	const uint8_t rest[] = {(uint8_t)old_type[h->type].as, 0, (uint8_t)n};

	if (!h->said_rest) {
		zl_handshake_say_plain(h, rest, sizeof(rest));
		say_identity(h);
	}
	h->said_rest = true;
}

enum zl_verdict zl_handshake_zmtp_2(struct zl_handshake *h)
{
	const uint8_t *g = h->greeting;
	size_t n = h->greeting_bytes;
	enum zl_reason reason = g[VERSION_AT] ? objection(h) : ZL_REASON_bad_greeting;

	if (reason != ZL_REASONS)
		return zl_handshake_refuse(h, reason);
	say_type(h);
	if (n < BYTES_OF_2)
		return ZL_HANDSHAKE_MORE;
	if (g[TYPE_AT] > ZL_XSUB)
		return zl_handshake_refuse(h, ZL_REASON_no_socket_type);
	if (!zl_socket_types_match(h->type, g[TYPE_AT]))
		return zl_handshake_refuse(h, ZL_REASON_socket_type_mismatch);
	if (g[FLAGS_AT] != 0 || n > BYTES_OF_2 + (size_t)g[FLAGS_AT + 1])
		return zl_handshake_refuse(h, ZL_REASON_bad_greeting);
	if (n < BYTES_OF_2 + (size_t)g[FLAGS_AT + 1])
		return ZL_HANDSHAKE_MORE;
	return admit(h, ZL_ZMTP_V2_0, g[TYPE_AT], g + BYTES_OF_2, g[FLAGS_AT + 1]);
}
