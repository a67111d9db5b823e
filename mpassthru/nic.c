// SPDX-License-Identifier: GPL-2.0-only
/*
 * NIC drivers that have glue, by interface.
 */
#include <linux/list.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "port.h"

/**
 * struct mp_nic - an interface whose driver has a page constructor
 * @node: in nics
 * @dev: the interface
 * @ops: the driver's
 */
struct mp_nic {
	struct list_head node;
	struct net_device *dev;
	const struct mp_nic_ops *ops;
};

static LIST_HEAD(nics);		/* RTNL */

static struct mp_nic *find(const struct net_device *dev)
{
	struct mp_nic *nic;

	ASSERT_RTNL();
	list_for_each_entry(nic, &nics, node)
		if (nic->dev == dev)
			return nic;
	return NULL;
}

/* The glue of an interface's driver, or NULL.  RTNL. */
const struct mp_nic_ops *mp_nic_find(const struct net_device *dev)
{
	struct mp_nic *nic = find(dev);

	return nic ? nic->ops : NULL;
}

/**
 * mp_nic_register() - announce an interface whose driver has glue
 * @dev: the interface, registered
 * @ops: constant, valid until mp_nic_unregister()
 *
 * Without memory, and if @ops make no sense, the interface works without its
 * glue, and the kernel's log says so: there is nothing else that a driver could do.
 *
 * Context: process context without RTNL.
 */
void mp_nic_register(struct net_device *dev, const struct mp_nic_ops *ops)
{
	struct mp_nic *nic;

	if (WARN_ON_ONCE(ops->phys && ops->modes & BIT(MP_MODE_HEADER_SPLIT)))
		return;
	nic = kzalloc(sizeof(*nic), GFP_KERNEL);
	if (!nic)
		return;
	nic->dev = dev;
	nic->ops = ops;

	rtnl_lock();
	list_add(&nic->node, &nics);
	rtnl_unlock();
}
EXPORT_SYMBOL_GPL(mp_nic_register);

/**
 * mp_nic_unregister() - an interface's glue goes away
 * @dev: the interface, not unregistered yet
 *
 * If the constructor is installed, the driver's set_rx is called to remove it;
 * a bound port goes on with copies.  Nothing happens if @dev was never
 * registered.
 *
 * Context: process context without RTNL.
 */
void mp_nic_unregister(struct net_device *dev)
{
	struct mp_link *link;
	struct mp_nic *nic;

	rtnl_lock();
	nic = find(dev);
	if (nic) {
		list_del(&nic->node);
		link = mp_link_of_dev(dev);
		if (link)
			mp_link_steer(link);
	}
	rtnl_unlock();
	kfree(nic);
}
EXPORT_SYMBOL_GPL(mp_nic_unregister);
