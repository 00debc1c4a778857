/* `zeroline status`: is it running, what does it hold, what is it waiting for; one screen. */
#include "control/cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>

#include "control/cli/table.h"

static const struct column devices[] = {
	{"DEVICE", "name", FMT_TEXT},
	{"KIND", "kind", FMT_TEXT},
	{"FRONTEND", "frontend", FMT_TEXT},
	{"BACKEND", "backend", FMT_TEXT},
	{NULL, NULL, FMT_TEXT},
};

static const struct column endpoints[] = {
	{"SOCKET", "socket", FMT_TEXT},     {"", "type", FMT_TEXT},
	{"ENDPOINT", "endpoint", FMT_TEXT}, {"STATE", "state", FMT_TEXT},
	{"RETRY", "retry", FMT_TEXT},       {NULL, NULL, FMT_TEXT},
};

/* One "name   value" line; the value may hold what strangers sent. */
__attribute__((format(printf, 3, 4))) static void line(FILE *out, const char *name,
						       const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	char *printable = text_printable(text);
	fprintf(out, "%-13s  %s\n", name, printable);
	free(printable);
}

static void show_processes(FILE *out, const json_t *status)
{
	char up[HUMAN_MAX], ago[HUMAN_MAX];
	bool attached = json_is_true(member(status, "control.attached"));

	human_seconds(member_number(status, "control.uptime_s"), up);
	line(out, "control", "running, pid %.0f, up %s", member_number(status, "control.pid"), up);
	if (!attached) {
		line(out, "dataplane",
		     "NOT ATTACHED: start zeroline-dataplane with the same --run-dir");
		return;
	}
	human_seconds(member_number(status, "dataplane.uptime_s"), up);
	human_seconds(member_number(status, "control.last_attach_s"), ago);
	line(out, "dataplane", "running, pid %.0f, up %s, %.0f poll core%s, attached %s ago",
	     member_number(status, "dataplane.pid"), up,
	     member_number(status, "dataplane.poll_cores"),
	     member_number(status, "dataplane.poll_cores") == 1 ? "" : "s", ago);
}

static void show_totals(FILE *out, const json_t *status)
{
	char count[HUMAN_MAX];
	double handshaking = member_number(status, "peers.handshaking");

	line(out, "version", "%s", member_text(status, "version"));
	if (*member_text(status, "dataplane.config"))
		line(out, "config", "%s", member_text(status, "dataplane.config"));
	line(out, "ports", "%.0f", member_number(status, "ports"));
	line(out, "sockets", "%.0f", member_number(status, "sockets"));
	if (handshaking > 0)
		line(out, "peers", "%.0f ready, %.0f in handshake",
		     member_number(status, "peers.ready"), handshaking);
	else
		line(out, "peers", "%.0f ready", member_number(status, "peers.ready"));
	line(out, "subscriptions", "%s",
	     human_count(member_number(status, "subscriptions"), count));
}

/* "retry" says in words what retry_ms says only while an endpoint waits. */
static void show_endpoints(FILE *out, unsigned width, const json_t *list)
{
	json_t *rows = json_array(), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		json_t *row = json_copy(item);
		double ms = member_number(row, "retry_ms");

		json_object_set_new(row, "retry",
				    ms > 0 ? json_sprintf("in %.1f s", ms / 1000)
					   : json_string(""));
		json_array_append_new(rows, row);
	}
	if (json_array_size(rows) > 0) {
		fputc('\n', out);
		show_rows(out, width, endpoints, rows);
	}
	json_decref(rows);
}

static void show_closes(FILE *out, const json_t *closes)
{
	struct table t;
	char count[HUMAN_MAX];
	const char *reason;
	json_t *n;

	table_init(&t);
	table_column(&t, "PEERS CLOSED BECAUSE", false);
	table_column(&t, "COUNT", true);
	json_object_foreach((json_t *)closes, reason, n)
	{
		if (json_number_value(n) == 0)
			continue;
		table_cell(&t, reason);
		table_cell(&t, human_count(json_number_value(n), count));
	}
	if (t.cells > t.columns) {
		fputc('\n', out);
		table_print(&t, out, 0);
	}
	table_free(&t);
}

void show_status(const struct cli *cli, const struct command *command, const json_t *result)
{
	(void)command;
	show_processes(cli->out, result);
	show_totals(cli->out, result);
	if (json_array_size(member(result, "devices")) > 0) {
		fputc('\n', cli->out);
		show_rows(cli->out, cli->width, devices, member(result, "devices"));
	}
	show_endpoints(cli->out, cli->width, member(result, "endpoints"));
	show_closes(cli->out, member(result, "closes"));
}
