/* What is said to a ZAP handler and what it answers (RFC 27): messages of ZMTP, as bytes. A request
 * comes from a handshake that is at ASK; a reply becomes the answer that it goes on with. */
#ifndef ZL_CONTROL_HANDSHAKE_ZAP_H
#define ZL_CONTROL_HANDSHAKE_ZAP_H

#include "control/handshake/handshake.h"

#define ZL_ZAP_REQUEST_MAX 2048 /* bytes on the wire */
#define ZL_ZAP_REPLY_MAX   8192 /* of all parts */
#define ZL_ZAP_PARTS       7    /* of a reply, with the delimiter before it */

/* A message as it comes, part by part; all zero before the first. */
struct zl_zap_message {
	unsigned n; /* of parts; those beyond ZL_ZAP_PARTS are not kept */
	bool too_long;
	size_t bytes;
	struct {
		size_t at, bytes;
	} part[ZL_ZAP_PARTS];
	uint8_t data[ZL_ZAP_REPLY_MAX];
};
void zl_zap_add_part(struct zl_zap_message *m, const uint8_t *part, size_t n);

/* The request's frames, from its delimiter on; how many bytes. `address`: the peer's. */
size_t zl_zap_write(uint8_t to[ZL_ZAP_REQUEST_MAX], const struct zl_handshake *h, uint64_t id,
		    const char *address);

/* Which request is this the reply to? 0: none that is ours. */
uint64_t zl_zap_id(const struct zl_zap_message *m);
/* ZL_REASONS: the answer is filled in; else what is wrong with it. */
enum zl_reason zl_zap_read(const struct zl_zap_message *m, struct zl_zap_answer *answer);

#endif
