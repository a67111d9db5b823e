// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: the VMM's table turned into pinned memory.
 */
#include <linux/slab.h>

#include "vhost_mp.h"

static bool same(const struct mp_mem_region *a, const struct mp_mem_region *b)
{
	return a->gpa == b->gpa && a->size == b->size && a->uaddr == b->uaddr;
}

/* The region of @mem that is @region, or NULL. */
static const struct mp_mem_region *
find_same(const struct mp_memtable *mem, const struct mp_mem_region *region)
{
	const struct mp_mem_region *found;

	if (!mem)
		return NULL;
	found = mp_memtable_find(mem, region->gpa);
	return found && same(found, region) ? found : NULL;
}

/*
 * Frees a table, and unpins what it has.  What @keep has too stays pinned and
 * is @keep's.
 */
static void table_free(struct mp_memtable *mem,
		       const struct mp_memtable *keep)
{
	unsigned int i;

	if (!mem)
		return;
	for (i = 0; i < mem->nr; i++)
		if (!find_same(keep, &mem->region[i]))
			mp_umem_put(mem->region[i].umem);
	kvfree(mem);
}

static struct mp_memtable *read_table(const struct vhost_memory __user *user)
{
	const struct vhost_memory_region __user *from = user->regions;
	struct vhost_memory_region region;
	struct vhost_memory head;
	struct mp_memtable *mem;
	unsigned int i;

	if (copy_from_user(&head, user, offsetof(struct vhost_memory, regions)))
		return ERR_PTR(-EFAULT);
	if (head.padding)
		return ERR_PTR(-EOPNOTSUPP);
	if (head.nregions > MP_MEM_REGIONS_MAX)
		return ERR_PTR(-E2BIG);
	mem = kvzalloc(struct_size(mem, region, head.nregions), GFP_KERNEL);
	if (!mem)
		return ERR_PTR(-ENOMEM);

	mem->nr = head.nregions;
	for (i = 0; i < mem->nr; i++) {
		if (copy_from_user(&region, &from[i], sizeof(region))) {
			kvfree(mem);
			return ERR_PTR(-EFAULT);
		}
		mem->region[i].gpa = region.guest_phys_addr;
		mem->region[i].size = region.memory_size;
		mem->region[i].uaddr = region.userspace_addr;
	}
	if (mp_memtable_seal(mem)) {
		kvfree(mem);
		return ERR_PTR(-EINVAL);
	}
	return mem;
}

/* Gives each region its pinned memory: the former table's, or new. */
static int take_umem(struct mp_memtable *mem, const struct mp_memtable *old)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		struct mp_mem_region *region = &mem->region[i];
		const struct mp_mem_region *had = find_same(old, region);

		region->umem = had ? had->umem :
				     mp_umem_get(region->uaddr, region->size);
		if (IS_ERR(region->umem))
			return PTR_ERR(region->umem);
	}
	return 0;
}

/* Whether a queue may be using memory that @mem no longer has. */
static bool must_stop(const struct vmp_device *device,
		      const struct mp_memtable *mem)
{
	const struct mp_memtable *old = vmp_memory(device);
	unsigned int i;

	for (i = 0; old && i < old->nr; i++)
		if (!find_same(mem, &old->region[i]))
			return true;
	return false;
}

/* Nobody looks at the former table when this returns. */
static struct mp_memtable *swap_table(struct vmp_device *device,
				      struct mp_memtable *mem)
{
	struct mp_memtable *old = vmp_memory(device);
	unsigned int i;

	for (i = 0; i < VMP_QUEUES; i++)
		mutex_lock_nested(&device->queue[i].mutex, i);
	rcu_assign_pointer(device->mem, mem);
	for (i = VMP_QUEUES; i-- > 0;)
		mutex_unlock(&device->queue[i].mutex);
	synchronize_rcu();
	return old;
}

/* Forgets all guest memory.  No queue is running; under the device's mutex. */
void vmp_memory_clear(struct vmp_device *device)
{
	table_free(swap_table(device, NULL), NULL);
}

/*
 * VHOST_SET_MEM_TABLE.  Running queues only stop, and start again, if memory is
 * taken away.  Under the device's mutex.
 */
int vmp_memory_set(struct vmp_device *device,
		   const struct vhost_memory __user *user)
{
	struct mp_memtable *mem = read_table(user);
	struct mp_memtable *old = vmp_memory(device);
	unsigned int i;
	bool stop;
	int err;

	if (IS_ERR(mem))
		return PTR_ERR(mem);
	err = take_umem(mem, old);
	if (err) {
		table_free(mem, old);
		return err;
	}

	stop = must_stop(device, mem);
	for (i = 0; stop && i < VMP_QUEUES; i++)
		vmp_queue_stop(&device->queue[i]);
	swap_table(device, mem);
	table_free(old, mem);
	err = vmp_log_update(device);
	for (i = 0; stop && i < VMP_QUEUES; i++)
		err = err ?: vmp_queue_restart(&device->queue[i]);
	return err;
}

/* The memory of a chain is not used any more.  Any context. */
void vmp_memory_put(struct mp_seg *segs, unsigned int nr)
{
	while (nr)
		mp_seg_put(&segs[--nr]);
}

/*
 * The memory behind a chain, as far as it fits into @max segments; @len says how
 * many bytes that is.  Returns the number of segments, until vmp_memory_put(), or
 * an errno.  May sleep.
 */
int vmp_memory_segs(const struct mp_memtable *mem, const struct mp_chain *chain,
		    struct mp_seg *segs, unsigned int max, u32 *len)
{
	unsigned int nr_extents = chain->nr_out + chain->nr_in;
	unsigned int nr = 0;
	unsigned int i;
	int err;

	*len = 0;
	for (i = 0; i < nr_extents; i++) {
		u64 gpa = chain->extent[i].gpa;
		u32 left = chain->extent[i].len;

		while (left) {
			const struct mp_mem_region *region;
			u32 n;

			if (nr == max)
				return nr;
			err = -EFAULT;
			region = mp_memtable_find(mem, gpa);
			if (!region)
				goto err_put;
			n = min_t(u64, left, region->gpa + region->size - gpa);
			err = mp_umem_seg(region->umem, gpa - region->gpa, n,
					  &segs[nr], nr ? &segs[nr - 1] : NULL);
			if (err)
				goto err_put;
			n = segs[nr++].len;
			gpa += n;
			left -= n;
			*len += n;
		}
	}
	return nr;

err_put:
	vmp_memory_put(segs, nr);
	return err;
}

/* Maps a ring part that the VMM gave by its own address.  May sleep. */
int vmp_memory_map(const struct mp_memtable *mem, u64 uaddr, size_t size,
		   struct mp_vmap *map)
{
	const struct mp_mem_region *region;

	region = mp_memtable_find_user(mem, uaddr, size);
	if (!region)
		return -EFAULT;
	return mp_umem_vmap(region->umem, uaddr - region->uaddr, size, map);
}

/*
 * Bytes pinned, and whether the limit on locked memory is met.  Any context that
 * may read RCU.
 */
u64 vmp_memory_pinned(const struct vmp_device *device, bool *limited)
{
	const struct mp_memtable *mem;
	u64 sum = 0;
	unsigned int i;

	rcu_read_lock();
	mem = rcu_dereference(device->mem);
	for (i = 0; mem && i < mem->nr; i++) {
		sum += mp_umem_pinned(mem->region[i].umem);
		*limited |= mp_umem_limited(mem->region[i].umem);
	}
	rcu_read_unlock();
	return sum;
}
