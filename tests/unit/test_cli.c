/* The command line against a control process that says what it is told to: what a person sees, to
 * the character, and what goes wrong in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/cli.h"
#include "tests/unit/fake_control.h"

#define ARGV_MAX 12

struct outcome {
	int status;
	char *out, *err;
};

/* `zeroline` with the words of `line`, and --run-dir DIR if there is one. */
static struct outcome zeroline(const char *dir, const char *line)
{
	char words[512], program[] = "zeroline", option[] = "--run-dir", where[128];
	char *argv[ARGV_MAX] = {program}, *save = NULL;
	struct outcome o = {0};
	size_t n;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	if (dir) {
		snprintf(where, sizeof(where), "%s", dir);
		argv[argc++] = option;
		argv[argc++] = where;
	}
	FILE *out = open_memstream(&o.out, &n), *err = open_memstream(&o.err, &n);
	o.status = cli_main(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return o;
}

static void forget(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

static void expect(const char *dir, const char *line, int status, const char *out, const char *err)
{
	struct outcome o = zeroline(dir, line);

	assert_string_equal(o.err, err);
	assert_string_equal(o.out, out);
	assert_int_equal(o.status, status);
	forget(&o);
}

static void expect_answer(const struct fake_answer *answers, const char *line, int status,
			  const char *out, const char *err)
{
	struct fake_control *f = fake_control_start(answers);

	expect(fake_control_dir(f), line, status, out, err);
	fake_control_stop(f);
}

static void test_subscriptions_are_a_table_with_numbers_to_the_right(void **state)
{
	static const struct fake_answer answers[] = {
		{"subscriptions", "{\"ok\":true,\"result\":{\"total\":3,\"list\":["
				  "{\"socket\":\"out\",\"prefix\":\"AAPL\",\"peers\":2},"
				  "{\"socket\":\"out\",\"prefix\":\"M\\u00dcV2\",\"peers\":17}]}}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(answers, "subscriptions", 0,
		      "PREFIX  SOCKET  PEERS\n"
		      "AAPL    out         2\n"
		      "M\xc3\x9cV2    out        17\n"
		      "2 of 3 shown: --limit and --socket choose others\n",
		      "");
}

static void test_an_empty_list_is_said_in_words(void **state)
{
	static const struct fake_answer answers[] = {
		{"peers", "{\"ok\":true,\"result\":[]}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(answers, "peers", 0, "no peers are connected\n", "");
}

static void test_what_a_peer_sent_never_reaches_the_terminal_unescaped(void **state)
{
	static const struct fake_answer answers[] = {
		{"subscriptions", "{\"ok\":true,\"result\":{\"total\":1,\"list\":["
				  "{\"socket\":\"out\",\"prefix\":\"\\u001b[2J\\u202ex\","
				  "\"peers\":1}]}}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(answers, "subscriptions", 0,
		      "PREFIX                SOCKET  PEERS\n"
		      "\\x1b[2J\\xe2\\x80\\xaex  out         1\n",
		      "");
}

static const char status_reply[] =
	"{\"ok\":true,\"result\":{\"version\":\"0.1.0\",\"control\":{\"pid\":12,\"uptime_s\":192,"
	"\"attached\":true,\"last_attach_s\":5},\"dataplane\":{\"pid\":11,\"uptime_s\":7500,"
	"\"version\":\"0.1.0\",\"poll_cores\":2,\"config\":\"/etc/zeroline.yaml\"},\"ports\":1,"
	"\"sockets\":2,\"devices\":[{\"name\":\"feed\",\"kind\":\"forwarder\",\"frontend\":\"in\","
	"\"backend\":\"out\"}],\"endpoints\":[{\"id\":1,\"socket\":\"in\",\"type\":\"bind\","
	"\"endpoint\":\"tcp://*:5555\",\"state\":\"listening\",\"retry_ms\":0},{\"id\":2,"
	"\"socket\":\"in\",\"type\":\"connect\",\"endpoint\":\"tcp://10.0.0.9:5557\","
	"\"state\":\"waiting\",\"retry_ms\":1500}],\"peers\":{\"ready\":3,\"handshaking\":1},"
	"\"subscriptions\":12345,\"closes\":{\"peer_closed\":4,\"bad_greeting\":0}}}";

static void test_status_fits_a_screen_and_names_what_waits(void **state)
{
	static const struct fake_answer answers[] = {{"status", status_reply}, {NULL, NULL}};

	(void)state;
	expect_answer(answers, "status", 0,
		      "control        running, pid 12, up 3m 12s\n"
		      "dataplane      running, pid 11, up 2h 05m, 2 poll cores, attached 5 s ago\n"
		      "version        0.1.0\n"
		      "config         /etc/zeroline.yaml\n"
		      "ports          1\n"
		      "sockets        2\n"
		      "peers          3 ready, 1 in handshake\n"
		      "subscriptions  12.3k\n"
		      "\n"
		      "DEVICE  KIND       FRONTEND  BACKEND\n"
		      "feed    forwarder  in        out\n"
		      "\n"
		      "SOCKET           ENDPOINT             STATE      RETRY\n"
		      "in      bind     tcp://*:5555         listening\n"
		      "in      connect  tcp://10.0.0.9:5557  waiting    in 1.5 s\n"
		      "\n"
		      "PEERS CLOSED BECAUSE  COUNT\n"
		      "peer_closed               4\n",
		      "");
}

static void test_status_says_so_when_the_dataplane_is_away(void **state)
{
	static const struct fake_answer answers[] = {
		{"status", "{\"ok\":true,\"result\":{\"version\":\"0.1.0\",\"control\":{\"pid\":12,"
			   "\"uptime_s\":1,\"attached\":false,\"last_attach_s\":0},"
			   "\"dataplane\":null,\"ports\":1,\"sockets\":0,\"devices\":[],"
			   "\"endpoints\":[],\"peers\":{\"ready\":0,\"handshaking\":0},"
			   "\"subscriptions\":0,\"closes\":{}}}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(answers, "status", 0,
		      "control        running, pid 12, up 1 s\n"
		      "dataplane      NOT ATTACHED: start zeroline-dataplane with the same "
		      "--run-dir\n"
		      "version        0.1.0\n"
		      "ports          1\n"
		      "sockets        0\n"
		      "peers          0 ready\n"
		      "subscriptions  0\n",
		      "");
}

static void test_stats_hide_zeros_and_give_each_core_a_column(void **state)
{
	static const struct fake_answer answers[] = {
		{"stats",
		 "{\"ok\":true,\"result\":[{\"name\":\"ip.bad\",\"text\":\"bad\","
		 "\"total\":1234567,\"cores\":[1234560,7]},{\"name\":\"ip.ttl\","
		 "\"text\":\"expired\",\"total\":0,\"cores\":[0,0]},"
		 "{\"name\":\"control.x\",\"text\":\"its own\",\"total\":2,\"cores\":[]}]}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(answers, "stats", 0,
		      "COUNTER      TOTAL   CORE 0  CORE 1  WHAT IT COUNTS\n"
		      "ip.bad     1234567  1234560       7  bad\n"
		      "control.x        2        -       -  its own\n"
		      "not shown, because zero: 1 (--all shows them)\n",
		      "");
	expect_answer(answers, "--all stats", 0,
		      "COUNTER      TOTAL   CORE 0  CORE 1  WHAT IT COUNTS\n"
		      "ip.bad     1234567  1234560       7  bad\n"
		      "ip.ttl           0        0       0  expired\n"
		      "control.x        2        -       -  its own\n",
		      "");
}

static void test_json_is_the_exact_answer_wherever_the_option_stands(void **state)
{
	static const struct fake_answer answers[] = {
		{"ports", "{\"ok\":true,\"result\":[{\"name\":\"a\",\"rx_frames\":"
			  "1234567890123}]}"},
		{NULL, NULL},
	};
	static const char json[] =
		"[\n  {\n    \"name\": \"a\",\n    \"rx_frames\": 1234567890123\n"
		"  }\n]\n";

	(void)state;
	expect_answer(answers, "--json ports", 0, json, "");
	expect_answer(answers, "ports --json", 0, json, "");
}

static void test_bind_asks_with_socket_and_endpoint(void **state)
{
	static const struct fake_answer answers[] = {
		{"bind",
		 "{\"ok\":true,\"result\":{\"id\":7,\"endpoint\":\"tcp://10.77.0.1:5557\"}}"},
		{NULL, NULL},
	};
	struct fake_control *f = fake_control_start(answers);

	(void)state;
	expect(fake_control_dir(f), "bind in tcp://*:5557", 0,
	       "in: bind tcp://10.77.0.1:5557 (endpoint 7)\n", "");
	assert_string_equal(fake_control_asked(f),
			    "{\"socket\":\"in\",\"endpoint\":\"tcp://*:5557\",\"cmd\":\"bind\"}\n");
	fake_control_stop(f);
}

static void test_a_refusal_is_one_line_and_exit_1(void **state)
{
	static const struct fake_answer answers[] = {
		{"bind", "{\"ok\":false,\"error\":\"socket x: no such socket: 'zeroline sockets' "
			 "lists them\"}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(answers, "bind x tcp://*:1", 1, "",
		      "zeroline: socket x: no such socket: 'zeroline sockets' lists them\n");
}

static void test_an_answer_cut_short_is_told(void **state)
{
	static const struct fake_answer hang_up[] = {{"ports", NULL}, {NULL, NULL}};
	static const struct fake_answer nonsense[] = {{"ports", "[1]"}, {NULL, NULL}};
	struct fake_control *f = fake_control_start(hang_up);
	char text[256];

	(void)state;
	snprintf(text, sizeof(text),
		 "zeroline: %s/control.sock: connection closed before the answer: is "
		 "zeroline-control still running?\n",
		 fake_control_dir(f));
	expect(fake_control_dir(f), "ports", 1, "", text);
	fake_control_stop(f);

	f = fake_control_start(nonsense);
	snprintf(
		text, sizeof(text),
		"zeroline: %s/control.sock: not an answer of zeroline-control (no JSON object): is "
		"--run-dir right?\n",
		fake_control_dir(f));
	expect(fake_control_dir(f), "ports", 1, "", text);
	fake_control_stop(f);
}

static void test_no_control_is_one_line_with_the_remedy(void **state)
{
	(void)state;
	expect("/nonexistent", "status", 1, "",
	       "zeroline: /nonexistent/control.sock: no such socket: start zeroline-control, or "
	       "name "
	       "its directory with --run-dir\n");
}

static void test_usage_errors_exit_2_and_suggest_the_nearest(void **state)
{
	(void)state;
	expect(NULL, "statsu", 2, "",
	       "zeroline: statsu: no such command: did you mean 'status'?\n");
	expect(NULL, "sub", 2, "",
	       "zeroline: sub: no such command: did you mean 'subscriptions'?\n");
	expect(NULL, "xyzzy", 2, "",
	       "zeroline: xyzzy: no such command: 'zeroline --help' lists them\n");
	expect(NULL, "help pers", 2, "",
	       "zeroline: pers: no such command: did you mean 'peers'?\n");
	expect(NULL, "", 2, "", "zeroline: no command given: 'zeroline --help' lists them\n");
	expect(NULL, "bind in", 2, "",
	       "zeroline bind: missing arguments: usage: zeroline bind SOCKET ENDPOINT\n");
	expect(NULL, "ports --limit 3", 2, "",
	       "zeroline ports: --limit: not an option of this command: see 'zeroline help "
	       "ports'\n");
	expect(NULL, "top -n 0", 2, "", "zeroline: --count 0: not a whole number of 1 or more\n");
	struct outcome o = zeroline(NULL, "--jsn status");
	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "no such option"));
	forget(&o);
}

static void test_every_command_has_a_whole_manual(void **state)
{
	(void)state;
	for (const struct command *c = commands; c->name; c++) {
		static const char *const parts[] = {
			"NAME\n",       "\nSYNOPSIS\n",    "\nDESCRIPTION\n", "\nOPTIONS\n",
			"\nEXAMPLES\n", "\nENVIRONMENT\n", "\nEXIT STATUS\n"};
		char line[64];

		snprintf(line, sizeof(line), "%s --help", c->name);
		struct outcome o = zeroline(NULL, line);
		assert_int_equal(o.status, 0);
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			assert_non_null(strstr(o.out, parts[i]));
		for (const char *l = o.out; *l; l += strcspn(l, "\n") + 1)
			assert_true(strcspn(l, "\n") <= 92);
		forget(&o);
	}
}

#define TOP(cmd, list)                                                                             \
	{                                                                                          \
		cmd, "{\"ok\":true,\"result\":" list "}"                                           \
	}

static void test_top_shows_what_happened_between_two_samples(void **state)
{
	static const struct fake_answer answers[] = {
		TOP("status", "{\"version\":\"0.1.0\",\"control\":{\"attached\":true},"
			      "\"dataplane\":{\"uptime_s\":5},\"subscriptions\":2}"),
		TOP("cores", "[{\"core\":0,\"cpu\":1,\"busy_cycles\":100,\"idle_cycles\":900}]"),
		TOP("cores", "[{\"core\":0,\"cpu\":1,\"busy_cycles\":400,\"idle_cycles\":1000}]"),
		TOP("ports", "[]"),
		TOP("sockets", "[]"),
		TOP("peers", "[{\"stream\":1,\"address\":\"10.0.0.2:1\",\"dropped\":0}]"),
		TOP("peers", "[{\"stream\":2,\"address\":\"10.0.0.3:1\",\"dropped\":9},"
			     "{\"stream\":1,\"address\":\"10.0.0.2:1\",\"dropped\":9000000}]"),
		{NULL, NULL},
	};
	struct fake_control *f = fake_control_start(answers);
	struct outcome o = zeroline(fake_control_dir(f), "top --once --delay 0.1");

	(void)state;
	assert_string_equal(o.err, "");
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, "zeroline 0.1.0  up 5 s  2 peers  2 subscriptions"));
	/* 300 busy of 400 cycles since the sample before */
	assert_non_null(strstr(o.out, "\n   0    1    75.0 "));
	/* the busiest first; one that has just come has no rate yet */
	assert_true(strstr(o.out, "10.0.0.2:1") < strstr(o.out, "10.0.0.3:1"));
	forget(&o);
	fake_control_stop(f);
}

/* A core's reading: so many cycles in the router, 1000 of idleness. */
#define CYCLES(counting, busy, messages)                                                           \
	TOP("cycles", "{\"tsc_hz\":1000000,\"cores\":[{\"core\":0,\"counting\":" counting        \
		      ",\"msgs_in\":7,\"msgs_out\":" messages ",\"frames_in\":" messages              \
		      ",\"frames_out\":5,\"turns\":4,\"stages\":[{\"stage\":\"idle\",\"cycles\":1000}," \
		      "{\"stage\":\"router\",\"cycles\":" busy "},"                                    \
		      "{\"stage\":\"port tx\",\"cycles\":0}]}]}")

static const struct fake_answer cycles_answers[] = {
	{"cycles", "{\"ok\":true,\"result\":{\"tsc_hz\":1000000,\"cores\":[{\"core\":0,"
		   "\"counting\":false,\"msgs_in\":4,\"msgs_out\":10,\"frames_in\":20,"
		   "\"frames_out\":0,\"turns\":2,\"stages\":[{\"stage\":\"idle\",\"cycles\":400},"
		   "{\"stage\":\"router\",\"cycles\":100},"
		   "{\"stage\":\"port tx\",\"cycles\":0}]}]}}"},
	CYCLES("true", "300", "20"),
	CYCLES("false", "1500", "50"), /* only now it has stopped */
	TOP("count", "{}"),
	{NULL, NULL},
};

static void test_cycles_are_what_the_cores_counted_in_between(void **state)
{
	(void)state;
	expect_answer(cycles_answers, "cores --cycles --for 0.1", 0,
		      "core 0, 0.00 s, 70.0 % busy\n"
		      "messages 3 in, 40 out; frames 30 in, 5 out\n"
		      "a turn has 15.0 frames in, 20.0 messages\n"
		      "\n"
		      "STAGE    % OF BUSY  CYCLES  A MESSAGE\n"
		      "router       100.0    1400       35.0\n"
		      "port tx        0.0       0        0.0\n"
		      "busy         100.0    1400       35.0\n"
		      "idle                   600\n",
		      "");
}

static void test_cycles_as_json_have_a_row_for_each_stage(void **state)
{
	struct fake_control *f = fake_control_start(cycles_answers);
	struct outcome o = zeroline(fake_control_dir(f), "cores --cycles --for 0.1 --json");
	json_t *result = json_loads(o.out, 0, NULL);
	const json_t *core = json_array_get(json_object_get(result, "cores"), 0);
	const json_t *router = json_array_get(json_object_get(core, "stages"), 1);

	(void)state;
	assert_int_equal(o.status, 0);
	assert_int_equal(json_integer_value(json_object_get(core, "cycles")), 2000);
	assert_int_equal(json_integer_value(json_object_get(core, "messages_in")), 3);
	assert_int_equal(json_integer_value(json_object_get(core, "messages_out")), 40);
	assert_int_equal(json_integer_value(json_object_get(core, "tsc_hz")), 1000000);
	assert_string_equal(json_string_value(json_object_get(router, "stage")), "router");
	assert_int_equal(json_integer_value(json_object_get(router, "cycles")), 1400);
	assert_true(json_real_value(json_object_get(router, "per_message")) == 35.0);
	json_decref(result);
	forget(&o);
	fake_control_stop(f);
}

static void test_cycles_that_cannot_be_counted_are_told_in_a_line(void **state)
{
	static const struct fake_answer refusal[] = {
		TOP("cycles", "{\"tsc_hz\":0,\"cores\":[]}"),
		{"count", "{\"ok\":false,\"error\":\"count: the dataplane is not attached; start "
			  "zeroline-dataplane\"}"},
		{NULL, NULL},
	};

	(void)state;
	expect_answer(refusal, "cores --cycles", 1, "",
		      "zeroline: count: the dataplane is not attached; start "
		      "zeroline-dataplane\n");
	expect(NULL, "cores --cycles --for 0", 2, "",
	       "zeroline: --for 0: give seconds, 0.1 to 3600\n");
	expect(NULL, "cores --cycles --for 1x", 2, "",
	       "zeroline: --for 1x: give seconds, 0.1 to 3600\n");
	expect(NULL, "cores --for 2", 2, "",
	       "zeroline cores: --for: goes with --cycles only: add --cycles\n");
	expect(NULL, "ports --cycles", 2, "",
	       "zeroline ports: --cycles: not an option of this command: see 'zeroline help "
	       "ports'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subscriptions_are_a_table_with_numbers_to_the_right),
		cmocka_unit_test(test_an_empty_list_is_said_in_words),
		cmocka_unit_test(test_what_a_peer_sent_never_reaches_the_terminal_unescaped),
		cmocka_unit_test(test_status_fits_a_screen_and_names_what_waits),
		cmocka_unit_test(test_status_says_so_when_the_dataplane_is_away),
		cmocka_unit_test(test_stats_hide_zeros_and_give_each_core_a_column),
		cmocka_unit_test(test_json_is_the_exact_answer_wherever_the_option_stands),
		cmocka_unit_test(test_bind_asks_with_socket_and_endpoint),
		cmocka_unit_test(test_a_refusal_is_one_line_and_exit_1),
		cmocka_unit_test(test_an_answer_cut_short_is_told),
		cmocka_unit_test(test_no_control_is_one_line_with_the_remedy),
		cmocka_unit_test(test_usage_errors_exit_2_and_suggest_the_nearest),
		cmocka_unit_test(test_every_command_has_a_whole_manual),
		cmocka_unit_test(test_top_shows_what_happened_between_two_samples),
		cmocka_unit_test(test_cycles_are_what_the_cores_counted_in_between),
		cmocka_unit_test(test_cycles_as_json_have_a_row_for_each_stage),
		cmocka_unit_test(test_cycles_that_cannot_be_counted_are_told_in_a_line),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
