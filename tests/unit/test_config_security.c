/* A socket's `security` in zeroline.yaml, and the files that it names: what each becomes, and the
 * one line for each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/config/config.h"
#include "control/security/security.h"

#define TOP "devices:\n- name: d\n  kind: forwarder\n  frontend: {}\n"
/* A device with this security on its backend, in line 6. */
#define WITH(keys) TOP "  backend:\n    security: {" keys "}\n"
#define AT         "t.yaml:6: devices[0].backend.security"

#define SERVER "mechanism: curve, role: server, secret_key: own.cert_secret"
#define CLIENT "mechanism: curve, role: client, secret_key: own.cert_secret"
#define KEY    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" /* RFC 26's */
#define TEN    "0123456789"
#define SHOWN  TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG   SHOWN TEN TEN TEN TEN TEN

static char directory[] = "/tmp/zl-security-XXXXXX";
static struct zl_cert own, other;

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int load(struct zl_config *config, const char *text, char *error, size_t max)
{
	write_file("t.yaml", text);
	return zl_config_load(config, "t.yaml", error, max);
}

static const struct {
	const char *text, *error;
} bad[] = {
	{WITH("role: server"), AT ": the key \"mechanism\" is missing"},
	{WITH("mechanism: kerberos"),
	 AT ".mechanism: \"kerberos\" is not one of null, plain, curve, gssapi"},
	{WITH("mechanism: curve, role: both"),
	 AT ".role: \"both\" is not one of none, server, client"},
	{WITH("mechanisn: curve"), AT ".mechanisn: unknown key; did you mean \"mechanism\"?"},
	{TOP "  backend: {security: curve}\n",
	 "t.yaml:5: devices[0].backend.security: is one value, but a mapping (key: value) belongs "
	 "here"},
	{"devices:\n- name: d\n  kind: bridge\n  frontend: {type: PAIR}\n  backend:\n"
	 "    type: STREAM\n    security: {mechanism: plain, role: server, users: users}\n",
	 "t.yaml:7: devices[0].backend.security: plain is a handshake of ZMTP, which this socket's "
	 "peers do not speak; take it away"},
	/* what a mechanism and role needs */
	{WITH("mechanism: curve"), AT ": curve needs the key \"role\": server or client"},
	{WITH("mechanism: plain"), AT ": plain needs the key \"role\": server or client"},
	{WITH("mechanism: null, role: server"), AT ": null has no role; take \"role\" away"},
	{WITH("mechanism: curve, role: server, allow: any"),
	 AT ": a curve server needs the key \"secret_key\""},
	{WITH(SERVER), AT ": a curve server needs the key \"allow\", or \"zap\""},
	{WITH("mechanism: curve, role: client, server_key: '" KEY "'"),
	 AT ": a curve client needs the key \"secret_key\""},
	{WITH(CLIENT), AT ": a curve client needs the key \"server_key\""},
	{WITH("mechanism: plain, role: server"),
	 AT ": a plain server needs the key \"users\", or \"zap\""},
	{WITH("mechanism: plain, role: client, password: x"),
	 AT ": a plain client needs the key \"user\""},
	{WITH("mechanism: plain, role: client, user: x"),
	 AT ": a plain client needs the key \"password\""},
	/* and what it has no use for */
	{WITH(SERVER ", allow: any, server_key: '" KEY "'"),
	 AT ": curve as a server has no use for \"server_key\"; take it away"},
	{WITH(CLIENT ", server_key: '" KEY "', allow: any"),
	 AT ": curve as a client has no use for \"allow\"; take it away"},
	{WITH(SERVER ", allow: any, users: users"),
	 AT ": curve as a server has no use for \"users\"; take it away"},
	{WITH(SERVER ", allow: any, user: x"),
	 AT ": curve as a server has no use for \"user\"; take it away"},
	{WITH("mechanism: plain, role: server, users: users, secret_key: own.cert_secret"),
	 AT ": plain as a server has no use for \"secret_key\"; take it away"},
	{WITH("mechanism: plain, role: server, users: users, password: x"),
	 AT ": plain as a server has no use for \"password\"; take it away"},
	{WITH("mechanism: plain, role: client, user: x, password: y, users: users"),
	 AT ": plain as a client has no use for \"users\"; take it away"},
	{WITH("mechanism: null, secret_key: own.cert_secret"),
	 AT ": null has no use for \"secret_key\"; take it away"},
	{WITH("mechanism: null, allow: any"), AT ": null has no use for \"allow\"; take it away"},
	/* ZAP */
	{WITH(SERVER ", allow: any, zap: {endpoint: 'ipc:///z'}"),
	 AT ": \"allow\" and \"zap\" are both given; keep one"},
	{WITH("mechanism: plain, role: server, users: users, zap: {endpoint: 'ipc:///z'}"),
	 AT ": \"users\" and \"zap\" are both given; keep one"},
	{WITH("mechanism: plain, role: client, user: x, password: y, zap: {endpoint: 'ipc:///z'}"),
	 AT ": plain as a client has no use for \"zap\"; take it away"},
	{WITH("mechanism: \"null\", zap: {domain: x}"), AT ".zap: the key \"endpoint\" is missing"},
	{WITH("mechanism: \"null\", zap: {endpoint: 'ipc:///z', timeout: 0}"),
	 AT ".zap.timeout: \"0\" is out of range: 1ms to 1h"},
	{WITH("mechanism: \"null\", zap: {endpoint: 'inproc://zeromq.zap.01'}"),
	 AT ": zap: \"inproc://zeromq.zap.01\" is not an endpoint: it begins with tcp://, udp://, "
	    "pgm://, epgm://, norm://, ipc://, tipc:// or vmci://"},
	{WITH("mechanism: \"null\", zap: {endpoint: 'tipc://{5555,0}'}"),
	 AT ": zap: \"tipc://{5555,0}\": a ZAP handler is asked over ipc:// or tcp://"},
	{"ports:\n- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n" WITH(
		 "mechanism: \"null\", zap: {endpoint: 'tcp://10.0.0.1:9000'}"),
	 "t.yaml:8: devices[0].backend.security: zap: \"tcp://10.0.0.1:9000\" is the address of "
	 "the "
	 "port \"e0\", and control speaks by the kernel; let the handler bind ipc:// or an address "
	 "of the kernel's"},
	/* files */
	{WITH("mechanism: curve, role: server, allow: any, secret_key: gone"),
	 AT ": secret_key: gone: No such file or directory; 'zeroline keys generate' makes one"},
	{WITH("mechanism: curve, role: server, allow: any, secret_key: own.cert"),
	 AT ": secret_key: own.cert: there is no secret-key in it; name the file whose name ends "
	    "with _secret"},
	{WITH("mechanism: curve, role: server, allow: any, secret_key: users"),
	 AT ": secret_key: users: there is no public-key under \"curve\" in it; 'zeroline keys "
	    "generate' makes one"},
	{WITH("mechanism: curve, role: server, allow: any, secret_key: in"),
	 AT ": secret_key: in: it is not a file; 'zeroline keys generate' makes one"},
	{WITH("mechanism: curve, role: server, allow: any, secret_key: torn.cert_secret"),
	 AT ": secret_key: torn.cert_secret: its secret-key is not that of its public-key; "
	    "'zeroline keys generate' makes one"},
	{WITH("mechanism: curve, role: server, allow: any, secret_key: short.cert_secret"),
	 AT ": secret_key: short.cert_secret: a key in it is not 40 characters of Z85; 'zeroline "
	    "keys generate' makes one"},
	{WITH(CLIENT ", server_key: nobody"),
	 AT ": server_key: nobody: it is no key of 40 characters, and as a file: No such file or "
	    "directory; give the server's public key"},
	{WITH(CLIENT ", server_key: users"),
	 AT ": server_key: users: it is no key of 40 characters, and as a file: there is no "
	    "public-key under \"curve\" in it; give the server's public key"},
	{WITH(SERVER ", allow: nowhere"),
	 AT ": allow: nowhere: No such file or directory; name a folder of public certificates, or "
	    "any"},
	{WITH(SERVER ", allow: own.cert"),
	 AT ": allow: own.cert: Not a directory; name a folder of public certificates, or any"},
	{WITH("mechanism: plain, role: server, users: gone"),
	 AT ": users: gone: No such file or directory; name a file of lines \"name:password\""},
	{WITH("mechanism: plain, role: server, users: bad_users"),
	 AT ": users: bad_users: line 3 is not \"name:password\""},
	{WITH("mechanism: plain, role: client, user: '', password: x"), AT ".user: is empty"},
	{WITH("mechanism: plain, role: client, user: x, password: " LONG LONG),
	 AT ".password: \"" SHOWN "\" is longer than 255 characters"},
};

static void test_every_mistake_is_one_line_with_its_place_and_remedy(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct zl_config config;
		char error[512];
		int err = load(&config, bad[i].text, error, sizeof(error));

		if (err == 0 || strcmp(error, bad[i].error) != 0) {
			print_error("for  %s\nwant %s\ngot  %s\n", bad[i].text, bad[i].error,
				    err ? error : "no error");
			wrong++;
		}
		zl_config_free(&config);
	}
	assert_int_equal(wrong, 0);
}

/* --- what is right --- */

static struct zl_config config;

static const struct zl_security *backend(const char *text)
{
	char error[512] = "";

	if (load(&config, text, error, sizeof(error)))
		fail_msg("%s", error);
	assert_null(config.devices[0].frontend.security);
	return config.devices[0].backend.security;
}

static void test_a_socket_without_it_or_with_null_has_none(void **state)
{
	(void)state;
	assert_null(backend(TOP "  backend: {}\n"));
	zl_config_free(&config);
	assert_null(backend(WITH("mechanism: null")));
	zl_config_free(&config);
}

static void test_a_curve_server_has_its_keys_and_knows_whom_it_lets_in(void **state)
{
	const struct zl_security *s = backend(WITH(SERVER ", allow: in"));

	(void)state;
	assert_int_equal(s->mechanism, ZL_MECHANISM_CURVE);
	assert_true(s->server);
	assert_memory_equal(s->public_key, own.public_key, ZL_KEY_BYTES);
	assert_memory_equal(s->secret_key, own.secret_key, ZL_KEY_BYTES);
	assert_string_equal(zl_keyring_find(s->keyring, other.public_key), "other");
	assert_null(zl_keyring_find(s->keyring, own.public_key));
	zl_config_free(&config);
	s = backend(WITH(SERVER ", allow: any"));
	assert_null(s->keyring);
	zl_config_free(&config);
}

static void test_a_curve_client_has_the_servers_key_or_its_certificate(void **state)
{
	const struct zl_security *s = backend(WITH(CLIENT ", server_key: in/other.cert"));
	uint8_t key[ZL_KEY_BYTES];

	(void)state;
	assert_false(s->server);
	assert_memory_equal(s->server_key, other.public_key, ZL_KEY_BYTES);
	assert_memory_equal(s->secret_key, own.secret_key, ZL_KEY_BYTES);
	zl_config_free(&config);
	s = backend(WITH(CLIENT ", server_key: '" KEY "'"));
	assert_true(zl_z85_decode(key, KEY));
	assert_memory_equal(s->server_key, key, ZL_KEY_BYTES);
	zl_config_free(&config);
}

static void test_plain_has_users_or_a_name_and_password(void **state)
{
	const struct zl_security *s = backend(WITH("mechanism: plain, role: server, users: users"));

	(void)state;
	assert_int_equal(s->mechanism, ZL_MECHANISM_PLAIN);
	assert_true(s->server);
	assert_true(zl_users_check(s->users, "alice", 5, "wonderland", 10));
	zl_config_free(&config);
	s = backend(WITH("mechanism: plain, role: client, user: alice, password: 'a:b'"));
	assert_false(s->server);
	assert_string_equal(s->user, "alice");
	assert_string_equal(s->password, "a:b");
	zl_config_free(&config);
}

static void test_a_zap_handler_takes_the_place_of_files(void **state)
{
	const struct zl_security *s = backend(
		WITH("mechanism: plain, role: server, zap: {endpoint: 'ipc:///run/z'}"));
	uint32_t ip;

	(void)state;
	assert_true(s->zap);
	assert_null(s->users);
	assert_string_equal(s->zap_at.endpoint, "ipc:///run/z");
	assert_string_equal(s->zap_at.domain, "");
	assert_int_equal(s->zap_at.timeout_ms, 5000);
	zl_config_free(&config);
	s = backend(WITH("mechanism: 'null', zap: {endpoint: 'tcp://10.0.0.2:9', domain: lab, "
			 "timeout: 1s}"));
	assert_int_equal(s->mechanism, ZL_MECHANISM_NULL);
	assert_string_equal(s->zap_at.domain, "lab");
	assert_int_equal(s->zap_at.timeout_ms, 1000);
	memcpy(&ip, s->zap_at.address.at + 4, 4);
	assert_int_equal(ip, htonl(0x0a000002));
	zl_config_free(&config);
}

/* Nobody else is kept out by somebody's broken file; control logs it. */
static void test_a_bad_file_in_the_folder_does_not_keep_the_appliance_from_starting(void **state)
{
	const struct zl_security *s;

	(void)state;
	write_file("in/broken.cert", "hello\n");
	s = backend(WITH(SERVER ", allow: in"));
	assert_string_equal(zl_keyring_find(s->keyring, other.public_key), "other");
	assert_false(zl_keyring_has(s->keyring, "broken"));
	zl_config_free(&config);
	unlink("in/broken.cert");
}

static void make(struct zl_cert *cert, const char *name)
{
	char path[64];

	assert_int_equal(zl_cert_generate(cert), 0);
	snprintf(path, sizeof(path), "%s.cert", name);
	assert_int_equal(zl_cert_create(path, cert, name, false), 0);
	snprintf(path, sizeof(path), "%s.cert_secret", name);
	assert_int_equal(zl_cert_create(path, cert, name, true), 0);
}

static int enter(void **state)
{
	struct zl_cert torn;

	(void)state;
	if (!mkdtemp(directory) || chdir(directory) || mkdir("in", 0755))
		return -1;
	make(&own, "own");
	make(&other, "in/other");
	torn = own;
	memcpy(torn.public_key, other.public_key, ZL_KEY_BYTES);
	assert_int_equal(zl_cert_create("torn.cert_secret", &torn, "torn", true), 0);
	write_file("short.cert_secret", "curve\n    public-key = \"short\"\n");
	write_file("users", "alice:wonderland\n");
	write_file("bad_users", "alice:wonderland\n\nbob\n");
	return 0;
}

static int forget(const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s, (void)kind, (void)at;
	return remove(path);
}

static int leave(void **state)
{
	(void)state;
	return chdir("/") || nftw(directory, forget, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mistake_is_one_line_with_its_place_and_remedy),
		cmocka_unit_test(test_a_socket_without_it_or_with_null_has_none),
		cmocka_unit_test(test_a_curve_server_has_its_keys_and_knows_whom_it_lets_in),
		cmocka_unit_test(test_a_curve_client_has_the_servers_key_or_its_certificate),
		cmocka_unit_test(test_plain_has_users_or_a_name_and_password),
		cmocka_unit_test(test_a_zap_handler_takes_the_place_of_files),
		cmocka_unit_test(
			test_a_bad_file_in_the_folder_does_not_keep_the_appliance_from_starting),
	};

	return cmocka_run_group_tests_name("config_security", tests, enter, leave);
}
