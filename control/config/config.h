/* zeroline.yaml as control uses it: already in the contract's structs, every name unique, every
 * endpoint resolved against the ports. configs/zeroline.yaml shows and explains every key. */
#ifndef ZL_CONTROL_CONFIG_CONFIG_H
#define ZL_CONTROL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ipc/ipc.h"

#define ZL_RUN_DIR_MAX   88   /* with "/dataplane.sock" it must fit a sockaddr_un */
#define ZL_PREFIX_MAX    8192 /* bytes of a subscription's prefix; a longer one closes its peer */
#define ZL_GROUP_MAX     255  /* bytes of a group's name (RFC 48); likewise */
#define ZL_RECONNECT_MS  100
#define ZL_RECONNECT_MAX 5000

enum zl_hugepages {
	ZL_HUGEPAGES_AUTO,
	ZL_HUGEPAGES_YES,
	ZL_HUGEPAGES_NO
};

struct zl_config_endpoint {
	struct zl_ipc_endpoint at;             /* id and socket are chosen at run time */
	struct zl_ipc_option_bytes routing_id; /* connect_routing_id */
	unsigned line;
};

/* Whom and how a socket's ipc binds let in. */
struct zl_config_ipc {
	uint32_t mode; /* as in zl_ipc_endpoint */
	uint32_t filters;
	struct zl_ipc_filter filter[ZL_FILTERS_MAX];
};

/* Of peers that have proved to be the user, and of none else: may they use the endpoint, and how
 * fast? The first rule that fits both decides. */
#define ZL_USER_RULES_MAX 64
struct zl_user_rule {
	char user[ZL_RULE_USER_MAX + 2]; /* "": anybody */
	char endpoint[ZL_ENDPOINT_MAX];  /* as written under bind; "": any */
	uint32_t deny;
	struct zl_ipc_rate in, out; /* 0: the socket's own */
};
struct zl_user_rules {
	uint32_t n;
	struct zl_user_rule *at;
};

/* What `options` said besides what zl_ipc_options holds. */
#define ZL_CONNECT_IDS 16
#define ZL_NOT_GIVEN   INT64_MIN
struct zl_config_options {
	unsigned line[ZL_OPTION_IDS]; /* 0: not given */
	int64_t sndhwm, rcvhwm, maxmsgsize, reconnect_ivl, reconnect_ivl_max;
	char bindtodevice[ZL_NAME_MAX];
	struct zl_ipc_option_bytes connect_id[ZL_CONNECT_IDS];
	unsigned connect_ids;
};

/* A socket's `security` as written; line 0: there is none. Paths are as they are given. */
#define ZL_PATH_MAX 256
struct zl_config_security {
	uint32_t mechanism, role;
	char secret_key[ZL_PATH_MAX], server_key[ZL_PATH_MAX];
	char allow[ZL_PATH_MAX], users[ZL_PATH_MAX];
	char user[256], password[256];
	char zap[ZL_ENDPOINT_MAX], domain[256]; /* zap "": it is not given */
	uint32_t timeout_ms;
	char keytab[ZL_PATH_MAX], principal[256], service[256];
	uint32_t plaintext;
	unsigned line;
};

struct zl_config_socket {
	struct zl_ipc_socket at; /* id is chosen at run time */
	struct zl_config_ipc ipc;
	uint32_t reconnect_ms, reconnect_max_ms;
	struct zl_config_endpoint *endpoints;
	unsigned n_endpoints;
	unsigned line, type_line;     /* type_line 0: its type is not given */
	uint64_t hwm, sndhwm, rcvhwm; /* as read; UINT64_MAX: not given */
	struct zl_config_options given;
	struct zl_config_security secured;
	struct zl_user_rules users;   /* `policy.users` */
	struct zl_security *security; /* made of that; NULL: NULL */
};

struct zl_config_device {
	char name[ZL_NAME_MAX];
	uint32_t kind; /* enum zl_device_kind */
	struct zl_config_socket frontend, backend, capture;
	bool has_capture;
	unsigned line;
};

/* Its ports are found by name once all are known. */
struct zl_config_element {
	struct zl_ipc_element at;
	char port[ZL_IPC_PORTS_MAX][ZL_NAME_MAX];
	unsigned n_ports;
};

struct zl_config {
	char file[512];
	char run_dir[ZL_RUN_DIR_MAX];
	struct zl_ipc_setup setup;
	uint32_t hugepages; /* enum zl_hugepages; setup.hugepages is decided at set-up */
	struct zl_ipc_port ports[ZL_IPC_PORTS_MAX];
	unsigned n_ports;
	struct zl_config_element elements[ZL_ELEMENTS_MAX];
	unsigned n_elements;
	struct zl_config_device *devices;
	unsigned n_devices;
};

/* Reads and checks a file. 0, or -EINVAL with one line about what is wrong in `error`. Free in
 * either case. */
int zl_config_load(struct zl_config *config, const char *file, char *error, size_t error_max);
void zl_config_free(struct zl_config *config);

/* A file of a keyring was passed over: logged. */
void zl_security_skipped(void *context, const char *file, const char *why);

/* The ports that an endpoint's address may belong to. */
struct zl_ports {
	const struct zl_ipc_port *at;
	unsigned n;
};

/* Reads an endpoint; fills in all but id, socket, mode and filters. An address of a port's, a
 * port's name, and "*" where there are ports go by this stack; the kernel's own addresses, its
 * interfaces' names, 0.0.0.0 and [::], and everything but tcp go by the kernel. A connect goes the
 * way that has the peer's network. 0, or -EINVAL with what is wrong and the remedy in `error`,
 * without the file's name.
 *
 * A host's name is left to be resolved: zl_endpoint_host() says that there is one (address is empty
 * then), zl_endpoint_settle() takes the sockaddr that it turns out to be. */
int zl_endpoint_parse(struct zl_ipc_endpoint *endpoint, const char *text, bool connect,
		      const struct zl_ports *ports, char *error, size_t error_max);
/* May this socket have this endpoint, whose carrier may not have all that the socket needs? false:
 * what is wrong is in `error`. */
bool zl_endpoint_fits(const struct zl_ipc_endpoint *endpoint, const struct zl_ipc_socket *socket,
		      bool secured, char *error, size_t error_max);
bool zl_endpoint_host(const struct zl_ipc_endpoint *endpoint, char *host, size_t max);
int zl_endpoint_settle(struct zl_ipc_endpoint *endpoint, const void *sockaddr,
		       const struct zl_ports *ports, char *error, size_t error_max);
/* Start-up and resolver threads: waits for the answer, if there is a name. */
int zl_endpoint_resolve_now(struct zl_ipc_endpoint *endpoint, const struct zl_ports *ports,
			    char *error, size_t error_max);

/* "10.0.0.1", into a buffer of at least 16 bytes, which it returns. */
char *zl_ipv4_text(uint32_t ip, char *text);

#endif
