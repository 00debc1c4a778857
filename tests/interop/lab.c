/* Namespaces, cables and child processes for interop tests, and their removal whatever happens. */
#include "tests/interop/lab.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/interop/cable.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define NAMESPACES "/run/netns"

static unsigned serial;
static char folder[64];

bool lab_sanitized(void)
{
	return SANITIZED;
}

int lab_patience_ms(void)
{
	const char *said = getenv("ZL_LAB_PATIENCE");
	int value = said ? atoi(said) : 0;

	return (SANITIZED ? 90000 : 30000) * (value > 0 ? value : 1);
}

uint64_t lab_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t scale(void)
{
	const char *said = getenv("ZL_LAB_SCALE");
	unsigned long value = said ? strtoul(said, NULL, 10) : 0;

	return value ? value : SANITIZED ? 10 : 1;
}

uint64_t lab_scaled(uint64_t messages)
{
	return (messages + scale() - 1) / scale();
}

enum lab_standin lab_standin(void)
{
	const char *said = getenv("ZL_LAB_STANDIN");

	if (!said)
		return LAB_REAL;
	return strcmp(said, "lossy") == 0 ? LAB_LOSSY_PROXY : LAB_PROXY;
}

/* Whose is "zl-PID-..."? A process that is gone: stale. */
static bool stale(const char *name)
{
	int pid;

	return sscanf(name, "zl-%d-", &pid) == 1 && pid > 0 && kill(pid, 0) && errno == ESRCH;
}

static void remove_stale(const char *where, const char *command)
{
	DIR *dir = opendir(where);
	struct dirent *entry;
	char line[400];

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (stale(entry->d_name)) {
			snprintf(line, sizeof(line), "%s%s", command, entry->d_name);
			if (system(line))
				fprintf(stderr, "lab: %s failed\n", line);
		}
	closedir(dir);
}

int lab_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1", 0);
	if (geteuid() != 0) {
		printf("SKIPPED: network namespaces need root\n");
		return LAB_SKIPPED;
	}
	if (lab_standin() == LAB_REAL &&
	    (access(lab_program("dataplane/zeroline-dataplane"), X_OK) ||
	     access(lab_program("control/zeroline-control"), X_OK))) {
		printf("SKIPPED: this build has no zeroline-dataplane or no zeroline-control\n");
		return LAB_SKIPPED;
	}
	if (scale() > 1)
		printf("message counts are divided by %llu%s\n", (unsigned long long)scale(),
		       SANITIZED ? ", as this is a sanitized build" : "");
	signal(SIGPIPE, SIG_IGN);
	remove_stale(NAMESPACES, "ip netns del ");
	remove_stale("/tmp", "rm -rf /tmp/");
	return 0;
}

int lab_teardown(void **state)
{
	char line[128];

	(void)state;
	peer_abandon();
	realm_abandon();
	appliance_abandon();
	branch_abandon();
	if (folder[0]) {
		snprintf(line, sizeof(line), "rm -rf %s", folder);
		if (system(line))
			return -1;
		folder[0] = '\0';
	}
	return 0;
}

void lab_folder(char *path, size_t bytes)
{
	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "/tmp/zl-%d-%u", getpid(), ++serial);
		if (mkdir(folder, 0755))
			fail_msg("%s: %s", folder, strerror(errno));
	}
	snprintf(path, bytes, "%s", folder);
}

const char *lab_program(const char *path)
{
	static char program[512];
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	for (unsigned up = 0; up < 3 && strrchr(self, '/'); up++) /* BUILD/tests/interop/NAME */
		*strrchr(self, '/') = '\0';
	snprintf(program, sizeof(program), "%s/%s", self, path);
	return program;
}

void lab_shell(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (system(line))
		fail_msg("failed: %s", line);
}

static enum lab_carrier chosen(enum lab_carrier carrier)
{
	const char *said = getenv("ZL_LAB_CARRIER");

	if (lab_standin() != LAB_REAL)
		return LAB_AF_PACKET; /* the proxy's kernel needs a namespace of its own */
	if (carrier != LAB_DEFAULT)
		return carrier;
	return said && strcmp(said, "af_packet") == 0 ? LAB_AF_PACKET : LAB_TAP;
}

/* Without IPv6: what has such an address before it has one of IPv4, as a device has that has just
 * come, is a host of IPv6 only to getaddrinfo(), and a group's number becomes one of IPv6. */
static void add_namespace(const char *name)
{
	lab_shell("ip netns add %s", name);
	lab_shell("ip netns exec %s sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'",
		  name);
	lab_shell("ip -n %s link set lo up", name);
}

void lab_net_open(struct lab_net *net, enum lab_carrier carrier)
{
	net->carrier = chosen(carrier);
	snprintf(net->appliance, sizeof(net->appliance), "zl-%d-%ua", getpid(), ++serial);
	add_namespace(net->appliance);
	if (net->carrier == LAB_TAP) {
		strcpy(net->peer, net->appliance);
		return;
	}
	snprintf(net->peer, sizeof(net->peer), "zl-%d-%up", getpid(), serial);
	add_namespace(net->peer);
	lab_shell("ip -n %s link add " LAB_DEVICE " type veth peer name peer0 netns %s",
		  net->appliance, net->peer);
	cable_plain(net->peer, "peer0");
	lab_shell("ip -n %s link set " LAB_DEVICE " up", net->appliance);
	lab_shell("ip -n %s link set peer0 up", net->peer);
	if (lab_standin() != LAB_REAL)
		lab_shell("ip -n %s addr add " LAB_APPLIANCE_IP "/24 dev " LAB_DEVICE,
			  net->appliance);
}

/* A descriptor of that namespace, whatever this process's own is; or -1. */
static int socket_of(const char *namespace)
{
	char path[80];
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1, there;

	snprintf(path, sizeof(path), NAMESPACES "/%s", namespace);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (own >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (setns(own, CLONE_NEWNET))
			fail_msg("no way back into a namespace: %s", strerror(errno));
	}
	close(there);
	close(own);
	return fd;
}

static void set(struct ifreq *r, int fd, unsigned long what, const char *address)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address)};

	memcpy(&r->ifr_addr, &a, sizeof(a));
	ioctl(fd, what, r);
}

void lab_net_address_early(const struct lab_net *net)
{
	struct ifreq r = {.ifr_name = LAB_DEVICE};
	int fd = net->carrier == LAB_TAP ? socket_of(net->peer) : -1;

	if (fd < 0)
		return;
	if (ioctl(fd, SIOCGIFINDEX, &r) == 0 && ioctl(fd, SIOCGIFADDR, &r)) {
		set(&r, fd, SIOCSIFADDR, LAB_PEER_IP);
		set(&r, fd, SIOCSIFNETMASK, "255.255.255.0");
	}
	close(fd);
}

void lab_net_address(const struct lab_net *net)
{
	const char *device = net->carrier == LAB_TAP ? LAB_DEVICE : "peer0";

	lab_shell("ip -n %s addr replace " LAB_PEER_IP "/24 dev %s", net->peer, device);
	lab_shell("ip -n %s link set %s up", net->peer, device);
}

void lab_net_many(const struct lab_net *net)
{
	lab_shell("ip -n %s route replace local " LAB_MANY_IP "/25 dev lo", net->peer);
}

void lab_net_close(struct lab_net *net)
{
	char line[80];

	for (unsigned i = 0; i < 2; i++) {
		const char *name = i ? net->appliance : net->peer;
		if (!name[0] || (!i && strcmp(net->peer, net->appliance) == 0))
			continue;
		snprintf(line, sizeof(line), "ip netns del %s", name);
		if (system(line))
			fprintf(stderr, "lab: %s failed\n", line);
	}
	net->appliance[0] = net->peer[0] = '\0';
}

void lab_net_is_quiet(const struct lab_net *net)
{
	if (net->carrier == LAB_TAP)
		lab_shell("! ip -n %s link show " LAB_DEVICE " >/dev/null 2>&1", net->appliance);
	lab_shell("test -z \"$(ip netns pids %s)\"", net->appliance);
}

/* --- children --- */

static void child_failed(const char *what)
{
	fprintf(stderr, "lab: %s: %s\n", what, strerror(errno));
	_exit(126);
}

void lab_enter(const char *namespace, bool whole)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), NAMESPACES "/%s", namespace);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		child_failed(path);
	close(fd);
	if (!whole)
		return;
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) ||
	    umount2("/sys", MNT_DETACH) || mount("sysfs", "/sys", "sysfs", 0, NULL))
		child_failed("a /sys of its own");
}

static void run_child(const struct lab_spawn *what)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (what->namespace)
		lab_enter(what->namespace, true);
	fd = open(what->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		child_failed(what->log);
	if (what->uid && (setgid(what->uid) || setuid(what->uid)))
		child_failed("setuid");
	execv(what->argv[0], what->argv);
	child_failed(what->argv[0]);
}

void lab_spawn(struct lab_child *child, const struct lab_spawn *what)
{
	fflush(NULL);
	*child = (struct lab_child){.pid = fork()};
	if (child->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (child->pid == 0)
		run_child(what);
	snprintf(child->name, sizeof(child->name), "%s", what->name);
	snprintf(child->log, sizeof(child->log), "%s", what->log);
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd < 0)
		fail_msg("pidfd_open: %s", strerror(errno));
}

int lab_wait(struct lab_child *child, int ms)
{
	struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
	int status = 0;

	if (poll(&ended, 1, ms) < 1)
		return -1;
	waitpid(child->pid, &status, 0);
	close(child->pidfd);
	child->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void lab_kill(struct lab_child *child, int signal)
{
	if (child->pid)
		kill(child->pid, signal);
	if (child->pid && signal == SIGKILL)
		lab_wait(child, -1);
}

char *lab_log(const struct lab_child *child)
{
	FILE *f = fopen(child->log, "re");
	char *text = NULL;
	size_t room = 0;

	if (!f || getdelim(&text, &room, '\0', f) < 0) {
		free(text);
		text = strdup("");
	}
	if (!text)
		fail_msg("no memory");
	if (f)
		fclose(f);
	return text;
}

void lab_await_log(const struct lab_child *child, const char *text, int ms)
{
	const uint64_t until = lab_now_ms() + (uint64_t)ms;

	for (;;) {
		char *log = lab_log(child);
		bool there = strstr(log, text) != NULL;

		free(log);
		if (there)
			return;
		if (lab_now_ms() > until)
			fail_msg("%s has not said \"%s\"; see %s", child->name, text, child->log);
		poll(NULL, 0, 5);
	}
}
