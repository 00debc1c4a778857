/* Greetings and handshakes of ZMTP, as the side that knows one version and no other would have
 * them: step by step, each waiting for the other's (a side that binds is eager, and does not wait).
 * What the appliance says is read as that version's RFC has it. */
#include <string.h>
#include <zmq.h>

#include "tests/interop/wire.h"

#define SIGNATURE_BYTES 10

/* The other end of a socket of this type, as the appliance has it. */
static int partner(int type)
{
	static const int of[] = {
		[ZMQ_PAIR] = ZMQ_PAIR,     [ZMQ_PUB] = ZMQ_SUB,    [ZMQ_SUB] = ZMQ_PUB,
		[ZMQ_REQ] = ZMQ_ROUTER,    [ZMQ_REP] = ZMQ_DEALER, [ZMQ_DEALER] = ZMQ_DEALER,
		[ZMQ_ROUTER] = ZMQ_DEALER, [ZMQ_PULL] = ZMQ_PUSH,  [ZMQ_PUSH] = ZMQ_PULL,
		[ZMQ_XPUB] = ZMQ_SUB,      [ZMQ_XSUB] = ZMQ_PUB,
	};

	return of[type];
}

static void expect(struct wire *w, const void *bytes, size_t n, const char *what)
{
	uint8_t got[64];

	wire_get(w, got, n);
	if (memcmp(got, bytes, n) != 0)
		peer_fail(wire_side(w)->self, "%s is 0x%x ... 0x%x", what, got[0], got[n - 1]);
}

/* RFC 13: an identity each way, in frames that count their flags. Neither waits for the other. */
static void greet_1(struct wire *w)
{
	const struct wire_side *s = wire_side(w);
	uint8_t header[10];

	/* identities of 254 and 255 octets do not fit a short length */
	wire_send(w, s->identity, s->identity_bytes, false);
	wire_flush(w);
	wire_get(w, header, 1);
	if (header[0] != 0xff)
		peer_fail(s->self, "the identity's length is 0x%x: not the long form", header[0]);
	wire_get(w, header + 1, 9);
	/* Flags are not to be validated. */
	if (memcmp(header + 1, "\0\0\0\0\0\0\0\1", 8) != 0)
		peer_fail(s->self, "the identity is not anonymous");
}

/* RFC 15: signature, revision, socket type, identity. */
static void greet_2(struct wire *w)
{
	static const uint8_t signature[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f};
	const struct wire_side *s = wire_side(w);
	const uint8_t type[] = {(uint8_t)s->type}, theirs[] = {(uint8_t)partner(s->type)};
	const uint8_t identity[] = {0, (uint8_t)s->identity_bytes};
	uint8_t got[SIGNATURE_BYTES];

	wire_put(w, signature, sizeof(signature));
	if (!s->eager)
		wire_get(w, got, SIGNATURE_BYTES);
	wire_put(w, "\1", 1);
	if (!s->eager)
		wire_get(w, got, 1);
	wire_put(w, type, 1);
	if (!s->eager)
		expect(w, theirs, 1, "the socket type");
	wire_put(w, identity, 2);
	wire_put(w, s->identity, s->identity_bytes);
	if (s->eager) {
		expect(w, signature, sizeof(signature), "the signature");
		wire_get(w, got, 1);
		expect(w, theirs, 1, "the socket type");
	}
	if (got[0] < 1)
		peer_fail(s->self, "the revision is %u", got[0]);
	expect(w, "\0\0", 2, "the identity");
}

static void put_property(struct wire *w, const char *name, const void *value, size_t n)
{
	const uint8_t head[] = {(uint8_t)strlen(name)}, length[] = {0, 0, 0, (uint8_t)n};

	wire_put(w, head, 1);
	wire_put(w, name, strlen(name));
	wire_put(w, length, 4);
	wire_put(w, value, n);
}

static const char *const type_name[] = {"PAIR",   "PUB",  "SUB",  "REQ",  "REP", "DEALER",
					"ROUTER", "PULL", "PUSH", "XPUB", "XSUB"};

/* RFC 23, 37: a greeting of 64 octets, of which 11 tell the version; then READY. */
static void greet_3(struct wire *w)
{
	static const uint8_t start[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3};
	const struct wire_side *s = wire_side(w);
	const char *type = type_name[s->type];
	uint8_t rest[53] = {s->tongue == ZMTP_3_1, 'N', 'U', 'L', 'L'}, got[255];
	uint8_t ready[2] = {4};

	wire_put(w, start, sizeof(start));
	if (!s->eager)
		wire_get(w, got, 11);
	wire_put(w, rest, sizeof(rest));
	wire_get(w, got, s->eager ? 64 : 53);
	ready[1] = (uint8_t)(6 + 12 + 4 + strlen(type) + 9 + 4 + s->identity_bytes);
	wire_put(w, ready, 2);
	wire_put(w, "\5READY", 6);
	put_property(w, "Socket-Type", type, strlen(type));
	put_property(w, "Identity", s->identity, s->identity_bytes);
	wire_get(w, got, 2);
	if (got[0] != 4)
		peer_fail(s->self, "a frame of flags 0x%x came where READY was due", got[0]);
	wire_get(w, got, got[1]);
	if (memcmp(got, "\5READY", 6) != 0)
		peer_fail(s->self, "a command came where READY was due");
}

void wire_greet(struct wire *w)
{
	switch (wire_side(w)->tongue) {
	case LIBZMQ:
		return;
	case ZMTP_1_0:
		greet_1(w);
		break;
	case ZMTP_2_0:
		greet_2(w);
		break;
	case ZMTP_3_0:
	case ZMTP_3_1:
		greet_3(w);
		break;
	}
	wire_flush(w);
}
