/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels of compat/kernels, met by one name each.
 * Which form a kernel has was found by building compat/probes against it.
 */
#ifndef _MP_COMPAT_H
#define _MP_COMPAT_H

#include "config.h"

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/if_tun.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/sch_generic.h>

#if MP_HAVE_NET_GSO_H
#include <net/gso.h>
#endif

/* offloads that an older kernel does not know are in no mask */
#ifndef TUN_F_USO4
#define TUN_F_USO4	0
#define TUN_F_USO6	0
#endif

/*
 * Zero-copy completion, void fn(struct sk_buff *, struct ubuf_info *, bool):
 *
 *	MP_UBUF_OPS(tx_ubuf_ops, tx_complete);
 *	mp_ubuf_init(&req->ubuf, &tx_ubuf_ops, SKBFL_ZEROCOPY_FRAG);
 */
#if MP_HAVE_UBUF_OPS
#define mp_ubuf_ops	ubuf_info_ops
#else
struct mp_ubuf_ops {
	void (*complete)(struct sk_buff *skb, struct ubuf_info *ubuf,
			 bool success);
};
#endif

#define MP_UBUF_OPS(name, fn) \
	static const struct mp_ubuf_ops name = { .complete = (fn) }

static inline void mp_ubuf_set(struct ubuf_info *ubuf,
			       const struct mp_ubuf_ops *ops)
{
#if MP_HAVE_UBUF_OPS
	ubuf->ops = ops;
#else
	ubuf->callback = ops->complete;
#endif
}

/* one reference, which the skb that carries it takes over */
static inline void mp_ubuf_init(struct ubuf_info *ubuf,
				const struct mp_ubuf_ops *ops, u8 flags)
{
	mp_ubuf_set(ubuf, ops);
	ubuf->flags = flags;
	refcount_set(&ubuf->refcnt, 1);
}

/* what the end of a packet does, for a packet that does not carry @ubuf itself */
static inline void mp_ubuf_complete(struct ubuf_info *ubuf, struct sk_buff *skb,
				    bool zerocopy)
{
#if MP_HAVE_UBUF_OPS
	ubuf->ops->complete(skb, ubuf, zerocopy);
#else
	ubuf->callback(skb, ubuf, zerocopy);
#endif
}

static inline void mp_skb_frag_fill(skb_frag_t *frag, struct page *page,
				    unsigned int off, unsigned int size)
{
#if MP_HAVE_FRAG_FILL
	skb_frag_fill_page_desc(frag, page, off, size);
#else
	__skb_frag_set_page(frag, page);
	skb_frag_off_set(frag, off);
	skb_frag_size_set(frag, size);
#endif
}

static inline bool mp_dev_tc_ingress(const struct net_device *dev)
{
#if MP_HAVE_TCX_INGRESS
	return rcu_access_pointer(dev->tcx_ingress);
#elif MP_HAVE_MINIQ_INGRESS
	return rcu_access_pointer(dev->miniq_ingress);
#else
	return false;
#endif
}

static inline bool mp_dev_nf_ingress(const struct net_device *dev)
{
#if MP_HAVE_NF_INGRESS
	return rcu_access_pointer(dev->nf_hooks_ingress);
#else
	return false;
#endif
}

/* a generic or a driver's XDP program; one that runs on the NIC sees no skb */
static inline bool mp_dev_xdp(const struct net_device *dev)
{
	const struct bpf_xdp_entity *skb = &dev->xdp_state[XDP_MODE_SKB];
	const struct bpf_xdp_entity *drv = &dev->xdp_state[XDP_MODE_DRV];

	return READ_ONCE(skb->prog) || READ_ONCE(skb->link) ||
	       READ_ONCE(drv->prog) || READ_ONCE(drv->link);
}

/**
 * mp_dev_observed() - may others than the receive hook see received frames?
 * @dev: the device
 *
 * Packet taps of the device or of all devices, tc and netfilter ingress, XDP
 * and devices above, which are VLANs: whoever else builds on a device needs its
 * receive hook.  Any context; the answer may be outdated at once.
 */
static inline bool mp_dev_observed(const struct net_device *dev)
{
	/* before 6.15 it took a pointer to a device that it did not change */
	return dev_nit_active((struct net_device *)dev) ||
	       mp_dev_tc_ingress(dev) ||
	       mp_dev_nf_ingress(dev) ||
	       mp_dev_xdp(dev) ||
	       !list_empty(&dev->adj_list.upper);
}

static inline bool mp_dev_tc_egress(const struct net_device *dev)
{
#if MP_HAVE_TCX_EGRESS
	return rcu_access_pointer(dev->tcx_egress);
#elif MP_HAVE_MINIQ_EGRESS
	return rcu_access_pointer(dev->miniq_egress);
#else
	return false;
#endif
}

static inline bool mp_dev_nf_egress(const struct net_device *dev)
{
#if MP_HAVE_NF_EGRESS
	return rcu_access_pointer(dev->nf_hooks_egress);
#else
	return false;
#endif
}

/**
 * mp_dev_egress_observed() - does somebody before the qdisc see sent packets?
 * @dev: the device
 *
 * Packet taps of the device or of all devices, tc and netfilter egress.  Any
 * context; the answer may be outdated at once.
 */
static inline bool mp_dev_egress_observed(const struct net_device *dev)
{
	return dev_nit_active((struct net_device *)dev) ||
	       mp_dev_tc_egress(dev) ||
	       mp_dev_nf_egress(dev);
}

static inline int mp_dev_set_mac_address(struct net_device *dev,
					 struct sockaddr *addr)
{
#if MP_HAVE_MAC_STORAGE
	struct sockaddr_storage ss = {};

	memcpy(&ss, addr, sizeof(*addr));
	return dev_set_mac_address(dev, &ss, NULL);
#else
	return dev_set_mac_address(dev, addr, NULL);
#endif
}

/**
 * mp_pin_user_pages() - pin pages for the NIC to write to, as long as needed
 * @mm: the address space, which the caller keeps alive
 * @uaddr: page-aligned address
 * @nr: pages
 * @pages: out
 *
 * Return: pages pinned, perhaps fewer than @nr, or a negative errno.
 */
static inline long mp_pin_user_pages(struct mm_struct *mm, unsigned long uaddr,
				     unsigned long nr, struct page **pages)
{
	const unsigned int flags = FOLL_WRITE | FOLL_LONGTERM;
	int locked = 1;
	long got;

	mmap_read_lock(mm);
#if MP_HAVE_PIN_REMOTE
	got = pin_user_pages_remote(mm, uaddr, nr, flags, pages, &locked);
#else
	/* FOLL_LONGTERM refuses to let go of the lock there, with a warning */
	got = pin_user_pages_remote(mm, uaddr, nr, flags, pages, NULL, NULL);
#endif
	if (locked)
		mmap_read_unlock(mm);
	return got;
}

static inline void mp_eventfd_signal(struct eventfd_ctx *ctx)
{
#if MP_HAVE_EVENTFD_SIGNAL
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

static inline void
mp_hrtimer_setup(struct hrtimer *timer,
		 enum hrtimer_restart (*fn)(struct hrtimer *),
		 clockid_t clock, enum hrtimer_mode mode)
{
#if MP_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

/* Empties the qdiscs of @dev, and leaves them as they are configured.  RTNL. */
static inline void mp_dev_drop_queued(struct net_device *dev)
{
#if MP_HAVE_DEACTIVATE_RESET
	dev_deactivate(dev, true);
#else
	dev_deactivate(dev);
#endif
	dev_activate(dev);
}

/* The longest packet that GRO makes on @dev; IPv4 got a limit of its own later. */
static inline unsigned int *mp_gro_max(struct net_device *dev, bool ipv4)
{
#if MP_HAVE_GRO_IPV4_MAX_SIZE
	if (ipv4)
		return &dev->gro_ipv4_max_size;
#endif
	return &dev->gro_max_size;
}

#endif /* _MP_COMPAT_H */
