/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned user memory: a range of a process' address space whose pages are
 * pinned the first time they are asked for and stay pinned until the range is
 * dropped.
 */
#ifndef _MP_UMEM_H
#define _MP_UMEM_H

#include <linux/bvec.h>
#include <linux/types.h>

struct mp_umem;

struct mp_umem *mp_umem_create(u64 uaddr, u64 size);
void mp_umem_destroy(struct mp_umem *umem);

int mp_umem_seg(struct mp_umem *umem, u64 offset, u32 len, struct bio_vec *seg);
int mp_umem_read(struct mp_umem *umem, u64 offset, void *dst, size_t len);
void *mp_umem_vmap(struct mp_umem *umem, u64 offset, size_t len);
void mp_umem_vunmap(void *addr);
u64 mp_umem_pinned(const struct mp_umem *umem);

#endif /* _MP_UMEM_H */
