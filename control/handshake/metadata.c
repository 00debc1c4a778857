/* The metadata of a handshake (RFC 37): properties in and out, and which socket types may talk. */
#include "control/handshake/handshake.h"

#include <string.h>
#include <strings.h>

#define BIT(t) (1u << ZL_##t)

/* RFC 28 to 31, 41, 48, 49, 51, 52; as libzmq has it. */
static const uint32_t partners[ZL_SOCKET_TYPES] = {
	[ZL_PAIR] = BIT(PAIR),
	[ZL_PUB] = BIT(SUB) | BIT(XSUB),
	[ZL_SUB] = BIT(PUB) | BIT(XPUB),
	[ZL_REQ] = BIT(REP) | BIT(ROUTER),
	[ZL_REP] = BIT(REQ) | BIT(DEALER),
	[ZL_DEALER] = BIT(REP) | BIT(DEALER) | BIT(ROUTER),
	[ZL_ROUTER] = BIT(REQ) | BIT(DEALER) | BIT(ROUTER),
	[ZL_PULL] = BIT(PUSH),
	[ZL_PUSH] = BIT(PULL),
	[ZL_XPUB] = BIT(SUB) | BIT(XSUB),
	[ZL_XSUB] = BIT(PUB) | BIT(XPUB),
	[ZL_STREAM] = 0, /* speaks no ZMTP */
	[ZL_SERVER] = BIT(CLIENT),
	[ZL_CLIENT] = BIT(SERVER),
	[ZL_RADIO] = BIT(DISH),
	[ZL_DISH] = BIT(RADIO),
	[ZL_GATHER] = BIT(SCATTER),
	[ZL_SCATTER] = BIT(GATHER),
	[ZL_DGRAM] = 0, /* speaks no ZMTP */
	[ZL_PEER] = BIT(PEER),
	[ZL_CHANNEL] = BIT(CHANNEL),
};

bool zl_socket_types_match(enum zl_socket_type type, enum zl_socket_type peer)
{
	return partners[type] & 1u << peer;
}

static size_t put_property(uint8_t *data, size_t max, size_t at, const char *name,
			   const void *value, size_t n)
{
	size_t name_bytes = strlen(name);

	if (max - at < 1 + name_bytes + 4 + n)
		return at;
	data[at++] = (uint8_t)name_bytes;
	memcpy(data + at, name, name_bytes);
	at += name_bytes;
	data[at++] = 0;
	data[at++] = 0;
	data[at++] = (uint8_t)(n >> 8);
	data[at++] = (uint8_t)n;
	if (n > 0)
		memcpy(data + at, value, n);
	return at + n;
}

size_t zl_metadata_write(const struct zl_handshake *h, uint8_t *data, size_t max)
{
	const char *type = zl_socket_type_name[h->type];
	size_t at = put_property(data, max, 0, "Socket-Type", type, strlen(type));

	/* As libzmq: only the types that a ROUTER may meet announce an identity. */
	if (h->type == ZL_REQ || h->type == ZL_DEALER || h->type == ZL_ROUTER)
		at = put_property(data, max, at, "Identity",
				  h->options ? h->options->routing_id.data : NULL,
				  h->options ? h->options->routing_id.len : 0);
	if (h->options && h->options->metadata.bytes <= max - at) {
		memcpy(data + at, h->options->metadata.data, h->options->metadata.bytes);
		at += h->options->metadata.bytes;
	}
	return at;
}

static bool refuse(struct zl_handshake *h, enum zl_reason reason)
{
	h->reason = reason;
	return false;
}

static bool read_type(struct zl_handshake *h, const uint8_t *value, size_t n)
{
	for (unsigned t = 0; t < ZL_SOCKET_TYPES; t++) {
		const char *name = zl_socket_type_name[t];
		if (strlen(name) == n && memcmp(name, value, n) == 0) {
			h->peer_type = t;
			return zl_socket_types_match(h->type, t) ||
			       refuse(h, ZL_REASON_socket_type_mismatch);
		}
	}
	return refuse(h, ZL_REASON_no_socket_type);
}

static bool read_identity(struct zl_handshake *h, const uint8_t *value, size_t n)
{
	if (n > ZL_IDENTITY_MAX)
		return refuse(h, ZL_REASON_identity_too_long);
	memcpy(h->identity, value, n);
	h->identity_bytes = (unsigned)n;
	return true;
}

/* property-name = 1*255( ALPHA | DIGIT | "-" | "_" | "." | "+" ) */
static bool name_valid(const char *name, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.+";

	return n > 0 && strlen(name) == n && strspn(name, letters) == n;
}

void zl_property_keep(struct zl_ipc_properties *p, const uint8_t *property, size_t n)
{
	if (n > ZL_PROPERTIES_BYTES - p->bytes)
		return;
	memcpy(p->data + p->bytes, property, n);
	p->bytes += (uint32_t)n;
}

size_t zl_property_next(struct zl_property *property, const uint8_t *data, size_t n)
{
	size_t name_bytes = n > 0 ? data[0] : 0, head = 1 + name_bytes + 4;

	if (n < head)
		return 0;
	memcpy(property->name, data + 1, name_bytes);
	property->name[name_bytes] = '\0';
	data += 1 + name_bytes;
	property->bytes = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 |
			  data[3];
	property->value = data + 4;
	/* RFC 37: a value is at most 2^31 - 1 bytes. */
	if (!name_valid(property->name, name_bytes) || property->bytes > n - head ||
	    property->bytes >> 31)
		return 0;
	return head + property->bytes;
}

bool zl_metadata_read(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	bool typed = false, identified = false;
	struct zl_property p;

	for (size_t bytes; n > 0; data += bytes, n -= bytes) {
		bytes = zl_property_next(&p, data, n);
		if (!bytes)
			return refuse(h, ZL_REASON_bad_property);
		/* RFC 37: names ignore case. */
		bool type = strcasecmp(p.name, "Socket-Type") == 0;
		bool identity = strcasecmp(p.name, "Identity") == 0;
		if ((type && typed) || (identity && identified))
			return refuse(h, ZL_REASON_bad_property);
		if ((type && !read_type(h, p.value, p.bytes)) ||
		    (identity && !read_identity(h, p.value, p.bytes)))
			return false;
		if (!type && !identity)
			zl_property_keep(&h->properties, data, bytes);
		typed |= type;
		identified |= identity;
	}
	return typed || refuse(h, ZL_REASON_no_socket_type);
}
