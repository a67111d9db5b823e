// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio header of a frame that is to be sent.  Compiles unmodified in user
 * space.
 */
#include "tx.h"

/* Headers end within the first 128 bytes, or the guest says where. */
#define MP_TX_LINEAR	128

static bool is_gso(const struct virtio_net_hdr *vnet)
{
	return vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

/*
 * Checks what later code relies on, and fills in @head->linear;
 * virtio_net_hdr_to_skb() checks the rest.
 */
int mp_tx_parse(struct mp_tx_head *head, bool le)
{
	u32 hdr_len = __virtio16_to_cpu(le, head->vnet.hdr_len);

	if (head->frame < ETH_HLEN)
		return -EINVAL;
	if (head->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		u32 csum_end = __virtio16_to_cpu(le, head->vnet.csum_start) +
			       __virtio16_to_cpu(le, head->vnet.csum_offset) + 2;

		hdr_len = max(hdr_len, csum_end);
		head->vnet.hdr_len = __cpu_to_virtio16(le, hdr_len);
	}
	if (hdr_len > head->frame)
		return -EINVAL;

	if (!is_gso(&head->vnet))
		hdr_len = max_t(u32, hdr_len, MP_TX_LINEAR);
	head->linear = clamp_t(u32, hdr_len, ETH_HLEN, MP_TX_LINEAR_MAX);
	head->linear = min(head->linear, head->frame);
	return 0;
}

/* Whether @dev takes a frame of that length. */
bool mp_tx_fits(const struct net_device *dev, const struct mp_tx_head *head)
{
	if (is_gso(&head->vnet))
		return head->frame <= MP_TX_MAX;
	return head->frame <= mp_tx_frame_max(dev);
}
