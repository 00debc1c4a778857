/* What the two processes may do, as the kernel tells it; and what becomes of one that does more:
 * it is killed, started again, and its peers have not noticed. */
#include <errno.h>
#include <dirent.h>
#include <grp.h>
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
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define NOBODY   65534
#define STRANGER 54321

/* capability(7): NET_BIND_SERVICE 10, NET_ADMIN 12, NET_RAW 13 */
#define DATAPLANE_CAPS "0000000000003400"
#define NO_CAPS        "0000000000000000"

/* Sanitizers want to be first, and can do without. */
static void preload_forbidden(const char *library)
{
	const char *said = getenv("ASAN_OPTIONS");
	char options[512];

	snprintf(options, sizeof(options), "%s:verify_asan_link_order=0", said ? said : "");
	setenv("ASAN_OPTIONS", options, 1);
	setenv("LD_PRELOAD", library, 1);
}

static struct appliance *start(bool preload)
{
	struct appliance *a = appliance_prepare(&(struct appliance_config){0});
	char program[2][512], library[512];
	char *argv[] = {"--config",    a->file,    "--run-dir", a->run_dir, "--user", "nobody",
			"--dataplane", program[0], "--control", program[1], NULL};

	snprintf(program[0], 512, "%s", lab_program("dataplane/zeroline-dataplane"));
	snprintf(program[1], 512, "%s", lab_program("control/zeroline-control"));
	snprintf(library, 512, "%s", lab_program("tests/interop/libforbidden.so"));
	assert_int_equal(chown(a->run_dir, NOBODY, NOBODY) | chmod(a->run_dir, 0750), 0);
	if (preload)
		preload_forbidden(library);
	appliance_spawn(a, &a->control, "control/supervisor/zeroline-supervisor", 0, argv);
	unsetenv("LD_PRELOAD");
	appliance_ready(a);
	return a;
}

static int pid_of(struct appliance *a, const char *process)
{
	json_t *status = appliance_ask(a, "status");
	int pid = (int)json_integer_value(json_object_get(json_object_get(status, process), "pid"));

	json_decref(status);
	assert_true(pid > 0);
	return pid;
}

/* One line of a thread's status, without its name. */
static void expect_line(const char *path, const char *name, const char *value)
{
	FILE *f = fopen(path, "re");
	char line[512];
	size_t n = strlen(name);

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, n) || line[n] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		fclose(f);
		n += 1 + strspn(line + n + 1, "\t ");
		for (size_t end = strlen(line); end && line[end - 1] == ' '; end--)
			line[end - 1] = '\0';
		if (strcmp(line + n, value))
			fail_msg("%s: %s is \"%s\", not \"%s\"", path, name, line + n, value);
		return;
	}
	fail_msg("%s has no %s", path, name);
}

/* Every thread; poll cores ("rte-worker-0": the first) have nothing at all. */
static void expect_threads(int pid, const char *caps)
{
	char folder[64], path[400], name[64];
	struct dirent *e;
	unsigned threads = 0;

	snprintf(folder, sizeof(folder), "/proc/%d/task", pid);
	DIR *d = opendir(folder);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/comm", folder, e->d_name);
		FILE *f = fopen(path, "re");
		if (!f || !fgets(name, sizeof(name), f))
			name[0] = '\0';
		if (f)
			fclose(f);
		snprintf(path, sizeof(path), "%s/%s/status", folder, e->d_name);
		const char *has = strcmp(name, "rte-worker-0\n") ? caps : NO_CAPS;
		expect_line(path, "Uid", "65534\t65534\t65534\t65534");
		expect_line(path, "Gid", "65534\t65534\t65534\t65534");
		expect_line(path, "Groups", "");
		expect_line(path, "CapPrm", has);
		expect_line(path, "CapEff", has);
		expect_line(path, "CapInh", NO_CAPS);
		expect_line(path, "CapAmb", NO_CAPS);
		if (!strcmp(caps, NO_CAPS))
			expect_line(path, "CapBnd", NO_CAPS);
		expect_line(path, "NoNewPrivs", "1");
		expect_line(path, "Seccomp", "2");
		threads++;
	}
	closedir(d);
	assert_true(threads > 0);
}

static void expect_mode(struct appliance *a, const char *name, mode_t mode)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", a->run_dir, name);
	assert_int_equal(stat(path, &st), 0);
	if ((st.st_mode & 0777) != mode || st.st_uid != NOBODY)
		fail_msg("%s: mode %o of user %u", path, st.st_mode & 0777, st.st_uid);
}

static void test_both_have_no_more_than_they_need(void **state)
{
	struct appliance *a = start(false);

	(void)state;
	expect_threads(pid_of(a, "control"), NO_CAPS);
	expect_threads(pid_of(a, "dataplane"), DATAPLANE_CAPS);
	expect_mode(a, "", 0750);
	expect_mode(a, "control.sock", 0660);
	expect_mode(a, "dataplane.sock", 0600);
	expect_mode(a, "control.lock", 0600);
	expect_mode(a, "dataplane.lock", 0600);
	appliance_stop(a);
}

/* In a process of that user: did whoever listens end the connection? */
static bool is_refused(struct appliance *a, const char *name, int type)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char bytes[4096];
	int status;
	pid_t pid;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", a->run_dir, name);
	chmod(sa.sun_path, 0666); /* by its mode alone it could not come so far */
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

		if (setgroups(0, NULL) || setgid(STRANGER) || setuid(STRANGER) ||
		    connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
			_exit(2);
		send(fd, "{\"cmd\": \"status\"}\n", 18, MSG_NOSIGNAL);
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		while (type == SOCK_SEQPACKET && n > 0) /* it says why */
			n = recv(fd, bytes, sizeof(bytes), 0);
		_exit(n > 0 ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static void test_strangers_are_refused_on_both_sockets(void **state)
{
	struct appliance *a = start(false);
	char *log;

	(void)state;
	assert_int_equal(chmod(a->run_dir, 0755), 0);
	assert_true(is_refused(a, "control.sock", SOCK_STREAM));
	assert_true(is_refused(a, "dataplane.sock", SOCK_SEQPACKET));
	log = lab_log(&a->control);
	assert_non_null(strstr(log, "control.sock: refused user 54321"));
	assert_non_null(strstr(log, "dataplane.sock: refused user 54321"));
	free(log);
	json_t *stats = appliance_ask(a, "status"); /* it serves on */
	json_decref(stats);
	appliance_stop(a);
}

static bool is_another(json_t *status, const void *context)
{
	json_t *pid = json_object_get(json_object_get(status, "control"), "pid");

	return json_integer_value(pid) != *(const int *)context;
}

static void test_a_forbidden_call_kills_control_and_no_peer_notices(void **state)
{
	struct appliance *a = start(true);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	char text[16];
	int pid;

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_subscribe(sub, "A");
	remote_connect(sub, BACKEND);
	remote_expect_subscription(pub, true, "A");
	pid = pid_of(a, "control");
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "A%u", i);
		remote_send(pub, text);
		if (i == 100) {
			assert_int_equal(kill(pid, SIGUSR2), 0);
			lab_await_log(&a->control, "zeroline-control was killed by signal 31",
				      lab_patience_ms());
		}
		if (i == 200) {
			appliance_await_served(a);
			appliance_await(a, "status", is_another, &pid, "another control");
			appliance_ready(a);
		}
	}
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "A%u", i);
		remote_expect(sub, text);
	}
	remote_subscribe(sub, "B"); /* the new one is at work */
	remote_expect_subscription(pub, true, "B");
	assert_int_equal(remote_disconnects(sub) + remote_disconnects(pub), 0);
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_both_have_no_more_than_they_need),
		LAB_TEST(test_strangers_are_refused_on_both_sockets),
		LAB_TEST(test_a_forbidden_call_kills_control_and_no_peer_notices),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
