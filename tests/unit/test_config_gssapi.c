/* A socket's `security` of GSSAPI in zeroline.yaml, and its keytab: what it becomes, and the one
 * line for each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "control/config/config.h"
#include "control/security/security.h"
#include "tests/unit/kerberos.h"

#define TOP "devices:\n- name: d\n  kind: forwarder\n  frontend: {}\n"
/* A device with this security on its backend, in line 6. */
#define WITH(keys) TOP "  backend:\n    security: {mechanism: gssapi, " keys "}\n"
#define AT         "t.yaml:6: devices[0].backend.security"

#define SERVER "role: server, keytab: feed.keytab, principal: zmq/feed"
#define CLIENT "role: client, keytab: feed.keytab, principal: zmq/feed"
#define SHOWS                                                                                      \
	"; 'klist -k FILE' shows whose keys a keytab has, 'ktadd -k FILE PRINCIPAL' of kadmin "    \
	"makes one"

static struct zl_config config;

static int load(const char *text, char *error, size_t max)
{
	kerberos_write("t.yaml", text);
	return zl_config_load(&config, "t.yaml", error, max);
}

static const struct {
	const char *text, *error;
} bad[] = {
	{WITH("keytab: feed.keytab"), AT ": gssapi needs the key \"role\": server or client"},
	{WITH("role: server, principal: x, allow: any"),
	 AT ": a gssapi server needs the key \"keytab\""},
	{WITH("role: server, keytab: x, allow: any"),
	 AT ": a gssapi server needs the key \"principal\""},
	{WITH(SERVER), AT ": a gssapi server needs the key \"allow\", or \"zap\""},
	{WITH(CLIENT), AT ": a gssapi client needs the key \"service\""},
	{WITH(SERVER ", allow: any, service: x"),
	 AT ": gssapi as a server has no use for \"service\"; take it away"},
	{WITH(CLIENT ", service: x, allow: any"),
	 AT ": gssapi as a client has no use for \"allow\"; take it away"},
	{WITH(SERVER ", allow: any, users: x"),
	 AT ": gssapi as a server has no use for \"users\"; take it away"},
	{WITH(SERVER ", allow: any, plaintext: maybe"),
	 AT ".plaintext: \"maybe\" is not one of no, yes"},
	{TOP
	 "  backend:\n    security: {mechanism: plain, role: server, users: x, plaintext: yes}\n",
	 AT ": plain has no use for \"plaintext\"; take it away"},
	{TOP "  backend:\n    security: {mechanism: plain, role: server, users: x, keytab: y}\n",
	 AT ": plain as a server has no use for \"keytab\"; take it away"},
	/* files and names */
	{WITH(SERVER ", allow: nobody"),
	 AT ": allow: nobody: No such file or directory; name a file with a principal a line, or "
	    "any"},
	{WITH("role: server, allow: any, principal: zmq/feed, keytab: gone"),
	 AT ": keytab: gone: no key of zmq/feed in it: Key table file 'gone' not found" SHOWS},
	{WITH("role: server, allow: any, principal: zmq/feed, keytab: t.yaml"),
	 AT ": keytab: t.yaml: no key of zmq/feed in it: Unsupported key table format version "
	    "number" SHOWS},
	{WITH("role: server, allow: any, principal: zmq/shop, keytab: feed.keytab"),
	 AT ": keytab: feed.keytab: no key of zmq/shop in it: No key table entry found for "
	    "zmq/shop@ZL.TEST" SHOWS},
	{WITH("role: server, allow: any, principal: a@b@c, keytab: feed.keytab"),
	 AT ": principal: a@b@c is no Kerberos principal: Malformed representation of principal; "
	    "write NAME/HOST@REALM, or NAME@REALM"},
	{WITH(CLIENT ", service: a@b@c"),
	 AT ": service: a@b@c is no Kerberos principal: Malformed representation of principal; "
	    "write NAME/HOST@REALM, or NAME@REALM"},
};

static void test_every_mistake_is_one_line_with_its_place_and_remedy(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char error[1024];
		int err = load(bad[i].text, error, sizeof(error));

		if (err == 0 || strcmp(error, bad[i].error) != 0) {
			print_error("for  %s\nwant %s\ngot  %s\n", bad[i].text, bad[i].error,
				    err ? error : "success");
			wrong++;
		}
		zl_config_free(&config);
	}
	assert_int_equal(wrong, 0);
}

static const struct zl_security *backend(const char *text)
{
	char error[1024] = "";

	if (load(text, error, sizeof(error)))
		fail_msg("%s", error);
	return config.devices[0].backend.security;
}

static void test_a_server_can_accept_at_once(void **state)
{
	const struct zl_security *s = backend(WITH(SERVER ", allow: allowed"));

	(void)state;
	assert_int_equal(s->mechanism, ZL_MECHANISM_GSSAPI);
	assert_true(s->server && !s->plaintext);
	assert_true(zl_gssapi_credential(s->gssapi) != GSS_C_NO_CREDENTIAL);
	assert_true(zl_principals_has(s->principals, "alice@ZL.TEST", 13));
	assert_false(zl_principals_has(s->principals, "alice@ZL.TEST2", 14));
	assert_false(zl_principals_has(s->principals, "alice", 5));
	zl_config_free(&config);
	s = backend(WITH(SERVER ", allow: any, plaintext: yes"));
	assert_null(s->principals);
	assert_true(s->plaintext);
	zl_config_free(&config);
}

/* No KDC is asked when the configuration is read: it may be down. */
static void test_a_client_has_no_ticket_yet(void **state)
{
	const struct zl_security *s = backend(WITH(CLIENT ", service: zmq/shop"));
	struct zl_gssapi_ticket ticket;

	(void)state;
	assert_false(s->server);
	assert_true(zl_gssapi_credential(s->gssapi) == GSS_C_NO_CREDENTIAL);
	assert_true(zl_gssapi_due(s->gssapi, &ticket));
	assert_string_equal(ticket.keytab, "feed.keytab");
	assert_string_equal(ticket.principal, "zmq/feed");
	assert_string_equal(ticket.service, "zmq/shop");
	zl_config_free(&config);
}

static int enter(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	kerberos_begin();
	kerberos_keytab("feed.keytab", "zmq/feed");
	kerberos_write("allowed", "alice@ZL.TEST\n");
	return chdir(kerberos_path("."));
}

static int leave(void **state)
{
	(void)state;
	if (chdir("/"))
		return -1;
	kerberos_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mistake_is_one_line_with_its_place_and_remedy),
		cmocka_unit_test(test_a_server_can_accept_at_once),
		cmocka_unit_test(test_a_client_has_no_ticket_yet),
	};

	return cmocka_run_group_tests_name("config_gssapi", tests, enter, leave);
}
