// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page constructor of mpassthru in softnic.  <mp/nic.h> has the contract.
 */
#include <linux/dma-mapping.h>
#include <linux/rtnetlink.h>

#include "softnic.h"

static struct sn_rx_buf *buf_of(struct sn_nic *nic, u32 index)
{
	return &nic->rx.buf[index & (nic->rx.count - 1)];
}

/* MTU can change under a constructor: receive is stock while it does not fit. */
bool sn_glue_able(const struct sn_nic *nic, const struct mp_rx *rx)
{
	u32 frame = nic->dev->mtu + ETH_HLEN + VLAN_HLEN;

	switch (mp_rx_mode(rx)) {
	case MP_MODE_WHOLE_FRAME:
		return nic->dev->mtu <= ETH_DATA_LEN;
	case MP_MODE_HEADER_SPLIT:
		return frame - SN_HEADER_ROOM <= MP_SLOT_PARTS * PAGE_SIZE;
	default:
		return false;
	}
}

/*
 * The parts that take a frame's payload.  They are of sn_part bytes as long as
 * that is enough, and longer by whole KB if not.
 */
static void setup_parts(struct sn_nic *nic)
{
	u32 need = nic->dev->mtu;
	u32 part = sn_part;
	unsigned int i;

	if (part * MP_SLOT_PARTS < need)
		part = roundup(DIV_ROUND_UP(need, MP_SLOT_PARTS), SZ_1K);
	nic->parts = DIV_ROUND_UP(need, part);
	for (i = 0; i < nic->parts; i++)
		nic->room[i] = part;
}

/* Sets up the card's receive unit for the constructor.  Engine's lock. */
void sn_glue_setup(struct sn_nic *nic)
{
	struct sn_rx_regs *regs = &nic->rx_regs;
	unsigned int i;

	nic->mode = mp_rx_mode(nic->mp_rx);
	if (nic->mode == MP_MODE_WHOLE_FRAME) {
		nic->parts = 1;
		nic->room[0] = nic->dev->mtu + ETH_HLEN + VLAN_HLEN;
		regs->room[0] = nic->room[0];
		return;
	}

	setup_parts(nic);
	regs->split = true;
	regs->small = nic->small;
	regs->room[0] = SN_HEADER_ROOM;
	for (i = 0; i < nic->parts; i++)
		regs->room[i + 1] = nic->room[i];
}

/* The slot may be full from last time.  Not only NAPI gets here. */
static bool construct(struct sn_nic *nic, struct sn_rx_buf *buf,
		      unsigned int parts)
{
	bool full = !mp_rx_slot_empty(&buf->slot);

	if (full)
		return true;
	local_bh_disable();
	full = mp_rx_construct(nic->mp_rx, &buf->slot, nic->room, parts);
	local_bh_enable();
	return full;
}

/* Fills a descriptor's addresses. */
bool sn_glue_arm(struct sn_nic *nic, u32 index)
{
	struct sn_rx_desc *desc = &nic->rx.desc[index & (nic->rx.count - 1)];
	struct sn_rx_buf *buf = buf_of(nic, index);
	unsigned int i;

	if (nic->mode == MP_MODE_WHOLE_FRAME) {
		if (!construct(nic, buf, 1))
			return false;
		desc->addr[0] = buf->slot.dma[0];
		return true;
	}

	if (!sn_rx_map(nic, buf, SN_HEADER_ROOM) ||
	    !construct(nic, buf, nic->parts))
		return false;
	desc->addr[0] = buf->dma;
	for (i = 0; i < nic->parts; i++)
		desc->addr[i + 1] = buf->slot.dma[i];
	return true;
}

static struct sk_buff *take_split(struct sn_nic *nic, u32 index)
{
	const struct sn_rx_desc *desc = &nic->rx.desc[index & (nic->rx.count - 1)];
	struct sn_rx_buf *buf = buf_of(nic, index);
	struct sk_buff *skb = buf->skb;

	buf->skb = NULL;
	skb_put(skb, desc->len);
	mp_rx_fill(nic->mp_rx, &buf->slot, skb, desc->payload);
	return skb;
}

/* Whether a completed descriptor's frame took the short way to the guest. */
bool sn_glue_direct(struct sn_nic *nic, u32 index, u32 status)
{
	const struct sn_rx_desc *desc = &nic->rx.desc[index & (nic->rx.count - 1)];
	bool csum_ok = status & SN_CSUM_OK &&
		       nic->dev->features & NETIF_F_RXCSUM;

	return nic->mode == MP_MODE_WHOLE_FRAME && !(status & SN_ERROR) &&
	       mp_rx_direct(nic->mp_rx, &buf_of(nic, index)->slot, desc->len,
			    csum_ok);
}

/*
 * Ends the slot of a descriptor that the card completed.  NULL if there is no
 * frame for the stack; a header buffer then waits to be armed again.
 */
struct sk_buff *sn_glue_take(struct sn_nic *nic, u32 index)
{
	const struct sn_rx_desc *desc = &nic->rx.desc[index & (nic->rx.count - 1)];
	struct sn_rx_buf *buf = buf_of(nic, index);

	sn_rx_unmap(nic, buf, SN_HEADER_ROOM);
	if (READ_ONCE(desc->status) & SN_ERROR || desc->len < ETH_HLEN) {
		mp_rx_discard(nic->mp_rx, &buf->slot);
		return NULL;
	}
	if (nic->mode == MP_MODE_HEADER_SPLIT)
		return take_split(nic, index);
	return mp_rx_frame(nic->mp_rx, &nic->napi, &buf->slot, desc->len);
}

/* Ends a slot when receive stops. */
void sn_glue_discard(struct sn_nic *nic, struct sn_rx_buf *buf)
{
	if (mp_rx_slot_empty(&buf->slot))
		return;
	local_bh_disable();
	mp_rx_discard(nic->mp_rx, &buf->slot);
	local_bh_enable();
}

/*
 * Called by mpassthru, from any CPU, as often as it likes.  While the interface
 * is down or receive is restarted nothing happens here, and NAPI runs once when
 * it is over.
 */
static void glue_refill(struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);

	local_bh_disable();
	napi_schedule(&nic->napi);
	local_bh_enable();
}

static int glue_set_rx(struct net_device *dev, struct mp_rx *rx)
{
	struct sn_nic *nic = netdev_priv(dev);
	int err = 0;

	ASSERT_RTNL();

	if (rx && !sn_glue_able(nic, rx)) {
		err = -EOPNOTSUPP;
		rx = NULL;
	}
	if (rx || nic->mp_rx)
		sn_nic_restart_rx(nic, rx);
	return err;
}

const struct mp_nic_ops sn_glue_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME) | BIT(MP_MODE_HEADER_SPLIT),
	.set_rx		= glue_set_rx,
	.refill		= glue_refill,
};
