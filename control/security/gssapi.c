/* A socket's Kerberos credentials: what its keytab must have, told when the configuration is read,
 * and the one ticket that a client goes by. */
#include "control/security/gssapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#define SPARE_S 30 /* a ticket that ends sooner is not gone by: it must outlast a handshake */
#define AGAIN_S 5  /* after a fetch that failed */

struct zl_gssapi {
	gss_cred_id_t credential;
	gss_name_t service;
	bool client, fetching;
	struct zl_gssapi_ticket ticket; /* cache "": there is none */
	time_t again;                   /* not before this */
	char last_error[256];
};

static gss_OID_desc kerberos = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"}; /* RFC 4121 */
const gss_OID zl_gssapi_kerberos = &kerberos;

/* --- the keytab, as a person hears of it --- */

static int fail(char *error, size_t max, const char *what, const char *keytab, const char *name,
		krb5_context context, krb5_error_code code)
{
	const char *text = context ? krb5_get_error_message(context, code) : NULL;

	snprintf(error, max, what, keytab, name, text ? text : strerror(code));
	if (text)
		krb5_free_error_message(context, text);
	return -EINVAL;
}

#define KEYTAB_IS_BAD                                                                              \
	"keytab: %s: no key of %s in it: %s; 'klist -k FILE' shows whose keys a keytab has, "      \
	"'ktadd -k FILE PRINCIPAL' of kadmin makes one"
#define NAME_IS_BAD "%s%s is no Kerberos principal: %s; write NAME/HOST@REALM, or NAME@REALM"

static int check(krb5_context context, const char *keytab, const char *principal, char *error,
		 size_t max)
{
	krb5_keytab_entry entry;
	krb5_principal name;
	krb5_keytab kt;
	krb5_error_code code = krb5_parse_name(context, principal, &name);

	if (code)
		return fail(error, max, NAME_IS_BAD, "principal: ", principal, context, code);
	code = krb5_kt_resolve(context, keytab, &kt);
	if (!code) {
		code = krb5_kt_get_entry(context, kt, name, 0, 0, &entry);
		if (!code)
			krb5_free_keytab_entry_contents(context, &entry);
		krb5_kt_close(context, kt);
	}
	krb5_free_principal(context, name);
	return code ? fail(error, max, KEYTAB_IS_BAD, keytab, principal, context, code) : 0;
}

static int check_service(krb5_context context, const char *service, char *error, size_t max)
{
	krb5_principal name;
	krb5_error_code code = krb5_parse_name(context, service, &name);

	if (code)
		return fail(error, max, NAME_IS_BAD, "service: ", service, context, code);
	krb5_free_principal(context, name);
	return 0;
}

static int check_all(const char *keytab, const char *principal, const char *service, char *error,
		     size_t max)
{
	krb5_context context;
	krb5_error_code code = krb5_init_context(&context);
	int err;

	if (code) {
		snprintf(error, max, "Kerberos cannot be set up: is %s as it should be?",
			 getenv("KRB5_CONFIG") ? getenv("KRB5_CONFIG") : "/etc/krb5.conf");
		return -EINVAL;
	}
	err = check(context, keytab, principal, error, max);
	if (!err && service)
		err = check_service(context, service, error, max);
	krb5_free_context(context);
	return err;
}

/* --- credentials --- */

static bool import(const char *text, gss_name_t *name)
{
	gss_buffer_desc buffer = {strlen(text), (void *)(uintptr_t)text};
	OM_uint32 minor;
	gss_name_t any = GSS_C_NO_NAME;
	bool good = gss_import_name(&minor, &buffer, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &any) ==
			    GSS_S_COMPLETE &&
		    gss_canonicalize_name(&minor, any, &kerberos, name) == GSS_S_COMPLETE;

	gss_release_name(&minor, &any);
	return good;
}

/* Of what is in a file or a cache; nothing of it asks a KDC. */
static gss_cred_id_t acquire(gss_name_t name, gss_cred_usage_t usage, const char *where,
			     const char *file)
{
	gss_key_value_element_desc element = {where, file};
	gss_key_value_set_desc store = {1, &element};
	gss_OID_set_desc mechanisms = {1, &kerberos};
	gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
	OM_uint32 minor;

	if (gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &mechanisms, usage, &store,
				  &credential, NULL, NULL) != GSS_S_COMPLETE)
		return GSS_C_NO_CREDENTIAL;
	return credential;
}

static bool open_server(struct zl_gssapi *g, const char *keytab, const char *principal)
{
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 minor;

	if (import(principal, &name))
		g->credential = acquire(name, GSS_C_ACCEPT, "keytab", keytab);
	gss_release_name(&minor, &name);
	return g->credential != GSS_C_NO_CREDENTIAL;
}

int zl_gssapi_open(struct zl_gssapi **gssapi, const char *keytab, const char *principal,
		   const char *service, char *error, size_t error_max)
{
	struct zl_gssapi *g = calloc(1, sizeof(*g));
	bool good;

	*gssapi = g;
	if (!g) {
		snprintf(error, error_max, "no memory");
		return -EINVAL;
	}
	g->client = service != NULL;
	if (check_all(keytab, principal, service, error, error_max))
		return -EINVAL;
	if (g->client) {
		snprintf(g->ticket.keytab, sizeof(g->ticket.keytab), "%s", keytab);
		snprintf(g->ticket.principal, sizeof(g->ticket.principal), "%s", principal);
		snprintf(g->ticket.service, sizeof(g->ticket.service), "%s", service);
		good = import(service, &g->service);
	} else {
		good = open_server(g, keytab, principal);
	}
	if (good)
		return 0;
	snprintf(error, error_max, "keytab: %s: GSSAPI cannot go by %s's key in it", keytab,
		 principal);
	return -EINVAL;
}

static void drop_ticket(struct zl_gssapi *g)
{
	OM_uint32 minor;

	gss_release_cred(&minor, &g->credential);
	if (g->ticket.cache[0])
		zl_gssapi_drop(&g->ticket);
	g->ticket.cache[0] = '\0';
}

void zl_gssapi_close(struct zl_gssapi *g)
{
	OM_uint32 minor;

	if (!g)
		return;
	drop_ticket(g);
	gss_release_name(&minor, &g->service);
	free(g);
}

gss_cred_id_t zl_gssapi_credential(const struct zl_gssapi *g)
{
	if (g->client && time(NULL) + SPARE_S > g->ticket.until)
		return GSS_C_NO_CREDENTIAL;
	return g->credential;
}

gss_name_t zl_gssapi_service(const struct zl_gssapi *g)
{
	return g->service;
}

/* --- a client's ticket --- */

bool zl_gssapi_due(struct zl_gssapi *g, struct zl_gssapi_ticket *ticket)
{
	static unsigned serial;
	time_t now = time(NULL), from = g->ticket.from, until = g->ticket.until;

	if (!g->client || g->fetching || now < g->again)
		return false;
	if (g->ticket.cache[0] && now >= from && now < from + (until - from) / 2)
		return false;
	*ticket = g->ticket;
	snprintf(ticket->cache, sizeof(ticket->cache), "MEMORY:zeroline-%u", ++serial);
	g->fetching = true;
	return true;
}

void zl_gssapi_retry(struct zl_gssapi *g)
{
	g->again = 0;
}

bool zl_gssapi_take(struct zl_gssapi *g, struct zl_gssapi_ticket *ticket)
{
	gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
	bool news;

	g->fetching = false;
	if (!ticket->error[0]) {
		credential = acquire(GSS_C_NO_NAME, GSS_C_INITIATE, "ccache", ticket->cache);
		if (credential == GSS_C_NO_CREDENTIAL) {
			zl_gssapi_drop(ticket);
			strcpy(ticket->error, "GSSAPI cannot go by the ticket");
		}
	}
	news = strcmp(g->last_error, ticket->error) != 0;
	strcpy(g->last_error, ticket->error);
	g->again = time(NULL) + AGAIN_S;
	if (ticket->error[0])
		return !news;
	drop_ticket(g);
	g->ticket = *ticket;
	g->credential = credential;
	return true;
}
