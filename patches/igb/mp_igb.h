/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page constructor of mpassthru in igb.
 *
 * igb_main.c includes this file in front of its functions and calls it at the few
 * places that the patch beside it adds.  <mp/nic.h> has the contract.  From top to
 * bottom: what the hardware can do, arming a descriptor, cleaning it, stopping and
 * starting, the calls of mpassthru.
 *
 * adapter->mp_queue[i] belongs to receive queue i, whichever ring that has: rings
 * are made anew when their number or length changes.  It is on from the time that
 * its ring was set up for a constructor until that ring was cleaned.  A descriptor
 * of such a ring is armed exactly as long as it lies between next_to_clean and
 * next_to_use, and its slot is full as long.  The ring may be short or empty:
 * descriptors outside of that range are never looked at.  It has no pages:
 * next_to_alloc stays where next_to_clean is whenever stock code looks at it.
 */
#ifndef _MP_IGB_H
#define _MP_IGB_H

#include <mp/nic.h>

/* The longest frame that the NIC is to store */
#define MP_IGB_FRAME_MAX	(VLAN_ETH_FRAME_LEN + ETH_FCS_LEN)

/* of igb_main.c, defined behind this file's place */
static inline void igb_rx_checksum(struct igb_ring *ring,
				   union e1000_adv_rx_desc *rx_desc,
				   struct sk_buff *skb);
static inline void igb_rx_hash(struct igb_ring *ring,
			       union e1000_adv_rx_desc *rx_desc,
			       struct sk_buff *skb);

/*
 * What RLPML says must bound a write, and the length that the NIC reports must be
 * what the guest shall see.  MTU, features and XDP can change under constructors,
 * receive is stock for as long as they do not fit.
 */
static bool mp_igb_able(struct igb_adapter *adapter)
{
	struct net_device *netdev = adapter->netdev;

	return netdev->mtu <= ETH_DATA_LEN && !adapter->xdp_prog &&
	       !adapter->vfs_allocated_count &&
	       !(netdev->features & NETIF_F_RXALL);
}

/* How many of the queues that there are have constructors */
static unsigned int mp_igb_queues(struct igb_adapter *adapter)
{
	if (!adapter->mp_nr || !mp_igb_able(adapter))
		return 0;

	return min_t(unsigned int, adapter->mp_nr, adapter->num_rx_queues);
}

/* After igb_set_rx_mode() wrote RLPML */
static void mp_igb_set_rx_mode(struct igb_adapter *adapter)
{
	struct e1000_hw *hw = &adapter->hw;

	if (mp_igb_queues(adapter))
		wr32(E1000_RLPML, MP_IGB_FRAME_MAX);
}

/*
 * After igb_setup_mrqc() wrote the administrator's table: flows are spread over
 * the queues that have constructors.  If all have, the table is right as it is.
 */
static void mp_igb_setup_mrqc(struct igb_adapter *adapter)
{
	unsigned int shift = adapter->hw.mac.type == e1000_82575 ? 6 : 0;
	unsigned int nr = mp_igb_queues(adapter);
	struct e1000_hw *hw = &adapter->hw;
	unsigned int i, j;

	if (!nr || nr == adapter->num_rx_queues)
		return;

	for (i = 0; i < IGB_RETA_SIZE; i += 4) {
		u32 reta = 0;

		for (j = 0; j < 4; j++)
			reta |= ((i + j) % nr) << (shift + 8 * j);
		wr32(E1000_RETA(i / 4), reta);
	}
}

static struct mp_igb_queue *mp_igb_queue(struct igb_ring *rx_ring)
{
	struct igb_adapter *adapter = netdev_priv(rx_ring->netdev);

	return &adapter->mp_queue[rx_ring->queue_index];
}

/* Not for the ring of the self-test, which is of no queue */
static bool mp_igb_on(struct igb_ring *rx_ring)
{
	struct igb_adapter *adapter = netdev_priv(rx_ring->netdev);

	return adapter->rx_ring[rx_ring->queue_index] == rx_ring &&
	       mp_igb_queue(rx_ring)->on;
}

/*
 * In igb_configure_rx_ring(), after igb_setup_srrctl() and before the queue is
 * enabled.  No timestamp in front of the frame, and no queue waits for another's
 * buffers.
 */
static void mp_igb_configure_ring(struct igb_adapter *adapter,
				  struct igb_ring *rx_ring)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	struct e1000_hw *hw = &adapter->hw;
	u32 srrctl;

	if (adapter->rx_ring[rx_ring->queue_index] != rx_ring ||
	    rx_ring->queue_index >= mp_igb_queues(adapter))
		return;

	queue->on = true;
	queue->tail = 0;
	queue->discarding = false;
	srrctl = rd32(E1000_SRRCTL(rx_ring->reg_idx));
	srrctl &= ~E1000_SRRCTL_TIMESTAMP;
	if (adapter->num_rx_queues > 1)
		srrctl |= E1000_SRRCTL_DROP_EN;
	wr32(E1000_SRRCTL(rx_ring->reg_idx), srrctl);
}

/* NAPI has bottom halves off already, igb_configure() has not. */
static bool mp_igb_construct(struct mp_igb_queue *queue,
			     struct mp_rx_slot *slot)
{
	const u32 room = MP_IGB_FRAME_MAX;
	bool full;

	local_bh_disable();
	full = mp_rx_construct(queue->rx, slot, &room, 1);
	local_bh_enable();

	return full;
}

static unsigned int mp_igb_distance(struct igb_ring *rx_ring,
				    unsigned int from, unsigned int to)
{
	return (to < from ? rx_ring->count : 0) + to - from;
}

/*
 * The tail register takes the first descriptor that is not the NIC's.  Each write
 * costs, so it waits for a bunch of descriptors, as in stock receive; but not when
 * the NIC has few left: a short ring has no later frames that would make up for a
 * write that was put off.
 */
static void mp_igb_write_tail(struct igb_ring *rx_ring,
			      struct mp_igb_queue *queue)
{
	unsigned int nic, armed;

	nic = mp_igb_distance(rx_ring, rx_ring->next_to_clean, queue->tail);
	armed = mp_igb_distance(rx_ring, queue->tail, rx_ring->next_to_use);
	if (armed < IGB_RX_BUFFER_WRITE &&
	    (!armed || nic >= rx_ring->count / 2))
		return;

	queue->tail = rx_ring->next_to_use;
	dma_wmb();	/* descriptors before tail */
	writel(queue->tail, rx_ring->tail);
}

/* Instead of igb_alloc_rx_buffers(), if the result is true */
static bool mp_igb_alloc_rx_buffers(struct igb_ring *rx_ring)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	unsigned int i = rx_ring->next_to_use;
	unsigned int unused;

	if (!mp_igb_on(rx_ring))
		return false;

	for (unused = igb_desc_unused(rx_ring); unused; unused--) {
		union e1000_adv_rx_desc *desc = IGB_RX_DESC(rx_ring, i);
		struct mp_rx_slot *slot = &queue->slots[i];

		if (!mp_igb_construct(queue, slot))
			break;
		desc->read.pkt_addr = cpu_to_le64(slot->dma[0]);
		/* here DD is written back */
		desc->read.hdr_addr = 0;
		if (++i == rx_ring->count)
			i = 0;
	}

	rx_ring->next_to_use = i;
	mp_igb_write_tail(rx_ring, queue);

	return true;
}

/* What follows a piece without an end is a piece. */
static bool mp_igb_frame_ok(struct mp_igb_queue *queue, u32 staterr)
{
	bool ok = !queue->discarding && (staterr & E1000_RXD_STAT_EOP) &&
		  !(staterr & E1000_RXDEXT_ERR_FRAME_ERR_MASK);

	queue->discarding = !(staterr & E1000_RXD_STAT_EOP);

	return ok;
}

/* See igb_rx_checksum(), which needs an skb, and gets all bad frames */
static bool mp_igb_csum_ok(struct igb_ring *rx_ring, u32 staterr)
{
	return (rx_ring->netdev->features & NETIF_F_RXCSUM) &&
	       !(staterr & E1000_RXD_STAT_IXSM) &&
	       (staterr & (E1000_RXD_STAT_TCPCS | E1000_RXD_STAT_UDPCS));
}

static bool mp_igb_direct(struct igb_ring *rx_ring, struct mp_igb_queue *queue,
			  struct mp_rx_slot *slot, unsigned int length,
			  u32 staterr)
{
	if (staterr & (E1000_RXDEXT_STATERR_TCPE | E1000_RXDEXT_STATERR_IPE))
		return false;

	return mp_rx_direct(queue->rx, slot, length,
			    mp_igb_csum_ok(rx_ring, staterr));
}

/* As igb_process_skb_fields(), but for the Ethernet header */
static void mp_igb_deliver(struct igb_ring *rx_ring, struct mp_igb_queue *queue,
			   union e1000_adv_rx_desc *desc, u32 staterr,
			   struct sk_buff *skb)
{
	igb_rx_hash(rx_ring, desc, skb);
	igb_rx_checksum(rx_ring, desc, skb);
	if ((staterr & E1000_RXDADV_STAT_TS) &&
	    !(staterr & E1000_RXDADV_STAT_TSIP))
		igb_ptp_rx_rgtstamp(rx_ring->q_vector, skb);
	if ((rx_ring->netdev->features & NETIF_F_HW_VLAN_CTAG_RX) &&
	    (staterr & E1000_RXD_STAT_VP))
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q),
				       le16_to_cpu(desc->wb.upper.vlan));

	mp_rx_deliver(queue->rx, &rx_ring->q_vector->napi, skb);
}

/* Ends the slot of a descriptor that the NIC wrote back; the frame's length */
static unsigned int mp_igb_receive(struct igb_ring *rx_ring, unsigned int i,
				   u32 staterr)
{
	union e1000_adv_rx_desc *desc = IGB_RX_DESC(rx_ring, i);
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	unsigned int length = le16_to_cpu(desc->wb.upper.length);
	struct mp_rx_slot *slot = &queue->slots[i];
	struct sk_buff *skb;

	if (!mp_igb_frame_ok(queue, staterr) || length < ETH_HLEN) {
		mp_rx_discard(queue->rx, slot);
		return 0;
	}
	if (mp_igb_direct(rx_ring, queue, slot, length, staterr))
		return length;

	skb = mp_rx_frame(queue->rx, &rx_ring->q_vector->napi, slot, length);
	if (skb)
		mp_igb_deliver(rx_ring, queue, desc, staterr, skb);

	return length;
}

static void mp_igb_count(struct igb_q_vector *q_vector, unsigned int packets,
			 unsigned int bytes)
{
	struct igb_ring *rx_ring = q_vector->rx.ring;

	u64_stats_update_begin(&rx_ring->rx_syncp);
	rx_ring->rx_stats.packets += packets;
	rx_ring->rx_stats.bytes += bytes;
	u64_stats_update_end(&rx_ring->rx_syncp);
	q_vector->rx.total_packets += packets;
	q_vector->rx.total_bytes += bytes;
}

/* Instead of igb_clean_rx_irq(), if mp_igb_on() */
static int mp_igb_clean_rx_irq(struct igb_q_vector *q_vector, int budget)
{
	struct igb_ring *rx_ring = q_vector->rx.ring;
	unsigned int i = rx_ring->next_to_clean;
	unsigned int bytes = 0;
	int cleaned = 0;
	u32 staterr;

	/* netpoll wants nothing received, and it can have interrupts off */
	if (!budget)
		return 0;

	while (cleaned < budget && i != rx_ring->next_to_use) {
		staterr = le32_to_cpu(IGB_RX_DESC(rx_ring, i)->wb.upper.status_error);
		if (!(staterr & E1000_RXD_STAT_DD))
			break;
		dma_rmb();	/* status before the rest of the descriptor */

		bytes += mp_igb_receive(rx_ring, i, staterr);
		if (++i == rx_ring->count)
			i = 0;
		rx_ring->next_to_clean = i;

		/* one at a time is too slow for the tail register */
		if (++cleaned % IGB_RX_BUFFER_WRITE == 0)
			mp_igb_alloc_rx_buffers(rx_ring);
	}

	/* also if nothing came: mp_igb_refill() ends here */
	mp_igb_alloc_rx_buffers(rx_ring);
	mp_igb_count(q_vector, cleaned, bytes);

	return cleaned;
}

/*
 * Where the NIC was not reset before its rings are freed, which is when
 * igb_open() fails, the receiver is still on.
 */
static void mp_igb_silence(struct igb_adapter *adapter)
{
	struct e1000_hw *hw = &adapter->hw;
	u32 rctl;

	if (pci_channel_offline(adapter->pdev))
		return;
	rctl = rd32(E1000_RCTL);
	if (!(rctl & E1000_RCTL_EN))
		return;

	wr32(E1000_RCTL, rctl & ~E1000_RCTL_EN);
	wrfl();
	usleep_range(10000, 11000);
}

/* In igb_clean_rx_ring(), which finds no page after this. */
static void mp_igb_clean_ring(struct igb_ring *rx_ring)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	unsigned int i;

	if (!mp_igb_on(rx_ring))
		return;

	if (rx_ring->next_to_use != rx_ring->next_to_clean)
		mp_igb_silence(netdev_priv(rx_ring->netdev));

	local_bh_disable();
	for (i = 0; i < rx_ring->count; i++)
		if (!mp_rx_slot_empty(&queue->slots[i]))
			mp_rx_discard(queue->rx, &queue->slots[i]);
	local_bh_enable();

	rx_ring->next_to_alloc = rx_ring->next_to_clean;
	queue->on = false;
}

/*
 * Called by mpassthru, from any CPU, as often as it likes.  Rings are touched by
 * NAPI only.  While the interface is down nothing needs to be done: igb_configure()
 * asks for buffers, and mp_igb_up() for those that came after it.
 */
static void mp_igb_refill(struct net_device *netdev, unsigned int queue)
{
	struct igb_adapter *adapter = netdev_priv(netdev);

	local_bh_disable();
	rcu_read_lock();

	/* What mpassthru has for us before DOWN; mp_igb_up() runs after DOWN
	 * was cleared and finds it if we do not.
	 */
	smp_mb();
	if (!test_bit(__IGB_DOWN, &adapter->state) &&
	    queue < adapter->num_rx_queues)
		napi_schedule(&adapter->rx_ring[queue]->q_vector->napi);

	rcu_read_unlock();
	local_bh_enable();
}

/* After __IGB_DOWN was cleared and NAPI enabled, in igb_up() and igb_open() */
static void mp_igb_up(struct igb_adapter *adapter)
{
	unsigned int i;

	for (i = 0; i < mp_igb_queues(adapter); i++)
		mp_igb_refill(adapter->netdev, i);
}

/*
 * In igb_down(), after __IGB_DOWN was set: a refill that did not see it is over
 * before NAPI is disabled, and before rings are freed.
 */
static void mp_igb_down(struct igb_adapter *adapter)
{
	if (adapter->mp_nr)
		synchronize_net();
}

static void mp_igb_free_slots(struct igb_adapter *adapter, unsigned int first)
{
	for (; first < ARRAY_SIZE(adapter->mp_queue); first++) {
		kvfree(adapter->mp_queue[first].slots);
		adapter->mp_queue[first].slots = NULL;
	}
}

/* For the longest ring: ethtool -G changes the length at any time. */
static int mp_igb_alloc_slots(struct igb_adapter *adapter, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct mp_igb_queue *queue = &adapter->mp_queue[i];

		if (!queue->slots)
			queue->slots = kvcalloc(IGB_MAX_RXD,
						sizeof(*queue->slots),
						GFP_KERNEL);
		if (!queue->slots)
			return -ENOMEM;
	}

	return 0;
}

/* One reset for all queues */
static void mp_igb_switch(struct igb_adapter *adapter, struct mp_rx *const *rx,
			  unsigned int nr)
{
	struct net_device *netdev = adapter->netdev;
	bool running;
	unsigned int i;

	while (test_and_set_bit(__IGB_RESETTING, &adapter->state))
		usleep_range(1000, 2000);

	pm_runtime_get_sync(netdev->dev.parent);

	/* a detached interface is down already, and starts on its own */
	running = netif_running(netdev) && netif_device_present(netdev);
	if (running)
		igb_down(adapter);

	for (i = 0; i < ARRAY_SIZE(adapter->mp_queue); i++)
		adapter->mp_queue[i].rx = i < nr ? rx[i] : NULL;
	adapter->mp_nr = nr;

	if (running)
		igb_up(adapter);

	pm_runtime_put_sync(netdev->dev.parent);

	clear_bit(__IGB_RESETTING, &adapter->state);
}

static int mp_igb_set_rx(struct net_device *netdev, struct mp_rx *const *rx,
			 unsigned int nr)
{
	struct igb_adapter *adapter = netdev_priv(netdev);
	int err;

	ASSERT_RTNL();

	err = mp_igb_alloc_slots(adapter, nr);
	if (nr && !mp_igb_able(adapter))
		err = -EOPNOTSUPP;
	if (err)
		nr = 0;

	if (nr || adapter->mp_nr)
		mp_igb_switch(adapter, rx, nr);
	mp_igb_free_slots(adapter, nr);

	return err;
}

static const struct mp_nic_ops mp_igb_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME),
	.queues		= IGB_MAX_RX_QUEUES,
	.set_rx		= mp_igb_set_rx,
	.refill		= mp_igb_refill,
};

/* The last thing in igb_probe() */
static void mp_igb_probe(struct igb_adapter *adapter)
{
	int err = mp_nic_register(adapter->netdev, &mp_igb_ops);

	if (err)
		netdev_warn(adapter->netdev,
			    "no zero-copy receive, mpassthru says %d\n", err);
}

/* Before anything is taken down: this starts the NIC once more */
static void mp_igb_remove(struct igb_adapter *adapter)
{
	mp_nic_unregister(adapter->netdev);
}

#endif /* _MP_IGB_H */
