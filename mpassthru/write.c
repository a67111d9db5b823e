// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmit without requests: a frame that write() or the in-tree vhost-net brings.
 */
#include <linux/etherdevice.h>
#include <linux/if_tun.h>
#include <linux/if_vlan.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "tx.h"

/**
 * struct loan - user memory in a frame on its way
 * @ubuf: told when the frame is gone
 * @lender: the sender's own completion, to be told then.  The sender keeps the
 *	port until it is.
 * @port: the port
 * @len: bytes lent
 */
struct loan {
	struct ubuf_info ubuf;
	struct ubuf_info *lender;
	struct mp_port *port;
	u32 len;
};

/* Any context up to softirq. */
static void loan_back(struct sk_buff *skb, struct ubuf_info *ubuf, bool zerocopy)
{
	struct loan *loan = container_of(ubuf, struct loan, ubuf);

	if (!refcount_dec_and_test(&ubuf->refcnt))
		return;

	rcu_read_lock_bh();
	mp_tx_gone(loan->port, loan->len, zerocopy);
	mp_ubuf_complete(loan->lender, skb, zerocopy);
	rcu_read_unlock_bh();
	kfree(loan);
}

MP_UBUF_OPS(loan_ops, loan_back);

static struct loan *loan_alloc(struct mp_port *port, struct ubuf_info *lender,
			       u32 len)
{
	struct loan *loan = kmalloc(sizeof(*loan), GFP_KERNEL);

	if (!loan)
		return NULL;
	mp_ubuf_init(&loan->ubuf, &loan_ops, SKBFL_ZEROCOPY_FRAG);
	loan->lender = lender;
	loan->port = port;
	loan->len = len;
	return loan;
}

/* From here on the packet's end is the loan's. */
static void loan_start(struct loan *loan, struct sk_buff *skb)
{
	atomic_inc(&loan->port->tx_inflight);
	skb_zcopy_init(skb, &loan->ubuf);
}

/* Says that a frame is not sent, and why. */
static int refuse(struct mp_port *port, enum mp_drop_reason why, int err)
{
	local_bh_disable();
	this_cpu_inc(port->stats->tx.packets);
	this_cpu_inc(port->stats->tx.dropped[why]);
	this_cpu_inc(port->stats->tx.failed);
	local_bh_enable();
	return err;
}

/* Takes the virtio header, and leaves the frame. */
static int take_head(struct mp_port *port, struct iov_iter *from,
		     struct mp_tx_head *head)
{
	int hdr_len = READ_ONCE(port->vnet_hdr_len);

	memset(head, 0, sizeof(*head));
	if (port->flags & IFF_VNET_HDR) {
		if (iov_iter_count(from) < hdr_len)
			return refuse(port, MP_DROP_BAD_HEADER, -EINVAL);
		if (!copy_from_iter_full(&head->vnet, sizeof(head->vnet), from))
			return -EFAULT;
		iov_iter_advance(from, hdr_len - sizeof(head->vnet));
	}
	if (iov_iter_count(from) > MP_TX_MAX)
		return refuse(port, MP_DROP_BAD_HEADER, -EMSGSIZE);
	head->frame = iov_iter_count(from);
	if (mp_tx_parse(head, mp_port_is_le(port)))
		return refuse(port, MP_DROP_BAD_HEADER, -EINVAL);
	return 0;
}

static bool fits_frags(const struct iov_iter *from, u32 off)
{
	struct iov_iter rest = *from;

	iov_iter_advance(&rest, off);
	return iov_iter_npages(&rest, MAX_SKB_FRAGS + 1) <= MAX_SKB_FRAGS;
}

/* Why the payload is copied, &enum mp_copy_reason; negative if it stays. */
static int why_copy(const struct mp_tx_head *head, const struct iov_iter *from,
		    const struct ubuf_info *lender)
{
	if (!lender)
		return MP_COPY_NO_BACKEND;
	if (mp_tx_small(head))
		return MP_COPY_SMALL;
	if (!fits_frags(from, head->linear))
		return MP_COPY_FRAGS;
	return -1;
}

/* A packet with the frame's first @copy bytes, and pages of the sender's. */
static struct sk_buff *make_skb(struct mp_port *port, struct iov_iter *from,
				u32 frame, u32 copy, bool nonblock)
{
	u32 linear = min_t(u32, copy, MP_TX_LINEAR_MAX);
	struct sk_buff *skb;
	int err;

	skb = sock_alloc_send_pskb(&port->sk, MAX_HEADER + linear, copy - linear,
				   nonblock, &err, PAGE_ALLOC_COSTLY_ORDER);
	if (!skb)
		return ERR_PTR(err);
	skb_reserve(skb, MAX_HEADER);
	skb_put(skb, linear);
	skb->data_len = copy - linear;
	skb->len += copy - linear;
	if (copy < frame)
		err = zerocopy_sg_from_iter(skb, from);
	else
		err = skb_copy_datagram_from_iter(skb, 0, from, frame);
	if (!err)
		return skb;
	kfree_skb(skb);
	return ERR_PTR(err);
}

static void count(struct mp_port *port, const struct mp_tx_head *head, int why)
{
	this_cpu_inc(port->stats->tx.packets);
	this_cpu_add(port->stats->tx.bytes, head->frame);
	this_cpu_add(port->stats->tx.payload_bytes, head->frame - head->linear);
	if (why < 0) {
		this_cpu_add(port->stats->tx.copied_bytes, head->linear);
		return;
	}
	this_cpu_add(port->stats->tx.copied_bytes, head->frame);
	this_cpu_inc(port->stats->tx.copied[why]);
	this_cpu_inc(port->stats->tx.completed);
}

/* RCU, BH off.  On an error the packet and the loan are the caller's as before. */
static int send(struct mp_port *port, struct sk_buff *skb,
		const struct mp_tx_head *head, struct loan *loan, int why)
{
	struct net_device *dev = rcu_dereference_bh(port->dev);
	struct mp_burst burst;

	if (!dev)
		return refuse(port, MP_DROP_NO_LINK, -ENOLINK);
	if (!(dev->flags & IFF_UP))
		return refuse(port, MP_DROP_NO_LINK, -EIO);
	if (!mp_tx_fits(dev, head) ||
	    mp_tx_finish(skb, dev, &head->vnet, mp_port_is_le(port)))
		return refuse(port, MP_DROP_BAD_HEADER, -EINVAL);

	count(port, head, why);
	if (loan)
		loan_start(loan, skb);
	mp_burst_begin(&burst, port, dev);
	mp_tx_xmit(port, &burst, skb, head);
	mp_burst_end(&burst);
	return 0;
}

/**
 * mp_tx_write() - transmit one frame
 * @port: the port
 * @from: virtio header and frame
 * @lender: told when the memory behind @from is not needed any more, which may
 *	be later than the return; NULL if that is too late.  Not told on an error.
 *	The caller keeps @port until then.
 * @flags: MSG_DONTWAIT
 *
 * Context: process context.
 * Return: bytes taken; -ENOLINK: not bound; -EIO: interface down; -EINVAL: the
 * virtio header makes no sense; -EMSGSIZE; -EAGAIN: the send buffer is full;
 * -ENOBUFS or -ENOMEM; -EFAULT.
 */
ssize_t mp_tx_write(struct mp_port *port, struct iov_iter *from,
		    struct ubuf_info *lender, int flags)
{
	size_t total = iov_iter_count(from);
	struct loan *loan = NULL;
	struct mp_tx_head head;
	struct sk_buff *skb;
	int err, why;

	err = take_head(port, from, &head);
	if (err)
		return err;
	why = why_copy(&head, from, lender);
	if (why < 0) {
		head.lent = head.frame - head.linear;
		loan = loan_alloc(port, lender, head.lent);
		if (!loan)
			return -ENOMEM;
	}
	skb = make_skb(port, from, head.frame, loan ? head.linear : head.frame,
		       flags & MSG_DONTWAIT);
	if (IS_ERR(skb)) {
		kfree(loan);
		return PTR_ERR(skb);
	}

	rcu_read_lock_bh();
	err = send(port, skb, &head, loan, why);
	rcu_read_unlock_bh();
	if (err) {
		kfree_skb(skb);
		kfree(loan);
		return err;
	}
	if (lender && !loan)
		mp_ubuf_complete(lender, NULL, true);
	return total;
}
