/* Tickets without a KDC: see kerberos.h. */
#include "tests/unit/kerberos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <krb5.h>

#define CIPHER ENCTYPE_AES256_CTS_HMAC_SHA1_96

/* MIT's library has these for its KDC; its headers do not tell. */
krb5_error_code krb5_encrypt_tkt_part(krb5_context, const krb5_keyblock *, krb5_ticket *);
krb5_error_code encode_krb5_ticket(const krb5_ticket *, krb5_data **);

static char folder[64];

const char *kerberos_path(const char *name)
{
	static char path[4][160];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", folder, name);
	return path[i];
}

void kerberos_write(const char *name, const char *text)
{
	FILE *f = fopen(kerberos_path(name), "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

void kerberos_begin(void)
{
	char replays[200];

	snprintf(folder, sizeof(folder), "/tmp/zl-kerberos-XXXXXX");
	assert_non_null(mkdtemp(folder));
	kerberos_write("krb5.conf",
		       "[libdefaults]\n default_realm = ZL.TEST\n"
		       " dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n");
	setenv("KRB5_CONFIG", kerberos_path("krb5.conf"), 1);
	snprintf(replays, sizeof(replays), "file2:%s", kerberos_path("replays"));
	setenv("KRB5RCACHENAME", replays, 1);
	setenv("KRB5_CLIENT_KTNAME", kerberos_path("none"), 1);
	setenv("KRB5_KTNAME", kerberos_path("none"), 1);
}

void kerberos_end(void)
{
	char line[100];

	snprintf(line, sizeof(line), "rm -rf %s", folder);
	assert_int_equal(system(line), 0);
}

static krb5_context open_context(void)
{
	krb5_context context;

	assert_int_equal(krb5_init_context(&context), 0);
	return context;
}

void kerberos_keytab(const char *file, const char *principal)
{
	krb5_context context = open_context();
	krb5_keytab_entry entry = {.vno = 1, .timestamp = (krb5_timestamp)time(NULL)};
	krb5_keytab keytab;

	assert_int_equal(krb5_parse_name(context, principal, &entry.principal), 0);
	assert_int_equal(krb5_c_make_random_key(context, CIPHER, &entry.key), 0);
	assert_int_equal(krb5_kt_resolve(context, kerberos_path(file), &keytab), 0);
	assert_int_equal(krb5_kt_add_entry(context, keytab, &entry), 0);
	krb5_kt_close(context, keytab);
	krb5_free_keytab_entry_contents(context, &entry);
	krb5_free_context(context);
}

static void service_key(krb5_context context, const char *file, krb5_principal service,
			krb5_keytab_entry *entry)
{
	krb5_keytab keytab;

	assert_int_equal(krb5_kt_resolve(context, kerberos_path(file), &keytab), 0);
	assert_int_equal(krb5_kt_get_entry(context, keytab, service, 0, CIPHER, entry), 0);
	krb5_kt_close(context, keytab);
}

static void seal(krb5_context context, krb5_creds *c, const krb5_keyblock *key)
{
	krb5_enc_tkt_part inner = {.flags = TKT_FLG_INITIAL | TKT_FLG_PRE_AUTH,
				   .session = &c->keyblock,
				   .client = c->client,
				   .transited = {.tr_type = KRB5_DOMAIN_X500_COMPRESS},
				   .times = c->times};
	krb5_ticket ticket = {.server = c->server, .enc_part2 = &inner};
	krb5_data *bytes;

	ticket.enc_part.kvno = 1;
	assert_int_equal(krb5_encrypt_tkt_part(context, key, &ticket), 0);
	assert_int_equal(encode_krb5_ticket(&ticket, &bytes), 0);
	c->ticket = *bytes;
	free(bytes);
	free(ticket.enc_part.ciphertext.data);
}

static void store(krb5_context context, const char *cache, krb5_creds *creds)
{
	krb5_ccache at;

	assert_int_equal(krb5_cc_resolve(context, cache, &at), 0);
	assert_int_equal(krb5_cc_initialize(context, at, creds->client), 0);
	assert_int_equal(krb5_cc_store_cred(context, at, creds), 0);
	krb5_cc_close(context, at);
}

void kerberos_mint(struct zl_gssapi_ticket *ticket, const char *keytab, long life_s)
{
	krb5_context context = open_context();
	krb5_timestamp now = (krb5_timestamp)time(NULL) - 60;
	krb5_creds creds = {.ticket_flags = TKT_FLG_INITIAL | TKT_FLG_PRE_AUTH};
	krb5_keytab_entry entry;

	creds.times = (krb5_ticket_times){
		.authtime = now, .starttime = now, .endtime = now + 60 + (krb5_timestamp)life_s};
	assert_int_equal(krb5_parse_name(context, ticket->principal, &creds.client), 0);
	assert_int_equal(krb5_parse_name(context, ticket->service, &creds.server), 0);
	assert_int_equal(krb5_c_make_random_key(context, CIPHER, &creds.keyblock), 0);
	service_key(context, keytab, creds.server, &entry);
	seal(context, &creds, &entry.key);
	store(context, ticket->cache, &creds);
	ticket->from = creds.times.starttime;
	ticket->until = creds.times.endtime;
	krb5_free_keytab_entry_contents(context, &entry);
	krb5_free_cred_contents(context, &creds);
	krb5_free_context(context);
}

static struct zl_gssapi *opened(const char *keytab, const char *principal, const char *service)
{
	struct zl_gssapi *g;
	char error[512];

	if (zl_gssapi_open(&g, kerberos_path(keytab), principal, service, error, sizeof(error)))
		fail_msg("%s", error);
	return g;
}

struct zl_gssapi *kerberos_server(const char *keytab, const char *principal)
{
	return opened(keytab, principal, NULL);
}

struct zl_gssapi *kerberos_client(const char *keytab, const char *principal, const char *service,
				  const char *with, long life_s)
{
	struct zl_gssapi *g = opened(keytab, principal, service);
	struct zl_gssapi_ticket ticket;

	assert_true(zl_gssapi_due(g, &ticket));
	kerberos_mint(&ticket, with, life_s);
	assert_true(zl_gssapi_take(g, &ticket));
	return g;
}

void kerberos_contexts(const struct zl_gssapi *client, const struct zl_gssapi *server,
		       OM_uint32 flags, gss_ctx_id_t *of_client, gss_ctx_id_t *of_server)
{
	gss_buffer_desc token = GSS_C_EMPTY_BUFFER, answer = GSS_C_EMPTY_BUFFER;
	gss_buffer_desc none = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	*of_client = *of_server = GSS_C_NO_CONTEXT;
	assert_int_equal(gss_init_sec_context(&minor, zl_gssapi_credential(client), of_client,
					      zl_gssapi_service(client), zl_gssapi_kerberos, flags,
					      0, NULL, NULL, NULL, &token, NULL, NULL),
			 GSS_S_CONTINUE_NEEDED);
	assert_int_equal(gss_accept_sec_context(&minor, of_server, zl_gssapi_credential(server),
						&token, NULL, NULL, NULL, &answer, NULL, NULL,
						NULL),
			 GSS_S_COMPLETE);
	assert_int_equal(gss_init_sec_context(&minor, zl_gssapi_credential(client), of_client,
					      zl_gssapi_service(client), zl_gssapi_kerberos, flags,
					      0, NULL, &answer, NULL, &none, NULL, NULL),
			 GSS_S_COMPLETE);
	gss_release_buffer(&minor, &token);
	gss_release_buffer(&minor, &answer);
	gss_release_buffer(&minor, &none);
}
