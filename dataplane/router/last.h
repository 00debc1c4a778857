/* The newest message of each topic, kept by a publishing socket for those who subscribe late. The
 * bytes are copied when a message is published, once, so no receive buffer is held; topics and
 * memory are bounded, and what was published longest ago makes room. Everything is reserved when
 * the socket is opened.
 *
 * last.c keeps; late.c tells: at a subscription the pipe is sent what it matches, as far as its
 * queue has room, and the rest as it reads. Of a topic of which a newer message was published
 * meanwhile the pipe has that one, as live traffic, so nothing comes twice or after its successor.
 */
#ifndef ZL_ROUTER_LAST_H
#define ZL_ROUTER_LAST_H

#include "dataplane/router/chunks.h"
#include "dataplane/router/socket.h"

enum {
	ZL_LAST_LEVELS = 8, /* of the skip list: one in four goes a level higher */
	ZL_LAST_PARTS = 64, /* a message of more is not kept */
};

struct zl_last_entry {
	uint64_t seq; /* of the message's first part */
	struct zl_string
		value; /* of each part: its length and whether more follow, and its bytes */
	uint32_t hash, hash_next;
	uint32_t older, newer; /* by publication; entry 0 is before the first and after the last */
	uint8_t key_len, levels;
	uint32_t next[ZL_LAST_LEVELS]; /* by topic, in order; 0: the end */
};

/* A subscription whose topics are still being told; also on the stack, while all go at once. */
struct zl_late {
	struct zl_late *next, *prev; /* in zl_last.waiting */
	struct zl_pipe *pipe;
	uint64_t upto;    /* messages that began by then are told; later ones are live traffic */
	uint32_t at;      /* the next entry; 0: all were told */
	uint32_t key_len; /* bytes of the prefix that belong to a topic */
	struct zl_string prefix;
};

struct zl_last {
	struct zl_ipc_last config;
	uint64_t *counter;
	uint64_t seq; /* messages begun so far */
	struct zl_chunks chunks;
	struct zl_last_entry *entry; /* 1 .. config.topics; 0: the head of every list */
	uint32_t *bucket, mask;
	uint32_t free, used; /* used: entries beyond were never used */
	uint32_t draw;       /* of levels */

	/* the message that is being published */
	bool mid;    /* its last part has not come */
	bool taking; /* it is to be kept */
	uint32_t parts, hash, key_len;
	struct zl_string value;
	uint8_t key[ZL_TOPIC_KEY_MAX + 1];

	struct zl_late *late, *free_late;
	struct zl_late waiting; /* the head of a ring */
	struct zl_chunks prefixes;
	uint8_t *scratch;        /* config.message_bytes: a value or a body in one piece */
	uint8_t *prefix, *first; /* a prefix; the beginning of a first part */
};

/* Set-up path. NULL: errno. */
struct zl_last *zl_last_open(const struct zl_ipc_last *config, uint64_t *counter);
void zl_last_close(struct zl_last *l);

/* last.c */
/* Parts that are being published, over as many calls as a message takes. */
void zl_last_put(struct zl_last *l, const struct zl_msg *msgs, unsigned n);
/* The message that was begun will have no end. */
void zl_last_broken(struct zl_last *l);
/* The first entry whose topic is not before these bytes; 0: none. */
uint32_t zl_last_seek(const struct zl_last *l, const uint8_t *topic, uint32_t len);
/* Its topic beside these bytes, as memcmp. */
int zl_last_compare(const struct zl_last *l, uint32_t entry, const uint8_t *topic, uint32_t len);
/* Does the entry's topic begin with these bytes? */
bool zl_last_under(const struct zl_last *l, uint32_t entry, const uint8_t *topic, uint32_t len);
uint32_t zl_last_topics(const struct zl_last *l);

/* late.c */
int zl_late_open(struct zl_last *l);
void zl_late_close(struct zl_last *l);
/* p is about to subscribe to this prefix (the matcher does not have it yet): what it covers of
 * others of the pipe is known now. Returns what zl_late_subscribed() wants to know. */
int64_t zl_late_before(const struct zl_socket *s, const struct zl_pipe *p, const uint8_t *prefix,
		       uint32_t len);
void zl_late_subscribed(struct zl_socket *s, struct zl_pipe *p, const uint8_t *prefix, uint32_t len,
			int64_t before);
void zl_late_cancelled(struct zl_socket *s, const struct zl_pipe *p, const uint8_t *prefix,
		       uint32_t len);
void zl_late_forget(struct zl_last *l, const struct zl_pipe *p);
/* An entry is about to go. */
void zl_late_removed(struct zl_last *l, uint32_t entry);
/* Every turn: whoever had no room is told more. */
void zl_late_turn(struct zl_socket *s);

static inline bool zl_late_waits(const struct zl_last *l)
{
	return l->waiting.next != &l->waiting;
}

#endif
