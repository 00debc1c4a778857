/* Starting and ending the appliance, and what must be true when it has ended. */
#include "tests/interop/appliance.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/interop/standin.h"

static struct appliance *current;

/* --- config --- */

static const char * or (const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static void write_port(const struct appliance *a, FILE *f)
{
	const struct appliance_config *c = &a->config;

	fprintf(f, "ports:\n  - name: eth0\n    kind: %s\n    device: %s\n    address: %s/24\n",
		a->net.carrier == LAB_TAP ? "tap" : "af_packet", or (c->device, LAB_DEVICE),
		LAB_APPLIANCE_IP);
	if (c->queues)
		fprintf(f, "    queues: %u\n", c->queues);
	if (c->impair)
		fprintf(f, "    impair: {%s}\n", c->impair);
	fputs(or (c->ports, ""), f);
}

#define DEFAULT_MB 192

static unsigned megabytes = DEFAULT_MB;

void appliance_is_small(void)
{
	megabytes = 128;
}

void appliance_is_large(void)
{
	megabytes = 512;
}

/* Each core has tables and, of a tap, buffers of its own. */
static unsigned memory_mb(const struct appliance_config *c)
{
	if (c->megabytes)
		return c->megabytes;
	return megabytes == DEFAULT_MB && c->poll_cores > 1 ? DEFAULT_MB + 128 * (c->poll_cores - 1)
							    : megabytes;
}

void appliance_write_config(struct appliance *a)
{
	const struct appliance_config *c = &a->config;
	FILE *f = fopen(a->file, "we");

	if (!f)
		fail_msg("%s cannot be written", a->file);
	fprintf(f, "cores: {poll: %u}\n", c->poll_cores ? c->poll_cores : 1);
	fprintf(f, "memory: {hugepages: no, megabytes: %u}\n", memory_mb(c));
	fprintf(f, "tcp: {%s}\n", or (c->tcp, ""));
	fprintf(f, "limits: {%s}\n", or (c->limits, ""));
	if (!c->portless)
		write_port(a, f);
	fputs(or (c->top, ""), f);
	fprintf(f, "devices:\n  - name: feed\n    kind: %s\n    frontend: {%s}\n",
		or (c->kind, "forwarder"), or (c->frontend, "bind: [\"" FRONTEND "\"], hwm: 0"));
	fprintf(f, "    backend: {%s}\n", or (c->backend, "bind: [\"" BACKEND "\"], hwm: 0"));
	if (c->more)
		fprintf(f, "    %s\n", c->more);
	fputs(or (c->devices, ""), f);
	fclose(f);
}

/* --- what DPDK keeps on the machine --- */

/* Its runtime folders, one a line; free it. */
static char *runtime_files(void)
{
	struct dirent **list = NULL;
	int n = scandir("/var/run/dpdk", &list, NULL, alphasort);
	char *text = calloc(1, 4096);
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		if (text && list[i]->d_name[0] != '.' && at < 3800)
			at += (size_t)sprintf(text + at, "%s\n", list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return text;
}

/* --- start --- */

struct appliance *appliance_prepare(const struct appliance_config *config)
{
	struct appliance *a = calloc(1, sizeof(*a));

	if (!a)
		fail_msg("no memory");
	if (current)
		fail_msg("one appliance at a time");
	current = a;
	a->config = *config;
	lab_folder(a->run_dir, sizeof(a->run_dir));
	snprintf(a->file, sizeof(a->file), "%s/zeroline.yaml", a->run_dir);
	lab_net_open(&a->net, config->carrier);
	appliance_write_config(a);
	a->runtime_before = runtime_files();
	return a;
}

void appliance_spawn(struct appliance *a, struct lab_child *child, const char *program, uid_t uid,
		     char *const *argv)
{
	static unsigned serial;
	const char *slash = strrchr(program, '/');
	char log[128], path[512];
	char *all[16] = {path};
	unsigned n = 0;

	for (; argv[n] && n < 14; n++)
		all[n + 1] = argv[n];
	snprintf(path, sizeof(path), "%s", lab_program(program));
	snprintf(log, sizeof(log), "%s/%s.%u.log", a->run_dir, slash ? slash + 1 : program,
		 ++serial);
	lab_spawn(child, &(struct lab_spawn){.namespace = a->net.appliance,
					     .uid = uid,
					     .name = slash ? slash + 1 : program,
					     .log = log,
					     .argv = all});
}

void appliance_await_file(const char *folder, const char *name)
{
	uint64_t deadline = lab_now_ms() + (uint64_t)lab_patience_ms();
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd created = {.fd = watch, .events = POLLIN};
	char path[160], events[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	inotify_add_watch(watch, folder, IN_CREATE);
	while (access(path, F_OK)) {
		if (lab_now_ms() > deadline)
			fail_msg("%s did not come", path);
		poll(&created, 1, 1000);
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
	close(watch);
}

void appliance_start_dataplane(struct appliance *a)
{
	char *argv[] = {"--run-dir", a->run_dir, "--user", "0", NULL};

	if (lab_standin() != LAB_REAL) {
		standin_start(a);
		return;
	}
	appliance_spawn(a, &a->dataplane, "dataplane/zeroline-dataplane", 0, argv);
	appliance_await_file(a->run_dir, "dataplane.sock");
}

void appliance_start_control(struct appliance *a)
{
	char *argv[] = {"--config", a->file, "--run-dir", a->run_dir, "--user", "0", NULL};

	if (lab_standin() == LAB_REAL)
		appliance_spawn(a, &a->control, "control/zeroline-control", 0, argv);
}

struct appliance *appliance_start(const struct appliance_config *config)
{
	struct appliance *a = appliance_prepare(config);

	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
	return a;
}

/* --- end --- */

static void show_log(struct lab_child *child)
{
	char *text = child->log[0] ? lab_log(child) : NULL;

	for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n"))
		fprintf(stderr, "| %s\n", line);
	free(text);
	child->log[0] = '\0';
}

static void end(struct lab_child *child)
{
	char name[32];
	int status;

	if (!child->pid)
		return;
	strcpy(name, child->name);
	lab_kill(child, SIGTERM);
	status = lab_wait(child, lab_patience_ms());
	if (status)
		fail_msg("%s %s %d", name,
			 status < 0 ? "did not end on SIGTERM:" : "ended with status", status);
}

static void nothing_is_left(struct appliance *a)
{
	char *after = runtime_files(), path[128];
	static const char *const sockets[] = {"control.sock", "dataplane.sock"};

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", a->run_dir, sockets[i]);
		if (access(path, F_OK) == 0)
			fail_msg("%s is left", path);
	}
	if (a->runtime_before && after)
		assert_string_equal(after, a->runtime_before);
	free(after);
	snprintf(path, sizeof(path), "test -z \"$(find %s -type f -name '*map*')\"", a->run_dir);
	if (system(path))
		fail_msg("DPDK left files in %s", a->run_dir);
	lab_net_is_quiet(&a->net);
}

static void forget(struct appliance *a)
{
	show_log(&a->dataplane);
	show_log(&a->control);
	lab_net_close(&a->net);
	free(a->runtime_before);
	free(a);
	current = NULL;
}

void appliance_stop(struct appliance *a)
{
	if (lab_standin() != LAB_REAL) {
		standin_stop(a);
	} else {
		end(&a->control);
		end(&a->dataplane);
		nothing_is_left(a);
	}
	forget(a);
}

static void kill_or_tell(struct lab_child *child)
{
	int status = child->pid ? lab_wait(child, 0) : -1;

	if (status >= 0)
		fprintf(stderr, "%s had ended by itself with status %d%s\n", child->name, status,
			status > 128 ? " (128 + signal)" : "");
	lab_kill(child, SIGKILL);
}

/* A test has failed in the middle. */
void appliance_abandon(void)
{
	if (!current)
		return;
	appliance_tell_state(current);
	kill_or_tell(&current->control);
	kill_or_tell(&current->dataplane);
	forget(current);
}
