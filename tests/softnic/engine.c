// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine: a thread that is one direction of a wire and the DMA at both of
 * its ends; its doorbell; and interrupts.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "softnic.h"

/* Packets before interrupts are raised, and others may have the CPU. */
#define BURST		64

/* Interrupts. */

static void irq_schedule(void *arg)
{
	struct sn_queue *queue = arg;

	napi_schedule(&queue->napi);
	atomic_dec(&queue->irqs);		/* it may be gone after this */
}

/* Something was completed: an interrupt, unless they are masked. */
static void irq_raise(struct sn_queue *queue)
{
	struct sn_counters *counters = &queue->nic->counters;
	int cpu = READ_ONCE(queue->irq_cpu);

	set_bit(SN_IRQ_CAUSE, &queue->irq_bits);
	/* a full barrier: the cause before the mask, see sn_irq_unmask() */
	if (test_and_set_bit(SN_IRQ_MASKED, &queue->irq_bits))
		return;
	WRITE_ONCE(counters->interrupts, counters->interrupts + 1);

	if (cpu >= 0) {
		atomic_inc(&queue->irqs);
		if (!smp_call_function_single_async(cpu, &queue->irq))
			return;
		atomic_dec(&queue->irqs);
	}
	local_bh_disable();
	napi_schedule(&queue->napi);
	local_bh_enable();
}

/* NAPI begins: what was completed by now it will find. */
void sn_irq_ack(struct sn_queue *queue)
{
	clear_bit(SN_IRQ_CAUSE, &queue->irq_bits);
	smp_mb__after_atomic();	/* the cause before the rings */
}

/* NAPI is done.  It looks again if something was completed meanwhile. */
void sn_irq_unmask(struct sn_queue *queue)
{
	clear_bit(SN_IRQ_MASKED, &queue->irq_bits);
	smp_mb__after_atomic();	/* pairs with irq_raise() */
	if (test_bit(SN_IRQ_CAUSE, &queue->irq_bits))
		napi_schedule(&queue->napi);
}

/* No interrupt is on its way any more.  The engines have stopped. */
void sn_irq_sync(struct sn_queue *queue)
{
	while (atomic_read(&queue->irqs))
		schedule_timeout_uninterruptible(1);
	synchronize_rcu();	/* irq_schedule() has returned */
}

void sn_irq_init(struct sn_queue *queue, int cpu)
{
	INIT_CSD(&queue->irq, irq_schedule, queue);
	atomic_set(&queue->irqs, 0);
	queue->irq_cpu = cpu;
}

/* The thread. */

/* A packet is put on the wire, as it is or in segments. */
static void wire(struct sn_engine *engine, u32 len, const struct sn_tx_desc *how)
{
	struct sn_nic *to = engine->to;
	u8 *packet = engine->packet;
	u32 offset = 0;
	u32 n;

	if (how->flags & SN_TX_SEGMENT) {
		while ((n = sn_frame_segment(packet, len, how, &offset,
					     engine->segment))) {
			to->counters.sent++;
			sn_desc_receive(to, engine->segment, n, true);
		}
		return;
	}

	to->counters.sent++;
	if (how->flags & SN_TX_CSUM) {
		sn_frame_checksum(packet, len, how->csum_start,
				  how->csum_offset);
		sn_desc_receive(to, packet, len, true);
	} else {
		sn_desc_receive(to, packet, len, sn_frame_verify(packet, len));
	}
}

/* What the other end sends, and the errors that it meets. */
static unsigned int transmit(struct sn_engine *engine)
{
	struct sn_nic *to = engine->to;
	struct sn_nic *from = to->peer;
	struct sn_faults *faults = &from->tx_faults;
	struct sn_tx_desc first;
	unsigned int nr;

	for (nr = 0; nr < BURST; nr++) {
		u32 index = from->tx_regs.head;
		u32 len = sn_desc_fetch(from, engine->packet, &first);
		u32 status = 0;

		if (!len)
			break;
		if (sn_fault_due(READ_ONCE(faults->error), &faults->nr_error)) {
			WRITE_ONCE(from->counters.tx_errors,
				   from->counters.tx_errors + 1);
			status = SN_ERROR;
		}
		sn_desc_sent(from, index, len, status);
		if (!status)
			wire(engine, len, &first);
	}
	return nr;
}

/* Everything that there is to do now.  Returns false if there was nothing. */
static bool run(struct sn_engine *engine, ktime_t *next)
{
	struct sn_nic *to = engine->to;
	struct sn_nic *from = to->peer;
	unsigned int sent, made, i;
	unsigned long causes = 0;
	bool tx, late;

	mutex_lock(&engine->lock);
	late = sn_desc_late(to, ktime_get(), next);
	sent = transmit(engine);
	made = sn_generate(to, BURST, next);
	for (i = 0; i < to->nr_queues; i++) {
		if (to->queue[i].regs.cause)
			__set_bit(i, &causes);
		to->queue[i].regs.cause = false;
	}
	tx = from->tx_regs.cause;
	from->tx_regs.cause = false;
	mutex_unlock(&engine->lock);

	for_each_set_bit(i, &causes, to->nr_queues)
		irq_raise(&to->queue[i]);
	if (tx)
		irq_raise(&from->queue[0]);
	return sent || made || late;
}

static int engine_thread(void *arg)
{
	struct sn_engine *engine = arg;
	ktime_t next = 0;
	bool did = true;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!test_and_clear_bit(0, &engine->kicked) && !did)
			schedule_hrtimeout_range(&next, 0, HRTIMER_MODE_ABS);
		__set_current_state(TASK_RUNNING);

		next = KTIME_MAX;
		did = run(engine, &next);
		cond_resched();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* A doorbell.  Any context. */
void sn_engine_kick(struct sn_engine *engine)
{
	if (!test_and_set_bit(0, &engine->kicked))
		wake_up_process(engine->thread);
}

void sn_engine_init(struct sn_engine *engine, struct sn_nic *to)
{
	engine->to = to;
	mutex_init(&engine->lock);
}

/**
 * sn_engine_start() - the wire towards a card begins to work
 * @engine: the card's, whose peer is known
 * @cpu: the CPU to run on, or -1: any
 *
 * Return: 0 or an errno.
 */
int sn_engine_start(struct sn_engine *engine, int cpu)
{
	struct task_struct *thread;

	engine->packet = kvmalloc(SN_PACKET_MAX, GFP_KERNEL);
	engine->segment = kvmalloc(SN_FRAME_MAX, GFP_KERNEL);
	if (!engine->packet || !engine->segment)
		return -ENOMEM;

	thread = kthread_create(engine_thread, engine, "%s/wire",
				engine->to->dev->name);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	if (cpu >= 0)
		set_cpus_allowed_ptr(thread, cpumask_of(cpu));
	engine->thread = thread;
	wake_up_process(thread);
	return 0;
}

/* Also after sn_engine_start() failed, or was not called. */
void sn_engine_stop(struct sn_engine *engine)
{
	if (engine->thread)
		kthread_stop(engine->thread);
	engine->thread = NULL;
	kvfree(engine->segment);
	kvfree(engine->packet);
}
