// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a port tells of itself.
 */
#include <linux/rtnetlink.h>

#include "port.h"

/* What is bound to @ifindex, or with @next the first one after it.  RTNL. */
static struct mp_link *find_link(struct net *net, u32 ifindex, bool next)
{
	struct net_device *dev, *best = NULL;

	if (!next) {
		best = __dev_get_by_index(net, ifindex);
		return best ? mp_link_of_dev(best) : NULL;
	}
	for_each_netdev(net, dev) {
		if (dev->ifindex <= ifindex || !mp_link_of_dev(dev))
			continue;
		if (!best || dev->ifindex < best->ifindex)
			best = dev;
	}
	return best ? mp_link_of_dev(best) : NULL;
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

/* What is the same for all queues. */
static void fill_link(const struct mp_link *link, struct mp_info *info)
{
	info->flags = mp_nic_find(link->dev) ? MP_INFO_GLUE : 0;
	if (link->flags & MP_BIND_QDISC_BYPASS)
		info->flags |= MP_INFO_QDISC_BYPASS;
	info->ifindex = link->dev->ifindex;
	strscpy(info->ifname, link->dev->name, MP_IFNAMSIZ);
	info->mode = link->mode;
	info->rx_mode = MP_MODE_COPY;
	info->queues = link->nr;
}

/* What a backend adds.  Queues of one guest have its memory in common. */
static void add_backend(struct mp_port *port, struct mp_rx *rx,
			struct mp_info *info)
{
	bool limited = false;
	u64 pinned = 0;

	info->flags |= MP_INFO_BACKEND;
	mp_rx_gauges(rx, info);
	if (port->backend->pinned)
		pinned = port->backend->pinned(port->backend, &limited);
	info->pinned_bytes = max_t(u64, info->pinned_bytes, pinned);
	if (limited)
		info->flags |= MP_INFO_LOCKED;
}

static void add_queue(struct mp_port *port, struct mp_info *info)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);
	int cpu;

	info->vnet_hdr_len = port->vnet_hdr_len;
	info->offload = port->offload;
	info->tx_inflight += atomic_read(&port->tx_inflight);
	for_each_possible_cpu(cpu) {
		const struct mp_stats *stats = per_cpu_ptr(port->stats, cpu);

		sum(&info->rx, &stats->rx);
		sum(&info->tx, &stats->tx);
	}
	if (rx)
		add_backend(port, rx, info);
}

/* One queue by its number, or all. */
static int fill(const struct mp_link *link, struct mp_info *info)
{
	unsigned int i, found = 0;

	fill_link(link, info);
	for (i = 0; i < link->nr; i++) {
		struct mp_port *port = link->queue[i];

		if (info->queue && info->queue != port->queue + 1)
			continue;
		add_queue(port, info);
		found++;
	}
	return found ? 0 : -ENODEV;
}

/**
 * mp_stats_get() - answer %MP_GET
 * @port: the asking descriptor's port
 * @net: the caller's network namespace
 * @info: flags, ifindex and queue as asked; filled in
 *
 * Context: process context without RTNL.
 * Return: 0, -EINVAL for unknown flags, -ENODEV for no such port or queue.
 */
int mp_stats_get(struct mp_port *port, struct net *net, struct mp_info *info)
{
	bool next = info->flags & MP_INFO_NEXT;
	struct mp_link *link;
	int err = -ENODEV;

	if (info->flags & ~MP_INFO_NEXT)
		return -EINVAL;

	rtnl_lock();
	if (next || info->ifindex) {
		link = find_link(net, info->ifindex, next);
	} else {
		link = port->link;
		info->queue = info->queue ?: port->queue + 1;
	}
	if (link)
		err = fill(link, info);
	rtnl_unlock();
	return err;
}
