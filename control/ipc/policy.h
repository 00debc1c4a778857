/* What a socket allows its peers and does for them beyond ZeroMQ: a part of zl_ipc_socket. All zero
 * is ZeroMQ's own behaviour: nothing cached, nothing limited, everybody let in, and what is too
 * much for a subscriber dropped for it, the newest first. */
#ifndef ZL_CONTROL_IPC_POLICY_H
#define ZL_CONTROL_IPC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define ZL_ADDRESS_RULES_MAX 32
#define ZL_TOPIC_RULES_MAX   32
#define ZL_RULE_PREFIX_MAX   64 /* bytes of a topic rule's prefix */
#define ZL_RULE_IDENTITY_MAX 32 /* bytes of the identity that it is for */
#define ZL_RULE_USER_MAX     62 /* of the user; a name that was cut off (ZL_USER_MAX) has one more */
#define ZL_TOPIC_KEY_MAX     255 /* bytes of a topic that is told from others */

/* Which bytes of a message's first part are its topic: all of them, the first `bytes` (0: not so),
 * or those before the first byte `until` - 1 (0: not so). What is shorter is a topic as a whole. */
struct zl_ipc_topic {
	uint32_t bytes;
	uint32_t until;
};

/* The newest message of each topic is kept by each core, and told to who subscribes late. */
struct zl_ipc_last {
	uint32_t topics; /* at most; 0: nothing is kept */
	uint32_t message_bytes;
	uint64_t bytes; /* of memory for messages, reserved at start */
	struct zl_ipc_topic topic;
};

/* What is done about a subscriber that does not keep up. */
enum zl_slow {
	ZL_SLOW_DROP_NEWEST, /* at the HWM what comes is dropped for it */
	ZL_SLOW_DROP_OLDEST, /* at the HWM the oldest that was not begun is dropped for it */
	ZL_SLOW_CONFLATE,    /* past the mark only the newest message of each topic waits */
	ZL_SLOW_DISCONNECT,  /* it is closed, after a grace; nothing is dropped before */
	ZL_SLOWS
};
extern const char *const zl_slow_name[ZL_SLOWS]; /* "drop_newest", ... */

struct zl_ipc_slow {
	uint32_t policy;           /* enum zl_slow */
	uint32_t mark;             /* CONFLATE: messages that may wait before it begins */
	uint32_t grace_ms;         /* DISCONNECT: so long over the HWM, or in the queue */
	uint32_t waiting;          /* messages that may wait, of all peers of a core; 0: default */
	struct zl_ipc_topic topic; /* CONFLATE */
};

/* Of each peer; 0: no limit. */
struct zl_ipc_rate {
	uint64_t msgs_per_s, bytes_per_s;
};

struct zl_ipc_limits {
	uint32_t peers;            /* of the socket, on all cores; 0: no limit, and so below */
	uint32_t peers_an_address; /* of those, from one source address */
	uint32_t subscriptions;    /* of the socket */
	uint32_t subscriptions_a_peer;
	uint32_t closes; /* 1: a subscription too many closes its peer; 0: it is refused */
	uint32_t reserved;
};

/* The first rule that an address is in decides. If none is: it is let in, unless there is a rule
 * that allows. */
struct zl_ipc_address_rule {
	uint32_t ip; /* host order */
	uint8_t prefix_len;
	uint8_t deny;
	uint16_t reserved;
};

enum zl_topic_verb {
	ZL_TOPIC_PUBLISH,
	ZL_TOPIC_SUBSCRIBE,
	ZL_TOPIC_VERBS
};

/* As above, for topics that begin with the prefix, of peers at the address that have the identity,
 * and have proved to be the user (none given: whoever they are). */
struct zl_ipc_topic_rule {
	uint32_t ip;
	uint8_t prefix_len; /* of ip; 0: every address */
	uint8_t deny;
	uint8_t verb;  /* enum zl_topic_verb */
	uint8_t bytes; /* of the prefix */
	uint8_t identity_len, reserved[3];
	uint8_t identity[ZL_RULE_IDENTITY_MAX];
	uint8_t prefix[ZL_RULE_PREFIX_MAX];
	char user[ZL_RULE_USER_MAX + 2]; /* "": all */
};

struct zl_ipc_policy {
	struct zl_ipc_last last;
	struct zl_ipc_slow slow;
	struct zl_ipc_rate in, out; /* from the peer; to the peer; READY may bring it others */
	uint32_t own_out;           /* 1: to the peer, too, that is */
	uint32_t reserved;
	struct zl_ipc_limits limits;
	uint32_t n_addresses, n_topics; /* rules */
	struct zl_ipc_address_rule address[ZL_ADDRESS_RULES_MAX];
	struct zl_ipc_topic_rule topic[ZL_TOPIC_RULES_MAX];
};

/* Are its counts and enums in range? */
bool zl_ipc_policy_good(const struct zl_ipc_policy *p);

/* May this address connect? */
bool zl_policy_lets_in(const struct zl_ipc_policy *p, uint32_t ip);
/* Which topic rules are for this peer: a bit each. */
uint32_t zl_policy_rules_of(const struct zl_ipc_policy *p, enum zl_topic_verb verb, uint32_t ip,
			    const uint8_t *identity, uint32_t identity_len, const char *user);
/* May a message with this topic go through, if these are the rules? Only its first
 * ZL_RULE_PREFIX_MAX bytes are looked at. */
bool zl_policy_publishes(const struct zl_ipc_policy *p, uint32_t rules, const uint8_t *topic,
			 uint32_t len);
/* May everything that begins with this prefix be subscribed to? */
bool zl_policy_subscribes(const struct zl_ipc_policy *p, uint32_t rules, const uint8_t *prefix,
			  uint32_t len);

#endif
