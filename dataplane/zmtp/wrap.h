/* A GSSAPI context of a session in traffic (RFC 38, RFC 2743), as control has exported it.
 *
 * libgssapi allocates for each message, and takes locks of its process: of all that a poll core
 * does this is the one thing that does, for sessions of GSSAPI alone, and those in plaintext mode
 * are as others. Reading the context back looks at Kerberos's configuration, so that is the host
 * core's. */
#ifndef ZL_ZMTP_WRAP_H
#define ZL_ZMTP_WRAP_H

#include <stdint.h>

struct zl_wrap;

/* Host core. `token` as gss_export_sec_context() has made it, which is wiped; received: the number
 * of the peer's last message. NULL: it is none, or no memory. */
struct zl_wrap *zl_wrap_import(uint8_t *token, uint32_t bytes, uint64_t received);
/* Any core; NULL is nothing. */
void zl_wrap_free(struct zl_wrap *w);

#endif
