/* Options, wherever they stand among the arguments. Which of them a command takes is the table of
 * commands' business; here only their form is checked. */
#include "control/cli/cli.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>

static const struct argp_option options[] = {
	{"run-dir", 'r', "DIR", 0, "", 0}, {"json", 'j', NULL, 0, "", 0},
	{"help", 'h', NULL, 0, "", 0},     {"version", 'V', NULL, 0, "", 0},
	{"all", 'a', NULL, 0, "", 0},      {"socket", 's', "NAME", 0, "", 0},
	{"limit", 'l', "N", 0, "", 0},     {"count", 'n', "N", 0, "", 0},
	{"once", '1', NULL, 0, "", 0},     {"delay", 'd', "SECONDS", 0, "", 0},
	{"cycles", 'c', NULL, 0, "", 0},   {"for", 'f', "SECONDS", 0, "", 0},
	{"rates", 'R', NULL, 0, "", 0},    {"dir", 'D', "DIR", 0, "", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t refuse(const struct cli *cli, const char *option, const char *value,
		      const char *remedy)
{
	fprintf(cli->err, "zeroline: %s %s: %s\n", option, value, remedy);
	return EDOM;
}

static error_t whole(struct cli *cli, const char *option, const char *text, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	if (errno || *end || end == text || *value < 1)
		return refuse(cli, option, text, "not a whole number of 1 or more");
	return 0;
}

static error_t seconds(struct cli *cli, const char *option, const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (*end || end == text || !(*value >= 0.1 && *value <= 3600))
		return refuse(cli, option, text, "give seconds, 0.1 to 3600");
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cli *cli = state->input;

	switch (key) {
	case 'r':
		cli->run_dir = arg;
		return 0;
	case 'j':
		cli->json = true;
		return 0;
	case 'h':
		cli->help = true;
		return 0;
	case 'V':
		cli->version = true;
		return 0;
	case 'R':
		cli->given |= OPT_RATES;
		return 0;
	case 'a':
		cli->given |= OPT_ALL;
		cli->all = true;
		return 0;
	case 's':
		cli->given |= OPT_SOCKET;
		cli->socket = arg;
		return 0;
	case 'l':
		cli->given |= OPT_LIMIT;
		return whole(cli, "--limit", arg, &cli->limit);
	case 'n':
		cli->given |= OPT_COUNT;
		return whole(cli, "--count", arg, &cli->count);
	case '1':
		cli->given |= OPT_COUNT;
		cli->count = 1;
		return 0;
	case 'd':
		cli->given |= OPT_DELAY;
		return seconds(cli, "--delay", arg, &cli->delay_s);
	case 'c':
		cli->given |= OPT_CYCLES;
		return 0;
	case 'f':
		cli->given |= OPT_FOR;
		return seconds(cli, "--for", arg, &cli->for_s);
	case 'D':
		cli->given |= OPT_DIR;
		cli->dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (cli->nargs == ARGS_MAX)
			return refuse(cli, "unexpected argument", arg, "see 'zeroline --help'");
		cli->args[cli->nargs++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	int unread = 0;

	/* argp's own help would be a list of options: help.c has something to say instead. */
	error_t err = argp_parse(&argp, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT | ARGP_SILENT,
				 &unread, cli);
	if (err == 0)
		return 0;
	if (err != EDOM) {
		const char *wrong = unread > 0 && unread <= argc ? argv[unread - 1] : "";

		fprintf(cli->err,
			"zeroline: %s: no such option, or its value is missing: see 'zeroline "
			"--help'\n",
			wrong);
	}
	return EXIT_USAGE;
}
