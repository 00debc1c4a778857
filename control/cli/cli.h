/* The command line: what was asked (struct cli), the table of commands, and the pieces each
 * command is made of. Adding a command that lists something is one entry in commands.c. */
#ifndef ZL_CONTROL_CLI_CLI_H
#define ZL_CONTROL_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#define EXIT_FAILED 1 /* asked properly, but it could not be done */
#define EXIT_USAGE  2 /* not a command that zeroline knows */

#define DEFAULT_RUN_DIR "/run/zeroline"
#define ARGS_MAX        5

/* Options that belong to some commands only: a bit each. */
enum cli_option {
	OPT_ALL = 1u << 0,
	OPT_SOCKET = 1u << 1,
	OPT_LIMIT = 1u << 2,
	OPT_COUNT = 1u << 3,
	OPT_DELAY = 1u << 4,
	OPT_CYCLES = 1u << 5,
	OPT_FOR = 1u << 6,
	OPT_RATES = 1u << 7,
	OPT_DIR = 1u << 8,
};

struct cli {
	FILE *out, *err;
	unsigned width; /* of the terminal that `out` is; 0: not a terminal, no limit */
	const char *run_dir;
	bool json, help, version;
	bool all;
	const char *socket; /* --socket; NULL: every one */
	long limit;         /* --limit; 0: control's own */
	long count;         /* samples of top; 0: until told to stop */
	double delay_s;     /* between two samples */
	double for_s;       /* --for: how long cycles are counted */
	const char *dir;    /* --dir */
	unsigned given;     /* bits of enum cli_option */
	const char *args[ARGS_MAX];
	unsigned nargs; /* the command's name is args[0] */
};

/* How a member of a JSON object is shown. */
enum format {
	FMT_TEXT,
	FMT_NUMBER,  /* exact */
	FMT_COUNT,   /* 12.3k */
	FMT_RATE,    /* 12.3k, of a second */
	FMT_BYTES,   /* 1.50 KiB */
	FMT_BITRATE, /* bytes of a second, shown as bits */
	FMT_PERCENT,
	FMT_USEC,
	FMT_LIST, /* array of texts, joined */
};

struct column {
	const char *title, *member;
	enum format format;
};

struct command {
	const char *name, *args, *summary, *description;
	unsigned nargs;         /* exactly so many after the name, */
	unsigned nargs_most;    /* or up to so many; 0: exactly nargs */
	unsigned options;       /* bits of enum cli_option */
	const char *examples;   /* lines "command\tcomment" */
	const char *const *arg; /* names of the arguments in the request */
	/* What a person sees of the result. */
	void (*show)(const struct cli *cli, const struct command *command, const json_t *result);
	const struct column *columns; /* show_list: ends with a NULL title */
	const struct column *rates;   /* run_rates; NULL: columns */
	const char *none;             /* show_list: what to say of an empty list */
	/* Instead of one request: runs by itself, returns the exit status. */
	int (*run)(struct cli *cli, const struct command *command);
	unsigned run_with; /* only if one of these options is given; 0: always */
};

/* Ends with a NULL name. */
extern const struct command commands[];
const struct command *command_find(const char *name);
/* The known command most like a mistyped one, or NULL if none is near. */
const char *command_nearest(const char *name);

/* What top shows of an array of objects, with the rates that sample.c added. */
extern const struct column top_cores[], top_sockets[], top_peers[], top_ports[];

/* options.c: fills in *cli. 0, or EXIT_USAGE after a line on cli->err. */
int cli_parse(struct cli *cli, int argc, char **argv);

/* help.c */
void help_all(FILE *out);
void help_command(FILE *out, const struct command *command);

/* show.c: tables of JSON. */
void show_rows(FILE *out, unsigned width, const struct column *columns, const json_t *rows);
void show_list(const struct cli *cli, const struct command *command, const json_t *result);
void show_status(const struct cli *cli, const struct command *command, const json_t *result);
void show_subscriptions(const struct cli *cli, const struct command *command, const json_t *result);
void show_stats(const struct cli *cli, const struct command *command, const json_t *result);
void show_device(const struct cli *cli, const struct command *command, const json_t *result);
void show_endpoint(const struct cli *cli, const struct command *command, const json_t *result);
/* A member of an object, or of an object in it ("control.pid"); 0, "" or NULL if it is not there.
 */
double member_number(const json_t *object, const char *path);
const char *member_text(const json_t *object, const char *path);
const json_t *member(const json_t *object, const char *path);

/* cycles.c */
int run_cycles(struct cli *cli, const struct command *command);

/* keys.c */
int run_keys(struct cli *cli, const struct command *command);

/* rates.c */
int run_rates(struct cli *cli, const struct command *command);

/* top.c */
int run_top(struct cli *cli, const struct command *command);

/* cli.c: everything but main(). Returns the exit status. */
int cli_main(int argc, char **argv, FILE *out, FILE *err);

#endif
