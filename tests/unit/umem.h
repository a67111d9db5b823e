/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for pinned user memory.
 */
#ifndef _UNIT_UMEM_H
#define _UNIT_UMEM_H

#include <mp/umem.h>

/**
 * struct mp_umem - ordinary memory that plays pinned memory
 * @base: where it is
 * @size: bytes
 * @error: what a read says instead of reading, or 0
 * @reads: calls so far
 */
struct mp_umem {
	void *base;
	u64 size;
	int error;
	unsigned int reads;
};

#endif
