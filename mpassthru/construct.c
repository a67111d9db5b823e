// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page constructor: what NIC drivers call.
 */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>

#include "rx.h"
#include "trace.h"

/*
 * Payload that is shorter is copied behind the headers: a guest buffer of its
 * own costs the host another used entry and the guest another page.
 */
#define MP_RX_COPY	128

/*
 * Requests that are left for headers when a slot stays with the NIC although its
 * frame goes up: as many as frames can be in the stack at once.
 */
#define MP_RX_SLACK	NAPI_POLL_WEIGHT

/**
 * mp_rx_mode() - the layout that the driver is to use
 * @rx: as given to &mp_nic_ops.set_rx
 *
 * Context: any; does not change between two calls of set_rx.
 * Return: %MP_MODE_WHOLE_FRAME or %MP_MODE_HEADER_SPLIT.
 */
enum mp_mode mp_rx_mode(const struct mp_rx *rx)
{
	return rx->mode;
}
EXPORT_SYMBOL_GPL(mp_rx_mode);

/**
 * mp_rx_construct() - get memory to receive into
 * @rx: as given to &mp_nic_ops.set_rx
 * @slot: empty; filled on success
 * @room: most bytes that the NIC writes to each part
 * @parts: entries in @room, up to %MP_SLOT_PARTS
 *
 * Several parts may come from one guest buffer, adjacent in memory.
 *
 * Context: NAPI of the interface, or set_rx with BH off.  Does not sleep.
 * Return: true; or false if the guest has posted too little.  In that case
 * &mp_nic_ops.refill is called when there is more.
 */
bool mp_rx_construct(struct mp_rx *rx, struct mp_rx_slot *slot,
		     const u32 *room, unsigned int parts)
{
	u8 reserve = rx->mode == MP_MODE_HEADER_SPLIT;
	struct mp_rx_buf *buf = NULL;
	unsigned int i;
	u32 used = 0;

	if (WARN_ON_ONCE(!mp_rx_slot_empty(slot) || parts > MP_SLOT_PARTS))
		return false;

	spin_lock(&rx->lock);
	for (i = 0; i < parts; i++) {
		if (!buf || used == buf->len) {
			buf = mp_rx_buf_make(rx, &room[i], parts - i, i ? 0 : reserve);
			if (!buf)
				break;
			slot->buf[i] = buf;
			used = 0;
		}
		slot->dma[i] = buf->dma + used;
		used += room[i];
	}
	if (i < parts) {
		rx->dry = true;
		mp_rx_ask(rx);
	}
	spin_unlock(&rx->lock);

	trace_mp_rx_construct(rx->dev, parts, i == parts);
	if (i == parts)
		return true;
	mp_rx_discard(rx, slot);
	return false;
}
EXPORT_SYMBOL_GPL(mp_rx_construct);

/**
 * mp_rx_discard() - end a slot into which nothing useful was received
 * @rx: as given to &mp_nic_ops.set_rx
 * @slot: the slot, empty on return; may be empty already
 *
 * The NIC must be done with it.
 *
 * Context: NAPI of the interface, or set_rx with BH off.  Does not sleep.
 */
void mp_rx_discard(struct mp_rx *rx, struct mp_rx_slot *slot)
{
	unsigned int i;

	spin_lock(&rx->lock);
	for (i = 0; i < MP_SLOT_PARTS; i++) {
		if (!slot->buf[i])
			continue;
		mp_rx_buf_unmap(rx, slot->buf[i]);
		mp_rx_buf_cancel(rx, slot->buf[i]);
	}
	spin_unlock(&rx->lock);
	memset(slot, 0, sizeof(*slot));
}
EXPORT_SYMBOL_GPL(mp_rx_discard);

/* A frame that is little more than headers: nothing of the slot is needed. */
static bool fill_by_copy(struct mp_rx *rx, struct mp_rx_slot *slot,
			 struct sk_buff *skb, unsigned int len)
{
	struct mp_rx_buf *buf = slot->buf[0];
	bool keep;

	if (len > min(MP_RX_COPY, skb_tailroom(skb)) || len > buf->len)
		return false;
	if (len) {
		dma_sync_single_for_cpu(rx->dma, buf->dma, len, DMA_FROM_DEVICE);
		skb_put_data(skb, page_address(buf->page) + buf->offset, len);
		dma_sync_single_for_device(rx->dma, buf->dma, len,
					   DMA_FROM_DEVICE);
	}

	spin_lock(&rx->lock);
	keep = mp_rx_spare(rx, MP_RX_SLACK);
	spin_unlock(&rx->lock);
	if (!keep)
		mp_rx_discard(rx, slot);
	return true;
}

/**
 * mp_rx_fill() - attach received payload to a frame (header split)
 * @rx: as given to &mp_nic_ops.set_rx
 * @slot: where the NIC wrote it, part after part; empty on return, or full as
 *	before and to be armed again as it is
 * @skb: the driver's, headers in its linear part, and what former slots of the
 *	same frame were filled with
 * @len: bytes, no more than the room asked for; may be zero
 *
 * The frame must have its next slot, go to mp_rx_deliver() or be freed next.
 *
 * Context: NAPI of the interface.
 */
void mp_rx_fill(struct mp_rx *rx, struct mp_rx_slot *slot, struct sk_buff *skb,
		unsigned int len)
{
	struct mp_epoch *epoch;
	unsigned int i;

	if (fill_by_copy(rx, slot, skb, len))
		return;

	spin_lock(&rx->lock);
	epoch = mp_rx_skb_mark(rx, skb);
	for (i = 0; i < MP_SLOT_PARTS; i++) {
		struct mp_rx_buf *buf = slot->buf[i];
		unsigned int n;

		if (!buf)
			continue;
		n = min(len, buf->len);
		mp_rx_buf_unmap(rx, buf);
		if (n)
			mp_rx_skb_add(rx, epoch, skb, buf, 0, n);
		else
			mp_rx_buf_cancel(rx, buf);
		len -= n;
	}
	spin_unlock(&rx->lock);
	WARN_ON_ONCE(len);
	memset(slot, 0, sizeof(*slot));
}
EXPORT_SYMBOL_GPL(mp_rx_fill);

/**
 * mp_rx_frame() - make a frame of what the NIC wrote (whole frame)
 * @rx: as given to &mp_nic_ops.set_rx
 * @napi: the interface's
 * @slot: where the NIC wrote it; empty on return
 * @len: bytes received, without FCS
 *
 * The stack must not parse guest memory, so the Ethernet header is copied into
 * the linear part; all else stays where it is.  The frame must go to
 * mp_rx_deliver() or be freed next.
 *
 * Context: NAPI of the interface.
 * Return: the frame, data at the Ethernet header; NULL if there is no memory or
 * @len makes no sense, the slot is ended then.
 */
struct sk_buff *mp_rx_frame(struct mp_rx *rx, struct napi_struct *napi,
			    struct mp_rx_slot *slot, unsigned int len)
{
	struct mp_rx_buf *buf = slot->buf[0];
	struct mp_epoch *epoch;
	struct sk_buff *skb;

	if (len <= ETH_HLEN || len > buf->len)
		goto discard;
	skb = napi_alloc_skb(napi, ETH_HLEN);
	if (!skb)
		goto discard;

	spin_lock(&rx->lock);
	mp_rx_buf_unmap(rx, buf);
	skb_put_data(skb, page_address(buf->page) + buf->offset, ETH_HLEN);
	epoch = mp_rx_skb_mark(rx, skb);
	mp_rx_skb_add(rx, epoch, skb, buf, ETH_HLEN, len - ETH_HLEN);
	spin_unlock(&rx->lock);
	memset(slot, 0, sizeof(*slot));
	return skb;

discard:
	mp_rx_discard(rx, slot);
	return NULL;
}
EXPORT_SYMBOL_GPL(mp_rx_frame);

/*
 * Somebody besides us will see this frame and may keep it.  Guest memory must
 * not be seen by others once the guest has it back, so the frame gets memory of
 * its own here, and the guest's buffers are posted again.
 */
static int skb_unshare_guest(struct mp_rx *rx, struct sk_buff *skb)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	HLIST_HEAD(bufs);
	struct mp_rx_buf *buf;
	struct hlist_node *next;
	unsigned int i;
	int err;

	if (!skb->data_len)
		return 0;

	spin_lock(&rx->lock);
	for (i = 0; i < info->nr_frags; i++) {
		buf = mp_rx_find(rx, mp_frag_phys(&info->frags[i]));
		if (!buf)
			continue;
		mp_rx_claim(rx, buf);
		hlist_add_head(&buf->node, &bufs);
	}
	spin_unlock(&rx->lock);

	err = skb_copy_ubufs(skb, GFP_ATOMIC);

	spin_lock(&rx->lock);
	hlist_for_each_entry_safe(buf, next, &bufs, node)
		mp_rx_buf_recycle(rx, buf);
	spin_unlock(&rx->lock);
	return err;
}

/**
 * mp_rx_deliver() - hand a received frame to the stack
 * @rx: as given to &mp_nic_ops.set_rx
 * @napi: the interface's
 * @skb: data at the Ethernet header; with what the NIC said of its checksum
 *
 * The frame is recorded as its queue's, by which it finds the guest's queue again.
 *
 * Context: NAPI of the interface.
 * Return: an empty skb with the driver's header room, to be used again, or
 * NULL.
 */
struct sk_buff *mp_rx_deliver(struct mp_rx *rx, struct napi_struct *napi,
			      struct sk_buff *skb)
{
	struct mp_epoch *epoch = NULL;
	struct sk_buff *reuse;

	if (unlikely(skb_headlen(skb) < ETH_HLEN) ||
	    (unlikely(mp_dev_observed(rx->dev)) && skb_unshare_guest(rx, skb))) {
		kfree_skb(skb);
		return NULL;
	}

	skb_record_rx_queue(skb, rx->queue);
	if (rx->mode == MP_MODE_WHOLE_FRAME) {
		skb->protocol = eth_type_trans(skb, rx->dev);
		netif_receive_skb(skb);
		return NULL;
	}

	if (skb->destructor)
		epoch = skb_shinfo(skb)->destructor_arg;
	napi->skb = skb;
	/* Merged behind another without being freed: GRO dropped our mark. */
	if (napi_gro_frags(napi) == GRO_MERGED && epoch)
		mp_rx_epoch_put(epoch);
	reuse = napi->skb;
	napi->skb = NULL;
	if (reuse && WARN_ON_ONCE(reuse->destructor)) {
		kfree_skb(reuse);
		reuse = NULL;
	}
	return reuse;
}
EXPORT_SYMBOL_GPL(mp_rx_deliver);
