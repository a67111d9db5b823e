/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page constructor of mpassthru in virtio_net.
 *
 * virtio_net.c includes this file in front of its receive functions and calls it at
 * the few places that the patch beside it adds.  <mp/nic.h> has the contract.  From
 * top to bottom: what the device can do, arming a buffer, cleaning it, stopping and
 * starting, the calls of mpassthru.
 *
 * A buffer is a chain of two descriptors: the virtio header, in memory of ours, and
 * the slot.  The device writes no more to each than it is long, whatever comes by the
 * wire.
 *
 * A virtio device gives back a buffer that it did not use only if its queue is reset
 * (VIRTIO_F_RING_RESET) or all of it.  So a ring has either stock buffers or ours, of
 * one constructor, from one reset to the next, also while the interface is down; and
 * a device that can only be reset as a whole stays stock.
 *
 * vi->mp_queue[i] belongs to receive queue i, whichever ring that has: rings are made
 * anew when the machine wakes up.
 */
#ifndef _MP_VIRTIO_NET_H
#define _MP_VIRTIO_NET_H

#include <mp/nic.h>

#define MP_VIRTNET_FRAME_MAX	VLAN_ETH_FRAME_LEN

/* Longer than any virtio header that there is */
#define MP_VIRTNET_HDR_MAX	64

/* Frames after which the ring is filled again */
#define MP_VIRTNET_BATCH	16

/* What the device writes has cache lines of its own. */
struct mp_virtnet_buf {
	struct mp_virtnet_buf *next;
	struct mp_rx_slot slot;
	union {
		struct virtio_net_hdr_mrg_rxbuf hdr;
		u8 room[MP_VIRTNET_HDR_MAX];
	} ____cacheline_aligned;
};

/* of virtio_net.c, defined behind this file's place */
static void virtnet_rq_unmap_free_buf(struct virtqueue *vq, void *buf);
static int virtnet_clear_guest_offloads(struct virtnet_info *vi);
static int virtnet_restore_guest_offloads(struct virtnet_info *vi);

/*
 * Why receive has to be stock, or NULL.  A frame must come as it was on the wire and
 * whole.  MTU and XDP can change under constructors, receive is stock for as long as
 * they do not fit.
 */
static const char *mp_virtnet_unable(struct virtnet_info *vi)
{
	if (!netif_device_present(vi->dev))
		return "the device is asleep";
	if (!virtio_has_feature(vi->vdev, VIRTIO_F_RING_RESET))
		return "the device cannot reset a queue";
	if (!vi->any_header_sg || vi->hdr_len > MP_VIRTNET_HDR_MAX)
		return "the device cannot have header and frame apart";
	if (vi->guest_offloads &&
	    !virtio_has_feature(vi->vdev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return "the device cannot turn its offloads off";
	if (vi->dev->mtu > ETH_DATA_LEN)
		return "the MTU is too large";
	if (vi->xdp_enabled)
		return "there is an XDP program";

	return NULL;
}

/* Those that can have constructors */
static unsigned int mp_virtnet_queues(struct virtnet_info *vi)
{
	return min_t(unsigned int, vi->max_queue_pairs, MP_VIRTNET_QUEUES);
}

/* A queue whose ring has buffers of ours, else NULL */
static struct mp_virtnet_queue *mp_virtnet_on(struct virtqueue *vq)
{
	struct virtnet_info *vi = vq->vdev->priv;
	unsigned int i = vq2rxq(vq);

	if (i >= MP_VIRTNET_QUEUES || !vi->mp_queue[i].rx)
		return NULL;

	return &vi->mp_queue[i];
}

/*
 * The slot's address is a physical one (mp_nic_ops.phys): it is for virtio to know
 * whether the device has other ones.
 */
static int mp_virtnet_arm(struct virtqueue *vq, struct mp_virtnet_queue *queue)
{
	struct virtnet_info *vi = vq->vdev->priv;
	const u32 room = MP_VIRTNET_FRAME_MAX;
	struct mp_virtnet_buf *buf = queue->free;
	struct scatterlist sg[2];
	dma_addr_t addr;
	int err;

	if (!buf || vq->num_free < ARRAY_SIZE(sg) ||
	    !mp_rx_construct(queue->rx, &buf->slot, &room, 1))
		return -ENOBUFS;

	addr = buf->slot.dma[0];
	sg_init_table(sg, ARRAY_SIZE(sg));
	sg_set_buf(&sg[0], &buf->hdr, vi->hdr_len);
	sg_set_page(&sg[1], pfn_to_page(PHYS_PFN(addr)), room,
		    offset_in_page(addr));
	err = virtqueue_add_inbuf(vq, sg, ARRAY_SIZE(sg), buf, GFP_ATOMIC);
	if (err) {
		mp_rx_discard(queue->rx, &buf->slot);
		return err;
	}
	queue->free = buf->next;

	return 0;
}

/*
 * Instead of try_fill_recv(), if mp_virtnet_on().  False is for lack of memory, and
 * to be tried again.  A ring that is not in use gets nothing.
 */
static bool mp_virtnet_fill(struct receive_queue *rq)
{
	struct mp_virtnet_queue *queue = mp_virtnet_on(rq->vq);
	struct virtnet_info *vi = rq->vq->vdev->priv;
	bool armed = false;
	int err;

	if (!netif_running(vi->dev) || vq2rxq(rq->vq) >= vi->curr_queue_pairs)
		return true;

	local_bh_disable();
	while (!(err = mp_virtnet_arm(rq->vq, queue)))
		armed = true;
	if (armed)
		virtqueue_kick(rq->vq);
	local_bh_enable();

	return err != -ENOMEM;
}

static void mp_virtnet_put(struct mp_virtnet_queue *queue,
			   struct mp_virtnet_buf *buf)
{
	buf->next = queue->free;
	queue->free = buf;
}

/*
 * What the wire brings can be longer than a buffer, and so be in several.  When
 * offloads are turned off there may be packets on their way that still had them.
 */
static bool mp_virtnet_frame_ok(struct virtnet_info *vi,
				struct mp_virtnet_queue *queue,
				const struct virtio_net_hdr_mrg_rxbuf *hdr,
				unsigned int len)
{
	u16 nr = 1;

	if (queue->rest) {
		queue->rest--;
		return false;
	}

	if (vi->mergeable_rx_bufs)
		nr = virtio16_to_cpu(vi->vdev, hdr->num_buffers);
	if (nr > 1) {
		queue->rest = nr - 1;
		return false;
	}

	return len >= vi->hdr_len + ETH_HLEN &&
	       hdr->hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE &&
	       !(hdr->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
}

/* Ends the slot of a buffer that the device has used; the frame's length, or 0 */
static unsigned int mp_virtnet_take(struct receive_queue *rq,
				    struct mp_virtnet_buf *buf,
				    unsigned int len)
{
	struct mp_virtnet_queue *queue = mp_virtnet_on(rq->vq);
	struct virtnet_info *vi = rq->vq->vdev->priv;
	struct sk_buff *skb;
	bool csum_ok;

	if (!mp_virtnet_frame_ok(vi, queue, &buf->hdr, len)) {
		mp_rx_discard(queue->rx, &buf->slot);
		return 0;
	}

	len -= vi->hdr_len;
	csum_ok = buf->hdr.hdr.flags & VIRTIO_NET_HDR_F_DATA_VALID;
	if (mp_rx_direct(queue->rx, &buf->slot, len, csum_ok))
		return len;

	skb = mp_rx_frame(queue->rx, &rq->napi, &buf->slot, len);
	if (!skb)
		return 0;
	if (csum_ok)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	mp_rx_deliver(queue->rx, &rq->napi, skb);

	return len;
}

static void mp_virtnet_count(struct receive_queue *rq, unsigned int packets,
			     unsigned int bytes, unsigned int drops)
{
	u64_stats_update_begin(&rq->stats.syncp);
	u64_stats_add(&rq->stats.packets, packets);
	u64_stats_add(&rq->stats.bytes, bytes);
	u64_stats_add(&rq->stats.drops, drops);
	u64_stats_update_end(&rq->stats.syncp);
}

/* Instead of virtnet_receive(), if mp_virtnet_on() */
static int mp_virtnet_receive(struct receive_queue *rq, int budget)
{
	struct mp_virtnet_queue *queue = mp_virtnet_on(rq->vq);
	unsigned int bytes = 0, drops = 0;
	struct mp_virtnet_buf *buf;
	int packets = 0;
	u32 len;

	/* netpoll wants nothing received, and it can have interrupts off */
	if (!budget)
		return 0;

	while (packets < budget && (buf = virtqueue_get_buf(rq->vq, &len))) {
		len = mp_virtnet_take(rq, buf, len);
		mp_virtnet_put(queue, buf);
		bytes += len;
		drops += !len;
		if (++packets % MP_VIRTNET_BATCH == 0)
			mp_virtnet_fill(rq);
	}
	mp_virtnet_count(rq, packets, bytes, drops);

	/* also if nothing came: mp_virtnet_refill() ends here */
	return mp_virtnet_fill(rq) ? packets : budget;
}

/*
 * In virtnet_rq_unmap_free_buf(), which is called for each buffer that is left in a
 * ring when its queue or the device was reset.  False if that is not ours.
 */
static bool mp_virtnet_free_buf(struct virtqueue *vq, void *data)
{
	struct mp_virtnet_queue *queue = mp_virtnet_on(vq);
	struct mp_virtnet_buf *buf = data;

	if (!queue)
		return false;

	local_bh_disable();
	mp_rx_discard(queue->rx, &buf->slot);
	local_bh_enable();
	mp_virtnet_put(queue, buf);
	queue->rest = 0;

	return true;
}

/*
 * Called by mpassthru, from any CPU, as often as it likes.  While the interface is
 * down or the queue is stopped nothing happens here, and NAPI runs once when that is
 * over.  While the machine sleeps there are no queues: the device is detached before
 * they go, which waits for us.
 */
static void mp_virtnet_refill(struct net_device *dev, unsigned int queue)
{
	struct virtnet_info *vi = netdev_priv(dev);

	local_bh_disable();
	rcu_read_lock();
	if (netif_device_present(dev) && queue < vi->max_queue_pairs)
		virtqueue_napi_schedule(&vi->rq[queue].napi, vi->rq[queue].vq);
	rcu_read_unlock();
	local_bh_enable();
}

/* The ring is empty after this. */
static int mp_virtnet_stop(struct virtnet_info *vi, unsigned int i)
{
	struct receive_queue *rq;
	int err;

	if (!netif_device_present(vi->dev))
		return 0;

	rq = &vi->rq[i];
	if (netif_running(vi->dev))
		napi_disable(&rq->napi);
	err = virtqueue_reset(rq->vq, virtnet_rq_unmap_free_buf, NULL);
	if (err)
		netdev_err(vi->dev, "receive queue %u cannot be reset (%d)\n",
			   i, err);

	/* A transport that resets queues always does; a device may not come back. */
	WARN_ON_ONCE(vi->mp_queue[i].rx && err && err != -EBUSY);

	return err;
}

/* NAPI fills the ring; while the interface is down virtnet_open() will. */
static void mp_virtnet_start(struct virtnet_info *vi, unsigned int i,
			     struct mp_rx *rx)
{
	vi->mp_queue[i].rx = rx;

	if (!netif_device_present(vi->dev) || !netif_running(vi->dev))
		return;
	napi_enable(&vi->rq[i].napi);
	mp_virtnet_refill(vi->dev, i);
}

/* XDP has turned offloads off as well.  A device that wakes up has all of them. */
static int mp_virtnet_set_offloads(struct virtnet_info *vi, bool off)
{
	if (!netif_device_present(vi->dev))
		return 0;
	if (off)
		return virtnet_clear_guest_offloads(vi);
	if (!vi->xdp_enabled)
		return virtnet_restore_guest_offloads(vi);

	return 0;
}

/*
 * Makes rings what they should be, after constructors, MTU or XDP changed.  Those
 * that stay what they are go on.  All others stop before the first of them starts: a
 * constructor may move from one to another.  If something fails they are stock.
 */
static int mp_virtnet_update(struct virtnet_info *vi)
{
	struct mp_virtnet_queue *queue = vi->mp_queue;
	unsigned int nr = mp_virtnet_queues(vi);
	struct mp_rx *want[MP_VIRTNET_QUEUES];
	bool able = !mp_virtnet_unable(vi);
	bool was = queue->rx;
	unsigned int i;
	int err = 0;

	ASSERT_RTNL();

	for (i = 0; i < nr; i++) {
		want[i] = able ? queue[i].given : NULL;
		if (queue[i].rx != want[i])
			err = mp_virtnet_stop(vi, i) ?: err;
	}

	if (was != !!want[0] && (was || !err))
		err = mp_virtnet_set_offloads(vi, want[0]) ?: err;

	for (i = 0; i < nr; i++)
		if (queue[i].rx != want[i])
			mp_virtnet_start(vi, i, err ? NULL : want[i]);

	return err;
}

static void mp_virtnet_give(struct virtnet_info *vi, struct mp_rx *const *rx,
			    unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < mp_virtnet_queues(vi); i++)
		vi->mp_queue[i].given = i < nr ? rx[i] : NULL;
}

/* For the longest ring: ethtool -G changes the length at any time. */
static int mp_virtnet_alloc(struct virtnet_info *vi, unsigned int nr)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		struct mp_virtnet_queue *queue = &vi->mp_queue[i];
		unsigned int num = vi->rq[i].vq->num_max;

		if (queue->bufs)
			continue;
		queue->bufs = kcalloc(num, sizeof(*queue->bufs),
				      GFP_KERNEL | __GFP_NOWARN);
		if (!queue->bufs)
			return -ENOMEM;
		queue->free = NULL;
		for (j = 0; j < num; j++)
			mp_virtnet_put(queue, &queue->bufs[j]);
	}

	return 0;
}

static void mp_virtnet_free(struct virtnet_info *vi)
{
	unsigned int i;

	for (i = 0; i < mp_virtnet_queues(vi); i++) {
		struct mp_virtnet_queue *queue = &vi->mp_queue[i];

		if (queue->given || queue->rx)
			continue;
		kfree(queue->bufs);
		queue->bufs = NULL;
	}
}

/*
 * Which queue a flow comes by is the device's choice among those that are in use, so
 * each of these must have a constructor.  A guest with more has no more than these.
 */
static int mp_virtnet_check(struct virtnet_info *vi, unsigned int nr)
{
	const char *why = mp_virtnet_unable(vi);

	if (!why && nr != vi->curr_queue_pairs)
		why = "it uses more queues than the guest (ethtool -L)";
	if (!why)
		return 0;

	netdev_warn(vi->dev, "no zero-copy receive: %s\n", why);

	return -EOPNOTSUPP;
}

static int mp_virtnet_set_rx(struct net_device *dev, struct mp_rx *const *rx,
			     unsigned int nr)
{
	struct virtnet_info *vi = netdev_priv(dev);
	int err = 0;

	ASSERT_RTNL();

	if (nr)
		err = mp_virtnet_check(vi, nr) ?: mp_virtnet_alloc(vi, nr);
	if (!err) {
		mp_virtnet_give(vi, rx, nr);
		err = mp_virtnet_update(vi);
	}
	if (err) {
		mp_virtnet_give(vi, NULL, 0);
		mp_virtnet_update(vi);
	}
	mp_virtnet_free(vi);

	return err;
}

/* The driver has none, for which the stack does no more than the first line. */
static int mp_virtnet_change_mtu(struct net_device *dev, int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
	mp_virtnet_update(netdev_priv(dev));

	return 0;
}

/* After the administrator's offloads were set */
static void mp_virtnet_offloads(struct virtnet_info *vi)
{
	if (vi->mp_queue[0].rx)
		mp_virtnet_set_offloads(vi, true);
}

/*
 * The last thing in virtnet_restore_up(): a device that wakes up has all its offloads,
 * and until now refills were lost.
 */
static void mp_virtnet_restore(struct virtnet_info *vi)
{
	unsigned int i;

	rtnl_lock();
	mp_virtnet_offloads(vi);
	mp_virtnet_update(vi);
	for (i = 0; i < mp_virtnet_queues(vi); i++)
		mp_virtnet_refill(vi->dev, i);
	rtnl_unlock();
}

static const struct mp_nic_ops mp_virtnet_ops = {
	.modes		= BIT(MP_MODE_WHOLE_FRAME),
	.queues		= MP_VIRTNET_QUEUES,
	.phys		= true,
	.set_rx		= mp_virtnet_set_rx,
	.refill		= mp_virtnet_refill,
};

/* The last thing in virtnet_probe() */
static void mp_virtnet_probe(struct virtnet_info *vi)
{
	mp_nic_register(vi->dev, &mp_virtnet_ops);
}

/* Before anything is taken down: this resets queues once more */
static void mp_virtnet_remove(struct virtnet_info *vi)
{
	mp_nic_unregister(vi->dev);
}

#endif /* _MP_VIRTIO_NET_H */
