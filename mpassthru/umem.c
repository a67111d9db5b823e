// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of user memory.
 *
 * A range is pinned in chunks, each when first asked for. A chunk stays until the
 * range is given up or the process maps something else there: then the next
 * request gets what is there now, and the former pages go when nobody uses them
 * any more. Where the owner's limit on locked memory has no room for a chunk, or
 * pages of it were taken out, only what a request needs is pinned, and for as long
 * as it takes.
 *
 * Those who describe the same memory share a range, and so its pins.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "pin.h"

static DEFINE_MUTEX(umems_lock);	/* protects umems */
static LIST_HEAD(umems);

static unsigned long nr_chunks(const struct mp_umem *umem)
{
	return ((mp_umem_end(umem) - 1) >> MP_CHUNK_SHIFT) - umem->first + 1;
}

/* Forgets chunk @index.  umem->lock. */
static void chunk_drop(struct mp_umem *umem, unsigned long index)
{
	struct mp_pin *pin = rcu_dereference_protected(umem->chunk[index],
						       lockdep_is_held(&umem->lock));

	if (!pin)
		return;
	RCU_INIT_POINTER(umem->chunk[index], NULL);
	mp_pin_put(pin);
}

/*
 * Pages that were taken out, as a balloon does, must not come back because others
 * beside them are pinned.
 */
static bool takes_out(const struct mmu_notifier_range *range)
{
	return range->event == MMU_NOTIFY_UNMAP || range->event == MMU_NOTIFY_CLEAR;
}

/* The process changes what is mapped between two addresses of the range. */
static bool moved(struct mmu_interval_notifier *notifier,
		  const struct mmu_notifier_range *range, unsigned long seq)
{
	struct mp_umem *umem = container_of(notifier, struct mp_umem, notifier);
	unsigned long start = max(range->start, umem->uaddr);
	unsigned long end = min(range->end, mp_umem_end(umem));
	unsigned long i;

	spin_lock(&umem->lock);
	mmu_interval_set_seq(notifier, seq);
	WRITE_ONCE(umem->moves, umem->moves + 1);
	for (i = start >> MP_CHUNK_SHIFT; i <= (end - 1) >> MP_CHUNK_SHIFT; i++) {
		chunk_drop(umem, i - umem->first);
		if (takes_out(range))
			__set_bit(i - umem->first, umem->dropped);
	}
	spin_unlock(&umem->lock);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = moved,
};

static struct mp_umem *umem_find(unsigned long uaddr, unsigned long nr_pages)
{
	struct mp_umem *umem;

	lockdep_assert_held(&umems_lock);
	list_for_each_entry(umem, &umems, node)
		if (umem->mm == current->mm && umem->uaddr == uaddr &&
		    umem->nr_pages == nr_pages)
			return umem;
	return NULL;
}

static struct mp_umem *umem_create(unsigned long uaddr, unsigned long nr_pages)
{
	unsigned long first = uaddr >> MP_CHUNK_SHIFT;
	unsigned long last = (uaddr + (nr_pages << PAGE_SHIFT) - 1) >> MP_CHUNK_SHIFT;
	unsigned long nr = last - first + 1;
	struct mp_umem *umem;
	int err = -ENOMEM;

	/* The size is what user space says: no complaint if that is too much. */
	umem = kvzalloc(struct_size(umem, chunk, nr), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!umem)
		return ERR_PTR(-ENOMEM);
	umem->dropped = bitmap_zalloc(nr, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!umem->dropped)
		goto err_free;
	umem->uaddr = uaddr;
	umem->nr_pages = nr_pages;
	umem->first = first;
	umem->mm = current->mm;
	umem->unlimited = capable(CAP_IPC_LOCK);
	spin_lock_init(&umem->lock);
	mp_pins_init(umem);
	err = mmu_interval_notifier_insert(&umem->notifier, umem->mm, uaddr,
					   nr_pages << PAGE_SHIFT, &notifier_ops);
	if (err)
		goto err_bitmap;
	mmgrab(umem->mm);
	umem->owner = get_task_struct(current->group_leader);
	return umem;

err_bitmap:
	bitmap_free(umem->dropped);
err_free:
	kvfree(umem);
	return ERR_PTR(err);
}

/**
 * mp_umem_get() - describe a range of the caller's memory
 * @uaddr: start, page aligned
 * @size: bytes, a multiple of the page size, not zero
 *
 * Nothing is pinned yet.
 *
 * Context: process context of the owner.
 * Return: the range; ERR_PTR(-EINVAL): misaligned or out of user space;
 * ERR_PTR(-ENOMEM).
 */
struct mp_umem *mp_umem_get(u64 uaddr, u64 size)
{
	struct mp_umem *umem;

	if (!size || offset_in_page(uaddr) || offset_in_page(size) ||
	    !access_ok(u64_to_user_ptr(uaddr), size))
		return ERR_PTR(-EINVAL);

	mutex_lock(&umems_lock);
	umem = umem_find(uaddr, size >> PAGE_SHIFT);
	if (!umem) {
		umem = umem_create(uaddr, size >> PAGE_SHIFT);
		if (IS_ERR(umem))
			goto out;
		list_add(&umem->node, &umems);
	}
	umem->users++;
out:
	mutex_unlock(&umems_lock);
	return umem;
}
EXPORT_SYMBOL_GPL(mp_umem_get);

static void umem_destroy(struct mp_umem *umem)
{
	unsigned long i;

	mmu_interval_notifier_remove(&umem->notifier);
	spin_lock(&umem->lock);
	for (i = 0; i < nr_chunks(umem); i++)
		chunk_drop(umem, i);
	spin_unlock(&umem->lock);
	mp_pins_exit(umem);
	put_task_struct(umem->owner);
	mmdrop(umem->mm);
	bitmap_free(umem->dropped);
	kvfree(umem);
}

/**
 * mp_umem_put() - give a range up
 * @umem: the range, or NULL
 *
 * Context: process context.  Every segment and mapping of it has been put.
 */
void mp_umem_put(struct mp_umem *umem)
{
	bool last;

	if (IS_ERR_OR_NULL(umem))
		return;
	mutex_lock(&umems_lock);
	last = !--umem->users;
	if (last)
		list_del(&umem->node);
	mutex_unlock(&umems_lock);
	if (last)
		umem_destroy(umem);
}
EXPORT_SYMBOL_GPL(mp_umem_put);

/* The pin of chunk @index, with one more user; or NULL if there is none. */
static struct mp_pin *chunk_find(struct mp_umem *umem, unsigned long index)
{
	struct mp_pin *pin;

	rcu_read_lock();
	pin = rcu_dereference(umem->chunk[index]);
	if (pin && !refcount_inc_not_zero(&pin->users))
		pin = NULL;
	rcu_read_unlock();
	return pin;
}

/* Lets others find a new pin, unless what it has may have moved meanwhile. */
static void chunk_publish(struct mp_umem *umem, unsigned long index,
			  struct mp_pin *pin, unsigned long seq)
{
	spin_lock(&umem->lock);
	if (!mmu_interval_read_retry(&umem->notifier, seq)) {
		refcount_inc(&pin->users);
		__clear_bit(index, umem->dropped);
		rcu_assign_pointer(umem->chunk[index], pin);
	}
	spin_unlock(&umem->lock);
}

/* Pins chunk @index if the limit lets us.  umem->pinning. */
static struct mp_pin *chunk_create(struct mp_umem *umem, unsigned long index)
{
	unsigned long start = (umem->first + index) << MP_CHUNK_SHIFT;
	unsigned long end = min(start + MP_CHUNK_SIZE, mp_umem_end(umem));
	bool dropped = test_bit(index, umem->dropped);
	struct mp_pin *pin;
	unsigned long nr;
	unsigned long seq;

	lockdep_assert_held(&umem->pinning);
	if (mp_umem_full(umem->chunk_full) ||
	    (dropped && mp_umem_full(umem->sparse_until)))
		return ERR_PTR(-ENOMEM);

	start = max(start, umem->uaddr);
	nr = (end - start) >> PAGE_SHIFT;
	seq = mmu_interval_read_begin(&umem->notifier);
	pin = mp_pin_create(umem, start, nr,
			    dropped ? MP_PIN_PRESENT : MP_PIN_CHUNK);
	if (!IS_ERR(pin)) {
		if (nr >= umem->too_many)
			WRITE_ONCE(umem->too_many, 0);
		chunk_publish(umem, index, pin, seq);
	} else if (PTR_ERR(pin) == -ENOMEM) {
		WRITE_ONCE(umem->too_many, nr);
		umem->chunk_full = mp_umem_full_until();
	} else if (PTR_ERR(pin) == -EAGAIN) {
		umem->sparse_until = mp_umem_full_until();
	}
	return pin;
}

/* A pin that has the page at @uaddr, and up to @len bytes, with one more user. */
static struct mp_pin *pin_get(struct mp_umem *umem, unsigned long uaddr, u32 len)
{
	unsigned long index = (uaddr >> MP_CHUNK_SHIFT) - umem->first;
	unsigned long start = uaddr & PAGE_MASK;
	unsigned long end = min(PAGE_ALIGN(uaddr + len), ALIGN(uaddr + 1, MP_CHUNK_SIZE));
	struct mp_pin *pin = chunk_find(umem, index);

	if (likely(pin))
		return pin;

	mutex_lock(&umem->pinning);
	pin = chunk_find(umem, index) ?: chunk_create(umem, index);
	/* A hole in a chunk, or the limit, is nothing to a request beside it. */
	if (IS_ERR(pin))
		pin = mp_pin_create(umem, start, (end - start) >> PAGE_SHIFT,
				    MP_PIN_ONCE);
	mutex_unlock(&umem->pinning);
	return pin;
}

static bool umem_covers(const struct mp_umem *umem, u64 offset, u64 len)
{
	u64 size = (u64)umem->nr_pages << PAGE_SHIFT;

	return offset <= size && len <= size - offset;
}

static bool pin_covers(const struct mp_pin *pin, const struct mp_umem *umem,
		       unsigned long uaddr)
{
	return pin->umem == umem && uaddr >= pin->uaddr &&
	       (uaddr - pin->uaddr) >> PAGE_SHIFT < pin->nr;
}

/**
 * mp_umem_seg() - pin the memory behind the start of a piece of a range
 * @umem: the range
 * @offset: first byte
 * @len: bytes, not zero
 * @seg: filled in: as much of the piece as is contiguous within one folio
 * @near: a segment that is likely to be in the same pin, or NULL
 *
 * Context: process context; may pin, and so sleep.
 * Return: 0, and mp_seg_put() ends it; -EFAULT: not all in the range, or not
 * mapped there; -ENOMEM: the owner's limit on locked memory.
 */
int mp_umem_seg(struct mp_umem *umem, u64 offset, u32 len, struct mp_seg *seg,
		const struct mp_seg *near)
{
	unsigned long uaddr = umem->uaddr + offset;
	unsigned long index;
	struct mp_pin *pin;

	if (!umem_covers(umem, offset, len))
		return -EFAULT;
	if (near && near->pin && pin_covers(near->pin, umem, uaddr)) {
		pin = near->pin;
		refcount_inc(&pin->users);
	} else {
		pin = pin_get(umem, uaddr, len);
		if (IS_ERR(pin))
			return PTR_ERR(pin);
	}
	index = (uaddr - pin->uaddr) >> PAGE_SHIFT;
	seg->pin = pin;
	seg->page = pin->page[index];
	seg->first = index;
	seg->offset = offset_in_page(uaddr);
	seg->len = min_t(unsigned long, len,
			 (mp_pin_run(pin, index) << PAGE_SHIFT) - seg->offset);
	return 0;
}
EXPORT_SYMBOL_GPL(mp_umem_seg);

/**
 * mp_seg_put() - the memory of a segment is not used any more
 * @seg: from mp_umem_seg()
 *
 * Context: any.
 */
void mp_seg_put(struct mp_seg *seg)
{
	if (seg->pin)
		mp_pin_put(seg->pin);
	else
		put_page(seg->page);
}
EXPORT_SYMBOL_GPL(mp_seg_put);

/**
 * mp_umem_read() - copy from a range
 * @umem: the range
 * @offset: first byte
 * @dst: kernel memory
 * @len: bytes
 *
 * Context: process context, in the owner's address space.
 * Return: 0, or -EFAULT: not all in the range, not mapped there, or in another
 * address space.
 */
int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len)
{
	if (current->mm != umem->mm || !umem_covers(umem, offset, len) ||
	    copy_from_user(dst, u64_to_user_ptr(umem->uaddr + offset), len))
		return -EFAULT;
	return 0;
}
EXPORT_SYMBOL_GPL(mp_umem_read);

/* As mp_umem_read(), the other way. */
int mp_umem_write(struct mp_umem *umem, u64 offset, const void *src, size_t len)
{
	if (current->mm != umem->mm || !umem_covers(umem, offset, len) ||
	    copy_to_user(u64_to_user_ptr(umem->uaddr + offset), src, len))
		return -EFAULT;
	return 0;
}
EXPORT_SYMBOL_GPL(mp_umem_write);

/**
 * mp_umem_vmap() - map a piece of a range, contiguous for the kernel
 * @umem: the range
 * @offset: first byte
 * @len: bytes, not zero
 * @map: filled in; unused if that failed
 *
 * The limit on locked memory counts what this pins, but does not stop it: not below
 * 32 MiB at a time.
 *
 * Context: process context.
 * Return: 0 or as mp_umem_seg().
 */
int mp_umem_vmap(struct mp_umem *umem, u64 offset, size_t len,
		 struct mp_vmap *map)
{
	unsigned long nr = DIV_ROUND_UP(offset_in_page(offset) + len, PAGE_SIZE);
	unsigned int moves = READ_ONCE(umem->moves);
	struct mp_pin *pin;
	void *addr;

	map->addr = NULL;
	if (!umem_covers(umem, offset, len))
		return -EFAULT;
	pin = mp_pin_create(umem, umem->uaddr + (offset & PAGE_MASK), nr,
			    MP_PIN_MAP);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	addr = vmap(pin->page, nr, VM_MAP, PAGE_KERNEL);
	if (!addr) {
		mp_pin_put(pin);
		return -ENOMEM;
	}
	map->addr = addr + offset_in_page(offset);
	map->pin = pin;
	map->moves = moves;
	return 0;
}
EXPORT_SYMBOL_GPL(mp_umem_vmap);

/**
 * mp_vmap_valid() - is what is mapped still what the process has there?
 * @map: the mapping
 *
 * Context: process context; one caller at a time.
 * Return: false if the process has mapped something else there, or nothing.
 */
bool mp_vmap_valid(struct mp_vmap *map)
{
	struct mp_pin *pin = map->pin;
	unsigned int moves = READ_ONCE(pin->umem->moves);
	struct mp_pin *now;
	bool same;

	if (likely(moves == map->moves))
		return true;
	now = mp_pin_create(pin->umem, pin->uaddr, pin->nr, MP_PIN_MAP);
	if (IS_ERR(now))
		return false;
	same = !memcmp(now->page, pin->page, pin->nr * sizeof(*pin->page));
	mp_pin_put(now);
	if (same)
		map->moves = moves;
	return same;
}
EXPORT_SYMBOL_GPL(mp_vmap_valid);

/* Context: process context.  Nothing happens to an unused @map. */
void mp_umem_vunmap(struct mp_vmap *map)
{
	if (!map->addr)
		return;
	vunmap((void *)((unsigned long)map->addr & PAGE_MASK));
	mp_pin_put(map->pin);
	map->addr = NULL;
}
EXPORT_SYMBOL_GPL(mp_umem_vunmap);

/* Bytes pinned now.  Any context. */
u64 mp_umem_pinned(const struct mp_umem *umem)
{
	return (u64)atomic_long_read(&umem->pinned) << PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(mp_umem_pinned);

/* Whether the owner's limit on locked memory has no room for a chunk.  Any context. */
bool mp_umem_limited(const struct mp_umem *umem)
{
	return READ_ONCE(umem->too_many);
}
EXPORT_SYMBOL_GPL(mp_umem_limited);
