/* A mapping of YAML read into a struct by a table of keys. Whatever is wrong (an unknown or
 * doubled key, a missing one, the wrong kind of node, a value out of range) is one sentence with
 * the file, the line, the path of the key, and what would be right. The first error ends it. */
#ifndef ZL_CONTROL_CONFIG_YAML_H
#define ZL_CONTROL_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "control/config/units.h"

#define ZL_YAML_ERROR_MAX 512

struct zl_yaml {
	yaml_document_t doc;
	const char *file; /* as the person named it */
	char path[192];   /* of the key being read: "ports[0].device" */
	char error[ZL_YAML_ERROR_MAX];
};

struct zl_yaml_key;
typedef bool zl_yaml_read(struct zl_yaml *y, yaml_node_t *node, void *field,
			  const struct zl_yaml_key *key);

struct zl_yaml_key {
	const char *name; /* NULL ends a table */
	zl_yaml_read *read;
	size_t offset, size; /* of the field in the struct */
	bool required;
	enum zl_unit unit; /* zl_yaml_number */
	uint64_t min, max;
	const void *more; /* zl_yaml_map: its table; zl_yaml_enum: its words, NULL at the end */
};

#define ZL_YAML_AT(type, field) offsetof(type, field), sizeof(((type *)0)->field)

/* Fields' readers. Sizes of number fields: 2, 4 or 8 bytes; of enums and flags 4. */
zl_yaml_read zl_yaml_number, zl_yaml_enum, zl_yaml_string, zl_yaml_map;
zl_yaml_read zl_yaml_ipv4; /* uint32_t, host order */

/* A node's own line (from 1), its text (NULL and an error if it is not a scalar), its items. */
unsigned zl_yaml_line(const yaml_node_t *node);
const char *zl_yaml_text(struct zl_yaml *y, yaml_node_t *node);
/* The items of a sequence; a null node is an empty one, and where `scalar` one text is a list of
 * one. -1 and an error otherwise. */
int zl_yaml_items(struct zl_yaml *y, yaml_node_t *node, bool scalar, const char *what);
yaml_node_t *zl_yaml_item(struct zl_yaml *y, yaml_node_t *node, int i);

/* Records "file:line: path: sentence" as the error, if it is the first. Always false. */
bool zl_yaml_fail(struct zl_yaml *y, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Extends the path for what is read next; restore with the length it returns. */
size_t zl_yaml_enter(struct zl_yaml *y, const char *key, int index);
void zl_yaml_leave(struct zl_yaml *y, size_t was);

/* Reads a mapping node by a table into `base`. */
bool zl_yaml_read_map(struct zl_yaml *y, yaml_node_t *node, void *base,
		      const struct zl_yaml_key *keys);

/* Loads the first document of a file; false with the error filled in. Close in either case. */
bool zl_yaml_open(struct zl_yaml *y, const char *file);
void zl_yaml_close(struct zl_yaml *y);

#endif
