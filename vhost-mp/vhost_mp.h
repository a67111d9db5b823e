/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vhost_mp.ko: the device, its queues, and what the parts offer each
 * other.
 */
#ifndef _VHOST_MP_H
#define _VHOST_MP_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>

#include <mp/backend.h>
#include <mp/umem.h>

#include "compat.h"
#include "memtable.h"
#include "ring.h"
#include "task.h"

struct vmp_device;
struct vmp_log;

enum {
	VMP_RX,
	VMP_TX,
	VMP_QUEUES,
};

#define VMP_FEATURES	(BIT_ULL(VHOST_F_LOG_ALL) |			\
			 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |		\
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |		\
			 BIT_ULL(VIRTIO_F_ANY_LAYOUT) |			\
			 BIT_ULL(VIRTIO_F_VERSION_1) |			\
			 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF))

/* &struct vmp_slot.state */
enum vmp_slot_state {
	VMP_SLOT_FREE,		/* the guest's */
	VMP_SLOT_OUT,		/* the port's */
	VMP_SLOT_UNUSED,	/* came back unused, while the queue stops */
};

/**
 * struct vmp_slot - a descriptor chain, by its head
 * @req: what the port sees
 * @state: &enum vmp_slot_state; leaves FREE by the worker, and returns to it
 *	under the queue's used_lock
 * @pos: the ring position that it was taken at
 * @packet: requests of the packet that begins here, while it is in bounced
 * @max_segs: room in req.segs
 * @max_extents: room in @extent
 * @nr_extents: entries in @extent
 * @extent: what the guest lets us write to, for the dirty log
 */
struct vmp_slot {
	struct mp_request req;
	u8 state;
	u16 pos;
	u16 packet;
	u16 max_segs;
	u16 max_extents;
	u16 nr_extents;
	struct mp_extent *extent;
};

/**
 * struct vmp_taken - what the worker found in a ring
 * @since: when it began to look
 * @nr: chains
 * @bytes: in them, for the device to read
 */
struct vmp_taken {
	ktime_t since;
	unsigned int nr;
	u64 bytes;
};

/**
 * struct vmp_holdoff - the wait before a transmit queue asks its guest to kick
 * @timer: ends it
 * @since: when the ring was last found empty
 * @guess: how long the guest may take to offer the next chain, in ns; 0 if it
 *	takes too long to wait for that
 * @on: kicks are not asked for
 * @late: the guess is over, and chains are on their way still
 * @over: the next look that finds nothing ends it
 */
struct vmp_holdoff {
	struct hrtimer timer;
	ktime_t since;
	u64 guess;
	bool on;
	bool late;
	bool over;
};

/**
 * struct vmp_busy - looking at a ring instead of asking its guest to kick
 * @us: for so many microseconds after something was in it
 * @until: that is over
 * @on: kicks are not asked for, the worker looks
 *
 * All but @us is the worker's, while the queue runs.
 */
struct vmp_busy {
	u32 us;
	ktime_t until;
	bool on;
};

/**
 * struct vmp_queue - a virtqueue
 * @backend: what the port sees of the receive queue; first of each request
 * @device: whose
 * @index: %VMP_RX or %VMP_TX
 * @mutex: process context's: everything but what @used_lock protects
 * @num: entries, as set
 * @base: next available entry, while not running
 * @addr: where the VMM maps the rings
 * @kick_file: eventfd by which the guest kicks
 * @kick_wait: in its wait queue
 * @kick_head: that wait queue
 * @kick_poll: to find it
 * @kicked: there may be something to do
 * @hungry: do not wait for the guest to offer many (receive)
 * @holdoff: when to ask for kicks (transmit)
 * @busy: whether to look instead
 * @error: eventfd for a broken ring, or NULL
 * @file: the attached port's descriptor, or NULL
 * @sock: its socket
 * @running: the rings are mapped and served
 * @slot: by head, entries @num
 * @chain: scratch
 * @ring: the ring; the avail side belongs to @mutex, the used side to
 *	@used_lock
 * @map: what ring's parts are mapped at
 * @used_lock: BH-safe
 * @call: eventfd for interrupts, or NULL (@used_lock)
 * @log: the device's log, or NULL (@used_lock)
 * @bounced: received requests that wait for the worker, because it has to copy
 *	them, or one before them (@used_lock)
 * @flush: publishes used entries, once a softirq round
 * @coalesce: ends the wait for more of them before an interrupt (transmit)
 */
struct vmp_queue {
	struct mp_backend backend;
	struct vmp_device *device;
	unsigned int index;

	struct mutex mutex;	/* process context's part */
	u32 num;
	u16 base;
	struct vhost_vring_addr addr;
	struct file *kick_file;
	wait_queue_entry_t kick_wait;
	wait_queue_head_t *kick_head;
	poll_table kick_poll;
	unsigned long kicked;
	bool hungry;
	struct vmp_holdoff holdoff;
	struct vmp_busy busy;
	struct eventfd_ctx *error;
	struct file *file;
	struct socket *sock;
	bool running;
	struct vmp_slot *slot;
	struct mp_chain *chain;
	struct mp_ring ring;
	struct mp_vmap map[3];

	spinlock_t used_lock;	/* BH-safe: ring's used side, and what follows */
	struct eventfd_ctx *call;
	struct vmp_log *log;
	struct mp_requests bounced;
	struct tasklet_struct flush;
	struct hrtimer coalesce;
};

/**
 * struct vmp_log - the dirty page log
 * @umem: the memory that holds it
 * @map: of it: a bit for each page of guest memory
 * @nr: bits
 */
struct vmp_log {
	struct mp_umem *umem;
	struct mp_vmap map;
	u64 nr;
};

/**
 * struct vmp_device - an open /dev/vhost-mp
 * @mutex: serialises the ioctls; outer to the queues' mutexes
 * @mm: the owner's address space, or NULL
 * @features: negotiated (read by queues under their locks)
 * @mem: guest memory, or NULL; changes under all queues' mutexes (and for
 *	whoever only counts, RCU)
 * @log_base: where the VMM has the log, or 0
 * @log: the log, NULL unless VHOST_F_LOG_ALL
 * @log_event: eventfd for log changes, or NULL
 * @worker: serves kicks, from SET_OWNER on
 * @busy: held by the worker while it looks at rings without their queues' mutexes;
 *	inner to these
 * @queue: the queues
 */
struct vmp_device {
	struct mutex mutex;	/* the ioctls */
	struct mm_struct *mm;
	u64 features;
	struct mp_memtable __rcu *mem;
	u64 log_base;
	struct vmp_log *log;
	struct eventfd_ctx *log_event;
	struct mp_task *worker;
	struct mutex busy;	/* rings that the worker looks at are mapped */
	struct vmp_queue queue[VMP_QUEUES];
};

/* Under the device's mutex or a queue's. */
static inline struct mp_memtable *vmp_memory(const struct vmp_device *device)
{
	return rcu_dereference_protected(device->mem, true);
}

/* device.c APIs */
extern const struct file_operations vmp_fops;

/* queue.c APIs */
void vmp_queue_init(struct vmp_queue *queue, struct vmp_device *device,
		    unsigned int index);
int vmp_queue_attach(struct vmp_queue *queue, int fd);
int vmp_queue_restart(struct vmp_queue *queue);
void vmp_queue_stop(struct vmp_queue *queue);
void vmp_queue_detach(struct vmp_queue *queue);
void vmp_queue_release(struct vmp_queue *queue);
void vmp_queue_kick(struct vmp_queue *queue);
bool vmp_queue_is_due(const struct vmp_queue *queue);
void vmp_queue_serve(struct vmp_queue *queue);
void vmp_queue_break(struct vmp_queue *queue, const char *why);

/* slot.c APIs */
int vmp_slots_alloc(struct vmp_queue *queue);
void vmp_slots_free(struct vmp_queue *queue);
int vmp_slot_fill(struct vmp_queue *queue, struct vmp_slot *slot);
void vmp_slot_drop(struct vmp_slot *slot);

/* used.c APIs */
void vmp_used_init(struct vmp_queue *queue);
void vmp_used_stop(struct vmp_queue *queue);
void vmp_used_return(struct vmp_queue *queue, struct vmp_slot *slot, bool again);
void vmp_used_bounced(struct vmp_queue *queue);
void vmp_used_log(struct vmp_queue *queue);

/* bounce.c APIs */
#define VMP_BOUNCE_SEGS	(SZ_64K / PAGE_SIZE + 1)
int vmp_bounce_fill(struct vmp_queue *queue, struct vmp_slot *slot);
int vmp_bounce_back(struct vmp_queue *queue, const struct vmp_slot *slot);

/* holdoff.c APIs */
void vmp_holdoff_init(struct vmp_queue *queue);
bool vmp_holdoff_begin(struct vmp_queue *queue, const struct vmp_taken *taken);
void vmp_holdoff_look(struct vmp_queue *queue);
void vmp_holdoff_stop(struct vmp_queue *queue);

/* busy.c APIs */
bool vmp_busy_begin(struct vmp_queue *queue, const struct vmp_taken *taken);
bool vmp_busy_wait(struct vmp_device *device);
void vmp_busy_stop(struct vmp_queue *queue);

/* vring.c APIs */
long vmp_vring_ioctl(struct vmp_device *device, unsigned int cmd,
		     void __user *argp);

/* memory.c APIs */
int vmp_memory_set(struct vmp_device *device,
		   const struct vhost_memory __user *user);
void vmp_memory_clear(struct vmp_device *device);
int vmp_memory_segs(const struct mp_memtable *mem, const struct mp_chain *chain,
		    struct mp_seg *segs, unsigned int max, u32 *len);
void vmp_memory_put(struct mp_seg *segs, unsigned int nr);
int vmp_memory_map(const struct mp_memtable *mem, u64 uaddr, size_t size,
		   struct mp_vmap *map);
u64 vmp_memory_pinned(const struct vmp_device *device, bool *limited);

/* worker.c APIs */
int vmp_worker_start(struct vmp_device *device);
void vmp_worker_stop(struct vmp_device *device);
void vmp_worker_wake(struct vmp_device *device);

/* log.c APIs */
int vmp_log_update(struct vmp_device *device);
void vmp_log_dirty(struct vmp_log *log, u64 gpa, u64 len);

#endif /* _VHOST_MP_H */
