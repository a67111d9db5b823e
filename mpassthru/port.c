// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: descriptors that are bound to an interface.
 */
#include <linux/etherdevice.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "port.h"

static struct net_device *lookup(struct net *net, const struct mp_bind *bind)
{
	if (bind->ifindex)
		return __dev_get_by_index(net, bind->ifindex);
	return __dev_get_by_name(net, bind->ifname);
}

static int bind_dev(struct mp_port *port, struct net_device *dev,
		    const struct mp_bind *bind)
{
	int err = mp_link_join(dev, port, bind);

	if (err)
		return err;
	port->sk.sk_shutdown = 0;
	if (bind->flags & MP_BIND_QUEUE)
		port->flags |= IFF_MULTI_QUEUE;
	WRITE_ONCE(port->qdisc_bypass, bind->flags & MP_BIND_QDISC_BYPASS);
	rcu_assign_pointer(port->dev, dev);
	return 0;
}

/**
 * mp_port_bind() - bind an interface to a port
 * @port: the port, not bound
 * @net: the caller's network namespace
 * @bind: what is asked for; its reserved fields are checked already
 *
 * Context: process context without RTNL.
 * Return: 0 or the errno that %MP_BIND documents; nothing has changed then.
 */
int mp_port_bind(struct mp_port *port, struct net *net,
		 const struct mp_bind *bind)
{
	struct net_device *dev;
	int err;

	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (bind->mode > MP_MODE_COPY)
		return -EINVAL;
	if (bind->flags & MP_BIND_MAC ? !is_valid_ether_addr(bind->mac) :
					!is_zero_ether_addr(bind->mac))
		return -EINVAL;

	rtnl_lock();
	dev = lookup(net, bind);
	if (rtnl_dereference(port->dev))
		err = -EBUSY;
	else if (!dev)
		err = -ENODEV;
	else
		err = bind_dev(port, dev, bind);
	rtnl_unlock();
	return err;
}

static void unbind_dev(struct mp_port *port)
{
	RCU_INIT_POINTER(port->dev, NULL);
	mp_link_leave(port);
	port->detached = false;
	port->flags &= ~IFF_MULTI_QUEUE;

	/* Readers learn that nothing will come any more. */
	port->sk.sk_shutdown = RCV_SHUTDOWN;
	port->sk.sk_data_ready(&port->sk);
}

/**
 * mp_port_unbind() - leave the interface as mp_port_bind() found it
 * @port: the port
 *
 * Context: process context without RTNL.  No NIC writes to guest memory and no
 * frame reaches the port when this returns.
 * Return: 0, or -ENODEV if the port is not bound.
 */
int mp_port_unbind(struct mp_port *port)
{
	struct net_device *dev;

	rtnl_lock();
	dev = rtnl_dereference(port->dev);
	if (dev)
		unbind_dev(port);
	rtnl_unlock();
	return dev ? 0 : -ENODEV;
}

/**
 * mp_port_set_queue() - let a queue take part, or not
 * @port: the port
 * @attach: whether it does
 *
 * Context: process context without RTNL.
 * Return: 0, or -EINVAL: it is no queue of several, or is so already.
 */
int mp_port_set_queue(struct mp_port *port, bool attach)
{
	int err = -EINVAL;

	rtnl_lock();
	if (port->link && port->link->flags & MP_BIND_QUEUE &&
	    port->detached == attach) {
		port->detached = !attach;
		mp_link_steer(port->link);
		synchronize_net();
		err = 0;
	}
	rtnl_unlock();
	return err;
}

/*
 * Takes what user space accepts, as TUNSETOFFLOAD spells it, and turns it into
 * the features that a packet for it may use.
 */
int mp_port_set_offload(struct mp_port *port, unsigned long offload)
{
	const u32 uso = TUN_F_USO4 | TUN_F_USO6;
	netdev_features_t features = 0;

	if (offload & ~(unsigned long)(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
				       TUN_F_TSO_ECN | TUN_F_UFO | uso))
		return -EINVAL;

	if (offload & TUN_F_CSUM) {
		features = NETIF_F_HW_CSUM;
		if (offload & TUN_F_TSO4)
			features |= NETIF_F_TSO | NETIF_F_TSO_MANGLEID;
		if (offload & TUN_F_TSO6)
			features |= NETIF_F_TSO6;
		if (offload & TUN_F_TSO_ECN &&
		    offload & (TUN_F_TSO4 | TUN_F_TSO6))
			features |= NETIF_F_TSO_ECN;
		if (uso && (offload & uso) == uso)
			features |= NETIF_F_GSO_UDP_L4;
	}

	rtnl_lock();
	port->offload = offload;
	WRITE_ONCE(port->features, features);
	rtnl_unlock();
	return 0;
}

static int netdev_event(struct notifier_block *nb, unsigned long event,
			void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct mp_link *link;
	unsigned int i;

	if (event != NETDEV_UNREGISTER && event != NETDEV_CHANGEMTU)
		return NOTIFY_DONE;
	link = mp_link_of_dev(dev);
	if (!link)
		return NOTIFY_DONE;
	if (event == NETDEV_CHANGEMTU) {
		mp_link_steer(link);	/* what auto chooses goes by the MTU */
		return NOTIFY_DONE;
	}
	for (i = link->nr; i-- > 0;)
		unbind_dev(link->queue[i]);
	return NOTIFY_DONE;
}

static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_event,
};

int mp_port_init(void)
{
	return register_netdevice_notifier(&netdev_notifier);
}

void mp_port_exit(void)
{
	unregister_netdevice_notifier(&netdev_notifier);
}
