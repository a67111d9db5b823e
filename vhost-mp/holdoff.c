// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a transmit queue asks its guest to kick.
 *
 * A kick is an exit, and one for nothing if the guest sends again soon: it would
 * have been enough to look.  So, when the ring is empty, kicks are held off while
 * chains are on their way, and for as long as the guest is likely to take for the
 * next one.  That is learnt as with halt polling: from the time that passed before
 * a kick, and a bit less with each time that waiting was enough.  So what is sent
 * waits no longer than a quarter of the time that the guest took to make it.
 *
 * Who sends seldom, or one short packet at a time, is asked for a kick at once:
 * somebody may be waiting for that packet.
 */
#include <linux/moduleparam.h>

#include "vhost_mp.h"

/* Bytes that no single frame has: a guest that sends this wants throughput. */
#define LONG	2048

static uint tx_holdoff_us = 1000;
module_param(tx_holdoff_us, uint, 0644);
MODULE_PARM_DESC(tx_holdoff_us,
		 "longest time in microseconds that a guest that keeps sending is not asked to kick; 0: it always is");

static u64 longest(void)
{
	return (u64)READ_ONCE(tx_holdoff_us) * NSEC_PER_USEC;
}

/* From what was found in the ring after it had been empty. */
static void learn(struct vmp_holdoff *holdoff, const struct vmp_taken *taken)
{
	u64 gap = ktime_to_ns(ktime_sub(taken->since, holdoff->since));
	u64 guess = holdoff->guess;

	if (taken->nr == 1 && taken->bytes < LONG)
		guess = 0;
	else if (holdoff->on)
		guess -= guess / 32;
	else
		guess = gap < longest() ? gap + gap / 4 : guess / 2;
	holdoff->guess = min(guess, longest());
}

static void look_again(struct vmp_queue *queue, bool over)
{
	WRITE_ONCE(queue->holdoff.over, over);
	vmp_queue_kick(queue);
}

static enum hrtimer_restart guess_is_over(struct hrtimer *timer)
{
	struct vmp_queue *queue = container_of(timer, struct vmp_queue,
					       holdoff.timer);
	struct vmp_holdoff *holdoff = &queue->holdoff;

	if (!READ_ONCE(holdoff->on))
		return HRTIMER_NORESTART;
	if (mp_ring_offered(&queue->ring)) {
		look_again(queue, false);
		return HRTIMER_NORESTART;
	}
	/* Whoever brings back what is on its way looks: vmp_holdoff_look() */
	WRITE_ONCE(holdoff->late, true);
	smp_mb();	/* @late before the look; pairs with flush_tasklet()'s */
	if (!mp_ring_out(&queue->ring))
		look_again(queue, true);
	return HRTIMER_NORESTART;
}

/**
 * vmp_holdoff_begin() - the ring is empty: wait, or ask for a kick?
 * @queue: a transmit queue, running
 * @taken: what was in the ring this time
 *
 * Context: the worker, under queue->mutex.
 * Return: whether to wait.  In that case the queue is kicked in time.
 */
bool vmp_holdoff_begin(struct vmp_queue *queue, const struct vmp_taken *taken)
{
	struct vmp_holdoff *holdoff = &queue->holdoff;
	bool over = xchg(&holdoff->over, false);

	if (taken->nr) {
		learn(holdoff, taken);
		holdoff->since = ktime_get();
	}
	/* who looked busily has waited long enough */
	if (!holdoff->guess || (over && !taken->nr) || queue->busy.us) {
		WRITE_ONCE(holdoff->on, false);
		return false;
	}
	WRITE_ONCE(holdoff->late, false);
	WRITE_ONCE(holdoff->on, true);
	hrtimer_start(&holdoff->timer,
		      ktime_add_ns(holdoff->since, holdoff->guess),
		      HRTIMER_MODE_ABS_SOFT);
	return true;
}

/**
 * vmp_holdoff_look() - chains came back
 * @queue: a transmit queue
 *
 * Context: softirq; a full barrier after the used index moved.
 */
void vmp_holdoff_look(struct vmp_queue *queue)
{
	struct vmp_holdoff *holdoff = &queue->holdoff;

	if (!READ_ONCE(holdoff->on))
		return;
	if (mp_ring_offered(&queue->ring))
		look_again(queue, false);
	else if (READ_ONCE(holdoff->late) && !mp_ring_out(&queue->ring))
		look_again(queue, true);
}

/* The queue stops.  Under queue->mutex; nobody looks any more. */
void vmp_holdoff_stop(struct vmp_queue *queue)
{
	hrtimer_cancel(&queue->holdoff.timer);
	queue->holdoff.on = false;
	queue->holdoff.guess = 0;
}

void vmp_holdoff_init(struct vmp_queue *queue)
{
	mp_hrtimer_setup(&queue->holdoff.timer, guess_is_over, CLOCK_MONOTONIC,
			 HRTIMER_MODE_ABS_SOFT);
}
