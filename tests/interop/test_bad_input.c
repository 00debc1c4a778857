/* What people get wrong: one clear line that says what and where, nothing half-started, and
 * whatever runs already is not disturbed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define NOBODY 65534
/* Where appliance_write_config() has the port. */
#define PORT_LINE "zeroline.yaml:6"

#define PORTS  "ports: [{name: eth0, kind: tap, device: zl0, address: 10.99.0.1/24}]\n"
#define DEVICE "devices: [{name: d, kind: forwarder, frontend: {bind: [\"tcp://*:5555\"]}, "

struct mistake {
	const char *what, *yaml;
	const char *says[3]; /* each is in the line */
};

static const struct mistake mistakes[] = {
	{"broken YAML", "ports: [{name: eth0\ncores: }\n", {"zeroline.yaml:", NULL}},
	{"not a map", "hello\n", {"zeroline.yaml:", NULL}},
	{"an empty file", "", {"zeroline.yaml", NULL}},
	{"an unknown key", PORTS "cores:\n  pol: 1\n", {"zeroline.yaml:3", "pol", NULL}},
	{"an unknown kind",
	 "ports: [{name: a, kind: taap, device: zl0, address: 10.0.0.1/24}]\n",
	 {"zeroline.yaml:1", "taap", NULL}},
	{"a wrong number", PORTS "cores: {poll: 99}\n", {"zeroline.yaml:2", "99", NULL}},
	{"a missing key",
	 "ports: [{name: a, kind: tap, device: zl0}]\n",
	 {"zeroline.yaml:1", "address", NULL}},
	{"a wrong address",
	 "ports: [{name: a, kind: tap, device: zl0, address: 10.0.0.300/24}]\n",
	 {"zeroline.yaml:1", "10.0.0.300", NULL}},
	{"an address that no port has",
	 PORTS DEVICE "backend: {bind: [\"tcp://10.1.1.1:5556\"]}}]\n",
	 {"zeroline.yaml:2", "10.1.1.1", NULL}},
	{"an address that is in use",
	 PORTS DEVICE "backend: {bind: [\"tcp://*:5555\"]}}]\n",
	 {"zeroline.yaml:2", "5555", NULL}},
	{"a port that no device is named by",
	 PORTS DEVICE "backend: {bind: [\"tcp://eth9:5556\"]}}]\n",
	 {"zeroline.yaml:2", "eth9", NULL}},
	{"a wrong socket type",
	 PORTS DEVICE "backend: {type: SUB}}]\n",
	 {"zeroline.yaml:2", "SUB", NULL}},
};

/* Exactly one line, with all of `says` in it. */
static void one_line(const struct lab_child *child, const char *const *says)
{
	char *log = lab_log(child), *end = strchr(log, '\n');

	/* That it waits for control is not what went wrong. */
	if (end && strstr(log, "waiting for zeroline-control"))
		memmove(log, end + 1, strlen(end + 1) + 1);
	end = strchr(log, '\n');
	if (!end || end[1] != '\0')
		fail_msg("%s does not say one line, but \"%s\"", child->name, log);
	for (; *says; says++)
		if (!strstr(log, *says))
			fail_msg("\"%s\" is not in the line: %s", *says, log);
	printf("  %s", log);
	free(log);
}

static void refused(struct lab_child *child, const char *const *says)
{
	assert_int_equal(lab_wait(child, lab_patience_ms()), 1);
	one_line(child, says);
}

static void write_config(struct appliance *a, const char *yaml)
{
	FILE *f = fopen(a->file, "we");

	assert_non_null(f);
	fputs(yaml, f);
	fclose(f);
}

static void test_a_wrong_config_is_one_line_with_its_place(void **state)
{
	struct appliance *a = appliance_prepare(&(struct appliance_config){0});
	char *argv[] = {"--config", a->file, "--run-dir", a->run_dir, NULL};
	char *check[] = {"--config", a->file, "--check", NULL};
	struct lab_child child;

	(void)state;
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		write_config(a, mistakes[i].yaml);
		appliance_spawn(a, &child, "control/zeroline-control", 0, i % 2 ? argv : check);
		refused(&child, mistakes[i].says);
	}
	appliance_spawn(a, &child, "control/zeroline-control", 0,
			(char *[]){"--config", "/nowhere/zeroline.yaml", NULL});
	refused(&child, (const char *[]){"/nowhere/zeroline.yaml", NULL});
	appliance_stop(a);
}

/* The dataplane says why, control says where, and both end. */
static void both_refuse(struct lab_child *dataplane, struct lab_child *control, const char *device)
{
	refused(control, (const char *[]){PORT_LINE, device, NULL});
	refused(dataplane, (const char *[]){device, NULL});
}

static void test_a_port_that_does_not_exist_is_refused_and_the_next_try_works(void **state)
{
	struct appliance *a = appliance_prepare(
		&(struct appliance_config){.carrier = LAB_AF_PACKET, .device = "nope0"});

	(void)state;
	appliance_start_dataplane(a);
	appliance_start_control(a);
	both_refuse(&a->dataplane, &a->control, "nope0");
	a->config.device = LAB_DEVICE;
	appliance_write_config(a);
	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
	appliance_stop(a);
}

static void test_a_device_that_is_in_use_is_refused(void **state)
{
	struct appliance *a = appliance_prepare(
		&(struct appliance_config){.carrier = LAB_TAP, .device = "lo"});

	(void)state;
	appliance_start_dataplane(a);
	appliance_start_control(a);
	both_refuse(&a->dataplane, &a->control, "lo");
	appliance_stop(a);
}

/* What it says is enough is enough, with a port. */
static void test_too_little_memory_is_told_with_what_would_do(void **state)
{
	struct appliance *a = appliance_prepare(
		&(struct appliance_config){.poll_cores = 4, .megabytes = 80});
	const char *const says[] = {"memory.megabytes: 80 is too little for 4 poll cores", NULL};
	char *log, *least;

	(void)state;
	appliance_start_dataplane(a);
	appliance_start_control(a);
	assert_int_equal(lab_wait(&a->control, lab_patience_ms()), 1);
	log = lab_log(&a->control);
	least = strstr(log, "set at least ");
	assert_non_null(least);
	a->config.megabytes = (unsigned)strtoul(least + strlen("set at least "), NULL, 10);
	free(log);
	one_line(&a->control, says);
	refused(&a->dataplane, says);
	appliance_write_config(a);
	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
	appliance_stop(a);
}

static void test_an_endpoint_in_use_or_wrong_is_refused_at_run_time(void **state)
{
	static const char *const wrong[][3] = {
		{"bind", "feed.frontend", BACKEND},
		{"bind", "feed.backend", BACKEND},
		{"bind", "feed.backend", "tcp://10.1.1.1:1"},
		{"bind", "feed.backend", "tcp://eth0:99999"},
		{"bind", "feed.backend", "udp://10.99.0.1:1"},
		{"bind", "nobody", "tcp://*:6000"},
		{"unbind", "feed.backend", "tcp://*:6000"},
		{"connect", "feed.frontend", "tcp://192.0.2.1:5000"},
		{"disconnect", "feed.frontend", "tcp://10.99.0.2:5000"},
	};
	struct appliance *a = appliance_start(&(struct appliance_config){0});

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *error = appliance_change(a, wrong[i][0], wrong[i][1], wrong[i][2]);

		if (!error || strchr(error, '\n'))
			fail_msg("%s %s %s: %s", wrong[i][0], wrong[i][1], wrong[i][2],
				 error ? error : "was done");
		printf("  %s\n", error);
	}
	appliance_stop(a);
}

static void test_who_may_not_is_told_so_in_one_line(void **state)
{
	struct appliance *a = appliance_prepare(&(struct appliance_config){.carrier = LAB_TAP});
	char own[96];
	char *dataplane[] = {"--run-dir", a->run_dir, NULL};
	char *control[] = {"--config", a->file, "--run-dir", a->run_dir, NULL};
	char *own_dataplane[] = {"--run-dir", own, NULL};
	char *own_control[] = {"--config", a->file, "--run-dir", own, NULL};
	struct lab_child child, carrier;

	(void)state;
	snprintf(own, sizeof(own), "%s/own", a->run_dir);
	assert_int_equal(mkdir(own, 0755) || chown(own, NOBODY, NOBODY), 0);
	appliance_spawn(a, &child, "dataplane/zeroline-dataplane", NOBODY, dataplane);
	refused(&child, (const char *[]){a->run_dir, "ermission denied", NULL});
	appliance_spawn(a, &child, "control/zeroline-control", NOBODY, control);
	refused(&child, (const char *[]){a->run_dir, "ermission denied", NULL});
	/* It may start, but not make an interface. */
	appliance_spawn(a, &carrier, "dataplane/zeroline-dataplane", NOBODY, own_dataplane);
	appliance_await_file(own, "dataplane.sock");
	appliance_spawn(a, &child, "control/zeroline-control", NOBODY, own_control);
	both_refuse(&carrier, &child, LAB_DEVICE);
	appliance_stop(a);
}

static void test_a_second_instance_on_the_same_run_directory_is_refused(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	char *dataplane[] = {"--run-dir", a->run_dir, NULL};
	char *control[] = {"--config", a->file, "--run-dir", a->run_dir, NULL};
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct lab_child child;

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_subscribe(sub, "x");
	remote_connect(sub, BACKEND);
	remote_expect_subscription(pub, true, "x");
	appliance_spawn(a, &child, "dataplane/zeroline-dataplane", 0, dataplane);
	refused(&child, (const char *[]){a->run_dir, "another", NULL});
	appliance_spawn(a, &child, "control/zeroline-control", 0, control);
	refused(&child, (const char *[]){a->run_dir, "another", NULL});
	remote_send(pub, "x1");
	remote_expect(sub, "x1");
	assert_int_equal(remote_disconnects(sub) + remote_disconnects(pub), 0);
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_wrong_config_is_one_line_with_its_place),
		LAB_TEST(test_a_port_that_does_not_exist_is_refused_and_the_next_try_works),
		LAB_TEST(test_a_device_that_is_in_use_is_refused),
		LAB_TEST(test_too_little_memory_is_told_with_what_would_do),
		LAB_TEST(test_an_endpoint_in_use_or_wrong_is_refused_at_run_time),
		LAB_TEST(test_who_may_not_is_told_so_in_one_line),
		LAB_TEST(test_a_second_instance_on_the_same_run_directory_is_refused),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
