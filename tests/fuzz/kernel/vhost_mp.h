/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for vhost-mp/vhost_mp.h, so that memory.c and log.c can be built in
 * user space: the part of the structures that they use, and of the kernel.
 */
#ifndef _FUZZ_VHOST_MP_H
#define _FUZZ_VHOST_MP_H

#include <errno.h>
#include <stdlib.h>

#include <linux/types.h>
#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/vhost.h>

#include <mp/umem.h>

#include "../../../vhost-mp/memtable.h"
#include "../../../vhost-mp/ring.h"

/* The kernel */

#define __user
#define __rcu
#define GFP_KERNEL		0
#define PAGE_SIZE		4096UL
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)		(((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define BIT_ULL(n)		(1ULL << (n))
#define BITS_PER_TYPE(type)	(8 * sizeof(type))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define struct_size(p, member, n) \
	(sizeof(*(p)) + sizeof((p)->member[0]) * (n))

#define ERR_PTR(err)		((void *)(long)(err))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= -4095UL)

#define kzalloc(size, gfp)	calloc(1, size)
#define kvzalloc(size, gfp)	calloc(1, size)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)

#define rcu_read_lock()			((void)0)
#define rcu_read_unlock()		((void)0)
#define synchronize_rcu()		((void)0)
#define rcu_dereference(p)		(p)
#define rcu_assign_pointer(p, v)	((p) = (v))

/* What is locked twice, or let go of twice, is an error. */
struct mutex {
	bool held;
};

void mutex_lock_nested(struct mutex *mutex, unsigned int subclass);
void mutex_unlock(struct mutex *mutex);
#define spin_lock_bh(lock)	mutex_lock_nested(lock, 0)
#define spin_unlock_bh(lock)	mutex_unlock(lock)

unsigned long copy_from_user(void *to, const void *from, unsigned long n);
void set_bit_le(unsigned long nr, void *addr);

/* vhost-mp/vhost_mp.h */

enum {
	VMP_RX,
	VMP_TX,
	VMP_QUEUES,
};

struct vmp_log {
	struct mp_umem *umem;
	struct mp_vmap map;
	u64 nr;
};

struct vmp_queue {
	struct mutex mutex;
	struct mutex used_lock;
	struct vmp_log *log;
	bool running;
	bool stopped;
};

struct vmp_device {
	u64 features;
	struct mp_memtable *mem;
	u64 log_base;
	struct vmp_log *log;
	struct vmp_queue queue[VMP_QUEUES];
};

static inline struct mp_memtable *vmp_memory(const struct vmp_device *device)
{
	return device->mem;
}

void vmp_queue_stop(struct vmp_queue *queue);
int vmp_queue_restart(struct vmp_queue *queue);

int vmp_memory_set(struct vmp_device *device, const struct vhost_memory *user);
void vmp_memory_clear(struct vmp_device *device);
int vmp_memory_segs(const struct mp_memtable *mem, const struct mp_chain *chain,
		    struct mp_seg *segs, unsigned int max, u32 *len);
void vmp_memory_put(struct mp_seg *segs, unsigned int nr);
int vmp_memory_map(const struct mp_memtable *mem, u64 uaddr, size_t size,
		   struct mp_vmap *map);
u64 vmp_memory_pinned(const struct vmp_device *device, bool *limited);
int vmp_log_update(struct vmp_device *device);
void vmp_log_dirty(struct vmp_log *log, u64 gpa, u64 len);

#endif
