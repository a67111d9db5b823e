// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VHOST_*_VRING_* calls: where a queue's rings are, and its eventfds.
 */
#include <linux/file.h>
#include <linux/nospec.h>

#include "vhost_mp.h"

/* The guest kicked.  Hard interrupts may be off. */
static int kick_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
		     void *key)
{
	struct vmp_queue *queue = container_of(wait, struct vmp_queue,
					       kick_wait);

	if (key_to_poll(key) & EPOLLIN)
		vmp_queue_kick(queue);
	return 0;
}

static void kick_queue(struct file *file, wait_queue_head_t *head,
		       poll_table *poll)
{
	struct vmp_queue *queue = container_of(poll, struct vmp_queue,
					       kick_poll);

	queue->kick_head = head;
	add_wait_queue(head, &queue->kick_wait);
}

static void kick_release(struct vmp_queue *queue)
{
	if (queue->kick_head)
		remove_wait_queue(queue->kick_head, &queue->kick_wait);
	queue->kick_head = NULL;
	if (queue->kick_file)
		fput(queue->kick_file);
	queue->kick_file = NULL;
}

static int set_kick(struct vmp_queue *queue, int fd)
{
	struct file *file = NULL;

	if (fd != -1) {
		file = eventfd_fget(fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	kick_release(queue);
	if (!file)
		return 0;

	queue->kick_file = file;
	init_waitqueue_func_entry(&queue->kick_wait, kick_wake);
	init_poll_funcptr(&queue->kick_poll, kick_queue);
	if (vfs_poll(file, &queue->kick_poll) & EPOLLIN)
		vmp_queue_kick(queue);
	return 0;
}

static int get_eventfd(int fd, struct eventfd_ctx **ctx)
{
	*ctx = NULL;
	if (fd == -1)
		return 0;
	*ctx = eventfd_ctx_fdget(fd);
	return PTR_ERR_OR_ZERO(*ctx);
}

static void put_eventfd(struct eventfd_ctx *ctx)
{
	if (ctx)
		eventfd_ctx_put(ctx);
}

static int set_call(struct vmp_queue *queue, int fd)
{
	struct eventfd_ctx *ctx;
	int err = get_eventfd(fd, &ctx);

	if (err)
		return err;
	spin_lock_bh(&queue->used_lock);
	swap(queue->call, ctx);
	spin_unlock_bh(&queue->used_lock);
	put_eventfd(ctx);
	return 0;
}

static int set_err(struct vmp_queue *queue, int fd)
{
	struct eventfd_ctx *ctx;
	int err = get_eventfd(fd, &ctx);

	if (err)
		return err;
	swap(queue->error, ctx);
	put_eventfd(ctx);
	return 0;
}

/* Lets go of all eventfds.  The queue is detached. */
void vmp_queue_release(struct vmp_queue *queue)
{
	kick_release(queue);
	set_call(queue, -1);
	set_err(queue, -1);
}

static int set_num(struct vmp_queue *queue, u32 num)
{
	if (queue->running)
		return -EBUSY;
	if (!num || num > MP_RING_SIZE_MAX || !is_power_of_2(num))
		return -EINVAL;
	queue->num = num;
	return 0;
}

static int set_base(struct vmp_queue *queue, u32 base)
{
	if (queue->running)
		return -EBUSY;
	if (base > U16_MAX)
		return -EINVAL;
	queue->base = base;
	return 0;
}

/* While the queue runs only its logging can change. */
static int set_addr(struct vmp_queue *queue, const struct vhost_vring_addr *addr)
{
	const struct vhost_vring_addr *now = &queue->addr;

	if (addr->flags & ~BIT(VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(addr->desc_user_addr, VRING_DESC_ALIGN_SIZE) ||
	    !IS_ALIGNED(addr->avail_user_addr, VRING_AVAIL_ALIGN_SIZE) ||
	    !IS_ALIGNED(addr->used_user_addr, VRING_USED_ALIGN_SIZE) ||
	    !IS_ALIGNED(addr->log_guest_addr, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	if (queue->running && (addr->desc_user_addr != now->desc_user_addr ||
			       addr->avail_user_addr != now->avail_user_addr ||
			       addr->used_user_addr != now->used_user_addr))
		return -EBUSY;

	spin_lock_bh(&queue->used_lock);
	queue->addr = *addr;
	spin_unlock_bh(&queue->used_lock);
	return 0;
}

static long state_ioctl(struct vmp_queue *queue, unsigned int cmd,
			struct vhost_vring_state *state)
{
	switch (cmd) {
	case VHOST_SET_VRING_NUM:
		return set_num(queue, state->num);
	case VHOST_SET_VRING_BASE:
		return set_base(queue, state->num);
	case VHOST_GET_VRING_BASE:
		state->num = queue->running ? queue->ring.last_avail :
					      queue->base;
		return 0;
	case VHOST_SET_VRING_ENDIAN:
		return state->num == VHOST_VRING_LITTLE_ENDIAN ? 0 : -EINVAL;
	case VHOST_GET_VRING_ENDIAN:
		state->num = VHOST_VRING_LITTLE_ENDIAN;
		return 0;
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
		queue->busy.us = state->num;
		return 0;
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		state->num = queue->busy.us;
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

static long file_ioctl(struct vmp_queue *queue, unsigned int cmd, int fd)
{
	switch (cmd) {
	case VHOST_SET_VRING_KICK:
		return set_kick(queue, fd);
	case VHOST_SET_VRING_CALL:
		return set_call(queue, fd);
	case VHOST_SET_VRING_ERR:
		return set_err(queue, fd);
	default:
		return -ENOIOCTLCMD;
	}
}

/* By the number alone two of these seem not to. */
static bool answers(unsigned int cmd)
{
	return cmd == VHOST_GET_VRING_BASE || cmd == VHOST_GET_VRING_ENDIAN ||
	       cmd == VHOST_GET_VRING_BUSYLOOP_TIMEOUT;
}

/* All the arguments begin with the queue's index and have at most this size. */
union vring_arg {
	u32 index;
	struct vhost_vring_state state;
	struct vhost_vring_file file;
	struct vhost_vring_addr addr;
};

/**
 * vmp_vring_ioctl() - a call about one queue
 * @device: the device, its mutex held
 * @cmd: the call
 * @argp: its argument
 *
 * Return: 0; -ENOIOCTLCMD for other calls; -ENOBUFS: no such queue; -EBUSY:
 * not while the queue runs; else as vhost.
 */
long vmp_vring_ioctl(struct vmp_device *device, unsigned int cmd,
		     void __user *argp)
{
	union vring_arg arg = {};
	struct vmp_queue *queue;
	long ret;

	if (_IOC_TYPE(cmd) != VHOST_VIRTIO || _IOC_SIZE(cmd) > sizeof(arg) ||
	    _IOC_SIZE(cmd) < sizeof(arg.index))
		return -ENOIOCTLCMD;
	if (copy_from_user(&arg, argp, _IOC_SIZE(cmd)))
		return -EFAULT;
	if (arg.index >= VMP_QUEUES)
		return -ENOBUFS;
	queue = &device->queue[array_index_nospec(arg.index, VMP_QUEUES)];

	mutex_lock(&queue->mutex);
	if (cmd == VHOST_SET_VRING_ADDR)
		ret = set_addr(queue, &arg.addr);
	else if (_IOC_SIZE(cmd) == sizeof(arg.file) &&
		 (cmd == VHOST_SET_VRING_KICK || cmd == VHOST_SET_VRING_CALL ||
		  cmd == VHOST_SET_VRING_ERR))
		ret = file_ioctl(queue, cmd, arg.file.fd);
	else
		ret = state_ioctl(queue, cmd, &arg.state);
	mutex_unlock(&queue->mutex);

	if (!ret && answers(cmd) &&
	    copy_to_user(argp, &arg, sizeof(arg.state)))
		ret = -EFAULT;
	return ret;
}
