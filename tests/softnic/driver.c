// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interface: what the stack asks of a driver, except for its rings.
 */
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/platform_device.h>
#include <linux/rtnetlink.h>

#include "softnic.h"

static int poll(struct napi_struct *napi, int budget)
{
	struct sn_nic *nic = container_of(napi, struct sn_nic, napi);
	int done;

	sn_irq_ack(nic);
	sn_tx_poll(nic, budget);
	/* netpoll wants nothing received, and it can have interrupts off */
	if (!budget)
		return 0;
	done = sn_rx_poll(nic, budget);
	if (done < budget && napi_complete_done(napi, done))
		sn_irq_unmask(nic);
	return done;
}

static void poll_on(struct sn_nic *nic)
{
	napi_enable(&nic->napi);
	/* for what came, or was asked for, while it was off */
	local_bh_disable();
	napi_schedule(&nic->napi);
	local_bh_enable();
}

/* The link is there as soon as both ends are up. */
static void link_changed(struct sn_nic *nic)
{
	if (netif_running(nic->dev) && netif_running(nic->peer->dev)) {
		netif_carrier_on(nic->dev);
		netif_carrier_on(nic->peer->dev);
	} else {
		netif_carrier_off(nic->dev);
		netif_carrier_off(nic->peer->dev);
	}
}

static int alloc_rings(struct sn_nic *nic, struct sn_rx_ring *rx,
		       struct sn_tx_ring *tx)
{
	int err;

	err = sn_rx_alloc(nic->device, rx);
	if (err)
		return err;
	err = sn_tx_alloc(nic->device, tx);
	if (err)
		sn_rx_free(nic->device, rx);
	return err;
}

static void free_rings(struct sn_nic *nic)
{
	sn_rx_free(nic->device, &nic->rx);
	sn_tx_free(nic->device, &nic->tx);
}

static void nic_up(struct sn_nic *nic)
{
	sn_tx_start(nic);
	sn_rx_start(nic);
	poll_on(nic);
	netif_start_queue(nic->dev);
}

static void nic_down(struct sn_nic *nic)
{
	netif_tx_disable(nic->dev);
	napi_disable(&nic->napi);
	sn_rx_stop(nic);
	sn_tx_stop(nic);
}

static int nic_open(struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);
	int err;

	err = alloc_rings(nic, &nic->rx, &nic->tx);
	if (err)
		return err;
	nic_up(nic);
	link_changed(nic);
	return 0;
}

static int nic_stop(struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);

	nic_down(nic);
	free_rings(nic);
	link_changed(nic);
	return 0;
}

/**
 * sn_nic_restart_rx() - set up receive again
 * @nic: the card
 * @rx: the constructor from now on, or NULL
 *
 * Context: process context under RTNL.
 */
void sn_nic_restart_rx(struct sn_nic *nic, struct mp_rx *rx)
{
	ASSERT_RTNL();
	if (!netif_running(nic->dev)) {
		nic->mp_rx = rx;
		return;
	}
	napi_disable(&nic->napi);
	sn_rx_stop(nic);
	nic->mp_rx = rx;
	sn_rx_start(nic);
	poll_on(nic);
}

/**
 * sn_nic_resize() - change the length of the rings
 * @nic: the card
 * @rx_count: receive descriptors, a power of two
 * @tx_count: transmit descriptors, likewise
 *
 * Context: process context under RTNL.
 * Return: 0 or -ENOMEM; nothing has changed then.
 */
int sn_nic_resize(struct sn_nic *nic, u32 rx_count, u32 tx_count)
{
	struct sn_rx_ring rx = { .count = rx_count };
	struct sn_tx_ring tx = { .count = tx_count };
	int err;

	ASSERT_RTNL();
	if (!netif_running(nic->dev)) {
		nic->rx.count = rx_count;
		nic->tx.count = tx_count;
		return 0;
	}

	err = alloc_rings(nic, &rx, &tx);
	if (err)
		return err;
	nic_down(nic);
	free_rings(nic);
	nic->rx = rx;
	nic->tx = tx;
	nic_up(nic);
	return 0;
}

static int nic_change_mtu(struct net_device *dev, int mtu)
{
	struct sn_nic *nic = netdev_priv(dev);

	WRITE_ONCE(dev->mtu, mtu);
	sn_nic_restart_rx(nic, nic->mp_rx);
	return 0;
}

static void nic_set_rx_mode(struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);

	WRITE_ONCE(nic->rx_regs.promisc, !!(dev->flags & IFF_PROMISC));
}

static void nic_get_stats64(struct net_device *dev,
			    struct rtnl_link_stats64 *stats)
{
	struct sn_nic *nic = netdev_priv(dev);

	stats->rx_packets = READ_ONCE(nic->rx_packets);
	stats->rx_bytes = READ_ONCE(nic->rx_bytes);
	stats->rx_errors = READ_ONCE(nic->rx_errors);
	stats->rx_missed_errors = READ_ONCE(nic->counters.no_descriptor);
	stats->tx_packets = READ_ONCE(nic->tx_packets);
	stats->tx_bytes = READ_ONCE(nic->tx_bytes);
	stats->tx_errors = READ_ONCE(nic->tx_errors);
	stats->tx_dropped = READ_ONCE(nic->tx_dropped);
}

static const struct net_device_ops netdev_ops = {
	.ndo_open		= nic_open,
	.ndo_stop		= nic_stop,
	.ndo_start_xmit		= sn_tx_xmit,
	.ndo_set_rx_mode	= nic_set_rx_mode,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_change_mtu		= nic_change_mtu,
	.ndo_get_stats64	= nic_get_stats64,
	.ndo_features_check	= passthru_features_check,
};

static void setup(struct net_device *dev)
{
	dev->netdev_ops = &netdev_ops;
	dev->ethtool_ops = &sn_ethtool_ops;
	dev->max_mtu = SN_MTU_MAX;
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO |
			   NETIF_F_TSO6 | NETIF_F_TSO_ECN | NETIF_F_GSO_UDP_L4 |
			   NETIF_F_RXCSUM;
	dev->features = dev->hw_features | NETIF_F_HIGHDMA;
	dev->vlan_features = dev->features;
}

/* A device for DMA that goes by physical addresses. */
static struct device *create_device(const char *name)
{
	struct platform_device *device;
	int err;

	device = platform_device_register_simple(name, PLATFORM_DEVID_NONE,
						 NULL, 0);
	if (IS_ERR(device))
		return ERR_CAST(device);
	err = dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
	if (!err && !sn_desc_dma_works(&device->dev)) {
		dev_err(&device->dev, "DMA is not by physical address here\n");
		err = -EOPNOTSUPP;
	}
	if (!err)
		return &device->dev;
	platform_device_unregister(device);
	return ERR_PTR(err);
}

/**
 * sn_nic_create() - make a card
 * @name: its name
 * @mac: its address
 * @irq_cpu: where its interrupts go, or -1
 *
 * Return: the card, to be wired to another and registered; or an ERR_PTR.
 */
struct sn_nic *sn_nic_create(const char *name, const u8 *mac, int irq_cpu)
{
	struct net_device *dev;
	struct device *device;
	struct sn_nic *nic;

	device = create_device(name);
	if (IS_ERR(device))
		return ERR_CAST(device);
	dev = alloc_etherdev(sizeof(*nic));
	if (!dev) {
		platform_device_unregister(to_platform_device(device));
		return ERR_PTR(-ENOMEM);
	}

	SET_NETDEV_DEV(dev, device);
	strscpy(dev->name, name, sizeof(dev->name));
	eth_hw_addr_set(dev, mac);
	setup(dev);

	nic = netdev_priv(dev);
	nic->dev = dev;
	nic->device = device;
	nic->rx.count = SN_RING_DEFAULT;
	nic->tx.count = SN_RING_DEFAULT;
	sn_irq_init(nic, irq_cpu);
	sn_engine_init(&nic->engine, nic);
	sn_faults_init(&nic->rx_regs.faults);
	sn_faults_init(&nic->tx_regs.faults);
	netif_napi_add(dev, &nic->napi, poll);
	return nic;
}

/* @nic has a peer, and both have engines.  Its files appear below @root. */
int sn_nic_register(struct sn_nic *nic, struct dentry *root)
{
	int err;

	netif_carrier_off(nic->dev);
	err = register_netdev(nic->dev);
	if (err)
		return err;
	err = mp_nic_register(nic->dev, &sn_glue_ops);
	if (err)
		netdev_warn(nic->dev, "no zero-copy receive, mpassthru says %d\n",
			    err);

	nic->debugfs = debugfs_create_dir(nic->dev->name, root);
	sn_faults_debugfs(nic);
	sn_generator_debugfs(nic);
	return 0;
}

/* Nothing happens if it was not registered. */
void sn_nic_unregister(struct sn_nic *nic)
{
	if (nic->dev->reg_state != NETREG_REGISTERED)
		return;
	debugfs_remove(nic->debugfs);
	mp_nic_unregister(nic->dev);
	unregister_netdev(nic->dev);
}

/* Both ends' engines have stopped. */
void sn_nic_destroy(struct sn_nic *nic)
{
	struct device *device = nic->device;

	sn_irq_sync(nic);
	sn_desc_forget(&nic->rx_regs.faults);
	sn_desc_forget(&nic->tx_regs.faults);
	netif_napi_del(&nic->napi);
	free_netdev(nic->dev);
	platform_device_unregister(to_platform_device(device));
}
