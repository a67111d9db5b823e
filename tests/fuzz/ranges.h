/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for mpassthru/umem.c: ranges of an address space that does not
 * exist, each piece with as many users as were asked for.
 */
#ifndef _FUZZ_RANGES_H
#define _FUZZ_RANGES_H

#include <mp/umem.h>

#include "input.h"

#define USER_END	0x800000000000ULL

/**
 * struct mp_umem - a range
 * @uaddr: where it begins
 * @size: bytes
 * @users: who asked for it
 * @segs: pieces in use
 * @maps: pieces that are mapped
 */
struct mp_umem {
	u64 uaddr;
	u64 size;
	unsigned int users;
	unsigned int segs;
	unsigned int maps;
};

/* Which call from now on fails, or 0. */
extern unsigned int ranges_fail;

/* Ranges that somebody has. */
extern unsigned int ranges_live;

#endif
