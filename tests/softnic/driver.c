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
	struct sn_queue *queue = container_of(napi, struct sn_queue, napi);
	int done;

	sn_irq_ack(queue);
	if (!queue->index)
		sn_tx_poll(queue->nic, budget);
	/* netpoll wants nothing received, and it can have interrupts off */
	if (!budget)
		return 0;
	done = sn_rx_poll(queue, budget);
	if (done < budget && napi_complete_done(napi, done))
		sn_irq_unmask(queue);
	return done;
}

static void queue_up(struct sn_queue *queue)
{
	sn_rx_start(queue);
	napi_enable(&queue->napi);
	/* for what came, or was asked for, while it was off */
	local_bh_disable();
	napi_schedule(&queue->napi);
	local_bh_enable();
}

static void queue_down(struct sn_queue *queue)
{
	napi_disable(&queue->napi);
	sn_rx_stop(queue);
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

/**
 * struct rings - all rings of a card
 * @rx: receive, by queue
 * @tx: transmit
 */
struct rings {
	struct sn_rx_ring rx[SN_QUEUES_MAX];
	struct sn_tx_ring tx;
};

static int alloc_rings(const struct sn_nic *nic, struct rings *rings)
{
	unsigned int i;
	int err;

	for (i = 0; i < nic->nr_queues; i++) {
		err = sn_rx_alloc(nic->device, &rings->rx[i]);
		if (err)
			goto err_free;
	}
	err = sn_tx_alloc(nic->device, &rings->tx);
	if (!err)
		return 0;
err_free:
	while (i-- > 0)
		sn_rx_free(nic->device, &rings->rx[i]);
	return err;
}

static void use_rings(struct sn_nic *nic, const struct rings *rings)
{
	unsigned int i;

	for (i = 0; i < nic->nr_queues; i++)
		nic->queue[i].rx = rings->rx[i];
	nic->tx = rings->tx;
}

static void set_counts(struct sn_nic *nic, struct rings *rings, u32 rx_count,
		       u32 tx_count)
{
	unsigned int i;

	memset(rings, 0, sizeof(*rings));
	for (i = 0; i < nic->nr_queues; i++)
		rings->rx[i].count = rx_count;
	rings->tx.count = tx_count;
}

static void free_rings(struct sn_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->nr_queues; i++)
		sn_rx_free(nic->device, &nic->queue[i].rx);
	sn_tx_free(nic->device, &nic->tx);
}

/* Transmit is polled with the first queue: it starts before and stops after. */
static void nic_up(struct sn_nic *nic)
{
	unsigned int i;

	sn_tx_start(nic);
	for (i = 0; i < nic->nr_queues; i++)
		queue_up(&nic->queue[i]);
	netif_trans_update(nic->dev);
	netif_start_queue(nic->dev);
}

static void nic_down(struct sn_nic *nic)
{
	unsigned int i;

	netif_tx_disable(nic->dev);
	for (i = 0; i < nic->nr_queues; i++)
		queue_down(&nic->queue[i]);
	sn_tx_stop(nic);
}

static int nic_open(struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);
	struct rings rings;
	int err;

	set_counts(nic, &rings, nic->queue[0].rx.count, nic->tx.count);
	err = alloc_rings(nic, &rings);
	if (err)
		return err;
	use_rings(nic, &rings);
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
 * sn_queue_off() - a receive queue stops, if the interface is up
 * @queue: the queue
 *
 * Context: process context under RTNL.
 */
void sn_queue_off(struct sn_queue *queue)
{
	ASSERT_RTNL();
	if (netif_running(queue->nic->dev))
		queue_down(queue);
}

/**
 * sn_queue_on() - a receive queue is set up again
 * @queue: the queue, which sn_queue_off() has stopped
 *
 * Context: process context under RTNL.
 */
void sn_queue_on(struct sn_queue *queue)
{
	ASSERT_RTNL();
	if (netif_running(queue->nic->dev))
		queue_up(queue);
}

/* Sets up receive again, for another MTU or the like.  RTNL. */
void sn_nic_restart_rx(struct sn_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->nr_queues; i++)
		sn_queue_off(&nic->queue[i]);
	for (i = 0; i < nic->nr_queues; i++)
		sn_queue_on(&nic->queue[i]);
}

/* Over how many queues the card spreads flows. */
void sn_nic_spread(struct sn_nic *nic, unsigned int nr)
{
	mutex_lock(&nic->engine.lock);
	nic->spread = nr;
	mutex_unlock(&nic->engine.lock);
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
	struct rings rings;
	int err;

	ASSERT_RTNL();
	set_counts(nic, &rings, rx_count, tx_count);
	if (netif_running(nic->dev)) {
		err = alloc_rings(nic, &rings);
		if (err)
			return err;
		nic_down(nic);
		free_rings(nic);
	}
	use_rings(nic, &rings);
	if (netif_running(nic->dev))
		nic_up(nic);
	return 0;
}

static int nic_change_mtu(struct net_device *dev, int mtu)
{
	struct sn_nic *nic = netdev_priv(dev);

	WRITE_ONCE(dev->mtu, mtu);
	sn_nic_restart_rx(nic);
	return 0;
}

static void nic_set_rx_mode(struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);

	WRITE_ONCE(nic->promisc, !!(dev->flags & IFF_PROMISC));
}

static void nic_get_stats64(struct net_device *dev,
			    struct rtnl_link_stats64 *stats)
{
	struct sn_nic *nic = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < nic->nr_queues; i++) {
		const struct sn_queue *queue = &nic->queue[i];

		stats->rx_packets += READ_ONCE(queue->rx_packets);
		stats->rx_bytes += READ_ONCE(queue->rx_bytes);
		stats->rx_errors += READ_ONCE(queue->rx_errors);
	}
	stats->rx_missed_errors = READ_ONCE(nic->counters.no_descriptor);
	stats->tx_packets = READ_ONCE(nic->tx_packets);
	stats->tx_bytes = READ_ONCE(nic->tx_bytes);
	stats->tx_errors = READ_ONCE(nic->tx_errors);
	stats->tx_dropped = READ_ONCE(nic->tx_dropped);
}

/* As real cards do: all rings anew, and what is in them is lost. */
static void reset(struct work_struct *work)
{
	struct sn_nic *nic = container_of(work, struct sn_nic, reset);

	rtnl_lock();
	if (netif_running(nic->dev)) {
		nic_down(nic);
		nic_up(nic);
	}
	rtnl_unlock();
}

static void nic_tx_timeout(struct net_device *dev, unsigned int queue)
{
	struct sn_nic *nic = netdev_priv(dev);

	schedule_work(&nic->reset);
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
	.ndo_tx_timeout		= nic_tx_timeout,
	.ndo_features_check	= passthru_features_check,
};

static void setup(struct net_device *dev)
{
	dev->netdev_ops = &netdev_ops;
	dev->ethtool_ops = &sn_ethtool_ops;
	dev->max_mtu = SN_MTU_MAX;
	dev->watchdog_timeo = HZ;
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

/* Interrupts of further queues go to the CPUs after the first one's. */
static void init_queue(struct sn_nic *nic, unsigned int index, int irq_cpu)
{
	struct sn_queue *queue = &nic->queue[index];

	queue->nic = nic;
	queue->index = index;
	queue->rx.count = SN_RING_DEFAULT;
	sn_irq_init(queue, irq_cpu < 0 ? -1 : (irq_cpu + index) % nr_cpu_ids);
	netif_napi_add(nic->dev, &queue->napi, poll);
}

/**
 * sn_nic_create() - make a card
 * @name: its name
 * @mac: its address
 * @irq_cpu: where its first queue's interrupts go, or -1
 *
 * Return: the card, to be wired to another and registered; or an ERR_PTR.
 */
struct sn_nic *sn_nic_create(const char *name, const u8 *mac, int irq_cpu)
{
	struct net_device *dev;
	struct device *device;
	struct sn_nic *nic;
	unsigned int i;

	device = create_device(name);
	if (IS_ERR(device))
		return ERR_CAST(device);
	dev = alloc_etherdev_mqs(sizeof(*nic), 1, sn_queues);
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
	nic->tx.count = SN_RING_DEFAULT;
	nic->nr_queues = sn_queues;
	nic->spread = sn_queues;
	INIT_WORK(&nic->reset, reset);
	for (i = 0; i < nic->nr_queues; i++)
		init_queue(nic, i, irq_cpu);
	sn_engine_init(&nic->engine, nic);
	sn_faults_init(&nic->rx_faults);
	sn_faults_init(&nic->tx_faults);
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
	mp_nic_register(nic->dev, &sn_glue_ops);

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
	unsigned int i;

	cancel_work_sync(&nic->reset);
	for (i = 0; i < nic->nr_queues; i++)
		sn_irq_sync(&nic->queue[i]);
	sn_desc_forget(&nic->rx_faults);
	sn_desc_forget(&nic->tx_faults);
	for (i = 0; i < nic->nr_queues; i++)
		netif_napi_del(&nic->queue[i].napi);
	free_netdev(nic->dev);
	platform_device_unregister(to_platform_device(device));
}
