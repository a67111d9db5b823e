// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page constructor of mpassthru in softnic.  <mp/nic.h> has the contract.
 */
#include <linux/dma-mapping.h>
#include <linux/rtnetlink.h>

#include "softnic.h"

static struct sn_rx_buf *buf_of(struct sn_queue *queue, u32 index)
{
	return &queue->rx.buf[index & (queue->rx.count - 1)];
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
static void setup_parts(struct sn_queue *queue)
{
	u32 need = queue->nic->dev->mtu;
	u32 part = sn_part;
	unsigned int i;

	if (part * MP_SLOT_PARTS < need)
		part = roundup(DIV_ROUND_UP(need, MP_SLOT_PARTS), SZ_1K);
	queue->parts = DIV_ROUND_UP(need, part);
	for (i = 0; i < queue->parts; i++)
		queue->room[i] = part;
}

/* Sets up a receive queue of the card for the constructor.  Engine's lock. */
void sn_glue_setup(struct sn_queue *queue)
{
	struct sn_rx_regs *regs = &queue->regs;
	unsigned int i;

	queue->mode = mp_rx_mode(queue->mp_rx);
	if (queue->mode == MP_MODE_WHOLE_FRAME) {
		queue->parts = 1;
		queue->room[0] = queue->nic->dev->mtu + ETH_HLEN + VLAN_HLEN;
		regs->room[0] = queue->room[0];
		return;
	}

	setup_parts(queue);
	regs->split = true;
	regs->small = queue->nic->small;
	regs->room[0] = SN_HEADER_ROOM;
	for (i = 0; i < queue->parts; i++)
		regs->room[i + 1] = queue->room[i];
}

/* The slot may be full from last time.  Not only NAPI gets here. */
static bool construct(struct sn_queue *queue, struct sn_rx_buf *buf,
		      unsigned int parts)
{
	bool full = !mp_rx_slot_empty(&buf->slot);

	if (full)
		return true;
	local_bh_disable();
	full = mp_rx_construct(queue->mp_rx, &buf->slot, queue->room, parts);
	local_bh_enable();
	return full;
}

/* Fills a descriptor's addresses. */
bool sn_glue_arm(struct sn_queue *queue, u32 index)
{
	struct sn_rx_desc *desc = &queue->rx.desc[index & (queue->rx.count - 1)];
	struct sn_rx_buf *buf = buf_of(queue, index);
	unsigned int i;

	if (queue->mode == MP_MODE_WHOLE_FRAME) {
		if (!construct(queue, buf, 1))
			return false;
		desc->addr[0] = buf->slot.dma[0];
		return true;
	}

	if (!sn_rx_map(queue, buf, SN_HEADER_ROOM) ||
	    !construct(queue, buf, queue->parts))
		return false;
	desc->addr[0] = buf->dma;
	for (i = 0; i < queue->parts; i++)
		desc->addr[i + 1] = buf->slot.dma[i];
	return true;
}

static struct sk_buff *take_split(struct sn_queue *queue, u32 index)
{
	const struct sn_rx_desc *desc = &queue->rx.desc[index & (queue->rx.count - 1)];
	struct sn_rx_buf *buf = buf_of(queue, index);
	struct sk_buff *skb = buf->skb;

	buf->skb = NULL;
	skb_put(skb, desc->len);
	mp_rx_fill(queue->mp_rx, &buf->slot, skb, desc->payload);
	return skb;
}

/* Whether a completed descriptor's frame took the short way to the guest. */
bool sn_glue_direct(struct sn_queue *queue, u32 index, u32 status)
{
	const struct sn_rx_desc *desc = &queue->rx.desc[index & (queue->rx.count - 1)];
	bool csum_ok = status & SN_CSUM_OK &&
		       queue->nic->dev->features & NETIF_F_RXCSUM;

	return queue->mode == MP_MODE_WHOLE_FRAME && !(status & SN_ERROR) &&
	       mp_rx_direct(queue->mp_rx, &buf_of(queue, index)->slot, desc->len,
			    csum_ok);
}

/*
 * Ends the slot of a descriptor that the card completed.  NULL if there is no
 * frame for the stack; a header buffer then waits to be armed again.
 */
struct sk_buff *sn_glue_take(struct sn_queue *queue, u32 index)
{
	const struct sn_rx_desc *desc = &queue->rx.desc[index & (queue->rx.count - 1)];
	struct sn_rx_buf *buf = buf_of(queue, index);

	sn_rx_unmap(queue, buf, SN_HEADER_ROOM);
	if (READ_ONCE(desc->status) & SN_ERROR || desc->len < ETH_HLEN) {
		mp_rx_discard(queue->mp_rx, &buf->slot);
		return NULL;
	}
	if (queue->mode == MP_MODE_HEADER_SPLIT)
		return take_split(queue, index);
	return mp_rx_frame(queue->mp_rx, &queue->napi, &buf->slot, desc->len);
}

/* Ends a slot when receive stops. */
void sn_glue_discard(struct sn_queue *queue, struct sn_rx_buf *buf)
{
	if (mp_rx_slot_empty(&buf->slot))
		return;
	local_bh_disable();
	mp_rx_discard(queue->mp_rx, &buf->slot);
	local_bh_enable();
}

/*
 * Called by mpassthru, from any CPU, as often as it likes.  While the interface
 * is down or receive is restarted nothing happens here, and NAPI runs once when
 * it is over.
 */
static void glue_refill(struct net_device *dev, unsigned int index)
{
	struct sn_nic *nic = netdev_priv(dev);

	local_bh_disable();
	napi_schedule(&nic->queue[index].napi);
	local_bh_enable();
}

/*
 * Queues whose constructor stays the same go on.  All others stop before the
 * first of them starts: a constructor may move from one to another.
 */
static void switch_queues(struct sn_nic *nic, struct mp_rx *const *rx,
			  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nic->nr_queues; i++)
		if (nic->queue[i].mp_rx != (i < nr ? rx[i] : NULL))
			sn_queue_off(&nic->queue[i]);
	sn_nic_spread(nic, nr ?: nic->nr_queues);
	for (i = 0; i < nic->nr_queues; i++) {
		struct sn_queue *queue = &nic->queue[i];
		struct mp_rx *new = i < nr ? rx[i] : NULL;

		if (queue->mp_rx == new)
			continue;
		queue->mp_rx = new;
		sn_queue_on(queue);
	}
}

static int glue_set_rx(struct net_device *dev, struct mp_rx *const *rx,
		       unsigned int nr)
{
	struct sn_nic *nic = netdev_priv(dev);
	int err = 0;

	ASSERT_RTNL();

	if (nr && !sn_glue_able(nic, rx[0])) {
		err = -EOPNOTSUPP;
		nr = 0;
	}
	switch_queues(nic, rx, nr);
	return err;
}

const struct mp_nic_ops sn_glue_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME) | BIT(MP_MODE_HEADER_SPLIT),
	.queues		= SN_QUEUES_MAX,
	.set_rx		= glue_set_rx,
	.refill		= glue_refill,
};
