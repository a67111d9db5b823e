// SPDX-License-Identifier: GPL-2.0-only
/*
 * Posted receive requests and the page constructor that gives them to NICs.
 *
 * A request is on rx->fit or rx->odd (posted), behind an mp_rx_buf in a
 * driver's slot (at the NIC), behind one in an epoch (in the stack), or the
 * backend's.  The last step, from the stack into the guest, is frame.c.
 */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "rx.h"

/* How long mp_rx_stop() waits between two complaints about a held frame. */
#define STOP_NAG	(10 * HZ)

static struct kmem_cache *buf_cache;
static DECLARE_WAIT_QUEUE_HEAD(epoch_done);

/* Requests. */

/* Takes a request to copy into: what the NIC cannot have first.  rx->lock. */
struct mp_request *mp_rx_take(struct mp_rx *rx)
{
	struct mp_request *req;

	lockdep_assert_held(&rx->lock);
	if (rx->nr_odd) {
		req = list_first_entry(&rx->odd, struct mp_request, node);
		rx->nr_odd--;
	} else if (rx->nr_fit) {
		req = list_first_entry(&rx->fit, struct mp_request, node);
		rx->nr_fit--;
	} else {
		return NULL;
	}
	list_del(&req->node);
	return req;
}

/* Posts a request again that was taken and not used, before all others. */
void mp_rx_untake(struct mp_rx *rx, struct mp_request *req)
{
	lockdep_assert_held(&rx->lock);
	req->state = MP_REQ_POSTED;
	list_add(&req->node, &rx->fit);
	rx->nr_fit++;
}

/* Requests that nobody counts on.  rx->lock. */
static bool spare(const struct mp_rx *rx, unsigned int want)
{
	return rx->nr_fit + rx->nr_odd >= rx->reserved + want;
}

/* Whether a driver that went short should try again.  Clears the note. */
static bool undry(struct mp_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	if (!rx->dry || !spare(rx, 2))
		return false;
	rx->dry = false;
	return true;
}

/**
 * mp_rx_post() - take receive requests from the backend
 * @rx: receive side
 * @list: requests, empty on return
 *
 * Context: process context; takes rx->lock.
 */
void mp_rx_post(struct mp_rx *rx, struct list_head *list)
{
	struct mp_request *req;
	const struct mp_nic_ops *nic;
	bool refill;

	spin_lock_bh(&rx->lock);
	list_for_each_entry(req, list, node) {
		WARN_ON_ONCE(req->state != MP_REQ_BACKEND);
		req->state = MP_REQ_POSTED;
		rx->nr_fit++;
	}
	list_splice_tail_init(list, &rx->fit);
	refill = undry(rx);
	if (rx->dry)
		rx->backend->ops->rx_short(rx->backend);
	spin_unlock_bh(&rx->lock);

	if (!refill)
		return;
	/* RTNL is not ours here: whoever clears rx->nic waits for RCU. */
	rcu_read_lock();
	nic = READ_ONCE(rx->nic);
	if (nic)
		nic->refill(rx->dev);
	rcu_read_unlock();
}

/* Buffers. */

/* Frees a buffer whose page or request has moved on.  rx->lock. */
void mp_rx_buf_free(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	lockdep_assert_held(&rx->lock);
	rx->reserved -= buf->reserved;
	kmem_cache_free(buf_cache, buf);
}

/*
 * Ends a buffer that brought the guest nothing: its request is posted again.  A
 * host page is its frame's by then, or was put.  rx->lock.
 */
static void buf_recycle(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	if (buf->req)
		mp_rx_untake(rx, buf->req);
	mp_rx_buf_free(rx, buf);
}

/* As above for a buffer that never was in a frame.  rx->lock. */
static void buf_cancel(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	if (!buf->req)
		put_page(buf->page);
	buf_recycle(rx, buf);
}

/*
 * Points @buf at the first contiguous memory of @req that may take a frame, at
 * least @room bytes.  In header split that is the request's start, else what
 * follows the virtio header (whether it is in a segment of its own or not).
 */
static bool buf_from_request(struct mp_rx *rx, struct mp_rx_buf *buf,
			     struct mp_request *req, u32 room)
{
	u32 skip = rx->mode == MP_MODE_WHOLE_FRAME ? rx->backend->hdr_len : 0;
	const struct bio_vec *seg = req->segs;
	const struct bio_vec *end = seg + req->nr_segs;

	if (req->len < skip + room) {
		req->reason = MP_COPY_SHORT_BUFFER;
		return false;
	}
	buf->prefix = skip;
	while (seg < end && skip >= seg->bv_len)
		skip -= seg++->bv_len;
	if (seg == end || seg->bv_len - skip < room) {
		req->reason = MP_COPY_PAGE_CROSSING;
		return false;
	}
	if ((seg->bv_offset + skip) & 1) {
		req->reason = MP_COPY_UNALIGNED;
		return false;
	}
	buf->req = req;
	buf->page = seg->bv_page;
	buf->offset = seg->bv_offset + skip;
	buf->len = seg->bv_len - skip;
	return true;
}

/* Looks for a posted request that the NIC can have; moves the unfit out of the way. */
static bool buf_take_fit(struct mp_rx *rx, struct mp_rx_buf *buf, u32 room)
{
	struct mp_request *req, *next;

	list_for_each_entry_safe(req, next, &rx->fit, node) {
		if (buf_from_request(rx, buf, req, room)) {
			list_del_init(&req->node);
			rx->nr_fit--;
			req->state = MP_REQ_NIC;
			return true;
		}
		list_move_tail(&req->node, &rx->odd);
		rx->nr_fit--;
		rx->nr_odd++;
	}
	return false;
}

/*
 * A host page for a frame that will be copied, because the guest's buffers do
 * not suit the NIC.
 */
static bool buf_take_page(struct mp_rx *rx, struct mp_rx_buf *buf, u32 room)
{
	const struct mp_request *odd;

	if (!rx->nr_odd || room > PAGE_SIZE)
		return false;
	odd = list_first_entry(&rx->odd, struct mp_request, node);
	buf->page = dev_alloc_page();
	if (!buf->page)
		return false;
	buf->reason = odd->reason;
	buf->offset = 0;
	buf->len = PAGE_SIZE;
	buf->prefix = 0;
	buf->req = NULL;
	return true;
}

/* Cuts a buffer down to as many of the next parts as lie in it whole. */
static void buf_trim(struct mp_rx_buf *buf, const u32 *room, unsigned int parts)
{
	u32 len = 0;

	while (parts-- && len + *room <= buf->len)
		len += *room++;
	buf->len = len;
}

/*
 * Makes a buffer that the NIC may write to, for the first of @parts or more of
 * them.  rx->lock.
 */
static struct mp_rx_buf *buf_make(struct mp_rx *rx, const u32 *room,
				  unsigned int parts, u8 reserve)
{
	struct mp_rx_buf *buf;

	buf = kmem_cache_zalloc(buf_cache, GFP_ATOMIC);
	if (!buf)
		return NULL;

	/* One for the buffer itself, what its packet needs beside it after. */
	if (!spare(rx, 1 + reserve))
		goto err_free;
	if (!buf_take_fit(rx, buf, *room)) {
		/* A copy takes a second request for the payload. */
		reserve++;
		if (!spare(rx, reserve) || !buf_take_page(rx, buf, *room))
			goto err_free;
	}

	buf_trim(buf, room, parts);
	buf->dma = dma_map_page(rx->dma, buf->page, buf->offset, buf->len,
				DMA_FROM_DEVICE);
	if (dma_mapping_error(rx->dma, buf->dma)) {
		buf_cancel(rx, buf);
		return NULL;
	}
	buf->reserved = reserve;
	rx->reserved += reserve;
	rx->nr_nic += !!buf->req;
	return buf;

err_free:
	mp_rx_buf_free(rx, buf);
	return NULL;
}

static void buf_unmap(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	dma_unmap_page(rx->dma, buf->dma, buf->len, DMA_FROM_DEVICE);
	rx->nr_nic -= !!buf->req;
}

/* Epochs. */

static struct mp_epoch *epoch_now(struct mp_rx *rx)
{
	struct mp_epoch *epoch = &rx->epoch[rx->current_epoch];
	unsigned int next = (rx->current_epoch + 1) % MP_RX_EPOCHS;

	lockdep_assert_held(&rx->lock);
	if (epoch->skbs >= MP_RX_EPOCH_SKBS && next != rx->oldest) {
		rx->current_epoch = next;
		epoch = &rx->epoch[next];
	}
	return epoch;
}

/* Posts what lies in epochs whose frames are all gone.  rx->lock. */
static void epochs_reap(struct mp_rx *rx)
{
	struct mp_rx_buf *buf, *next;
	struct mp_epoch *epoch;

	lockdep_assert_held(&rx->lock);
	for (;;) {
		epoch = &rx->epoch[rx->oldest];
		if (atomic_read(&epoch->live))
			return;
		list_for_each_entry_safe(buf, next, &epoch->bufs, node) {
			mp_rx_claim(rx, buf);
			buf_recycle(rx, buf);
		}
		epoch->skbs = 0;
		if (rx->oldest == rx->current_epoch)
			return;
		rx->oldest = (rx->oldest + 1) % MP_RX_EPOCHS;
	}
}

static void epoch_put(struct mp_epoch *epoch)
{
	struct mp_rx *rx = epoch->rx;

	/* mp_rx_stop() frees rx a grace period after the last frame is gone. */
	rcu_read_lock_bh();
	if (atomic_dec_and_test(&epoch->live)) {
		spin_lock(&rx->lock);
		epochs_reap(rx);
		spin_unlock(&rx->lock);
		wake_up(&epoch_done);
	}
	rcu_read_unlock_bh();
}

/* skb destructor: the frame is freed, or the stack gave up our mark on it. */
static void skb_done(struct sk_buff *skb)
{
	epoch_put(skb_shinfo(skb)->destructor_arg);
}

/* Counts a frame in an epoch.  rx->lock. */
static struct mp_epoch *skb_mark(struct mp_rx *rx, struct sk_buff *skb)
{
	struct mp_epoch *epoch = epoch_now(rx);

	WARN_ON_ONCE(skb->destructor);
	atomic_inc(&epoch->live);
	epoch->skbs++;
	skb_shinfo(skb)->destructor_arg = epoch;
	skb->destructor = skb_done;
	skb->slow_gro = 1;	/* GRO calls the destructor before it reuses */
	return epoch;
}

/* Moves a buffer into a frame, @len bytes of it from @start on.  rx->lock. */
static void skb_add_buf(struct mp_rx *rx, struct mp_epoch *epoch,
			struct sk_buff *skb, struct mp_rx_buf *buf, u32 start,
			u32 len)
{
	u32 offset = buf->offset + start;

	buf->key = page_to_phys(buf->page) + offset;
	buf->prefix += start;
	hash_add(rx->bufs, &buf->hash, buf->key);
	list_add_tail(&buf->node, &epoch->bufs);
	if (buf->req) {
		buf->req->state = MP_REQ_STACK;
		rx->nr_stack++;
		get_page(buf->page);
	}			/* else the page's reference moves to the frame */
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, buf->page, offset, len,
			buf->len);
}

/* The buffer whose frame begins at @key, or NULL.  rx->lock. */
struct mp_rx_buf *mp_rx_find(struct mp_rx *rx, phys_addr_t key)
{
	struct mp_rx_buf *buf;

	lockdep_assert_held(&rx->lock);
	hash_for_each_possible(rx->bufs, buf, hash, key)
		if (buf->key == key)
			return buf;
	return NULL;
}

/* Takes a buffer out of its frame's books.  rx->lock. */
void mp_rx_claim(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	lockdep_assert_held(&rx->lock);
	hash_del(&buf->hash);
	list_del_init(&buf->node);
	rx->nr_stack -= !!buf->req;
}

/* Undoes a claim.  The frame is alive, so any epoch that has it will do. */
void mp_rx_unclaim(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	lockdep_assert_held(&rx->lock);
	hash_add(rx->bufs, &buf->hash, buf->key);
	list_add_tail(&buf->node, &rx->epoch[rx->current_epoch].bufs);
	rx->nr_stack += !!buf->req;
}

/* The page constructor. */

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
 * Context: NAPI of the interface, or set_rx.  Does not sleep.
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

	spin_lock_bh(&rx->lock);
	for (i = 0; i < parts; i++) {
		if (!buf || used == buf->len) {
			buf = buf_make(rx, &room[i], parts - i, i ? 0 : reserve);
			if (!buf)
				break;
			slot->buf[i] = buf;
			used = 0;
		}
		slot->dma[i] = buf->dma + used;
		used += room[i];
	}
	if (i < parts && !rx->dry) {
		rx->dry = true;
		rx->backend->ops->rx_short(rx->backend);
	}
	spin_unlock_bh(&rx->lock);

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
 * Context: NAPI of the interface, or set_rx.  Does not sleep.
 */
void mp_rx_discard(struct mp_rx *rx, struct mp_rx_slot *slot)
{
	unsigned int i;

	spin_lock_bh(&rx->lock);
	for (i = 0; i < MP_SLOT_PARTS; i++) {
		if (!slot->buf[i])
			continue;
		buf_unmap(rx, slot->buf[i]);
		buf_cancel(rx, slot->buf[i]);
	}
	spin_unlock_bh(&rx->lock);
	memset(slot, 0, sizeof(*slot));
}
EXPORT_SYMBOL_GPL(mp_rx_discard);

/**
 * mp_rx_fill() - attach received payload to a frame (header split)
 * @rx: as given to &mp_nic_ops.set_rx
 * @slot: where the NIC wrote it, part after part; empty on return
 * @skb: the driver's, headers in its linear part
 * @len: bytes, not zero, no more than the room asked for
 *
 * The frame must go to mp_rx_deliver() or be freed next.
 *
 * Context: NAPI of the interface.
 */
void mp_rx_fill(struct mp_rx *rx, struct mp_rx_slot *slot, struct sk_buff *skb,
		unsigned int len)
{
	struct mp_epoch *epoch;
	unsigned int i;

	spin_lock_bh(&rx->lock);
	epoch = skb_mark(rx, skb);
	for (i = 0; i < MP_SLOT_PARTS; i++) {
		struct mp_rx_buf *buf = slot->buf[i];
		unsigned int n;

		if (!buf)
			continue;
		n = min(len, buf->len);
		buf_unmap(rx, buf);
		if (n)
			skb_add_buf(rx, epoch, skb, buf, 0, n);
		else
			buf_cancel(rx, buf);
		len -= n;
	}
	spin_unlock_bh(&rx->lock);
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

	spin_lock_bh(&rx->lock);
	buf_unmap(rx, buf);
	skb_put_data(skb, page_address(buf->page) + buf->offset, ETH_HLEN);
	epoch = skb_mark(rx, skb);
	skb_add_buf(rx, epoch, skb, buf, ETH_HLEN, len - ETH_HLEN);
	spin_unlock_bh(&rx->lock);
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
	LIST_HEAD(bufs);
	struct mp_rx_buf *buf, *next;
	unsigned int i;
	int err;

	if (!skb->data_len)
		return 0;

	spin_lock_bh(&rx->lock);
	for (i = 0; i < info->nr_frags; i++) {
		buf = mp_rx_find(rx, mp_frag_phys(&info->frags[i]));
		if (!buf)
			continue;
		mp_rx_claim(rx, buf);
		list_add_tail(&buf->node, &bufs);
	}
	spin_unlock_bh(&rx->lock);

	err = skb_copy_ubufs(skb, GFP_ATOMIC);

	spin_lock_bh(&rx->lock);
	list_for_each_entry_safe(buf, next, &bufs, node)
		buf_recycle(rx, buf);
	spin_unlock_bh(&rx->lock);
	return err;
}

/**
 * mp_rx_deliver() - hand a received frame to the stack
 * @rx: as given to &mp_nic_ops.set_rx
 * @napi: the interface's
 * @skb: data at the Ethernet header; with what the NIC said of its checksum
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
		epoch_put(epoch);
	reuse = napi->skb;
	napi->skb = NULL;
	if (reuse && WARN_ON_ONCE(reuse->destructor)) {
		kfree_skb(reuse);
		reuse = NULL;
	}
	return reuse;
}
EXPORT_SYMBOL_GPL(mp_rx_deliver);

/* Start and stop. */

/* The best layout that is asked for, that driver and guest can both do. */
static enum mp_mode choose_mode(const struct mp_rx *rx,
				const struct mp_nic_ops *nic)
{
	u32 asked = rx->port->mode;
	unsigned long modes = nic ? nic->modes : 0;

	if (!rx->backend->mergeable)
		modes &= ~BIT(MP_MODE_HEADER_SPLIT);
	if (asked == MP_MODE_COPY)
		return MP_MODE_COPY;
	if (asked == MP_MODE_WHOLE_FRAME)
		modes &= BIT(MP_MODE_WHOLE_FRAME);
	if (modes & BIT(MP_MODE_HEADER_SPLIT))
		return MP_MODE_HEADER_SPLIT;
	if (modes & BIT(MP_MODE_WHOLE_FRAME))
		return MP_MODE_WHOLE_FRAME;
	return MP_MODE_COPY;
}

static u8 why_copy(const struct mp_rx *rx, const struct mp_nic_ops *nic)
{
	if (rx->port->mode == MP_MODE_COPY)
		return MP_COPY_ASKED;
	return nic ? MP_COPY_LATE : MP_COPY_NO_GLUE;
}

/*
 * Installs the page constructor if the port has both an interface and a
 * backend.  RTNL.
 */
void mp_rx_attach_nic(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);
	struct net_device *dev = rtnl_dereference(port->dev);
	const struct mp_nic_ops *nic;
	int err;

	if (!rx || !dev)
		return;
	nic = mp_nic_find(dev);
	rx->why_copy = why_copy(rx, nic);
	rx->mode = choose_mode(rx, nic);
	rx->dev = dev;
	if (rx->mode == MP_MODE_COPY)
		return;

	rx->dma = dev->dev.parent;
	WRITE_ONCE(rx->nic, nic);
	err = nic->set_rx(dev, rx);
	if (!err)
		return;
	netdev_warn(dev, "mpassthru: the driver refused the constructor (%d), receiving by copy\n",
		    err);
	WRITE_ONCE(rx->nic, NULL);
	rx->mode = MP_MODE_COPY;
}

/*
 * Removes the page constructor: no NIC writes to guest memory when this
 * returns.  Frames that it wrote may still be on their way.  RTNL.
 */
void mp_rx_detach_nic(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);

	if (!rx || !rx->dev)
		return;
	if (rx->nic) {
		const struct mp_nic_ops *nic = rx->nic;

		WRITE_ONCE(rx->nic, NULL);
		synchronize_net();	/* mp_rx_post() may be in refill */
		if (nic->set_rx(rx->dev, NULL))
			netdev_err(rx->dev, "mpassthru: the driver did not come back in its own state\n");
		WARN_ON_ONCE(rx->nr_nic);
	}
	rx->dev = NULL;
}

static struct mp_rx *rx_alloc(struct mp_port *port, struct mp_backend *backend)
{
	struct mp_rx *rx;
	unsigned int i;

	rx = kvzalloc(sizeof(*rx), GFP_KERNEL);
	if (!rx)
		return NULL;
	rx->port = port;
	rx->backend = backend;
	rx->mode = MP_MODE_COPY;
	spin_lock_init(&rx->lock);
	INIT_LIST_HEAD(&rx->fit);
	INIT_LIST_HEAD(&rx->odd);
	hash_init(rx->bufs);
	for (i = 0; i < MP_RX_EPOCHS; i++) {
		rx->epoch[i].rx = rx;
		INIT_LIST_HEAD(&rx->epoch[i].bufs);
	}
	return rx;
}

/**
 * mp_rx_start() - begin to receive for a backend
 * @port: the port, bound, without backend
 * @backend: the backend
 *
 * Context: process context under RTNL.
 * Return: 0 or -ENOMEM.
 */
int mp_rx_start(struct mp_port *port, struct mp_backend *backend)
{
	struct mp_rx *rx;

	ASSERT_RTNL();
	rx = rx_alloc(port, backend);
	if (!rx)
		return -ENOMEM;
	rcu_assign_pointer(port->rx, rx);
	mp_rx_attach_nic(port);
	return 0;
}

static bool epochs_idle(struct mp_rx *rx)
{
	unsigned int i;

	for (i = 0; i < MP_RX_EPOCHS; i++)
		if (atomic_read(&rx->epoch[i].live))
			return false;
	return true;
}

static void return_list(struct mp_rx *rx, struct list_head *list)
{
	struct mp_request *req, *next;

	list_for_each_entry_safe(req, next, list, node) {
		list_del_init(&req->node);
		req->state = MP_REQ_BACKEND;
		rx->backend->ops->rx_return(rx->backend, req);
	}
}

/**
 * mp_rx_stop() - give every receive request back
 * @port: the port
 *
 * Frames that reached the port's queue are delivered if there are requests for
 * them, and dropped if not.
 *
 * Context: process context under RTNL; the backend posts nothing any more.
 */
void mp_rx_stop(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);

	ASSERT_RTNL();
	if (!rx)
		return;
	mp_rx_detach_nic(port);
	mp_frame_drain(port, rx);
	RCU_INIT_POINTER(port->rx, NULL);
	synchronize_net();
	skb_queue_purge(&port->sk.sk_receive_queue);

	while (!wait_event_timeout(epoch_done, epochs_idle(rx), STOP_NAG))
		pr_warn("mpassthru: waiting for received frames that somebody holds\n");

	/* The last one to wake us may still be at it. */
	synchronize_net();
	spin_lock_bh(&rx->lock);
	epochs_reap(rx);
	spin_unlock_bh(&rx->lock);

	local_bh_disable();
	return_list(rx, &rx->odd);
	return_list(rx, &rx->fit);
	local_bh_enable();
	WARN_ON_ONCE(rx->nr_nic || rx->nr_stack || rx->reserved);
	kvfree(rx);
}

/* Fills in what mp_info says of requests.  Any context but hard interrupt. */
void mp_rx_gauges(struct mp_rx *rx, struct mp_info *info)
{
	spin_lock_bh(&rx->lock);
	info->posted = rx->nr_fit + rx->nr_odd;
	info->at_nic = rx->nr_nic;
	info->in_stack = rx->nr_stack;
	info->rx_mode = rx->mode;
	info->vnet_hdr_len = rx->backend->hdr_len;
	if (rx->dry)
		info->flags |= MP_INFO_DRY;
	spin_unlock_bh(&rx->lock);
}

int mp_rx_init(void)
{
	buf_cache = KMEM_CACHE(mp_rx_buf, 0);
	return buf_cache ? 0 : -ENOMEM;
}

void mp_rx_exit(void)
{
	kmem_cache_destroy(buf_cache);
}
