/* The door (door.h): the opening's pieces, and when control is told. */
#include "dataplane/door.h"

#include <errno.h>
#include <string.h>

#include "dataplane/lcore.h"

#define SIGNATURE_BYTES 10 /* then the version, */
#define VERSION_BYTES   11 /* then the rest of the greeting, then what is said upon it */
#define MECHANISM_AT    12
#define MECHANISM_BYTES 20
#define AS_SERVER_AT    32
#define TELL_NS         UINT64_C(100000000)

static const char no_memory[] = "no_memory", not_zmtp[] = "not_zmtp";

static void show_out(struct zl_peer *p, const char *reason)
{
	zl_session_close(&p->session, reason, false);
}

/* Up to so many bytes of the opening; those that have been said are not said again. */
static void say(struct zl_peer *p, uint16_t upto)
{
	struct zl_visitor *visitor = &p->visitor;

	if (upto <= visitor->said)
		return;
	if (zl_session_send(&p->session, visitor->at->opening.words + visitor->said,
			    upto - visitor->said))
		show_out(p, no_memory);
	else
		visitor->said = upto;
}

bool zl_door_meet(struct zl_peer *p, struct zl_core_endpoint *at)
{
	if (!at->opening.bytes)
		return false;
	p->visitor.at = at;
	p->state = ZL_PEER_DOOR;
	p->core->door.waiting++;
	say(p, SIGNATURE_BYTES);
	return true;
}

/* What we have to say to its greeting holds only if it asks for what is there. */
static bool agrees(const struct zl_visitor *visitor)
{
	return memcmp(visitor->greeting + MECHANISM_AT, visitor->at->opening.words + MECHANISM_AT,
		      MECHANISM_BYTES) == 0 &&
	       visitor->greeting[AS_SERVER_AT] <= 1;
}

/* The greeting so far has a signature. */
static enum zl_door_verdict answer(struct zl_peer *p)
{
	struct zl_visitor *visitor = &p->visitor;
	const struct zl_opening *opening = &visitor->at->opening;

	say(p, VERSION_BYTES);
	if (visitor->bytes < VERSION_BYTES)
		return ZL_DOOR_WAITS;
	if (visitor->greeting[VERSION_BYTES - 1] < 3)
		return ZL_DOOR_ASKS;
	say(p, ZL_GREETING_BYTES);
	if (visitor->bytes < ZL_GREETING_BYTES)
		return ZL_DOOR_WAITS;
	if (opening->at_greeting || !agrees(visitor))
		return ZL_DOOR_ASKS;
	say(p, opening->bytes);
	return ZL_DOOR_WAITS;
}

static enum zl_door_verdict greeting(struct zl_peer *p, const uint8_t *bytes, uint32_t len)
{
	struct zl_visitor *visitor = &p->visitor;
	enum zl_door_verdict verdict;

	if (zl_greeting_is_none(bytes, len) && !visitor->bytes) {
		show_out(p, not_zmtp);
		return ZL_DOOR_WAITS;
	}
	if ((!visitor->bytes && !zl_greeting_is_signed(bytes, len)) ||
	    len > sizeof(visitor->greeting) - visitor->bytes)
		return ZL_DOOR_ASKS;
	memcpy(visitor->greeting + visitor->bytes, bytes, len);
	visitor->bytes += (uint8_t)len;
	verdict = answer(p);
	if (verdict == ZL_DOOR_ASKS)
		visitor->bytes -= (uint8_t)len;
	else
		zl_stranger_answered(p);
	return verdict;
}

enum zl_door_verdict zl_door_hear(struct zl_peer *p, enum zl_relay kind, const uint8_t *bytes,
				  uint32_t len)
{
	/* Its endpoint may have been removed, and another have its place. */
	if (p->visitor.at->at.id != p->endpoint || !p->visitor.at->opening.bytes)
		return ZL_DOOR_ASKS;
	return kind == ZL_RELAY_GREETING ? greeting(p, bytes, len) : ZL_DOOR_ASKS;
}

void zl_door_leave(struct zl_peer *p)
{
	if (p->state == ZL_PEER_DOOR)
		p->core->door.waiting--;
}

/* --- who went --- */

static void tell(struct zl_timer *t, uint64_t now_ns)
{
	struct zl_lcore *c = (struct zl_lcore *)((char *)t - offsetof(struct zl_lcore, door.tell));
	struct zl_door *door = &c->door;

	while (door->reasons && zl_core_tells(c)) {
		unsigned last = door->reasons - 1;

		if (!zl_notify_closed(c, 0, door->gone[last].endpoint, door->gone[last].reason,
				      door->gone[last].n))
			break;
		door->reasons--;
	}
	if (door->reasons)
		zl_timer_arm(&c->timers, t, now_ns + TELL_NS);
}

void zl_door_init(struct zl_door *door)
{
	zl_timer_init(&door->tell, tell);
}

/* Reasons are few; if there are more than places they share the last. */
static unsigned place_of(struct zl_door *door, const char *reason)
{
	unsigned i = 0;

	while (i < door->reasons && strcmp(door->gone[i].reason, reason) != 0)
		i++;
	if (i == ZL_DOOR_REASONS)
		return i - 1;
	if (i == door->reasons) {
		door->gone[i].n = 0;
		strncpy(door->gone[i].reason, i == ZL_DOOR_REASONS - 1 ? "other" : reason,
			sizeof(door->gone[i].reason) - 1);
		door->reasons++;
	}
	return i;
}

void zl_door_gone(struct zl_lcore *c, uint32_t endpoint, const char *reason)
{
	unsigned i = place_of(&c->door, reason);

	c->door.gone[i].n++;
	c->door.gone[i].endpoint = endpoint;
	if (!zl_timer_armed(&c->door.tell))
		zl_timer_arm(&c->timers, &c->door.tell, c->now_ns + TELL_NS);
}

int zl_door_set(struct zl_lcore *c, const struct zl_ipc_endpoint_set *m)
{
	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX; i++) {
		struct zl_opening *opening = &c->endpoint[i].opening;

		if (c->endpoint[i].at.id != m->id)
			continue;
		opening->bytes = (uint16_t)m->bytes;
		opening->at_greeting = m->at_greeting;
		memcpy(opening->words, m->opening, m->bytes);
		return 0;
	}
	return -ENOENT;
}
