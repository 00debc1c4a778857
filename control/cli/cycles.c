/* `zeroline cores --cycles`: the appliance counts for a while, and what it counted is shown by core
 * and stage, and by message. It is asked to count on in time, and otherwise stops: so nothing is
 * left switched on, whoever dies. */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cli/client.h"
#include "control/cli/table.h"

#define LEASE_MS 2000 /* asked for at once; asked again when half of it is over */
#define STOP_MS  2000 /* until all cores have stopped, which they do by themselves */
#define LOOK_MS  10

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Any core still at it? */
static bool counts(const json_t *reading)
{
	const json_t *core;
	size_t i;

	json_array_foreach(member(reading, "cores"), i,
			   core) if (json_is_true(member(core, "counting"))) return true;
	return false;
}

static int count_for(struct client *client, long ms)
{
	while (ms > 0) {
		long lease = ms < LEASE_MS ? ms : LEASE_MS, step = ms > lease ? LEASE_MS / 2 : ms;
		json_t *done = client_call(client, "count", json_pack("{s:i}", "ms", (int)lease));

		if (done == NULL)
			return -1;
		json_decref(done);
		pause_ms(step);
		ms -= step;
	}
	return 0;
}

/* What is there once all cores have stopped, or nearly so if somebody else makes them go on. */
static json_t *reading_after(struct client *client)
{
	json_t *now = client_call(client, "cycles", NULL);

	for (int waited = 0; now && counts(now) && waited < STOP_MS; waited += LOOK_MS) {
		json_decref(now);
		pause_ms(LOOK_MS);
		now = client_call(client, "cycles", NULL);
	}
	return now;
}

static json_int_t grown(const json_t *before, const json_t *after, const char *name)
{
	return json_integer_value(member(after, name)) - json_integer_value(member(before, name));
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

/* One core's part of the result, from two readings of it. */
static json_t *core_result(const json_t *before, const json_t *after, const json_t *tsc_hz)
{
	json_int_t in = grown(before, after, "msgs_in"), out = grown(before, after, "msgs_out");
	json_int_t frames_in = grown(before, after, "frames_in"), total = 0;
	json_int_t turns = grown(before, after, "turns"), messages = out ? out : in;
	json_t *stages = json_array();
	const json_t *stage;
	size_t i;

	json_array_foreach(member(after, "stages"), i, stage)
	{
		json_int_t n = grown(json_array_get(member(before, "stages"), i), stage, "cycles");

		total += n;
		json_array_append_new(stages,
				      json_pack("{s:s, s:I, s:f}", "stage",
						member_text(stage, "stage"), "cycles", n,
						"per_message", ratio((double)n, (double)messages)));
	}
	return json_pack("{s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:O, s:o}", "core",
			 member(after, "core"), "cycles", total, "messages_in", in, "messages_out",
			 out, "frames_in", frames_in, "frames_out",
			 grown(before, after, "frames_out"), "turns", turns, "frames_per_turn",
			 ratio((double)frames_in, (double)turns), "messages_per_turn",
			 ratio((double)messages, (double)turns), "tsc_hz", tsc_hz, "stages",
			 stages);
}

static json_t *result_of(const json_t *before, const json_t *after)
{
	json_t *cores = json_array();
	const json_t *core;
	size_t i;

	json_array_foreach(member(after, "cores"), i, core)
		json_array_append_new(cores, core_result(json_array_get(member(before, "cores"), i),
							 core, member(after, "tsc_hz")));
	return json_pack("{s:o}", "cores", cores);
}

static bool is_idle(const json_t *stage)
{
	return strcmp(member_text(stage, "stage"), "idle") == 0;
}

static void row(struct table *t, const char *name, double cycles, double busy, double messages)
{
	char text[HUMAN_MAX];

	table_cell(t, name);
	snprintf(text, sizeof(text), "%.1f", 100 * ratio(cycles, busy));
	table_cell(t, busy > 0 ? text : "");
	table_cell(t, human_count(cycles, text));
	snprintf(text, sizeof(text), "%.1f", ratio(cycles, messages));
	table_cell(t, messages > 0 ? text : "");
}

static void show_stages(const struct cli *cli, const json_t *core, double busy, double idle)
{
	double out = member_number(core, "messages_out");
	double messages = out > 0 ? out : member_number(core, "messages_in");
	const json_t *stage;
	struct table t;
	char text[HUMAN_MAX];
	size_t i;

	table_init(&t);
	table_column(&t, "STAGE", false);
	table_column(&t, "% OF BUSY", true);
	table_column(&t, "CYCLES", true);
	table_column(&t, "A MESSAGE", true);
	json_array_foreach(member(core, "stages"), i, stage) if (!is_idle(stage)) row(
		&t, member_text(stage, "stage"), member_number(stage, "cycles"), busy, messages);
	row(&t, "busy", busy, busy, messages);
	table_cell(&t, "idle");
	table_cell(&t, "");
	table_cell(&t, human_count(idle, text));
	table_cell(&t, "");
	table_print(&t, cli->out, cli->width);
	table_free(&t);
}

static void show_core(const struct cli *cli, const json_t *core)
{
	double cycles = member_number(core, "cycles"), idle = 0;
	char in[HUMAN_MAX], out[HUMAN_MAX], frames_in[HUMAN_MAX], frames_out[HUMAN_MAX];
	const json_t *stage;
	size_t i;

	json_array_foreach(member(core, "stages"), i, stage) if (is_idle(stage))
		idle += member_number(stage, "cycles");
	human_count(member_number(core, "messages_in"), in);
	human_count(member_number(core, "messages_out"), out);
	human_count(member_number(core, "frames_in"), frames_in);
	human_count(member_number(core, "frames_out"), frames_out);
	fprintf(cli->out, "core %.0f, %.2f s, %.1f %% busy\n", member_number(core, "core"),
		ratio(cycles, member_number(core, "tsc_hz")), 100 * ratio(cycles - idle, cycles));
	fprintf(cli->out, "messages %s in, %s out; frames %s in, %s out\n", in, out, frames_in,
		frames_out);
	fprintf(cli->out, "a turn has %.1f frames in, %.1f messages\n\n",
		member_number(core, "frames_per_turn"), member_number(core, "messages_per_turn"));
	show_stages(cli, core, cycles - idle, idle);
}

static void show(const struct cli *cli, const struct command *command, const json_t *result)
{
	const json_t *core, *cores = member(result, "cores");
	size_t i;

	if (cli->json) {
		json_dumpf(result, cli->out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		fputc('\n', cli->out);
		return;
	}
	if (json_array_size(cores) == 0)
		fprintf(cli->out, "%s\n", command->none);
	json_array_foreach(cores, i, core)
	{
		if (i > 0)
			fputc('\n', cli->out);
		show_core(cli, core);
	}
}

int run_cycles(struct cli *cli, const struct command *command)
{
	struct client client;
	json_t *before = NULL, *after = NULL;

	if (client_open(&client, cli->run_dir) == 0)
		before = client_call(&client, "cycles", NULL);
	if (before && count_for(&client, (long)(cli->for_s * 1000 + 0.5)) == 0)
		after = reading_after(&client);
	if (after) {
		json_t *result = result_of(before, after);

		show(cli, command, result);
		json_decref(result);
	} else {
		char *text = text_printable(client.text);

		fprintf(cli->err, "zeroline: %s\n", text);
		free(text);
	}
	client_close(&client);
	json_decref(before);
	json_decref(after);
	return after ? EXIT_SUCCESS : EXIT_FAILED;
}
