// SPDX-License-Identifier: GPL-2.0-only
#include "guestmem.h"

static const struct {
	u64 gpa;
	u64 size;
} area[AREAS] = {
	{ 0x1000, 0x108 },	/* ends within a descriptor */
	{ 0x1108, 0x2f8 },
	{ 0x10000, 16 * (MP_CHAIN_MAX + 8) },
};

void guestmem_init(struct guestmem *guest, u16 num)
{
	unsigned int i;

	guest->num = num;
	guest->desc = calloc(1, mp_ring_desc_size(num));
	guest->avail = calloc(1, mp_ring_avail_size(num));
	guest->used = calloc(1, mp_ring_used_size(num));
	guest->mem = calloc(1, sizeof(*guest->mem) +
			       AREAS * sizeof(guest->mem->region[0]));
	guest->mem->nr = AREAS;
	for (i = 0; i < AREAS; i++) {
		guest->umem[i] = (struct mp_umem){
			.base = calloc(1, area[i].size),
			.size = area[i].size,
		};
		guest->mem->region[i] = (struct mp_mem_region){
			.gpa = area[i].gpa,
			.size = area[i].size,
			.uaddr = (uintptr_t)guest->umem[i].base,
			.umem = &guest->umem[i],
		};
	}
	must(!mp_memtable_seal(guest->mem));
}

void guestmem_free(struct guestmem *guest)
{
	unsigned int i;

	for (i = 0; i < AREAS; i++)
		free(guest->umem[i].base);
	free(guest->mem);
	free(guest->used);
	free(guest->avail);
	free(guest->desc);
}

void guestmem_attach(struct guestmem *guest, struct mp_ring *ring, u16 base)
{
	must(!mp_ring_init(ring, guest->num, guest->desc, guest->avail,
			   guest->used, base));
}

void *guestmem_at(const struct guestmem *guest, u64 gpa, size_t *len)
{
	unsigned int i;

	for (i = 0; i < AREAS; i++) {
		u64 offset = gpa - area[i].gpa;

		if (gpa < area[i].gpa || offset >= area[i].size)
			continue;
		if (*len > area[i].size - offset)
			*len = area[i].size - offset;
		return (u8 *)guest->umem[i].base + offset;
	}
	return NULL;
}

u64 take_gpa(struct input *in)
{
	u8 how = take8(in);

	switch (how % 8) {
	case 0:
	case 1:
		return area[0].gpa + 16 * (how / 8);
	case 2:
		return area[1].gpa + take8(in);
	case 3:
	case 4:
		return area[2].gpa + 16 * take8(in);
	case 5:
		return area[2].gpa + take16(in);
	case 6:
		return -1ULL - take16(in);
	default:
		return take64(in);
	}
}

u32 take_len(struct input *in)
{
	u8 how = take8(in);

	switch (how % 8) {
	case 0:
		return how / 8;
	case 1:
	case 2:
	case 3:
		return 16 * (how / 8);
	case 4:
		return 16 * (MP_CHAIN_MAX - 4 + how / 8);
	case 5:
		return take16(in);
	case 6:
		return -1U - take8(in);
	default:
		return take32(in);
	}
}

void take_desc(struct input *in, struct vring_desc *desc)
{
	desc->addr = take_gpa(in);
	desc->len = take_len(in);
	desc->flags = take8(in);
	desc->next = take8(in);
	if (desc->flags & 0x80)
		desc->next = take16(in);
}

struct vring_desc *take_slot(struct input *in, const struct guestmem *guest)
{
	u8 which = take8(in);
	unsigned int i;

	if (which & 1)
		return &guest->desc[take16(in) % guest->num];
	i = which / 2 % AREAS;
	return (struct vring_desc *)guest->umem[i].base +
	       take16(in) % (area[i].size / sizeof(struct vring_desc));
}

/* Entries that lead to one another, and the last one to itself as it is. */
static void run(struct vring_desc *desc, unsigned int nr,
		struct vring_desc like, struct vring_desc last)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		desc[i] = like;
		desc[i].flags |= VRING_DESC_F_NEXT;
		desc[i].next = i + 1;
	}
	if (nr)
		desc[nr - 1] = last;
}

/* Few, or about as many as there may be. */
static unsigned int take_count(struct input *in, unsigned int most)
{
	unsigned int val = take8(in);

	val = val < 192 ? val : most - val % 8;
	return val < most ? val : most;
}

static void scribble_run(struct input *in, struct guestmem *guest)
{
	unsigned int nr = take_count(in, guest->num);
	struct vring_desc like, last;

	take_desc(in, &like);
	take_desc(in, &last);
	run(guest->desc, nr, like, last);
}

/* A table that is nearly right, with or without something before it. */
static void scribble_table(struct input *in, struct guestmem *guest)
{
	unsigned int nr = take_count(in, MP_CHAIN_MAX + 4);
	struct vring_desc *head = &guest->desc[take8(in) % guest->num];
	u8 how = take8(in);
	struct vring_desc like, last;

	take_desc(in, &like);
	take_desc(in, &last);
	last.next = nr + take8(in) % 4 - 2;
	run(guest->umem[2].base, nr, like, last);
	if (how & 1) {
		*head = like;
		head->flags |= VRING_DESC_F_NEXT;
		head->next = take8(in);
		head = &guest->desc[head->next % guest->num];
	}
	*head = (struct vring_desc){
		.addr = area[2].gpa,
		.len = 16 * nr,
		.flags = VRING_DESC_F_INDIRECT,
	};
}

static void scribble_index(struct input *in, struct guestmem *guest)
{
	u8 what = take8(in);
	u16 val = take16(in);

	switch (what % 8) {
	case 0:
		guest->avail->flags = val;
		break;
	case 1:
		guest->avail->idx = val;
		break;
	case 2:
	case 3:
		guest->avail->ring[what / 8 % guest->num] = val;
		break;
	case 4:		/* used_event */
		guest->avail->ring[guest->num] = val;
		break;
	case 5:
		guest->used->flags = val;
		break;
	case 6:
		guest->used->idx = val;
		break;
	default:	/* avail_event */
		*(u16 *)&guest->used->ring[guest->num] = val;
	}
}

static void scribble_bytes(struct input *in, struct guestmem *guest)
{
	u8 what = take8(in);
	size_t size = what & 1 ? mp_ring_desc_size(guest->num) :
				 mp_ring_avail_size(guest->num);
	u8 *part = what & 1 ? (u8 *)guest->desc : (u8 *)guest->avail;
	size_t at = take16(in) % size;
	size_t len = take8(in) % 32;

	input_take(in, part + at, len < size - at ? len : size - at);
}

void guest_scribbles(struct input *in, struct guestmem *guest)
{
	switch (take8(in) % 8) {
	case 0:
	case 1:
	case 2:
	case 3:
		take_desc(in, take_slot(in, guest));
		break;
	case 4:
		scribble_run(in, guest);
		break;
	case 5:
		scribble_table(in, guest);
		break;
	case 6:
		scribble_index(in, guest);
		break;
	default:
		scribble_bytes(in, guest);
	}
}
