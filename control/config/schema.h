/* Inside of config/: the tables of keys and the second look, for what one key alone cannot tell. */
#ifndef ZL_CONTROL_CONFIG_SCHEMA_H
#define ZL_CONTROL_CONFIG_SCHEMA_H

#include "control/config/config.h"
#include "control/config/yaml.h"

/* Reads the document into the struct, whose defaults it sets first. */
bool zl_schema_read(struct zl_yaml *y, struct zl_config *config);
zl_yaml_read zl_port_list, zl_device_list;

/* Names, addresses and endpoints against each other. */
bool zl_config_check(struct zl_yaml *y, struct zl_config *config);

#endif
