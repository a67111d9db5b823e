/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned user memory: a range of a process' address space, pieces of which are
 * pinned when they are asked for.
 */
#ifndef _MP_UMEM_H
#define _MP_UMEM_H

#include <linux/types.h>

struct mp_pin;
struct mp_umem;
struct page;

/**
 * struct mp_seg - pinned memory, contiguous and within one folio
 * @page: where it begins
 * @offset: bytes from there on; may be more than a page
 * @len: bytes
 * @pin: what keeps it pinned; NULL for a page of the kernel's, a reference to which
 *	the segment has
 * @first: index of @page in @pin
 */
struct mp_seg {
	struct page *page;
	u32 offset;
	u32 len;
	struct mp_pin *pin;
	u32 first;
};

/**
 * struct mp_vmap - pinned memory that is mapped for the kernel
 * @addr: address of the first byte, readable in any context; NULL if unused
 * @pin: its pages
 * @moves: count of the range's changes when they were still the process'
 */
struct mp_vmap {
	void *addr;
	struct mp_pin *pin;
	unsigned int moves;
};

struct mp_umem *mp_umem_get(u64 uaddr, u64 size);
void mp_umem_put(struct mp_umem *umem);

int mp_umem_seg(struct mp_umem *umem, u64 offset, u32 len, struct mp_seg *seg,
		const struct mp_seg *near);
void mp_seg_put(struct mp_seg *seg);

int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len);
int mp_umem_write(struct mp_umem *umem, u64 offset, const void *src, size_t len);

int mp_umem_vmap(struct mp_umem *umem, u64 offset, size_t len,
		 struct mp_vmap *map);
bool mp_vmap_valid(struct mp_vmap *map);
void mp_umem_vunmap(struct mp_vmap *map);

u64 mp_umem_pinned(const struct mp_umem *umem);
bool mp_umem_limited(const struct mp_umem *umem);

#endif /* _MP_UMEM_H */
