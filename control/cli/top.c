/* `zeroline top`: a sample, a pause, a sample, what happened in between; on a terminal in place, on
 * its other screen, which is left as it was found however top ends. */
#include "control/cli/cli.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/sample.h"
#include "control/cli/table.h"

#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define LINE_END     "\033[K\r\n"
#define PEERS_SHOWN  20 /* where there is no screen to fill */

struct top {
	struct cli *cli;
	struct client client;
	bool screen; /* draw in place */
	bool keys;   /* standard input is a terminal, too */
	struct termios saved;
	struct sigaction old[3];
	sigset_t mask, old_mask;
};

static volatile sig_atomic_t stop;
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Signals arrive only inside the pause: the screen is always left in one piece. */
static void top_enter(struct top *t)
{
	struct sigaction action = {.sa_handler = on_signal};

	stop = 0;
	sigemptyset(&t->mask);
	for (int i = 0; i < 3; i++) {
		sigaction(signals[i], &action, &t->old[i]);
		sigaddset(&t->mask, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &t->mask, &t->old_mask);
	t->screen = t->cli->width > 0 && !t->cli->json && !(t->cli->given & OPT_COUNT);
	t->keys = t->screen && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t->saved) == 0;
	if (t->keys) {
		struct termios raw = t->saved;

		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	if (t->screen)
		fputs(SCREEN_ENTER, t->cli->out);
}

static void top_leave(struct top *t)
{
	if (t->screen) {
		fputs(SCREEN_LEAVE, t->cli->out);
		fflush(t->cli->out);
	}
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &t->old[i], NULL);
	sigprocmask(SIG_SETMASK, &t->old_mask, NULL);
}

static bool quit_key(void)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) != 1)
		return true;
	return key == 'q' || key == 'Q' || key == 3;
}

/* Until `seconds` have passed; true: a signal or the key q came first. */
static bool pause_for(const struct top *t, double seconds)
{
	struct timespec start, now;
	struct pollfd p = {.fd = t->keys ? STDIN_FILENO : -1, .events = POLLIN};

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		double left = seconds - (double)(now.tv_sec - start.tv_sec) -
			      (double)(now.tv_nsec - start.tv_nsec) / 1e9;
		if (left <= 0 || stop)
			return stop;
		struct timespec wait = {(time_t)left, (long)((left - floor(left)) * 1e9)};
		int ready = ppoll(&p, 1, &wait, &t->old_mask);
		if (ready > 0 && quit_key())
			return true;
	}
}

static double activity(const json_t *peer)
{
	return member_number(peer, "msgs_in_per_s") + member_number(peer, "msgs_out_per_s") +
	       member_number(peer, "dropped_per_s");
}

static int by_activity(const void *a, const void *b)
{
	double x = activity(*(json_t *const *)a), y = activity(*(json_t *const *)b);

	return (x < y) - (x > y);
}

/* The busiest first, at most `most` of them; a new list. */
static json_t *busiest(const json_t *peers, size_t most)
{
	size_t n = json_array_size(peers);
	json_t **row = calloc(n + 1, sizeof(*row)), *list = json_array();

	if (row == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		row[i] = json_array_get(peers, i);
	qsort(row, n, sizeof(*row), by_activity);
	for (size_t i = 0; i < n && i < most; i++)
		json_array_append(list, row[i]);
	free(row);
	return list;
}

static void section(FILE *out, unsigned width, const struct column *columns, const json_t *rows)
{
	if (json_array_size(rows) == 0)
		return;
	fputc('\n', out);
	show_rows(out, width, columns, rows);
}

static void draw(FILE *out, unsigned width, size_t most_peers, const json_t *rates)
{
	const json_t *status = member(rates, "status");
	size_t peers = json_array_size(member(rates, "peers"));
	char up[HUMAN_MAX];

	human_seconds(member_number(status, "dataplane.uptime_s"), up);
	fprintf(out, "zeroline %s  up %s  %zu peers  %.0f subscriptions  over %.1f s%s\n",
		member_text(status, "version"), up, peers, member_number(status, "subscriptions"),
		member_number(rates, "interval_s"),
		json_is_true(member(status, "control.attached")) ? "" : "  DATAPLANE NOT ATTACHED");
	section(out, width, top_cores, member(rates, "cores"));
	section(out, width, top_ports, member(rates, "ports"));
	section(out, width, top_sockets, member(rates, "sockets"));
	json_t *list = busiest(member(rates, "peers"), most_peers);
	section(out, width, top_peers, list);
	if (peers > json_array_size(list))
		fprintf(out, "and %zu quieter peers\n", peers - json_array_size(list));
	json_decref(list);
}

/* As many lines as the terminal has, each cleared to its end, and nothing left below them. */
static void draw_screen(const struct top *t, const json_t *rates)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	char *text = NULL;
	size_t bytes = 0;

	ioctl(fileno(t->cli->out), TIOCGWINSZ, &size);
	FILE *page = open_memstream(&text, &bytes);
	if (page == NULL)
		abort();
	draw(page, size.ws_col, size.ws_row, rates);
	fclose(page);
	fputs("\033[H", t->cli->out);
	char *line = text;
	for (unsigned row = 1; *line && row < size.ws_row; row++) {
		size_t n = strcspn(line, "\n");

		fprintf(t->cli->out, "%.*s" LINE_END, (int)n, line);
		line += n + (line[n] == '\n');
	}
	fputs("\033[J", t->cli->out);
	free(text);
}

static void show_sample(const struct top *t, const json_t *rates, long number)
{
	if (t->cli->json) {
		json_dumpf(rates, t->cli->out, JSON_COMPACT | JSON_REAL_PRECISION(6));
		fputc('\n', t->cli->out);
	} else if (t->screen) {
		draw_screen(t, rates);
	} else {
		if (number > 1)
			fputc('\n', t->cli->out);
		draw(t->cli->out, t->cli->width, PEERS_SHOWN, rates);
	}
	fflush(t->cli->out);
}

static int watch(struct top *t)
{
	json_t *before = sample_read(&t->client, NULL), *now = NULL;

	for (long n = 1; before && (t->cli->count == 0 || n <= t->cli->count); n++) {
		if (pause_for(t, t->cli->delay_s) || ferror(t->cli->out))
			break;
		now = sample_read(&t->client, NULL);
		if (now) {
			json_t *rates = sample_rates(before, now);

			show_sample(t, rates, n);
			json_decref(rates);
		}
		json_decref(before);
		before = now;
	}
	int status = before ? EXIT_SUCCESS : EXIT_FAILED;
	json_decref(before);
	return status;
}

int run_top(struct cli *cli, const struct command *command)
{
	struct top t = {.cli = cli};

	(void)command;
	int status = EXIT_FAILED;
	if (client_open(&t.client, cli->run_dir) == 0) {
		top_enter(&t);
		status = watch(&t);
		top_leave(&t);
	}
	if (status != EXIT_SUCCESS)
		fprintf(cli->err, "zeroline: %s\n", t.client.text);
	client_close(&t.client);
	return status;
}
