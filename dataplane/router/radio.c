/* RADIO (RFC 48): sends [group][body] to the peers that have joined exactly this group, drops it
 * for one that is full, and never blocks. Joins are decided as subscriptions are (xpub.c), and kept
 * in the same matcher: of prefixes that begin with their own length, only the whole one matches. */
#include "dataplane/router/fan.h"
#include "dataplane/router/matcher.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	GROUP_MAX = 255 /* bytes of a group's name */
};

static uint32_t key_of(uint8_t *key, const uint8_t *group, uint32_t len)
{
	key[0] = (uint8_t)len;
	if (len)
		memcpy(key + 1, group, len);
	return len + 1;
}

static int radio_open(struct zl_socket *s)
{
	struct zl_fan *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	if (zl_fan_open(f, s->pipes_max) < 0) {
		free(f);
		return -ENOMEM;
	}
	s->state = f;
	return 0;
}

static void radio_close(struct zl_socket *s)
{
	zl_fan_close(s->state);
	free(s->state);
	s->state = NULL;
}

static void radio_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	zl_fan_forget(s->state, p);
}

/* Messages of two parts at the front, of which the last may end with the call; 0: the first is not
 * one. */
static unsigned well_formed(const struct zl_msg *msgs, unsigned n)
{
	unsigned k = 0;

	while (k < n && (msgs[k].flags & ZL_MSG_MORE) && msgs[k].len <= GROUP_MAX) {
		if (k + 1 < n && (msgs[k + 1].flags & ZL_MSG_MORE))
			break;
		k += 2;
	}
	return k < n ? k : n;
}

static struct zl_match match(struct zl_socket *s, const struct zl_msg *group)
{
	uint8_t name[GROUP_MAX], key[GROUP_MAX + 1];
	uint32_t len = zl_msg_peek(group, name, group->len);

	return zl_matcher_match(s->matcher, key, key_of(key, name, len));
}

/* Messages for the same set of peers are written as one run. */
static int radio_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct zl_fan *f = s->state;
	unsigned from = 0, rest = f->mid && n ? 1 : 0, good;

	if (n == 0)
		return 0;
	if (rest && (msgs[0].flags & ZL_MSG_MORE))
		return -EINVAL;
	good = rest + well_formed(msgs + rest, n - rest);
	if (good == 0)
		return -EINVAL;
	for (unsigned i = rest; i < good; i += 2) {
		struct zl_match found = match(s, &msgs[i]);

		if (found.key == f->key)
			continue;
		if (i > from)
			zl_fan_write(s, f, msgs + from, i - from, local);
		f->key = found.key;
		f->n = found.n;
		for (uint32_t k = 0; k < found.n; k++)
			f->set[k] = s->pipes[found.slots[k]];
		from = i;
	}
	if (good > from)
		zl_fan_write(s, f, msgs + from, good - from, local);
	return (int)good;
}

static void radio_broken(struct zl_socket *s)
{
	zl_fan_broken(s, s->state);
}

/* The prefix of every key is none. */
static int radio_subscribe(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *group,
			   uint32_t len)
{
	uint8_t key[GROUP_MAX + 1];

	if (len == ZL_ALL_GROUPS)
		return zl_xpub_subscribe(s, p, add, (const uint8_t *)"", 0);
	if (len > GROUP_MAX)
		return -EMSGSIZE;
	len = key_of(key, group, len);
	return zl_xpub_subscribe(s, p, add, key, len);
}

const struct zl_pattern zl_radio_pattern = {
	.type = ZL_RADIO,
	.peers = 1u << ZL_DISH,
	.matches = true,
	.marks = 1,
	.open = radio_open,
	.close = radio_close,
	.pipe_added = zl_xpub_pipe_added,
	.pipe_removed = radio_pipe_removed,
	.input = zl_xpub_input,
	.send = radio_send,
	.broken = radio_broken,
	.released = zl_xpub_released,
	.subscribe = radio_subscribe,
};
