/* A socket's options as the contract carries them, in a struct of fixed size; options.def has the
 * list. What patterns do with theirs is dataplane/router/options.h's; a number that means "what the
 * appliance does anyway" is below the least that a person may give. */
#ifndef ZL_CONTROL_IPC_OPTIONS_H
#define ZL_CONTROL_IPC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZL_OPTION_BYTES     255 /* of a routing id, or of a message of one's own */
#define ZL_ACCEPT_FILTERS   16
#define ZL_PROPERTIES_BYTES 508 /* of metadata, in all */

#define ZL_LINGER_UNSET (-2)

/* reconnect_stop */
enum {
	ZL_STOP_CONN_REFUSED = 1,
	ZL_STOP_HANDSHAKE_FAILED = 2,
	ZL_STOP_AFTER_DISCONNECT = 4,
	ZL_STOP_ALWAYS = 8 /* reconnect_ivl: -1 */
};

struct zl_ipc_option_bytes {
	uint32_t len; /* 0: not set */
	uint8_t data[ZL_OPTION_BYTES + 1];
};

struct zl_ipc_network {
	uint32_t ip; /* host order */
	uint32_t prefix_len;
};

/* As ZMTP has them in READY (RFC 37, metadata): name and value with their lengths. */
struct zl_ipc_properties {
	uint32_t bytes;
	uint8_t data[ZL_PROPERTIES_BYTES];
};

struct zl_ipc_options {
#define N(name, kind, def, least, most, types, text) int32_t name;
#define B(name, types, text)                         struct zl_ipc_option_bytes name;
#define L(name, types, text)
#include "control/ipc/options.def"
#undef N
#undef B
#undef L
	uint32_t bindtodevice; /* a port's place in the configuration, from 1; 0: any */
	uint32_t accept_filters;
	struct zl_ipc_network tcp_accept_filter[ZL_ACCEPT_FILTERS];
	struct zl_ipc_properties metadata;
};
_Static_assert(sizeof(struct zl_ipc_options) % 8 == 0, "no padding that nobody sets");

enum zl_option_kind {
	ZL_OPTION_FLAG,   /* yes, no */
	ZL_OPTION_SWITCH, /* yes, no, or unset */
	ZL_OPTION_COUNT,
	ZL_OPTION_MS,
	ZL_OPTION_STOPS, /* bits */
	ZL_OPTION_NOTES,
	ZL_OPTION_BYTES_KIND,
	ZL_OPTION_LIST
};

enum zl_option_id {
#define N(name, kind, def, least, most, types, text) ZL_OPTION_ID_##name,
#define B(name, types, text)                         ZL_OPTION_ID_##name,
#define L(name, types, text)                         ZL_OPTION_ID_##name,
#include "control/ipc/options.def"
#undef N
#undef B
#undef L
	ZL_OPTION_IDS
};

struct zl_option {
	const char *name, *text;
	enum zl_option_kind kind;
	int32_t def, least, most; /* of a number */
	size_t offset;            /* in zl_ipc_options; of a list 0 */
	uint32_t types;           /* bit mask of the zl_socket_types that have it */
};
extern const struct zl_option zl_option_table[ZL_OPTION_IDS];

/* By name, or ZL_OPTION_IDS. */
enum zl_option_id zl_option_find(const char *name);
void zl_options_default(struct zl_ipc_options *o);
/* Every value in range (0 always is: a struct of zeros is no mistake), every length within its
 * array? */
bool zl_options_check(const struct zl_ipc_options *o);

static inline int32_t *zl_option_number(struct zl_ipc_options *o, enum zl_option_id id)
{
	return (int32_t *)((char *)o + zl_option_table[id].offset);
}
static inline struct zl_ipc_option_bytes *zl_option_bytes(struct zl_ipc_options *o,
							  enum zl_option_id id)
{
	return (struct zl_ipc_option_bytes *)((char *)o + zl_option_table[id].offset);
}
static inline bool zl_option_is_number(enum zl_option_id id)
{
	return zl_option_table[id].kind < ZL_OPTION_BYTES_KIND;
}

/* Whole properties, as many bytes as it says? */
bool zl_properties_check(const struct zl_ipc_properties *p);
/* May this address connect? */
bool zl_options_admit(const struct zl_ipc_options *o, uint32_t ip);

#endif
