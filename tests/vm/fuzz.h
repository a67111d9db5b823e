/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What programs share that do things at random: a seed tells the whole sequence of
 * each thread.
 */
#ifndef _VM_FUZZ_H
#define _VM_FUZZ_H

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>

static inline __u32 rnd(__u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

/* 0 to @n - 1 */
static inline __u32 below(__u64 *state, __u32 n)
{
	return rnd(state) % n;
}

static inline __u64 rnd64(__u64 *state)
{
	return (__u64)rnd(state) << 32 | rnd(state);
}

/* A state for each thread, none of which is 0. */
static inline __u64 seed_for(__u64 seed, unsigned int thread)
{
	return (seed * 0x9e3779b97f4a7c15 + thread * 0xbf58476d1ce4e5b9) | 1;
}

#endif
