/* One table: how each kind of port becomes an ethdev, what a wrong device looks like before DPDK
 * sees it, and the remedy that a person is told. What a driver then still refuses it says in its
 * own log; `why` gives the likeliest remedy. */
#include "drivers/port/kinds.h"
#include "drivers/port/port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pci.h>

#define AF_PACKET_FRAME  2048 /* a frame and the kernel's header fit; so must an mbuf's room */
#define AF_PACKET_FRAMES 2048 /* of each ring: at 10GbE line rate 138 us of small frames */
#define AF_PACKET_BLOCK  65536

static int interface_request(const char *name, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	memset(ifr, 0, sizeof(*ifr));
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%.*s", IFNAMSIZ - 1, name);
	rc = ioctl(fd, request, ifr) ? -errno : 0;
	close(fd);
	return rc;
}

uint16_t zl_interface_mtu(const char *name)
{
	struct ifreq ifr;

	if (interface_request(name, SIOCGIFMTU, &ifr) || ifr.ifr_mtu <= 0 ||
	    ifr.ifr_mtu > UINT16_MAX)
		return 0;
	return (uint16_t)ifr.ifr_mtu;
}

static int check_interface(const struct zl_ipc_port *cfg, char *why, size_t bytes)
{
	struct ifreq ifr;
	int rc;

	if (!if_nametoindex(cfg->device)) {
		snprintf(why, bytes, "there is no such interface; `ip link` lists those there are");
		return -ENODEV;
	}
	rc = interface_request(cfg->device, SIOCGIFFLAGS, &ifr);
	if (!rc && !(ifr.ifr_flags & IFF_UP)) {
		snprintf(why, bytes, "the interface is down; run `ip link set %s up`", cfg->device);
		return -ENETDOWN;
	}
	return rc;
}

static int check_tap(const struct zl_ipc_port *cfg, char *why, size_t bytes)
{
	char path[96];

	if (!cfg->device[0] || strlen(cfg->device) >= IFNAMSIZ || strpbrk(cfg->device, "/, ")) {
		snprintf(why, bytes, "an interface name has 1 to %d characters", IFNAMSIZ - 1);
		return -EINVAL;
	}
	if (access("/dev/net/tun", R_OK | W_OK)) {
		snprintf(why, bytes, "/dev/net/tun cannot be opened (%s); run `modprobe tun`",
			 strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", cfg->device);
	if (if_nametoindex(cfg->device) && access(path, F_OK)) {
		snprintf(why, bytes,
			 "an interface of that name exists and is no tap; choose another name");
		return -EEXIST;
	}
	return 0;
}

static int check_memif(const struct zl_ipc_port *cfg, char *why, size_t bytes)
{
	const char *slash = strrchr(cfg->device, '/');
	struct sockaddr_un un;
	char folder[sizeof(cfg->device)];

	if (!slash || strlen(cfg->device) >= sizeof(un.sun_path) || strchr(cfg->device, ',')) {
		snprintf(why, bytes, "the device is to be a socket's path below %zu bytes",
			 sizeof(un.sun_path));
		return -EINVAL;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - cfg->device + 1), cfg->device);
	if (access(folder, R_OK | W_OK)) {
		snprintf(why, bytes, "folder %.100s: %s; create it", folder, strerror(errno));
		return -errno;
	}
	if (strstr(cfg->options, "role=client") && access(cfg->device, F_OK)) {
		snprintf(why, bytes, "no server listens there; start the other side first");
		return -ENOENT;
	}
	return 0;
}

/* "rx.pcap,tx.pcap", either may be empty. Returns the lengths. */
static void pcap_files(const char *device, int *rx, const char **tx)
{
	const char *comma = strchr(device, ',');

	*rx = comma ? (int)(comma - device) : (int)strlen(device);
	*tx = comma ? comma + 1 : "";
}

static int check_pcap(const struct zl_ipc_port *cfg, char *why, size_t bytes)
{
	char path[sizeof(cfg->device)], *slash;
	const char *tx;
	int rx;

	pcap_files(cfg->device, &rx, &tx);
	if ((!rx && !*tx) || strchr(tx, ',')) {
		snprintf(why, bytes, "the device is to be \"rx.pcap,tx.pcap\" (or one of the two)");
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "%.*s", rx, cfg->device);
	if (rx && access(path, R_OK)) {
		snprintf(why, bytes, "%.120s: %s; name a capture file to read", path,
			 strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "%s", tx);
	slash = strrchr(path, '/');
	if (slash)
		slash[1] = '\0';
	if (*tx && access(slash ? path : ".", W_OK)) {
		snprintf(why, bytes, "folder %.120s: %s; frames sent cannot be written there",
			 slash ? path : ".", strerror(errno));
		return -errno;
	}
	return 0;
}

/* The kernel driver a PCI device is bound to; "": none. */
static void pci_driver(const char *address, char *driver, size_t bytes)
{
	char path[96], target[256];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(driver, bytes, "%.63s", slash ? slash + 1 : target);
}

/* The address in full, "0000:03:00.0"; -EINVAL. */
static int pci_address(const char *device, char *address, size_t bytes)
{
	struct rte_pci_addr addr;

	if (rte_pci_addr_parse(device, &addr))
		return -EINVAL;
	rte_pci_device_name(&addr, address, bytes);
	return 0;
}

static int check_physical(const struct zl_ipc_port *cfg, char *why, size_t bytes)
{
	/* Those that leave the device to its kernel driver and share it. */
	static const char *const usable[] = {"vfio-pci",  "uio_pci_generic", "igb_uio",
					     "mlx5_core", "mlx4_core",       "hv_netvsc"};
	char address[PCI_PRI_STR_SIZE], path[96], driver[64];

	if (pci_address(cfg->device, address, sizeof(address))) {
		snprintf(why, bytes,
			 "a PCI address looks like 0000:03:00.0; "
			 "`scripts/bind-nic status` lists the devices");
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK)) {
		snprintf(why, bytes,
			 "there is no such PCI device; `scripts/bind-nic status` lists them");
		return -ENODEV;
	}
	pci_driver(address, driver, sizeof(driver));
	for (unsigned i = 0; i < RTE_DIM(usable); i++)
		if (!strcmp(driver, usable[i]))
			return 0;
	snprintf(why, bytes, "it is bound to %s%s, not to vfio-pci; run `scripts/bind-nic %s`",
		 driver[0] ? "kernel driver " : "no driver", driver, address);
	return -EBUSY;
}

static int check_ring(const struct zl_ipc_port *cfg, char *why, size_t bytes)
{
	if (strlen(cfg->device) < 16)
		return 0;
	snprintf(why, bytes, "a ring's name has at most 15 characters");
	return -EINVAL;
}

static void append_mac(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	const uint8_t *m = cfg->mac;
	struct rte_ether_addr mac;
	size_t n = strlen(args);

	memcpy(&mac, m, sizeof(mac));
	if (!rte_is_zero_ether_addr(&mac))
		snprintf(args + n, bytes - n, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
			 m[2], m[3], m[4], m[5]);
}

static void args_tap(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	snprintf(args, bytes, "iface=%s", cfg->device);
}

static void args_af_packet(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	bool sized = strstr(cfg->options, "framesz=") || strstr(cfg->options, "blocksz=") ||
		     strstr(cfg->options, "framecnt=");

	/* By-passing the qdisc is faster, and keeps our own frames from coming back to us. */
	int n = snprintf(args, bytes, "iface=%s%s", cfg->device,
			 strstr(cfg->options, "qdisc_bypass=") ? "" : ",qdisc_bypass=1");

	if (!sized)
		snprintf(args + n, bytes - (size_t)n, ",blocksz=%u,framesz=%u,framecnt=%u",
			 AF_PACKET_BLOCK, AF_PACKET_FRAME, AF_PACKET_FRAMES);
}

static void args_af_xdp(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	snprintf(args, bytes, "iface=%s", cfg->device);
}

static void args_memif(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	size_t n;

	snprintf(args, bytes, "socket=%s%s%s", cfg->device,
		 strstr(cfg->options, "socket-abstract=") ? "" : ",socket-abstract=no",
		 strstr(cfg->options, "role=") ? "" : ",role=server");
	append_mac(cfg, args, bytes);
	n = strlen(args);
	if (cfg->mtu > RTE_ETHER_MTU && !strstr(cfg->options, "bsize="))
		snprintf(args + n, bytes - n, ",bsize=%u",
			 RTE_ALIGN_CEIL(cfg->mtu + 18u, RTE_CACHE_LINE_SIZE));
}

static void args_pcap(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	const char *tx;
	int rx, n = 0;

	pcap_files(cfg->device, &rx, &tx);
	args[0] = '\0';
	if (rx)
		n = snprintf(args, bytes, "rx_pcap=%.*s", rx, cfg->device);
	if (*tx)
		snprintf(args + n, bytes - (size_t)n, "%stx_pcap=%s", rx ? "," : "", tx);
}

static void args_ring(const struct zl_ipc_port *cfg, char *args, size_t bytes)
{
	(void)cfg;
	snprintf(args, bytes, "%s", "");
}

const struct zl_port_driver zl_port_drivers[ZL_PORT_KINDS] = {
	[ZL_PORT_PHYSICAL] = {.rx_intr = true,
			      .intr_drain = true,
			      .check = check_physical,
			      .remedy =
				      "no DPDK driver took it; the log says why "
				      "(vfio-pci without an IOMMU: see `scripts/bind-nic status`)"},
	[ZL_PORT_TAP] = {.name = "net_tap",
			 .rx_intr = true,
			 .own_hash = true,
			 .check = check_tap,
			 .devargs = args_tap,
			 .remedy = "is it in use, CAP_NET_ADMIN missing, or an option wrong?"},
	[ZL_PORT_AF_PACKET] = {.name = "net_af_packet",
			       .check = check_interface,
			       .devargs = args_af_packet,
			       .remedy = "is CAP_NET_RAW missing, or an option wrong?"},
	[ZL_PORT_AF_XDP] = {.name = "net_af_xdp",
			    .check = check_interface,
			    .devargs = args_af_xdp,
			    .remedy = "are CAP_NET_ADMIN and CAP_BPF missing, or another program "
				      "attached to it? `ip link` shows xdp; af_packet works too"},
	[ZL_PORT_MEMIF] = {.name = "net_memif",
			   .frame_max = UINT16_MAX,
			   .check = check_memif,
			   .devargs = args_memif,
			   .remedy = "has another port this role and id on this socket, does no "
				     "server listen, or is an option wrong?"},
	[ZL_PORT_PCAP] = {.name = "net_pcap",
			  .frame_max = UINT16_MAX,
			  .check = check_pcap,
			  .devargs = args_pcap,
			  .remedy = "is the file to read a capture (pcap, Ethernet)?"},
	[ZL_PORT_RING] = {.name = "net_ring",
			  .frame_max = UINT16_MAX,
			  .by_pointer = true,
			  .check = check_ring,
			  .devargs = args_ring,
			  .remedy = "there is no memory for it"},
};

static int create_virtual(const struct zl_ipc_port *cfg, struct zl_device *d)
{
	static unsigned serial; /* main lcore only */
	char args[384];
	int rc;

	d->driver->devargs(cfg, args, sizeof(args));
	if (cfg->options[0])
		snprintf(args + strlen(args), sizeof(args) - strlen(args), "%s%s",
			 args[0] ? "," : "", cfg->options);
	snprintf(d->vdev, sizeof(d->vdev), "%s%u", d->driver->name, serial++);
	rc = rte_vdev_init(d->vdev, args);
	if (rc)
		return rc;
	/* A tap driver that does not know an option forgets the others, the name too. */
	if (!rte_eth_dev_get_port_by_name(d->vdev, &d->id) &&
	    (cfg->kind != ZL_PORT_TAP || if_nametoindex(cfg->device)))
		return 0;
	rte_vdev_uninit(d->vdev);
	return -ENODEV;
}

static bool is_wire(const struct zl_ipc_port *cfg)
{
	return cfg->kind == ZL_PORT_RING && cfg->device[0] && strcmp(cfg->device, "loopback");
}

int zl_device_create(const struct zl_ipc_port *cfg, struct zl_device *d, char *why, size_t bytes)
{
	char address[PCI_PRI_STR_SIZE];
	int rc;

	memset(d, 0, sizeof(*d));
	d->driver = &zl_port_drivers[cfg->kind];
	rc = d->driver->check(cfg, why, bytes);
	if (rc)
		return rc;
	if (is_wire(cfg))
		return zl_wire_attach(cfg, d, why, bytes);
	if (cfg->kind == ZL_PORT_MEMIF && !strstr(cfg->options, "role=client") &&
	    !strstr(cfg->options, "role=slave"))
		snprintf(d->listener, sizeof(d->listener), "%s", cfg->device);
	if (d->driver->name)
		rc = create_virtual(cfg, d);
	else if (!(rc = pci_address(cfg->device, address, sizeof(address))))
		rc = rte_eth_dev_get_port_by_name(address, &d->id);
	if (rc)
		snprintf(why, bytes, "%s", d->driver->remedy);
	return rc;
}

/* net_memif frees a server's socket without taking its callback from the interrupt thread (22.11),
 * which then uses freed memory: the device of a server stays, stopped, until the process ends. */
static bool memif_server_left;

static void settled(void *flag)
{
	__atomic_store_n((bool *)flag, true, __ATOMIC_RELEASE);
}

/* Alarms run on that thread, after the events that were waiting. Twice: handling one end's events
 * may make some for another. */
void zl_device_settle(void)
{
	for (unsigned round = 0; round < 2; round++) {
		bool done = false;

		if (rte_eal_alarm_set(1, settled, &done))
			return;
		while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
			rte_delay_us_sleep(20);
	}
}

bool zl_port_eal_may_stop(void)
{
	return !memif_server_left;
}

void zl_device_remove(struct zl_device *d)
{
	if (d->listener[0]) {
		memif_server_left = true;
		unlink(d->listener);
		return;
	}
	rte_eth_dev_close(d->id);
	if (d->vdev[0])
		rte_vdev_uninit(d->vdev);
	if (d->wire)
		zl_wire_detach(d);
}
