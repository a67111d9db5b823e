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
 * @lent: bytes of the frame that are sent from where the sender has them; who
 *	sends it knows
 */
struct mp_tx_head {
	struct virtio_net_hdr vnet;
	u32 frame;
	u32 linear;
	u32 lent;
};

/* The longest frame that may leave @dev. */
static inline u32 mp_tx_frame_max(const struct net_device *dev)
{
	return READ_ONCE(dev->mtu) + ETH_HLEN + 2 * VLAN_HLEN;
}

/* head.c APIs */
int mp_tx_parse(struct mp_tx_head *head, bool le);
bool mp_tx_fits(const struct net_device *dev, const struct mp_tx_head *head);

/* tx.c APIs */
bool mp_tx_small(const struct mp_tx_head *head);
int mp_tx_finish(struct sk_buff *skb, struct net_device *dev,
		 const struct virtio_net_hdr *vnet, bool le);
void mp_tx_xmit(const struct mp_port *port, struct mp_burst *burst,
		struct sk_buff *skb, const struct mp_tx_head *head);
void mp_tx_gone(struct mp_port *port, u32 lent, bool zerocopy);
void mp_tx_back(struct mp_request *req);

/* late.c APIs */
bool mp_tx_is_crowded(const struct mp_port *port, const struct mp_request *req);
bool mp_tx_late_full(const struct mp_port *port);
bool mp_tx_copy_start(struct mp_port *port, struct mp_request *req,
		      struct sk_buff *skb);
void mp_tx_late_look(struct mp_port *port);

#endif /* _MPASSTHRU_TX_H */
