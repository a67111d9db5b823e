// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtqueue at work: chains from the ring become requests for the port, and
 * come back as used entries.
 */
#include <linux/bitmap.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "vhost_mp.h"

/* Chains a batch to the port, and before the other queue has its turn. */
#define BATCH		64
#define TURN		256

/*
 * Pieces of one chain that the port gets to see.  A receive buffer is not used
 * beyond; a packet may be in as many as there are descriptors, each across a
 * page border.  Room for so many is made when they come.
 */
#define SEGS_RX		256
#define SEGS_TX		(2 * MP_CHAIN_MAX)
#define SEGS_FEW	2
#define SEGS_GROWTH	16

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

/* The guest broke the rules.  Only a restart helps.  Under queue->mutex. */
static void queue_break(struct vmp_queue *queue, const char *why)
{
	queue->ring.broken = true;
	queue->ring.error = why;
	pr_warn_ratelimited("vhost_mp: %s queue of %s[%d] stopped: %s\n",
			    queue->index == VMP_RX ? "receive" : "transmit",
			    current->comm, current->tgid, why);
	if (queue->error)
		mp_eventfd_signal(queue->error);
}

/* Used entries. */

static void log_ring(struct vmp_queue *queue)
{
	struct vmp_log *log = queue->log;

	lockdep_assert_held(&queue->used_lock);
	if (log && queue->addr.flags & BIT(VHOST_VRING_F_LOG))
		vmp_log_dirty(log, queue->addr.log_guest_addr,
			      mp_ring_used_size(queue->ring.num));
}

static void log_slot(struct vmp_queue *queue, const struct vmp_slot *slot)
{
	struct vmp_log *log = queue->log;
	u32 left = slot->req.used;
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
	log_ring(queue);
	if (!mp_ring_expose(&queue->ring))
		goto out;
	if (!may_coalesce(queue))
		interrupt(queue);
	else if (!hrtimer_is_queued(&queue->coalesce))
		hrtimer_start(&queue->coalesce, ns_to_ktime(TX_COALESCE_NS),
			      HRTIMER_MODE_REL_SOFT);
out:
	spin_unlock_bh(&queue->used_lock);
}

/* Entries that are worth a wake-up. */
static u32 quarter(const struct vmp_queue *queue)
{
	return max(queue->num / 4, 1U);
}

/* Whether the guest offers enough to look at before it kicks.  Any context. */
bool vmp_queue_is_due(const struct vmp_queue *queue)
{
	bool one = queue->index == VMP_TX || READ_ONCE(queue->hungry);

	return mp_ring_offered(&queue->ring) >= (one ? 1 : quarter(queue));
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

/* Lets go of the memory that was found for the slot's chain, if any. */
static void slot_drop(struct vmp_slot *slot)
{
	vmp_memory_put(slot->req.segs, slot->req.nr_segs);
	slot->req.nr_segs = 0;
}

static void give_back(struct vmp_queue *queue, struct vmp_slot *slot, u32 len)
{
	lockdep_assert_held(&queue->used_lock);
	slot_drop(slot);
	mp_ring_push(&queue->ring, slot_head(queue, slot), len);
	/* The worker may take the slot again; pairs with check_chain(). */
	smp_store_release(&slot->state, VMP_SLOT_FREE);
}

/* The guest gets its next received packet, in @nr of @reqs. */
static void give_packet(struct vmp_queue *queue, struct mp_requests *reqs,
			unsigned int nr)
{
	lockdep_assert_held(&queue->used_lock);
	while (nr--) {
		struct vmp_slot *slot = slot_of(mp_requests_pop(reqs));

		log_slot(queue, slot);
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
static void bounce_back(struct vmp_queue *queue)
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
		queue_break(queue, "receive buffer is not mapped any more");
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

/* Chains. */

static int make_room_for_segs(struct vmp_slot *slot, unsigned int most)
{
	unsigned int nr = clamp_t(unsigned int, slot->max_segs * SEGS_GROWTH,
				  SEGS_FEW, most);
	struct mp_seg *segs;

	segs = krealloc_array(slot->req.segs, nr, sizeof(*segs), GFP_KERNEL);
	if (!segs)
		return -ENOMEM;
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
		slot_drop(slot);
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
					sizeof(*extent), GFP_KERNEL);
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
static int slot_fill(struct vmp_queue *queue, struct vmp_slot *slot)
{
	struct mp_request *req = &slot->req;
	int err;

	err = slot_fill_segs(queue, slot) ?: slot_fill_extents(queue, slot);
	if (err)
		return err;
	req->used = 0;
	req->state = MP_REQ_BACKEND;
	req->backend = &queue->backend;
	return 0;
}

/* What is wrong with the chain that was taken, or NULL. */
static const char *check_chain(const struct vmp_queue *queue)
{
	const struct mp_chain *chain = queue->chain;
	const struct vmp_slot *slot = &queue->slot[chain->head];

	/* What give_back() did before it let go of the slot. */
	if (smp_load_acquire(&slot->state) != VMP_SLOT_FREE)
		return "descriptor offered twice";
	if (queue->index == VMP_RX && chain->nr_out)
		return "readable descriptor in the receive ring";
	if (queue->index == VMP_TX && chain->nr_in)
		return "writable descriptor in the transmit ring";
	return NULL;
}

static const char *why_not_filled(int err)
{
	if (err == -ENOSPC)
		return "out of memory";
	if (err == -EFAULT)
		return "buffer outside of memory";
	return "cannot pin guest memory";
}

/*
 * Takes a chain from the ring and makes it a request: 1 taken, 0 nothing
 * offered, or an errno and the queue is broken.  Under queue->mutex; may sleep.
 */
static int take(struct vmp_queue *queue, struct mp_requests *reqs)
{
	const struct mp_memtable *mem = vmp_memory(queue->device);
	u16 pos = queue->ring.last_avail;
	struct vmp_slot *slot;
	const char *why;
	int ret;

	ret = mp_ring_pop(&queue->ring, mem, queue->chain);
	if (ret <= 0) {
		if (ret)
			queue_break(queue, queue->ring.error ?: why_not_filled(ret));
		return ret;
	}
	why = check_chain(queue);
	if (why)
		goto broken;
	slot = &queue->slot[queue->chain->head];
	ret = slot_fill(queue, slot);
	if (ret) {
		why = why_not_filled(ret);
		goto broken_slot;
	}
	if (queue->index == VMP_RX && slot->req.len < queue->backend.hdr_len) {
		why = "receive buffer shorter than a virtio header";
		goto broken_slot;
	}
	slot->pos = pos;
	slot->state = VMP_SLOT_OUT;
	mp_requests_push(reqs, &slot->req);
	return 1;

broken_slot:
	slot_drop(slot);
broken:
	mp_ring_rewind(&queue->ring, 1);
	queue_break(queue, why);
	return -EINVAL;
}

static int submit(struct vmp_queue *queue, struct mp_batch *batch)
{
	struct msghdr msg = { .msg_control = batch };
	const struct proto_ops *ops = READ_ONCE(queue->sock->ops);

	if (queue->index == VMP_TX)
		return ops->sendmsg(queue->sock, &msg, 0);
	return ops->recvmsg(queue->sock, &msg, 0, MSG_DONTWAIT);
}

/* Takes and submits up to a batch.  Returns what the last take() did. */
static int serve_batch(struct vmp_queue *queue, struct vmp_taken *taken)
{
	struct mp_batch batch = { .type = MP_MSG_BATCH };
	int ret = 1;

	mp_requests_init(&batch.reqs);
	while (ret > 0 && batch.reqs.nr < BATCH) {
		ret = take(queue, &batch.reqs);
		if (ret > 0) {
			taken->nr++;
			taken->bytes += queue->chain->out_len;
		}
	}
	if (batch.reqs.nr)
		submit(queue, &batch);
	return ret;
}

/*
 * How many entries the guest should offer before it kicks.  Receive buffers are
 * posted long before they are needed, and whenever frames come somebody looks
 * for more of them (flush_tasklet()); unless the port has too few.
 */
static u16 patience(struct vmp_queue *queue, bool hungry,
		    const struct vmp_taken *taken)
{
	if (queue->index == VMP_TX)
		return vmp_holdoff_begin(queue, taken) ? quarter(queue) : 1;
	return hungry && !taken->nr ? 1 : max(queue->num - quarter(queue), 1U);
}

/* Whether the rings that we see are those that the guest sees. */
static bool rings_valid(struct vmp_queue *queue)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queue->map); i++)
		if (!mp_vmap_valid(&queue->map[i]))
			return false;
	return true;
}

/* Asks for a kick, or has the worker look.  True if there is more to take. */
static bool listen(struct vmp_queue *queue, bool hungry,
		   const struct vmp_taken *taken)
{
	if (vmp_busy_begin(queue, taken)) {
		if (hungry)
			WRITE_ONCE(queue->hungry, true);
		return false;
	}
	return mp_ring_listen_after(&queue->ring,
				    patience(queue, hungry, taken));
}

/* Takes all that the guest offers.  The worker; may sleep. */
void vmp_queue_serve(struct vmp_queue *queue)
{
	const bool hungry = xchg(&queue->hungry, false);
	struct vmp_taken taken = { .since = ktime_get() };
	int ret;

	mutex_lock(&queue->mutex);
	if (!queue->running || queue->ring.broken)
		goto out;
	if (!rings_valid(queue)) {
		queue_break(queue, "the VMM has mapped something else in place of its ring");
		goto out;
	}

	bounce_back(queue);
	mp_ring_quiet(&queue->ring);
	do {
		do {
			ret = serve_batch(queue, &taken);
			cond_resched();
		} while (ret > 0 && taken.nr < TURN);
		if (ret > 0) {
			vmp_queue_kick(queue);	/* after the others */
			goto out;
		}
	} while (!ret && listen(queue, hungry, &taken));

	spin_lock_bh(&queue->used_lock);
	log_ring(queue);	/* the wish to be kicked lies in the used ring */
	spin_unlock_bh(&queue->used_lock);
out:
	mutex_unlock(&queue->mutex);
}

/* There may be something to do.  Any context. */
void vmp_queue_kick(struct vmp_queue *queue)
{
	if (!test_and_set_bit(0, &queue->kicked))
		vmp_worker_wake(queue->device);
}

/* Start and stop. */

static void unmap(struct vmp_queue *queue)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queue->map); i++)
		mp_umem_vunmap(&queue->map[i]);
}

static int map(struct vmp_queue *queue)
{
	const struct {
		u64 uaddr;
		size_t size;
	} part[] = {
		{ queue->addr.desc_user_addr, mp_ring_desc_size(queue->num) },
		{ queue->addr.avail_user_addr, mp_ring_avail_size(queue->num) },
		{ queue->addr.used_user_addr, mp_ring_used_size(queue->num) },
	};
	const struct mp_memtable *mem = vmp_memory(queue->device);
	unsigned int i;
	int err;

	if (!mem)
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(part); i++) {
		err = vmp_memory_map(mem, part[i].uaddr, part[i].size,
				     &queue->map[i]);
		if (err)
			goto err_unmap;
	}
	err = mp_ring_init(&queue->ring, queue->num, queue->map[0].addr,
			   queue->map[1].addr, queue->map[2].addr, queue->base);
	if (!err)
		return 0;
err_unmap:
	unmap(queue);
	return err;
}

static void free_slots(struct vmp_queue *queue)
{
	unsigned int i;

	for (i = 0; queue->slot && i < queue->num; i++) {
		slot_drop(&queue->slot[i]);
		kfree(queue->slot[i].req.segs);
		kfree(queue->slot[i].extent);
	}
	kvfree(queue->slot);
	kvfree(queue->chain);
	queue->slot = NULL;
	queue->chain = NULL;
}

static int alloc_slots(struct vmp_queue *queue)
{
	queue->slot = kvcalloc(queue->num, sizeof(*queue->slot), GFP_KERNEL);
	queue->chain = kvmalloc(sizeof(*queue->chain), GFP_KERNEL);
	if (queue->slot && queue->chain)
		return 0;
	free_slots(queue);
	return -ENOMEM;
}

static void set_features(struct vmp_queue *queue)
{
	const u64 features = queue->device->features;
	struct mp_backend *backend = &queue->backend;

	queue->ring.event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	queue->ring.indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	backend->mergeable = features & BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
	backend->hdr_len = sizeof(struct virtio_net_hdr);
	if (features & (BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |
			BIT_ULL(VIRTIO_F_VERSION_1)))
		backend->hdr_len = sizeof(struct virtio_net_hdr_mrg_rxbuf);
	backend->rx_max = queue->num;
}

/* Under queue->mutex. */
static int start(struct vmp_queue *queue)
{
	int err;

	lockdep_assert_held(&queue->mutex);
	if (!queue->num)
		return -EINVAL;
	err = alloc_slots(queue);
	if (err)
		return err;
	err = map(queue);
	if (err)
		goto err_slots;
	set_features(queue);
	mp_requests_init(&queue->bounced);
	if (queue->index == VMP_RX) {
		err = mp_backend_start(queue->sock, &queue->backend);
		if (err)
			goto err_unmap;
	}
	queue->running = true;
	vmp_queue_kick(queue);
	return 0;

err_unmap:
	unmap(queue);
err_slots:
	free_slots(queue);
	return err;
}

/*
 * Receive requests that came back unused: the latest are offered again, so that
 * another host can carry on with them; those that others overtook can only be
 * completed with nothing in them.
 */
static void unuse(struct vmp_queue *queue)
{
	const u16 mask = queue->num - 1;
	unsigned long *unused;
	u16 last = queue->ring.last_avail;
	u16 nr = 0;
	u32 i;

	unused = bitmap_zalloc(queue->num, GFP_KERNEL);
	for (i = 0; unused && i < queue->num; i++) {
		const struct vmp_slot *slot = &queue->slot[i];

		/* What was overtaken by a whole ring shares no bit with the rest. */
		if (slot->state == VMP_SLOT_UNUSED &&
		    (u16)(last - 1 - slot->pos) < queue->num)
			__set_bit(slot->pos & mask, unused);
	}
	while (unused && nr < queue->num &&
	       test_bit((u16)(last - 1 - nr) & mask, unused))
		nr++;
	bitmap_free(unused);
	mp_ring_rewind(&queue->ring, nr);

	spin_lock_bh(&queue->used_lock);
	for (i = 0; i < queue->num; i++) {
		struct vmp_slot *slot = &queue->slot[i];

		if (slot->state == VMP_SLOT_UNUSED &&
		    (u16)(last - 1 - slot->pos) >= nr)
			give_back(queue, slot, 0);
	}
	spin_unlock_bh(&queue->used_lock);
}

/* Under queue->mutex. */
static void stop(struct vmp_queue *queue)
{
	lockdep_assert_held(&queue->mutex);
	if (!queue->running)
		return;
	WRITE_ONCE(queue->running, false);
	vmp_busy_stop(queue);
	if (queue->index == VMP_RX) {
		mp_backend_stop(queue->sock, &queue->backend);
		bounce_back(queue);
		unuse(queue);
	} else {
		mp_backend_drain(queue->sock);
	}
	tasklet_kill(&queue->flush);
	hrtimer_cancel(&queue->coalesce);
	vmp_holdoff_stop(queue);
	spin_lock_bh(&queue->used_lock);
	log_ring(queue);
	mp_ring_expose(&queue->ring);
	interrupt(queue);
	spin_unlock_bh(&queue->used_lock);
	queue->base = queue->ring.last_avail;
	unmap(queue);
	free_slots(queue);
}

/* Stops and lets go of the port. */
void vmp_queue_detach(struct vmp_queue *queue)
{
	mutex_lock(&queue->mutex);
	stop(queue);
	if (queue->file)
		fput(queue->file);
	queue->file = NULL;
	queue->sock = NULL;
	mutex_unlock(&queue->mutex);
}

/* VHOST_NET_SET_BACKEND with a descriptor of /dev/net/mp. */
int vmp_queue_attach(struct vmp_queue *queue, int fd)
{
	struct socket *sock;
	struct file *file;
	int err = 0;

	file = fget(fd);
	if (!file)
		return -EBADF;
	sock = mp_get_socket(file);
	if (IS_ERR(sock)) {
		fput(file);
		return -ENOTSOCK;
	}

	if (file == queue->file && queue->running) {
		fput(file);
		return 0;
	}
	vmp_queue_detach(queue);

	mutex_lock(&queue->mutex);
	queue->file = file;
	queue->sock = sock;
	err = start(queue);
	if (err) {
		queue->file = NULL;
		queue->sock = NULL;
		fput(file);
	}
	mutex_unlock(&queue->mutex);
	return err;
}

/* Stops; what is attached stays so. */
void vmp_queue_stop(struct vmp_queue *queue)
{
	mutex_lock(&queue->mutex);
	stop(queue);
	mutex_unlock(&queue->mutex);
}

/* Starts a stopped queue again if a port is attached. */
int vmp_queue_restart(struct vmp_queue *queue)
{
	int err = 0;

	mutex_lock(&queue->mutex);
	if (queue->file && !queue->running)
		err = start(queue);
	mutex_unlock(&queue->mutex);
	return err;
}

void vmp_queue_init(struct vmp_queue *queue, struct vmp_device *device,
		    unsigned int index)
{
	queue->device = device;
	queue->index = index;
	queue->backend.ops = &backend_ops;
	queue->backend.pinned = pinned;
	mutex_init(&queue->mutex);
	spin_lock_init(&queue->used_lock);
	tasklet_setup(&queue->flush, flush_tasklet);
	vmp_holdoff_init(queue);
	mp_hrtimer_setup(&queue->coalesce, coalesce_over, CLOCK_MONOTONIC,
			 HRTIMER_MODE_REL_SOFT);
}
