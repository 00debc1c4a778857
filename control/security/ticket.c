/* A Kerberos client's ticket for its service, by the key in a keytab: what may take long, for a
 * thread of its own. It ends in a credential cache in this process's memory. */
#include "control/security/gssapi.h"

#include <stdio.h>
#include <string.h>

#include <krb5.h>

struct fetch {
	krb5_context context;
	krb5_keytab keytab;
	krb5_principal client, service;
	krb5_ccache cache;
	krb5_creds first; /* for the KDC itself */
};

static krb5_error_code names(struct fetch *f, const struct zl_gssapi_ticket *t)
{
	krb5_error_code error = krb5_kt_resolve(f->context, t->keytab, &f->keytab);

	if (!error)
		error = krb5_parse_name(f->context, t->principal, &f->client);
	if (!error)
		error = krb5_parse_name(f->context, t->service, &f->service);
	return error;
}

static krb5_error_code first_ticket(struct fetch *f, const struct zl_gssapi_ticket *t)
{
	krb5_error_code error = krb5_get_init_creds_keytab(f->context, &f->first, f->client,
							   f->keytab, 0, NULL, NULL);

	if (!error)
		error = krb5_cc_resolve(f->context, t->cache, &f->cache);
	if (!error)
		error = krb5_cc_initialize(f->context, f->cache, f->client);
	if (!error)
		error = krb5_cc_store_cred(f->context, f->cache, &f->first);
	return error;
}

/* It is in the cache after this. */
static krb5_error_code service_ticket(struct fetch *f, struct zl_gssapi_ticket *t)
{
	krb5_creds want = {.client = f->client, .server = f->service}, *got = NULL;
	krb5_error_code error = krb5_get_credentials(f->context, 0, f->cache, &want, &got);

	if (error)
		return error;
	t->from = got->times.starttime ? got->times.starttime : got->times.authtime;
	t->until = got->times.endtime;
	krb5_free_creds(f->context, got);
	return 0;
}

static void note(struct zl_gssapi_ticket *t, krb5_context context, krb5_error_code error)
{
	const char *text = context ? krb5_get_error_message(context, error) : NULL;

	snprintf(t->error, sizeof(t->error), "%s", text ? text : "Kerberos cannot be set up");
	if (text)
		krb5_free_error_message(context, text);
}

static void clean(struct fetch *f, bool failed)
{
	if (f->cache && failed)
		krb5_cc_destroy(f->context, f->cache);
	else if (f->cache)
		krb5_cc_close(f->context, f->cache);
	krb5_free_cred_contents(f->context, &f->first);
	krb5_free_principal(f->context, f->client);
	krb5_free_principal(f->context, f->service);
	if (f->keytab)
		krb5_kt_close(f->context, f->keytab);
	krb5_free_context(f->context);
}

void zl_gssapi_fetch(struct zl_gssapi_ticket *t)
{
	struct fetch f = {0};
	krb5_error_code error = krb5_init_context(&f.context);

	t->error[0] = '\0';
	if (error) {
		note(t, NULL, error);
		return;
	}
	error = names(&f, t);
	if (!error)
		error = first_ticket(&f, t);
	if (!error)
		error = service_ticket(&f, t);
	if (error)
		note(t, f.context, error);
	clean(&f, error != 0);
}

void zl_gssapi_drop(const struct zl_gssapi_ticket *t)
{
	krb5_context context;
	krb5_ccache cache;

	if (t->error[0] || krb5_init_context(&context))
		return;
	if (krb5_cc_resolve(context, t->cache, &cache) == 0)
		krb5_cc_destroy(context, cache);
	krb5_free_context(context);
}
