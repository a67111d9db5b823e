/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory around one ring: each part is allocated to the byte, so that
 * the address sanitizer sees who leaves it.
 */
#ifndef _FUZZ_GUESTMEM_H
#define _FUZZ_GUESTMEM_H

#include "../../vhost-mp/memtable.h"
#include "../../vhost-mp/ring.h"
#include "../unit/umem.h"
#include "input.h"

#define AREAS	3

/**
 * struct guestmem - a ring and memory for indirect tables
 * @num: entries of the ring
 * @desc: its parts
 * @avail: likewise
 * @used: likewise
 * @mem: @umem[]: two adjacent regions, a hole, and one for the longest tables
 * @umem: the memory
 */
struct guestmem {
	u16 num;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct mp_memtable *mem;
	struct mp_umem umem[AREAS];
};

void guestmem_init(struct guestmem *guest, u16 num);
void guestmem_free(struct guestmem *guest);

/* A ring of it for the device. */
void guestmem_attach(struct guestmem *guest, struct mp_ring *ring, u16 base);

/* Where guest address @gpa is, and how much of @len follows there; or NULL. */
void *guestmem_at(const struct guestmem *guest, u64 gpa, size_t *len);

/* Addresses, lengths and entries: likely ones, and any. */
u64 take_gpa(struct input *in);
u32 take_len(struct input *in);
void take_desc(struct input *in, struct vring_desc *desc);

/* A descriptor to write to: of the ring, or of a table. */
struct vring_desc *take_slot(struct input *in, const struct guestmem *guest);

/* One of several ways to write to the guest's memory. */
void guest_scribbles(struct input *in, struct guestmem *guest);

#endif
