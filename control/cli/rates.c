/* `zeroline devices`, and sockets and peers with --rates: two readings, and what happened between.
 */
#include "control/cli/cli.h"

#include <math.h>
#include <time.h>

#include "control/cli/sample.h"

static void pause_for(double seconds)
{
	struct timespec left = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};

	while (nanosleep(&left, &left))
		;
}

static json_t *measure(struct client *client, const char *list, double seconds)
{
	json_t *before = sample_read(client, list), *now = NULL, *rates = NULL;

	if (before) {
		pause_for(seconds);
		now = sample_read(client, list);
	}
	if (now)
		rates = sample_rates(before, now);
	json_decref(before);
	json_decref(now);
	return rates;
}

int run_rates(struct cli *cli, const struct command *command)
{
	const struct column *columns = command->rates ? command->rates : command->columns;
	struct client client;
	json_t *rates = NULL;

	if (client_open(&client, cli->run_dir) == 0)
		rates = measure(&client, command->name, cli->delay_s);
	if (rates == NULL) {
		fprintf(cli->err, "zeroline: %s\n", client.text);
	} else if (cli->json) {
		json_dumpf(member(rates, command->name), cli->out,
			   JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		fputc('\n', cli->out);
	} else if (json_array_size(member(rates, command->name)) == 0) {
		fprintf(cli->out, "%s\n", command->none);
	} else {
		show_rows(cli->out, cli->width, columns, member(rates, command->name));
	}
	int status = rates ? EXIT_SUCCESS : EXIT_FAILED;
	json_decref(rates);
	client_close(&client);
	return status;
}
