// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned pages, and their account with the owner's limit on locked memory.
 *
 * A pin lives as long as somebody uses it: the range that finds it, and each
 * segment of a request that lies in it.  So what the process unmaps is the NIC's
 * until it is done with it, and no longer.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "compat.h"
#include "fallible.h"
#include "pin.h"

/*
 * What may be mapped beyond the limit: the largest rings, and a log for 1 TiB of
 * guest addresses.
 */
#define MAP_FREE	(SZ_32M >> PAGE_SHIFT)

/* Pages at a time that are accounted for pins of single requests. */
#define ONCE_STEP	64

/*
 * Takes @pages of the owner's limit, if @spare more would fit; with @force whatever
 * the limit says.
 */
static int account(struct mp_umem *umem, unsigned long pages,
		   unsigned long spare, bool force)
{
	int err;

	mmap_write_lock(umem->mm);
	err = __account_locked_vm(umem->mm, pages + spare, true, umem->owner,
				  force || umem->unlimited);
	if (!err && spare)
		__account_locked_vm(umem->mm, spare, false, umem->owner, true);
	mmap_write_unlock(umem->mm);
	return err;
}

static void unaccount(struct mp_umem *umem, unsigned long pages)
{
	if (!pages)
		return;
	mmap_write_lock(umem->mm);
	__account_locked_vm(umem->mm, pages, false, umem->owner, true);
	mmap_write_unlock(umem->mm);
}

/*
 * What single requests pin is accounted in steps, as long as the limit has room for
 * them, and stays accounted.
 */
static int charge_once(struct mp_umem *umem, unsigned long nr)
{
	unsigned long want = atomic_long_add_return(nr, &umem->once_used);
	unsigned long step = max_t(unsigned long, nr, ONCE_STEP);

	lockdep_assert_held(&umem->pinning);
	if (want <= umem->once)
		return 0;
	if (mp_umem_full(umem->once_full))
		goto full;
	if (account(umem, step, 0, false)) {
		step = nr;
		if (account(umem, step, 0, false)) {
			umem->once_full = mp_umem_full_until();
			goto full;
		}
	}
	umem->once += step;
	return 0;

full:
	atomic_long_sub(nr, &umem->once_used);
	return -ENOMEM;
}

static int charge(struct mp_umem *umem, unsigned long nr, enum mp_pin_kind kind)
{
	switch (kind) {
	case MP_PIN_CHUNK:
	case MP_PIN_PRESENT:
		/* As much again is left for single requests. */
		return account(umem, nr, nr, false);
	case MP_PIN_ONCE:
		return charge_once(umem, nr);
	default:
		return account(umem, nr, 0, nr <= MAP_FREE);
	}
}

static void uncharge(struct mp_umem *umem, unsigned long nr,
		     enum mp_pin_kind kind)
{
	if (kind == MP_PIN_ONCE)
		atomic_long_sub(nr, &umem->once_used);
	else
		unaccount(umem, nr);
}

static mp_fallible int pin_pages(struct mp_pin *pin)
{
	struct mm_struct *mm = pin->umem->mm;
	unsigned long done = 0;
	long n = 0;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	while (done < pin->nr) {
		n = mp_pin_user_pages(mm, pin->uaddr + (done << PAGE_SHIFT),
				      pin->nr - done, pin->page + done);
		if (n <= 0)
			break;
		done += n;
	}
	mmput(mm);
	if (done == pin->nr)
		return 0;
	unpin_user_pages(pin->page, done);
	return n < 0 ? n : -EFAULT;
}
ALLOW_ERROR_INJECTION(pin_pages, ERRNO);

/* Whether all pages are there, in the caller's address space. */
static bool present(struct mp_pin *pin)
{
	int n = get_user_pages_fast_only(pin->uaddr, pin->nr, FOLL_WRITE,
					 pin->page);

	if (n > 0)
		release_pages(pin->page, n);
	return n == pin->nr;
}

/* Pages from @index on that are one piece of a folio. */
unsigned long mp_pin_run(const struct mp_pin *pin, unsigned long index)
{
	struct page *first = pin->page[index];
	unsigned long pfn = page_to_pfn(first);
	unsigned long n = 1;

	if (pin->whole)
		return pin->nr - index;
	while (index + n < pin->nr && page_to_pfn(pin->page[index + n]) == pfn + n &&
	       page_folio(pin->page[index + n]) == page_folio(first))
		n++;
	return n;
}

/**
 * mp_pin_create() - pin pages
 * @umem: the range
 * @uaddr: address in it, page aligned
 * @nr: pages, not beyond the range
 * @kind: on what account
 *
 * Context: process context; takes mmap_lock.
 * Return: the pin, for the caller to use; ERR_PTR(-ENOMEM): the owner's limit on
 * locked memory, or no memory; ERR_PTR(-EFAULT): nothing is mapped there;
 * ERR_PTR(-EAGAIN): not all are present.
 */
struct mp_pin *mp_pin_create(struct mp_umem *umem, unsigned long uaddr,
			     unsigned long nr, enum mp_pin_kind kind)
{
	struct mp_pin *pin;
	int err;

	/* The size is what user space says: no complaint if that is too much. */
	pin = kvmalloc(struct_size(pin, page, nr), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pin)
		return ERR_PTR(-ENOMEM);
	refcount_set(&pin->users, 1);
	pin->umem = umem;
	pin->uaddr = uaddr;
	pin->kind = kind;
	pin->whole = false;
	pin->nr = nr;
	INIT_HLIST_HEAD(&pin->maps);

	err = -EAGAIN;
	if (kind == MP_PIN_PRESENT && !present(pin))
		goto err_free;
	err = charge(umem, nr, kind);
	if (err)
		goto err_free;
	err = pin_pages(pin);
	if (err)
		goto err_uncharge;
	pin->whole = mp_pin_run(pin, 0) == nr;
	atomic_long_add(nr, &umem->pinned);
	return pin;

err_uncharge:
	uncharge(umem, nr, kind);
err_free:
	kvfree(pin);
	return ERR_PTR(err);
}

/* Nobody uses it.  Process context, since dirtying a page may sleep. */
static void destroy(struct mp_pin *pin)
{
	struct mp_umem *umem = pin->umem;

	mp_dma_unmap(pin);
	unpin_user_pages_dirty_lock(pin->page, pin->nr, true);
	uncharge(umem, pin->nr, pin->kind);
	atomic_long_sub(pin->nr, &umem->pinned);
	kvfree_rcu(pin, rcu);
}

static void reap(struct work_struct *work)
{
	struct mp_umem *umem = container_of(work, struct mp_umem, reap);
	struct mp_pin *pin, *next;

	llist_for_each_entry_safe(pin, next, llist_del_all(&umem->dead), node) {
		destroy(pin);
		cond_resched();
	}
}

/* One user less.  Any context. */
void mp_pin_put(struct mp_pin *pin)
{
	struct mp_umem *umem = pin->umem;

	if (!refcount_dec_and_test(&pin->users))
		return;
	llist_add(&pin->node, &umem->dead);
	queue_work(system_unbound_wq, &umem->reap);
}

void mp_pins_init(struct mp_umem *umem)
{
	mutex_init(&umem->pinning);
	init_llist_head(&umem->dead);
	INIT_WORK(&umem->reap, reap);
}

/* The last pin was put; waits until all are free. */
void mp_pins_exit(struct mp_umem *umem)
{
	flush_work(&umem->reap);
	WARN_ON_ONCE(atomic_long_read(&umem->pinned));
	unaccount(umem, umem->once);
}
