// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vhost-mp: the ioctls of /dev/vhost-net.
 */
#include <linux/fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "vhost_mp.h"

static bool running(const struct vmp_device *device)
{
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++)
		if (device->queue[i].running)
			return true;
	return false;
}

static int check_owner(const struct vmp_device *device)
{
	return device->mm && device->mm == current->mm ? 0 : -EPERM;
}

static int set_owner(struct vmp_device *device)
{
	int err;

	if (device->mm)
		return -EBUSY;
	err = vmp_worker_start(device);
	if (err)
		return err;
	device->mm = current->mm;
	mmgrab(device->mm);
	return 0;
}

/* Everything but the eventfds' absence is as after open() then. */
static void reset(struct vmp_device *device)
{
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++)
		vmp_queue_detach(&device->queue[i]);
	for (i = 0; i < VMP_QUEUES; i++) {
		struct vmp_queue *queue = &device->queue[i];

		vmp_queue_release(queue);
		queue->num = 0;
		queue->base = 0;
		queue->kicked = 0;
		queue->busy.us = 0;
		memset(&queue->addr, 0, sizeof(queue->addr));
	}
	vmp_worker_stop(device);
	device->features = 0;
	device->log_base = 0;
	vmp_log_update(device);
	vmp_memory_clear(device);
	if (device->log_event)
		eventfd_ctx_put(device->log_event);
	device->log_event = NULL;
	if (device->mm)
		mmdrop(device->mm);
	device->mm = NULL;
}

static long reset_owner(struct vmp_device *device)
{
	int err = check_owner(device);

	if (!err)
		reset(device);
	return err;
}

/* Features and log base, which say whether and where there is a log; or neither. */
static int set_log(struct vmp_device *device, u64 features, u64 base)
{
	const u64 features_had = device->features;
	const u64 base_had = device->log_base;
	int err;

	device->features = features;
	device->log_base = base;
	err = vmp_log_update(device);
	if (err) {
		device->features = features_had;
		device->log_base = base_had;
	}
	return err;
}

/* A running device can only begin and end to log. */
static int set_features(struct vmp_device *device, u64 features)
{
	const u64 log = BIT_ULL(VHOST_F_LOG_ALL);

	if (features & ~VMP_FEATURES)
		return -EOPNOTSUPP;
	if (running(device) && (features ^ device->features) & ~log)
		return -EBUSY;
	return set_log(device, features, device->log_base);
}

static long features_ioctl(struct vmp_device *device, unsigned int cmd,
			   void __user *argp)
{
	u64 features = VMP_FEATURES;

	switch (cmd) {
	case VHOST_GET_FEATURES:
		return copy_to_user(argp, &features, sizeof(features)) ?
		       -EFAULT : 0;
	case VHOST_SET_FEATURES:
		if (copy_from_user(&features, argp, sizeof(features)))
			return -EFAULT;
		return set_features(device, features);
	case VHOST_GET_BACKEND_FEATURES:
		features = 0;
		return copy_to_user(argp, &features, sizeof(features)) ?
		       -EFAULT : 0;
	case VHOST_SET_BACKEND_FEATURES:
		if (copy_from_user(&features, argp, sizeof(features)))
			return -EFAULT;
		return features ? -EOPNOTSUPP : 0;
	default:
		return -ENOIOCTLCMD;
	}
}

static long set_backend(struct vmp_device *device, void __user *argp)
{
	struct vhost_vring_file backend;
	struct vmp_queue *queue;

	if (copy_from_user(&backend, argp, sizeof(backend)))
		return -EFAULT;
	if (backend.index >= VMP_QUEUES)
		return -ENOBUFS;
	queue = &device->queue[backend.index];
	if (backend.fd != -1)
		return vmp_queue_attach(queue, backend.fd);
	vmp_queue_detach(queue);
	return 0;
}

/* Bits are set with atomic operations on words, which must not cross cache lines. */
static long set_log_base(struct vmp_device *device, void __user *argp)
{
	u64 base;

	if (copy_from_user(&base, argp, sizeof(base)))
		return -EFAULT;
	if ((u64)(unsigned long)base != base)
		return -EFAULT;
	if (!IS_ALIGNED(base, sizeof(u64)))
		return -EINVAL;
	return set_log(device, device->features, base);
}

static long set_log_fd(struct vmp_device *device, void __user *argp)
{
	struct eventfd_ctx *ctx = NULL;
	int fd;

	if (get_user(fd, (int __user *)argp))
		return -EFAULT;
	if (fd != -1) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	swap(device->log_event, ctx);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

/* The calls for which the caller must own the device. */
static long owner_ioctl(struct vmp_device *device, unsigned int cmd,
			void __user *argp)
{
	int err = check_owner(device);

	if (err)
		return err;
	switch (cmd) {
	case VHOST_SET_MEM_TABLE:
		return vmp_memory_set(device, argp);
	case VHOST_SET_LOG_BASE:
		return set_log_base(device, argp);
	case VHOST_SET_LOG_FD:
		return set_log_fd(device, argp);
	case VHOST_NET_SET_BACKEND:
		return set_backend(device, argp);
	default:
		return vmp_vring_ioctl(device, cmd, argp);
	}
}

static long ioctl(struct vmp_device *device, unsigned int cmd,
		  void __user *argp)
{
	long ret;

	switch (cmd) {
	case VHOST_SET_OWNER:
		return set_owner(device);
	case VHOST_RESET_OWNER:
		return reset_owner(device);
	default:
		ret = features_ioctl(device, cmd, argp);
		return ret == -ENOIOCTLCMD ? owner_ioctl(device, cmd, argp) :
					     ret;
	}
}

static long vmp_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vmp_device *device = file->private_data;
	long ret;

	mutex_lock(&device->mutex);
	ret = ioctl(device, cmd, (void __user *)arg);
	mutex_unlock(&device->mutex);
	return ret;
}

static int vmp_open(struct inode *inode, struct file *file)
{
	struct vmp_device *device;
	unsigned int i;

	device = kvzalloc(sizeof(*device), GFP_KERNEL_ACCOUNT);
	if (!device)
		return -ENOMEM;
	mutex_init(&device->mutex);
	mutex_init(&device->busy);
	for (i = 0; i < VMP_QUEUES; i++)
		vmp_queue_init(&device->queue[i], device, i);
	file->private_data = device;
	return 0;
}

static int vmp_release(struct inode *inode, struct file *file)
{
	struct vmp_device *device = file->private_data;

	mutex_lock(&device->mutex);
	reset(device);
	mutex_unlock(&device->mutex);
	kvfree(device);
	return 0;
}

const struct file_operations vmp_fops = {
	.owner		= THIS_MODULE,
	.open		= vmp_open,
	.release	= vmp_release,
	.unlocked_ioctl	= vmp_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};
