// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: interfaces bound to a descriptor, and their state before and after.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "port.h"

/*
 * What would change a frame's layout behind our back: a guest wants its tags in
 * the frame, and frames as they were on the wire.
 */
#define FEATURES_OFF	(NETIF_F_HW_VLAN_CTAG_RX | NETIF_F_HW_VLAN_STAG_RX | \
			 NETIF_F_LRO | NETIF_F_GRO_HW)

/* The port that @dev is bound to, or NULL.  RTNL. */
struct mp_port *mp_port_of_dev(const struct net_device *dev)
{
	ASSERT_RTNL();
	if (rtnl_dereference(dev->rx_handler) != mp_frame_handle)
		return NULL;
	return rtnl_dereference(dev->rx_handler_data);
}

static struct net_device *lookup(struct net *net, const struct mp_bind *bind)
{
	if (bind->ifindex)
		return __dev_get_by_index(net, bind->ifindex);
	return __dev_get_by_name(net, bind->ifname);
}

/* Says in one line why @dev cannot be bound.  RTNL. */
static int check_dev(struct net_device *dev, u32 mode)
{
	const struct mp_nic_ops *nic = mp_nic_find(dev);

	if (dev->flags & IFF_LOOPBACK || dev->type != ARPHRD_ETHER) {
		netdev_warn(dev, "mpassthru: not an Ethernet interface, cannot bind\n");
		return -EINVAL;
	}
	if (dev->reg_state != NETREG_REGISTERED)
		return -ENODEV;
	if (mp_port_of_dev(dev)) {
		netdev_warn(dev, "mpassthru: bound already, unbind it first\n");
		return -EBUSY;
	}
	if (netdev_master_upper_dev_get(dev) || netdev_is_rx_handler_busy(dev)) {
		netdev_warn(dev, "mpassthru: belongs to a bridge, bond, team or macvlan, take it out first\n");
		return -EBUSY;
	}
	if ((mode == MP_MODE_WHOLE_FRAME || mode == MP_MODE_HEADER_SPLIT) &&
	    !(nic && nic->modes & BIT(mode))) {
		netdev_warn(dev, "mpassthru: the driver cannot do this receive mode, use auto or copy\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void features_off(struct mp_port *port, struct net_device *dev)
{
	port->features_off = dev->wanted_features & FEATURES_OFF;
	dev->wanted_features &= ~FEATURES_OFF;
	netdev_update_features(dev);
	if (dev->features & FEATURES_OFF)
		netdev_warn(dev, "mpassthru: the driver keeps %pNF on, tagged frames may lose their tag\n",
			    &(netdev_features_t){ dev->features & FEATURES_OFF });
}

static void features_restore(struct mp_port *port, struct net_device *dev)
{
	dev->wanted_features |= port->features_off;
	port->features_off = 0;
	netdev_update_features(dev);
}

/* Lets the NIC receive what is the guest's.  A NIC without a filter receives all. */
static int filter_open(struct mp_port *port, struct net_device *dev)
{
	int err;

	if (is_zero_ether_addr(port->mac))
		return dev_set_promiscuity(dev, 1);
	err = dev_uc_add(dev, port->mac);
	if (err)
		return err;
	err = dev_set_allmulti(dev, 1);
	if (err)
		dev_uc_del(dev, port->mac);
	return err;
}

static void filter_close(struct mp_port *port, struct net_device *dev)
{
	if (is_zero_ether_addr(port->mac)) {
		dev_set_promiscuity(dev, -1);
		return;
	}
	dev_set_allmulti(dev, -1);
	dev_uc_del(dev, port->mac);
}

static int bind_dev(struct mp_port *port, struct net_device *dev,
		    const struct mp_bind *bind)
{
	int err;

	err = check_dev(dev, bind->mode);
	if (err)
		return err;
	ether_addr_copy(port->mac, bind->mac);
	err = filter_open(port, dev);
	if (err)
		return err;
	err = netdev_rx_handler_register(dev, mp_frame_handle, port);
	if (err) {
		filter_close(port, dev);
		return err;
	}

	features_off(port, dev);
	netdev_hold(dev, &port->dev_tracker, GFP_KERNEL);
	port->mode = bind->mode;
	port->sk.sk_shutdown = 0;
	rcu_assign_pointer(port->dev, dev);
	mp_rx_attach_nic(port);
	netdev_info(dev, "mpassthru: bound\n");
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

static void unbind_dev(struct mp_port *port, struct net_device *dev)
{
	mp_rx_detach_nic(port);
	RCU_INIT_POINTER(port->dev, NULL);
	netdev_rx_handler_unregister(dev);	/* waits for readers */
	features_restore(port, dev);
	filter_close(port, dev);
	netdev_put(dev, &port->dev_tracker);

	/* Readers learn that nothing will come any more. */
	port->sk.sk_shutdown = RCV_SHUTDOWN;
	port->sk.sk_data_ready(&port->sk);
	netdev_info(dev, "mpassthru: unbound\n");
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
		unbind_dev(port, dev);
	rtnl_unlock();
	return dev ? 0 : -ENODEV;
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
	struct mp_port *port;

	if (event != NETDEV_UNREGISTER && event != NETDEV_CHANGEMTU)
		return NOTIFY_DONE;
	port = mp_port_of_dev(dev);
	if (port && event == NETDEV_UNREGISTER)
		unbind_dev(port, dev);
	else if (port)
		mp_rx_mtu_changed(port);
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
