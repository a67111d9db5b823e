// SPDX-License-Identifier: GPL-2.0-only
/*
 * A received frame on its last step: from the interface's rx_handler into the
 * guest, or into the socket's queue if nobody waits for it.
 */
#include <linux/etherdevice.h>
#include <linux/if_tun.h>
#include <linux/if_vlan.h>
#include <linux/sizes.h>
#include <linux/virtio_net.h>

#include "rx.h"
#include "trace.h"

/* What waits for a guest that does not read; beyond that frames are dropped. */
#define MP_QUEUE_MAX	1000
#define MP_QUEUE_BYTES	SZ_8M

/* What user space takes beside the offloads that it asked for. */
#define MP_FEATURES	(NETIF_F_GSO | NETIF_F_SG | NETIF_F_FRAGLIST)

/**
 * struct gather - where one frame goes in guest memory
 * @skb: the frame
 * @reqs: requests in order.  State %MP_REQ_STACK: the NIC put the bytes there;
 *	%MP_REQ_POSTED: to be copied into.
 * @bufs: what the NIC wrote to, for the former
 * @last: the last of @reqs
 * @room: bytes left in the last request, if it is to be copied into
 * @prefix: bytes to copy to the start of a request that the NIC filled
 * @placed: payload bytes that the NIC put into the guest's memory
 * @bounced: payload bytes that the backend has to copy
 * @why: &enum mp_copy_reason if payload is copied, else -1
 * @head: virtio header, and what goes before the frame's bytes from @skip on
 * @head_len: bytes in @head
 * @skip: leading bytes of the frame that are in @head
 */
struct gather {
	struct sk_buff *skb;
	struct mp_requests reqs;
	struct mp_request *last;
	struct hlist_head bufs;
	u32 room;
	u32 prefix;
	u32 placed;
	u32 bounced;
	int why;
	u8 head[sizeof(struct virtio_net_hdr_mrg_rxbuf) + VLAN_ETH_HLEN];
	u32 head_len;
	u32 skip;
};

static void gather_init(struct gather *g, const struct mp_rx *rx,
			struct sk_buff *skb)
{
	bool tagged = skb_vlan_tag_present(skb);

	memset(g, 0, sizeof(*g));
	mp_requests_init(&g->reqs);
	g->skb = skb;
	g->why = -1;
	g->skip = tagged ? 2 * ETH_ALEN : 0;
	g->head_len = rx->backend->hdr_len + g->skip + (tagged ? VLAN_HLEN : 0);
}

static void gather_add(struct gather *g, struct mp_request *req, u32 used)
{
	mp_requests_push(&g->reqs, req);
	g->last = req;
	req->used = used;
}

static void gather_why(struct gather *g, int why)
{
	if (g->why < 0)
		g->why = why;
}

/* The NIC wrote @len bytes of payload to @req. */
static void gather_placed(struct gather *g, const struct mp_request *req, u32 len)
{
	if (mp_request_copied(req)) {
		gather_why(g, MP_COPY_LOCKED);
		g->bounced += len;
	} else {
		g->placed += len;
	}
}

/* Finds room for @len more bytes to copy.  rx->lock. */
static bool gather_copy(struct mp_rx *rx, struct gather *g, u32 len)
{
	while (len) {
		u32 n;

		if (!g->room) {
			struct mp_request *req = mp_rx_take(rx);

			if (!req)
				return false;
			gather_add(g, req, 0);
			g->room = req->len;
		}
		n = min(len, g->room);
		g->last->used += n;
		g->room -= n;
		len -= n;
	}
	return true;
}

/* Takes a buffer out of the frame; its end decides about its request. */
static void gather_claim(struct mp_rx *rx, struct gather *g,
			 struct mp_rx_buf *buf)
{
	mp_rx_claim(rx, buf);
	hlist_add_head(&buf->node, &g->bufs);
}

/* One piece of payload.  rx->lock. */
static bool gather_frag(struct mp_rx *rx, struct gather *g,
			const skb_frag_t *frag)
{
	struct mp_rx_buf *buf = mp_rx_find(rx, mp_frag_phys(frag));
	u32 len = skb_frag_size(frag);

	if (buf && buf->req && !buf->prefix) {
		gather_claim(rx, g, buf);
		gather_add(g, buf->req, len);
		g->room = 0;
		gather_placed(g, buf->req, len);
		return true;
	}

	if (!buf)
		gather_why(g, mp_dev_observed(g->skb->dev) ? MP_COPY_OBSERVED :
							     rx->why_copy);
	else if (buf->req)
		gather_why(g, MP_COPY_CHANGED);
	else
		gather_why(g, buf->reason);
	if (buf && !buf->req)
		gather_claim(rx, g, buf);
	return gather_copy(rx, g, len);
}

/* The linear part of @skb from @skip on, and all its fragments.  rx->lock. */
static bool gather_skb(struct mp_rx *rx, struct gather *g,
		       const struct sk_buff *skb, u32 skip)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	unsigned int i;

	if (!gather_copy(rx, g, skb_headlen(skb) - skip))
		return false;
	for (i = 0; i < info->nr_frags; i++)
		if (!gather_frag(rx, g, &info->frags[i]))
			return false;
	return true;
}

/*
 * A frame that the NIC put into one request as it was on the wire.  The stack
 * may have pulled more of it into the linear part, or taken the tag out; as
 * long as it is all still there the place of the rest tells.  The linear part
 * is written back, in case somebody changed it.  rx->lock.
 */
static bool gather_whole(struct mp_rx *rx, struct gather *g)
{
	const struct skb_shared_info *info = skb_shinfo(g->skb);
	u32 linear = skb_headlen(g->skb) +
		     (skb_vlan_tag_present(g->skb) ? VLAN_HLEN : 0);
	struct mp_rx_buf *buf;
	phys_addr_t rest;

	if (rx->mode != MP_MODE_WHOLE_FRAME || info->nr_frags != 1 ||
	    skb_has_frag_list(g->skb) || linear < ETH_HLEN)
		return false;
	rest = mp_frag_phys(&info->frags[0]);
	buf = mp_rx_find(rx, rest - (linear - ETH_HLEN));
	if (!buf || !buf->req)
		return false;

	gather_claim(rx, g, buf);
	g->prefix = rx->backend->hdr_len + linear;
	gather_placed(g, buf->req, skb_frag_size(&info->frags[0]));
	gather_add(g, buf->req, g->prefix + skb_frag_size(&info->frags[0]));
	return true;
}

/* Gives everything back; the frame is as before.  rx->lock. */
static void gather_undo(struct mp_rx *rx, struct gather *g)
{
	struct mp_requests reversed;
	struct hlist_node *next;
	struct mp_request *req;
	struct mp_rx_buf *buf;

	mp_requests_init(&reversed);
	while ((req = mp_requests_pop(&g->reqs)))
		mp_requests_unpop(&reversed, req);
	while ((req = mp_requests_pop(&reversed)))
		if (req->state == MP_REQ_POSTED)
			mp_rx_untake(rx, req);
	hlist_for_each_entry_safe(buf, next, &g->bufs, node)
		mp_rx_unclaim(rx, buf);
}

/* A frame piece by piece, headers first.  rx->lock. */
static bool gather_pieces(struct mp_rx *rx, struct gather *g)
{
	struct sk_buff *part;

	if (!gather_copy(rx, g, g->head_len) ||
	    !gather_skb(rx, g, g->skb, g->skip))
		return false;
	skb_walk_frags(g->skb, part)
		if (!gather_skb(rx, g, part, 0))
			return false;
	return true;
}

/* Whether the guest has posted all that it can, and still it is not enough. */
static bool all_posted(const struct mp_rx *rx)
{
	return rx->fit.nr + rx->odd.nr + rx->nr_nic + rx->nr_stack >=
	       rx->backend->ring_size;
}

/*
 * Finds a place in guest memory for all of a frame, or for nothing.
 * 0, -EAGAIN: not now, -EMSGSIZE: never.  rx->lock.
 */
static int gather(struct mp_rx *rx, struct gather *g, struct sk_buff *skb)
{
	struct hlist_node *next;
	struct mp_rx_buf *buf;

	gather_init(g, rx, skb);
	if (!gather_whole(rx, g)) {
		bool ok = gather_pieces(rx, g);
		bool split = g->reqs.nr > 1 && !rx->backend->mergeable;

		if (!ok || split) {
			gather_undo(rx, g);
			return split || all_posted(rx) ? -EMSGSIZE : -EAGAIN;
		}
	}

	hlist_for_each_entry_safe(buf, next, &g->bufs, node)
		mp_rx_buf_free(rx, buf);
	return 0;
}

/* Virtio header, and a tag that the stack took out. */
static void write_head(const struct mp_rx *rx, struct gather *g)
{
	struct virtio_net_hdr_mrg_rxbuf *vnet = (void *)g->head;
	const struct sk_buff *skb = g->skb;
	bool tagged = skb_vlan_tag_present(skb);
	__be16 *tag;

	if (virtio_net_hdr_from_skb(skb, &vnet->hdr, true,
				    mp_port_takes_csum(rx->port),
				    tagged ? VLAN_HLEN : 0))
		net_warn_ratelimited("%s: mpassthru: GSO packet of unknown type %x\n",
				     skb->dev->name, skb_shinfo(skb)->gso_type);
	vnet->num_buffers = __cpu_to_virtio16(true, g->reqs.nr);
	if (!tagged)
		return;

	memcpy(g->head + rx->backend->hdr_len, skb->data, g->skip);
	tag = (__be16 *)(g->head + rx->backend->hdr_len + g->skip);
	tag[0] = skb->vlan_proto;
	tag[1] = htons(skb_vlan_tag_get(skb));
}

/*
 * Copies @len bytes of what the guest is to see, from @pos on, to the start of
 * a request.
 */
static int write_request(const struct gather *g, const struct mp_request *req,
			 u32 pos, u32 len)
{
	u32 n = 0;

	if (pos < g->head_len) {
		n = min(len, g->head_len - pos);
		mp_request_write(req, 0, g->head + pos, n);
	}
	return mp_request_write_skb(req, n, g->skb,
				    pos + n - g->head_len + g->skip, len - n);
}

static void count(const struct mp_rx *rx, const struct gather *g, u32 copied)
{
	struct mp_port *port = rx->port;
	const struct sk_buff *skb = g->skb;
	u32 len = skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
	u32 payload = rx->mode == MP_MODE_HEADER_SPLIT ? skb->data_len :
							 len - ETH_HLEN;

	this_cpu_inc(port->stats->rx.packets);
	this_cpu_add(port->stats->rx.bytes, len);
	this_cpu_add(port->stats->rx.payload_bytes, payload);
	this_cpu_add(port->stats->rx.zerocopy_bytes, g->placed);
	this_cpu_add(port->stats->rx.copied_bytes,
		     copied + g->bounced - rx->backend->hdr_len);
	if (!payload)
		this_cpu_inc(port->stats->rx.copied[MP_COPY_HEADERS]);
	else if (g->why >= 0)
		this_cpu_inc(port->stats->rx.copied[g->why]);
	else if (g->placed)
		this_cpu_inc(port->stats->rx.zerocopy_packets);
	else
		this_cpu_inc(port->stats->rx.copied[rx->why_copy]);
}

/*
 * Writes what is not there yet, and hands the requests to the backend.  BH off,
 * without rx->lock.
 */
static void put(struct mp_rx *rx, struct gather *g)
{
	struct mp_request *req;
	u32 copied = 0;
	u32 pos = 0;

	write_head(rx, g);
	for (req = g->reqs.first; req; req = req->next) {
		u32 n = req->state == MP_REQ_POSTED ? req->used : g->prefix;

		if (n && WARN_ON_ONCE(write_request(g, req, pos, n)))
			break;
		copied += n;
		pos += req->used;
	}
	for (req = g->reqs.first; req; req = req->next)
		req->state = MP_REQ_BACKEND;

	count(rx, g, copied);
	trace_mp_rx_receive(g->skb->dev, g->skb->len, g->placed, g->reqs.nr,
			    (struct virtio_net_hdr *)g->head);
	consume_skb(g->skb);
	rx->backend->ops->rx_done(rx->backend, &g->reqs);
}

/* Not under rx->lock: the end of a frame that the NIC wrote takes it. */
static void drop(struct mp_port *port, struct sk_buff *skb,
		 enum mp_drop_reason why)
{
	this_cpu_inc(port->stats->rx.dropped[why]);
	kfree_skb(skb);
}

/* Lets a frame wait for read(), or for requests.  -ENOBUFS: too many do. */
static int enqueue(struct mp_port *port, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &port->sk.sk_receive_queue;

	if (skb_queue_len_lockless(queue) >= MP_QUEUE_MAX ||
	    atomic_read(&port->waiting) >= MP_QUEUE_BYTES)
		return -ENOBUFS;
	/* A sender on this host must not pay for a guest that does not read. */
	if (skb->sk)
		skb_orphan(skb);
	atomic_add(skb->truesize, &port->waiting);
	skb_queue_tail(queue, skb);
	port->sk.sk_data_ready(&port->sk);
	return 0;
}

/* Frames keep their order: nobody overtakes the queue. */
static void deliver(struct mp_port *port, struct sk_buff *skb)
{
	struct mp_rx *rx = rcu_dereference(port->rx);
	int err = -EAGAIN;
	struct gather g;

	if (!rx) {
		if (enqueue(port, skb))
			drop(port, skb, MP_DROP_QUEUE_FULL);
		return;
	}

	spin_lock(&rx->lock);
	if (mp_rx_none_waits(rx))
		err = gather(rx, &g, skb);
	if (err == -EAGAIN) {
		err = enqueue(port, skb) ?: -EAGAIN;
		rx->backend->ops->rx_short(rx->backend);
	}
	spin_unlock(&rx->lock);

	if (!err)
		put(rx, &g);
	else if (err == -EMSGSIZE)
		drop(port, skb, MP_DROP_TOO_BIG);
	else if (err == -ENOBUFS)
		drop(port, skb, MP_DROP_QUEUE_FULL);
}

/**
 * mp_frame_drain() - deliver queued frames as far as there are requests
 * @port: the port
 * @rx: its receive side
 *
 * Context: process context; whoever calls keeps @rx alive.
 */
void mp_frame_drain(struct mp_port *port, struct mp_rx *rx)
{
	struct sk_buff_head *queue = &port->sk.sk_receive_queue;
	struct sk_buff *skb;
	struct gather g;

	if (skb_queue_empty_lockless(queue))
		return;

	spin_lock_bh(&rx->lock);
	while (!rx->draining && (skb = skb_dequeue(queue))) {
		int err;

		atomic_sub(skb->truesize, &port->waiting);
		err = gather(rx, &g, skb);

		if (err == -EAGAIN) {
			atomic_add(skb->truesize, &port->waiting);
			skb_queue_head(queue, skb);
			rx->backend->ops->rx_short(rx->backend);
			break;
		}
		rx->draining = true;
		spin_unlock(&rx->lock);
		if (err)
			drop(port, skb, MP_DROP_TOO_BIG);
		else
			put(rx, &g);
		spin_lock(&rx->lock);
		rx->draining = false;
	}
	spin_unlock_bh(&rx->lock);
}

/* What the guest did not agree to take is made to suit it, as tap does. */
static void deliver_segments(struct mp_port *port, struct sk_buff *skb,
			     netdev_features_t features)
{
	struct sk_buff *segs = __skb_gso_segment(skb, features, false);
	struct sk_buff *seg, *next;

	if (IS_ERR_OR_NULL(segs)) {
		drop(port, skb, MP_DROP_NO_MEMORY);
		return;
	}
	skb_list_walk_safe(segs, seg, next)
		mp_rx_skb_inherit(seg, skb);
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		deliver(port, seg);
	}
}

/**
 * mp_frame_handle() - rx_handler of a bound interface
 * @pskb: the frame, data behind the Ethernet header
 *
 * Context: softirq (or BH disabled) in an RCU read section.
 * Return: %RX_HANDLER_CONSUMED; %RX_HANDLER_PASS for what the host sent itself.
 */
rx_handler_result_t mp_frame_handle(struct sk_buff **pskb)
{
	netdev_features_t features;
	struct sk_buff *skb = *pskb;
	struct mp_link *link;
	struct mp_port *port;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return RX_HANDLER_PASS;
	link = rcu_dereference(skb->dev->rx_handler_data);
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb))
		return RX_HANDLER_CONSUMED;
	port = mp_link_port(link, skb);
	if (unlikely(!port)) {
		kfree_skb(skb);
		return RX_HANDLER_CONSUMED;
	}
	skb_push(skb, ETH_HLEN);

	features = MP_FEATURES;
	if (port->flags & IFF_VNET_HDR)
		features |= READ_ONCE(port->features);
	if (netif_needs_gso(skb, features)) {
		deliver_segments(port, skb, features);
		return RX_HANDLER_CONSUMED;
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    !(features & NETIF_F_CSUM_MASK) && skb_checksum_help(skb)) {
		drop(port, skb, MP_DROP_NO_MEMORY);
		return RX_HANDLER_CONSUMED;
	}
	deliver(port, skb);
	return RX_HANDLER_CONSUMED;
}
