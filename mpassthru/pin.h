/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside mpassthru.ko: pinned pages, and the range of memory that they are from.
 */
#ifndef _MPASSTHRU_PIN_H
#define _MPASSTHRU_PIN_H

#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include <mp/umem.h>

#define MP_CHUNK_SHIFT	21		/* as a huge page: one pin, one account */
#define MP_CHUNK_SIZE	BIT(MP_CHUNK_SHIFT)

/* &struct mp_pin.kind, which account it is in */
enum mp_pin_kind {
	MP_PIN_CHUNK,		/* kept for later requests */
	MP_PIN_PRESENT,		/* the same, of pages that are all there already */
	MP_PIN_ONCE,		/* for one request */
	MP_PIN_MAP,		/* for a mapping; the limit does not stop it */
};

/**
 * struct mp_pin - pinned pages of a piece of address space
 * @users: segments that lie in it, and one for whoever finds it
 * @rcu: it is found under RCU
 * @node: among the dead of @umem
 * @umem: the range
 * @uaddr: address of the first page in it
 * @kind: &enum mp_pin_kind
 * @maps: as devices see it (dma.c)
 * @whole: one piece of a folio
 * @nr: pages
 * @page: the pages
 */
struct mp_pin {
	refcount_t users;
	struct rcu_head rcu;
	struct llist_node node;
	struct mp_umem *umem;
	unsigned long uaddr;
	enum mp_pin_kind kind;
	struct hlist_head maps;
	bool whole;
	unsigned long nr;
	struct page *page[];
};

/* Whether it stays for later requests. */
static inline bool mp_pin_is_kept(const struct mp_pin *pin)
{
	return pin->kind == MP_PIN_CHUNK || pin->kind == MP_PIN_PRESENT;
}

/**
 * struct mp_umem - a range of a process' memory
 * @node: among all ranges (umems_lock)
 * @users: those who got it (umems_lock)
 * @uaddr: its start, page aligned
 * @nr_pages: its length
 * @mm: whose, with a reference on the structure (not on the users)
 * @owner: whose limit on locked memory counts
 * @unlimited: the owner had CAP_IPC_LOCK
 * @notifier: tells when the process changes what is mapped there
 * @moves: how often it did
 * @pinning: serialises pinning; protects what follows
 * @once: pages accounted for %MP_PIN_ONCE
 * @once_full: until when (jiffies) the limit has no room for more; 0: it always had
 * @chunk_full: likewise for a chunk
 * @too_many: pages of the last chunk for which it had no room; 0 if there is again
 * @sparse_until: until when (jiffies) a chunk of @dropped is not tried again
 * @pinned: pages pinned
 * @once_used: pages pinned of @once
 * @dead: pins without users
 * @reap: frees them
 * @lock: protects @chunk and @dropped; taken in the notifier
 * @dropped: a bit for each chunk that the process took pages out of
 * @first: address of the first chunk >> MP_CHUNK_SHIFT
 * @chunk: by address; read under RCU
 */
struct mp_umem {
	struct list_head node;
	unsigned int users;
	unsigned long uaddr;
	unsigned long nr_pages;
	struct mm_struct *mm;
	struct task_struct *owner;
	bool unlimited;
	struct mmu_interval_notifier notifier;
	unsigned int moves;
	struct mutex pinning;	/* and what follows */
	unsigned long once;
	unsigned long once_full;
	unsigned long chunk_full;
	unsigned long too_many;
	unsigned long sparse_until;
	atomic_long_t pinned;
	atomic_long_t once_used;
	struct llist_head dead;
	struct work_struct reap;
	spinlock_t lock;	/* and what follows */
	unsigned long *dropped;
	unsigned long first;
	struct mp_pin __rcu *chunk[];
};

static inline unsigned long mp_umem_end(const struct mp_umem *umem)
{
	return umem->uaddr + (umem->nr_pages << PAGE_SHIFT);
}

/* Where the limit had no room it is not asked again before a moment has passed. */
static inline unsigned long mp_umem_full_until(void)
{
	return (jiffies + HZ) ?: 1;
}

static inline bool mp_umem_full(unsigned long until)
{
	return until && time_before(jiffies, until);
}

/* pin.c APIs */
struct mp_pin *mp_pin_create(struct mp_umem *umem, unsigned long uaddr,
			     unsigned long nr, enum mp_pin_kind kind);
void mp_pin_put(struct mp_pin *pin);
unsigned long mp_pin_run(const struct mp_pin *pin, unsigned long index);
void mp_pins_init(struct mp_umem *umem);
void mp_pins_exit(struct mp_umem *umem);

/* dma.c APIs */
struct mp_dma;
void mp_dma_begin(struct mp_dma **where, struct device *dev);
void mp_dma_end(struct mp_dma **where);
void mp_dma_map(struct mp_dma **where, const struct mp_seg *seg);
bool mp_dma_find(const struct mp_dma *dma, const struct mp_seg *seg,
		 dma_addr_t *addr);
void mp_dma_unmap(struct mp_pin *pin);

#endif /* _MPASSTHRU_PIN_H */
