/* What an endpoint of the kernel's may say, whom it lets in, and what a person is told of one that
 * cannot be. Peers are libzmq's. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define NOBODY 65534

static char folder[64], file_in[128], in[512], out[512];

static void name_all(void)
{
	lab_folder(folder, sizeof(folder));
	snprintf(file_in, sizeof(file_in), "ipc://%s/in", folder);
}

/* Without any port: publishers by ipc, subscribers by the loopback. */
static struct appliance *start(const char *more)
{
	struct appliance_config config = {
		.carrier = LAB_TAP, .portless = true, .frontend = in, .backend = out};

	name_all();
	snprintf(in, sizeof(in), "bind: [\"%s\"]%s", file_in, more);
	snprintf(out, sizeof(out), "bind: [\"tcp://127.0.0.1:5556\"]");
	return appliance_start(&config);
}

/* bind or connect at run time: where it is at last, as the answer says. */
static void add(struct appliance *a, const char *command, const char *socket, const char *endpoint,
		char *last)
{
	json_t *reply = appliance_request(a, json_pack("{s:s, s:s, s:s}", "cmd", command, "socket",
						       socket, "endpoint", endpoint));
	json_t *at = json_object_get(json_object_get(reply, "result"), "endpoint");

	if (!json_is_true(json_object_get(reply, "ok")))
		fail_msg("%s", json_string_value(json_object_get(reply, "error")));
	snprintf(last, 256, "%s", json_string_value(at));
	json_decref(reply);
}

static bool lists(struct appliance *a, const char *socket, const char *endpoint)
{
	json_t *sockets = appliance_ask(a, "sockets"), *s, *e;
	bool found = false;
	size_t i, j;

	json_array_foreach(sockets, i, s)
	{
		if (strcmp(json_string_value(json_object_get(s, "name")), socket) != 0)
			continue;
		json_array_foreach(json_object_get(s, "endpoints"), j, e)
			found |= strcmp(json_string_value(e), endpoint) == 0;
	}
	json_decref(sockets);
	return found;
}

/* "prefix..." is the address of some peer. */
static bool has_peer(json_t *peers, const void *prefix)
{
	json_t *p;
	size_t i;

	json_array_foreach(peers, i,
			   p) if (strncmp(json_string_value(json_object_get(p, "address")), prefix,
					  strlen(prefix)) == 0) return true;
	return false;
}

static void through(struct appliance *a, const char *to_publisher, bool publisher_binds,
		    const char *to_subscriber, bool subscriber_binds)
{
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);

	remote_option(pub, ZMQ_IPV6, 1);
	remote_option(sub, ZMQ_IPV6, 1);
	remote_subscribe(sub, "t");
	if (publisher_binds)
		remote_bind(pub, to_publisher);
	else
		remote_connect(pub, to_publisher);
	if (subscriber_binds)
		remote_bind(sub, to_subscriber);
	else
		remote_connect(sub, to_subscriber);
	remote_expect_subscription(pub, true, "t");
	remote_send(pub, "t1");
	remote_expect(sub, "t1");
	remote_end(pub);
	remote_end(sub);
}

static bool host_core_worked_and_slept(json_t *cores, const void *unused)
{
	json_t *core = json_array_get(cores, 1);

	(void)unused;
	assert_int_equal(json_array_size(cores), 2);
	assert_string_equal(json_string_value(json_object_get(core, "kind")), "host");
	return json_integer_value(json_object_get(core, "msgs_in")) > 0 &&
	       json_integer_value(json_object_get(core, "sleeps")) > 0;
}

static void test_an_appliance_without_ports_forwards(void **state)
{
	struct appliance *a = start("");

	(void)state;
	through(a, file_in, false, "tcp://127.0.0.1:5556", false);
	appliance_await(a, "cores", host_core_worked_and_slept, NULL, "the host core is shown");
	appliance_stop(a);
}

static void test_a_peer_is_shown_by_what_the_kernel_knows_of_it(void **state)
{
	struct appliance *a = start("");
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	char ipc[256];

	(void)state;
	remote_connect(pub, file_in);
	remote_connect(sub, "tcp://127.0.0.1:5556");
	appliance_await_peers(a, 2);
	snprintf(ipc, sizeof(ipc), "ipc:%s/in pid ", folder);
	appliance_await(a, "peers", has_peer, ipc, "the ipc peer is named");
	appliance_await(a, "peers", has_peer, "127.0.0.1:", "the tcp peer is named");
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

/* What is written, and how the answer begins. */
static void test_wildcards_are_told_as_what_they_became(void **state)
{
	static const struct {
		const char *bind, *begins;
	} wild[] = {
		{"tcp://127.0.0.1:*", "tcp://127.0.0.1:"},
		{"tcp://lo:*", "tcp://127.0.0.1:"},
		{"tcp://[::1]:0", "tcp://[::1]:"},
		{"tcp://localhost:*", "tcp://"},
		{"ipc://*", "ipc:///"},
	};
	struct appliance *a = start("");
	char last[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		add(a, "bind", "feed.backend", wild[i].bind, last);
		printf("  %s is %s\n", wild[i].bind, last);
		assert_int_equal(strncmp(last, wild[i].begins, strlen(wild[i].begins)), 0);
		assert_null(strchr(last, '*'));
		assert_true(lists(a, "feed.backend", last));
		through(a, file_in, false, last, false);
		assert_null(appliance_change(a, "unbind", "feed.backend", last));
		assert_false(lists(a, "feed.backend", last));
	}
	appliance_stop(a);
}

static void test_connects_take_names_and_sources(void **state)
{
	static const char *const to[][2] = {
		{"tcp://localhost:5601", "tcp://*:5601"},
		{"tcp://127.0.0.5:0;127.0.0.1:5602", "tcp://127.0.0.1:5602"},
		{"tcp://127.0.0.6:7777;127.0.0.1:5603", "tcp://127.0.0.1:5603"},
		{"tcp://[::1]:5604", "tcp://[::1]:5604"},
	};
	struct appliance *a = start(", reconnect: 20ms, reconnect_max: 50ms");
	char last[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		add(a, "connect", "feed.frontend", to[i][0], last);
		through(a, to[i][1], true, "tcp://127.0.0.1:5556", false);
		assert_null(appliance_change(a, "disconnect", "feed.frontend", to[i][0]));
	}
	appliance_stop(a);
}

static mode_t mode_of(const char *name)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &st) ? 0 : st.st_mode;
}

static void test_a_file_has_the_permissions_that_were_asked_for(void **state)
{
	struct appliance *a = start(", ipc_mode: 0620");

	(void)state;
	assert_int_equal(mode_of("in"), S_IFSOCK | 0620);
	through(a, file_in, false, "tcp://127.0.0.1:5556", false);
	appliance_stop(a);
	assert_int_equal(mode_of("in"), 0);
}

/* In the child: another user. */
static void join_as_nobody(struct peer *self, const void *endpoint)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		peer_fail(self, "it could not become nobody");
	peer_open(self, ZMQ_PUB, endpoint, false);
	peer_say(self, "joined", 0, 0);
	peer_listen(self, "end");
}

static bool turned_away(json_t *stats, const void *unused)
{
	json_t *row;
	size_t i;

	(void)unused;
	json_array_foreach(stats, i,
			   row) if (strcmp(json_string_value(json_object_get(row, "name")),
					   "kernel.drop_filtered") ==
				    0) return json_integer_value(json_object_get(row, "total")) > 0;
	return false;
}

static void let_in(const char *filter, bool nobody)
{
	char more[64];
	struct appliance *a;
	struct peer *p;

	snprintf(more, sizeof(more), ", ipc_mode: 0666, %s", filter);
	a = start(more);
	p = peer_start(&a->net, "nobody", join_as_nobody, file_in);
	peer_hear(p, "joined");
	if (nobody)
		appliance_await_peers(a, 1);
	else
		appliance_await(a, "stats", turned_away, NULL, "nobody is turned away");
	peer_tell(p, "end", 0);
	peer_done(p);
	appliance_stop(a);
}

static void test_filters_let_in_whom_they_name(void **state)
{
	(void)state;
	let_in("ipc_uid: [0, 65534]", true);
	let_in("ipc_gid: 65534", true);
	let_in("ipc_uid: 1, ipc_gid: 65534", true); /* one that fits is enough */
	let_in("ipc_uid: 0", false);
	let_in("ipc_gid: 0, ipc_pid: [1]", false);
}

/* What `ss` says of the appliance's sockets at a port; free it. */
static char *sockets_at(struct appliance *a, const char *option, const char *port)
{
	char log[160], at[32];
	struct lab_child child;
	char *argv[] = {"/usr/bin/ss", "-Htn", (char *)option, "sport", "=", at, NULL};
	const struct lab_spawn what = {
		.namespace = a->net.appliance, .name = "ss", .log = log, .argv = argv};

	snprintf(log, sizeof(log), "%s/ss%s", folder, option);
	snprintf(at, sizeof(at), ":%s", port);
	lab_spawn(&child, &what);
	assert_int_equal(lab_wait(&child, LAB_PATIENCE_MS), 0);
	return lab_log(&child);
}

/* Sooner or later: while something is not acknowledged, its timer is the one that is shown. */
static void sees(struct appliance *a, const char *option, const char *port, const char *text)
{
	uint64_t until = lab_now_ms() + (uint64_t)LAB_PATIENCE_MS;
	char *all = sockets_at(a, option, port);

	while (!strstr(all, text) && lab_now_ms() < until) {
		free(all);
		all = sockets_at(a, option, port);
	}
	if (!strstr(all, text))
		fail_msg("ss %s says nothing of %s: %s", option, text, all);
	free(all);
}

/* Out of five minutes of silence; the queue of 77 is the third column of what listens. */
static void test_options_of_a_socket_are_told_to_the_kernel(void **state)
{
	struct appliance_config config = {
		.carrier = LAB_TAP,
		.portless = true,
		.frontend = in,
		.backend = "bind: ['tcp://127.0.0.1:5556'], options: {tos: 184, backlog: 77, "
			   "tcp_keepalive: yes, tcp_keepalive_idle: 5min}"};
	struct appliance *a;
	struct peer *sub;

	(void)state;
	name_all();
	snprintf(in, sizeof(in), "bind: [\"%s\"]", file_in);
	a = appliance_start(&config);
	sees(a, "-l", "5556", " 77 ");
	sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_connect(sub, "tcp://127.0.0.1:5556");
	appliance_await_peers(a, 1);
	sees(a, "-o", "5556", "timer:(keepalive,4min");
	sees(a, "--tos", "5556", "tos:0xb8");
	remote_end(sub);
	appliance_stop(a);
}

static bool lingered(json_t *stats, const void *unused)
{
	json_t *row;
	size_t i;

	(void)unused;
	json_array_foreach(stats, i,
			   row) if (strcmp(json_string_value(json_object_get(row, "name")),
					   "kernel.closed_linger_timeout") ==
				    0) return json_integer_value(json_object_get(row, "total")) > 0;
	return false;
}

/* A worker that has stopped reading is waited for, when its endpoint goes, for so long. */
static void test_what_is_queued_lingers_for_so_long(void **state)
{
	struct appliance *a;
	struct peer *push, *pull;
	static char text[8000];

	(void)state;
	name_all();
	snprintf(in, sizeof(in), "bind: [\"%s\"], hwm: 0", file_in);
	/* a peer may have an eighth of memory queued, and this one is to have 16 MB */
	a = appliance_start(&(struct appliance_config){
		.carrier = LAB_TAP,
		.portless = true,
		.megabytes = 512,
		.kind = "streamer",
		.frontend = in,
		.backend = "hwm: 0, connect: 'tcp://127.0.0.1:5803', options: {linger: 300ms}"});
	push = remote_start(&a->net, "push", ZMQ_PUSH);
	pull = remote_start(&a->net, "pull", ZMQ_PULL);
	remote_connect(push, file_in);
	remote_bind(pull, "tcp://127.0.0.1:5803");
	appliance_await_peers(a, 2);
	peer_signal(pull, SIGSTOP);
	for (unsigned i = 0; i < 2000; i++)
		remote_send_bytes(push, text, sizeof(text));
	appliance_await_counter(a, "router.parts_received", 2000);
	assert_null(appliance_change(a, "disconnect", "feed.backend", "tcp://127.0.0.1:5803"));
	appliance_await(a, "stats", lingered, NULL, "what was queued is dropped");
	peer_signal(pull, SIGCONT);
	remote_end(pull);
	remote_end(push);
	appliance_stop(a);
}

/* A listener of the test's own, or what one leaves behind. */
static int listen_at(const char *path, bool leave)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	if (leave)
		close(fd);
	return leave ? -1 : fd;
}

static void test_a_leftover_file_is_replaced_and_a_live_one_is_not(void **state)
{
	char stale[128], live[128], endpoint[160], last[256], want[420];
	struct appliance *a;
	const char *error;
	int fd;

	(void)state;
	a = start("");
	snprintf(stale, sizeof(stale), "%s/stale", folder);
	snprintf(live, sizeof(live), "%s/live", folder);
	listen_at(stale, true);
	fd = listen_at(live, false);
	snprintf(endpoint, sizeof(endpoint), "ipc://%s", stale);
	add(a, "bind", "feed.frontend", endpoint, last);
	assert_string_equal(last, endpoint);
	through(a, endpoint, false, "tcp://127.0.0.1:5556", false);
	assert_null(appliance_change(a, "unbind", "feed.frontend", endpoint));
	assert_int_not_equal(access(stale, F_OK), 0);
	snprintf(endpoint, sizeof(endpoint), "ipc://%s", live);
	error = appliance_change(a, "bind", "feed.frontend", endpoint);
	assert_non_null(error);
	snprintf(want, sizeof(want),
		 "%s: endpoint %s: another process listens on it; stop that, or choose another "
		 "path",
		 endpoint, endpoint);
	assert_string_equal(error, want);
	assert_int_equal(access(live, F_OK), 0);
	close(fd);
	appliance_stop(a);
}

/* Each is one line: "ENDPOINT: endpoint ENDPOINT: WHY", or by its own words. */
static void test_an_endpoint_that_cannot_be_is_told_in_one_line(void **state)
{
	static const struct {
		const char *command, *endpoint, *why;
	} wrong[] = {
		{"bind", "ipc:///nowhere/at/all",
		 "no such file or directory; create the directory first"},
		{"bind", "ipc:///dev/null",
		 "there is a file that is not a socket; remove it, or "
		 "choose another path"},
		{"bind", "tcp://127.0.0.1:5556", "the socket has it already"},
		{"bind", "tcp://0.0.0.0:5556",
		 "address in use; stop whoever has it, or choose another port"},
		{"bind", "tcp://192.0.2.77:5556", "no port has this address, and no interface"},
		{"bind", "tcp://none.invalid:5556",
		 "is no address, no port, no interface and no "
		 "host"},
		{"connect", "tcp://none.invalid:5556",
		 "is no address, no port, no interface and "
		 "no host"},
		{"bind", "ipc://relative", "the path is relative"},
		{"bind", "tipc://{5555,0,9}", "this kernel has no TIPC; load it: modprobe tipc"},
		{"connect", "tcp://192.0.2.77:5556", "no port's network has this address"},
	};
	struct appliance *a = start("");

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *error = appliance_change(a, wrong[i].command, "feed.backend",
						     wrong[i].endpoint);

		if (strncmp(wrong[i].endpoint, "tipc", 4) == 0 &&
		    access("/proc/net/tipc", F_OK) == 0)
			continue;
		if (!error || strchr(error, '\n') || !strstr(error, wrong[i].why))
			fail_msg("%s %s: %s", wrong[i].command, wrong[i].endpoint,
				 error ? error : "was done");
		printf("  %s\n", error);
		assert_false(lists(a, "feed.backend", wrong[i].endpoint) &&
			     strcmp(wrong[i].endpoint, "tcp://127.0.0.1:5556") != 0);
	}
	through(a, file_in, false, "tcp://127.0.0.1:5556", false);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_an_appliance_without_ports_forwards),
		LAB_TEST(test_a_peer_is_shown_by_what_the_kernel_knows_of_it),
		LAB_TEST(test_wildcards_are_told_as_what_they_became),
		LAB_TEST(test_connects_take_names_and_sources),
		LAB_TEST(test_a_file_has_the_permissions_that_were_asked_for),
		LAB_TEST(test_filters_let_in_whom_they_name),
		LAB_TEST(test_a_leftover_file_is_replaced_and_a_live_one_is_not),
		LAB_TEST(test_an_endpoint_that_cannot_be_is_told_in_one_line),
		LAB_TEST(test_options_of_a_socket_are_told_to_the_kernel),
		LAB_TEST(test_what_is_queued_lingers_for_so_long),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
