/* What the sockets that address their peers by name (ROUTER, STREAM, SERVER, PEER) call them: a
 * peer's own identity, or one made up where it has none; no two peers of a socket have the same. A
 * name is free again only when its stream is gone, for the dataplane may know it until then; what a
 * dump shows is kept, so names outlive control. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/control.h"

enum {
	FIRST_SLOTS = 64,
	ROUTER_BYTES = 5, /* made up: 0 and a 32-bit number, as libzmq has it */
	SERVER_BYTES = 4  /* a 32-bit number that is not 0 (RFC 41, 51) */
};

static bool short_names(const struct zl_socket *socket)
{
	return socket->at.type == ZL_SERVER || socket->at.type == ZL_PEER;
}

static bool needs_names(const struct zl_socket *socket)
{
	return socket && (socket->at.type == ZL_ROUTER || socket->at.type == ZL_STREAM ||
			  short_names(socket));
}

static uint32_t hash_of(uint32_t socket, const uint8_t *name, unsigned n)
{
	uint64_t h = socket * 0x9e3779b97f4a7c15ull + n;

	for (unsigned i = 0; i < n; i++)
		h = (h ^ name[i]) * 0x100000001b3ull;
	return (uint32_t)((h * 0x9e3779b97f4a7c15ull) >> 32);
}

static struct zl_stream **chain(struct zl_control *c, uint32_t socket, const uint8_t *name,
				unsigned n)
{
	return &c->names[hash_of(socket, name, n) & c->names_mask];
}

static struct zl_stream *find(struct zl_control *c, uint32_t socket, const uint8_t *name,
			      unsigned n)
{
	struct zl_stream *s = c->names ? *chain(c, socket, name, n) : NULL;

	while (s && (s->open.socket != socket || s->identity_bytes != n ||
		     memcmp(s->identity, name, n) != 0))
		s = s->name_next;
	return s;
}

static bool grow(struct zl_control *c)
{
	struct zl_stream **was = c->names;
	uint32_t slots = was ? c->names_mask + 1 : 0, more = slots ? slots * 2 : FIRST_SLOTS;

	if (c->n_names < slots)
		return true;
	c->names = calloc(more, sizeof(struct zl_stream *));
	if (!c->names) {
		c->names = was;
		return was != NULL;
	}
	c->names_mask = more - 1;
	for (uint32_t i = 0; i < slots; i++)
		for (struct zl_stream *s = was[i], *next; s; s = next) {
			next = s->name_next;
			struct zl_stream **at = chain(c, s->open.socket, s->identity,
						      s->identity_bytes);
			s->name_next = *at;
			*at = s;
		}
	free(was);
	return true;
}

void zl_identities_free(struct zl_control *c)
{
	free(c->names);
	c->names = NULL;
	c->names_mask = c->n_names = 0;
}

/* The next number that no peer of the socket has. Where they begin is drawn, as in libzmq, so that
 * a name from before a restart of the dataplane hardly ever means another peer after it. */
static bool make_up(struct zl_control *c, struct zl_stream *s)
{
	unsigned bytes = short_names(s->socket) ? SERVER_BYTES : ROUTER_BYTES;
	uint8_t name[ROUTER_BYTES] = {0};

	while (c->next_name == 0)
		if (getrandom(&c->next_name, sizeof(c->next_name), 0) < 0)
			return false;
	do {
		uint32_t number = c->next_name++;

		c->next_name += c->next_name == 0;
		memcpy(name + bytes - SERVER_BYTES, &number, sizeof(number));
	} while (find(c, s->open.socket, name, bytes));
	free(s->identity);
	s->identity = malloc(bytes);
	if (!s->identity)
		return false;
	memcpy(s->identity, name, bytes);
	s->identity_bytes = bytes;
	return true;
}

/* Nobody has the name, or (router_handover) whoever has it loses it. */
static bool hand_over(struct zl_control *c, const struct zl_stream *s)
{
	struct zl_stream *old = find(c, s->open.socket, s->identity, s->identity_bytes);

	if (!old)
		return true;
	if (!s->socket->at.options.router_handover)
		return false;
	zl_identity_give(c, old);
	zl_stream_close(c, old, ZL_REASON_handover);
	return true;
}

enum zl_reason zl_identity_take(struct zl_control *c, struct zl_stream *s)
{
	if (!needs_names(s->socket) || s->named)
		return ZL_REASONS;
	if (s->state == ZL_STREAM_READY && s->identity_bytes == 0)
		return ZL_REASONS; /* adopted: the dataplane knows no name for it */
	/* SERVER and PEER number their peers, whatever those call themselves. */
	if (s->state != ZL_STREAM_READY && short_names(s->socket))
		s->identity_bytes = 0;
	if (s->identity_bytes == 0 && !make_up(c, s))
		return ZL_REASON_no_memory;
	if (!hand_over(c, s))
		return ZL_REASON_duplicate_identity;
	if (!grow(c))
		return ZL_REASON_no_memory;
	struct zl_stream **at = chain(c, s->open.socket, s->identity, s->identity_bytes);
	s->name_next = *at;
	*at = s;
	s->named = true;
	c->n_names++;
	return ZL_REASONS;
}

void zl_identity_give(struct zl_control *c, struct zl_stream *s)
{
	struct zl_stream **at;

	if (!s->named)
		return;
	at = chain(c, s->open.socket, s->identity, s->identity_bytes);
	while (*at != s)
		at = &(*at)->name_next;
	*at = s->name_next;
	s->named = false;
	c->n_names--;
}
