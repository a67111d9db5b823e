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
 * descriptors outside of that range are never looked at, and their slots are
 * empty, or full because their last frame had no use for them.  It has no pages:
 * next_to_alloc stays where next_to_clean is whenever stock code looks at it.
 *
 * A slot has one part.  In header split a frame begins in the header buffer of its
 * first descriptor, and a jumbo frame goes on in the parts of the next ones, whose
 * header buffers it leaves alone.  What the NIC cannot split it cuts where the
 * header buffer ends; so a short frame has nothing in its part.
 */
#ifndef _MP_IGB_H
#define _MP_IGB_H

#include <mp/nic.h>

/* Packet buffers are sized in this unit */
#define MP_IGB_PART_UNIT	BIT(E1000_SRRCTL_BSIZEPKT_SHIFT)

/* Descriptors that a split frame can take */
#define MP_IGB_PIECES		3

/* Bits of PSRTYPE: TCP and UDP over IPv4, and over IPv6, are what is split */
#define MP_IGB_SPLIT		(BIT(2) | BIT(3) | BIT(8) | BIT(9))

/* Error bit: the header was longer than its buffer */
#define MP_IGB_ERR_HBO		BIT(23)

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
static bool mp_igb_able(struct igb_adapter *adapter, struct mp_rx *rx)
{
	struct net_device *netdev = adapter->netdev;

	if (adapter->xdp_prog || adapter->vfs_allocated_count ||
	    (netdev->features & NETIF_F_RXALL))
		return false;

	return netdev->mtu <= ETH_DATA_LEN ||
	       mp_rx_mode(rx) == MP_MODE_HEADER_SPLIT;
}

/* The longest frame that the NIC is to store */
static u32 mp_igb_frame_max(struct igb_adapter *adapter)
{
	return max_t(u32, adapter->netdev->mtu, ETH_DATA_LEN) +
	       VLAN_ETH_HLEN + ETH_FCS_LEN;
}

/*
 * An ordinary frame fits into what guests post, and RLPML sees to that it does.
 * A jumbo frame has equal parts, and a packet buffer is as long as one.
 */
static u32 mp_igb_room(struct igb_adapter *adapter)
{
	u32 max = mp_igb_frame_max(adapter);

	if (adapter->netdev->mtu <= ETH_DATA_LEN)
		return max;

	return roundup(DIV_ROUND_UP(max, MP_IGB_PIECES), MP_IGB_PART_UNIT);
}

/* How many of the queues that there are have constructors */
static unsigned int mp_igb_queues(struct igb_adapter *adapter)
{
	if (!adapter->mp_nr || !mp_igb_able(adapter, adapter->mp_queue[0].rx))
		return 0;

	return min_t(unsigned int, adapter->mp_nr, adapter->num_rx_queues);
}

/* After igb_set_rx_mode() wrote RLPML */
static void mp_igb_set_rx_mode(struct igb_adapter *adapter)
{
	struct e1000_hw *hw = &adapter->hw;

	if (mp_igb_queues(adapter))
		wr32(E1000_RLPML, mp_igb_frame_max(adapter));
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

/* No buffers, no split: the queue is stock then, and its frames are copied. */
static bool mp_igb_alloc_headers(struct igb_ring *rx_ring,
				 struct mp_igb_queue *queue)
{
	queue->headers = dma_alloc_coherent(rx_ring->dev,
					    rx_ring->count * IGB_RX_HDR_LEN,
					    &queue->headers_dma, GFP_KERNEL);

	return queue->headers;
}

static void mp_igb_free_headers(struct igb_ring *rx_ring,
				struct mp_igb_queue *queue)
{
	dev_kfree_skb(queue->skb);
	queue->skb = NULL;
	if (queue->headers)
		dma_free_coherent(rx_ring->dev, rx_ring->count * IGB_RX_HDR_LEN,
				  queue->headers, queue->headers_dma);
	queue->headers = NULL;
}

/* In igb_configure_rx_ring(), before igb_setup_srrctl() */
static void mp_igb_configure_ring(struct igb_adapter *adapter,
				  struct igb_ring *rx_ring)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);

	if (adapter->rx_ring[rx_ring->queue_index] != rx_ring ||
	    rx_ring->queue_index >= mp_igb_queues(adapter))
		return;
	if (mp_rx_mode(queue->rx) == MP_MODE_HEADER_SPLIT &&
	    !mp_igb_alloc_headers(rx_ring, queue))
		return;

	queue->on = true;
	queue->room = mp_igb_room(adapter);
	queue->tail = 0;
	queue->discarding = false;
}

/*
 * Instead of igb_setup_srrctl(), if the result is true.  That is called for rings
 * in use, too.  No timestamp in front of the frame, and no queue waits for
 * another's buffers.
 */
static bool mp_igb_setup_srrctl(struct igb_adapter *adapter,
				struct igb_ring *rx_ring)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	struct e1000_hw *hw = &adapter->hw;
	u32 srrctl;

	if (!mp_igb_on(rx_ring))
		return false;

	srrctl = IGB_RX_HDR_LEN << E1000_SRRCTL_BSIZEHDRSIZE_SHIFT;
	srrctl |= DIV_ROUND_UP(queue->room, MP_IGB_PART_UNIT);
	srrctl |= queue->headers ? E1000_SRRCTL_DESCTYPE_HDR_SPLIT_ALWAYS :
				   E1000_SRRCTL_DESCTYPE_ADV_ONEBUF;
	if (adapter->num_rx_queues > 1)
		srrctl |= E1000_SRRCTL_DROP_EN;

	/* the 82576 has one for two queues */
	wr32(E1000_PSRTYPE(rx_ring->reg_idx & 7), MP_IGB_SPLIT);
	wr32(E1000_SRRCTL(rx_ring->reg_idx), srrctl);

	return true;
}

/*
 * The slot may be full from last time.  NAPI has bottom halves off already,
 * igb_configure() has not.
 */
static bool mp_igb_construct(struct mp_igb_queue *queue,
			     struct mp_rx_slot *slot)
{
	bool full = !mp_rx_slot_empty(slot);

	if (full)
		return true;

	local_bh_disable();
	full = mp_rx_construct(queue->rx, slot, &queue->room, 1);
	local_bh_enable();

	return full;
}

/* Where a header goes is even, or 0: bit 0 of it is where DD is written back. */
static void mp_igb_arm(struct igb_ring *rx_ring, struct mp_igb_queue *queue,
		       unsigned int i)
{
	union e1000_adv_rx_desc *desc = IGB_RX_DESC(rx_ring, i);
	dma_addr_t header = 0;

	if (queue->headers)
		header = queue->headers_dma + i * IGB_RX_HDR_LEN;
	desc->read.pkt_addr = cpu_to_le64(queue->slots[i].dma[0]);
	desc->read.hdr_addr = cpu_to_le64(header);
}

static unsigned int mp_igb_next(struct igb_ring *rx_ring, unsigned int i)
{
	return i + 1 == rx_ring->count ? 0 : i + 1;
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
		if (!mp_igb_construct(queue, &queue->slots[i]))
			break;
		mp_igb_arm(rx_ring, queue, i);
		i = mp_igb_next(rx_ring, i);
	}

	rx_ring->next_to_use = i;
	mp_igb_write_tail(rx_ring, queue);

	return true;
}

/*
 * How many descriptors the next frame has, and the status of its last one; 0 if its
 * end is not there yet.  One that has no end in time is left to mp_igb_frame_ok().
 */
static unsigned int mp_igb_pieces(struct igb_ring *rx_ring, u32 *staterr)
{
	unsigned int max = mp_igb_queue(rx_ring)->headers ? MP_IGB_PIECES : 1;
	unsigned int i = rx_ring->next_to_clean;
	unsigned int n;

	for (n = 1; i != rx_ring->next_to_use; n++) {
		*staterr = le32_to_cpu(IGB_RX_DESC(rx_ring, i)->wb.upper.status_error);
		if (!(*staterr & E1000_RXD_STAT_DD))
			break;
		if (n == max || (*staterr & E1000_RXD_STAT_EOP))
			return n;
		i = mp_igb_next(rx_ring, i);
	}

	return 0;
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

	queue->skb = mp_rx_deliver(queue->rx, &rx_ring->q_vector->napi, skb);
}

/* The result is the frame's length. */
static unsigned int mp_igb_take_whole(struct igb_ring *rx_ring, unsigned int i,
				      u32 staterr)
{
	union e1000_adv_rx_desc *desc = IGB_RX_DESC(rx_ring, i);
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	unsigned int length = le16_to_cpu(desc->wb.upper.length);
	struct mp_rx_slot *slot = &queue->slots[i];
	struct sk_buff *skb;

	if (length < ETH_HLEN) {
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

/*
 * What is in a header buffer.  The NIC can find a header to be longer than that, and
 * goes on in the slot then; what it says of the length may be cut off.
 */
static unsigned int mp_igb_header_len(union e1000_adv_rx_desc *desc,
				      u32 staterr)
{
	unsigned int length = le16_to_cpu(desc->wb.lower.lo_dword.hdr_info);

	staterr |= le32_to_cpu(desc->wb.upper.status_error);
	if (staterr & MP_IGB_ERR_HBO)
		return IGB_RX_HDR_LEN;
	length &= E1000_RXDADV_HDRBUFLEN_MASK;
	length >>= E1000_RXDADV_HDRBUFLEN_SHIFT;

	return min_t(unsigned int, length, IGB_RX_HDR_LEN);
}

/* A frame of what is in its header buffer */
static struct sk_buff *mp_igb_header(struct igb_ring *rx_ring, unsigned int i,
				     u32 staterr)
{
	unsigned int length = mp_igb_header_len(IGB_RX_DESC(rx_ring, i),
						staterr);
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	struct sk_buff *skb = queue->skb;

	if (length < ETH_HLEN)
		return NULL;

	if (!skb)
		skb = napi_alloc_skb(&rx_ring->q_vector->napi, IGB_RX_HDR_LEN);
	if (!skb) {
		rx_ring->rx_stats.alloc_failed++;
		return NULL;
	}

	queue->skb = NULL;
	skb_put_data(skb, queue->headers + i * IGB_RX_HDR_LEN, length);

	return skb;
}

static void mp_igb_discard(struct igb_ring *rx_ring, unsigned int i,
			   unsigned int pieces)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);

	for (; pieces; pieces--) {
		mp_rx_discard(queue->rx, &queue->slots[i]);
		i = mp_igb_next(rx_ring, i);
	}
}

static unsigned int mp_igb_take_split(struct igb_ring *rx_ring, unsigned int i,
				      unsigned int pieces, u32 staterr)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	struct sk_buff *skb = mp_igb_header(rx_ring, i, staterr);
	union e1000_adv_rx_desc *desc;
	unsigned int length;

	if (!skb) {
		mp_igb_discard(rx_ring, i, pieces);
		return 0;
	}

	for (; pieces; pieces--) {
		desc = IGB_RX_DESC(rx_ring, i);
		mp_rx_fill(queue->rx, &queue->slots[i], skb,
			   le16_to_cpu(desc->wb.upper.length));
		i = mp_igb_next(rx_ring, i);
	}

	length = skb->len;
	mp_igb_deliver(rx_ring, queue, desc, staterr, skb);

	return length;
}

/* Ends the slots of a frame's descriptors, the first of which is next_to_clean */
static unsigned int mp_igb_receive(struct igb_ring *rx_ring,
				   unsigned int pieces, u32 staterr)
{
	struct mp_igb_queue *queue = mp_igb_queue(rx_ring);
	unsigned int i = rx_ring->next_to_clean;

	if (!mp_igb_frame_ok(queue, staterr)) {
		mp_igb_discard(rx_ring, i, pieces);
		return 0;
	}
	if (queue->headers)
		return mp_igb_take_split(rx_ring, i, pieces, staterr);

	return mp_igb_take_whole(rx_ring, i, staterr);
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
	unsigned int bytes = 0;
	unsigned int pieces;
	int cleaned = 0;
	u32 staterr;

	/* netpoll wants nothing received, and it can have interrupts off */
	if (!budget)
		return 0;

	while (cleaned < budget) {
		pieces = mp_igb_pieces(rx_ring, &staterr);
		if (!pieces)
			break;
		dma_rmb();	/* status before the rest of the descriptors */

		bytes += mp_igb_receive(rx_ring, pieces, staterr);
		while (pieces--)
			rx_ring->next_to_clean =
				mp_igb_next(rx_ring, rx_ring->next_to_clean);

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
	mp_igb_free_headers(rx_ring, queue);

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
	if (nr && !mp_igb_able(adapter, rx[0]))
		err = -EOPNOTSUPP;
	if (err)
		nr = 0;

	if (nr || adapter->mp_nr)
		mp_igb_switch(adapter, rx, nr);
	mp_igb_free_slots(adapter, nr);

	return err;
}

static const struct mp_nic_ops mp_igb_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME) | BIT(MP_MODE_HEADER_SPLIT),
	.queues		= IGB_MAX_RX_QUEUES,
	.set_rx		= mp_igb_set_rx,
	.refill		= mp_igb_refill,
};

/* The last thing in igb_probe() */
static void mp_igb_probe(struct igb_adapter *adapter)
{
	mp_nic_register(adapter->netdev, &mp_igb_ops);
}

/* Before anything is taken down: this starts the NIC once more */
static void mp_igb_remove(struct igb_adapter *adapter)
{
	mp_nic_unregister(adapter->netdev);
}

#endif /* _MP_IGB_H */
