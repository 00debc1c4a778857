/* A Kerberos realm, ZL.TEST, without a KDC: whoever has a service's key can make tickets for it,
 * and here the test does. All of it is in a folder of the test's own; the environment points there.
 */
#ifndef ZL_TESTS_UNIT_KERBEROS_H
#define ZL_TESTS_UNIT_KERBEROS_H

#include <time.h>

#include "control/security/gssapi.h"

/* Makes the folder, with krb5.conf and no keys yet; and removes it. */
void kerberos_begin(void);
void kerberos_end(void);
/* FOLDER/NAME; valid until the next call but three. */
const char *kerberos_path(const char *name);
void kerberos_write(const char *name, const char *text);
/* A keytab with one random key of this principal, of its own kind. */
void kerberos_keytab(const char *file, const char *principal);
/* The ticket that a KDC would give: for the service whose key is in `keytab`, good from now for
 * `life_s`, which may be over (negative). What `ticket` asks for is in it (zl_gssapi_due). */
void kerberos_mint(struct zl_gssapi_ticket *ticket, const char *keytab, long life_s);
/* Opened, and (as a client) given a ticket for the service whose key is in `with`. */
struct zl_gssapi *kerberos_server(const char *keytab, const char *principal);
struct zl_gssapi *kerberos_client(const char *keytab, const char *principal, const char *service,
				  const char *with, long life_s);
/* Two ends of one context, made with what libzmq's clients ask for, or other flags. */
#define KERBEROS_LIBZMQ (GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG)
void kerberos_contexts(const struct zl_gssapi *client, const struct zl_gssapi *server,
		       OM_uint32 flags, gss_ctx_id_t *of_client, gss_ctx_id_t *of_server);

#endif
