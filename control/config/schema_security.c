/* The keys under a socket's `security`, and the files that they name, read at once: what is wrong
 * with them is told before anything starts. */
#include "control/config/schema.h"

#include <errno.h>
#include <string.h>

#include "control/log.h"
#include "control/security/gssapi.h"
#include "control/security/security.h"

static const char *const mechanism_words[] = {"null", "plain", "curve", "gssapi", NULL};
static const char *const role_words[] = {"none", "server", "client", NULL};
static const char *const plaintext_words[] = {"no", "yes", NULL};
enum {
	ROLE_NONE,
	ROLE_SERVER,
	ROLE_CLIENT
};

#define ZAP_TIMEOUT_MS 5000

#define AT(field) ZL_YAML_AT(struct zl_config_security, field)
static const struct zl_yaml_key zap_keys[] = {
	{"endpoint", zl_yaml_string, AT(zap), .required = true, .min = 1},
	{"domain", zl_yaml_string, AT(domain)},
	{"timeout", zl_yaml_number, AT(timeout_ms), .unit = ZL_UNIT_MS, .min = 1, .max = 3600000,
	 .more = "1ms to 1h"},
	{0},
};

static bool read_zap(struct zl_yaml *y, yaml_node_t *node, void *field,
		     const struct zl_yaml_key *key)
{
	return zl_yaml_read_map(y, node, (char *)field - key->offset, zap_keys);
}

static const struct zl_yaml_key security_keys[] = {
	{"mechanism", zl_yaml_enum, AT(mechanism), .required = true, .more = mechanism_words},
	{"role", zl_yaml_enum, AT(role), .more = role_words},
	{"secret_key", zl_yaml_string, AT(secret_key), .min = 1},
	{"server_key", zl_yaml_string, AT(server_key), .min = 1},
	{"allow", zl_yaml_string, AT(allow), .min = 1},
	{"users", zl_yaml_string, AT(users), .min = 1},
	{"user", zl_yaml_string, AT(user), .min = 1},
	{"password", zl_yaml_string, AT(password), .min = 1},
	{"zap", read_zap, AT(zap)},
	{"keytab", zl_yaml_string, AT(keytab), .min = 1},
	{"principal", zl_yaml_string, AT(principal), .min = 1},
	{"service", zl_yaml_string, AT(service), .min = 1},
	{"plaintext", zl_yaml_enum, AT(plaintext), .more = plaintext_words},
	{0},
};

bool zl_security_map(struct zl_yaml *y, yaml_node_t *node, void *field,
		     const struct zl_yaml_key *key)
{
	struct zl_config_security *s = field;

	(void)key;
	s->line = zl_yaml_line(node);
	s->timeout_ms = ZAP_TIMEOUT_MS;
	return zl_yaml_read_map(y, node, s, security_keys);
}

/* --- what goes together --- */

static bool check_key(struct zl_yaml *y, const struct zl_config_security *s, const char *name,
		      const char *value, bool asked)
{
	const char *role = role_words[s->role], *mechanism = mechanism_words[s->mechanism];

	if (asked == (*value != '\0'))
		return true;
	if (asked)
		return zl_yaml_fail(y, s->line, "a %s %s needs the key \"%s\"", mechanism, role,
				    name);
	return zl_yaml_fail(y, s->line, "%s%s%s has no use for \"%s\"; take it away", mechanism,
			    s->role ? " as a " : "", s->role ? role : "", name);
}

/* Of a server: the files say who comes in, or the ZAP handler does. */
static bool check_who(struct zl_yaml *y, const struct zl_config_security *s, const char *name,
		      const char *value, bool server)
{
	if (!server)
		return check_key(y, s, name, value, false);
	if (!*value == !!*s->zap)
		return true;
	if (*value)
		return zl_yaml_fail(y, s->line, "\"%s\" and \"zap\" are both given; keep one",
				    name);
	return zl_yaml_fail(y, s->line, "a %s server needs the key \"%s\", or \"zap\"",
			    mechanism_words[s->mechanism], name);
}

static bool check_keys(struct zl_yaml *y, const struct zl_config_security *s)
{
	bool curve = s->mechanism == ZL_MECHANISM_CURVE, plain = s->mechanism == ZL_MECHANISM_PLAIN;
	bool server = s->role == ROLE_SERVER, client = s->role == ROLE_CLIENT;
	bool gssapi = s->mechanism == ZL_MECHANISM_GSSAPI;

	if (s->mechanism != ZL_MECHANISM_NULL && s->role == ROLE_NONE)
		return zl_yaml_fail(y, s->line, "%s needs the key \"role\": server or client",
				    mechanism_words[s->mechanism]);
	if (s->mechanism == ZL_MECHANISM_NULL && s->role != ROLE_NONE)
		return zl_yaml_fail(y, s->line, "null has no role; take \"role\" away");
	if (s->plaintext && !gssapi)
		return zl_yaml_fail(y, s->line, "%s has no use for \"plaintext\"; take it away",
				    mechanism_words[s->mechanism]);
	return check_key(y, s, "secret_key", s->secret_key, curve) &&
	       check_key(y, s, "server_key", s->server_key, curve && client) &&
	       check_who(y, s, "allow", s->allow, (curve || gssapi) && server) &&
	       check_who(y, s, "users", s->users, plain && server) &&
	       (!client || check_key(y, s, "zap", s->zap, false)) &&
	       check_key(y, s, "user", s->user, plain && client) &&
	       check_key(y, s, "password", s->password, plain && client) &&
	       check_key(y, s, "keytab", s->keytab, gssapi) &&
	       check_key(y, s, "principal", s->principal, gssapi) &&
	       check_key(y, s, "service", s->service, gssapi && client);
}

/* --- files --- */

static bool read_own_keys(struct zl_yaml *y, const struct zl_config_security *from,
			  struct zl_security *to)
{
	struct zl_cert cert;
	int error = zl_cert_load(&cert, from->secret_key);

	if (error)
		return zl_yaml_fail(y, from->line,
				    "secret_key: %s: %s; 'zeroline keys generate' makes one",
				    from->secret_key, zl_cert_error(error));
	memcpy(to->public_key, cert.public_key, ZL_KEY_BYTES);
	memcpy(to->secret_key, cert.secret_key, ZL_KEY_BYTES);
	if (!cert.has_secret)
		zl_yaml_fail(y, from->line,
			     "secret_key: %s: there is no secret-key in it; name the file whose "
			     "name ends with _secret",
			     from->secret_key);
	zl_cert_wipe(&cert);
	return y->error[0] == '\0';
}

/* A key itself, or a certificate's file. */
static bool read_server_key(struct zl_yaml *y, const struct zl_config_security *from,
			    struct zl_security *to)
{
	struct zl_cert cert;
	int error;

	if (zl_z85_decode(to->server_key, from->server_key))
		return true;
	error = zl_cert_load(&cert, from->server_key);
	if (error)
		return zl_yaml_fail(y, from->line,
				    "server_key: %s: it is no key of 40 characters, and as a file: "
				    "%s; give the server's public key",
				    from->server_key, zl_cert_error(error));
	memcpy(to->server_key, cert.public_key, ZL_KEY_BYTES);
	zl_cert_wipe(&cert);
	return true;
}

void zl_security_skipped(void *context, const char *file, const char *why)
{
	(void)context;
	zl_log(ZL_WARN, "%s: %s; nobody is let in by it", file, why);
}

static bool read_allowed(struct zl_yaml *y, const struct zl_config_security *from,
			 struct zl_security *to)
{
	int error;

	if (strcmp(from->allow, "any") == 0)
		return true;
	if (from->mechanism == ZL_MECHANISM_GSSAPI) {
		error = zl_principals_open(&to->principals, from->allow);
		return !error || zl_yaml_fail(y, from->line,
					      "allow: %s: %s; name a file with a principal a line, "
					      "or any",
					      from->allow, strerror(-error));
	}
	error = zl_keyring_open(&to->keyring, from->allow, zl_security_skipped, NULL);
	if (error)
		return zl_yaml_fail(y, from->line,
				    "allow: %s: %s; name a folder of public certificates, or any",
				    from->allow, strerror(-error));
	return true;
}

static bool read_users(struct zl_yaml *y, const struct zl_config_security *from,
		       struct zl_security *to)
{
	unsigned line;
	int error = zl_users_open(&to->users, from->users, &line);

	if (error == -EBADMSG)
		return zl_yaml_fail(y, from->line, "users: %s: line %u is not \"name:password\"",
				    from->users, line);
	if (error)
		return zl_yaml_fail(y, from->line,
				    "users: %s: %s; name a file of lines \"name:password\"",
				    from->users, strerror(-error));
	return true;
}

static bool read_credentials(struct zl_yaml *y, const struct zl_config_security *from,
			     struct zl_security *to)
{
	char error[ZL_TEXT_MAX * 4];

	to->plaintext = from->plaintext;
	return !zl_gssapi_open(&to->gssapi, from->keytab, from->principal,
			       from->service[0] ? from->service : NULL, error, sizeof(error)) ||
	       zl_yaml_fail(y, from->line, "%s", error);
}

static bool read_files(struct zl_yaml *y, const struct zl_config_security *from,
		       struct zl_security *to)
{
	if (from->mechanism == ZL_MECHANISM_CURVE && !read_own_keys(y, from, to))
		return false;
	if (from->server_key[0] && !read_server_key(y, from, to))
		return false;
	if (from->allow[0] && !read_allowed(y, from, to))
		return false;
	if (from->mechanism == ZL_MECHANISM_GSSAPI && !read_credentials(y, from, to))
		return false;
	return !from->users[0] || read_users(y, from, to);
}

/* --- ZAP --- */

/* By the kernel, from control: which ports' addresses it cannot reach. */
static bool read_handler(struct zl_yaml *y, const struct zl_config *config,
			 const struct zl_config_security *from, struct zl_zap_at *to)
{
	const struct zl_ports none = {0};
	struct zl_ipc_endpoint e;
	struct zl_ipc_end end = {0};
	char error[ZL_YAML_ERROR_MAX];

	if (zl_endpoint_parse(&e, from->zap, true, &none, error, sizeof(error)) ||
	    zl_endpoint_resolve_now(&e, &none, error, sizeof(error)))
		return zl_yaml_fail(y, from->line, "zap: %s", error);
	if (e.carrier != ZL_CARRIER_TCP && e.carrier != ZL_CARRIER_IPC)
		return zl_yaml_fail(y, from->line,
				    "zap: \"%s\": a ZAP handler is asked over ipc:// or tcp://",
				    from->zap);
	end.bytes = e.address.bytes < sizeof(end.at) ? e.address.bytes : 0;
	memcpy(end.at, e.address.at, end.bytes);
	for (unsigned i = 0; i < config->n_ports; i++)
		if (end.bytes && config->ports[i].ip && zl_ipc_end_ip(&end) == config->ports[i].ip)
			return zl_yaml_fail(
				y, from->line,
				"zap: \"%s\" is the address of the port \"%s\", and control "
				"speaks by the kernel; let the handler bind ipc:// or an address "
				"of the kernel's",
				from->zap, config->ports[i].name);
	strcpy(to->endpoint, from->zap);
	strcpy(to->domain, from->domain);
	to->address = e.address;
	to->timeout_ms = from->timeout_ms;
	return true;
}

bool zl_security_settle(struct zl_yaml *y, const struct zl_config *config,
			struct zl_config_socket *s)
{
	const struct zl_config_security *from = &s->secured;
	size_t was = zl_yaml_enter(y, "security", 0);

	if (!from->line)
		goto good;
	if (!check_keys(y, from))
		return false;
	if (from->mechanism == ZL_MECHANISM_NULL && !from->zap[0])
		goto good;
	if (zl_ipc_raw(s->at.type, &s->at.options))
		return zl_yaml_fail(y, from->line,
				    "%s is a handshake of ZMTP, which this socket's peers do not "
				    "speak; take it away",
				    mechanism_words[from->mechanism]);
	s->security = zl_security_new();
	if (!s->security)
		return zl_yaml_fail(y, from->line, "no memory");
	s->security->mechanism = from->mechanism;
	s->security->server = from->role == ROLE_SERVER;
	strcpy(s->security->user, from->user);
	strcpy(s->security->password, from->password);
	s->security->zap = from->zap[0] != '\0';
	if (!read_files(y, from, s->security))
		return false;
	if (s->security->zap && !read_handler(y, config, from, &s->security->zap_at))
		return false;
good:
	zl_yaml_leave(y, was);
	return true;
}
