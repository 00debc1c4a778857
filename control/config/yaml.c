/* Reading YAML by table: the mapping walk, the path that errors name, and the scalar readers. */
#include "control/config/yaml.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/log.h"

unsigned zl_yaml_line(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

bool zl_yaml_fail(struct zl_yaml *y, unsigned line, const char *format, ...)
{
	va_list args;
	int n;

	if (y->error[0])
		return false;
	n = snprintf(y->error, sizeof(y->error), "%s:%u: %s%s", y->file, line, y->path,
		     y->path[0] ? ": " : "");
	if (n < 0 || (size_t)n >= sizeof(y->error))
		return false;
	va_start(args, format);
	vsnprintf(y->error + n, sizeof(y->error) - (size_t)n, format, args);
	va_end(args);
	zl_one_line(y->error);
	return false;
}

size_t zl_yaml_enter(struct zl_yaml *y, const char *key, int index)
{
	size_t was = strlen(y->path), left = sizeof(y->path) - was;

	if (key)
		snprintf(y->path + was, left, "%s%.40s", was ? "." : "", key);
	else
		snprintf(y->path + was, left, "[%d]", index);
	return was;
}

void zl_yaml_leave(struct zl_yaml *y, size_t was)
{
	y->path[was] = '\0';
}

static const char *node_words(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SEQUENCE_NODE:
		return "a list";
	case YAML_MAPPING_NODE:
		return "a mapping";
	case YAML_SCALAR_NODE:
		return "one value";
	case YAML_NO_NODE:
		break;
	}
	return "nothing";
}

static bool is_null(const yaml_node_t *node)
{
	const char *s = node->type == YAML_SCALAR_NODE ? (char *)node->data.scalar.value : "x";

	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (*s == '\0' || strcmp(s, "~") == 0 || strcmp(s, "null") == 0);
}

const char *zl_yaml_text(struct zl_yaml *y, yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE) {
		zl_yaml_fail(y, zl_yaml_line(node), "is %s, but one value belongs here",
			     node_words(node));
		return NULL;
	}
	const char *s = (const char *)node->data.scalar.value;
	if (strlen(s) != node->data.scalar.length) {
		zl_yaml_fail(y, zl_yaml_line(node), "has a zero byte in it");
		return NULL;
	}
	return s;
}

int zl_yaml_items(struct zl_yaml *y, yaml_node_t *node, bool scalar, const char *what)
{
	if (is_null(node))
		return 0;
	if (node->type == YAML_SEQUENCE_NODE)
		return (int)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (node->type == YAML_SCALAR_NODE && scalar)
		return 1;
	zl_yaml_fail(y, zl_yaml_line(node), "is %s, but a list of %s belongs here",
		     node_words(node), what);
	return -1;
}

yaml_node_t *zl_yaml_item(struct zl_yaml *y, yaml_node_t *node, int i)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return node;
	return yaml_document_get_node(&y->doc, node->data.sequence.items.start[i]);
}

/* Edits to make one word of the other: what "did you mean" goes by. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);

	if (n >= 64 || strlen(a) >= 64)
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = corner + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

static bool unknown_key(struct zl_yaml *y, unsigned line, const char *name,
			const struct zl_yaml_key *keys)
{
	unsigned best = 3;
	const char *meant = NULL;
	char list[256] = "";

	for (const struct zl_yaml_key *k = keys; k->name; k++) {
		unsigned d = distance(name, k->name);
		size_t n = strlen(list);
		if (d < best && d < strlen(k->name)) {
			best = d;
			meant = k->name;
		}
		if (n + strlen(k->name) + 7 < sizeof(list))
			sprintf(list + n, "%s%s", n ? ", " : "", k->name);
		else if (!strstr(list, ", ..."))
			strcpy(list + n, ", ...");
	}
	if (meant)
		return zl_yaml_fail(y, line, "unknown key; did you mean \"%s\"?", meant);
	return zl_yaml_fail(y, line, "unknown key; the keys here are %s", list);
}

/* Reads one pair; `seen` has a bit for each key of the table. */
static bool read_pair(struct zl_yaml *y, yaml_node_pair_t *pair, void *base,
		      const struct zl_yaml_key *keys, uint64_t *seen)
{
	yaml_node_t *key = yaml_document_get_node(&y->doc, pair->key);
	yaml_node_t *value = yaml_document_get_node(&y->doc, pair->value);
	const char *name = zl_yaml_text(y, key);
	const struct zl_yaml_key *k = keys;

	if (!name)
		return false;
	size_t was = zl_yaml_enter(y, name, 0);
	while (k->name && strcmp(k->name, name) != 0)
		k++;
	if (!k->name)
		return unknown_key(y, zl_yaml_line(key), name, keys);
	uint64_t bit = 1ull << (k - keys);
	if (*seen & bit)
		return zl_yaml_fail(y, zl_yaml_line(key), "is given twice; keep one");
	*seen |= bit;
	if (!k->read(y, value, (char *)base + k->offset, k))
		return false;
	zl_yaml_leave(y, was);
	return true;
}

bool zl_yaml_read_map(struct zl_yaml *y, yaml_node_t *node, void *base,
		      const struct zl_yaml_key *keys)
{
	uint64_t seen = 0;

	if (!is_null(node)) {
		if (node->type != YAML_MAPPING_NODE)
			return zl_yaml_fail(y, zl_yaml_line(node),
					    "is %s, but a mapping (key: value) belongs here",
					    node_words(node));
		for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
		     p < node->data.mapping.pairs.top; p++)
			if (!read_pair(y, p, base, keys, &seen))
				return false;
	}
	for (const struct zl_yaml_key *k = keys; k->name; k++)
		if (k->required && !(seen & 1ull << (k - keys)))
			return zl_yaml_fail(y, zl_yaml_line(node), "the key \"%s\" is missing",
					    k->name);
	return true;
}

bool zl_yaml_map(struct zl_yaml *y, yaml_node_t *node, void *field, const struct zl_yaml_key *key)
{
	return zl_yaml_read_map(y, node, field, key->more);
}

bool zl_yaml_number(struct zl_yaml *y, yaml_node_t *node, void *field,
		    const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);
	uint64_t value;

	if (!s)
		return false;
	int err = zl_unit_parse(key->unit, s, &value);
	if (err || value < key->min || value > key->max) {
		if (key->unit == ZL_UNIT_COUNT)
			return zl_yaml_fail(y, zl_yaml_line(node),
					    "\"%.80s\" is not a number from %" PRIu64
					    " to %" PRIu64,
					    s, key->min, key->max);
		if (err == -EINVAL)
			return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is not %s", s,
					    zl_unit_words(key->unit));
		return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is out of range: %s", s,
				    (const char *)key->more);
	}
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;
	memcpy(field,
	       key->size == 2   ? (void *)&u16
	       : key->size == 4 ? (void *)&u32
				: &value,
	       key->size);
	return true;
}

bool zl_yaml_enum(struct zl_yaml *y, yaml_node_t *node, void *field, const struct zl_yaml_key *key)
{
	const char *const *words = key->more;
	const char *s = zl_yaml_text(y, node);
	char list[256] = "";

	if (!s)
		return false;
	for (uint32_t i = 0; words[i]; i++) {
		size_t n = strlen(list);
		if (strcmp(words[i], s) == 0) {
			memcpy(field, &i, sizeof(i));
			return true;
		}
		if (words[i][0])
			snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", words[i]);
	}
	return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is not one of %s", s, list);
}

bool zl_yaml_string(struct zl_yaml *y, yaml_node_t *node, void *field,
		    const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);

	if (!s)
		return false;
	if (strlen(s) < key->min)
		return zl_yaml_fail(y, zl_yaml_line(node), "is empty");
	if (strlen(s) >= key->size)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "\"%.80s\" is longer than %zu characters", s, key->size - 1);
	strcpy(field, s);
	return true;
}

bool zl_yaml_ipv4(struct zl_yaml *y, yaml_node_t *node, void *field, const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);
	struct in_addr a;

	(void)key;
	if (!s)
		return false;
	if (inet_pton(AF_INET, s, &a) != 1)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "\"%.80s\" is not an IPv4 address, such as 10.0.0.254", s);
	uint32_t ip = ntohl(a.s_addr);
	memcpy(field, &ip, sizeof(ip));
	return true;
}

bool zl_yaml_open(struct zl_yaml *y, const char *file)
{
	yaml_parser_t parser;
	FILE *f = fopen(file, "re");

	memset(y, 0, sizeof(*y));
	y->file = file;
	if (!f) {
		snprintf(y->error, sizeof(y->error), "%s: %s; give the right file by --config",
			 file, strerror(errno));
		return false;
	}
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_file(&parser, f);
	if (!yaml_parser_load(&parser, &y->doc)) {
		zl_yaml_fail(y, (unsigned)parser.problem_mark.line + 1, "not YAML: %s",
			     parser.problem ? parser.problem : "unreadable");
		memset(&y->doc, 0, sizeof(y->doc));
	} else if (!yaml_document_get_root_node(&y->doc)) {
		zl_yaml_fail(y, 1, "the file is empty; configs/zeroline.yaml shows every key");
	}
	yaml_parser_delete(&parser);
	fclose(f);
	return !y->error[0];
}

void zl_yaml_close(struct zl_yaml *y)
{
	yaml_document_delete(&y->doc);
}
