// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "ranges.h"

#define PAGE	4096ULL
#define WORD	8UL
#define MAP_MAX	65536

unsigned int ranges_fail;
unsigned int ranges_live;

static bool fails(void)
{
	return ranges_fail && !--ranges_fail;
}

/* Sharing would hide who puts too often: everybody gets one of his own. */
struct mp_umem *mp_umem_get(u64 uaddr, u64 size)
{
	struct mp_umem *umem;

	if (!size || uaddr % PAGE || size % PAGE || size > USER_END ||
	    uaddr > USER_END - size)
		return (void *)(long)-EINVAL;
	if (fails())
		return (void *)(long)-ENOMEM;
	umem = calloc(1, sizeof(*umem));
	umem->uaddr = uaddr;
	umem->size = size;
	umem->users = 1;
	ranges_live++;
	return umem;
}

void mp_umem_put(struct mp_umem *umem)
{
	if (!umem || (unsigned long)umem >= -4095UL)
		return;
	must(umem->users == 1 && !umem->segs && !umem->maps);
	ranges_live--;
	free(umem);
}

static bool covers(const struct mp_umem *umem, u64 offset, u64 len)
{
	return len && offset < umem->size && len <= umem->size - offset;
}

/* Pages are contiguous in fours.  Where it is, is in place of a page's address. */
int mp_umem_seg(struct mp_umem *umem, u64 offset, u32 len, struct mp_seg *seg,
		const struct mp_seg *near)
{
	u64 run = 4 * PAGE - (umem->uaddr + offset) % (4 * PAGE);

	must(covers(umem, offset, len));
	must(!near || near->len);
	if (fails())
		return -ENOMEM;
	seg->page = (void *)((umem->uaddr + offset) & ~(PAGE - 1));
	seg->offset = (umem->uaddr + offset) % PAGE;
	seg->len = len < run ? len : run;
	seg->pin = (void *)umem;
	umem->segs++;
	return 0;
}

void mp_seg_put(struct mp_seg *seg)
{
	struct mp_umem *umem = (void *)seg->pin;

	must(umem->segs--);
	seg->pin = NULL;
}

/* Allocated to the byte, and aligned no better than the user's. */
int mp_umem_vmap(struct mp_umem *umem, u64 offset, size_t len,
		 struct mp_vmap *map)
{
	unsigned int odd = (umem->uaddr + offset) % WORD;

	map->addr = NULL;
	must(covers(umem, offset, len));
	if (fails() || len > MAP_MAX)
		return -ENOMEM;
	map->addr = (u8 *)calloc(1, odd + len) + odd;
	map->pin = (void *)umem;
	umem->maps++;
	return 0;
}

void mp_umem_vunmap(struct mp_vmap *map)
{
	struct mp_umem *umem = (void *)map->pin;

	if (!map->addr)
		return;
	must(umem->maps--);
	free((void *)((unsigned long)map->addr & ~(WORD - 1)));
	map->addr = NULL;
}

int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len)
{
	size_t i;

	must(covers(umem, offset, len));
	if (fails())
		return -EFAULT;
	for (i = 0; i < len; i++)
		((u8 *)dst)[i] = umem->uaddr + offset + i;
	return 0;
}

int mp_umem_write(struct mp_umem *umem, u64 offset, const void *src, size_t len)
{
	must(covers(umem, offset, len));
	return fails() ? -EFAULT : 0;
}

u64 mp_umem_pinned(const struct mp_umem *umem)
{
	return umem->size;
}

bool mp_umem_limited(const struct mp_umem *umem)
{
	return umem->size > PAGE;
}
