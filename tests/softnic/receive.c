// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's receive ring, and stock receive: a frame goes to an skb of the
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
bool sn_rx_map(struct sn_nic *nic, struct sn_rx_buf *buf, u32 room)
{
	if (buf->dma)
		return true;
	if (!buf->skb)
		buf->skb = __netdev_alloc_skb_ip_align(nic->dev, room,
						       GFP_ATOMIC);
	if (!buf->skb)
		return false;
	buf->dma = dma_map_single(nic->device, buf->skb->data, room,
				  DMA_FROM_DEVICE);
	if (!dma_mapping_error(nic->device, buf->dma))
		return true;
	buf->dma = 0;
	return false;
}

void sn_rx_unmap(struct sn_nic *nic, struct sn_rx_buf *buf, u32 room)
{
	if (buf->dma)
		dma_unmap_single(nic->device, buf->dma, room, DMA_FROM_DEVICE);
	buf->dma = 0;
}

static bool arm(struct sn_nic *nic, u32 index)
{
	u32 at = index & (nic->rx.count - 1);
	struct sn_rx_buf *buf = &nic->rx.buf[at];
	struct sn_rx_desc *desc = &nic->rx.desc[at];

	if (nic->mode != MP_MODE_COPY)
		return sn_glue_arm(nic, index);
	if (!sn_rx_map(nic, buf, nic->rx_regs.room[0]))
		return false;
	desc->addr[0] = buf->dma;
	return true;
}

/* Lets the card have every descriptor that there are buffers for. */
static void refill(struct sn_nic *nic)
{
	struct sn_rx_ring *ring = &nic->rx;
	u32 mask = ring->count - 1;
	u32 use = ring->use;

	while (ring->clean != use && ring->buf[ring->clean & mask].done)
		ring->buf[ring->clean++ & mask].done = false;

	for (; use - ring->clean < ring->count; use++) {
		if (!arm(nic, use))
			break;
		ring->desc[use & mask].status = 0;
	}
	if (use == ring->use)
		return;
	ring->use = use;
	/* descriptors before tail */
	smp_store_release(&nic->rx_regs.tail, use);

	smp_mb();	/* pairs with the generator's, between thirsty and tail */
	if (READ_ONCE(nic->engine.thirsty)) {
		WRITE_ONCE(nic->engine.thirsty, false);
		sn_engine_kick(&nic->engine);
	}
}

/* Sets up the card's receive unit.  NAPI is off. */
void sn_rx_start(struct sn_nic *nic)
{
	struct sn_rx_regs *regs = &nic->rx_regs;

	nic->rx.clean = 0;
	nic->rx.use = 0;
	memset(nic->rx.buf, 0, nic->rx.count * sizeof(*nic->rx.buf));

	mutex_lock(&nic->engine.lock);
	regs->desc = nic->rx.desc;
	regs->mask = nic->rx.count - 1;
	regs->head = 0;
	regs->tail = 0;
	regs->split = false;
	memset(regs->room, 0, sizeof(regs->room));
	regs->room[0] = nic->dev->mtu + ETH_HLEN + 2 * VLAN_HLEN;
	nic->mode = MP_MODE_COPY;
	if (nic->mp_rx && sn_glue_able(nic, nic->mp_rx))
		sn_glue_setup(nic);
	regs->enabled = true;
	mutex_unlock(&nic->engine.lock);

	/* the constructor is the NAPI context's, or set_rx's with NAPI off */
	local_bh_disable();
	refill(nic);
	local_bh_enable();
}

/*
 * Stops the card's receive unit and takes all buffers back.  NAPI is off.  When
 * the engine's lock was ours, the card is done with them.
 */
void sn_rx_stop(struct sn_nic *nic)
{
	struct sn_rx_ring *ring = &nic->rx;
	u32 i;

	mutex_lock(&nic->engine.lock);
	nic->rx_regs.enabled = false;
	sn_desc_rx_abandon(nic);
	mutex_unlock(&nic->engine.lock);

	for (i = 0; i < ring->count; i++) {
		struct sn_rx_buf *buf = &ring->buf[i];

		if (nic->mode != MP_MODE_COPY)
			sn_glue_discard(nic, buf);
		sn_rx_unmap(nic, buf, nic->rx_regs.room[0]);
		kfree_skb(buf->skb);
		buf->skb = NULL;
	}
}

static void offload(struct sn_nic *nic, struct sk_buff *skb, u32 status)
{
	nic->rx_packets++;
	nic->rx_bytes += skb->len;
	if (status & SN_CSUM_OK && nic->dev->features & NETIF_F_RXCSUM)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb_record_rx_queue(skb, 0);
}

static void receive_stock(struct sn_nic *nic, u32 at, u32 status)
{
	const struct sn_rx_desc *desc = &nic->rx.desc[at];
	struct sn_rx_buf *buf = &nic->rx.buf[at];
	struct sk_buff *skb = buf->skb;

	sn_rx_unmap(nic, buf, nic->rx_regs.room[0]);
	if (status & SN_ERROR || desc->len < ETH_HLEN) {
		nic->rx_errors++;
		return;		/* the skb waits to be armed again */
	}
	buf->skb = NULL;
	skb_put(skb, desc->len);
	offload(nic, skb, status);
	skb->protocol = eth_type_trans(skb, nic->dev);
	napi_gro_receive(&nic->napi, skb);
}

static void receive_constructed(struct sn_nic *nic, u32 index, u32 status)
{
	u32 at = index & (nic->rx.count - 1);
	struct sn_rx_buf *buf = &nic->rx.buf[at];
	struct sk_buff *skb;

	if (sn_glue_direct(nic, index, status)) {
		nic->rx_packets++;
		nic->rx_bytes += nic->rx.desc[at].len;
		return;
	}
	skb = sn_glue_take(nic, index);
	if (!skb) {
		nic->rx_errors++;
		return;
	}
	offload(nic, skb, status);
	/* what GRO emptied is the next header buffer */
	buf->skb = mp_rx_deliver(nic->mp_rx, &nic->napi, skb);
}

/* Handles a descriptor that the card completed. */
static bool receive(struct sn_nic *nic, u32 index)
{
	u32 at = index & (nic->rx.count - 1);
	struct sn_rx_buf *buf = &nic->rx.buf[at];
	u32 status = READ_ONCE(nic->rx.desc[at].status);

	if (buf->done || !(status & SN_DONE))
		return false;
	dma_rmb();	/* status before all else */
	if (nic->mode == MP_MODE_COPY)
		receive_stock(nic, at, status);
	else
		receive_constructed(nic, index, status);
	buf->done = true;
	return true;
}

/* Handles up to @budget descriptors.  NAPI. */
int sn_rx_poll(struct sn_nic *nic, int budget)
{
	struct sn_rx_ring *ring = &nic->rx;
	/* pairs with the card's release when it took a descriptor */
	u32 head = smp_load_acquire(&nic->rx_regs.head);
	u32 index = ring->clean;
	int done = 0;

	for (; index != head && done < budget; index++)
		if (receive(nic, index) && ++done % REFILL == 0)
			refill(nic);

	/* also if nothing came: the glue's refill ends here */
	refill(nic);
	/* no memory for a single frame: nothing else would bring us back */
	if (nic->mode == MP_MODE_COPY && ring->use == ring->clean)
		return budget;
	return done;
}
