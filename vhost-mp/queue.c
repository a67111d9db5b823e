// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtqueue at work: chains from the ring become requests for the port.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "vhost_mp.h"

/* Chains a batch to the port, and before the other queue has its turn. */
#define BATCH		64
#define TURN		256

/* When there may be memory again. */
#define RETRY_MS	1

/* The guest broke the rules.  Only a restart helps.  Under queue->mutex. */
void vmp_queue_break(struct vmp_queue *queue, const char *why)
{
	queue->ring.broken = true;
	queue->ring.error = why;
	pr_warn_ratelimited("vhost_mp: %s queue of %s[%d] stopped: %s\n",
			    queue->index == VMP_RX ? "receive" : "transmit",
			    current->comm, current->tgid, why);
	if (queue->error)
		mp_eventfd_signal(queue->error);
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
	if (err == -EFAULT)
		return "buffer outside of memory";
	return "cannot pin guest memory";
}

/*
 * Takes a chain from the ring and makes it a request: 1 taken, 0 nothing
 * offered, -ENOSPC no memory for it now, or another errno and the queue is
 * broken.  Under queue->mutex; may sleep.
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
			vmp_queue_break(queue, queue->ring.error ?: why_not_filled(ret));
		return ret;
	}
	why = check_chain(queue);
	if (why)
		goto broken;
	slot = &queue->slot[queue->chain->head];
	ret = vmp_slot_fill(queue, slot);
	if (ret == -ENOSPC) {
		vmp_slot_drop(slot);
		mp_ring_rewind(&queue->ring, 1);
		return ret;
	}
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
	vmp_slot_drop(slot);
broken:
	mp_ring_rewind(&queue->ring, 1);
	vmp_queue_break(queue, why);
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
 * for more of them (used.c); unless the port has too few.
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
	int ret = 0;

	mutex_lock(&queue->mutex);
	if (!queue->running || queue->ring.broken)
		goto out;
	if (!rings_valid(queue)) {
		vmp_queue_break(queue, "the VMM has mapped something else in place of its ring");
		goto out;
	}

	vmp_used_bounced(queue);
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
	vmp_used_log(queue);	/* the wish to be kicked lies in the used ring */
	spin_unlock_bh(&queue->used_lock);
out:
	mutex_unlock(&queue->mutex);
	if (ret == -ENOSPC) {
		if (hungry)
			WRITE_ONCE(queue->hungry, true);
		msleep(RETRY_MS);
		vmp_queue_kick(queue);
	}
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
	backend->ring_size = queue->num;
}

/* Under queue->mutex. */
static int start(struct vmp_queue *queue)
{
	int err;

	lockdep_assert_held(&queue->mutex);
	if (!queue->num)
		return -EINVAL;
	err = vmp_slots_alloc(queue);
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
	vmp_slots_free(queue);
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

		if (slot->state == VMP_SLOT_UNUSED)
			vmp_used_return(queue, slot,
					(u16)(last - 1 - slot->pos) < nr);
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
		vmp_used_bounced(queue);
		unuse(queue);
	} else {
		mp_backend_drain(queue->sock);
	}
	vmp_used_stop(queue);
	vmp_holdoff_stop(queue);
	queue->base = queue->ring.last_avail;
	unmap(queue);
	vmp_slots_free(queue);
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
	mutex_init(&queue->mutex);
	vmp_used_init(queue);
	vmp_holdoff_init(queue);
}
