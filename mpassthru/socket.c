// SPDX-License-Identifier: GPL-2.0-only
/*
 * The port as a socket: batches of requests for backends, single frames for
 * read(), write() and the in-tree vhost-net.
 */
#include <linux/if_tun.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/rtnetlink.h>
#include <linux/uio.h>
#include <linux/virtio_net.h>

#include "port.h"

struct proto mp_proto = {
	.name		= "mpassthru",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct mp_port),
};

/* What the guest sees of it, with a tag that the stack took out. */
static u32 frame_len(const struct sk_buff *skb)
{
	return skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
}

static struct mp_batch *msg_batch(const struct msghdr *msg)
{
	struct mp_batch *batch = msg->msg_control;

	return batch && batch->type == MP_MSG_BATCH ? batch : NULL;
}

/**
 * mp_sendmsg() - transmit
 * @sock: the port
 * @msg: a &struct mp_batch in msg_control, or one frame (virtio header first) in
 *	msg_iter, as tap takes it: with a &struct tun_msg_ctl of %TUN_MSG_UBUF its
 *	memory may be in use until that says that it is not
 * @total_len: bytes in msg_iter
 *
 * Context: process context.
 * Return: 0 for a batch, else @total_len or an errno.
 */
static int mp_sendmsg(struct socket *sock, struct msghdr *msg, size_t total_len)
{
	struct mp_port *port = mp_port_of_sock(sock);
	struct mp_batch *batch = msg->msg_control;
	struct tun_msg_ctl *ctl = msg->msg_control;

	static_assert(offsetof(struct mp_batch, type) ==
		      offsetof(struct tun_msg_ctl, type));
	if (!ctl)
		return mp_tx_write(port, &msg->msg_iter, NULL, msg->msg_flags);
	switch (ctl->type) {
	case MP_MSG_BATCH:
		mp_tx_batch(port, &batch->reqs);
		return 0;
	case TUN_MSG_UBUF:
		return mp_tx_write(port, &msg->msg_iter, ctl->ptr,
				   msg->msg_flags);
	default:		/* TUN_MSG_PTR: see mp_socket_set_sndbuf() */
		return -EINVAL;
	}
}

/**
 * mp_recvmsg() - receive
 * @sock: the port
 * @msg: a &struct mp_batch of requests to post, or room for one frame
 * @total_len: bytes of room
 * @flags: MSG_DONTWAIT, MSG_TRUNC
 *
 * Context: process context.
 * Return: 0 for a batch, else the frame's length with its header or an errno.
 */
static int mp_recvmsg(struct socket *sock, struct msghdr *msg, size_t total_len,
		      int flags)
{
	struct mp_port *port = mp_port_of_sock(sock);
	struct mp_batch *batch = msg_batch(msg);
	struct mp_rx *rx;

	if (!batch)
		return mp_socket_read(port, &msg->msg_iter, flags);

	/* Only a backend posts, and between start and stop rx stays. */
	rx = rcu_dereference_protected(port->rx, port->backend);
	if (WARN_ON_ONCE(!rx))
		return -ENOTCONN;
	mp_rx_post(rx, &batch->reqs);
	return 0;
}

/* How long the next frame is, 0 if there is none.  vhost-net polls it. */
static int mp_peek_len(struct socket *sock)
{
	struct sk_buff_head *queue = &sock->sk->sk_receive_queue;
	const struct sk_buff *skb;
	unsigned long flags;
	int len = 0;

	spin_lock_irqsave(&queue->lock, flags);
	skb = skb_peek(queue);
	if (skb)
		len = frame_len(skb);
	spin_unlock_irqrestore(&queue->lock, flags);
	return len;
}

static const struct proto_ops mp_proto_ops = {
	.owner		= THIS_MODULE,
	.family		= AF_UNSPEC,
	.sendmsg	= mp_sendmsg,
	.recvmsg	= mp_recvmsg,
	.peek_len	= mp_peek_len,
};

static void write_space(struct sock *sk)
{
	if (sock_writeable(sk))
		wake_up_interruptible_poll(sk_sleep(sk), EPOLLOUT |
					   EPOLLWRNORM | EPOLLWRBAND);
}

/*
 * INT_MAX means no limit, and would make vhost-net pass batches of copies in a
 * form that differs between kernels (%TUN_MSG_PTR).  One byte less means as much.
 */
void mp_socket_set_sndbuf(struct mp_port *port, int bytes)
{
	WRITE_ONCE(port->sk.sk_sndbuf, min(bytes, INT_MAX - 1));
}

/* Makes a fresh port a socket, with the defaults of a tap device. */
void mp_socket_init(struct mp_port *port, struct file *file)
{
	struct socket *sock = &port->sock;

	init_waitqueue_head(&sock->wq.wait);
	sock->type = SOCK_RAW;
	sock->state = SS_CONNECTED;
	sock->file = file;
	sock->ops = &mp_proto_ops;
	sock_init_data(sock, &port->sk);
	mp_socket_set_sndbuf(port, port->sk.sk_sndbuf);
	sock_set_flag(&port->sk, SOCK_ZEROCOPY);	/* we take TUN_MSG_UBUF */
	port->sk.sk_write_space = write_space;
	sock_set_flag(&port->sk, SOCK_RCU_FREE);	/* for sent() */
	port->flags = IFF_VNET_HDR | IFF_NO_PI | IFF_TAP;
	port->vnet_hdr_len = sizeof(struct virtio_net_hdr);
}

__poll_t mp_socket_poll(struct mp_port *port, struct file *file,
			poll_table *wait)
{
	struct sock *sk = &port->sk;
	__poll_t mask = 0;

	poll_wait(file, sk_sleep(sk), wait);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		mask |= EPOLLHUP;
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (sock_writeable(sk))
		mask |= EPOLLOUT | EPOLLWRNORM;
	else
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	return mask;
}

static int put_vnet_hdr(const struct mp_port *port, const struct sk_buff *skb,
			struct iov_iter *to)
{
	int len = READ_ONCE(port->vnet_hdr_len);
	struct virtio_net_hdr_mrg_rxbuf vnet = {};

	if (iov_iter_count(to) < len)
		return -EINVAL;
	if (virtio_net_hdr_from_skb(skb, &vnet.hdr, mp_port_is_le(port),
				    mp_port_takes_csum(port),
				    skb_vlan_tag_present(skb) ? VLAN_HLEN : 0))
		return -EINVAL;
	vnet.num_buffers = __cpu_to_virtio16(mp_port_is_le(port), 1);
	return copy_to_iter(&vnet, len, to) == len ? len : -EFAULT;
}

/* Puts the tag back in where the stack took it out, if it did. */
static int put_frame(const struct sk_buff *skb, struct iov_iter *to)
{
	const int macs = 2 * ETH_ALEN;
	__be16 tag[2];
	int err;

	if (!skb_vlan_tag_present(skb))
		return skb_copy_datagram_iter(skb, 0, to,
					      min_t(size_t, skb->len,
						    iov_iter_count(to)));

	tag[0] = skb->vlan_proto;
	tag[1] = htons(skb_vlan_tag_get(skb));
	if (iov_iter_count(to) < macs + VLAN_HLEN)
		return -EINVAL;
	err = skb_copy_datagram_iter(skb, 0, to, macs);
	if (err)
		return err;
	if (copy_to_iter(tag, VLAN_HLEN, to) != VLAN_HLEN)
		return -EFAULT;
	return skb_copy_datagram_iter(skb, macs, to,
				      min_t(size_t, skb->len - macs,
					    iov_iter_count(to)));
}

static void count_read(struct mp_port *port, const struct sk_buff *skb, u32 len)
{
	local_bh_disable();
	this_cpu_inc(port->stats->rx.packets);
	this_cpu_add(port->stats->rx.bytes, len);
	this_cpu_add(port->stats->rx.payload_bytes, len - ETH_HLEN);
	this_cpu_add(port->stats->rx.copied_bytes, len);
	this_cpu_inc(port->stats->rx.copied[MP_COPY_NO_BACKEND]);
	local_bh_enable();
}

static void count_lost(struct mp_port *port)
{
	local_bh_disable();
	this_cpu_inc(port->stats->rx.dropped[MP_DROP_TOO_BIG]);
	local_bh_enable();
}

/**
 * mp_socket_read() - read one frame
 * @port: the port
 * @to: room; a frame that is longer is cut, or lost if not even its header fits
 * @flags: MSG_DONTWAIT
 *
 * Context: process context.
 * Return: bytes of header and frame, as tap; -EAGAIN; -ENOLINK if the interface is
 * gone.
 */
ssize_t mp_socket_read(struct mp_port *port, struct iov_iter *to, int flags)
{
	struct sk_buff *skb;
	int hdr = 0;
	u32 len;
	int err;

	if (!iov_iter_count(to))
		return 0;
	skb = skb_recv_datagram(&port->sk, flags & MSG_DONTWAIT, &err);
	if (!skb)
		return port->sk.sk_shutdown & RCV_SHUTDOWN ? -ENOLINK : err;
	atomic_sub(skb->truesize, &port->waiting);

	if (port->flags & IFF_VNET_HDR)
		hdr = put_vnet_hdr(port, skb, to);
	err = hdr < 0 ? hdr : put_frame(skb, to);
	len = frame_len(skb);
	if (!err)
		count_read(port, skb, len);
	else if (err == -EINVAL)
		count_lost(port);
	skb_free_datagram(&port->sk, skb);
	return err ? err : hdr + len;
}

ssize_t mp_socket_write(struct mp_port *port, struct iov_iter *from, int flags)
{
	return mp_tx_write(port, from, NULL, flags);
}

/**
 * mp_get_socket() - the socket behind a descriptor
 * @file: any file; the caller's reference keeps the socket
 *
 * Return: the socket, or ERR_PTR(-EINVAL) if @file is not a /dev/net/mp.
 */
struct socket *mp_get_socket(struct file *file)
{
	struct mp_port *port = file->private_data;

	if (file->f_op != &mp_fops)
		return ERR_PTR(-EINVAL);
	return &port->sock;
}
EXPORT_SYMBOL_GPL(mp_get_socket);

/**
 * mp_backend_start() - attach a backend to a port
 * @sock: from mp_get_socket()
 * @backend: constant until mp_backend_stop()
 *
 * The caller holds a reference on the file until mp_backend_stop().
 *
 * Context: process context without RTNL.
 * Return: 0; -ENOLINK: the port is not bound; -EBUSY: it has a backend;
 * -EINVAL: a header length that is not 10 or 12; -ENOMEM.
 */
int mp_backend_start(struct socket *sock, struct mp_backend *backend)
{
	struct mp_port *port = mp_port_of_sock(sock);
	int err;

	if (backend->hdr_len != sizeof(struct virtio_net_hdr) &&
	    backend->hdr_len != sizeof(struct virtio_net_hdr_mrg_rxbuf))
		return -EINVAL;

	rtnl_lock();
	if (!rtnl_dereference(port->dev))
		err = -ENOLINK;
	else if (port->backend)
		err = -EBUSY;
	else
		err = mp_rx_start(port, backend);
	if (!err)
		port->backend = backend;
	rtnl_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(mp_backend_start);

/**
 * mp_backend_stop() - stop receiving for a backend
 * @sock: the port
 * @backend: the backend that mp_backend_start() attached
 *
 * Every receive request is back when this returns, and no NIC writes to the
 * memory behind one.
 *
 * Context: process context without RTNL; may wait for the NIC.  Nobody is in
 * recvmsg with a batch, or will be.
 */
void mp_backend_stop(struct socket *sock, struct mp_backend *backend)
{
	struct mp_port *port = mp_port_of_sock(sock);

	rtnl_lock();
	if (!WARN_ON_ONCE(port->backend != backend)) {
		mp_rx_stop(port);
		port->backend = NULL;
	}
	rtnl_unlock();
}
EXPORT_SYMBOL_GPL(mp_backend_stop);

/**
 * mp_backend_drain() - wait until every transmit request is back
 * @sock: the port
 *
 * Context: process context without RTNL; waits for the NIC.  Nobody is in
 * sendmsg with a batch, or will be.
 */
void mp_backend_drain(struct socket *sock)
{
	mp_tx_drain(mp_port_of_sock(sock));
}
EXPORT_SYMBOL_GPL(mp_backend_drain);
