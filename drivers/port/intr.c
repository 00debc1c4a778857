/* Sleeping until a frame arrives. The receive interrupt's descriptor goes into the core's own
 * epoll, with the core's own data: DPDK's wrapper would put its own there. A tap's descriptor is
 * the tap itself, readable while a frame waits; a NIC's is an eventfd, which is read after waking.
 * The drivers of the other kinds offer none (DPDK 22.11: af_packet, af_xdp, memif, pcap, ring). */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "drivers/port/state.h"

int zl_port_intr_add(struct zl_port *p, uint16_t queue, int epoll_fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
	int fd;

	if (!p->intr)
		return -ENOTSUP;
	fd = rte_eth_dev_rx_intr_ctl_q_get_fd(p->id, queue);
	if (fd < 0)
		return -ENOTSUP;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	p->queue[queue].intr_fd = fd;
	return 0;
}

/* A tap has nothing to enable, and says so: its descriptor is always live. */
void zl_port_intr_enable(struct zl_port *p, uint16_t queue)
{
	if (p->queue[queue].intr_fd >= 0)
		rte_eth_dev_rx_intr_enable(p->id, queue);
}

void zl_port_intr_disable(struct zl_port *p, uint16_t queue)
{
	int fd = p->queue[queue].intr_fd;
	uint64_t count;

	if (fd < 0)
		return;
	rte_eth_dev_rx_intr_disable(p->id, queue);
	if (p->device.driver->intr_drain && read(fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: woken by something else */
}
