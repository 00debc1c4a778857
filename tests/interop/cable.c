/* A veth hands frames over inside the kernel, so by default it computes no checksums and passes
 * on segments of up to 64 KiB, to be cut later by hardware that never comes. Whoever reads those
 * frames from af_packet sees wrong checksums and frames beyond the MTU, which no cable carries. So
 * the peers' end does without transmit checksumming, TSO and GSO. */
#include "tests/interop/cable.h"

#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include <cmocka.h>

#include "tests/interop/lab.h"

static int switch_off(const char *interface)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct ethtool_value off = {.cmd = commands[i], .data = 0};
		struct ifreq ifr = {.ifr_data = (void *)&off};

		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", interface);
		if (ioctl(fd, SIOCETHTOOL, &ifr))
			return 1;
	}
	return 0;
}

void cable_plain(const char *namespace, const char *interface)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		lab_enter(namespace, false);
		_exit(switch_off(interface));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fail_msg("%s: transmit offloads cannot be switched off", interface);
}
