/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory table: guest physical address -> region of pinned user
 * memory.  Compiles unmodified in user space.
 */
#ifndef _VHOST_MP_MEMTABLE_H
#define _VHOST_MP_MEMTABLE_H

#include <linux/types.h>

struct mp_umem;

#define MP_MEM_REGIONS_MAX	512

/**
 * struct mp_mem_region - a piece of guest memory
 * @gpa: first guest physical address
 * @size: bytes, not zero; @gpa + @size does not wrap
 * @uaddr: where the VMM maps it
 * @umem: its pinned pages, offset 0 is @gpa
 */
struct mp_mem_region {
	u64 gpa;
	u64 size;
	u64 uaddr;
	struct mp_umem *umem;
};

/**
 * struct mp_memtable - regions sorted by @gpa, none overlapping
 * @nr: entries in @region
 * @region: the regions
 *
 * Immutable once built; whoever changes the guest's memory builds another.
 */
struct mp_memtable {
	unsigned int nr;
	struct mp_mem_region region[];
};

/*
 * Sorts the regions of a table that was filled in any order and checks them:
 * 0, or -EINVAL if one is empty, wraps (in guest or user addresses), or overlaps
 * another's guest addresses.
 */
int mp_memtable_seal(struct mp_memtable *mem);

/*
 * The region that holds guest address @gpa, or NULL.  O(log nr).
 */
const struct mp_mem_region *mp_memtable_find(const struct mp_memtable *mem,
					     u64 gpa);

/*
 * As above for user address @uaddr, for the whole range of @size bytes
 * (rings are given by user address).  NULL if no one region covers it.
 */
const struct mp_mem_region *mp_memtable_find_user(const struct mp_memtable *mem,
						  u64 uaddr, u64 size);

/*
 * Copies @len bytes from guest address @gpa to @dst, across regions where they
 * are adjacent.  0, -EFAULT where the guest has no memory, or what
 * mp_umem_read() says.
 */
int mp_memtable_read(const struct mp_memtable *mem, u64 gpa, void *dst,
		     size_t len);

/* The other way. */
int mp_memtable_write(const struct mp_memtable *mem, u64 gpa, const void *src,
		      size_t len);

#endif /* _VHOST_MP_MEMTABLE_H */
