/* What a person sees of a JSON answer: a table from a list of columns, and the few answers that are
 * more than one table. Whatever is missing in the answer shows as a dash. */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/table.h"

#define CELL_MAX        1024
#define STATS_CORES_MAX 16

const json_t *member(const json_t *object, const char *path)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL) {
		object = json_object_getn(object, path, (size_t)(dot - path));
		path = dot + 1;
	}
	return json_object_get(object, path);
}

double member_number(const json_t *object, const char *path)
{
	return json_number_value(member(object, path));
}

const char *member_text(const json_t *object, const char *path)
{
	const char *text = json_string_value(member(object, path));

	return text ? text : "";
}

static bool is_number(enum format format)
{
	return format != FMT_TEXT && format != FMT_LIST;
}

static void join(const json_t *list, char *out, size_t room)
{
	size_t i, used = 0;
	const json_t *item;

	out[0] = '\0';
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		int n = snprintf(out + used, room - used, "%s%s", i ? ", " : "", text ? text : "?");

		if (n < 0 || (size_t)n >= room - used)
			return;
		used += (size_t)n;
	}
}

static void format_number(double n, enum format format, char *out)
{
	switch (format) {
	case FMT_COUNT:
	case FMT_RATE:
		human_count(n, out);
		break;
	case FMT_BYTES:
		human_bytes(n, out);
		break;
	case FMT_BITRATE:
		human_count(n * 8, out);
		break;
	case FMT_PERCENT:
		snprintf(out, HUMAN_MAX, "%.1f", n);
		break;
	case FMT_USEC:
		human_usec(n, out);
		break;
	case FMT_NUMBER:
	case FMT_TEXT:
	case FMT_LIST:
		snprintf(out, HUMAN_MAX, "%.0f", n);
		break;
	}
}

/* "X-site: north, X-rack: 7" */
static void join_members(const json_t *object, char *out, size_t room)
{
	size_t used = 0;
	const char *name;
	json_t *value;

	out[0] = '\0';
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		const char *text = json_string_value(value);
		int n = snprintf(out + used, room - used, "%s%s: %s", used ? ", " : "", name,
				 text ? text : "?");

		if (n < 0 || (size_t)n >= room - used)
			return;
		used += (size_t)n;
	}
}

static void cell(struct table *t, const json_t *value, enum format format)
{
	char text[CELL_MAX];

	if (json_is_object(value)) {
		join_members(value, text, sizeof(text));
	} else if (json_is_array(value)) {
		join(value, text, sizeof(text));
	} else if (json_is_string(value)) {
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	} else if (json_is_integer(value) && (format == FMT_NUMBER || format == FMT_TEXT)) {
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else if (json_is_number(value)) {
		format_number(json_number_value(value), format, text);
	} else {
		snprintf(text, sizeof(text), "-");
	}
	table_cell(t, text);
}

void show_rows(FILE *out, unsigned width, const struct column *columns, const json_t *rows)
{
	struct table t;
	const json_t *row;
	size_t i;

	table_init(&t);
	for (const struct column *c = columns; c->title; c++)
		table_column(&t, c->title, is_number(c->format));
	json_array_foreach(rows, i, row) for (const struct column *c = columns; c->title; c++)
		cell(&t, member(row, c->member), c->format);
	table_print(&t, out, width);
	table_free(&t);
}

void show_list(const struct cli *cli, const struct command *command, const json_t *result)
{
	if (json_array_size(result) == 0)
		fprintf(cli->out, "%s\n", command->none);
	else
		show_rows(cli->out, cli->width, command->columns, result);
}

void show_subscriptions(const struct cli *cli, const struct command *command, const json_t *result)
{
	const json_t *list = member(result, "list");
	size_t shown = json_array_size(list);
	json_int_t total = json_integer_value(member(result, "total"));

	show_list(cli, command, list);
	if (total > (json_int_t)shown)
		fprintf(cli->out,
			"%zu of %" JSON_INTEGER_FORMAT
			" shown: --limit and --socket choose others\n",
			shown, total);
}

/* A column for each core only where there are several: else it would repeat the total. */
void show_stats(const struct cli *cli, const struct command *command, const json_t *result)
{
	size_t i, cores = json_array_size(member(json_array_get(result, 0), "cores"));
	unsigned hidden = 0;
	const json_t *row;
	struct table t;
	char title[32];

	table_init(&t);
	table_column(&t, "COUNTER", false);
	table_column(&t, "TOTAL", true);
	for (i = 0; cores > 1 && i < cores && i < STATS_CORES_MAX; i++) {
		snprintf(title, sizeof(title), "CORE %zu", i);
		table_column(&t, title, true);
	}
	table_column(&t, "WHAT IT COUNTS", false);
	json_array_foreach(result, i, row)
	{
		if (!cli->all && member_number(row, "total") == 0) {
			hidden++;
			continue;
		}
		cell(&t, member(row, "name"), FMT_TEXT);
		cell(&t, member(row, "total"), FMT_NUMBER);
		for (size_t c = 0; cores > 1 && c < cores && c < STATS_CORES_MAX; c++)
			cell(&t, json_array_get(member(row, "cores"), c), FMT_NUMBER);
		cell(&t, member(row, "text"), FMT_TEXT);
	}
	if (json_array_size(result) == hidden)
		fprintf(cli->out, "%s\n", command->none);
	else
		table_print(&t, cli->out, cli->width);
	if (hidden > 0)
		fprintf(cli->out, "not shown, because zero: %u (--all shows them)\n", hidden);
	table_free(&t);
}

void show_endpoint(const struct cli *cli, const struct command *command, const json_t *result)
{
	const json_t *id = member(result, "id");

	fprintf(cli->out, "%s: %s %s", cli->args[1], command->name,
		*member_text(result, "endpoint") ? member_text(result, "endpoint") : cli->args[2]);
	if (json_is_integer(id))
		fprintf(cli->out, " (endpoint %" JSON_INTEGER_FORMAT ")", json_integer_value(id));
	fputc('\n', cli->out);
}

void show_device(const struct cli *cli, const struct command *command, const json_t *result)
{
	(void)command;
	fprintf(cli->out, "%s: %s\n", member_text(result, "device"), member_text(result, "state"));
}
