/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a descriptor chain is, written from the specification and not from
 * ring.c, so that each checks the other.
 */
#ifndef _FUZZ_MODEL_H
#define _FUZZ_MODEL_H

#include "guestmem.h"

/**
 * struct model - a chain
 * @err: 0, -EINVAL, -EFAULT
 * @partial: not all of its table lies in memory: -EFAULT, too, is right then
 * @in: the last descriptor is for the device to write
 * @entries: descriptors so far, empty ones too
 * @len: bytes in them
 * @nr_out: as in &struct mp_chain
 * @nr_in: likewise
 * @extent: likewise
 */
struct model {
	int err;
	bool partial;
	bool in;
	unsigned int entries;
	u64 len;
	unsigned int nr_out;
	unsigned int nr_in;
	struct mp_extent extent[MP_CHAIN_MAX];
};

void model_chain(struct model *model, const struct guestmem *guest,
		 bool indirect, u16 head);

#endif
