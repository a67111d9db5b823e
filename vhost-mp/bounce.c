// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host memory in the place of guest memory that the limit on locked memory leaves
 * no room to pin: the worker, which has the VMM's address space, copies.
 */
#include <linux/sizes.h>

#include "vhost_mp.h"

/* What one packet can have; what is beyond is not used. */
#define BOUNCE_MAX	(VMP_BOUNCE_SEGS * PAGE_SIZE)

static int alloc(struct vmp_slot *slot, u32 len)
{
	struct mp_request *req = &slot->req;

	for (req->len = 0; req->len < len; req->nr_segs++) {
		struct mp_seg *seg = &req->segs[req->nr_segs];

		seg->pin = NULL;
		seg->page = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!seg->page)
			return -ENOSPC;
		seg->offset = 0;
		seg->len = min_t(u32, len - req->len, PAGE_SIZE);
		req->len += seg->len;
	}
	return 0;
}

/* Copies the start of the chain's memory to the request, or back. */
static int copy(const struct mp_memtable *mem, const struct mp_extent *extent,
		const struct mp_request *req, u32 left, bool back)
{
	const struct mp_seg *seg = req->segs;
	u32 in_extent = 0;
	u32 in_seg = 0;

	while (left) {
		void *addr = page_address(seg->page) + in_seg;
		u64 gpa = extent->gpa + in_extent;
		u32 n = min3(left, seg->len - in_seg, extent->len - in_extent);
		int err;

		err = back ? mp_memtable_write(mem, gpa, addr, n) :
			     mp_memtable_read(mem, gpa, addr, n);
		if (err)
			return err;
		left -= n;
		in_seg += n;
		in_extent += n;
		if (in_seg == seg->len) {
			seg++;
			in_seg = 0;
		}
		if (in_extent == extent->len) {
			extent++;
			in_extent = 0;
		}
	}
	return 0;
}

/**
 * vmp_bounce_fill() - give a slot host memory for its chain
 * @queue: the queue; its chain is the slot's
 * @slot: the slot, with room for %VMP_BOUNCE_SEGS segments, none in use
 *
 * What the guest sends is copied into it.
 *
 * Context: the worker.
 * Return: 0, -ENOSPC: no memory, or -EFAULT: the guest has none there.  The
 * caller drops the slot's memory in any case.
 */
int vmp_bounce_fill(struct vmp_queue *queue, struct vmp_slot *slot)
{
	const struct mp_chain *chain = queue->chain;
	int err;

	err = alloc(slot, min_t(u64, chain->out_len + chain->in_len, BOUNCE_MAX));
	if (err || queue->index == VMP_RX)
		return err;
	return copy(vmp_memory(queue->device), chain->extent, &slot->req,
		    slot->req.len, false);
}

/**
 * vmp_bounce_back() - give the guest what was received into host memory
 * @queue: the queue
 * @slot: a slot of it, used
 *
 * Context: the owner's address space.
 * Return: 0, or -EFAULT: there is no memory of the guest's any more.
 */
int vmp_bounce_back(struct vmp_queue *queue, const struct vmp_slot *slot)
{
	return copy(vmp_memory(queue->device), slot->extent, &slot->req,
		    slot->req.used, true);
}
