/* The manual: `zeroline --help` for all, `zeroline help COMMAND` for one, in a man page's order. */
#include "control/cli/cli.h"

#include <string.h>

static const struct {
	unsigned option; /* 0: every command has it */
	const char *form, *text;
} options[] = {
	{OPT_ALL, "-a, --all", "show counters that are zero, too"},
	{OPT_SOCKET, "-s, --socket NAME", "of this socket only"},
	{OPT_LIMIT, "-l, --limit N", "show at most N"},
	{OPT_COUNT, "-n, --count N", "end after N samples"},
	{OPT_COUNT, "    --once", "the same as --count 1"},
	{OPT_RATES, "-R, --rates", "measure for a while, and show what happens in a second"},
	{OPT_DELAY, "-d, --delay SECONDS", "of one sample, 0.1 to 3600 (1)"},
	{OPT_CYCLES, "-c, --cycles", "count cycles by stage for a while, and show them"},
	{OPT_FOR, "-f, --for SECONDS", "with --cycles: for how long, 0.1 to 3600 (1)"},
	{OPT_DIR, "-D, --dir DIR", "the folder of the new files (.)"},
	{0, "-r, --run-dir DIR", "where the appliance's sockets are (" DEFAULT_RUN_DIR ")"},
	{0, "-j, --json", "the exact answer as JSON, for programs"},
	{0, "-h, --help", "this text"},
	{0, "-V, --version", "the version"},
};

/* `text` with each of its lines indented. */
static void paragraph(FILE *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		fprintf(out, "       %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void show_options(FILE *out, unsigned which)
{
	fputs("\nOPTIONS\n", out);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].option == 0 || options[i].option & which)
			fprintf(out, "       %-22s %s\n", options[i].form, options[i].text);
	fputs("       Options may stand anywhere on the line.\n", out);
}

static void show_exit(FILE *out)
{
	fputs("\nENVIRONMENT\n"
	      "       ZEROLINE_RUN_DIR       what --run-dir is when it is not given\n"
	      "\nEXIT STATUS\n"
	      "       0  done\n"
	      "       1  it could not be done; one line on standard error says why\n"
	      "       2  not a proper command line\n",
	      out);
}

/* Lines "command\tcomment": the comment stands above its command. */
static void show_examples(FILE *out, const char *text)
{
	fputs("\nEXAMPLES\n", out);
	while (*text) {
		size_t line = strcspn(text, "\n"), command = strcspn(text, "\t\n");

		if (command < line)
			fprintf(out, "       # %.*s\n", (int)(line - command - 1),
				text + command + 1);
		fprintf(out, "       %.*s\n", (int)command, text);
		text += line + (text[line] == '\n');
	}
}

void help_all(FILE *out)
{
	fputs("NAME\n"
	      "       zeroline - look at and steer a running ZeroMQ appliance\n"
	      "\nSYNOPSIS\n"
	      "       zeroline [OPTION]... COMMAND [ARGUMENT]...\n"
	      "       zeroline help COMMAND\n"
	      "\nCOMMANDS\n",
	      out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "       %-14s %s\n", c->name, c->summary);
	fprintf(out, "       %-14s %s\n", "help", "the manual of a command");
	show_options(out, 0);
	show_exit(out);
	show_examples(out, "zeroline status\tis it running?\n"
			   "zeroline top\twhat is it doing right now?\n"
			   "zeroline help peers\twhat do those columns mean?\n");
}

void help_command(FILE *out, const struct command *c)
{
	fprintf(out, "NAME\n       zeroline %s - %s\n", c->name, c->summary);
	fprintf(out, "\nSYNOPSIS\n       zeroline [OPTION]... %s%s%s\n", c->name,
		*c->args ? " " : "", c->args);
	fputs("\nDESCRIPTION\n", out);
	paragraph(out, c->description);
	show_options(out, c->options);
	show_examples(out, c->examples);
	show_exit(out);
}
