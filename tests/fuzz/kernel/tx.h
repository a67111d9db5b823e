/* SPDX-License-Identifier: GPL-2.0-only */
/* Stands in for mpassthru/tx.h, so that head.c can be built in user space. */
#ifndef _FUZZ_TX_H
#define _FUZZ_TX_H

#include <errno.h>

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/if_ether.h>
#include <linux/minmax.h>
#include <linux/virtio_net.h>

/* The kernel */

#define VLAN_HLEN		4
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define clamp_t(type, val, low, high) \
	min_t(type, max_t(type, val, low), high)

/* The fuzzer has both byte orders. */
#define swap16(x)		((u16)((x) << 8 | (u16)(x) >> 8))
#undef __virtio16_to_cpu
#define __virtio16_to_cpu(le, x)	((le) ? (u16)(x) : swap16(x))
#define __cpu_to_virtio16(le, x)	((le) ? (u16)(x) : swap16((u16)(x)))

struct net_device {
	unsigned int mtu;
};

/* mpassthru/tx.h */

#define MP_TX_MAX		(65535 + 40 + ETH_HLEN + 2 * VLAN_HLEN)
#define MP_TX_LINEAR_MAX	3520	/* about that */

struct mp_tx_head {
	struct virtio_net_hdr vnet;
	u32 frame;
	u32 linear;
};

static inline u32 mp_tx_frame_max(const struct net_device *dev)
{
	return dev->mtu + ETH_HLEN + 2 * VLAN_HLEN;
}

int mp_tx_parse(struct mp_tx_head *head, bool le);
bool mp_tx_fits(const struct net_device *dev, const struct mp_tx_head *head);

#endif
