// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/net/mp
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/poll.h>
#include <linux/uio.h>

#include "port.h"

static void port_free(struct sock *sk)
{
	struct mp_port *port = container_of(sk, struct mp_port, sk);

	skb_queue_purge(&sk->sk_receive_queue);
	free_percpu(port->stats);
}

static int mp_open(struct inode *inode, struct file *file)
{
	struct net *net = current->nsproxy->net_ns;
	struct mp_stats __percpu *stats;
	struct mp_port *port;
	struct sock *sk;

	stats = alloc_percpu(struct mp_stats);
	if (!stats)
		return -ENOMEM;
	sk = sk_alloc(net, AF_UNSPEC, GFP_KERNEL, &mp_proto, 0);
	if (!sk) {
		free_percpu(stats);
		return -ENOMEM;
	}

	port = container_of(sk, struct mp_port, sk);
	port->stats = stats;
	atomic_set(&port->tx_inflight, 0);
	atomic_set(&port->waiting, 0);
	init_waitqueue_head(&port->tx_idle);
	mp_tx_late_init(port);
	mp_socket_init(port, file);
	sk->sk_destruct = port_free;
	file->private_data = port;
	stream_open(inode, file);
	return 0;
}

static int mp_release(struct inode *inode, struct file *file)
{
	struct mp_port *port = file->private_data;

	mp_port_unbind(port);
	WARN_ON_ONCE(rcu_access_pointer(port->rx) ||
		     !list_empty(&port->late.waiting));
	sock_put(&port->sk);
	return 0;
}

static long mp_ioctl_bind(struct mp_port *port, void __user *arg)
{
	struct mp_bind bind;
	u32 size;
	int err;

	if (get_user(size, (u32 __user *)arg))
		return -EFAULT;
	if (size < offsetofend(struct mp_bind, ifname) || size > PAGE_SIZE)
		return -EINVAL;
	err = copy_struct_from_user(&bind, sizeof(bind), arg, size);
	if (err)
		return err;
	if (bind.flags & ~(MP_BIND_MAC | MP_BIND_QDISC_BYPASS | MP_BIND_QUEUE) ||
	    memchr_inv(bind.mac_reserved, 0, sizeof(bind.mac_reserved)) ||
	    memchr_inv(bind.reserved, 0, sizeof(bind.reserved)) ||
	    strnlen(bind.ifname, MP_IFNAMSIZ) == MP_IFNAMSIZ)
		return -EINVAL;
	return mp_port_bind(port, current->nsproxy->net_ns, &bind);
}

static long mp_ioctl_get(struct mp_port *port, void __user *arg)
{
	struct mp_info info = {};
	u32 ask[8], size;
	int err;

	if (copy_from_user(ask, arg, sizeof(ask)))
		return -EFAULT;
	size = ask[0];
	if (size < offsetofend(struct mp_info, ifname) || size > PAGE_SIZE)
		return -EINVAL;
	info.flags = ask[1];
	info.ifindex = ask[2];
	info.queue = ask[7];

	err = mp_stats_get(port, current->nsproxy->net_ns, &info);
	if (err)
		return err;
	info.size = sizeof(info);
	if (copy_to_user(arg, &info, min_t(u32, size, sizeof(info))))
		return -EFAULT;
	if (size > sizeof(info) &&
	    clear_user(arg + sizeof(info), size - sizeof(info)))
		return -EFAULT;
	return 0;
}

static long mp_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mp_port *port = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case MP_BIND:
		return mp_ioctl_bind(port, argp);
	case MP_UNBIND:
		return mp_port_unbind(port);
	case MP_GET:
		return mp_ioctl_get(port, argp);
	default:
		return mp_tap_ioctl(port, cmd, arg);
	}
}

static ssize_t mp_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;

	return mp_socket_read(file->private_data, to,
			      file->f_flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
}

static ssize_t mp_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;

	return mp_socket_write(file->private_data, from,
			       file->f_flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
}

static __poll_t mp_poll(struct file *file, poll_table *wait)
{
	return mp_socket_poll(file->private_data, file, wait);
}

const struct file_operations mp_fops = {
	.owner		= THIS_MODULE,
	.open		= mp_open,
	.release	= mp_release,
	.read_iter	= mp_read_iter,
	.write_iter	= mp_write_iter,
	.poll		= mp_poll,
	.unlocked_ioctl	= mp_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice mp_miscdev = {
	.minor		= MISC_DYNAMIC_MINOR,
	.name		= "mp",
	.nodename	= "net/mp",
	.fops		= &mp_fops,
};

int mp_chardev_init(void)
{
	return misc_register(&mp_miscdev);
}

void mp_chardev_exit(void)
{
	misc_deregister(&mp_miscdev);
}
