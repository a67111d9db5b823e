/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive side of a port with a backend: requests, buffers, epochs.
 */
#ifndef _MPASSTHRU_RX_H
#define _MPASSTHRU_RX_H

#include <linux/hashtable.h>
#include <linux/spinlock.h>

#include "pin.h"
#include "port.h"

#define MP_RX_HASH_BITS		10
#define MP_RX_EPOCHS		64
#define MP_RX_EPOCH_SKBS	32

/**
 * struct mp_rx_buf - memory that the NIC may write to, or has written to
 * @hash: in mp_rx.bufs by @key while in a frame
 * @node: in mp_epoch.bufs while in a frame, in mp_rx.free while unused
 * @key: bus-independent address of the frame's first byte in it
 * @dma: bus address while at the NIC, a physical one if there is no mp_rx.dma
 * @kept: which is mapped for longer than that
 * @page: the memory, within one folio from here on
 * @offset: of the first byte for the NIC
 * @len: bytes that the NIC may write
 * @prefix: bytes of the request before @offset (virtio header), plus what of
 *	the frame lies before @key
 * @reserved: requests that were set aside for the packet in it
 * @reason: &enum mp_copy_reason of a host page
 * @req: the guest's request, or NULL for a host page
 */
struct mp_rx_buf {
	struct hlist_node hash;
	struct hlist_node node;
	phys_addr_t key;
	dma_addr_t dma;
	struct page *page;
	u32 offset;
	u32 len;
	u16 prefix;
	u8 reserved;
	u8 reason;
	bool kept;
	struct mp_request *req;
};

/**
 * struct mp_epoch - frames that entered the stack about the same time
 * @rx: whose
 * @live: frames of this epoch that are not freed yet
 * @skbs: frames ever counted in @live
 * @bufs: buffers in them (mp_rx.lock)
 *
 * The stack merges frames (GRO) and drops them, and only says when one is
 * freed, not where its buffers went.  But a frame only ever merges into an
 * older one.  So, when all frames of an epoch and of all epochs before it are
 * freed, the buffers that are still listed are in no frame at all and can be
 * posted again.
 */
struct mp_epoch {
	struct mp_rx *rx;
	atomic_t live;
	unsigned int skbs;
	struct hlist_head bufs;
};

/**
 * struct mp_rx - receive side
 * @port: the port, outlives this
 * @backend: likewise
 * @dev: the bound interface, or NULL (RTNL)
 * @nic: its glue, while the driver has this as a constructor
 * @queue: for which of the NIC's receive queues
 * @dma: the device that does the DMA, NULL if the driver maps for it
 * @kept: its mappings of guest memory that are kept, or NULL
 * @mode: &enum mp_mode in effect, or of frames that are still on their way
 * @why_copy: &enum mp_copy_reason where nothing better is known
 * @stopping: it gets no constructor any more (RTNL)
 * @lock: BH-safe; protects all that follows
 * @fit: posted requests not known to be unfit for the NIC, oldest first
 * @odd: posted requests that the NIC cannot have; taken first for copies
 * @reserved: requests to keep for packets that are on their way
 * @aside: requests to keep for frames that come by other queues of the NIC
 * @nr_nic: requests behind NIC descriptors
 * @nr_stack: requests in frames
 * @dry: the driver waits for mp_nic_ops.refill
 * @asked: the backend knows that there are few, and has not posted since
 * @posted: when it last posted, in jiffies
 * @draining: somebody delivers queued frames; later ones have to queue up
 * @free: buffers for the next slots
 * @bufs: buffers in frames, by address
 * @epoch: ring of epochs
 * @oldest: first epoch in use
 * @current_epoch: last epoch in use
 */
struct mp_rx {
	struct mp_port *port;
	struct mp_backend *backend;
	struct net_device *dev;
	const struct mp_nic_ops *nic;
	u16 queue;
	struct device *dma;
	struct mp_dma *kept;
	enum mp_mode mode;
	u8 why_copy;
	bool stopping;

	spinlock_t lock;	/* BH-safe: all that follows */
	struct mp_requests fit;
	struct mp_requests odd;
	unsigned int reserved;
	unsigned int aside;
	unsigned int nr_nic;
	unsigned int nr_stack;
	bool dry;
	bool asked;
	unsigned long posted;
	bool draining;
	struct delayed_work retry;
	struct hlist_head free;
	DECLARE_HASHTABLE(bufs, MP_RX_HASH_BITS);
	struct mp_epoch epoch[MP_RX_EPOCHS];
	unsigned int oldest;
	unsigned int current_epoch;
};

/* Whether @want requests are posted that nobody counts on.  rx->lock. */
static inline bool mp_rx_spare(const struct mp_rx *rx, unsigned int want)
{
	return rx->fit.nr + rx->odd.nr >= rx->reserved + want;
}

/* Whether no frame waits for the guest that a new one would overtake.  rx->lock. */
static inline bool mp_rx_none_waits(const struct mp_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	return !rx->draining &&
	       skb_queue_empty_lockless(&rx->port->sk.sk_receive_queue);
}

/* The bus-independent address of a fragment. */
static inline phys_addr_t mp_frag_phys(const skb_frag_t *frag)
{
	return page_to_phys(skb_frag_page(frag)) + skb_frag_off(frag);
}

/* rx.c APIs */
struct mp_request *mp_rx_take(struct mp_rx *rx);
void mp_rx_ask(struct mp_rx *rx);
void mp_rx_retry(struct mp_rx *rx);
void mp_rx_untake(struct mp_rx *rx, struct mp_request *req);

/* buffer.c APIs */
struct mp_rx_buf *mp_rx_buf_make(struct mp_rx *rx, const u32 *room,
				 unsigned int parts, u8 reserve);
void mp_rx_buf_unmap(struct mp_rx *rx, struct mp_rx_buf *buf);
void mp_rx_buf_cancel(struct mp_rx *rx, struct mp_rx_buf *buf);
void mp_rx_buf_recycle(struct mp_rx *rx, struct mp_rx_buf *buf);
void mp_rx_buf_free(struct mp_rx *rx, struct mp_rx_buf *buf);
void mp_rx_bufs_destroy(struct mp_rx *rx);

/* gro.c APIs */
void mp_gro_limit(struct mp_link *link);
void mp_gro_restore(struct mp_link *link);

/* epoch.c APIs */
extern wait_queue_head_t mp_rx_epoch_done;
struct mp_epoch *mp_rx_skb_mark(struct mp_rx *rx, struct sk_buff *skb);
void mp_rx_skb_add(struct mp_rx *rx, struct mp_epoch *epoch,
		   struct sk_buff *skb, struct mp_rx_buf *buf, u32 start,
		   u32 len);
void mp_rx_skb_inherit(struct sk_buff *seg, const struct sk_buff *skb);
struct mp_rx_buf *mp_rx_find(struct mp_rx *rx, phys_addr_t key);
void mp_rx_claim(struct mp_rx *rx, struct mp_rx_buf *buf);
void mp_rx_unclaim(struct mp_rx *rx, struct mp_rx_buf *buf);
void mp_rx_epoch_put(struct mp_epoch *epoch);
void mp_rx_epochs_reap(struct mp_rx *rx);
bool mp_rx_epochs_idle(struct mp_rx *rx);

#endif /* _MPASSTHRU_RX_H */
