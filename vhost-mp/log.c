// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty page log, for live migration: a bit for each guest page that the
 * NIC or we wrote to.
 */
#include <linux/slab.h>

#include "vhost_mp.h"

/* Bits that the log needs to cover guest memory. */
static u64 log_bits(const struct mp_memtable *mem)
{
	const struct mp_mem_region *last = &mem->region[mem->nr - 1];

	return (last->gpa + last->size - 1) / VHOST_PAGE_SIZE + 1;
}

static void log_free(struct vmp_log *log)
{
	if (!log)
		return;
	mp_umem_vunmap(&log->map);
	mp_umem_put(log->umem);
	kfree(log);
}

static struct vmp_log *log_create(u64 base, u64 bits)
{
	u64 bytes = DIV_ROUND_UP(bits, BITS_PER_TYPE(u64)) * sizeof(u64);
	u64 start = base & PAGE_MASK;
	struct vmp_log *log;
	int err;

	log = kzalloc(sizeof(*log), GFP_KERNEL);
	if (!log)
		return ERR_PTR(-ENOMEM);
	log->nr = bits;
	log->umem = mp_umem_get(start, PAGE_ALIGN(base + bytes) - start);
	if (IS_ERR(log->umem)) {
		err = PTR_ERR(log->umem);
		goto err_free;
	}
	err = mp_umem_vmap(log->umem, base - start, bytes, &log->map);
	if (err)
		goto err_umem;
	return log;

err_umem:
	mp_umem_put(log->umem);
err_free:
	kfree(log);
	return ERR_PTR(err);
}

/* Nobody is in vmp_log_dirty() with the former log when this returns. */
static struct vmp_log *log_swap(struct vmp_device *device, struct vmp_log *log)
{
	struct vmp_log *old = device->log;
	unsigned int i;

	device->log = log;
	for (i = 0; i < VMP_QUEUES; i++) {
		struct vmp_queue *queue = &device->queue[i];

		spin_lock_bh(&queue->used_lock);
		queue->log = log;
		spin_unlock_bh(&queue->used_lock);
	}
	return old;
}

/*
 * Starts, moves or ends logging as features, memory and log base now demand.
 * Under the device's mutex.
 */
int vmp_log_update(struct vmp_device *device)
{
	const struct mp_memtable *mem = vmp_memory(device);
	struct vmp_log *log = NULL;

	if (device->features & BIT_ULL(VHOST_F_LOG_ALL) && mem && mem->nr &&
	    device->log_base) {
		log = log_create(device->log_base, log_bits(mem));
		if (IS_ERR(log))
			return PTR_ERR(log);
	}
	log_free(log_swap(device, log));
	return 0;
}

/* Marks a range of guest memory.  Under a queue's used_lock. */
void vmp_log_dirty(struct vmp_log *log, u64 gpa, u64 len)
{
	u64 page = gpa / VHOST_PAGE_SIZE;
	u64 end = (gpa + len + VHOST_PAGE_SIZE - 1) / VHOST_PAGE_SIZE;

	for (; page < end && page < log->nr; page++)
		set_bit_le(page, log->map.addr);
}
