/* Pipes by name: what ROUTER, SERVER and PEER call their peers, and which groups a DISH has joined.
 * Open addressing by hash; the table grows when a name is added, so that looking one up never
 * allocates. The owning core alone. */
#ifndef ZL_ROUTER_NAMES_H
#define ZL_ROUTER_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/router/pipe.h"

#define ZL_NAME_BYTES 255 /* longest name (RFC 28: a routing id) */

struct zl_name {
	struct zl_pipe *pipe; /* NULL: free */
	uint8_t *kept;        /* a copy of the name; NULL: it is the pipe's own routing_id */
	uint32_t hash;
	uint8_t len; /* of kept */
};

struct zl_names {
	struct zl_name *at;
	uint32_t mask, used;
};

/* Are two names of this length the same? Most are those that ROUTER makes up, 5 bytes: without a
 * call. */
static inline bool zl_name_same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t x[2], y[2];

	if (len < 4 || len > 8)
		return memcmp(a, b, len) == 0;
	memcpy(&x[0], a, 4);
	memcpy(&y[0], b, 4);
	memcpy(&x[1], a + len - 4, 4);
	memcpy(&y[1], b + len - 4, 4);
	return x[0] == y[0] && x[1] == y[1];
}

void zl_names_open(struct zl_names *t);
void zl_names_close(struct zl_names *t);
/* The pipe of this name, or NULL. */
struct zl_pipe *zl_names_find(const struct zl_names *t, const uint8_t *name, uint32_t len);
/* p by its routing_id, which stays where it is. 0, -EEXIST (another pipe has it), -ENOMEM. */
int zl_names_add(struct zl_names *t, struct zl_pipe *p);
/* p by a name that is copied: one pipe may have many. 0, -EEXIST, -ENOMEM.
 */
int zl_names_add_copy(struct zl_names *t, struct zl_pipe *p, const uint8_t *name, uint32_t len);
/* Forgets the name if it is p's. Was it? */
bool zl_names_remove(struct zl_names *t, const struct zl_pipe *p, const uint8_t *name,
		     uint32_t len);

#endif
