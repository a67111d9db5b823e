// SPDX-License-Identifier: GPL-2.0-only
/*
 * The short way: a whole frame that lies in a guest's request already, and that
 * nobody on the host wants to see, is the guest's without ever being an skb.
 */
#include <linux/etherdevice.h>
#include <linux/virtio_net.h>

#include "rx.h"
#include "trace.h"

/* Takes the request out of the slot, or leaves all as it is. */
static struct mp_request *take_request(struct mp_rx *rx,
				       struct mp_rx_slot *slot)
{
	struct mp_rx_buf *buf = slot->buf[0];
	struct mp_request *req = NULL;

	spin_lock(&rx->lock);
	if (mp_rx_none_waits(rx)) {
		req = buf->req;
		mp_rx_buf_unmap(rx, buf);
		mp_rx_buf_free(rx, buf);
	}
	spin_unlock(&rx->lock);
	if (req)
		memset(slot, 0, sizeof(*slot));
	return req;
}

static void count(const struct mp_rx *rx, unsigned int len, bool copied)
{
	struct mp_stats __percpu *stats = rx->port->stats;

	this_cpu_inc(stats->rx.packets);
	this_cpu_add(stats->rx.bytes, len);
	this_cpu_add(stats->rx.payload_bytes, len - ETH_HLEN);
	if (copied) {
		this_cpu_inc(stats->rx.copied[MP_COPY_LOCKED]);
		this_cpu_add(stats->rx.copied_bytes, len);
		return;
	}
	this_cpu_inc(stats->rx.zerocopy_packets);
	this_cpu_add(stats->rx.zerocopy_bytes, len - ETH_HLEN);
}

/**
 * mp_rx_direct() - give a received frame to the guest at once (whole frame)
 * @rx: as given to &mp_nic_ops.set_rx
 * @slot: where the NIC wrote it; empty on success
 * @len: bytes received, without FCS
 * @csum_ok: the NIC has verified the frame's checksums
 *
 * The CPU writes the virtio header and nothing else.
 *
 * Context: NAPI of the interface.
 * Return: true if the frame is the guest's; false if it has to go through the
 * stack, with mp_rx_frame().
 */
bool mp_rx_direct(struct mp_rx *rx, struct mp_rx_slot *slot, unsigned int len,
		  bool csum_ok)
{
	struct virtio_net_hdr_mrg_rxbuf vnet = {
		.num_buffers = __cpu_to_virtio16(true, 1),
	};
	const u32 hdr_len = rx->backend->hdr_len;
	struct mp_requests reqs;
	struct mp_request *req;

	if (!slot->buf[0]->req || len <= ETH_HLEN || len > slot->buf[0]->len ||
	    mp_dev_observed(rx->dev))
		return false;
	req = take_request(rx, slot);
	if (!req)
		return false;

	if (csum_ok && mp_port_takes_csum(rx->port))
		vnet.hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	mp_request_write(req, 0, &vnet, hdr_len);
	req->used = hdr_len + len;
	req->state = MP_REQ_BACKEND;
	count(rx, len, mp_request_copied(req));
	trace_mp_rx_receive(rx->dev, len, len - ETH_HLEN, 1, &vnet.hdr);
	mp_requests_init(&reqs);
	mp_requests_push(&reqs, req);
	rx->backend->ops->rx_done(rx->backend, &reqs);
	return true;
}
EXPORT_SYMBOL_GPL(mp_rx_direct);
