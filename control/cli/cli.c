/* From an argument vector to an exit status: find the command, check what was given to it, ask
 * control, show the answer. */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "control/cli/client.h"
#include "control/cli/table.h"

static unsigned terminal_width(FILE *out)
{
	struct winsize w;
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

static int unknown_command(const struct cli *cli, const char *name)
{
	const char *near = command_nearest(name);

	if (near)
		fprintf(cli->err, "zeroline: %s: no such command: did you mean '%s'?\n", name,
			near);
	else
		fprintf(cli->err, "zeroline: %s: no such command: 'zeroline --help' lists them\n",
			name);
	return EXIT_USAGE;
}

static int check_usage(const struct cli *cli, const struct command *command)
{
	static const char *const name[] = {"--all",    "--socket", "--limit", "--count", "--delay",
					   "--cycles", "--for",    "--rates", "--dir"};
	unsigned most = command->nargs_most ? command->nargs_most : command->nargs;
	unsigned wrong = cli->given & ~command->options;

	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (wrong & 1u << i) {
			fprintf(cli->err,
				"zeroline %s: %s: not an option of this command: see 'zeroline "
				"help "
				"%s'\n",
				command->name, name[i], command->name);
			return EXIT_USAGE;
		}
	if (cli->given & OPT_FOR && !(cli->given & OPT_CYCLES)) {
		fprintf(cli->err, "zeroline %s: --for: goes with --cycles only: add --cycles\n",
			command->name);
		return EXIT_USAGE;
	}
	if (cli->nargs - 1 < command->nargs || cli->nargs - 1 > most) {
		fprintf(cli->err, "zeroline %s: %s argument%s: usage: zeroline %s%s%s\n",
			command->name, cli->nargs - 1 < command->nargs ? "missing" : "unexpected",
			most == 1 ? "" : "s", command->name, *command->args ? " " : "",
			command->args);
		return EXIT_USAGE;
	}
	return 0;
}

static json_t *request(const struct cli *cli, const struct command *command)
{
	json_t *args = json_object();

	for (unsigned i = 0; i < command->nargs; i++)
		json_object_set_new(args, command->arg[i], json_string(cli->args[1 + i]));
	if (cli->given & OPT_SOCKET)
		json_object_set_new(args, "socket", json_string(cli->socket));
	if (cli->given & OPT_LIMIT)
		json_object_set_new(args, "limit", json_integer(cli->limit));
	return args;
}

static int ask(struct cli *cli, const struct command *command)
{
	struct client client;
	json_t *result = NULL;

	if (client_open(&client, cli->run_dir) == 0)
		result = client_call(&client, command->name, request(cli, command));
	if (result == NULL) {
		char *text = text_printable(client.text); /* it may quote what a peer sent */

		fprintf(cli->err, "zeroline: %s\n", text);
		free(text);
		client_close(&client);
		return EXIT_FAILED;
	}
	if (cli->json) {
		json_dumpf(result, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
		fputc('\n', cli->out);
	} else {
		command->show(cli, command, result);
	}
	json_decref(result);
	client_close(&client);
	return EXIT_SUCCESS;
}

/* `zeroline help [COMMAND]`, `--help` with or without a command. */
static int help(const struct cli *cli, const char *name)
{
	const struct command *command = name ? command_find(name) : NULL;

	if (name == NULL)
		help_all(cli->out);
	else if (command == NULL)
		return unknown_command(cli, name);
	else
		help_command(cli->out, command);
	return EXIT_SUCCESS;
}

static bool runs_itself(const struct cli *cli, const struct command *command)
{
	return command->run && (!command->run_with || cli->given & command->run_with);
}

static int dispatch(struct cli *cli)
{
	const char *name = cli->nargs > 0 ? cli->args[0] : NULL;

	if (cli->version) {
		fprintf(cli->out, "zeroline %s\n", ZL_VERSION);
		return EXIT_SUCCESS;
	}
	if (name && strcmp(name, "help") == 0)
		return help(cli, cli->nargs > 1 ? cli->args[1] : NULL);
	if (cli->help)
		return help(cli, name);
	if (name == NULL) {
		fprintf(cli->err, "zeroline: no command given: 'zeroline --help' lists them\n");
		return EXIT_USAGE;
	}
	const struct command *command = command_find(name);
	if (command == NULL)
		return unknown_command(cli, name);
	int status = check_usage(cli, command);
	if (status == 0)
		status = runs_itself(cli, command) ? command->run(cli, command) : ask(cli, command);
	return status;
}

int cli_main(int argc, char **argv, FILE *out, FILE *err)
{
	const char *run_dir = getenv("ZEROLINE_RUN_DIR");
	struct cli cli = {
		.out = out,
		.err = err,
		.width = terminal_width(out),
		.run_dir = run_dir && *run_dir ? run_dir : DEFAULT_RUN_DIR,
		.delay_s = 1,
		.for_s = 1,
	};
	int status = cli_parse(&cli, argc, argv);

	if (status == 0)
		status = dispatch(&cli);
	if (fflush(out) != 0 || ferror(out)) {
		/* Whoever closed a pipe has read what it wanted; a full disk is another matter. */
		fprintf(err, "zeroline: standard output: %m\n");
		return EXIT_FAILED;
	}
	return status;
}
