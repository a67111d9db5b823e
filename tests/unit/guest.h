/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver side of a split virtqueue, written from the specification and not
 * from ring.c, so that each checks the other.
 */
#ifndef _UNIT_GUEST_H
#define _UNIT_GUEST_H

#include <linux/types.h>
#include <linux/virtio_ring.h>

#include "../../vhost-mp/memtable.h"
#include "../../vhost-mp/ring.h"
#include "umem.h"

#define GUEST_TABLES_GPA	0x40000000ULL

/**
 * struct sg - a descriptor to be
 * @gpa: address
 * @len: bytes, may be 0
 * @write: for the device to write
 */
struct sg {
	u64 gpa;
	u32 len;
	bool write;
};

/**
 * struct guest - a driver and its ring
 * @num: ring size
 * @event_idx: feature negotiated
 * @table_max: entries of each head's indirect table
 * @desc: descriptors; each ring part is allocated to the byte, so that the
 *	address sanitizer sees who leaves it
 * @avail: what the driver offers
 * @used: what the device gave back
 * @tables: guest memory at %GUEST_TABLES_GPA, @num tables
 * @mem: has just that memory
 * @umem: behind @mem
 * @next: free list and chains, private: the device cannot spoil it
 * @count: descriptors of the chain that starts here; 0 if none does
 * @free: first free descriptor
 * @nr_free: their number
 * @avail_idx: next available index
 * @kick_idx: available index at the last look whether to kick
 * @last_used: next used entry
 * @error: the device misbehaved, or NULL
 */
struct guest {
	u16 num;
	bool event_idx;
	u16 table_max;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *tables;
	struct mp_memtable *mem;
	struct mp_umem umem;
	u16 *next;
	u16 *count;
	u16 free;
	unsigned int nr_free;
	u16 avail_idx;
	u16 kick_idx;
	u16 last_used;
	const char *error;
};

struct guest *guest_create(u16 num, bool event_idx, u16 base, u16 table_max);
void guest_destroy(struct guest *guest);

/* A ring for the device side of @guest, position included. */
void guest_attach(struct guest *guest, struct mp_ring *ring);

struct vring_desc *guest_table(struct guest *guest, u16 head);
u64 guest_table_gpa(const struct guest *guest, u16 head);

/* Adds a chain, not yet offered: its head, or -1 if there is no room. */
int guest_add(struct guest *guest, const struct sg *sg, unsigned int nr);
int guest_add_indirect(struct guest *guest, const struct sg *sg,
		       unsigned int nr);

/* Puts @head in the available ring whatever it is. */
void guest_offer(struct guest *guest, u16 head);

/* Offers all that was added.  True if the device wants to be kicked. */
bool guest_publish(struct guest *guest);

/* Takes a used entry.  False if there is none or the device misbehaved. */
bool guest_get(struct guest *guest, u16 *head, u32 *len);

/* Asks for no interrupt. */
void guest_quiet(struct guest *guest);

/*
 * Asks for an interrupt after @skip more used entries (event index only; 0 for
 * the next).  True if they are there already.
 */
bool guest_listen(struct guest *guest, u16 skip);

#endif
