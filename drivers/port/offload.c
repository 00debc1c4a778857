/* What is asked of a device: checksums both ways, chained mbufs on transmit, scatter for jumbo
 * frames, and spreading over the cores by the very hash, key and table of net/steer.h. A device
 * that cannot spread like that gets one queue pair, and the cores are fed in software; or as many
 * as cores, if the configuration says so and the device has a hash of its own: then each core feeds
 * the others. No TSO: the stack does not hand down more than a frame. */
#include <string.h>

#include "drivers/port/state.h"

#define RSS_KEY_BYTES 40  /* as net/steer.h gives it */
#define RSS_ENTRIES   128 /* of the table that net/steer.h counts with */
#define RSS_FLOWS     (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)
#define RSS_KEY_MAX   128

#define RX_CHECKSUMS                                                                               \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_WANTED                                                                                  \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* The longest key of any driver; what is behind ours is zero, and a hash of addresses and ports
 * (12 bytes) reads only the first 16. The configuration refers to it until the port closes. */
static uint8_t key[RSS_KEY_MAX];

/* Does entry = hash % reta_size, queue = (entry % 128) % queues lead where net/steer.h says? */
static bool table_agrees(unsigned reta_size, unsigned queues)
{
	if (reta_size < RSS_ENTRIES)
		return reta_size && reta_size % queues == 0 && RSS_ENTRIES % reta_size == 0;
	return reta_size % RSS_ENTRIES == 0 && reta_size <= RTE_ETH_RSS_RETA_SIZE_512;
}

/* A virtual device's checksum "offload" is its driver's software, and net_tap's is wrong for a
 * chain with an odd segment inside (22.11): the stack's own is as cheap and covers every chain. */
static bool has_hardware(const struct zl_port *p)
{
	return !p->device.driver->name;
}

static bool can_spread(const struct zl_port *p, unsigned cores)
{
	const struct rte_eth_dev_info *dev = &p->dev;

	return has_hardware(p) && cores > 1 && dev->max_rx_queues >= cores &&
	       dev->max_tx_queues >= cores &&
	       (dev->flow_type_rss_offloads & RSS_FLOWS) == RSS_FLOWS &&
	       (!dev->hash_key_size ||
		(dev->hash_key_size >= RSS_KEY_BYTES && dev->hash_key_size <= RSS_KEY_MAX)) &&
	       table_agrees(dev->reta_size, cores);
}

/* Queues for all cores, of which the device chooses one as it likes? */
static bool has_queues(const struct zl_port *p, unsigned cores)
{
	return p->device.driver->own_hash && p->cfg.queues == cores &&
	       p->dev.max_rx_queues >= cores && p->dev.max_tx_queues >= cores;
}

static void choose_spread(struct zl_port *p, unsigned cores, const uint8_t *rss_key)
{
	struct rte_eth_rss_conf *rss = &p->conf.rx_adv_conf.rss_conf;

	p->info.queues = 1;
	if (p->cfg.queues == 1 || !rss_key)
		return;
	p->info.spreads = can_spread(p, cores);
	if (p->info.spreads || has_queues(p, cores))
		p->info.queues = (uint16_t)cores;
	if (!p->info.spreads)
		return;
	memcpy(key, rss_key, RSS_KEY_BYTES);
	p->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	rss->rss_key = key;
	rss->rss_key_len = p->dev.hash_key_size ? p->dev.hash_key_size : RSS_KEY_BYTES;
	rss->rss_hf = RSS_FLOWS;
}

void zl_offload_choose(struct zl_port *p, unsigned cores, const uint8_t *rss_key)
{
	unsigned room = rte_pktmbuf_data_room_size(p->queue[0].pool) - RTE_PKTMBUF_HEADROOM;
	uint64_t rx = has_hardware(p) ? p->dev.rx_offload_capa & RX_CHECKSUMS : 0;
	uint64_t tx = has_hardware(p) ? TX_WANTED : RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	if (p->cfg.mtu + 0u + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN > room)
		rx |= p->dev.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	p->conf.rxmode.offloads = rx;
	p->conf.txmode.offloads = p->dev.tx_offload_capa & tx;
	p->conf.intr_conf.rxq = p->device.driver->rx_intr;
	choose_spread(p, cores, rss_key);

	p->info.tx_offload = p->conf.txmode.offloads;
	p->info.rx_checked = 0;
	if (rx & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM)
		p->info.rx_checked |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if ((rx & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) && (rx & RTE_ETH_RX_OFFLOAD_UDP_CKSUM))
		p->info.rx_checked |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	p->make_private = p->device.driver->by_pointer;
	p->make_contiguous = !(p->info.tx_offload & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	/* The stack may always hand down a chain: this stage sees to it. */
	p->info.tx_offload |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->info.copies = !has_hardware(p);
}

int zl_offload_steer(struct zl_port *p)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];

	if (!p->info.spreads)
		return 0;
	memset(reta, 0, sizeof(reta));
	for (unsigned i = 0; i < p->dev.reta_size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask = UINT64_MAX;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)((i % RSS_ENTRIES) %
								      p->info.queues);
	}
	return rte_eth_dev_rss_reta_update(p->id, reta, p->dev.reta_size);
}
