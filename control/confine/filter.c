/* System calls, by libseccomp. Control's list was measured with strace over all that it does, and
 * has what the C library may do instead of it on another machine. */
#include "control/confine/confine.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define CALL(name)  SCMP_SYS(name)

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static const int control_may[] = {
	/* memory, threads, time */
	CALL(brk),
	CALL(mmap),
	CALL(munmap),
	CALL(mremap),
	CALL(mlock),
	CALL(munlock),
	CALL(mprotect),
	CALL(madvise),
	CALL(futex),
	CALL(set_robust_list),
	CALL(rseq),
	CALL(exit),
	CALL(exit_group),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(nanosleep),
	CALL(clock_nanosleep),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(gettimeofday),
	CALL(time),
	CALL(getrandom),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(getpid),
	CALL(gettid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(uname),
	CALL(sysinfo),
	/* files: configuration, keys, what names are resolved with; the log */
	CALL(openat),
	CALL(open),
	CALL(close),
	CALL(read),
	CALL(readv),
	CALL(pread64),
	CALL(write),
	CALL(writev),
	CALL(pwrite64),
	CALL(lseek),
	CALL(fstat),
	CALL(stat),
	CALL(lstat),
	CALL(newfstatat),
	CALL(statx),
	CALL(fstatfs),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(getdents64),
	CALL(getcwd),
	CALL(fcntl),
	CALL(dup),
	CALL(pipe2),
	CALL(unlink),
	CALL(flock),
	CALL(fsync),
	/* sockets: the two of its own, DNS, ZAP handlers; socket() itself is below */
	CALL(connect),
	CALL(bind),
	CALL(accept4),
	CALL(shutdown),
	CALL(getsockname),
	CALL(getpeername),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(sendto),
	CALL(sendmsg),
	CALL(sendmmsg),
	CALL(recvfrom),
	CALL(recvmsg),
	CALL(recvmmsg),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(signalfd4),
	CALL(eventfd2),
#ifdef SANITIZED
	/* LeakSanitizer stops its own threads from a clone of itself, by ptrace. */
	CALL(clone),
	CALL(ptrace),
	CALL(getdents),
	CALL(wait4),
	CALL(prctl),
	CALL(prlimit64),
	CALL(tgkill),
	CALL(process_vm_readv),
	CALL(ioctl),
	CALL(kill),
	CALL(rt_sigtimedwait),
	CALL(getppid),
	CALL(arch_prctl),
	CALL(setrlimit),
	CALL(getrlimit),
	CALL(rt_sigsuspend),
	CALL(pipe),
	CALL(mincore),
	CALL(ftruncate),
#endif
};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static const int dataplane_may_not[] = {
	CALL(execve),
	CALL(execveat),
	CALL(fork),
	CALL(vfork),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(mount),
	CALL(umount2),
	CALL(move_mount),
	CALL(fsopen),
	CALL(pivot_root),
	CALL(chroot),
	CALL(setns),
	CALL(unshare),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(kexec_load),
	CALL(kexec_file_load),
	CALL(reboot),
	CALL(swapon),
	CALL(swapoff),
	CALL(add_key),
	CALL(request_key),
	CALL(keyctl),
	CALL(userfaultfd),
	CALL(open_by_handle_at),
	CALL(acct),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(adjtimex),
	CALL(sethostname),
	CALL(setdomainname),
	CALL(io_uring_setup),
	CALL(pidfd_getfd),
#ifndef SANITIZED
	CALL(ptrace),
#endif
};

/* A thread is made by clone(), whose flags a filter sees, and not by clone3(), whose it does not:
 * the C library takes the former where there is no latter. */
static int threads_only(scmp_filter_ctx f, uint32_t action)
{
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	const struct scmp_arg_cmp process = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);

#ifdef SANITIZED
	(void)thread, (void)process, (void)action;
	return err;
#endif
	if (err)
		return err;
	return action == SCMP_ACT_ALLOW ? seccomp_rule_add(f, action, CALL(clone), 1, thread)
					: seccomp_rule_add(f, action, CALL(clone), 1, process);
}

static int allow_socket(scmp_filter_ctx f)
{
	int err = 0;

	for (unsigned i = 0; !err && i < COUNT(families); i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	return err;
}

/* Calls of which one use is needed. */
static int allow_some(scmp_filter_ctx f)
{
	int err = 0;

#ifndef SANITIZED
	err = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	if (!err) /* a KDC's sockets */
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(ioctl), 1,
				       SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(prctl), 1,
				       SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	if (!err) /* abort() */
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(tgkill), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	if (!err) /* to read a limit, not to set one */
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(prlimit64), 2,
				       SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
#endif
	/* Kerberos asks for keyrings, and does without. */
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), CALL(keyctl), 0);
	return err;
}

static int load(scmp_filter_ctx f, int err)
{
	if (!err)
		err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	return err;
}

int zl_confine_control(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = 0;

	if (!f)
		return -ENOMEM;
	for (unsigned i = 0; !err && i < COUNT(control_may); i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, control_may[i], 0);
	if (!err)
		err = allow_socket(f);
	if (!err)
		err = allow_some(f);
	if (!err)
		err = threads_only(f, SCMP_ACT_ALLOW);
	return load(f, err);
}

int zl_confine_dataplane(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int err = 0;

	if (!f)
		return -ENOMEM;
	for (unsigned i = 0; !err && i < COUNT(dataplane_may_not); i++)
		err = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, dataplane_may_not[i], 0);
	if (!err)
		err = threads_only(f, SCMP_ACT_KILL_PROCESS);
	return load(f, err);
}
