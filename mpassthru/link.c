// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bound interfaces: their state before and after, and which of the descriptors that
 * are bound to one, its queues, a received frame is for.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "fallible.h"
#include "port.h"

/*
 * What would change a frame's layout behind our back: a guest wants its tags in
 * the frame, and frames as they were on the wire.
 */
#define FEATURES_OFF	(NETIF_F_HW_VLAN_CTAG_RX | NETIF_F_HW_VLAN_STAG_RX | \
			 NETIF_F_LRO | NETIF_F_GRO_HW)

/* What @dev is bound by, or NULL.  RTNL. */
struct mp_link *mp_link_of_dev(const struct net_device *dev)
{
	ASSERT_RTNL();
	if (rtnl_dereference(dev->rx_handler) != mp_frame_handle)
		return NULL;
	return rtnl_dereference(dev->rx_handler_data);
}

/* Says in one line why @dev cannot be bound. */
static int check_dev(struct net_device *dev, const struct mp_bind *bind)
{
	const struct mp_nic_ops *nic = mp_nic_find(dev);

	if (dev->flags & IFF_LOOPBACK || dev->type != ARPHRD_ETHER) {
		netdev_warn(dev, "mpassthru: not an Ethernet interface, cannot bind\n");
		return -EINVAL;
	}
	if (dev->reg_state != NETREG_REGISTERED)
		return -ENODEV;
	if (netdev_master_upper_dev_get(dev) || netdev_is_rx_handler_busy(dev)) {
		netdev_warn(dev, "mpassthru: belongs to a bridge, bond, team or macvlan, take it out first\n");
		return -EBUSY;
	}
	if ((bind->mode == MP_MODE_WHOLE_FRAME ||
	     bind->mode == MP_MODE_HEADER_SPLIT) &&
	    !(nic && nic->modes & BIT(bind->mode))) {
		netdev_warn(dev, "mpassthru: the driver cannot do this receive mode, use auto or copy\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void features_off(struct mp_link *link)
{
	struct net_device *dev = link->dev;

	link->features_off = dev->wanted_features & FEATURES_OFF;
	dev->wanted_features &= ~FEATURES_OFF;
	netdev_update_features(dev);
	if (dev->features & FEATURES_OFF)
		netdev_warn(dev, "mpassthru: the driver keeps %pNF on, tagged frames may lose their tag\n",
			    &(netdev_features_t){ dev->features & FEATURES_OFF });
}

static void features_restore(struct mp_link *link)
{
	link->dev->wanted_features |= link->features_off;
	netdev_update_features(link->dev);
}

/* Lets the NIC receive what is the guest's.  A NIC without a filter receives all. */
static mp_fallible int filter_open(const struct mp_link *link)
{
	int err;

	if (is_zero_ether_addr(link->mac))
		return dev_set_promiscuity(link->dev, 1);
	err = dev_uc_add(link->dev, link->mac);
	if (err)
		return err;
	err = dev_set_allmulti(link->dev, 1);
	if (err)
		dev_uc_del(link->dev, link->mac);
	return err;
}
ALLOW_ERROR_INJECTION(filter_open, ERRNO);

static void filter_close(const struct mp_link *link)
{
	if (is_zero_ether_addr(link->mac)) {
		dev_set_promiscuity(link->dev, -1);
		return;
	}
	dev_set_allmulti(link->dev, -1);
	dev_uc_del(link->dev, link->mac);
}

static struct mp_link *link_create(struct net_device *dev,
				   const struct mp_bind *bind)
{
	struct mp_link *link;
	int err;

	err = check_dev(dev, bind);
	if (err)
		return ERR_PTR(err);
	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return ERR_PTR(-ENOMEM);
	link->dev = dev;
	link->mode = bind->mode;
	link->rx_mode = MP_MODE_COPY;
	link->flags = bind->flags;
	ether_addr_copy(link->mac, bind->mac);
	err = filter_open(link);
	if (err)
		goto err_free;
	err = netdev_rx_handler_register(dev, mp_frame_handle, link);
	if (err)
		goto err_filter;
	features_off(link);
	netdev_hold(dev, &link->dev_tracker, GFP_KERNEL);
	netdev_info(dev, "mpassthru: bound\n");
	return link;

err_filter:
	filter_close(link);
err_free:
	kfree(link);
	return ERR_PTR(err);
}

static void link_destroy(struct mp_link *link)
{
	struct net_device *dev = link->dev;

	netdev_rx_handler_unregister(dev);	/* waits for readers */
	features_restore(link);
	filter_close(link);
	netdev_info(dev, "mpassthru: unbound\n");
	netdev_put(dev, &link->dev_tracker);
	kfree(link);
}

/* Whether another descriptor may become a queue of @link. */
static int check_queue(const struct mp_link *link, const struct mp_bind *bind)
{
	if (!(link->flags & bind->flags & MP_BIND_QUEUE)) {
		netdev_warn(link->dev, "mpassthru: bound already, unbind it first\n");
		return -EBUSY;
	}
	if (link->flags != bind->flags || link->mode != bind->mode ||
	    !ether_addr_equal(link->mac, bind->mac)) {
		netdev_warn(link->dev, "mpassthru: bound already with another mode, flags or address\n");
		return -EINVAL;
	}
	return link->nr < MP_LINK_QUEUES ? 0 : -ENOSPC;
}

/**
 * mp_link_join() - make a port a queue of an interface
 * @dev: the interface, bound now if it was not
 * @port: the port, not bound
 * @bind: what is asked for
 *
 * Context: RTNL.
 * Return: 0 or an errno of %MP_BIND; nothing has changed then.
 */
int mp_link_join(struct net_device *dev, struct mp_port *port,
		 const struct mp_bind *bind)
{
	struct mp_link *link = mp_link_of_dev(dev);
	int err;

	if (link) {
		err = check_queue(link, bind);
		if (err)
			return err;
	} else {
		link = link_create(dev, bind);
		if (IS_ERR(link))
			return PTR_ERR(link);
	}
	port->queue = find_first_zero_bit(link->taken, MP_LINK_QUEUES);
	__set_bit(port->queue, link->taken);
	link->queue[link->nr++] = port;
	port->link = link;
	mp_link_steer(link);
	return 0;
}

/**
 * mp_link_leave() - a port is no queue of its interface any more
 * @port: the port
 *
 * Context: RTNL.  No frame reaches the port when this returns, and no NIC writes to
 * its memory.  The last one leaves the interface as mp_link_join() found it.
 */
void mp_link_leave(struct mp_port *port)
{
	struct mp_link *link = port->link;
	unsigned int i;

	for (i = 0; link->queue[i] != port;)
		i++;
	link->queue[i] = link->queue[--link->nr];
	__clear_bit(port->queue, link->taken);
	port->link = NULL;
	mp_link_steer(link);
	mp_rx_unbound(port);
	synchronize_net();
	if (!link->nr)
		link_destroy(link);
}

/**
 * mp_link_steer() - find out anew which queues take part
 * @link: the link
 *
 * While there are receivers all frames are for them, because the NIC writes to their
 * memory; others are only for what the guest sends.
 *
 * Context: RTNL.  Frames may reach who does not take part any more for an RCU
 * grace period.
 */
void mp_link_steer(struct mp_link *link)
{
	unsigned int i, nr = 0;

	ASSERT_RTNL();
	for (i = 0; i < link->nr; i++)
		if (!link->queue[i]->detached)
			rcu_assign_pointer(link->active[nr++], link->queue[i]);
	/* the ports before how many they are, for mp_link_port() */
	smp_store_release(&link->nr_active, nr);
	mp_receivers_update(link);
}

/* Which of the NIC's queues a frame came by: a driver without several says nothing. */
static unsigned int nic_queue(const struct sk_buff *skb)
{
	return skb_rx_queue_recorded(skb) ? skb_get_rx_queue(skb) : 0;
}

/**
 * mp_link_port() - the port that a frame is for
 * @link: the frame's interface
 * @skb: the frame
 *
 * Context: RCU.
 * Return: the port, or NULL if no queue takes part.
 */
struct mp_port *mp_link_port(struct mp_link *link, struct sk_buff *skb)
{
	unsigned int nr;

	/*
	 * Flows stay with their queue: their order is kept there.  How many ports
	 * there are is read before they are, see mp_link_steer().
	 */
	nr = smp_load_acquire(&link->nr_receivers);
	if (nr)
		return rcu_dereference(link->receiver[nic_queue(skb) % nr]);
	nr = smp_load_acquire(&link->nr_active);	/* likewise */
	if (!nr)
		return NULL;
	if (nr > 1)
		nr = 1 + reciprocal_scale(skb_get_hash(skb), nr);
	return rcu_dereference(link->active[nr - 1]);
}
