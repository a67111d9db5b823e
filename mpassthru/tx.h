/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame on its way to the wire, whoever brought it.
 */
#ifndef _MPASSTHRU_TX_H
#define _MPASSTHRU_TX_H

#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/virtio_net.h>

#include "port.h"

/* Shorter payload is cheaper to copy than to map. */
#define MP_TX_COPY		256

/* The longest packet that headers can tell of, whoever cuts it. */
#define MP_TX_MAX	(U16_MAX + sizeof(struct ipv6hdr) + ETH_HLEN + \
			 2 * VLAN_HLEN)

/* Most bytes of linear part, when it has to take what frags cannot. */
#define MP_TX_LINEAR_MAX	SKB_MAX_HEAD(MAX_HEADER)

/**
 * struct mp_tx_head - what the guest's virtio header says, checked
 * @vnet: the header, a copy
 * @frame: bytes of frame behind it
 * @linear: leading bytes of the frame to copy
 */
struct mp_tx_head {
	struct virtio_net_hdr vnet;
	u32 frame;
	u32 linear;
};

int mp_tx_parse(struct mp_tx_head *head, bool le);
bool mp_tx_fits(const struct net_device *dev, const struct mp_tx_head *head);
int mp_tx_finish(struct sk_buff *skb, struct net_device *dev,
		 const struct virtio_net_hdr *vnet, bool le);
void mp_tx_xmit(const struct mp_port *port, struct sk_buff *skb,
		const struct mp_tx_head *head, u32 lent);
void mp_tx_gone(struct mp_port *port, u32 lent, bool zerocopy);

#endif /* _MPASSTHRU_TX_H */
