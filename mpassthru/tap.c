// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TAP calls that a VMM makes on a tap descriptor, answered as macvtap
 * answers them.
 */
#include <linux/if_tun.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>

#include "port.h"

#define MP_IFF_TAP	(IFF_TAP | IFF_NO_PI)
#define MP_IFF_CHOICE	(IFF_VNET_HDR | IFF_MULTI_QUEUE)

/*
 * TUNSETIFF on a descriptor that is not bound is another spelling of MP_BIND,
 * for a VMM that opens its tap device itself.  On a bound one it sets flags.
 */
static int set_iff(struct mp_port *port, const struct ifreq *ifr)
{
	unsigned short flags = ifr->ifr_flags;
	struct net_device *dev;
	bool bound = false;
	bool same = true;

	if ((flags & ~MP_IFF_CHOICE) != MP_IFF_TAP ||
	    strnlen(ifr->ifr_name, IFNAMSIZ) == IFNAMSIZ)
		return -EINVAL;

	rtnl_lock();
	dev = rtnl_dereference(port->dev);
	if (dev) {
		bound = true;
		same = !ifr->ifr_name[0] || !strcmp(ifr->ifr_name, dev->name);
	}
	rtnl_unlock();

	if (!same)
		return -EBUSY;
	if (bound && (flags ^ port->flags) & IFF_MULTI_QUEUE)
		return -EINVAL;
	if (!bound) {
		struct mp_bind bind = {
			.mode = MP_MODE_AUTO,
			.flags = flags & IFF_MULTI_QUEUE ? MP_BIND_QUEUE : 0,
		};
		int err;

		strscpy(bind.ifname, ifr->ifr_name, sizeof(bind.ifname));
		err = mp_port_bind(port, current->nsproxy->net_ns, &bind);
		if (err)
			return err;
	}
	port->flags = (port->flags & MP_PORT_LE) | flags;
	return 0;
}

static int set_queue(struct mp_port *port, unsigned short flags)
{
	if (flags == IFF_ATTACH_QUEUE)
		return mp_port_set_queue(port, true);
	if (flags == IFF_DETACH_QUEUE)
		return mp_port_set_queue(port, false);
	return -EINVAL;
}

static int set_hwaddr(struct net_device *dev, struct ifreq *ifr)
{
	if (!ns_capable(dev_net(dev)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	return mp_dev_set_mac_address(dev, &ifr->ifr_hwaddr);
}

/* The calls about the bound interface. */
static int bound_ioctl(struct mp_port *port, unsigned int cmd, struct ifreq *ifr)
{
	struct net_device *dev;
	int err = 0;

	rtnl_lock();
	dev = rtnl_dereference(port->dev);
	if (!dev) {
		err = -ENOLINK;
	} else if (cmd == SIOCSIFHWADDR) {
		err = set_hwaddr(dev, ifr);
	} else {
		strscpy(ifr->ifr_name, dev->name, IFNAMSIZ);
		if (cmd == TUNGETIFF) {
			ifr->ifr_flags = port->flags;
		} else {
			ifr->ifr_hwaddr.sa_family = dev->type;
			memcpy(ifr->ifr_hwaddr.sa_data, dev->dev_addr, ETH_ALEN);
		}
	}
	rtnl_unlock();
	return err;
}

/* The calls that take a struct ifreq, of which only the common head is used. */
static long ifreq_ioctl(struct mp_port *port, unsigned int cmd,
			void __user *argp)
{
	const size_t size = offsetofend(struct ifreq, ifr_hwaddr);
	struct ifreq ifr = {};
	int err;

	if (copy_from_user(&ifr, argp, size))
		return -EFAULT;

	if (cmd == TUNSETIFF)
		return set_iff(port, &ifr);
	if (cmd == TUNSETQUEUE)
		return set_queue(port, ifr.ifr_flags);
	err = bound_ioctl(port, cmd, &ifr);
	if (err || cmd == SIOCSIFHWADDR)
		return err;
	return copy_to_user(argp, &ifr, size) ? -EFAULT : 0;
}

/* The calls that take an int. */
static long int_ioctl(struct mp_port *port, unsigned int cmd, int __user *argp)
{
	int value;

	if (get_user(value, argp))
		return -EFAULT;

	switch (cmd) {
	case TUNSETSNDBUF:
		if (value <= 0)
			return -EINVAL;
		mp_socket_set_sndbuf(port, value);
		return 0;
	case TUNSETVNETHDRSZ:
		if (value != sizeof(struct virtio_net_hdr) &&
		    value != sizeof(struct virtio_net_hdr_mrg_rxbuf))
			return -EINVAL;
		WRITE_ONCE(port->vnet_hdr_len, value);
		return 0;
	case TUNSETVNETLE:
		if (value)
			port->flags |= MP_PORT_LE;
		else
			port->flags &= ~MP_PORT_LE;
		return 0;
	default:
		return -ENOTTY;
	}
}

/**
 * mp_tap_ioctl() - a TAP call
 * @port: the port
 * @cmd: the call
 * @arg: its argument
 *
 * Context: process context.
 * Return: as macvtap; -EINVAL for a call that macvtap does not know either.
 */
long mp_tap_ioctl(struct mp_port *port, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case TUNSETIFF:
	case TUNSETQUEUE:
	case TUNGETIFF:
	case SIOCGIFHWADDR:
	case SIOCSIFHWADDR:
		return ifreq_ioctl(port, cmd, argp);
	case TUNSETSNDBUF:
	case TUNSETVNETHDRSZ:
	case TUNSETVNETLE:
		return int_ioctl(port, cmd, argp);
	case TUNGETFEATURES:
		return put_user(MP_IFF_TAP | MP_IFF_CHOICE,
				(unsigned int __user *)argp);
	case TUNGETVNETHDRSZ:
		return put_user(port->vnet_hdr_len, (int __user *)argp);
	case TUNGETVNETLE:
		return put_user(!!(port->flags & MP_PORT_LE),
				(int __user *)argp);
	case TUNSETOFFLOAD:
		return mp_port_set_offload(port, arg);
	default:
		return -EINVAL;
	}
}
