// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's memory table.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sort.h>

#include <mp/umem.h>

#include "memtable.h"

static int compare(const void *a, const void *b)
{
	const struct mp_mem_region *x = a, *y = b;

	if (x->gpa == y->gpa)
		return 0;
	return x->gpa < y->gpa ? -1 : 1;
}

static bool region_valid(const struct mp_mem_region *region)
{
	u64 end;

	return region->size &&
	       !check_add_overflow(region->gpa, region->size, &end) &&
	       !check_add_overflow(region->uaddr, region->size, &end);
}

int mp_memtable_seal(struct mp_memtable *mem)
{
	const struct mp_mem_region *region = mem->region;
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (!region_valid(&region[i]))
			return -EINVAL;

	sort(mem->region, mem->nr, sizeof(mem->region[0]), compare, NULL);

	for (i = 1; i < mem->nr; i++)
		if (region[i].gpa - region[i - 1].gpa < region[i - 1].size)
			return -EINVAL;
	return 0;
}

const struct mp_mem_region *mp_memtable_find(const struct mp_memtable *mem,
					     u64 gpa)
{
	unsigned int low = 0, high = mem->nr;
	const struct mp_mem_region *region;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		region = &mem->region[mid];
		if (gpa < region->gpa)
			high = mid;
		else if (gpa - region->gpa >= region->size)
			low = mid + 1;
		else
			return region;
	}
	return NULL;
}

const struct mp_mem_region *mp_memtable_find_user(const struct mp_memtable *mem,
						  u64 uaddr, u64 size)
{
	const struct mp_mem_region *region;
	unsigned int i;
	u64 offset;

	/* User addresses follow no order, and nobody asks often. */
	for (i = 0; i < mem->nr; i++) {
		region = &mem->region[i];
		/* Below the region, this is beyond any size: none wraps. */
		offset = uaddr - region->uaddr;
		if (offset < region->size && size <= region->size - offset)
			return region;
	}
	return NULL;
}

/* Copies between guest memory and @host. */
static int copy(const struct mp_memtable *mem, u64 gpa, void *host, size_t len,
		bool write)
{
	const struct mp_mem_region *region;
	u64 offset;
	size_t part;
	int err;

	while (len) {
		region = mp_memtable_find(mem, gpa);
		if (!region)
			return -EFAULT;

		/* No region wraps, so gpa + part cannot either. */
		offset = gpa - region->gpa;
		part = min_t(u64, len, region->size - offset);
		err = write ? mp_umem_write(region->umem, offset, host, part) :
			      mp_umem_read(region->umem, offset, host, part);
		if (err)
			return err;

		gpa += part;
		host += part;
		len -= part;
	}
	return 0;
}

int mp_memtable_read(const struct mp_memtable *mem, u64 gpa, void *dst,
		     size_t len)
{
	return copy(mem, gpa, dst, len, false);
}

int mp_memtable_write(const struct mp_memtable *mem, u64 gpa, const void *src,
		      size_t len)
{
	return copy(mem, gpa, (void *)src, len, true);
}
