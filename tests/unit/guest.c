// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static u16 peek(const u16 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void poke(u16 *p, u16 val)
{
	__atomic_store_n(p, val, __ATOMIC_RELEASE);
}

static void fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static u16 *guest_used_event(struct guest *guest)
{
	return &guest->avail->ring[guest->num];
}

static u16 *guest_avail_event(struct guest *guest)
{
	return (u16 *)&guest->used->ring[guest->num];
}

static void guest_memory(struct guest *guest)
{
	size_t size = (size_t)guest->num * guest->table_max *
		      sizeof(struct vring_desc);

	guest->mem = calloc(1, sizeof(*guest->mem) +
			       sizeof(guest->mem->region[0]));
	if (!size)
		return;
	guest->tables = calloc(1, size);
	guest->umem.base = guest->tables;
	guest->umem.size = size;
	guest->mem->nr = 1;
	guest->mem->region[0].gpa = GUEST_TABLES_GPA;
	guest->mem->region[0].size = size;
	guest->mem->region[0].uaddr = (uintptr_t)guest->tables;
	guest->mem->region[0].umem = &guest->umem;
	if (mp_memtable_seal(guest->mem))
		abort();
}

struct guest *guest_create(u16 num, bool event_idx, u16 base, u16 table_max)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	unsigned int i;

	guest->num = num;
	guest->event_idx = event_idx;
	guest->table_max = table_max;
	/* Sizes from the specification, 2.7. */
	guest->desc = calloc(1, 16 * (size_t)num);
	guest->avail = calloc(1, 6 + 2 * (size_t)num);
	guest->used = calloc(1, 6 + 8 * (size_t)num);
	guest->next = calloc(num, sizeof(u16));
	guest->count = calloc(num, sizeof(u16));
	for (i = 0; i < num; i++)
		guest->next[i] = i + 1;
	guest->nr_free = num;
	guest->avail_idx = base;
	guest->kick_idx = base;
	guest->last_used = base;
	guest->avail->idx = base;
	guest->used->idx = base;
	guest_memory(guest);
	return guest;
}

void guest_destroy(struct guest *guest)
{
	free(guest->desc);
	free(guest->avail);
	free(guest->used);
	free(guest->next);
	free(guest->count);
	free(guest->tables);
	free(guest->mem);
	free(guest);
}

void guest_attach(struct guest *guest, struct mp_ring *ring)
{
	ring->event_idx = guest->event_idx;
	ring->indirect = true;
	if (mp_ring_init(ring, guest->num, guest->desc, guest->avail,
			 guest->used, guest->avail_idx))
		abort();
}

struct vring_desc *guest_table(struct guest *guest, u16 head)
{
	return guest->tables + (size_t)head * guest->table_max;
}

u64 guest_table_gpa(const struct guest *guest, u16 head)
{
	return GUEST_TABLES_GPA +
	       (u64)head * guest->table_max * sizeof(struct vring_desc);
}

static void fill(struct vring_desc *desc, const struct sg *sg, bool more,
		 u16 next)
{
	desc->addr = sg->gpa;
	desc->len = sg->len;
	desc->flags = (sg->write ? VRING_DESC_F_WRITE : 0) |
		      (more ? VRING_DESC_F_NEXT : 0);
	desc->next = next;
}

void guest_offer(struct guest *guest, u16 head)
{
	guest->avail->ring[guest->avail_idx % guest->num] = head;
	guest->avail_idx++;
}

static u16 take_desc(struct guest *guest)
{
	u16 i = guest->free;

	guest->free = guest->next[i];
	guest->nr_free--;
	return i;
}

int guest_add(struct guest *guest, const struct sg *sg, unsigned int nr)
{
	u16 head = guest->free;
	unsigned int i;
	u16 desc;

	if (!nr || nr > guest->nr_free)
		return -1;

	for (i = 0; i < nr; i++) {
		desc = take_desc(guest);
		fill(&guest->desc[desc], &sg[i], i + 1 < nr, guest->free);
	}
	guest->count[head] = nr;
	guest_offer(guest, head);
	return head;
}

int guest_add_indirect(struct guest *guest, const struct sg *sg,
		       unsigned int nr)
{
	struct vring_desc *table;
	unsigned int i;
	u16 head;

	if (!nr || nr > guest->table_max || !guest->nr_free)
		return -1;

	head = take_desc(guest);
	table = guest_table(guest, head);
	for (i = 0; i < nr; i++)
		fill(&table[i], &sg[i], i + 1 < nr, i + 1);

	guest->desc[head].addr = guest_table_gpa(guest, head);
	guest->desc[head].len = nr * sizeof(*table);
	guest->desc[head].flags = VRING_DESC_F_INDIRECT;
	guest->desc[head].next = 0xdead;
	guest->count[head] = 1;
	guest_offer(guest, head);
	return head;
}

bool guest_publish(struct guest *guest)
{
	u16 old = guest->kick_idx, new = guest->avail_idx;

	poke(&guest->avail->idx, new);
	guest->kick_idx = new;
	fence();

	if (!guest->event_idx)
		return !(peek(&guest->used->flags) & VRING_USED_F_NO_NOTIFY);
	return (u16)(peek(guest_avail_event(guest)) - old) < (u16)(new - old);
}

static void free_chain(struct guest *guest, u16 head)
{
	unsigned int nr = guest->count[head];
	u16 last = head;

	guest->nr_free += nr;
	while (--nr)
		last = guest->next[last];
	guest->next[last] = guest->free;
	guest->free = head;
	guest->count[head] = 0;
}

bool guest_get(struct guest *guest, u16 *head, u32 *len)
{
	struct vring_used_elem *elem;
	u16 nr = peek(&guest->used->idx) - guest->last_used;

	if (guest->error || !nr)
		return false;
	if (nr > guest->num) {
		guest->error = "used index moved too far";
		return false;
	}

	elem = &guest->used->ring[guest->last_used % guest->num];
	if (elem->id >= guest->num || !guest->count[elem->id]) {
		guest->error = "used entry for a chain not offered";
		return false;
	}
	*head = elem->id;
	*len = elem->len;
	free_chain(guest, *head);
	guest->last_used++;
	return true;
}

void guest_quiet(struct guest *guest)
{
	if (!guest->event_idx)
		poke(&guest->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

bool guest_listen(struct guest *guest, u16 skip)
{
	if (guest->event_idx) {
		poke(guest_used_event(guest), guest->last_used + skip);
	} else {
		poke(&guest->avail->flags, 0);
		skip = 0;
	}
	fence();
	return (u16)(peek(&guest->used->idx) - guest->last_used) > skip;
}
