// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's transmit ring.
 *
 * A packet takes a descriptor for each of its pieces.  The card completes
 * packets in any order, and tells so at the first descriptor of each.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "softnic.h"

/* Free descriptors at which the stack may send again. */
#define WAKE		(2 * SN_TX_DESCS)

int sn_tx_alloc(struct device *device, struct sn_tx_ring *ring)
{
	ring->buf = kvcalloc(ring->count, sizeof(*ring->buf), GFP_KERNEL);
	ring->desc = dma_alloc_coherent(device,
					ring->count * sizeof(*ring->desc),
					&ring->dma, GFP_KERNEL);
	if (ring->buf && ring->desc)
		return 0;
	sn_tx_free(device, ring);
	return -ENOMEM;
}

void sn_tx_free(struct device *device, struct sn_tx_ring *ring)
{
	if (ring->desc)
		dma_free_coherent(device, ring->count * sizeof(*ring->desc),
				  ring->desc, ring->dma);
	ring->desc = NULL;
	kvfree(ring->buf);
	ring->buf = NULL;
}

/* Sets up the card's transmit unit.  The queue and NAPI are off. */
void sn_tx_start(struct sn_nic *nic)
{
	struct sn_engine *engine = &nic->peer->engine;
	struct sn_tx_regs *regs = &nic->tx_regs;

	nic->tx.clean = 0;
	nic->tx.use = 0;
	memset(nic->tx.buf, 0, nic->tx.count * sizeof(*nic->tx.buf));

	mutex_lock(&engine->lock);
	regs->desc = nic->tx.desc;
	regs->mask = nic->tx.count - 1;
	regs->head = 0;
	regs->tail = 0;
	regs->last = 0;
	regs->enabled = true;
	mutex_unlock(&engine->lock);
}

static void unmap(struct sn_nic *nic, struct sn_tx_buf *buf, bool linear)
{
	if (linear)
		dma_unmap_single(nic->device, buf->dma, buf->len, DMA_TO_DEVICE);
	else
		dma_unmap_page(nic->device, buf->dma, buf->len, DMA_TO_DEVICE);
}

/* Ends a packet that begins at @index; a @budget of 0 is not NAPI. */
static void end(struct sn_nic *nic, u32 index, u32 nr, int budget)
{
	u32 mask = nic->tx.count - 1;
	struct sn_tx_buf *buf = &nic->tx.buf[index & mask];
	u32 i;

	for (i = 0; i < nr; i++)
		unmap(nic, &nic->tx.buf[(index + i) & mask], !i);
	napi_consume_skb(buf->skb, budget);
	buf->skb = NULL;
}

/* Stops the card's transmit unit and frees what it has not sent. */
void sn_tx_stop(struct sn_nic *nic)
{
	struct sn_engine *engine = &nic->peer->engine;
	struct sn_tx_ring *ring = &nic->tx;
	u32 mask = ring->count - 1;
	struct sn_tx_buf *buf;

	mutex_lock(&engine->lock);
	nic->tx_regs.enabled = false;
	sn_desc_tx_abandon(nic);
	mutex_unlock(&engine->lock);

	for (; ring->clean != ring->use; ring->clean += buf->nr) {
		buf = &ring->buf[ring->clean & mask];
		if (!buf->done) {
			nic->tx_dropped++;
			end(nic, ring->clean, buf->nr, 0);
		}
	}
}

static u32 room(const struct sn_tx_ring *ring)
{
	return ring->count - (ring->use - READ_ONCE(ring->clean));
}

static u32 skb_headers(const struct sk_buff *skb)
{
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return skb_transport_offset(skb) + sizeof(struct udphdr);
	return skb_tcp_all_headers(skb);
}

/* What the first descriptor tells of the whole. */
static u16 describe(const struct sk_buff *skb, struct sn_tx_desc *desc)
{
	u16 flags = 0;

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		desc->csum_start = skb_checksum_start_offset(skb);
		desc->csum_offset = skb->csum_offset;
		flags |= SN_TX_CSUM;
	}
	if (skb_is_gso(skb)) {
		desc->header = skb_headers(skb);
		desc->mss = skb_shinfo(skb)->gso_size;
		flags |= SN_TX_SEGMENT;
	}
	return flags;
}

/* One piece of a packet, mapped already. */
static void fill(struct sn_tx_ring *ring, u32 index, dma_addr_t dma, u32 len,
		 u16 flags)
{
	struct sn_tx_desc *desc = &ring->desc[index & (ring->count - 1)];
	struct sn_tx_buf *buf = &ring->buf[index & (ring->count - 1)];

	desc->addr = dma;
	desc->len = len;
	desc->flags = flags;
	desc->status = 0;
	buf->dma = dma;
	buf->len = len;
	buf->done = false;
}

/* Fills in descriptors for a packet.  How many, or 0 if it cannot be mapped. */
static u32 map(struct sn_nic *nic, const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	struct sn_tx_ring *ring = &nic->tx;
	u32 mask = ring->count - 1;
	u32 use = ring->use;
	dma_addr_t dma;
	u16 flags;
	u32 i;

	flags = describe(skb, &ring->desc[use & mask]);
	dma = dma_map_single(nic->device, skb->data, skb_headlen(skb),
			     DMA_TO_DEVICE);
	if (dma_mapping_error(nic->device, dma))
		return 0;
	fill(ring, use, dma, skb_headlen(skb), flags);

	for (i = 0; i < info->nr_frags; i++) {
		const skb_frag_t *frag = &info->frags[i];

		dma = skb_frag_dma_map(nic->device, frag, 0,
				       skb_frag_size(frag), DMA_TO_DEVICE);
		if (dma_mapping_error(nic->device, dma))
			goto err_unmap;
		fill(ring, use + i + 1, dma, skb_frag_size(frag), 0);
	}
	ring->desc[(use + i) & mask].flags |= SN_TX_EOP;
	return i + 1;

err_unmap:
	do
		unmap(nic, &ring->buf[(use + i) & mask], !i);
	while (i--);
	return 0;
}

/* Tells the card of all that was filled in. */
static void ring_bell(struct sn_nic *nic)
{
	u32 use = nic->tx.use;

	if (nic->tx_regs.tail == use)
		return;
	/* descriptors before tail */
	smp_store_release(&nic->tx_regs.tail, use);
	WRITE_ONCE(nic->counters.doorbells, nic->counters.doorbells + 1);
	sn_engine_kick(&nic->peer->engine);
}

netdev_tx_t sn_tx_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct sn_nic *nic = netdev_priv(dev);
	struct sn_tx_ring *ring = &nic->tx;
	struct sn_tx_buf *buf;
	u32 nr;

	if (room(ring) < SN_TX_DESCS) {
		netif_stop_queue(dev);
		return NETDEV_TX_BUSY;
	}
	if (skb_put_padto(skb, ETH_ZLEN))
		goto drop;
	nr = skb->len <= SN_PACKET_MAX ? map(nic, skb) : 0;
	if (!nr)
		goto drop_free;

	buf = &ring->buf[ring->use & (ring->count - 1)];
	buf->skb = skb;
	buf->nr = nr;
	WRITE_ONCE(ring->use, ring->use + nr);

	if (room(ring) < SN_TX_DESCS) {
		netif_stop_queue(dev);
		smp_mb();	/* pairs with sn_tx_poll() */
		if (room(ring) >= WAKE)
			netif_start_queue(dev);
	}
	goto bell;

drop_free:
	dev_kfree_skb_any(skb);
drop:
	nic->tx_dropped++;
bell:
	if (!netdev_xmit_more() || netif_queue_stopped(dev))
		ring_bell(nic);
	return NETDEV_TX_OK;
}

/* Frees what the card has sent.  NAPI. */
void sn_tx_poll(struct sn_nic *nic, int budget)
{
	struct sn_tx_ring *ring = &nic->tx;
	/* pairs with the card's release when it had fetched a packet */
	u32 head = smp_load_acquire(&nic->tx_regs.head);
	u32 mask = ring->count - 1;
	u32 clean = ring->clean;
	struct sn_tx_buf *buf;
	u32 index;

	for (index = clean; index != head; index += buf->nr) {
		u32 status;

		buf = &ring->buf[index & mask];
		/* pairs with the card's release when it was done reading */
		status = smp_load_acquire(&ring->desc[index & mask].status);
		if (!buf->done && status & SN_DONE) {
			nic->tx_errors += !!(status & SN_ERROR);
			nic->tx_packets++;
			nic->tx_bytes += buf->skb->len;
			end(nic, index, buf->nr, budget);
			buf->done = true;
		}
		if (buf->done && clean == index)
			clean += buf->nr;
	}
	if (clean == ring->clean)
		return;
	/* what was read of buf before others write to it */
	smp_store_release(&ring->clean, clean);

	smp_mb();	/* pairs with sn_tx_xmit() */
	if (netif_queue_stopped(nic->dev) && room(ring) >= WAKE)
		netif_wake_queue(nic->dev);
}
