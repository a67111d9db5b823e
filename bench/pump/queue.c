// SPDX-License-Identifier: GPL-2.0-only
/*
 * A split virtqueue, the driver's side: descriptors of one buffer each.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pump.h"

#define RING_ALIGN	4096

static __u16 load(const __u16 *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static void store(__u16 *to, __u16 value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

size_t queue_size(unsigned int num)
{
	return vring_size(num, RING_ALIGN);
}

void queue_init(struct queue *queue, unsigned int num, void *ring, __u8 *buf,
		size_t step, __u8 *base)
{
	unsigned int i;

	memset(queue, 0, sizeof(*queue));
	queue->num = num;
	vring_init(&queue->vring, num, ring, RING_ALIGN);
	queue->buf = buf;
	queue->step = step;
	queue->base = base;
	queue->kick = eventfd(0, EFD_NONBLOCK);
	queue->call = eventfd(0, EFD_NONBLOCK);
	queue->error = eventfd(0, EFD_NONBLOCK);
	queue->free = calloc(num, sizeof(*queue->free));
	if (!queue->free || queue->kick < 0 || queue->call < 0 || queue->error < 0)
		die("no memory or descriptors for a queue");
	for (i = 0; i < num; i++)
		queue->free[i] = num - 1 - i;
	queue->nr_free = num;
	/* until queue_wait() wants them */
	queue->vring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
}

__u8 *queue_buf(const struct queue *queue, unsigned int id)
{
	return queue->buf + id * queue->step;
}

/* Offers a buffer; the device sees it at the next queue_kick(). */
void queue_offer(struct queue *queue, unsigned int id, unsigned int len,
		 bool writable)
{
	struct vring_desc *desc = &queue->vring.desc[id];

	desc->addr = queue_buf(queue, id) - queue->base;
	desc->len = len;
	desc->flags = writable ? VRING_DESC_F_WRITE : 0;
	desc->next = 0;
	queue->vring.avail->ring[queue->avail++ % queue->num] = id;
}

/* Shows what was offered, and tells the device if it wants to be told. */
void queue_kick(struct queue *queue)
{
	__u16 old = queue->kicked;
	bool wanted;

	if (old == queue->avail)
		return;
	store(&queue->vring.avail->idx, queue->avail);
	queue->kicked = queue->avail;
	barrier();	/* our index before its wish */

	if (queue->event_idx)
		wanted = vring_need_event(load(&vring_avail_event(&queue->vring)),
					  queue->avail, old);
	else
		wanted = !(load(&queue->vring.used->flags) & VRING_USED_F_NO_NOTIFY);
	if (!wanted || ++queue->kicks == queue->lose_kick)
		return;
	if (eventfd_write(queue->kick, 1))
		die("kick: %s", strerror(errno));
}

/* Takes the next used entry. */
bool queue_take(struct queue *queue, unsigned int *id, unsigned int *len)
{
	const struct vring_used_elem *elem;

	if (load(&queue->vring.used->idx) == queue->used)
		return false;
	elem = &queue->vring.used->ring[queue->used++ % queue->num];
	if (elem->id >= queue->num)
		die("the device used descriptor %u, there are %u", elem->id,
		    queue->num);
	*id = elem->id;
	*len = elem->len;
	return true;
}

/* Offers all descriptors that are free, for the device to write to. */
void queue_offer_all(struct queue *queue, unsigned int len)
{
	while (queue->nr_free)
		queue_offer(queue, queue->free[--queue->nr_free], len, true);
	queue_kick(queue);
}

/*
 * Takes the packet that begins in used entry @id: up to @room bytes of its frame go
 * to @to, its descriptors are free.  Returns the frame's length.  A merged packet's
 * first buffer tells how many there are; they lie where they lie.
 */
unsigned int queue_take_frame(struct queue *queue, unsigned int id,
			      unsigned int len, __u8 *to, unsigned int room)
{
	const struct virtio_net_hdr_mrg_rxbuf *vnet;
	unsigned int left, skip = VNET_HDR;
	unsigned int have = 0, total = 0;

	vnet = (const void *)queue_buf(queue, id);
	left = vnet->num_buffers;
	for (;;) {
		unsigned int n = len - skip < room - have ? len - skip : room - have;

		memcpy(to + have, queue_buf(queue, id) + skip, n);
		have += n;
		total += len - skip;
		skip = 0;
		queue->free[queue->nr_free++] = id;
		if (left-- <= 1)
			return total;
		while (!queue_take(queue, &id, &len))
			;	/* the device publishes a packet as a whole */
	}
}

/* Takes back what the device has read. */
void queue_reclaim(struct queue *queue)
{
	unsigned int id, len;

	while (queue_take(queue, &id, &len))
		queue->free[queue->nr_free++] = id;
}

static bool is_broken(const struct queue *queue)
{
	eventfd_t value;

	return !eventfd_read(queue->error, &value);
}

static __u64 now_ms(void)
{
	return now() / 1000000;
}

/* Used entries that were not looked at yet. */
unsigned int queue_waiting(const struct queue *queue)
{
	return (__u16)(load(&queue->vring.used->idx) - queue->used);
}

/* Whether there are @more used entries. */
bool queue_has(const struct queue *queue, unsigned int more)
{
	return queue_waiting(queue) >= more;
}

/*
 * As a guest does: wants an interrupt as soon as there are @more used entries, and
 * looks.  True if there are: no interrupt may come for these.
 */
bool queue_want(struct queue *queue, unsigned int more)
{
	if (queue->event_idx)
		store(&vring_used_event(&queue->vring), queue->used + more - 1);
	else
		store(&queue->vring.avail->flags, 0);
	barrier();	/* our wish before its index */
	return queue_has(queue, more);
}

/* With event index the wish, once passed, stays in the past. */
void queue_unwant(struct queue *queue)
{
	if (!queue->event_idx)
		store(&queue->vring.avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

/* Sleeps until the device interrupts; false if it does not. */
bool queue_sleep(struct queue *queue, int timeout_ms)
{
	struct pollfd pollfd = { .fd = queue->call, .events = POLLIN };
	eventfd_t value;

	do {
		if (poll(&pollfd, 1, timeout_ms) <= 0)
			return false;
	} while (eventfd_read(queue->call, &value) ||
		 ++queue->calls == queue->lose_call);
	return true;
}

/* What both sides see of the ring, to say who waits for whom. */
void queue_report(const struct queue *queue, const char *name)
{
	const struct vring *vring = &queue->vring;
	struct pollfd call = { .fd = queue->call, .events = POLLIN };

	fprintf(stderr, "  %s: offered %u, shown %u, kick wanted at %u (flags %u), %llu kicks\n",
		name, queue->avail, load(&vring->avail->idx),
		load(&vring_avail_event(vring)), load(&vring->used->flags), queue->kicks);
	fprintf(stderr, "  %s: used %u, seen %u, interrupt wanted at %u (flags %u), %llu interrupts, %s\n",
		name, load(&vring->used->idx), queue->used,
		load(&vring_used_event(vring)), load(&vring->avail->flags), queue->calls,
		poll(&call, 1, 0) > 0 ? "one is pending" : "none is pending");
	if (is_broken(queue))
		fprintf(stderr, "  %s: stopped by the device\n", name);
}

/*
 * Waits until there are @more used entries; asleep, there can be fewer.  False
 * if there is none after @timeout_ms.
 */
bool queue_wait(struct queue *queue, unsigned int more, bool poll, int timeout_ms)
{
	__u64 end = now_ms() + timeout_ms;
	unsigned int i;

	while (poll) {
		for (i = 0; i < 1000; i++)
			if (queue_has(queue, more))
				return true;
		if (is_broken(queue))
			die("the device stopped the queue");
		if (now_ms() >= end)
			return queue_has(queue, 1);
	}

	if (!queue_want(queue, more))
		while (queue_sleep(queue, timeout_ms) && !queue_has(queue, more))
			;
	queue_unwant(queue);
	if (is_broken(queue))
		die("the device stopped the queue");
	return queue_has(queue, 1);
}
