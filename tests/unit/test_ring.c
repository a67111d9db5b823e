// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <errno.h>

#include "rig.h"

/* ---- set up ---- */

static void test_sizes(void **state)
{
	u32 num;

	(void)state;
	for (num = 1; num <= MP_RING_SIZE_MAX; num *= 2) {
		assert_int_equal(mp_ring_desc_size(num), 16 * num);
		assert_int_equal(mp_ring_avail_size(num), 6 + 2 * num);
		assert_int_equal(mp_ring_used_size(num), 6 + 8 * num);
	}
}

static void test_init_numbers(void **state)
{
	/* only ever looked at from its start */
	static _Alignas(16) u8 mem[64];
	struct mp_ring ring = { 0 };
	u32 num;
	int err;

	(void)state;
	for (num = 0; num < 0x10000; num++) {
		err = mp_ring_init(&ring, num, mem, mem, mem, 0);
		if (__builtin_popcount(num) == 1 && num <= 32768)
			assert_int_equal(err, 0);
		else
			assert_int_equal(err, -EINVAL);
	}
}

static void test_init_alignment(void **state)
{
	static _Alignas(16) u8 mem[64];
	struct mp_ring ring = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++) {
		assert_int_equal(mp_ring_init(&ring, 1, mem + i, mem, mem, 0),
				 i % 16 ? -EINVAL : 0);
		assert_int_equal(mp_ring_init(&ring, 1, mem, mem + i, mem, 0),
				 i % 2 ? -EINVAL : 0);
		assert_int_equal(mp_ring_init(&ring, 1, mem, mem, mem + i, 0),
				 i % 4 ? -EINVAL : 0);
	}
}

static void test_init_position(void **state)
{
	struct rig *rig = rig_create(8, true, 100, 0);
	struct guest *guest = rig->guest;

	(void)state;
	guest->used->idx = 97;
	rig->ring.broken = true;
	rig->ring.error = "something";
	rig->ring.signalled_valid = true;
	assert_int_equal(mp_ring_init(&rig->ring, 8, guest->desc, guest->avail,
				      guest->used, 99), 0);
	assert_int_equal(rig->ring.last_avail, 99);
	assert_int_equal(rig->ring.used_idx, 97);
	assert_int_equal(rig->ring.published, 97);
	assert_false(rig->ring.broken);
	assert_null(rig->ring.error);
	assert_false(rig->ring.signalled_valid);
	assert_true(rig->ring.event_idx);
	assert_true(rig->ring.indirect);
	assert_int_equal(mp_ring_avail(&rig->ring), 1);
	rig_destroy(rig);
}

/* ---- take ---- */

static void test_empty(void **state)
{
	struct rig *rig = rig_create(4, false, 0xffff, 0);

	(void)state;
	assert_int_equal(mp_ring_avail(&rig->ring), 0);
	assert_int_equal(pop(rig), 0);
	assert_false(rig->ring.broken);
	rig_destroy(rig);
}

static void test_not_before_published(void **state)
{
	struct rig *rig = rig_create(4, false, 0, 0);
	const struct sg sg = { 0x1000, 10, false };

	(void)state;
	guest_add(rig->guest, &sg, 1);
	assert_int_equal(mp_ring_avail(&rig->ring), 0);
	assert_int_equal(pop(rig), 0);
	guest_publish(rig->guest);
	assert_int_equal(mp_ring_avail(&rig->ring), 1);
	assert_int_equal(pop(rig), 1);
	assert_int_equal(mp_ring_avail(&rig->ring), 0);
	assert_int_equal(pop(rig), 0);
	rig_destroy(rig);
}

static void test_direct(void **state)
{
	struct rig *rig = rig_create(16, false, 0xfffe, 0);
	unsigned int nr, nr_out;
	struct sg sg[6];
	int head;

	(void)state;
	for (nr = 1; nr <= 6; nr++) {
		for (nr_out = 0; nr_out <= nr; nr_out++) {
			fill_sg(sg, nr, nr_out);
			head = guest_add(rig->guest, sg, nr);
			guest_publish(rig->guest);
			assert_int_equal(pop(rig), 1);
			assert_chain(rig, head, sg, nr);
			mp_ring_push(&rig->ring, head, 0);
			mp_ring_publish(&rig->ring);
			assert_true(guest_get(rig->guest, &(u16){ 0 },
					      &(u32){ 0 }));
		}
	}
	rig_destroy(rig);
}

static void test_indirect(void **state)
{
	static const unsigned int sizes[] = {
		1, 2, 3, 15, 16, 17, 18, 31, 32, 33, 255, 1023, 1024,
	};
	struct rig *rig = rig_create(2, false, 0, MP_CHAIN_MAX);
	static struct sg sg[MP_CHAIN_MAX];
	unsigned int i, j, nr;
	int head;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		nr = sizes[i];
		for (j = 0; j < 3; j++) {
			fill_sg(sg, nr, nr * j / 2);
			head = guest_add_indirect(rig->guest, sg, nr);
			/* must be ignored, says the specification */
			rig->guest->desc[head].flags |= VRING_DESC_F_WRITE;
			guest_publish(rig->guest);
			assert_int_equal(pop(rig), 1);
			assert_chain(rig, head, sg, nr);
			mp_ring_push(&rig->ring, head, 0);
			mp_ring_publish(&rig->ring);
			assert_true(guest_get(rig->guest, &(u16){ 0 },
					      &(u32){ 0 }));
		}
	}
	rig_destroy(rig);
}

/* Entries in any order, far jumps, and none fetched needlessly often. */
static void test_indirect_shuffled(void **state)
{
	struct rig *rig = rig_create(1, false, 0, MP_CHAIN_MAX);
	struct vring_desc *table = guest_table(rig->guest, 0);
	static struct sg sg[MP_CHAIN_MAX];
	u16 order[MP_CHAIN_MAX];
	unsigned int i, j;
	u64 seed = 3;
	u16 swap;

	(void)state;
	fill_sg(sg, MP_CHAIN_MAX, 400);
	guest_add_indirect(rig->guest, sg, MP_CHAIN_MAX);
	for (i = 0; i < MP_CHAIN_MAX; i++)
		order[i] = i;
	/* the first entry stays the first */
	for (i = MP_CHAIN_MAX; i > 2; i--) {
		j = 1 + below(&seed, i - 1);
		swap = order[j];
		order[j] = order[i - 1];
		order[i - 1] = swap;
	}
	for (i = 0; i < MP_CHAIN_MAX; i++) {
		struct vring_desc *desc = &table[order[i]];

		desc->addr = sg[i].gpa;
		desc->len = sg[i].len;
		desc->flags = sg[i].write ? VRING_DESC_F_WRITE : 0;
		if (i + 1 < MP_CHAIN_MAX) {
			desc->flags |= VRING_DESC_F_NEXT;
			desc->next = order[i + 1];
		}
	}
	guest_publish(rig->guest);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, 0, sg, MP_CHAIN_MAX);
	assert_true(rig->guest->umem.reads <= MP_CHAIN_MAX);
	rig_destroy(rig);
}

static void test_indirect_in_few_reads(void **state)
{
	struct rig *rig = rig_create(1, false, 0, 64);
	struct sg sg[64];

	(void)state;
	fill_sg(sg, 64, 64);
	guest_add_indirect(rig->guest, sg, 64);
	guest_publish(rig->guest);
	assert_int_equal(pop(rig), 1);
	assert_int_equal(rig->guest->umem.reads, 4);
	rig_destroy(rig);
}

/* Direct descriptors, then a table. */
static void test_direct_then_indirect(void **state)
{
	struct rig *rig = rig_create(8, false, 0, 8);
	struct guest *guest = rig->guest;
	struct sg sg[6];
	int head;

	(void)state;
	fill_sg(sg, 6, 4);
	guest_add_indirect(guest, sg + 2, 4);
	head = guest_add(guest, sg, 2);
	guest->desc[guest->next[head]].flags |= VRING_DESC_F_NEXT;
	guest->desc[guest->next[head]].next = 0;
	/* only the second chain is offered */
	guest->avail->ring[0] = head;
	guest->avail_idx = 1;
	guest_publish(guest);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head, sg, 6);
	rig_destroy(rig);
}

/* One table, memory in two adjacent regions; then the second one missing. */
static void test_indirect_across_regions(void **state)
{
	struct rig *rig = rig_create(1, false, 0, 40);
	struct guest *guest = rig->guest;
	struct mp_memtable *mem;
	struct mp_umem umem[2];
	struct sg sg[40];
	u64 cut;

	(void)state;
	fill_sg(sg, 40, 20);
	guest_add_indirect(guest, sg, 40);
	guest_publish(guest);
	for (cut = 1; cut < 40 * 16; cut += 7) {
		mem = calloc(1, sizeof(*mem) + 2 * sizeof(mem->region[0]));
		mem->nr = 2;
		umem[0] = guest->umem;
		umem[0].size = cut;
		umem[1].base = (u8 *)guest->tables + cut;
		umem[1].size = 40 * 16 - cut;
		umem[1].error = 0;
		mem->region[0] = guest->mem->region[0];
		mem->region[0].size = cut;
		mem->region[0].umem = &umem[0];
		mem->region[1].gpa = GUEST_TABLES_GPA + cut;
		mem->region[1].size = umem[1].size;
		mem->region[1].umem = &umem[1];
		assert_int_equal(mp_memtable_seal(mem), 0);
		assert_int_equal(mp_ring_pop(&rig->ring, mem, &rig->chain), 1);
		assert_chain(rig, 0, sg, 40);
		mp_ring_rewind(&rig->ring, 1);

		mem->nr = 1;
		assert_int_equal(mp_ring_pop(&rig->ring, mem, &rig->chain),
				 -EFAULT);
		assert_true(rig->ring.broken);
		rig->ring.broken = false;
		free(mem);
	}
	rig_destroy(rig);
}

/* What is no fault of the guest breaks nothing and can be tried again. */
static void test_indirect_not_now(void **state)
{
	struct rig *rig = rig_create(1, false, 0, 4);
	struct sg sg[4];

	(void)state;
	fill_sg(sg, 4, 2);
	guest_add_indirect(rig->guest, sg, 4);
	guest_publish(rig->guest);
	rig->guest->umem.error = -EAGAIN;
	assert_int_equal(pop(rig), -EAGAIN);
	assert_false(rig->ring.broken);
	assert_int_equal(rig->ring.last_avail, 0);
	rig->guest->umem.error = 0;
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, 0, sg, 4);
	rig_destroy(rig);
}

static void test_empty_descriptors(void **state)
{
	const struct sg some[] = {
		{ 0x1000, 0, false }, { 0x2000, 5, false }, { ~0ULL, 0, false },
		{ 0x3000, 0, true }, { 0x4000, 7, true }, { 0, 0, true },
	};
	const struct sg none[] = { { 0x1000, 0, false }, { 0x2000, 0, true } };
	struct rig *rig = rig_create(16, false, 0, 8);
	int head[3];

	(void)state;
	head[0] = guest_add(rig->guest, some, 6);
	head[1] = guest_add(rig->guest, none, 2);
	head[2] = guest_add_indirect(rig->guest, none, 2);
	guest_publish(rig->guest);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head[0], some, 6);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head[1], none, 2);
	assert_int_equal(rig->chain.nr_out + rig->chain.nr_in, 0);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head[2], none, 2);
	rig_destroy(rig);
}

/* What is just allowed. */
static void test_limits(void **state)
{
	const struct sg out_max = { 0x1000, 0xffffffff, false };
	const struct sg sum_max[] = {
		{ 0, 0x80000000, false }, { 0, 0x7fffffff, true },
	};
	const struct sg top = { ~0ULL - 0x1000, 0x1000, true };
	struct rig *rig = rig_create(4, false, 0, 0);
	int head[3];

	(void)state;
	head[0] = guest_add(rig->guest, &out_max, 1);
	head[1] = guest_add(rig->guest, sum_max, 2);
	head[2] = guest_add(rig->guest, &top, 1);
	guest_publish(rig->guest);
	assert_int_equal(mp_ring_avail(&rig->ring), 3);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head[0], &out_max, 1);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head[1], sum_max, 2);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, head[2], &top, 1);
	rig_destroy(rig);
}

/* Full twice over, through the wrap of the index, at every ring size. */
static void one_ring_size(u16 num)
{
	struct rig *rig = rig_create(num, num & 0x5555, 0x10000 - num / 2, 0);
	struct sg sg = { 0, 1, false };
	unsigned int i, round;
	u16 head;
	u32 len;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < num; i++) {
			sg.gpa = 0x1000 * (u64)i;
			assert_int_not_equal(guest_add(rig->guest, &sg, 1), -1);
		}
		assert_int_equal(guest_add(rig->guest, &sg, 1), -1);
		guest_publish(rig->guest);
		assert_int_equal(mp_ring_avail(&rig->ring), num);
		for (i = 0; i < num; i++) {
			assert_int_equal(pop(rig), 1);
			assert_int_equal(rig->chain.extent[0].gpa,
					 0x1000 * (u64)i);
			mp_ring_push(&rig->ring, rig->chain.head, i);
		}
		assert_int_equal(pop(rig), 0);
		mp_ring_publish(&rig->ring);
		for (i = 0; i < num; i++) {
			assert_true(guest_get(rig->guest, &head, &len));
			assert_int_equal(len, i);
		}
		assert_false(guest_get(rig->guest, &head, &len));
		assert_null(rig->guest->error);
	}
	rig_destroy(rig);
}

static void test_ring_sizes(void **state)
{
	u32 num;

	(void)state;
	for (num = 1; num <= MP_RING_SIZE_MAX; num *= 2)
		one_ring_size(num);
}

/* The longest direct chain of every ring size. */
static void test_longest_direct(void **state)
{
	static struct sg sg[MP_CHAIN_MAX];
	struct rig *rig;
	u32 num, nr;

	(void)state;
	for (num = 1; num <= MP_RING_SIZE_MAX; num *= 2) {
		nr = num < MP_CHAIN_MAX ? num : MP_CHAIN_MAX;
		rig = rig_create(num, false, 0, 0);
		fill_sg(sg, nr, nr / 2);
		guest_add(rig->guest, sg, nr);
		guest_publish(rig->guest);
		assert_int_equal(pop(rig), 1);
		assert_chain(rig, 0, sg, nr);
		rig_destroy(rig);
	}
}

static void test_rewind(void **state)
{
	struct rig *rig = rig_create(8, false, 0xfffd, 0);
	struct sg sg = { 0, 1, true };
	int head[8], i;

	(void)state;
	for (i = 0; i < 8; i++) {
		sg.gpa = i;
		head[i] = guest_add(rig->guest, &sg, 1);
	}
	guest_publish(rig->guest);
	for (i = 0; i < 6; i++)
		assert_int_equal(pop(rig), 1);
	mp_ring_rewind(&rig->ring, 0);
	mp_ring_rewind(&rig->ring, 4);
	assert_int_equal(rig->ring.last_avail, 0xffff);
	assert_int_equal(mp_ring_avail(&rig->ring), 6);
	for (i = 2; i < 8; i++) {
		assert_int_equal(pop(rig), 1);
		assert_int_equal(rig->chain.head, head[i]);
		assert_int_equal(rig->chain.extent[0].gpa, i);
	}
	assert_int_equal(pop(rig), 0);
	mp_ring_rewind(&rig->ring, 8);
	/* what was given back is something to look at */
	assert_true(mp_ring_listen(&rig->ring));
	for (i = 0; i < 8; i++) {
		assert_int_equal(pop(rig), 1);
		assert_int_equal(rig->chain.head, head[i]);
	}
	rig_destroy(rig);
}

/* Rewound chains can be taken by another host that starts at last_avail. */
static void test_rewind_and_hand_over(void **state)
{
	struct rig *rig = rig_create(4, true, 0xfffe, 0);
	struct guest *guest = rig->guest;
	struct sg sg = { 0x1000, 1, true };
	struct mp_ring other;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		guest_add(guest, &sg, 1);
	guest_publish(guest);
	for (i = 0; i < 4; i++)
		assert_int_equal(pop(rig), 1);
	mp_ring_push(&rig->ring, 1, 0);
	mp_ring_push(&rig->ring, 0, 0);
	mp_ring_publish(&rig->ring);
	mp_ring_rewind(&rig->ring, 2);

	other.event_idx = true;
	other.indirect = true;
	assert_int_equal(mp_ring_init(&other, 4, guest->desc, guest->avail,
				      guest->used, rig->ring.last_avail), 0);
	for (i = 2; i < 4; i++) {
		assert_int_equal(mp_ring_pop(&other, guest->mem, &rig->chain),
				 1);
		assert_int_equal(rig->chain.head, i);
		mp_ring_push(&other, i, 0);
	}
	/* it cannot know what was signalled, so it signals */
	assert_true(mp_ring_publish(&other));
	for (i = 0; i < 4; i++)
		assert_true(guest_get(guest, &(u16){ 0 }, &(u32){ 0 }));
	assert_null(guest->error);
	rig_destroy(rig);
}

/* ---- give back ---- */

static void test_push_is_invisible(void **state)
{
	struct rig *rig = rig_create(4, false, 0xffff, 0);
	struct guest *guest = rig->guest;
	struct sg sg = { 0x1000, 100, true };
	u16 head;
	u32 len;

	(void)state;
	assert_false(mp_ring_publish(&rig->ring));
	guest_add(guest, &sg, 1);
	guest_add(guest, &sg, 1);
	guest_publish(guest);
	assert_int_equal(pop(rig), 1);
	assert_int_equal(pop(rig), 1);
	mp_ring_push(&rig->ring, 1, 77);
	mp_ring_push(&rig->ring, 0, 0xfffffff0);
	assert_int_equal(guest->used->idx, 0xffff);
	assert_true(mp_ring_publish(&rig->ring));
	assert_int_equal(guest->used->idx, 1);
	assert_true(guest_get(guest, &head, &len));
	assert_int_equal(head, 1);
	assert_int_equal(len, 77);
	assert_true(guest_get(guest, &head, &len));
	assert_int_equal(head, 0);
	assert_int_equal(len, 0xfffffff0);
	/* nothing new, nothing to say */
	assert_false(mp_ring_publish(&rig->ring));
	rig_destroy(rig);
}

static bool push_and_publish(struct rig *rig, unsigned int nr)
{
	while (nr--)
		mp_ring_push(&rig->ring, 0, 0);
	return mp_ring_publish(&rig->ring);
}

static void test_interrupt_flags(void **state)
{
	struct rig *rig = rig_create(4, false, 0, 0);
	struct vring_avail *avail = rig->guest->avail;

	(void)state;
	/* without the feature the field behind the ring means nothing */
	avail->ring[4] = 0x1234;
	assert_true(push_and_publish(rig, 1));
	assert_true(push_and_publish(rig, 1));
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	assert_false(push_and_publish(rig, 1));
	avail->flags = 0xffff;
	assert_false(push_and_publish(rig, 1));
	avail->flags = 0xfffe;
	assert_true(push_and_publish(rig, 1));
	rig_destroy(rig);
}

static void test_interrupt_event_idx(void **state)
{
	struct rig *rig = rig_create(8, true, 0, 0);
	u16 *event = &rig->guest->avail->ring[8];

	(void)state;
	/* with the feature the flag means nothing */
	rig->guest->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	*event = 0x8000;
	assert_true(push_and_publish(rig, 1));	/* the first, always */
	assert_false(push_and_publish(rig, 1));
	*event = 2;
	assert_true(push_and_publish(rig, 1));	/* 3: past the third */
	assert_false(push_and_publish(rig, 1));	/* one answer is enough */
	*event = 6;
	assert_false(push_and_publish(rig, 2));	/* 6: not past it */
	assert_true(push_and_publish(rig, 4));	/* 10: in the middle */
	*event = 9;
	assert_false(push_and_publish(rig, 1));	/* was answered */
	*event = 11;
	assert_true(push_and_publish(rig, 1));
	rig_destroy(rig);
}

/* Against a count of each single index, all around 16 bits. */
static void test_interrupt_event_idx_everywhere(void **state)
{
	struct rig *rig = rig_create(64, true, 0, 0);
	u16 *event = &rig->guest->avail->ring[64];
	unsigned int round, nr, i;
	u64 seed = 4;
	u16 idx = 0;
	bool want;

	(void)state;
	push_and_publish(rig, 1);
	for (idx = 1, round = 0; round < 20000; round++) {
		nr = 1 + below(&seed, 64);
		*event = below(&seed, 4) ? idx - 32 + below(&seed, 128) :
					   rnd(&seed);
		want = false;
		for (i = 0; i < nr; i++)
			want |= idx++ == *event;
		assert_int_equal(push_and_publish(rig, nr), want);
		assert_int_equal(rig->guest->used->idx, idx);
	}
	rig_destroy(rig);
}

/* The guest's own judgement of a kick follows what listen and quiet say. */
static void kicks(bool event_idx)
{
	struct rig *rig = rig_create(16, event_idx, 0xfffa, 0);
	struct guest *guest = rig->guest;
	struct sg sg = { 0x1000, 100, true };
	int i;

	mp_ring_quiet(&rig->ring);
	guest_add(guest, &sg, 1);
	assert_false(guest_publish(guest));
	assert_int_equal(pop(rig), 1);

	for (i = 0; i < 6; i++) {
		/* listening: the next one kicks */
		assert_false(mp_ring_listen(&rig->ring));
		guest_add(guest, &sg, 1);
		assert_true(guest_publish(guest));
		mp_ring_quiet(&rig->ring);
		assert_int_equal(pop(rig), 1);
		/* quiet: it does not, and listening finds it */
		guest_add(guest, &sg, 1);
		assert_false(guest_publish(guest));
		assert_true(mp_ring_listen(&rig->ring));
		mp_ring_quiet(&rig->ring);
		assert_int_equal(pop(rig), 1);
	}
	rig_destroy(rig);
}

static void test_kick_flags(void **state)
{
	(void)state;
	kicks(false);
}

static void test_kick_event_idx(void **state)
{
	(void)state;
	kicks(true);
}

/* With patience the guest kicks for the fourth entry, or for each without. */
static void patient(bool event_idx)
{
	struct rig *rig = rig_create(16, event_idx, 0xfff6, 0);
	struct sg sg = { 0x1000, 100, true };
	int round, i;

	for (round = 0; round < 4; round++) {
		assert_false(mp_ring_listen_after(&rig->ring, 4));
		for (i = 1; i <= 4; i++) {
			guest_add(rig->guest, &sg, 1);
			assert_int_equal(guest_publish(rig->guest),
					 i == 4 || !event_idx);
		}
		for (i = 0; i < 4; i++) {
			/* enough are there, or not any more */
			assert_int_equal(mp_ring_listen_after(&rig->ring, 4 - i),
					 true);
			assert_int_equal(mp_ring_listen_after(&rig->ring, 5 - i),
					 !event_idx);
			assert_int_equal(pop(rig), 1);
		}
		assert_int_equal(pop(rig), 0);
	}
	rig_destroy(rig);
}

static void test_patient_flags(void **state)
{
	(void)state;
	patient(false);
}

static void test_patient_event_idx(void **state)
{
	(void)state;
	patient(true);
}

/* Each mode leaves the other one's field alone. */
static void test_kick_fields(void **state)
{
	struct rig *rig = rig_create(4, true, 0x1234, 0);
	struct vring_used *used = rig->guest->used;
	u16 *avail_event = (u16 *)&used->ring[4];

	(void)state;
	used->flags = 0x5555;
	mp_ring_quiet(&rig->ring);
	mp_ring_listen(&rig->ring);
	assert_int_equal(used->flags, 0x5555);
	assert_int_equal(*avail_event, 0x1234);

	rig->ring.event_idx = false;
	*avail_event = 0x7777;
	mp_ring_quiet(&rig->ring);
	assert_int_equal(used->flags, VRING_USED_F_NO_NOTIFY);
	mp_ring_listen(&rig->ring);
	assert_int_equal(used->flags, 0);
	assert_int_equal(*avail_event, 0x7777);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest ring[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_init_numbers),
		cmocka_unit_test(test_init_alignment),
		cmocka_unit_test(test_init_position),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_not_before_published),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_indirect_shuffled),
		cmocka_unit_test(test_indirect_in_few_reads),
		cmocka_unit_test(test_direct_then_indirect),
		cmocka_unit_test(test_indirect_across_regions),
		cmocka_unit_test(test_indirect_not_now),
		cmocka_unit_test(test_empty_descriptors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ring_sizes),
		cmocka_unit_test(test_longest_direct),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_rewind_and_hand_over),
		cmocka_unit_test(test_push_is_invisible),
		cmocka_unit_test(test_interrupt_flags),
		cmocka_unit_test(test_interrupt_event_idx),
		cmocka_unit_test(test_interrupt_event_idx_everywhere),
		cmocka_unit_test(test_kick_flags),
		cmocka_unit_test(test_kick_event_idx),
		cmocka_unit_test(test_kick_fields),
		cmocka_unit_test(test_patient_flags),
		cmocka_unit_test(test_patient_event_idx),
	};

	return unit_run(ring);
}
