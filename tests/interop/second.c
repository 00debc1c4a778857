/* The second appliance: its folder, its processes and its routes. */
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

static const struct {
	const char *name, *first, *second; /* where each binds; NULL: a socket in the folder */
} links[SECOND_LINKS / 2] = {
	{"tcp by our stack", BACKEND, "tcp://" SECOND_IP ":5558"},
	{"tcp by the kernel", "tcp://127.0.0.1:5560", "tcp://127.0.0.1:5561"},
	{"ipc", NULL, NULL},
};

const char *second_link(unsigned link, bool first, const char *type, const char *more)
{
	static char side[2][256];
	bool first_binds = link % 2 == 0;
	const char *at = first_binds ? links[link / 2].first : links[link / 2].second;
	char folder[64], path[96];

	if (!at) {
		lab_folder(folder, sizeof(folder));
		snprintf(path, sizeof(path), "ipc://%s/link", folder);
		at = path;
	}
	if (first)
		printf("%s over %s, %s\n", type, links[link / 2].name,
		       first_binds ? "the first binds" : "the second binds");
	snprintf(side[first], sizeof(side[first]), "type: %s, %s: [\"%s\"], hwm: 0%s", type,
		 first == first_binds ? "bind" : "connect", at, more);
	return side[first];
}

static void in_namespace(const struct appliance *a, const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "ip netns exec %s sh -c '%s'", a->net.appliance, command);
	if (system(line))
		fail_msg("%s", line);
}

void second_start(struct second *s, struct appliance *a, const char *frontend, const char *backend)
{
	char *dataplane[] = {"--run-dir", s->run_dir, NULL};
	char *control[] = {"--config", s->file, "--run-dir", s->run_dir, NULL};
	FILE *f;

	snprintf(s->run_dir, sizeof(s->run_dir), "%s/second", a->run_dir);
	snprintf(s->file, sizeof(s->file), "%s/zeroline.yaml", s->run_dir);
	assert_true(mkdir(s->run_dir, 0755) == 0 || errno == EEXIST);
	f = fopen(s->file, "we");
	assert_non_null(f);
	fprintf(f,
		"memory: {hugepages: no, megabytes: 512}\n"
		"ports: [{name: eth0, kind: tap, device: zl1, address: " SECOND_IP "/24}]\n"
		"devices: [{name: second, kind: bridge, frontend: {%s}, backend: {%s}}]\n",
		frontend, backend);
	fclose(f);
	appliance_spawn(a, &s->dataplane, "dataplane/zeroline-dataplane", 0, dataplane);
	appliance_await_file(s->run_dir, "dataplane.sock");
	appliance_spawn(a, &s->control, "control/zeroline-control", 0, control);
	in_namespace(a, "until ip link set zl1 up 2>/dev/null; do :; done");
	in_namespace(a, "ip route add " SECOND_IP "/32 dev zl1 src " LAB_PEER_IP);
	in_namespace(a, "for i in zl0 zl1; do echo 1 > /proc/sys/net/ipv4/conf/$i/proxy_arp; "
			"echo 1 > /proc/sys/net/ipv4/conf/$i/forwarding; done");
}

void second_end(struct second *s)
{
	lab_kill(&s->control, SIGTERM);
	assert_int_equal(lab_wait(&s->control, lab_patience_ms()), 0);
	lab_kill(&s->dataplane, SIGTERM);
	assert_int_equal(lab_wait(&s->dataplane, lab_patience_ms()), 0);
}
