/* What the dataplane may still do. Until its ports are up: all that EAL and a driver may need to
 * open a device. From then on, in every thread, what the list below says; poll cores nothing. */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/dataplane.h"

/* tap, af_packet, af_xdp: interfaces, their raw sockets and programs; vfio and hugepages: locked
 * memory; uio: I/O ports, and physical addresses (SYS_ADMIN); files of devices and hugetlbfs. */
#define STARTING                                                                                   \
	(ZL_CAP(CAP_NET_ADMIN) | ZL_CAP(CAP_NET_RAW) | ZL_CAP(CAP_NET_BIND_SERVICE) |              \
	 ZL_CAP(CAP_IPC_LOCK) | ZL_CAP(CAP_SYS_RAWIO) | ZL_CAP(CAP_SYS_ADMIN) | ZL_CAP(CAP_BPF) |  \
	 ZL_CAP(CAP_DAC_OVERRIDE))

/* A port's interface is set and taken down (tap, af_xdp); tcp below port 1024 by the kernel. */
#define RUNNING (ZL_CAP(CAP_NET_ADMIN) | ZL_CAP(CAP_NET_RAW) | ZL_CAP(CAP_NET_BIND_SERVICE))

/* Of a dataplane that stays root: the files of ipc binds in directories of others, as root has. */
#define FILES (ZL_CAP(CAP_DAC_OVERRIDE) | ZL_CAP(CAP_CHOWN) | ZL_CAP(CAP_FOWNER))

#define BROADCAST_MS 5000

static struct {
	uint64_t keep;
	atomic_uint done, failed;
} dropping;

static uint64_t files(const struct zl_dataplane *d)
{
	return d->identity.uid == 0 ? FILES : 0;
}

int zl_dataplane_confine(struct zl_dataplane *d)
{
	int err = zl_confine_become(&d->identity, STARTING | files(d));

	if (err) {
		zl_say("cannot become user %u: %s; start it as root or as that user",
		       d->identity.uid, strerror(-err));
		return err;
	}
	if (access(d->run_dir, W_OK)) {
		zl_say("run directory %s: user %u may not write there; give it to that user, or "
		       "run as its owner with --user",
		       d->run_dir, d->identity.uid);
		return -EACCES;
	}
	err = zl_confine_dataplane();
	if (err)
		zl_say("seccomp: %s; this kernel must have CONFIG_SECCOMP_FILTER", strerror(-err));
	return err;
}

static void drop_here(int signal)
{
	int was = errno;

	(void)signal;
	if (zl_confine_thread(dropping.keep))
		atomic_fetch_add(&dropping.failed, 1);
	atomic_fetch_add(&dropping.done, 1);
	errno = was;
}

/* Each thread has capabilities of its own, and those that EAL made have ours of before. */
static unsigned signal_others(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *e;
	unsigned n = 0;

	while (tasks && (e = readdir(tasks))) {
		int tid = atoi(e->d_name);

		if (tid > 0 && tid != gettid() && !syscall(SYS_tgkill, getpid(), tid, SIGUSR1))
			n++;
	}
	if (tasks)
		closedir(tasks);
	return n;
}

int zl_dataplane_confine_running(const struct zl_dataplane *d)
{
	struct sigaction drop = {.sa_handler = drop_here, .sa_flags = SA_RESTART}, was;
	const struct timespec ms = {.tv_nsec = 1000000};
	unsigned others;
	int err = 0;

	dropping.keep = RUNNING | files(d);
	sigaction(SIGUSR1, &drop, &was);
	others = signal_others();
	for (unsigned i = 0; i < BROADCAST_MS && atomic_load(&dropping.done) < others; i++)
		nanosleep(&ms, NULL);
	if (atomic_load(&dropping.done) < others || atomic_load(&dropping.failed))
		err = -EPERM;
	sigaction(SIGUSR1, &was, NULL);
	return err ? err : zl_confine_thread(dropping.keep);
}

/* What came to dataplane.sock: root and control's user may set up what carries all traffic. */
bool zl_dataplane_may_attach(struct zl_dataplane *d, int sock)
{
	struct zl_caller who = {.uid = (uid_t)-1};

	if (zl_confine_caller(sock, &who) &&
	    (who.uid == 0 || who.uid == geteuid() || who.uid == d->control_uid))
		return true;
	zl_say(ZL_IPC_SOCKET ": refused user %u (process %d), %llu so far; run zeroline-control as "
			     "root or user %u, or name its user with --control-user",
	       who.uid, (int)who.pid, (unsigned long long)++d->refused, d->control_uid);
	return false;
}
