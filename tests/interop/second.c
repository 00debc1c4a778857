/* The second appliance: its folder, its processes and its routes; and the ways between the two. */
#include "tests/interop/second.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static const struct way {
	const char *name;
	bool first_binds;
	const char *at; /* NULL: a socket in the folder */
} ways[SECOND_WAYS] = {
	{"tcp by our stack, the first binds", true, BACKEND},
	{"tcp by our stack, the second binds", false, "tcp://" SECOND_IP ":5558"},
	{"tcp by the kernel, the first binds", true, "tcp://127.0.0.1:5560"},
	{"tcp by the kernel, the second binds", false, "tcp://127.0.0.1:5561"},
	{"ipc, the first binds", true, NULL},
	{"ipc, the second binds", false, NULL},
};

#define DIALLED_LATE 1 /* by the first, on its own stack */

const char *second_front(unsigned way)
{
	static char at[SECOND_WAYS][40];

	snprintf(at[way], sizeof(at[way]), "tcp://" LAB_APPLIANCE_IP ":%u", SECOND_FRONT(way));
	return at[way];
}

const char *second_back(unsigned way)
{
	static char at[SECOND_WAYS][40];

	snprintf(at[way], sizeof(at[way]), "tcp://" SECOND_IP ":%u", SECOND_BACK(way));
	return at[way];
}

const char *second_name(unsigned way)
{
	return ways[way].name;
}

/* Of peers. */
static void outer(char *yaml, size_t bytes, const char *map, const char *at)
{
	snprintf(yaml, bytes, "%s, bind: [\"%s\"], hwm: 0", map, at);
}

/* Of the other appliance. */
static void inner(char *yaml, size_t bytes, const char *map, unsigned way, bool first)
{
	char folder[64], path[96];
	const char *at = ways[way].at;

	if (first && way == DIALLED_LATE) {
		snprintf(yaml, bytes, "%s, hwm: 0", map);
		return;
	}
	if (!at) {
		lab_folder(folder, sizeof(folder));
		snprintf(path, sizeof(path), "ipc://%s/way%u", folder, way);
		at = path;
	}
	snprintf(yaml, bytes, "%s, %s: [\"%s\"], hwm: 0, reconnect: 20ms, reconnect_max: 50ms", map,
		 first == ways[way].first_binds ? "bind" : "connect", at);
}

/* The two sides of a way's bridge. */
static void sides(char side[2][256], const struct second_plan *plan, unsigned way, bool first)
{
	if (first) {
		outer(side[0], sizeof(side[0]), plan->front, second_front(way));
		inner(side[1], sizeof(side[1]), plan->near, way, first);
	} else {
		inner(side[0], sizeof(side[0]), plan->far, way, first);
		outer(side[1], sizeof(side[1]), plan->back, second_back(way));
	}
}

/* As items of a YAML list, from this way on. */
static void bridges(char *yaml, size_t bytes, const struct second_plan *plan, unsigned from,
		    bool first)
{
	char side[2][256];
	size_t n = 0;

	for (unsigned way = from; way < SECOND_WAYS; way++) {
		sides(side, plan, way, first);
		n += (size_t)snprintf(
			yaml + n, bytes - n,
			"  - {name: way%u, kind: bridge, frontend: {%s}, backend: {%s}}\n", way,
			side[0], side[1]);
		assert_true(n < bytes);
	}
}

static void start_first(struct second *s, const struct second_plan *plan)
{
	sides(s->side, plan, 0, true);
	bridges(s->devices, sizeof(s->devices), plan, 1, true);
	s->first = appliance_start(&(struct appliance_config){.carrier = LAB_TAP,
							      .megabytes = 192,
							      .kind = "bridge",
							      .frontend = s->side[0],
							      .backend = s->side[1],
							      .devices = s->devices});
}

static void write_config(const struct second *s, const struct second_plan *plan)
{
	char devices[2048];
	FILE *f = fopen(s->file, "we");

	assert_non_null(f);
	bridges(devices, sizeof(devices), plan, 0, false);
	fprintf(f,
		"memory: {hugepages: no, megabytes: 192}\n"
		"ports: [{name: eth0, kind: tap, device: zl1, address: " SECOND_IP "/24}]\n"
		"devices:\n%s",
		devices);
	fclose(f);
}

static void in_namespace(const struct appliance *a, const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "ip netns exec %s sh -c '%s'", a->net.appliance, command);
	if (system(line))
		fail_msg("%s", line);
}

/* Linux is between the two, and answers each for the other; at once, not after most of a second.
 * The second's device is yet to come, and begins with the defaults. */
static void forward(const struct appliance *a)
{
	in_namespace(a, "cd /proc/sys/net/ipv4; echo 0 > neigh/zl0/proxy_delay; "
			"for i in zl0 default; do "
			"echo 1 > conf/$i/proxy_arp; echo 1 > conf/$i/forwarding; done");
}

/* Who has asked for an address in vain asks again a second later: the second's way is there before
 * it dials, and the first dials when the second is there. */
static void join(struct appliance *a)
{
	char late[32];

	in_namespace(a, "until echo 0 > /proc/sys/net/ipv4/neigh/zl1/proxy_delay && "
			"ip link set zl1 up && ip route add " SECOND_IP
			"/32 dev zl1 src " LAB_PEER_IP "; do sleep 0.01; done 2>/dev/null");
	snprintf(late, sizeof(late), "way%u.backend", DIALLED_LATE);
	assert_null(appliance_change(a, "connect", late, ways[DIALLED_LATE].at));
}

void second_start(struct second *s, const struct second_plan *plan)
{
	char *dataplane[] = {"--run-dir", s->run_dir, NULL};
	char *control[] = {"--config", s->file, "--run-dir", s->run_dir, NULL};
	struct appliance *a;

	*s = (struct second){.first = NULL};
	start_first(s, plan);
	a = s->first;
	snprintf(s->run_dir, sizeof(s->run_dir), "%s/second", a->run_dir);
	snprintf(s->file, sizeof(s->file), "%s/zeroline.yaml", s->run_dir);
	assert_true(mkdir(s->run_dir, 0755) == 0 || errno == EEXIST);
	write_config(s, plan);
	forward(a);
	appliance_spawn(a, &s->dataplane, "dataplane/zeroline-dataplane", 0, dataplane);
	appliance_await_file(s->run_dir, "dataplane.sock");
	appliance_spawn(a, &s->control, "control/zeroline-control", 0, control);
	join(a);
	appliance_await_peers(a, SECOND_WAYS);
}

void second_end(struct second *s)
{
	lab_kill(&s->control, SIGTERM);
	assert_int_equal(lab_wait(&s->control, lab_patience_ms()), 0);
	lab_kill(&s->dataplane, SIGTERM);
	assert_int_equal(lab_wait(&s->dataplane, lab_patience_ms()), 0);
}
