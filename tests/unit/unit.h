/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all unit tests share.
 */
#ifndef _UNIT_UNIT_H
#define _UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <linux/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A loop that does nothing stays a loop. */
static inline void barrier(void)
{
	__asm__ __volatile__("" ::: "memory");
}

/* Reproducible: every test seeds its own. */
static inline u32 rnd(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

/* 0 to @n - 1 */
static inline u32 below(u64 *state, u32 n)
{
	return rnd(state) % n;
}

/* Verdicts leave line by line, so that a crash takes none of them along. */
#define unit_run(tests)						\
	(setvbuf(stdout, NULL, _IOLBF, 0),				\
	 setvbuf(stderr, NULL, _IOLBF, 0),				\
	 cmocka_run_group_tests(tests, NULL, NULL) ? EXIT_FAILURE : EXIT_SUCCESS)

#endif
