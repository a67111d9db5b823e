// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a port tells of itself.
 */
#include <linux/rtnetlink.h>

#include "port.h"

/* The port on @ifindex, or with @next the first one after it.  RTNL. */
static struct mp_port *find_port(struct net *net, u32 ifindex, bool next)
{
	struct net_device *dev, *best = NULL;

	if (!next) {
		best = __dev_get_by_index(net, ifindex);
		return best ? mp_port_of_dev(best) : NULL;
	}
	for_each_netdev(net, dev) {
		if (dev->ifindex <= ifindex || !mp_port_of_dev(dev))
			continue;
		if (!best || dev->ifindex < best->ifindex)
			best = dev;
	}
	return best ? mp_port_of_dev(best) : NULL;
}

/* Every field of struct mp_counters is a u64. */
static void sum(struct mp_counters *to, const struct mp_counters *from)
{
	const u64 *src = (const u64 *)from;
	u64 *dst = (u64 *)to;
	unsigned int i;

	for (i = 0; i < sizeof(*to) / sizeof(u64); i++)
		dst[i] += READ_ONCE(src[i]);
}

static void fill(struct mp_port *port, struct net_device *dev,
		 struct mp_info *info)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);
	bool limited = false;
	int cpu;

	info->flags = mp_nic_find(dev) ? MP_INFO_GLUE : 0;
	info->ifindex = dev->ifindex;
	strscpy(info->ifname, dev->name, MP_IFNAMSIZ);
	info->mode = port->mode;
	info->rx_mode = MP_MODE_COPY;
	info->vnet_hdr_len = port->vnet_hdr_len;
	info->offload = port->offload;
	info->tx_inflight = atomic_read(&port->tx_inflight);
	for_each_possible_cpu(cpu) {
		const struct mp_stats *stats = per_cpu_ptr(port->stats, cpu);

		sum(&info->rx, &stats->rx);
		sum(&info->tx, &stats->tx);
	}
	if (!rx)
		return;
	info->flags |= MP_INFO_BACKEND;
	mp_rx_gauges(rx, info);
	if (port->backend->pinned)
		info->pinned_bytes = port->backend->pinned(port->backend, &limited);
	if (limited)
		info->flags |= MP_INFO_LOCKED;
}

/**
 * mp_stats_get() - answer %MP_GET
 * @port: the asking descriptor's port
 * @net: the caller's network namespace
 * @info: flags and ifindex as asked; filled in
 *
 * Context: process context without RTNL.
 * Return: 0, -EINVAL for unknown flags, -ENODEV for no such port.
 */
int mp_stats_get(struct mp_port *port, struct net *net, struct mp_info *info)
{
	bool next = info->flags & MP_INFO_NEXT;
	struct net_device *dev = NULL;

	if (info->flags & ~MP_INFO_NEXT)
		return -EINVAL;

	rtnl_lock();
	if (next || info->ifindex)
		port = find_port(net, info->ifindex, next);
	if (port)
		dev = rtnl_dereference(port->dev);
	if (dev)
		fill(port, dev, info);
	rtnl_unlock();
	return dev ? 0 : -ENODEV;
}
