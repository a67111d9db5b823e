// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio header of a frame to send: what is accepted keeps the promises that
 * the rest of transmit relies on.
 */
#include "input.h"
#include "tx.h"

static void check(const struct mp_tx_head *head, const struct virtio_net_hdr *was,
		  bool le)
{
	u32 start = __virtio16_to_cpu(le, was->csum_start);
	u32 end = start + __virtio16_to_cpu(le, was->csum_offset) + 2;

	must(head->frame >= ETH_HLEN);
	must(head->linear >= ETH_HLEN && head->linear <= head->frame);
	must(head->linear <= MP_TX_LINEAR_MAX);
	must(__virtio16_to_cpu(le, was->hdr_len) <= head->frame);
	if (was->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		must(end <= head->frame);
		must(head->linear >= min_t(u32, end, MP_TX_LINEAR_MAX));
	}
	if (was->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		must(head->linear >= min(head->frame, 128U));
	must(head->vnet.flags == was->flags && head->vnet.gso_type == was->gso_type);
	must(head->vnet.gso_size == was->gso_size);
	must(head->vnet.csum_start == was->csum_start &&
	     head->vnet.csum_offset == was->csum_offset);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	u8 how = take8(&in);
	struct net_device dev = { .mtu = 68 + take16(&in) };
	struct mp_tx_head head = {};
	struct virtio_net_hdr was;
	bool le = how & 1;

	head.frame = how & 2 ? take32(&in) : take16(&in);
	input_take(&in, &head.vnet, sizeof(head.vnet));
	was = head.vnet;
	if (mp_tx_parse(&head, le))
		return 0;
	check(&head, &was, le);
	if (mp_tx_fits(&dev, &head)) {
		must(head.frame <= MP_TX_MAX || head.frame <= dev.mtu + 22);
		if (was.gso_type == VIRTIO_NET_HDR_GSO_NONE)
			must(head.frame <= dev.mtu + 22);
	}
	return 0;
}
