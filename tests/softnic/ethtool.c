// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ethtool shows and sets.
 */
#include <linux/ethtool.h>
#include <linux/log2.h>

#include "softnic.h"

/* In the order of struct sn_counters */
const char sn_counter_names[SN_COUNTERS][ETH_GSTRING_LEN] = {
	"generated",
	"sent",
	"written",
	"no_descriptor",
	"filtered",
	"too_long",
	"dropped",
	"corrupted",
	"astray",
	"rx_errors",
	"rx_late",
	"rx_reordered",
	"rx_abandoned",
	"rx_stray",
	"doorbells",
	"tx_packets",
	"tx_errors",
	"tx_late",
	"tx_reordered",
	"tx_abandoned",
	"tx_changed",
	"interrupts",
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "softnic", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(dev->dev.parent),
		sizeof(info->bus_info));
}

static int get_link_ksettings(struct net_device *dev,
			      struct ethtool_link_ksettings *settings)
{
	settings->base.speed = SPEED_10000;
	settings->base.duplex = DUPLEX_FULL;
	settings->base.port = PORT_OTHER;
	return 0;
}

static void get_ringparam(struct net_device *dev,
			  struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	const struct sn_nic *nic = netdev_priv(dev);

	ring->rx_max_pending = SN_RING_MAX;
	ring->tx_max_pending = SN_RING_MAX;
	ring->rx_pending = nic->queue[0].rx.count;
	ring->tx_pending = nic->tx.count;
}

static int set_ringparam(struct net_device *dev,
			 struct ethtool_ringparam *ring,
			 struct kernel_ethtool_ringparam *kernel_ring,
			 struct netlink_ext_ack *extack)
{
	struct sn_nic *nic = netdev_priv(dev);
	u32 rx = roundup_pow_of_two(max_t(u32, ring->rx_pending, SN_RING_MIN));
	u32 tx = roundup_pow_of_two(max_t(u32, ring->tx_pending, SN_RING_MIN));

	return sn_nic_resize(nic, rx, tx);
}

static void get_channels(struct net_device *dev,
			 struct ethtool_channels *channels)
{
	const struct sn_nic *nic = netdev_priv(dev);

	channels->max_rx = nic->nr_queues;
	channels->max_tx = 1;
	channels->rx_count = nic->nr_queues;
	channels->tx_count = 1;
}

static int get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? SN_COUNTERS : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		memcpy(data, sn_counter_names, sizeof(sn_counter_names));
}

static void get_ethtool_stats(struct net_device *dev,
			      struct ethtool_stats *stats, u64 *data)
{
	const struct sn_nic *nic = netdev_priv(dev);

	memcpy(data, &nic->counters, sizeof(nic->counters));
}

static int get_tunable(struct net_device *dev,
		       const struct ethtool_tunable *tunable, void *data)
{
	const struct sn_nic *nic = netdev_priv(dev);

	if (tunable->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	*(u32 *)data = nic->small;
	return 0;
}

/* Frames up to this length go to the header buffer as a whole. */
static int set_tunable(struct net_device *dev,
		       const struct ethtool_tunable *tunable, const void *data)
{
	struct sn_nic *nic = netdev_priv(dev);
	u32 small = *(const u32 *)data;

	if (tunable->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	if (small > SN_HEADER_ROOM)
		return -EINVAL;
	nic->small = small;
	sn_nic_restart_rx(nic);
	return 0;
}

const struct ethtool_ops sn_ethtool_ops = {
	.get_drvinfo		= get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= get_link_ksettings,
	.get_ringparam		= get_ringparam,
	.set_ringparam		= set_ringparam,
	.get_channels		= get_channels,
	.get_sset_count		= get_sset_count,
	.get_strings		= get_strings,
	.get_ethtool_stats	= get_ethtool_stats,
	.get_tunable		= get_tunable,
	.set_tunable		= set_tunable,
};
