/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page constructor of mpassthru in ixgbe.
 *
 * ixgbe_main.c includes this file behind ixgbe_rx_checksum() and calls it at the
 * few places that the patch beside it adds.  <mp/nic.h> has the contract.  From top
 * to bottom: what the hardware can do, where flows go, arming a descriptor,
 * cleaning it, stopping and starting, the calls of mpassthru.
 *
 * adapter->mp_rx[] has the constructors that mpassthru wants to be used, and
 * adapter->mp_queue[i] what receive queue i uses, whichever ring that has: rings are
 * made anew when their number or length changes.  A queue has slots from the time
 * that its ring was set up for a constructor until that ring was cleaned; without,
 * it is stock.  A descriptor of such a ring is armed exactly as long as it lies
 * between next_to_clean and next_to_use, and its slot is full as long.  The ring may
 * be short or empty: descriptors outside of that range are never looked at, and have
 * slots that are empty, or full because their last frame had no use for them.  It has
 * no pages: next_to_alloc is where next_to_clean is when stock code looks for them.
 *
 * A frame is one descriptor, in both layouts: what a header buffer does not take has
 * one buffer behind it.
 */
#ifndef _MP_IXGBE_H
#define _MP_IXGBE_H

#include <mp/nic.h>

/*
 * The longest frame that the NIC is to store: MHADD.MFS, which is 1518 up to an MTU
 * of 1500, and does not count a VLAN tag.  The FCS is always stripped, which leaves
 * room for the time stamp that X550 appends to frames without a tag.
 */
#define MP_IXGBE_FRAME_MAX	(VLAN_ETH_FRAME_LEN + ETH_FCS_LEN)

/*
 * What a descriptor has: memory of the guest's, and for header split a header buffer,
 * which stays mapped over many frames, for GRO gives it back.
 */
struct mp_ixgbe_slot {
	struct mp_rx_slot mp;
	struct sk_buff *skb;
	dma_addr_t dma;
};

/*
 * What MFS says must bound a write, one frame must be one descriptor, and a queue's
 * number must be its place in the redirection table.  All of these come with a
 * reset when they change under constructors: receive is stock for as long as they do
 * not fit.  Without an XDP program there are no AF_XDP buffers.
 */
static bool mp_ixgbe_able(struct ixgbe_adapter *adapter)
{
	const u32 unfit = IXGBE_FLAG_SRIOV_ENABLED | IXGBE_FLAG_VMDQ_ENABLED |
			  IXGBE_FLAG_DCB_ENABLED | IXGBE_FLAG_FCOE_ENABLED;
	struct net_device *netdev = adapter->netdev;

	return netdev->mtu <= ETH_DATA_LEN && !adapter->xdp_prog &&
	       !(adapter->flags & unfit) &&
	       !(adapter->flags2 & IXGBE_FLAG2_RSC_ENABLED) &&
	       !(netdev->features & NETIF_F_RXALL);
}

/* How many of the queues that there are have constructors */
static unsigned int mp_ixgbe_queues(struct ixgbe_adapter *adapter)
{
	if (!adapter->mp_nr || !mp_ixgbe_able(adapter))
		return 0;

	return min_t(unsigned int, adapter->mp_nr, adapter->num_rx_queues);
}

/*
 * After ixgbe_store_reta() wrote the administrator's table, which is right as it is
 * if all queues have constructors.
 */
static void mp_ixgbe_store_reta(struct ixgbe_adapter *adapter)
{
	unsigned int nr = mp_ixgbe_queues(adapter);
	struct ixgbe_hw *hw = &adapter->hw;
	unsigned int i, j;

	if (!nr || nr == adapter->num_rx_queues)
		return;

	for (i = 0; i < ixgbe_rss_indir_tbl_entries(adapter); i += 4) {
		u32 reta = 0;

		for (j = 0; j < 4; j++)
			reta |= ((i + j) % nr) << 8 * j;
		if (i < 128)
			IXGBE_WRITE_REG(hw, IXGBE_RETA(i / 4), reta);
		else
			IXGBE_WRITE_REG(hw, IXGBE_ERETA(i / 4 - 32), reta);
	}
}

/*
 * After ixgbe_configure_tx().  Flow Director leads a flow to the queue that its
 * answers were last sent from, and elsewhere the next time: it learns no flow.
 */
static void mp_ixgbe_configure_tx(struct ixgbe_adapter *adapter)
{
	int i;

	if (!mp_ixgbe_queues(adapter))
		return;

	for (i = 0; i < adapter->num_tx_queues; i++)
		adapter->tx_ring[i]->atr_sample_rate = 0;
}

/* NULL for the ring of the self-test, and where RSS never leads */
static struct mp_ixgbe_queue *mp_ixgbe_queue(struct ixgbe_ring *rx_ring)
{
	unsigned int i = rx_ring->queue_index;

	if (!rx_ring->q_vector || i >= IXGBE_MAX_RSS_INDICES)
		return NULL;

	return &rx_ring->q_vector->adapter->mp_queue[i];
}

static bool mp_ixgbe_on(struct ixgbe_ring *rx_ring)
{
	struct mp_ixgbe_queue *queue = mp_ixgbe_queue(rx_ring);

	return queue && queue->slots;
}

static void mp_ixgbe_write_srrctl(struct ixgbe_adapter *adapter,
				  struct ixgbe_ring *rx_ring)
{
	struct mp_ixgbe_queue *queue = mp_ixgbe_queue(rx_ring);
	struct ixgbe_hw *hw = &adapter->hw;
	u32 srrctl;

	srrctl = IXGBE_READ_REG(hw, IXGBE_SRRCTL(rx_ring->reg_idx));
	srrctl |= IXGBE_SRRCTL_DROP_EN;
	if (queue->split) {
		srrctl &= ~IXGBE_SRRCTL_DESCTYPE_MASK;
		srrctl |= IXGBE_SRRCTL_DESCTYPE_HDR_SPLIT_ALWAYS;
	}
	IXGBE_WRITE_REG(hw, IXGBE_SRRCTL(rx_ring->reg_idx), srrctl);
}

/*
 * After ixgbe_set_rx_drop_en() chose for all queues, which it does when the link
 * comes up: a guest that does not read must not make the NIC send pause frames.
 */
static void mp_ixgbe_set_rx_drop_en(struct ixgbe_adapter *adapter)
{
	unsigned int i;

	for (i = 0; i < mp_ixgbe_queues(adapter); i++)
		if (mp_ixgbe_on(adapter->rx_ring[i]))
			mp_ixgbe_write_srrctl(adapter, adapter->rx_ring[i]);
}

/*
 * In ixgbe_configure_rx_ring(), after SRRCTL was written, with IXGBE_RX_HDR_SIZE as
 * the size of header buffers, and before the queue is enabled.  Without memory for
 * the slots the queue is stock.
 */
static void mp_ixgbe_configure_ring(struct ixgbe_adapter *adapter,
				    struct ixgbe_ring *rx_ring)
{
	struct mp_ixgbe_queue *queue = mp_ixgbe_queue(rx_ring);

	if (!queue || rx_ring->queue_index >= mp_ixgbe_queues(adapter))
		return;

	queue->slots = kvcalloc(rx_ring->count, sizeof(*queue->slots),
				GFP_KERNEL);
	if (!queue->slots)
		return;

	queue->rx = adapter->mp_rx[rx_ring->queue_index];
	queue->split = mp_rx_mode(queue->rx) == MP_MODE_HEADER_SPLIT;
	queue->tail = 0;
	queue->discarding = false;
	mp_ixgbe_write_srrctl(adapter, rx_ring);
}

static bool mp_ixgbe_map_header(struct ixgbe_ring *rx_ring,
				struct mp_ixgbe_slot *slot)
{
	if (slot->dma) {
		dma_sync_single_for_device(rx_ring->dev, slot->dma,
					   IXGBE_RX_HDR_SIZE, DMA_FROM_DEVICE);
		return true;
	}

	if (!slot->skb)
		slot->skb = netdev_alloc_skb_ip_align(rx_ring->netdev,
						      IXGBE_RX_HDR_SIZE);
	if (!slot->skb) {
		rx_ring->rx_stats.alloc_rx_buff_failed++;
		return false;
	}

	slot->dma = dma_map_single(rx_ring->dev, slot->skb->data,
				   IXGBE_RX_HDR_SIZE, DMA_FROM_DEVICE);
	if (dma_mapping_error(rx_ring->dev, slot->dma)) {
		slot->dma = 0;
		rx_ring->rx_stats.alloc_rx_buff_failed++;
		return false;
	}

	return true;
}

static void mp_ixgbe_unmap_header(struct ixgbe_ring *rx_ring,
				  struct mp_ixgbe_slot *slot)
{
	if (!slot->dma)
		return;

	/* what the NIC wrote is in the buffer: mp_ixgbe_sync_header() */
	dma_unmap_single_attrs(rx_ring->dev, slot->dma, IXGBE_RX_HDR_SIZE,
			       DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	slot->dma = 0;
}

static void mp_ixgbe_sync_header(struct ixgbe_ring *rx_ring,
				 struct mp_ixgbe_slot *slot)
{
	if (slot->dma)
		dma_sync_single_for_cpu(rx_ring->dev, slot->dma,
					IXGBE_RX_HDR_SIZE, DMA_FROM_DEVICE);
}

/*
 * The slot may be full from last time.  NAPI has bottom halves off already,
 * ixgbe_configure() has not.
 */
static bool mp_ixgbe_construct(struct mp_ixgbe_queue *queue,
			       struct mp_rx_slot *slot)
{
	const u32 room = MP_IXGBE_FRAME_MAX;
	bool full = !mp_rx_slot_empty(slot);

	if (full)
		return true;

	local_bh_disable();
	full = mp_rx_construct(queue->rx, slot, &room, 1);
	local_bh_enable();

	return full;
}

static bool mp_ixgbe_arm_one(struct ixgbe_ring *rx_ring,
			     struct mp_ixgbe_queue *queue, unsigned int i)
{
	union ixgbe_adv_rx_desc *desc = IXGBE_RX_DESC(rx_ring, i);
	struct mp_ixgbe_slot *slot = &queue->slots[i];

	if (queue->split && !mp_ixgbe_map_header(rx_ring, slot))
		return false;
	if (!mp_ixgbe_construct(queue, &slot->mp))
		return false;

	desc->read.pkt_addr = cpu_to_le64(slot->mp.dma[0]);
	/* even, or none: in bit 0 DD is written back */
	desc->read.hdr_addr = cpu_to_le64(slot->dma);

	return true;
}

static unsigned int mp_ixgbe_distance(struct ixgbe_ring *rx_ring,
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
static void mp_ixgbe_write_tail(struct ixgbe_ring *rx_ring,
				struct mp_ixgbe_queue *queue)
{
	unsigned int nic, armed;

	nic = mp_ixgbe_distance(rx_ring, rx_ring->next_to_clean, queue->tail);
	armed = mp_ixgbe_distance(rx_ring, queue->tail, rx_ring->next_to_use);
	if (armed < IXGBE_RX_BUFFER_WRITE &&
	    (!armed || nic >= rx_ring->count / 2))
		return;

	queue->tail = rx_ring->next_to_use;
	dma_wmb();	/* descriptors before tail */
	writel(queue->tail, rx_ring->tail);
}

static void mp_ixgbe_arm(struct ixgbe_ring *rx_ring,
			 struct mp_ixgbe_queue *queue)
{
	unsigned int i = rx_ring->next_to_use;
	unsigned int unused;

	for (unused = ixgbe_desc_unused(rx_ring); unused; unused--) {
		if (!mp_ixgbe_arm_one(rx_ring, queue, i))
			break;
		if (++i == rx_ring->count)
			i = 0;
	}

	rx_ring->next_to_use = i;
	mp_ixgbe_write_tail(rx_ring, queue);
}

/* Instead of ixgbe_alloc_rx_buffers(), if the result is true */
static bool mp_ixgbe_alloc_rx_buffers(struct ixgbe_ring *rx_ring)
{
	if (!mp_ixgbe_on(rx_ring))
		return false;

	mp_ixgbe_arm(rx_ring, mp_ixgbe_queue(rx_ring));

	return true;
}

/* What follows a piece without an end is a piece. */
static bool mp_ixgbe_frame_ok(struct mp_ixgbe_queue *queue, u32 staterr)
{
	bool ok = !queue->discarding && (staterr & IXGBE_RXD_STAT_EOP) &&
		  !(staterr & IXGBE_RXDADV_ERR_FRAME_ERR_MASK);

	queue->discarding = !(staterr & IXGBE_RXD_STAT_EOP);

	return ok;
}

/* X550 counts the time stamp behind the frame as if it were of the frame. */
static unsigned int mp_ixgbe_stamp(struct ixgbe_ring *rx_ring, u32 staterr)
{
	const u32 stamps = IXGBE_FLAG_RX_HWTSTAMP_ENABLED |
			   IXGBE_FLAG_RX_HWTSTAMP_IN_REGISTER;
	u32 flags = rx_ring->q_vector->adapter->flags;

	return (flags & stamps) == IXGBE_FLAG_RX_HWTSTAMP_ENABLED &&
	       (staterr & IXGBE_RXD_STAT_TSIP) ? IXGBE_TS_HDR_LEN : 0;
}

/*
 * Of the frame's first bytes, in its header buffer.  Headers that are longer than
 * that are told as long as they are; the buffer is full.
 */
static unsigned int mp_ixgbe_header(union ixgbe_adv_rx_desc *desc)
{
	u16 info = le16_to_cpu(desc->wb.lower.lo_dword.hs_rss.hdr_info);

	info &= IXGBE_RXDADV_HDRBUFLEN_MASK;

	return min_t(unsigned int, info >> IXGBE_RXDADV_HDRBUFLEN_SHIFT,
		     IXGBE_RX_HDR_SIZE);
}

/*
 * See ixgbe_rx_checksum(), which needs an skb, and gets all bad frames.  What is said
 * of a tunnel's frame is said of the inner one.
 */
static bool mp_ixgbe_csum_ok(struct ixgbe_ring *rx_ring,
			     union ixgbe_adv_rx_desc *desc, u32 staterr)
{
	__le16 info = desc->wb.lower.lo_dword.hs_rss.pkt_info;

	return (rx_ring->netdev->features & NETIF_F_RXCSUM) &&
	       (staterr & IXGBE_RXD_STAT_L4CS) &&
	       !(info & cpu_to_le16(IXGBE_RXDADV_PKTTYPE_VXLAN));
}

static bool mp_ixgbe_direct(struct ixgbe_ring *rx_ring,
			    struct mp_ixgbe_queue *queue,
			    struct mp_rx_slot *slot, unsigned int length,
			    union ixgbe_adv_rx_desc *desc, u32 staterr)
{
	if (staterr & (IXGBE_RXDADV_ERR_TCPE | IXGBE_RXDADV_ERR_IPE))
		return false;

	return mp_rx_direct(queue->rx, slot, length,
			    mp_ixgbe_csum_ok(rx_ring, desc, staterr));
}

/* As ixgbe_process_skb_fields(), but for the Ethernet header */
static struct sk_buff *mp_ixgbe_deliver(struct ixgbe_ring *rx_ring,
					struct mp_ixgbe_queue *queue,
					union ixgbe_adv_rx_desc *desc,
					u32 staterr, struct sk_buff *skb)
{
	struct ixgbe_q_vector *q_vector = rx_ring->q_vector;

	ixgbe_rx_hash(rx_ring, desc, skb);
	ixgbe_rx_checksum(rx_ring, desc, skb);
	if (q_vector->adapter->flags & IXGBE_FLAG_RX_HWTSTAMP_IN_REGISTER)
		ixgbe_ptp_rx_hwtstamp(rx_ring, desc, skb);
	if ((rx_ring->netdev->features & NETIF_F_HW_VLAN_CTAG_RX) &&
	    (staterr & IXGBE_RXD_STAT_VP))
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q),
				       le16_to_cpu(desc->wb.upper.vlan));

	return mp_rx_deliver(queue->rx, &q_vector->napi, skb);
}

static void mp_ixgbe_take_whole(struct ixgbe_ring *rx_ring,
				struct mp_ixgbe_queue *queue,
				struct mp_ixgbe_slot *slot, unsigned int length,
				union ixgbe_adv_rx_desc *desc, u32 staterr)
{
	struct sk_buff *skb;

	if (mp_ixgbe_direct(rx_ring, queue, &slot->mp, length, desc, staterr))
		return;

	skb = mp_rx_frame(queue->rx, &rx_ring->q_vector->napi, &slot->mp,
			  length);
	if (skb)
		mp_ixgbe_deliver(rx_ring, queue, desc, staterr, skb);
}

/* What GRO emptied is the next header buffer. */
static void mp_ixgbe_take_split(struct ixgbe_ring *rx_ring,
				struct mp_ixgbe_queue *queue,
				struct mp_ixgbe_slot *slot, unsigned int length,
				union ixgbe_adv_rx_desc *desc, u32 staterr)
{
	unsigned int header = min(length, mp_ixgbe_header(desc));
	struct sk_buff *skb = slot->skb;

	skb_put(skb, header);
	mp_rx_fill(queue->rx, &slot->mp, skb, length - header);
	slot->skb = mp_ixgbe_deliver(rx_ring, queue, desc, staterr, skb);
	if (slot->skb != skb)
		mp_ixgbe_unmap_header(rx_ring, slot);
}

/*
 * Ends the slot of a descriptor that the NIC wrote back, unless it can be armed as it
 * is; the frame's length.
 */
static unsigned int mp_ixgbe_receive(struct ixgbe_ring *rx_ring,
				     struct mp_ixgbe_queue *queue,
				     unsigned int i, u32 staterr)
{
	union ixgbe_adv_rx_desc *desc = IXGBE_RX_DESC(rx_ring, i);
	unsigned int length = le16_to_cpu(desc->wb.upper.length);
	unsigned int stamp = mp_ixgbe_stamp(rx_ring, staterr);
	struct mp_ixgbe_slot *slot = &queue->slots[i];
	unsigned int header = length;

	mp_ixgbe_sync_header(rx_ring, slot);
	if (queue->split) {
		header = mp_ixgbe_header(desc);
		length += header;
	}
	if (!mp_ixgbe_frame_ok(queue, staterr) || header < ETH_HLEN ||
	    length < ETH_HLEN + stamp) {
		mp_rx_discard(queue->rx, &slot->mp);
		return 0;
	}

	length -= stamp;
	if (queue->split)
		mp_ixgbe_take_split(rx_ring, queue, slot, length, desc,
				    staterr);
	else
		mp_ixgbe_take_whole(rx_ring, queue, slot, length, desc,
				    staterr);

	return length;
}

static void mp_ixgbe_count(struct ixgbe_q_vector *q_vector,
			   struct ixgbe_ring *rx_ring, unsigned int packets,
			   unsigned int bytes)
{
	u64_stats_update_begin(&rx_ring->syncp);
	rx_ring->stats.packets += packets;
	rx_ring->stats.bytes += bytes;
	u64_stats_update_end(&rx_ring->syncp);
	q_vector->rx.total_packets += packets;
	q_vector->rx.total_bytes += bytes;
}

/* Instead of ixgbe_clean_rx_irq(), if mp_ixgbe_on(); netpoll never gets there */
static int mp_ixgbe_clean_rx_irq(struct ixgbe_q_vector *q_vector,
				 struct ixgbe_ring *rx_ring, int budget)
{
	struct mp_ixgbe_queue *queue = mp_ixgbe_queue(rx_ring);
	unsigned int i = rx_ring->next_to_clean;
	unsigned int bytes = 0;
	int cleaned = 0;
	u32 staterr;

	while (cleaned < budget && i != rx_ring->next_to_use) {
		staterr = le32_to_cpu(IXGBE_RX_DESC(rx_ring, i)->wb.upper.status_error);
		if (!(staterr & IXGBE_RXD_STAT_DD))
			break;
		dma_rmb();	/* status before the rest of the descriptor */

		bytes += mp_ixgbe_receive(rx_ring, queue, i, staterr);
		if (++i == rx_ring->count)
			i = 0;
		rx_ring->next_to_clean = i;

		/* one at a time is too slow for the tail register */
		if (++cleaned % IXGBE_RX_BUFFER_WRITE == 0)
			mp_ixgbe_arm(rx_ring, queue);
	}

	/* also if nothing came: mp_ixgbe_refill() ends here */
	mp_ixgbe_arm(rx_ring, queue);
	mp_ixgbe_count(q_vector, rx_ring, cleaned, bytes);

	return cleaned;
}

static bool mp_ixgbe_enabled(struct ixgbe_adapter *adapter,
			     struct ixgbe_ring *rx_ring)
{
	struct ixgbe_hw *hw = &adapter->hw;

	return IXGBE_READ_REG(hw, IXGBE_RXDCTL(rx_ring->reg_idx)) &
	       IXGBE_RXDCTL_ENABLE;
}

/*
 * Where the NIC was not reset before its rings are freed, which is when ixgbe_open()
 * fails, its queues are still enabled.  The bit stays set for as long as there is
 * anything under way, and a little longer has to be waited.
 */
static void mp_ixgbe_silence(struct ixgbe_adapter *adapter,
			     struct ixgbe_ring *rx_ring)
{
	if (pci_channel_offline(adapter->pdev) ||
	    !mp_ixgbe_enabled(adapter, rx_ring))
		return;

	ixgbe_disable_rx(adapter);
	usleep_range(100, 200);
	if (mp_ixgbe_enabled(adapter, rx_ring))
		ixgbe_reset(adapter);
}

static void mp_ixgbe_end_slot(struct ixgbe_ring *rx_ring,
			      struct mp_ixgbe_queue *queue,
			      struct mp_ixgbe_slot *slot)
{
	mp_ixgbe_unmap_header(rx_ring, slot);
	dev_kfree_skb(slot->skb);
	if (!mp_rx_slot_empty(&slot->mp))
		mp_rx_discard(queue->rx, &slot->mp);
}

/* In ixgbe_clean_rx_ring(), which finds no page after this. */
static void mp_ixgbe_clean_ring(struct ixgbe_ring *rx_ring)
{
	struct mp_ixgbe_queue *queue = mp_ixgbe_queue(rx_ring);
	unsigned int i;

	if (!mp_ixgbe_on(rx_ring))
		return;

	if (rx_ring->next_to_use != rx_ring->next_to_clean)
		mp_ixgbe_silence(rx_ring->q_vector->adapter, rx_ring);

	local_bh_disable();
	for (i = 0; i < rx_ring->count; i++)
		mp_ixgbe_end_slot(rx_ring, queue, &queue->slots[i]);
	local_bh_enable();

	rx_ring->next_to_alloc = rx_ring->next_to_clean;
	kvfree(queue->slots);
	queue->slots = NULL;
}

/* What netdev_priv() is differs. */
static struct ixgbe_adapter *mp_ixgbe_adapter(struct net_device *netdev)
{
	return dev_get_drvdata(netdev->dev.parent);
}

/*
 * Called by mpassthru, from any CPU, as often as it likes.  Rings are touched by
 * NAPI only.  While the interface is down nothing needs to be done: ixgbe_configure()
 * asks for buffers, and mp_ixgbe_up() for those that came after it.
 */
static void mp_ixgbe_refill(struct net_device *netdev, unsigned int queue)
{
	struct ixgbe_adapter *adapter = mp_ixgbe_adapter(netdev);

	local_bh_disable();
	rcu_read_lock();

	/* What mpassthru has for us before DOWN; mp_ixgbe_up() runs after
	 * DOWN was cleared and finds it if we do not.
	 */
	smp_mb();
	if (!test_bit(__IXGBE_DOWN, &adapter->state) &&
	    queue < adapter->num_rx_queues)
		napi_schedule(&adapter->rx_ring[queue]->q_vector->napi);

	rcu_read_unlock();
	local_bh_enable();
}

/* After __IXGBE_DOWN was cleared and NAPI enabled, in ixgbe_up_complete() */
static void mp_ixgbe_up(struct ixgbe_adapter *adapter)
{
	unsigned int i;

	for (i = 0; i < mp_ixgbe_queues(adapter); i++)
		mp_ixgbe_refill(adapter->netdev, i);
}

/*
 * In ixgbe_down(), after __IXGBE_DOWN was set: a refill that did not see it is over
 * before NAPI is disabled, and before rings are freed.
 */
static void mp_ixgbe_down(struct ixgbe_adapter *adapter)
{
	if (adapter->mp_nr)
		synchronize_net();
}

/*
 * One reset for all queues.  It makes a new redirection table, in the driver and in
 * the NIC, as every reset does; the administrator's is to outlive this one.
 */
static void mp_ixgbe_switch(struct ixgbe_adapter *adapter,
			    struct mp_rx *const *rx, unsigned int nr)
{
	u8 reta[IXGBE_MAX_RETA_ENTRIES];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(adapter->mp_rx); i++)
		adapter->mp_rx[i] = i < nr ? rx[i] : NULL;
	adapter->mp_nr = nr;

	/* what is suspended is down already, and starts on its own */
	if (test_bit(__IXGBE_DOWN, &adapter->state))
		return;

	memcpy(reta, adapter->rss_indir_tbl, sizeof(reta));
	ixgbe_reinit_locked(adapter);
	memcpy(adapter->rss_indir_tbl, reta, sizeof(reta));
	ixgbe_store_reta(adapter);
}

/* Do all queues use their constructors that are to? */
static bool mp_ixgbe_complete(struct ixgbe_adapter *adapter)
{
	unsigned int i;

	if (test_bit(__IXGBE_DOWN, &adapter->state))
		return true;

	for (i = 0; i < mp_ixgbe_queues(adapter); i++)
		if (!mp_ixgbe_on(adapter->rx_ring[i]))
			return false;

	return true;
}

static int mp_ixgbe_set_rx(struct net_device *netdev, struct mp_rx *const *rx,
			   unsigned int nr)
{
	struct ixgbe_adapter *adapter = mp_ixgbe_adapter(netdev);
	int err = 0;

	ASSERT_RTNL();

	if (nr && !mp_ixgbe_able(adapter)) {
		err = -EOPNOTSUPP;
		nr = 0;
	}

	if (nr || adapter->mp_nr)
		mp_ixgbe_switch(adapter, rx, nr);
	if (!mp_ixgbe_complete(adapter)) {
		err = -ENOMEM;
		mp_ixgbe_switch(adapter, NULL, 0);
	}

	return err;
}

/* What RSS can reach on all of them */
static const struct mp_nic_ops mp_ixgbe_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME) | BIT(MP_MODE_HEADER_SPLIT),
	.queues		= IXGBE_MAX_RSS_INDICES,
	.set_rx		= mp_ixgbe_set_rx,
	.refill		= mp_ixgbe_refill,
};

/*
 * The last thing in ixgbe_probe().  82598 is another NIC: its queues share control
 * registers, and those without descriptors hold up the others.
 */
static void mp_ixgbe_probe(struct ixgbe_adapter *adapter)
{
	if (adapter->hw.mac.type != ixgbe_mac_82598EB)
		mp_nic_register(adapter->netdev, &mp_ixgbe_ops);
}

/* Before anything is taken down: this starts the NIC once more */
static void mp_ixgbe_remove(struct ixgbe_adapter *adapter)
{
	mp_nic_unregister(adapter->netdev);
}

#endif /* _MP_IXGBE_H */
