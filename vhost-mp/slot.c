// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slots of a queue: for each head of a chain the memory that was found behind it.
 */
#include <linux/slab.h>

#include "vhost_mp.h"

/*
 * Pieces of one chain that the port gets to see.  A receive buffer is not used
 * beyond; a packet may be in as many as there are descriptors, each across a
 * page border.  Room for so many is made when they come.
 */
#define SEGS_RX		256
#define SEGS_TX		(2 * MP_CHAIN_MAX)
#define SEGS_FEW	2
#define SEGS_GROWTH	16

/* Lets go of the memory that was found for the slot's chain, if any. */
void vmp_slot_drop(struct vmp_slot *slot)
{
	vmp_memory_put(slot->req.segs, slot->req.nr_segs);
	slot->req.nr_segs = 0;
}

/* None is in use.  So much comes on a guest's demand that it is on its VMM's account. */
static int make_room_for_segs(struct vmp_slot *slot, unsigned int most)
{
	unsigned int nr = clamp_t(unsigned int, slot->max_segs * SEGS_GROWTH,
				  SEGS_FEW, most);
	struct mp_seg *segs;

	segs = kvmalloc_array(nr, sizeof(*segs), GFP_KERNEL_ACCOUNT);
	if (!segs)
		return -ENOMEM;
	kvfree(slot->req.segs);
	slot->req.segs = segs;
	slot->max_segs = nr;
	return 0;
}

/* What cannot be pinned is copied.  May sleep. */
static int slot_bounce(struct vmp_queue *queue, struct vmp_slot *slot)
{
	while (slot->max_segs < VMP_BOUNCE_SEGS)
		if (make_room_for_segs(slot, SEGS_RX))
			return -ENOSPC;
	return vmp_bounce_fill(queue, slot);
}

/* Finds the memory behind queue->chain, as much as there may be.  May sleep. */
static int slot_find_segs(struct vmp_queue *queue, struct vmp_slot *slot)
{
	const struct mp_memtable *mem = vmp_memory(queue->device);
	const unsigned int most = queue->index == VMP_TX ? SEGS_TX : SEGS_RX;
	const struct mp_chain *chain = queue->chain;
	struct mp_request *req = &slot->req;
	int nr;

	for (;;) {
		nr = vmp_memory_segs(mem, chain, req->segs, slot->max_segs,
				     &req->len);
		if (nr == -ENOMEM)
			return slot_bounce(queue, slot);
		if (nr < 0)
			return nr;
		req->nr_segs = nr;
		if (req->len == chain->out_len + chain->in_len ||
		    slot->max_segs == most)
			return 0;
		vmp_slot_drop(slot);
		if (make_room_for_segs(slot, most))
			return -ENOSPC;
	}
}

static int slot_fill_segs(struct vmp_queue *queue, struct vmp_slot *slot)
{
	struct mp_request *req = &slot->req;
	int err = slot_find_segs(queue, slot);

	if (!err && queue->index == VMP_TX && req->len < queue->chain->out_len)
		req->len = 0;	/* the port sends no part of a packet */
	return err;
}

/* Keeps what the log needs of queue->chain.  May sleep. */
static int slot_fill_extents(struct vmp_queue *queue, struct vmp_slot *slot)
{
	const struct mp_chain *chain = queue->chain;
	struct mp_extent *extent;
	unsigned int i;

	if (chain->nr_in > slot->max_extents) {
		extent = krealloc_array(slot->extent, chain->nr_in,
					sizeof(*extent), GFP_KERNEL_ACCOUNT);
		if (!extent)
			return -ENOSPC;
		slot->extent = extent;
		slot->max_extents = chain->nr_in;
	}
	slot->nr_extents = chain->nr_in;
	for (i = 0; i < chain->nr_in; i++)
		slot->extent[i] = chain->extent[i];
	return 0;
}

/* Makes queue->chain a request.  May sleep. */
int vmp_slot_fill(struct vmp_queue *queue, struct vmp_slot *slot)
{
	struct mp_request *req = &slot->req;
	int err;

	err = slot_fill_segs(queue, slot) ?: slot_fill_extents(queue, slot);
	if (err)
		return err;
	req->used = 0;
	req->dirty = 0;
	req->state = MP_REQ_BACKEND;
	req->backend = &queue->backend;
	return 0;
}

/* Nothing is in a slot any more.  Under queue->mutex. */
void vmp_slots_free(struct vmp_queue *queue)
{
	unsigned int i;

	for (i = 0; queue->slot && i < queue->num; i++) {
		vmp_slot_drop(&queue->slot[i]);
		kvfree(queue->slot[i].req.segs);
		kfree(queue->slot[i].extent);
	}
	kvfree(queue->slot);
	kvfree(queue->chain);
	queue->slot = NULL;
	queue->chain = NULL;
}

int vmp_slots_alloc(struct vmp_queue *queue)
{
	queue->slot = kvcalloc(queue->num, sizeof(*queue->slot),
			       GFP_KERNEL_ACCOUNT);
	queue->chain = kvmalloc(sizeof(*queue->chain), GFP_KERNEL_ACCOUNT);
	if (queue->slot && queue->chain)
		return 0;
	vmp_slots_free(queue);
	return -ENOMEM;
}
