// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that come back from the port, and become used entries.
 */
#include "vhost_mp.h"

/* As long as NICs wait, under load, before they interrupt for what they sent. */
#define TX_COALESCE_NS	(250 * NSEC_PER_USEC)

static struct vmp_queue *queue_of(struct mp_backend *backend)
{
	return container_of(backend, struct vmp_queue, backend);
}

static struct vmp_slot *slot_of(struct mp_request *req)
{
	return container_of(req, struct vmp_slot, req);
}

static u16 slot_head(const struct vmp_queue *queue, const struct vmp_slot *slot)
{
	return slot - queue->slot;
}

/* The used ring has been written to.  Not before that: the VMM may clear the log and copy. */
void vmp_used_log(struct vmp_queue *queue)
{
	struct vmp_log *log = queue->log;

	lockdep_assert_held(&queue->used_lock);
	if (log && queue->addr.flags & BIT(VHOST_VRING_F_LOG))
		vmp_log_dirty(log, queue->addr.log_guest_addr,
			      mp_ring_used_size(queue->ring.num));
}

/*
 * Beside what the guest gets, @used bytes, also what the NIC may have written for a
 * longer frame that came to nothing.
 */
static void log_slot(struct vmp_queue *queue, const struct vmp_slot *slot,
		     u32 used)
{
	const struct mp_request *req = &slot->req;
	struct vmp_log *log = queue->log;
	u32 left = mp_request_copied(req) ? used : max(used, req->dirty);
	unsigned int i;

	lockdep_assert_held(&queue->used_lock);
	for (i = 0; log && i < slot->nr_extents && left; i++) {
		u32 n = min(left, slot->extent[i].len);

		vmp_log_dirty(log, slot->extent[i].gpa, n);
		left -= n;
	}
}

static void interrupt(struct vmp_queue *queue)
{
	lockdep_assert_held(&queue->used_lock);
	if (mp_ring_interrupt(&queue->ring) && queue->call)
		mp_eventfd_signal(queue->call);
}

static enum hrtimer_restart coalesce_over(struct hrtimer *timer)
{
	struct vmp_queue *queue = container_of(timer, struct vmp_queue, coalesce);

	spin_lock(&queue->used_lock);
	interrupt(queue);
	spin_unlock(&queue->used_lock);
	return HRTIMER_NORESTART;
}

/*
 * What was sent is visible to the guest at once, and it finds it when it sends or
 * receives the next time.  So whether it wants an interrupt for that is asked a
 * moment later, unless half of its ring is on the way: then it may be waiting for
 * room.
 */
static bool may_coalesce(const struct vmp_queue *queue)
{
	return queue->index == VMP_TX &&
	       mp_ring_out(&queue->ring) < queue->num / 2;
}

static void flush(struct vmp_queue *queue)
{
	spin_lock_bh(&queue->used_lock);
	if (!mp_ring_expose(&queue->ring))
		goto out;
	vmp_used_log(queue);
	if (!may_coalesce(queue))
		interrupt(queue);
	else if (!hrtimer_is_queued(&queue->coalesce))
		hrtimer_start(&queue->coalesce, ns_to_ktime(TX_COALESCE_NS),
			      HRTIMER_MODE_REL_SOFT);
out:
	spin_unlock_bh(&queue->used_lock);
}

static void flush_tasklet(struct tasklet_struct *tasklet)
{
	struct vmp_queue *queue = container_of(tasklet, struct vmp_queue, flush);

	flush(queue);
	smp_mb();	/* used index before the look; pairs with guess_is_over() */
	if (queue->index == VMP_TX)
		vmp_holdoff_look(queue);
	else if (vmp_queue_is_due(queue))
		vmp_queue_kick(queue);
}

/* The slot's chain is the guest's again, with @len bytes in it. */
static void give_back(struct vmp_queue *queue, struct vmp_slot *slot, u32 len)
{
	lockdep_assert_held(&queue->used_lock);
	vmp_slot_drop(slot);
	mp_ring_push(&queue->ring, slot_head(queue, slot), len);
	/* The worker may take the slot again; pairs with check_chain(). */
	smp_store_release(&slot->state, VMP_SLOT_FREE);
}

/*
 * A slot that came back unused.  Unless its chain is offered again, the guest has it
 * with nothing in it.
 */
void vmp_used_return(struct vmp_queue *queue, struct vmp_slot *slot, bool again)
{
	log_slot(queue, slot, 0);
	if (!again)
		give_back(queue, slot, 0);
}

/* The guest gets its next received packet, in @nr of @reqs. */
static void give_packet(struct vmp_queue *queue, struct mp_requests *reqs,
			unsigned int nr)
{
	lockdep_assert_held(&queue->used_lock);
	while (nr--) {
		struct vmp_slot *slot = slot_of(mp_requests_pop(reqs));

		log_slot(queue, slot, slot->req.used);
		give_back(queue, slot, slot->req.used);
	}
}

static bool any_copied(const struct mp_requests *reqs)
{
	const struct mp_request *req;

	for (req = reqs->first; req; req = req->next)
		if (mp_request_copied(req))
			return true;
	return false;
}

/* A received packet.  BH off. */
static void rx_done(struct mp_backend *backend, struct mp_requests *reqs)
{
	struct vmp_queue *queue = queue_of(backend);
	bool bounce;

	spin_lock(&queue->used_lock);
	bounce = queue->bounced.nr || any_copied(reqs);
	if (bounce) {
		slot_of(reqs->first)->packet = reqs->nr;
		mp_requests_append(&queue->bounced, reqs);
	} else {
		give_packet(queue, reqs, reqs->nr);
	}
	spin_unlock(&queue->used_lock);
	if (bounce)
		vmp_queue_kick(queue);
	else
		tasklet_schedule(&queue->flush);
}

static struct mp_request *first_bounced(struct vmp_queue *queue)
{
	struct mp_request *req;

	spin_lock_bh(&queue->used_lock);
	req = queue->bounced.first;
	spin_unlock_bh(&queue->used_lock);
	return req;
}

/*
 * Copies what lies in host memory to where the guest wants it.  Packets stay in
 * bounced meanwhile, so that later ones wait.  Under queue->mutex.
 */
void vmp_used_bounced(struct vmp_queue *queue)
{
	struct mp_request *req, *first;
	bool lost = false;
	unsigned int nr;

	while ((first = first_bounced(queue))) {
		nr = slot_of(first)->packet;
		for (req = first; nr--; req = req->next)
			if (mp_request_copied(req))
				lost |= vmp_bounce_back(queue, slot_of(req));
		spin_lock_bh(&queue->used_lock);
		give_packet(queue, &queue->bounced, slot_of(first)->packet);
		spin_unlock_bh(&queue->used_lock);
		tasklet_schedule(&queue->flush);
	}
	if (lost && queue->running)
		vmp_queue_break(queue, "receive buffer is not mapped any more");
}

/* Posted and not used.  BH off, while the queue stops. */
static void rx_return(struct mp_backend *backend, struct mp_request *req)
{
	struct vmp_slot *slot = slot_of(req);

	WRITE_ONCE(slot->state, VMP_SLOT_UNUSED);
}

/* The port has too few.  Any context. */
static void rx_short(struct mp_backend *backend)
{
	struct vmp_queue *queue = queue_of(backend);

	WRITE_ONCE(queue->hungry, true);
	vmp_queue_kick(queue);
}

/* A transmitted packet.  BH off. */
static void tx_done(struct mp_backend *backend, struct mp_request *req)
{
	struct vmp_slot *slot = slot_of(req);
	struct vmp_queue *queue = queue_of(backend);

	spin_lock(&queue->used_lock);
	give_back(queue, slot, 0);
	spin_unlock(&queue->used_lock);
	tasklet_schedule(&queue->flush);
}

static u64 pinned(struct mp_backend *backend, bool *limited)
{
	return vmp_memory_pinned(queue_of(backend)->device, limited);
}

static const struct mp_backend_ops backend_ops = {
	.rx_done	= rx_done,
	.rx_short	= rx_short,
	.rx_return	= rx_return,
	.tx_done	= tx_done,
};

/* Publishes what is left, when no more comes back.  Process context. */
void vmp_used_stop(struct vmp_queue *queue)
{
	tasklet_kill(&queue->flush);
	hrtimer_cancel(&queue->coalesce);
	spin_lock_bh(&queue->used_lock);
	mp_ring_expose(&queue->ring);
	vmp_used_log(queue);
	interrupt(queue);
	spin_unlock_bh(&queue->used_lock);
}

void vmp_used_init(struct vmp_queue *queue)
{
	queue->backend.ops = &backend_ops;
	queue->backend.pinned = pinned;
	spin_lock_init(&queue->used_lock);
	tasklet_setup(&queue->flush, flush_tasklet);
	mp_hrtimer_setup(&queue->coalesce, coalesce_over, CLOCK_MONOTONIC,
			 HRTIMER_MODE_REL_SOFT);
}
