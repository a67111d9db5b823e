/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest and device on one ring.
 */
#ifndef _UNIT_RIG_H
#define _UNIT_RIG_H

#include "guest.h"

/**
 * struct rig - a guest and its device
 * @guest: the guest
 * @ring: its ring as the device sees it
 * @chain: taken last
 */
struct rig {
	struct guest *guest;
	struct mp_ring ring;
	struct mp_chain chain;
};

struct rig *rig_create(u16 num, bool event_idx, u16 base, u16 table_max);
void rig_destroy(struct rig *rig);

int pop(struct rig *rig);

/* The chain taken last is @head and @sg without what is empty. */
void assert_chain(const struct rig *rig, int head, const struct sg *sg,
		  unsigned int nr);

/* @nr descriptors, all different, the first @nr_out of them readable. */
void fill_sg(struct sg *sg, unsigned int nr, unsigned int nr_out);

#endif
