/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page constructor of mpassthru in e1000e.
 *
 * netdev.c includes this file in front of e1000_clean_rx_ring() and calls it
 * at the few places that the patch beside it adds.  <mp/nic.h> has the
 * contract.  From top to bottom: what the hardware can do, arming a
 * descriptor, cleaning it, stopping and starting, the calls of mpassthru.
 *
 * Here a descriptor is armed exactly as long as it lies between next_to_clean
 * and next_to_use, and its slot is full as long.  The ring may be short or
 * empty, so that descriptors outside of that range are never looked at: what
 * they contain is whatever was left there.  Their slots are empty, or full
 * because their last frame had no use for them.
 *
 * adapter->mp_parts tells how the receive unit is set up: 0 is stock receive,
 * 1 takes whole frames, and with more a frame is split.  That can be stock
 * receive although there is a constructor, see mp_e1000e_able().
 */
#ifndef _MP_E1000E_H
#define _MP_E1000E_H

#include <mp/nic.h>

/* The longest frame that is stored with RCTL.LPE off */
#define MP_E1000E_FRAME_MAX	(VLAN_ETH_FRAME_LEN + ETH_FCS_LEN)

/* Buffers 1 to 3 of a packet split descriptor are sized in this unit */
#define MP_E1000E_PART_UNIT	1024

static bool mp_e1000e_split(struct e1000_adapter *adapter)
{
	return adapter->mp_parts > 1;
}

/*
 * The length that the NIC reports must be what the guest shall see, and it
 * must be what bounds a write: no FCS, no bad frames.  MTU and features can
 * change under a constructor, receive is stock for as long as they do not fit.
 */
static bool mp_e1000e_able(struct e1000_adapter *adapter, struct mp_rx *rx)
{
	struct net_device *netdev = adapter->netdev;

	if (!(adapter->flags2 & FLAG2_CRC_STRIPPING) ||
	    (netdev->features & NETIF_F_RXALL))
		return false;

	switch (mp_rx_mode(rx)) {
	case MP_MODE_WHOLE_FRAME:
		return netdev->mtu <= ETH_DATA_LEN;
	case MP_MODE_HEADER_SPLIT:
		return true;
	default:
		return false;
	}
}

/*
 * Two parts of 1 KB take an ordinary frame and fit into the buffers of about
 * 1.5 KB that guests post.  Three equal parts take a jumbo frame.
 */
static u32 mp_e1000e_setup_psrctl(struct e1000_adapter *adapter)
{
	u32 part = MP_E1000E_PART_UNIT;
	unsigned int i;
	u32 psrctl;

	adapter->mp_parts = PS_PAGE_BUFFERS - 1;
	if (adapter->netdev->mtu > ETH_DATA_LEN) {
		adapter->mp_parts = PS_PAGE_BUFFERS;
		part = DIV_ROUND_UP(adapter->max_frame_size, PS_PAGE_BUFFERS);
		part = roundup(part, MP_E1000E_PART_UNIT);
	}

	for (i = 0; i < adapter->mp_parts; i++)
		adapter->mp_room[i] = part;

	psrctl = adapter->rx_ps_bsize0 >> E1000_PSRCTL_BSIZE0_SHIFT;
	psrctl |= part >> E1000_PSRCTL_BSIZE1_SHIFT;
	psrctl |= part << E1000_PSRCTL_BSIZE2_SHIFT;
	if (adapter->mp_parts == PS_PAGE_BUFFERS)
		psrctl |= part << E1000_PSRCTL_BSIZE3_SHIFT;

	return psrctl;
}

/* Returns what to set in RCTL, which must be written after PSRCTL. */
static u32 mp_e1000e_setup_rctl(struct e1000_adapter *adapter)
{
	struct e1000_hw *hw = &adapter->hw;
	struct mp_rx *rx = adapter->mp_rx;

	adapter->mp_parts = 0;
	if (!rx || !mp_e1000e_able(adapter, rx))
		return 0;

	if (mp_rx_mode(rx) == MP_MODE_WHOLE_FRAME) {
		adapter->mp_parts = 1;
		adapter->mp_room[0] = MP_E1000E_FRAME_MAX;
		return 0;
	}

	ew32(PSRCTL, mp_e1000e_setup_psrctl(adapter));
	/* for the length of the ring, and for e1000e_dump() */
	adapter->rx_ps_pages = adapter->mp_parts;
	return E1000_RCTL_DTYP_PS;
}

/*
 * The header buffer of a packet split descriptor stays mapped for as long as
 * the descriptor keeps it, which is over many frames: GRO gives it back.
 */
static bool mp_e1000e_map_header(struct e1000_adapter *adapter,
				 struct e1000_buffer *bi, gfp_t gfp)
{
	struct device *dev = &adapter->pdev->dev;

	if (bi->dma) {
		dma_sync_single_for_device(dev, bi->dma, adapter->rx_ps_bsize0,
					   DMA_FROM_DEVICE);
		return true;
	}

	if (!bi->skb)
		bi->skb = __netdev_alloc_skb_ip_align(adapter->netdev,
						      adapter->rx_ps_bsize0,
						      gfp);
	if (!bi->skb) {
		adapter->alloc_rx_buff_failed++;
		return false;
	}

	bi->dma = dma_map_single(dev, bi->skb->data, adapter->rx_ps_bsize0,
				 DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, bi->dma)) {
		bi->dma = 0;
		adapter->rx_dma_failed++;
		return false;
	}

	return true;
}

static void mp_e1000e_unmap_header(struct e1000_adapter *adapter,
				   struct e1000_buffer *bi)
{
	if (!bi->dma)
		return;

	/* what the NIC wrote is in the buffer: mp_e1000e_sync_header() */
	dma_unmap_single_attrs(&adapter->pdev->dev, bi->dma,
			       adapter->rx_ps_bsize0, DMA_FROM_DEVICE,
			       DMA_ATTR_SKIP_CPU_SYNC);
	bi->dma = 0;
}

static void mp_e1000e_sync_header(struct e1000_adapter *adapter,
				  struct e1000_buffer *bi)
{
	if (bi->dma)
		dma_sync_single_for_cpu(&adapter->pdev->dev, bi->dma,
					adapter->rx_ps_bsize0, DMA_FROM_DEVICE);
}

/*
 * The slot may be full from last time.  NAPI has bottom halves off already,
 * e1000_configure() has not, and may sleep beside this.
 */
static bool mp_e1000e_construct(struct e1000_adapter *adapter,
				struct mp_rx_slot *slot)
{
	bool full = !mp_rx_slot_empty(slot);

	if (full)
		return true;

	local_bh_disable();
	full = mp_rx_construct(adapter->mp_rx, slot, adapter->mp_room,
			       adapter->mp_parts);
	local_bh_enable();

	return full;
}

static bool mp_e1000e_arm_split(struct e1000_ring *rx_ring, unsigned int i,
				gfp_t gfp)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	struct e1000_buffer *bi = &rx_ring->buffer_info[i];
	struct mp_rx_slot *slot = &adapter->mp_slots[i];
	union e1000_rx_desc_packet_split *desc;
	unsigned int j;

	if (!mp_e1000e_map_header(adapter, bi, gfp))
		return false;
	if (!mp_e1000e_construct(adapter, slot))
		return false;

	/* Bit 0 of the first part's address is where DD is written back: an
	 * odd address looks like a frame that arrived.
	 */
	if (unlikely(slot->dma[0] & E1000_RXD_STAT_DD)) {
		netdev_warn_once(adapter->netdev,
				 "receive buffer at an odd address refused\n");
		mp_rx_discard(adapter->mp_rx, slot);
		return false;
	}

	desc = E1000_RX_DESC_PS(*rx_ring, i);
	desc->read.buffer_addr[0] = cpu_to_le64(bi->dma);
	for (j = 0; j < PS_PAGE_BUFFERS; j++)
		desc->read.buffer_addr[j + 1] = j < adapter->mp_parts ?
						cpu_to_le64(slot->dma[j]) :
						~cpu_to_le64(0);

	return true;
}

static bool mp_e1000e_arm_whole(struct e1000_ring *rx_ring, unsigned int i)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	struct mp_rx_slot *slot = &adapter->mp_slots[i];
	union e1000_rx_desc_extended *desc;

	if (!mp_e1000e_construct(adapter, slot))
		return false;

	desc = E1000_RX_DESC_EXT(*rx_ring, i);
	desc->read.buffer_addr = cpu_to_le64(slot->dma[0]);
	/* here DD is written back */
	desc->read.reserved = 0;

	return true;
}

static unsigned int mp_e1000e_distance(struct e1000_ring *rx_ring,
				       unsigned int from, unsigned int to)
{
	return (to < from ? rx_ring->count : 0) + to - from;
}

/*
 * The tail register takes the first descriptor that is not the NIC's.  Each
 * write costs, so it waits for a bunch of descriptors, as in stock receive;
 * but not when the NIC has few left: a short ring has no later frames that
 * would make up for a write that was put off.
 */
static bool mp_e1000e_tail_is_due(struct e1000_ring *rx_ring)
{
	unsigned int tail = rx_ring->adapter->mp_tail;
	unsigned int nic, armed;

	nic = mp_e1000e_distance(rx_ring, rx_ring->next_to_clean, tail);
	armed = mp_e1000e_distance(rx_ring, tail, rx_ring->next_to_use);

	return armed >= E1000_RX_BUFFER_WRITE ||
	       (armed && nic < rx_ring->count / 2);
}

static void mp_e1000e_write_tail(struct e1000_ring *rx_ring)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	unsigned int i = rx_ring->next_to_use;

	adapter->mp_tail = i;

	/* the register counts in units of 16 bytes */
	if (mp_e1000e_split(adapter))
		i <<= 1;

	wmb();	/* descriptors before tail */
	if (adapter->flags2 & FLAG2_PCIM2PCI_ARBITER_WA)
		e1000e_update_rdt_wa(rx_ring, i);
	else
		writel(i, rx_ring->tail);
}

static void mp_e1000e_alloc_rx_buf(struct e1000_ring *rx_ring, int count,
				   gfp_t gfp)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	bool split = mp_e1000e_split(adapter);
	unsigned int i = rx_ring->next_to_use;

	for (; count > 0; count--) {
		if (split ? !mp_e1000e_arm_split(rx_ring, i, gfp) :
			    !mp_e1000e_arm_whole(rx_ring, i))
			break;
		if (++i == rx_ring->count)
			i = 0;
	}

	rx_ring->next_to_use = i;
	if (mp_e1000e_tail_is_due(rx_ring))
		mp_e1000e_write_tail(rx_ring);
}

/* See e1000_clean_rx_irq(): what follows a piece without an end is a piece. */
static bool mp_e1000e_frame_ok(struct e1000_adapter *adapter, u32 staterr)
{
	if (unlikely(!(staterr & E1000_RXD_STAT_EOP)))
		adapter->flags2 |= FLAG2_IS_DISCARDING;

	if (unlikely(adapter->flags2 & FLAG2_IS_DISCARDING)) {
		if (staterr & E1000_RXD_STAT_EOP)
			adapter->flags2 &= ~FLAG2_IS_DISCARDING;
		return false;
	}

	return !(staterr & E1000_RXDEXT_ERR_FRAME_ERR_MASK);
}

static struct sk_buff *mp_e1000e_take_split(struct e1000_ring *rx_ring,
					    unsigned int i, unsigned int header)
{
	union e1000_rx_desc_packet_split *desc = E1000_RX_DESC_PS(*rx_ring, i);
	struct e1000_buffer *bi = &rx_ring->buffer_info[i];
	struct e1000_adapter *adapter = rx_ring->adapter;
	struct mp_rx_slot *slot = &adapter->mp_slots[i];
	struct sk_buff *skb = bi->skb;
	unsigned int payload = 0;
	unsigned int j;

	for (j = 0; j < adapter->mp_parts; j++)
		payload += le16_to_cpu(desc->wb.upper.length[j]);

	if (desc->wb.upper.header_status &
	    cpu_to_le16(E1000_RXDPS_HDRSTAT_HDRSP))
		adapter->rx_hdr_split++;

	bi->skb = NULL;
	skb_put(skb, header);
	mp_rx_fill(adapter->mp_rx, slot, skb, payload);

	return skb;
}

/* See e1000_rx_checksum(), which needs an skb, and gets all bad frames */
static bool mp_e1000e_csum_ok(struct e1000_adapter *adapter, u32 staterr)
{
	return (adapter->netdev->features & NETIF_F_RXCSUM) &&
	       !(staterr & E1000_RXD_STAT_IXSM) &&
	       (staterr & (E1000_RXD_STAT_TCPCS | E1000_RXD_STAT_UDPCS));
}

static struct sk_buff *mp_e1000e_take_whole(struct e1000_ring *rx_ring,
					    unsigned int i, unsigned int length,
					    u32 staterr)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	struct mp_rx_slot *slot = &adapter->mp_slots[i];

	u8 errors = staterr >> 24;
	bool ok;

	ok = mp_e1000e_csum_ok(adapter, staterr);
	if (!(errors & (E1000_RXD_ERR_TCPE | E1000_RXD_ERR_IPE)) &&
	    mp_rx_direct(adapter->mp_rx, slot, length, ok)) {
		adapter->hw_csum_good += ok;
		adapter->total_rx_bytes += length;
		adapter->total_rx_packets++;
		return NULL;
	}

	return mp_rx_frame(adapter->mp_rx, &adapter->napi, slot, length);
}

/*
 * End the slot of a descriptor that the NIC wrote back.  The result is NULL if
 * there is no frame for the stack; a header buffer then waits to be armed
 * again.
 */
static struct sk_buff *mp_e1000e_take(struct e1000_ring *rx_ring,
				      unsigned int i, unsigned int length,
				      u32 staterr)
{
	struct e1000_adapter *adapter = rx_ring->adapter;

	mp_e1000e_sync_header(adapter, &rx_ring->buffer_info[i]);

	if (!mp_e1000e_frame_ok(adapter, staterr) || length < ETH_HLEN) {
		mp_rx_discard(adapter->mp_rx, &adapter->mp_slots[i]);
		return NULL;
	}

	if (mp_e1000e_split(adapter))
		return mp_e1000e_take_split(rx_ring, i, length);

	return mp_e1000e_take_whole(rx_ring, i, length, staterr);
}

/* The first half of a packet split write-back looks like an extended one. */
static union e1000_rx_desc_extended *mp_e1000e_desc(struct e1000_ring *rx_ring,
						    unsigned int i)
{
	if (mp_e1000e_split(rx_ring->adapter))
		return (void *)E1000_RX_DESC_PS(*rx_ring, i);

	return E1000_RX_DESC_EXT(*rx_ring, i);
}

/* What GRO emptied is the next header buffer. */
static void mp_e1000e_deliver(struct e1000_adapter *adapter,
			      struct e1000_buffer *bi, struct sk_buff *skb)
{
	bi->skb = mp_rx_deliver(adapter->mp_rx, &adapter->napi, skb);
	if (bi->skb != skb)
		mp_e1000e_unmap_header(adapter, bi);
}

static bool mp_e1000e_clean_rx(struct e1000_ring *rx_ring, int *work_done,
			       int work_to_do)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	struct net_device *netdev = adapter->netdev;
	unsigned int i = rx_ring->next_to_clean;
	union e1000_rx_desc_extended *desc;
	unsigned int cleaned = 0;
	struct sk_buff *skb;
	u32 staterr;

	/* netpoll wants nothing received, and it can have interrupts off */
	if (!work_to_do)
		return false;

	while (*work_done < work_to_do && i != rx_ring->next_to_use) {
		desc = mp_e1000e_desc(rx_ring, i);
		staterr = le32_to_cpu(desc->wb.upper.status_error);
		if (!(staterr & E1000_RXD_STAT_DD))
			break;
		dma_rmb();	/* status before the rest of the descriptor */
		(*work_done)++;

		skb = mp_e1000e_take(rx_ring, i,
				     le16_to_cpu(desc->wb.upper.length),
				     staterr);
		if (skb) {
			adapter->total_rx_bytes += skb->len;
			adapter->total_rx_packets++;

			e1000_rx_checksum(adapter, staterr, skb);
			e1000_rx_hash(netdev, desc->wb.lower.hi_dword.rss, skb);
			e1000e_rx_hwtstamp(adapter, staterr, skb);
			if (staterr & E1000_RXD_STAT_VP)
				__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q),
						       le16_to_cpu(desc->wb.upper.vlan));

			mp_e1000e_deliver(adapter, &rx_ring->buffer_info[i],
					  skb);
		}

		if (++i == rx_ring->count)
			i = 0;
		rx_ring->next_to_clean = i;

		/* one at a time is too slow for the tail register */
		if (++cleaned % E1000_RX_BUFFER_WRITE == 0)
			mp_e1000e_alloc_rx_buf(rx_ring,
					       e1000_desc_unused(rx_ring),
					       GFP_ATOMIC);
	}

	/* also if nothing came: mp_e1000e_refill() ends here */
	mp_e1000e_alloc_rx_buf(rx_ring, e1000_desc_unused(rx_ring), GFP_ATOMIC);

	return cleaned;
}

/* After e1000_configure_rx() chose the stock functions */
static void mp_e1000e_configure_rx(struct e1000_adapter *adapter)
{
	BUILD_BUG_ON(MP_SLOT_PARTS < PS_PAGE_BUFFERS);

	if (adapter->mp_silenced) {
		pci_set_master(adapter->pdev);
		adapter->mp_silenced = false;
	}

	if (!adapter->mp_parts)
		return;

	adapter->mp_tail = adapter->rx_ring->next_to_use;
	adapter->clean_rx = mp_e1000e_clean_rx;
	adapter->alloc_rx_buf = mp_e1000e_alloc_rx_buf;
}

/*
 * Where the NIC was not reset before its ring is freed, which is on suspend
 * and when e1000e_open() fails, the receiver can still be on: some parts must
 * not be told to turn it off (FLAG2_NO_DISABLE_RX).  So it loses the bus until
 * it is set up again.  The read waits for what it wrote before.
 */
static void mp_e1000e_silence(struct e1000_adapter *adapter)
{
	struct e1000_hw *hw = &adapter->hw;

	if (pci_channel_offline(adapter->pdev) ||
	    !(er32(RCTL) & E1000_RCTL_EN))
		return;

	e1000e_disable_pcie_master(hw);
	pci_clear_master(adapter->pdev);
	e1e_flush();
	adapter->mp_silenced = true;
}

static void mp_e1000e_clean_ring(struct e1000_ring *rx_ring)
{
	struct e1000_adapter *adapter = rx_ring->adapter;
	unsigned int i;

	if (!adapter->mp_slots || adapter->clean_rx != mp_e1000e_clean_rx)
		return;

	if (rx_ring->next_to_use != rx_ring->next_to_clean)
		mp_e1000e_silence(adapter);

	local_bh_disable();
	for (i = 0; i < rx_ring->count; i++) {
		mp_e1000e_unmap_header(adapter, &rx_ring->buffer_info[i]);
		if (!mp_rx_slot_empty(&adapter->mp_slots[i]))
			mp_rx_discard(adapter->mp_rx, &adapter->mp_slots[i]);
	}
	local_bh_enable();
}

/*
 * Called by mpassthru, from any CPU, as often as it likes.  The ring is
 * touched by NAPI only.  While the interface is down nothing needs to be done:
 * e1000_configure() asks for buffers, and mp_e1000e_up() for those that came
 * after it.
 */
static void mp_e1000e_refill(struct net_device *netdev, unsigned int queue)
{
	struct e1000_adapter *adapter = netdev_priv(netdev);

	local_bh_disable();
	rcu_read_lock();

	/* What mpassthru has for us before DOWN; mp_e1000e_up() runs after
	 * DOWN was cleared and finds it if we do not.
	 */
	smp_mb();
	if (!test_bit(__E1000_DOWN, &adapter->state) &&
	    napi_schedule_prep(&adapter->napi)) {
		/* as the interrupt handlers do, for e1000_set_itr() */
		adapter->total_rx_bytes = 0;
		adapter->total_rx_packets = 0;
		if (!adapter->msix_entries) {
			adapter->total_tx_bytes = 0;
			adapter->total_tx_packets = 0;
		}
		__napi_schedule(&adapter->napi);
	}

	rcu_read_unlock();
	local_bh_enable();
}

/* The last step of e1000e_up() and e1000e_open() */
static void mp_e1000e_up(struct e1000_adapter *adapter)
{
	if (adapter->mp_rx)
		mp_e1000e_refill(adapter->netdev, 0);
}

/*
 * In e1000e_down(), between __E1000_DOWN and napi_synchronize(): a refill that
 * did not see the one has scheduled NAPI in time for the other.
 */
static void mp_e1000e_down(struct e1000_adapter *adapter)
{
	if (adapter->mp_rx)
		synchronize_net();
}

static void mp_e1000e_switch(struct e1000_adapter *adapter, struct mp_rx *rx)
{
	struct net_device *netdev = adapter->netdev;
	bool running;

	while (test_and_set_bit(__E1000_RESETTING, &adapter->state))
		usleep_range(1000, 1100);

	pm_runtime_get_sync(netdev->dev.parent);

	/* a detached interface is down already, and starts on its own */
	running = netif_running(netdev) && netif_device_present(netdev);
	if (running)
		e1000e_down(adapter, true);

	adapter->mp_rx = rx;

	if (running)
		e1000e_up(adapter);

	pm_runtime_put_sync(netdev->dev.parent);

	clear_bit(__E1000_RESETTING, &adapter->state);
}

/* The NIC has one receive queue. */
static int mp_e1000e_set_rx(struct net_device *netdev, struct mp_rx *const *rxs,
			    unsigned int nr)
{
	struct e1000_adapter *adapter = netdev_priv(netdev);
	struct mp_rx *rx = nr ? rxs[0] : NULL;
	int err = 0;

	ASSERT_RTNL();

	/* for the longest ring: ethtool -G changes the length at any time */
	if (rx && !adapter->mp_slots) {
		adapter->mp_slots = kvcalloc(E1000_MAX_RXD,
					     sizeof(*adapter->mp_slots),
					     GFP_KERNEL);
		if (!adapter->mp_slots)
			err = -ENOMEM;
	}
	if (rx && !mp_e1000e_able(adapter, rx))
		err = -EOPNOTSUPP;
	if (err)
		rx = NULL;

	if (rx || adapter->mp_rx)
		mp_e1000e_switch(adapter, rx);

	if (!rx) {
		kvfree(adapter->mp_slots);
		adapter->mp_slots = NULL;
	}

	return err;
}

static const struct mp_nic_ops mp_e1000e_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME) | BIT(MP_MODE_HEADER_SPLIT),
	.queues		= 1,
	.set_rx		= mp_e1000e_set_rx,
	.refill		= mp_e1000e_refill,
};

static void mp_e1000e_probe(struct e1000_adapter *adapter)
{
	mp_nic_register(adapter->netdev, &mp_e1000e_ops);
}

/* Before anything is taken down: this starts the NIC once more */
static void mp_e1000e_remove(struct e1000_adapter *adapter)
{
	mp_nic_unregister(adapter->netdev);
}

#endif /* _MP_E1000E_H */
