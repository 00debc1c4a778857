/* Preloaded by test_confine: on SIGUSR2 the process does what it is never to do. What an attacker
 * who runs code in it would try, without one. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static void forbidden(int signal)
{
	(void)signal;
	syscall(SYS_execve, "/bin/true", (char *[]){"true", NULL}, NULL);
}

__attribute__((constructor)) static void listen_for_it(void)
{
	struct sigaction a = {.sa_handler = forbidden};

	sigaction(SIGUSR2, &a, NULL);
}
