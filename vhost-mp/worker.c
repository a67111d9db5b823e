// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread that serves kicks: it may sleep, and pin guest memory.
 */
#include "vhost_mp.h"

static bool serve(void *arg)
{
	struct vmp_device *device = arg;
	bool worked = false;
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++) {
		struct vmp_queue *queue = &device->queue[i];

		if (!test_and_clear_bit(0, &queue->kicked))
			continue;
		__set_current_state(TASK_RUNNING);
		vmp_queue_serve(queue);
		worked = true;
	}
	return worked || vmp_busy_wait(device);
}

/* The process dies; its files, this one included, are closed soon. */
static void killed(void *arg)
{
}

int vmp_worker_start(struct vmp_device *device)
{
	char name[TASK_COMM_LEN];
	struct mp_task *worker;

	snprintf(name, sizeof(name), "vhost-mp-%d", current->pid);
	worker = mp_task_create(serve, killed, device, name);
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	device->worker = worker;
	mp_task_start(worker);
	return 0;
}

/* No queue is running. */
void vmp_worker_stop(struct vmp_device *device)
{
	if (!device->worker)
		return;
	mp_task_stop(device->worker);
	device->worker = NULL;
}

/* Any context. */
void vmp_worker_wake(struct vmp_device *device)
{
	mp_task_wake(device->worker);
}
