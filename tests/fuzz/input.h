/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's bytes, taken one after the other.  Where there are none left all
 * is 0, so that any prefix of an input means something.
 */
#ifndef _FUZZ_INPUT_H
#define _FUZZ_INPUT_H

#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

struct input {
	const u8 *at;
	const u8 *end;
};

static inline void input_take(struct input *in, void *to, size_t len)
{
	size_t left = in->end - in->at;

	memset(to, 0, len);
	if (len > left)
		len = left;
	memcpy(to, in->at, len);
	in->at += len;
}

static inline u8 take8(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static inline u16 take16(struct input *in)
{
	u16 val;

	input_take(in, &val, sizeof(val));
	return val;
}

static inline u32 take32(struct input *in)
{
	u32 val;

	input_take(in, &val, sizeof(val));
	return val;
}

static inline u64 take64(struct input *in)
{
	u64 val;

	input_take(in, &val, sizeof(val));
	return val;
}

/* What must hold whatever the input is. */
#define must(condition)							\
	do {								\
		if (!(condition))					\
			__builtin_trap();				\
	} while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif
