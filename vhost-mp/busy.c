// SPDX-License-Identifier: GPL-2.0-only
/*
 * Busy polling, VHOST_SET_VRING_BUSYLOOP_TIMEOUT: before it sleeps, the worker
 * looks at the rings for as long as was asked for, and guests need not kick.
 *
 * Only rings are looked at.  Frames that arrive wake nobody but the guest, so
 * there is nothing to gain for them; and a NIC that is polled from here would
 * let GRO hold its frames until the wait is over.
 */
#include <linux/sched/signal.h>

#include "vhost_mp.h"

/**
 * vmp_busy_begin() - the ring is empty: look at it, or ask for a kick?
 * @queue: a queue, running
 * @taken: what was in the ring this time
 *
 * Context: the worker, under queue->mutex.
 * Return: whether to look; vmp_busy_wait() will.
 */
bool vmp_busy_begin(struct vmp_queue *queue, const struct vmp_taken *taken)
{
	struct vmp_busy *busy = &queue->busy;
	ktime_t now;

	if (!busy->us)
		return false;
	now = ktime_get();
	if (taken->nr)
		busy->until = ktime_add_us(now, busy->us);
	WRITE_ONCE(busy->on, ktime_before(now, busy->until));
	return busy->on;
}

/* The ring goes away, or there is something in it. */
static bool is_over(const struct vmp_queue *queue)
{
	if (test_bit(0, &queue->kicked))
		return true;
	if (!queue->busy.on)
		return false;
	return !READ_ONCE(queue->running) || vmp_queue_is_due(queue);
}

static bool is_wanted(const struct vmp_device *device)
{
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++)
		if (READ_ONCE(device->queue[i].busy.on))
			return true;
	return false;
}

static ktime_t latest(const struct vmp_device *device)
{
	ktime_t until = 0;
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++)
		if (device->queue[i].busy.on)
			until = max(until, device->queue[i].busy.until);
	return until;
}

/* Looks until there is something to do.  False if it gave up, to let others run. */
static bool look(struct vmp_device *device, ktime_t until)
{
	unsigned int i;

	do {
		if (need_resched() || signal_pending(current))
			return false;
		for (i = 0; i < VMP_QUEUES; i++)
			if (is_over(&device->queue[i]))
				return true;
		cpu_relax();
	} while (ktime_before(ktime_get(), until));
	return true;
}

/* Has the queues served that were looked at, so that they ask for kicks. */
static void end(struct vmp_device *device, bool forgo)
{
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++) {
		struct vmp_queue *queue = &device->queue[i];

		if (!queue->busy.on)
			continue;
		WRITE_ONCE(queue->busy.on, false);
		if (forgo)
			queue->busy.until = 0;
		vmp_queue_kick(queue);
	}
}

/**
 * vmp_busy_wait() - look at the rings whose queues want it
 * @device: the device
 *
 * Context: the worker, without locks.
 * Return: false if no queue wants it; else there may be something to do now, and
 * the task is in TASK_RUNNING.
 */
bool vmp_busy_wait(struct vmp_device *device)
{
	if (!is_wanted(device))
		return false;

	__set_current_state(TASK_RUNNING);
	mutex_lock(&device->busy);
	end(device, !look(device, latest(device)));
	mutex_unlock(&device->busy);
	return true;
}

/* Nobody looks at the ring any more.  It is not running, under queue->mutex. */
void vmp_busy_stop(struct vmp_queue *queue)
{
	mutex_lock(&queue->device->busy);
	WRITE_ONCE(queue->busy.on, false);
	mutex_unlock(&queue->device->busy);
}
