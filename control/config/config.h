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
#define ZL_RECONNECT_MS  100
#define ZL_RECONNECT_MAX 5000

enum zl_hugepages {
	ZL_HUGEPAGES_AUTO,
	ZL_HUGEPAGES_YES,
	ZL_HUGEPAGES_NO
};

struct zl_config_endpoint {
	struct zl_ipc_endpoint at; /* id and socket are chosen at run time */
	unsigned line;
};

struct zl_config_socket {
	struct zl_ipc_socket at; /* id is chosen at run time */
	uint32_t reconnect_ms, reconnect_max_ms;
	struct zl_config_endpoint *endpoints;
	unsigned n_endpoints;
	unsigned line, type_line; /* type_line 0: its type is not given */
	uint64_t hwm, sndhwm, rcvhwm; /* as read; UINT64_MAX: not given */
};

struct zl_config_device {
	char name[ZL_NAME_MAX];
	uint32_t kind; /* enum zl_device_kind */
	struct zl_config_socket frontend, backend;
	unsigned line, kind_line;
};

struct zl_config {
	char file[512];
	char run_dir[ZL_RUN_DIR_MAX];
	struct zl_ipc_setup setup;
	uint32_t hugepages; /* enum zl_hugepages; setup.hugepages is decided at set-up */
	struct zl_ipc_port ports[ZL_IPC_PORTS_MAX];
	unsigned n_ports;
	struct zl_config_device *devices;
	unsigned n_devices;
};

/* Reads and checks a file. 0, or -EINVAL with one line about what is wrong in `error`. Free in
 * either case. */
int zl_config_load(struct zl_config *config, const char *file, char *error, size_t error_max);
void zl_config_free(struct zl_config *config);

/* Resolves an endpoint against the ports: "tcp://IP:PORT", "tcp://PORTNAME:PORT", and for a bind
 * "tcp://" "*:PORT". Fills in all but id and socket. 0, or -EINVAL with what is wrong and the
 * remedy in `error`, without the file's name. */
int zl_endpoint_parse(struct zl_ipc_endpoint *endpoint, const char *text, bool connect,
		      const struct zl_ipc_port *ports, unsigned n_ports, char *error,
		      size_t error_max);

/* "10.0.0.1", into a buffer of at least 16 bytes, which it returns. */
char *zl_ipv4_text(uint32_t ip, char *text);

#endif
