/* Kerberos credentials of a socket that speaks GSSAPI (RFC 38 with libzmq's habits; RFC 4120,
 * 4121). Both roles have their long-term key in a keytab. A server needs nothing else: peers'
 * tickets are judged by the keytab, which is read again for each, and nobody is asked. A client
 * needs a ticket for the service, of a KDC that may be far away or down: a thread of its own gets
 * it ahead of time (zl_gssapi_fetch), and a handshake only uses what is there, so that it never
 * waits for a network.
 *
 * Not thread-safe, but for zl_gssapi_fetch(). */
#ifndef ZL_CONTROL_SECURITY_GSSAPI_H
#define ZL_CONTROL_SECURITY_GSSAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <gssapi/gssapi.h>

#define ZL_PRINCIPAL_MAX 256 /* as it is written, NUL included */

struct zl_gssapi;

/* `service` NULL: a server. The keytab must have a key of the principal. 0, or -EINVAL with what is
 * wrong and the remedy in `error`. close() in either case. */
int zl_gssapi_open(struct zl_gssapi **gssapi, const char *keytab, const char *principal,
		   const char *service, char *error, size_t error_max);
void zl_gssapi_close(struct zl_gssapi *g);

/* What gss_accept_sec_context() and gss_init_sec_context() take: Kerberos alone (others of
 * libgssapi's mechanisms would let a peer have this end ask a KDC). Borrowed. A client's is
 * GSS_C_NO_CREDENTIAL while it has no ticket that is good now. */
gss_cred_id_t zl_gssapi_credential(const struct zl_gssapi *g);
gss_name_t zl_gssapi_service(const struct zl_gssapi *g);
extern const gss_OID zl_gssapi_kerberos;

/* A client's ticket. It is to be renewed when half of its life is over. */
struct zl_gssapi_ticket {
	char keytab[ZL_PRINCIPAL_MAX], principal[ZL_PRINCIPAL_MAX], service[ZL_PRINCIPAL_MAX];
	char cache[32]; /* where it is: of this ticket alone, in memory */
	time_t from, until;
	char error[256]; /* "": it has been fetched */
};
/* Should one be fetched now? Then this is what to fetch; not due again before it is taken. */
bool zl_gssapi_due(struct zl_gssapi *g, struct zl_gssapi_ticket *ticket);
/* Any thread; may take as long as the KDC and its retries do. */
void zl_gssapi_fetch(struct zl_gssapi_ticket *ticket);
/* The ticket is g's own from here on. After one that failed, another try is due in a while. False:
 * the error is set, and not the same as the time before. */
bool zl_gssapi_take(struct zl_gssapi *g, struct zl_gssapi_ticket *ticket);
/* The next try is due at once, if any is. */
void zl_gssapi_retry(struct zl_gssapi *g);
/* One that nobody wants. */
void zl_gssapi_drop(const struct zl_gssapi_ticket *ticket);

#endif
