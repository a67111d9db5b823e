// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmit: from a request to the interface.
 */
#include <linux/etherdevice.h>
#include <linux/if_tun.h>
#include <linux/if_vlan.h>

#include "trace.h"
#include "tx.h"

/* How long mp_tx_drain() waits for qdiscs, and between two complaints. */
#define DRAIN_PATIENCE	HZ
#define DRAIN_NAG	(10 * HZ)

/* Measured by bench/copybreak. */
static unsigned int tx_copybreak = 256;
module_param(tx_copybreak, uint, 0644);
MODULE_PARM_DESC(tx_copybreak, "bytes behind the headers below which a packet is copied");

/* Whether it is cheaper to copy a packet than to lend its memory.  Any context. */
bool mp_tx_small(const struct mp_tx_head *head)
{
	return head->frame - head->linear < READ_ONCE(tx_copybreak);
}

/*
 * Whether what leaves @dev is not too long when the packet has been cut.  A packet
 * that is no longer than one of its segments is not cut at all, whatever its header
 * says.
 */
static bool segments_fit(const struct sk_buff *skb, const struct net_device *dev)
{
	if (!skb_is_gso(skb))
		return skb->len <= mp_tx_frame_max(dev);
	return skb_gso_validate_mac_len(skb, mp_tx_frame_max(dev));
}

/* Makes @skb a packet of @dev, as tap does. */
int mp_tx_finish(struct sk_buff *skb, struct net_device *dev,
		 const struct virtio_net_hdr *vnet, bool le)
{
	int depth;

	skb->dev = dev;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = eth_hdr(skb)->h_proto;
	if (virtio_net_hdr_to_skb(skb, vnet, le) || !segments_fit(skb, dev))
		return -EINVAL;

	skb_probe_transport_header(skb);
	if (eth_type_vlan(skb->protocol) &&
	    __vlan_get_protocol(skb, skb->protocol, &depth))
		skb_set_network_header(skb, depth);
	return 0;
}

/* Gives a packet to the interface.  Queues of the guest go to queues of the NIC. */
void mp_tx_xmit(const struct mp_port *port, struct mp_burst *burst,
		struct sk_buff *skb, const struct mp_tx_head *head)
{
	trace_mp_tx_transmit(skb->dev, head->frame, head->lent, &head->vnet);
	if (port->flags & IFF_MULTI_QUEUE)
		skb_record_rx_queue(skb, port->queue);
	mp_burst_add(burst, skb);
}

/*
 * Counts a packet that is gone, @lent bytes of which were guest memory, as
 * completed.  Copied for somebody who wants to keep it: @zerocopy is false.
 * RCU, BH off, because who waits for the last one may free the port then.
 */
void mp_tx_gone(struct mp_port *port, u32 lent, bool zerocopy)
{
	trace_mp_tx_complete(atomic_read(&port->tx_inflight), zerocopy);
	this_cpu_inc(port->stats->tx.completed);
	if (lent && zerocopy) {
		this_cpu_inc(port->stats->tx.zerocopy_packets);
		this_cpu_add(port->stats->tx.zerocopy_bytes, lent);
	} else if (lent) {
		this_cpu_inc(port->stats->tx.copied[MP_COPY_ORPHANED]);
		this_cpu_add(port->stats->tx.copied_bytes, lent);
	}
	if (atomic_dec_and_test(&port->tx_inflight))
		wake_up(&port->tx_idle);
}

/* Gives a request back.  BH off. */
void mp_tx_back(struct mp_request *req)
{
	struct mp_backend *backend = req->backend;

	req->state = MP_REQ_BACKEND;
	backend->ops->tx_done(backend, req);
}

/* The packet is gone, sent or not.  Any context up to softirq. */
static void sent(struct sk_buff *skb, struct ubuf_info *ubuf, bool zerocopy)
{
	struct mp_request *req = container_of(ubuf, struct mp_request, ubuf);
	struct mp_port *port = req->port;
	u32 lent = req->used;

	if (!refcount_dec_and_test(&ubuf->refcnt))
		return;

	rcu_read_lock_bh();
	mp_tx_back(req);
	mp_tx_gone(port, lent, zerocopy);
	rcu_read_unlock_bh();
}

MP_UBUF_OPS(sent_ops, sent);

/* Sends a request back unsent. */
static void fail(struct mp_port *port, struct mp_request *req,
		 enum mp_drop_reason why)
{
	local_bh_disable();
	this_cpu_inc(port->stats->tx.dropped[why]);
	this_cpu_inc(port->stats->tx.failed);
	mp_tx_back(req);
	local_bh_enable();
}

/* Points the rest of the packet at guest memory, from request byte @off on. */
static void add_frags(struct sk_buff *skb, const struct mp_request *req, u32 off)
{
	const struct mp_seg *seg = req->segs;
	const struct mp_seg *end = seg + req->nr_segs;
	unsigned int i = 0;

	for (; seg < end; seg++) {
		u32 skip = min(off, seg->len);
		u32 len = seg->len - skip;

		off -= skip;
		if (!len)
			continue;
		__skb_fill_page_desc(skb, i, seg->page, seg->offset + skip,
				     len);
		skb->len += len;
		skb->data_len += len;
		skb->truesize += len;
		skb_shinfo(skb)->nr_frags = ++i;
	}
}

/*
 * Request bytes to copy from the front so that what is left fits into frags:
 * @off if that will do, else up to a later segment's start.
 */
static u32 copy_for_frags(const struct mp_request *req, u32 off)
{
	unsigned int left = req->nr_segs;
	u32 end = 0;

	while (left > MAX_SKB_FRAGS) {
		end += req->segs[req->nr_segs - left].len;
		left--;
		off = max(off, end);
	}
	return off;
}

/* A packet whose payload stays in guest memory, or NULL. */
static struct sk_buff *zerocopy_skb(struct mp_request *req,
				    const struct net_device *dev, u32 hdr_len,
				    u32 off)
{
	u32 linear = off - hdr_len;
	struct sk_buff *skb;

	skb = alloc_skb(LL_RESERVED_SPACE(dev) + linear,
			GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	mp_request_read(req, hdr_len, skb_put(skb, linear), linear);
	add_frags(skb, req, off);
	mp_ubuf_init(&req->ubuf, &sent_ops, SKBFL_ZEROCOPY_FRAG);
	skb_zcopy_init(skb, &req->ubuf);
	/* The pages are pinned until the request is done: no references. */
	skb_shinfo(skb)->flags |= SKBFL_MANAGED_FRAG_REFS;
	return skb;
}

/*
 * A packet that has nothing of the guest's.  It completes as the others do,
 * when it is gone, so that a guest cannot queue more than its ring holds.
 */
static struct sk_buff *copied_skb(struct mp_request *req,
				  const struct net_device *dev, u32 hdr_len)
{
	u32 len = req->len - hdr_len;
	u32 linear = min_t(u32, len, MP_TX_LINEAR_MAX);
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(LL_RESERVED_SPACE(dev) + linear, len - linear,
				   PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	mp_request_read_skb(req, hdr_len, skb, len);
	return skb;
}

/* Has a packet without guest memory complete its request. */
static void complete_copy(struct mp_port *port, struct mp_request *req,
			  struct sk_buff *skb, bool crowded)
{
	if (crowded && mp_tx_copy_start(port, req, skb))
		return;
	mp_ubuf_init(&req->ubuf, &sent_ops, SKBFL_ZEROCOPY_ENABLE);
	skb_zcopy_init(skb, &req->ubuf);
}

static struct sk_buff *make_skb(struct mp_port *port, struct mp_request *req,
				const struct net_device *dev, u32 hdr_len,
				struct mp_tx_head *head, bool crowded)
{
	u32 off = copy_for_frags(req, hdr_len + head->linear);
	int why = MP_COPY_SMALL;
	struct sk_buff *skb;

	head->lent = 0;
	req->used = 0;
	if (off - hdr_len > MP_TX_LINEAR_MAX) {
		why = MP_COPY_FRAGS;
	} else if (crowded && !mp_tx_small(head)) {
		why = MP_COPY_HELD;
	} else if (mp_request_copied(req)) {
		this_cpu_inc(port->stats->tx.copied[MP_COPY_LOCKED]);
		this_cpu_add(port->stats->tx.copied_bytes, head->frame);
		return zerocopy_skb(req, dev, hdr_len, off);
	} else if (!mp_tx_small(head)) {
		head->lent = req->len - off;
		req->used = head->lent;
		this_cpu_add(port->stats->tx.copied_bytes, off - hdr_len);
		return zerocopy_skb(req, dev, hdr_len, off);
	}
	this_cpu_inc(port->stats->tx.copied[why]);
	this_cpu_add(port->stats->tx.copied_bytes, head->frame);
	skb = copied_skb(req, dev, hdr_len);
	if (skb)
		complete_copy(port, req, skb, crowded);
	return skb;
}

static void send_request(struct mp_port *port, struct mp_burst *burst,
			 struct mp_request *req)
{
	struct net_device *dev = burst->dev;
	u32 hdr_len = req->backend->hdr_len;
	struct mp_tx_head head;
	struct sk_buff *skb;
	bool crowded;

	req->state = MP_REQ_SENT;
	req->port = port;
	if (req->len < hdr_len) {
		fail(port, req, MP_DROP_BAD_HEADER);
		return;
	}
	mp_request_read(req, 0, &head.vnet, sizeof(head.vnet));
	head.frame = req->len - hdr_len;
	if (mp_tx_parse(&head, true) || !mp_tx_fits(dev, &head)) {
		fail(port, req, MP_DROP_BAD_HEADER);
		return;
	}

	crowded = mp_tx_is_crowded(port, req);
	if (crowded && mp_tx_late_full(port)) {
		fail(port, req, MP_DROP_QUEUE_FULL);
		return;
	}
	skb = make_skb(port, req, dev, hdr_len, &head, crowded);
	if (!skb) {
		fail(port, req, MP_DROP_NO_MEMORY);
		return;
	}
	/* the request of a copy may have gone back already: late_work() */
	atomic_inc(&port->tx_inflight);
	if (mp_tx_finish(skb, dev, &head.vnet, true)) {
		this_cpu_inc(port->stats->tx.dropped[MP_DROP_BAD_HEADER]);
		kfree_skb(skb);		/* completes the request */
		return;
	}
	this_cpu_add(port->stats->tx.bytes, head.frame);
	this_cpu_add(port->stats->tx.payload_bytes, head.frame - head.linear);
	mp_tx_xmit(port, burst, skb, &head);
}

/**
 * mp_tx_batch() - transmit requests
 * @port: the port
 * @reqs: the requests, empty on return
 *
 * Context: process context.
 */
void mp_tx_batch(struct mp_port *port, struct mp_requests *reqs)
{
	struct mp_request *req;
	struct net_device *dev;
	struct mp_burst burst;

	rcu_read_lock_bh();
	dev = rcu_dereference_bh(port->dev);
	mp_burst_begin(&burst, port, dev);
	while ((req = mp_requests_pop(reqs))) {
		this_cpu_inc(port->stats->tx.packets);
		if (dev && dev->flags & IFF_UP)
			send_request(port, &burst, req);
		else
			fail(port, req, MP_DROP_NO_LINK);
	}
	mp_burst_end(&burst);
	rcu_read_unlock_bh();
	mp_tx_late_look(port);
}

/* What waits in front of the NIC will not get there. */
static void drop_queued(struct mp_port *port)
{
	struct net_device *dev;

	rtnl_lock();
	dev = rtnl_dereference(port->dev);
	if (dev && netif_running(dev)) {
		netdev_warn(dev, "mpassthru: a guest stops, dropping all packets that wait to be sent\n");
		mp_dev_drop_queued(dev);
	}
	rtnl_unlock();
}

static bool is_idle(struct mp_port *port, unsigned long timeout)
{
	return wait_event_timeout(port->tx_idle,
				  !atomic_read(&port->tx_inflight), timeout);
}

/**
 * mp_tx_drain() - wait until no packet holds a request
 * @port: the port; nobody transmits requests any more
 *
 * Packets that a qdisc has are dropped if it keeps them for too long.
 *
 * Context: process context without RTNL.  The wait ends when the NIC, or its reset
 * after a transmit timeout, frees the packets.
 */
void mp_tx_drain(struct mp_port *port)
{
	if (!is_idle(port, DRAIN_PATIENCE))
		drop_queued(port);
	while (!is_idle(port, DRAIN_NAG))
		pr_warn("mpassthru: waiting for %d packets that the interface has not sent\n",
			atomic_read(&port->tx_inflight));
	mp_tx_late_stop(port);
}
