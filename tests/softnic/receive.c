// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's receive rings, and stock receive: a frame goes to an skb of the
 * driver's.  glue.c has what differs under a page constructor.
 *
 * Descriptors from clean to use are armed.  The card completes them in any
 * order: one that was handled before its turn is marked done until then.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "softnic.h"

/* Descriptors to handle before new ones are armed. */
#define REFILL		32

int sn_rx_alloc(struct device *device, struct sn_rx_ring *ring)
{
	ring->buf = kvcalloc(ring->count, sizeof(*ring->buf), GFP_KERNEL);
	ring->desc = dma_alloc_coherent(device,
					ring->count * sizeof(*ring->desc),
					&ring->dma, GFP_KERNEL);
	if (ring->buf && ring->desc)
		return 0;
	sn_rx_free(device, ring);
	return -ENOMEM;
}

void sn_rx_free(struct device *device, struct sn_rx_ring *ring)
{
	if (ring->desc)
		dma_free_coherent(device, ring->count * sizeof(*ring->desc),
				  ring->desc, ring->dma);
	ring->desc = NULL;
	kvfree(ring->buf);
	ring->buf = NULL;
}

/* Gives a descriptor an skb that is mapped for the card. */
bool sn_rx_map(struct sn_queue *queue, struct sn_rx_buf *buf, u32 room)
{
	if (buf->dma)
		return true;
	if (!buf->skb)
		buf->skb = __netdev_alloc_skb_ip_align(queue->nic->dev, room,
						       GFP_ATOMIC);
	if (!buf->skb)
		return false;
	buf->dma = dma_map_single(queue->nic->device, buf->skb->data, room,
				  DMA_FROM_DEVICE);
	if (!dma_mapping_error(queue->nic->device, buf->dma))
		return true;
	buf->dma = 0;
	return false;
}

void sn_rx_unmap(struct sn_queue *queue, struct sn_rx_buf *buf, u32 room)
{
	if (buf->dma)
		dma_unmap_single(queue->nic->device, buf->dma, room, DMA_FROM_DEVICE);
	buf->dma = 0;
}

static bool arm(struct sn_queue *queue, u32 index)
{
	u32 at = index & (queue->rx.count - 1);
	struct sn_rx_buf *buf = &queue->rx.buf[at];
	struct sn_rx_desc *desc = &queue->rx.desc[at];

	if (queue->mode != MP_MODE_COPY)
		return sn_glue_arm(queue, index);
	if (!sn_rx_map(queue, buf, queue->regs.room[0]))
		return false;
	desc->addr[0] = buf->dma;
	return true;
}

/* Lets the card have every descriptor that there are buffers for. */
static void refill(struct sn_queue *queue)
{
	struct sn_rx_ring *ring = &queue->rx;
	u32 mask = ring->count - 1;
	u32 use = ring->use;

	while (ring->clean != use && ring->buf[ring->clean & mask].done)
		ring->buf[ring->clean++ & mask].done = false;

	for (; use - ring->clean < ring->count; use++) {
		if (!arm(queue, use))
			break;
		ring->desc[use & mask].status = 0;
	}
	if (use == ring->use)
		return;
	ring->use = use;
	/* descriptors before tail */
	smp_store_release(&queue->regs.tail, use);

	smp_mb();	/* pairs with the generator's, between thirsty and tail */
	if (READ_ONCE(queue->nic->engine.thirsty)) {
		WRITE_ONCE(queue->nic->engine.thirsty, false);
		sn_engine_kick(&queue->nic->engine);
	}
}

/* Sets up a receive queue of the card.  NAPI is off. */
void sn_rx_start(struct sn_queue *queue)
{
	struct sn_rx_regs *regs = &queue->regs;

	queue->rx.clean = 0;
	queue->rx.use = 0;
	memset(queue->rx.buf, 0, queue->rx.count * sizeof(*queue->rx.buf));

	mutex_lock(&queue->nic->engine.lock);
	regs->desc = queue->rx.desc;
	regs->mask = queue->rx.count - 1;
	regs->head = 0;
	regs->tail = 0;
	regs->last = 0;
	regs->split = false;
	memset(regs->room, 0, sizeof(regs->room));
	regs->room[0] = queue->nic->dev->mtu + ETH_HLEN + 2 * VLAN_HLEN;
	queue->mode = MP_MODE_COPY;
	if (queue->mp_rx && sn_glue_able(queue->nic, queue->mp_rx))
		sn_glue_setup(queue);
	regs->enabled = true;
	mutex_unlock(&queue->nic->engine.lock);

	/* the constructor is the NAPI context's, or set_rx's with NAPI off */
	local_bh_disable();
	refill(queue);
	local_bh_enable();
}

/*
 * Stops a receive queue of the card and takes all buffers back.  NAPI is off.  When
 * the engine's lock was ours, the card is done with them.
 */
void sn_rx_stop(struct sn_queue *queue)
{
	struct sn_rx_ring *ring = &queue->rx;
	u32 i;

	mutex_lock(&queue->nic->engine.lock);
	queue->regs.enabled = false;
	sn_desc_rx_abandon(queue);
	mutex_unlock(&queue->nic->engine.lock);

	for (i = 0; i < ring->count; i++) {
		struct sn_rx_buf *buf = &ring->buf[i];

		if (queue->mode != MP_MODE_COPY)
			sn_glue_discard(queue, buf);
		sn_rx_unmap(queue, buf, queue->regs.room[0]);
		kfree_skb(buf->skb);
		buf->skb = NULL;
	}
}

static void offload(struct sn_queue *queue, struct sk_buff *skb, u32 status)
{
	queue->rx_packets++;
	queue->rx_bytes += skb->len;
	if (status & SN_CSUM_OK && queue->nic->dev->features & NETIF_F_RXCSUM)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb_record_rx_queue(skb, queue->index);
}

static void receive_stock(struct sn_queue *queue, u32 at, u32 status)
{
	const struct sn_rx_desc *desc = &queue->rx.desc[at];
	struct sn_rx_buf *buf = &queue->rx.buf[at];
	struct sk_buff *skb = buf->skb;

	sn_rx_unmap(queue, buf, queue->regs.room[0]);
	if (status & SN_ERROR || desc->len < ETH_HLEN) {
		queue->rx_errors++;
		return;		/* the skb waits to be armed again */
	}
	buf->skb = NULL;
	skb_put(skb, desc->len);
	offload(queue, skb, status);
	skb->protocol = eth_type_trans(skb, queue->nic->dev);
	napi_gro_receive(&queue->napi, skb);
}

static void receive_constructed(struct sn_queue *queue, u32 index, u32 status)
{
	u32 at = index & (queue->rx.count - 1);
	struct sn_rx_buf *buf = &queue->rx.buf[at];
	struct sk_buff *skb;

	if (sn_glue_direct(queue, index, status)) {
		queue->rx_packets++;
		queue->rx_bytes += queue->rx.desc[at].len;
		return;
	}
	skb = sn_glue_take(queue, index);
	if (!skb) {
		queue->rx_errors++;
		return;
	}
	offload(queue, skb, status);
	/* what GRO emptied is the next header buffer */
	buf->skb = mp_rx_deliver(queue->mp_rx, &queue->napi, skb);
}

/* Handles a descriptor that the card completed. */
static bool receive(struct sn_queue *queue, u32 index)
{
	u32 at = index & (queue->rx.count - 1);
	struct sn_rx_buf *buf = &queue->rx.buf[at];
	u32 status = READ_ONCE(queue->rx.desc[at].status);

	if (buf->done || !(status & SN_DONE))
		return false;
	dma_rmb();	/* status before all else */
	if (queue->mode == MP_MODE_COPY)
		receive_stock(queue, at, status);
	else
		receive_constructed(queue, index, status);
	buf->done = true;
	return true;
}

/* Handles up to @budget descriptors.  NAPI. */
int sn_rx_poll(struct sn_queue *queue, int budget)
{
	struct sn_rx_ring *ring = &queue->rx;
	/* pairs with the card's release when it took a descriptor */
	u32 head = smp_load_acquire(&queue->regs.head);
	u32 index = ring->clean;
	int done = 0;

	for (; index != head && done < budget; index++) {
		/* refill() is through with what had overtaken others */
		if ((s32)(index - ring->clean) < 0)
			continue;
		if (receive(queue, index) && ++done % REFILL == 0)
			refill(queue);
	}

	/* also if nothing came: the glue's refill ends here */
	refill(queue);
	/* no memory for a single frame: nothing else would bring us back */
	if (queue->mode == MP_MODE_COPY && ring->use == ring->clean)
		return budget;
	return done;
}
