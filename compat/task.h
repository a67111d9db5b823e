/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker thread that runs in its creator's address space and cgroups: a
 * vhost_task, or a kthread where the kernel has none.
 *
 * The thread calls work(arg) in state TASK_INTERRUPTIBLE until stopped, and
 * sleeps until the next mp_task_wake() when it returns false.  work() sets
 * TASK_RUNNING before it does anything that may sleep.
 *
 * killed(arg) is called by the thread when its process is killed; it is the
 * last call and mp_task_wake() has no effect from then on.  A kthread does not
 * notice and ends at mp_task_stop() only.
 */
#ifndef _MP_COMPAT_TASK_H
#define _MP_COMPAT_TASK_H

#include "config.h"

#include <linux/err.h>

#if MP_HAVE_VHOST_TASK

#include <linux/sched/vhost_task.h>

#define mp_task		vhost_task
#define mp_task_start	vhost_task_start
#define mp_task_wake	vhost_task_wake
#define mp_task_stop	vhost_task_stop

static inline struct mp_task *mp_task_create(bool (*work)(void *),
					     void (*killed)(void *), void *arg,
					     const char *name)
{
	struct vhost_task *task = vhost_task_create(work, killed, arg, name);

	/* older ones fail with NULL, newer ones with an error pointer */
	return task ? task : ERR_PTR(-ENOMEM);
}

#else

#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

struct mp_task {
	struct task_struct *thread;
	struct mm_struct *mm;
	bool (*work)(void *arg);
	void *arg;
};

static inline int mp_task_thread(void *data)
{
	struct mp_task *task = data;

	kthread_use_mm(task->mm);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!task->work(task->arg))
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	kthread_unuse_mm(task->mm);
	return 0;
}

static inline struct mp_task *mp_task_create(bool (*work)(void *),
					     void (*killed)(void *), void *arg,
					     const char *name)
{
	struct mp_task *task = kzalloc(sizeof(*task), GFP_KERNEL);
	int err = -ENOMEM;

	if (!task)
		goto err;
	task->work = work;
	task->arg = arg;
	task->mm = get_task_mm(current);
	if (!task->mm)
		goto err_free;
	task->thread = kthread_create(mp_task_thread, task, "%s", name);
	if (IS_ERR(task->thread)) {
		err = PTR_ERR(task->thread);
		goto err_mm;
	}
	err = cgroup_attach_task_all(current, task->thread);
	if (err)
		goto err_thread;
	return task;

err_thread:
	kthread_stop(task->thread);
err_mm:
	mmput(task->mm);
err_free:
	kfree(task);
err:
	return ERR_PTR(err);
}

static inline void mp_task_start(struct mp_task *task)
{
	wake_up_process(task->thread);
}

static inline void mp_task_wake(struct mp_task *task)
{
	wake_up_process(task->thread);
}

static inline void mp_task_stop(struct mp_task *task)
{
	kthread_stop(task->thread);
	mmput(task->mm);
	kfree(task);
}

#endif
#endif /* _MP_COMPAT_TASK_H */
