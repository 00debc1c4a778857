/* Inside of config/: the tables of keys and the second look, for what one key alone cannot tell. */
#ifndef ZL_CONTROL_CONFIG_SCHEMA_H
#define ZL_CONTROL_CONFIG_SCHEMA_H

#include "control/config/config.h"
#include "control/config/yaml.h"

/* Reads the document into the struct, whose defaults it sets first. */
bool zl_schema_read(struct zl_yaml *y, struct zl_config *config);
zl_yaml_read zl_port_list, zl_element_list, zl_device_list;
/* schema_element.c: once its ports are known. */
bool zl_element_check(struct zl_yaml *y, struct zl_config *config, unsigned i);
/* schema_policy.c: into a zl_ipc_policy; and, when the socket is known as a whole, does all of it
 * fit together? */
zl_yaml_read zl_policy, zl_last_values;
/* schema_rules.c: lists of rules under `policy`. */
zl_yaml_read zl_address_rules, zl_topic_rules;
bool zl_user_rules(struct zl_yaml *y, yaml_node_t *node, struct zl_user_rules *rules);
extern const struct zl_yaml_key zl_rate_keys[]; /* schema_policy.c: of a zl_ipc_rate */
bool zl_policy_settle(struct zl_yaml *y, const struct zl_config_socket *s);

/* schema_options.c: a socket's `options`, into the zl_config_socket that the field is. Defaults
 * first; settle when its type is known; the check when ports and endpoints are. */
zl_yaml_read zl_option_map;
void zl_options_not_given(struct zl_config_socket *s);
bool zl_options_settle(struct zl_yaml *y, struct zl_config_socket *s);
bool zl_options_check_config(struct zl_yaml *y, const struct zl_config *config,
			     struct zl_config_socket *s);

/* schema_pgm.c: do PGM's options fit together? */
bool zl_pgm_check(struct zl_yaml *y, const struct zl_config_socket *s);

/* schema_security.c: a socket's `security`; settle reads the files. */
zl_yaml_read zl_security_map;
bool zl_security_settle(struct zl_yaml *y, const struct zl_config *config,
			struct zl_config_socket *s);

/* Names, addresses and endpoints against each other. */
bool zl_config_check(struct zl_yaml *y, struct zl_config *config);

#endif
