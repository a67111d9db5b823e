// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each rule that a guest can break, broken.
 */
#include "unit.h"

#include <errno.h>

#include "rig.h"

/**
 * struct refusal - a way to break the rules
 * @name: what it is
 * @set: breaks them, in chain 0 of a ring of 4 (or @num); a direct chain of
 *	four is there already, out, out, in, in, and @indirect the same in a
 *	table behind descriptor 0
 * @why: part of the ring's error
 * @err: what popping says, if not -EINVAL
 * @indirect: the chain is in a table
 * @num: ring size, or 0
 */
struct refusal {
	const char *name;
	void (*set)(struct rig *rig, struct vring_desc *desc);
	const char *why;
	int err;
	bool indirect;
	u16 num;
};

static void set_head(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->avail->ring[0] = 4;
}

static void set_head_far(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->avail->ring[0] = 0xffff;
}

static void set_next(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[1].next = 4;
}

static void set_next_far(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[1].next = 0xffff;
}

static void set_self(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[1].next = 1;
}

static void set_loop(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[3].flags |= VRING_DESC_F_NEXT;
	desc[3].next = 2;
}

static void set_loop_empty(struct rig *rig, struct vring_desc *desc)
{
	set_loop(rig, desc);
	desc[2].len = 0;
	desc[3].len = 0;
}

static void set_order(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[0].flags |= VRING_DESC_F_WRITE;
}

static void set_order_empty(struct rig *rig, struct vring_desc *desc)
{
	set_order(rig, desc);
	desc[0].len = 0;
}

static void set_order_last(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[3].flags = 0;
}

static void set_wrap(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[1].addr = ~0ULL;
	desc[1].len = 2;
}

static void set_wrap_exact(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[3].addr = ~0ULL - 0xfff;
	desc[3].len = 0x1000;
}

static void set_sum(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[0].len = 0x80000000;
	desc[1].len = 0x80000000;
}

static void set_sum_in(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[2].len = 0xffffffff;
	desc[3].len = 0xffffffff;
}

static void set_sum_mixed(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[0].len = 0xfffffff0;
	desc[1].len = 0;
	desc[2].len = 0;
	desc[3].len = 0x10;
}

static void set_chained(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].flags |= VRING_DESC_F_NEXT;
	rig->guest->desc[0].next = 1;
}

static void set_no_feature(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->ring.indirect = false;
}

static void set_nested(struct rig *rig, struct vring_desc *desc)
{
	(void)rig;
	desc[2].flags |= VRING_DESC_F_INDIRECT;
}

static void set_nested_first(struct rig *rig, struct vring_desc *desc)
{
	*desc = rig->guest->desc[0];
}

static void set_table_0(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].len = 0;
}

static void set_table_8(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].len = 8;
}

static void set_table_odd(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].len = 65;
}

static void set_table_long(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].len = 16 * (MP_CHAIN_MAX + 1);
}

static void set_table_huge(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].len = 0xfffffff0;
}

static void set_table_short(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].len = 48;
}

static void set_table_wrap(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].addr = ~0ULL - 31;
}

static void set_table_nowhere(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->desc[0].addr = 0x1000;
}

static void set_table_end(struct rig *rig, struct vring_desc *desc)
{
	const struct mp_mem_region *region = &rig->guest->mem->region[0];

	(void)desc;
	rig->guest->desc[0].addr = region->gpa + region->size - 56;
}

static void set_too_long(struct rig *rig, struct vring_desc *desc)
{
	unsigned int i;

	(void)rig;
	for (i = 0; i <= MP_CHAIN_MAX; i++) {
		desc[i].len = 1;
		desc[i].flags = i < MP_CHAIN_MAX ? VRING_DESC_F_NEXT : 0;
		desc[i].next = i + 1;
	}
}

/* One before a table that is as long as may be. */
static void set_too_long_together(struct rig *rig, struct vring_desc *desc)
{
	struct vring_desc *ring = rig->guest->desc;

	set_too_long(rig, desc);
	desc[MP_CHAIN_MAX - 1].flags = 0;
	ring[1] = ring[0];
	ring[1].len = 16 * MP_CHAIN_MAX;
	ring[0].addr = 0x1000;
	ring[0].len = 1;
	ring[0].flags = VRING_DESC_F_NEXT;
	ring[0].next = 1;
}

static void set_index(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->avail_idx += rig->guest->num;
}

static void set_index_back(struct rig *rig, struct vring_desc *desc)
{
	(void)desc;
	rig->guest->avail_idx -= 2;
}

/* In the ring itself, and in a table. */
#define CHAIN(...)	{ REFUSAL(__VA_ARGS__) }
#define TABLE(...)	{ REFUSAL(__VA_ARGS__), .indirect = true }
#define REFUSAL(n, s, w, ...)	.name = n, .set = s, .why = w, ##__VA_ARGS__

static struct refusal refusals[] = {
	CHAIN("head", set_head, "index out of range"),
	CHAIN("head far", set_head_far, "index out of range"),
	CHAIN("next", set_next, "index out of range"),
	CHAIN("next far", set_next_far, "index out of range"),
	CHAIN("loop of one", set_self, "loops"),
	CHAIN("loop", set_loop, "loops"),
	CHAIN("loop of empty descriptors", set_loop_empty, "loops"),
	CHAIN("writable before readable", set_order, "before a readable"),
	CHAIN("empty writable before readable", set_order_empty,
	      "before a readable"),
	CHAIN("readable last", set_order_last, "before a readable"),
	CHAIN("address wraps", set_wrap, "address wraps"),
	CHAIN("address wraps to 0", set_wrap_exact, "address wraps"),
	CHAIN("length overflows", set_sum, "length overflows"),
	CHAIN("length overflows, writable", set_sum_in, "length overflows"),
	CHAIN("length overflows, both", set_sum_mixed, "length overflows"),
	CHAIN("too long", set_too_long, "too long", .num = 2048),
	CHAIN("available index", set_index, "moved too far"),
	CHAIN("available index back", set_index_back, "moved too far"),

	TABLE("table next", set_next, "indirect index"),
	TABLE("table next far", set_next_far, "indirect index"),
	TABLE("table loop of one", set_self, "loops"),
	TABLE("table loop", set_loop, "loops"),
	TABLE("table loop of empty descriptors", set_loop_empty, "loops"),
	TABLE("table writable before readable", set_order, "before a readable"),
	TABLE("table address wraps", set_wrap, "address wraps"),
	TABLE("table length overflows", set_sum_mixed, "length overflows"),
	TABLE("indirect and chained", set_chained, "both indirect"),
	TABLE("indirect without the feature", set_no_feature,
	      "without the feature"),
	TABLE("nested", set_nested, "in an indirect"),
	TABLE("nested in itself", set_nested_first, "in an indirect"),
	TABLE("table of 0 bytes", set_table_0, "table length"),
	TABLE("table of 8 bytes", set_table_8, "table length"),
	TABLE("table of 65 bytes", set_table_odd, "table length"),
	TABLE("table too long", set_table_long, "table length"),
	TABLE("table of 4 GiB", set_table_huge, "table length"),
	TABLE("next behind the table", set_table_short, "indirect index"),
	TABLE("table wraps", set_table_wrap, "table address wraps"),
	TABLE("table nowhere", set_table_nowhere,
	      "outside of memory", .err = -EFAULT),
	TABLE("table over the end", set_table_end,
	      "outside of memory", .err = -EFAULT),
	TABLE("too long with table", set_too_long_together, "too long"),
};

static void test_refusal(void **state)
{
	const struct refusal *refusal = *state;
	u16 num = refusal->num ? refusal->num : 4;
	struct rig *rig = rig_create(num, false, 0, MP_CHAIN_MAX + 1);
	struct guest *guest = rig->guest;
	struct vring_desc *desc;
	struct sg sg[4];

	fill_sg(sg, 4, 2);
	if (refusal->indirect)
		guest_add_indirect(guest, sg, 4);
	else
		guest_add(guest, sg, 4);
	desc = refusal->indirect ? guest_table(guest, 0) : guest->desc;
	refusal->set(rig, desc);
	guest_publish(guest);

	assert_int_equal(pop(rig), refusal->err ? refusal->err : -EINVAL);
	assert_true(rig->ring.broken);
	assert_non_null(strstr(rig->ring.error, refusal->why));
	assert_int_equal(rig->ring.last_avail, 0);

	/* broken for good */
	assert_int_equal(pop(rig), -EINVAL);
	assert_int_equal(mp_ring_avail(&rig->ring), -EINVAL);
	assert_false(mp_ring_listen(&rig->ring));
	assert_non_null(strstr(rig->ring.error, refusal->why));

	/* until the reset */
	guest_attach(guest, &rig->ring);
	assert_int_equal(pop(rig), 0);
	assert_false(rig->ring.broken);
	assert_null(rig->ring.error);
	rig_destroy(rig);
}

/* A control: the chain that the refusals start from is fine by itself. */
static void test_refusal_base(void **state)
{
	struct rig *rig = rig_create(4, false, 0, MP_CHAIN_MAX + 1);
	struct sg sg[4];

	(void)state;
	fill_sg(sg, 4, 2);
	guest_add(rig->guest, sg, 4);
	guest_publish(rig->guest);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, 0, sg, 4);
	rig_destroy(rig);

	rig = rig_create(4, false, 0, MP_CHAIN_MAX + 1);
	guest_add_indirect(rig->guest, sg, 4);
	guest_publish(rig->guest);
	assert_int_equal(pop(rig), 1);
	assert_chain(rig, 0, sg, 4);
	rig_destroy(rig);
}

static void test_avail_refuses(void **state)
{
	struct rig *rig;
	u32 jump;

	(void)state;
	for (jump = 0; jump < 0x10000; jump += jump < 20 ? 1 : 977) {
		rig = rig_create(8, false, 0xfffc, 0);
		rig->guest->avail->idx = 0xfffc + jump;
		assert_int_equal(mp_ring_avail(&rig->ring),
				 jump <= 8 ? (int)jump : -EINVAL);
		assert_int_equal(rig->ring.broken, jump > 8);
		rig_destroy(rig);
	}
}

/* A wild index must wake the device up, so that popping refuses it. */
static void test_listen_sees_wild_index(void **state)
{
	struct rig *rig = rig_create(8, true, 0, 0);

	(void)state;
	rig->guest->avail->idx = 0x8000;
	assert_true(mp_ring_listen(&rig->ring));
	assert_int_equal(pop(rig), -EINVAL);
	assert_false(mp_ring_listen(&rig->ring));
	rig_destroy(rig);
}

/* An index that lies after it was seen costs nothing but the chains. */
static void test_index_moves_while_popping(void **state)
{
	struct rig *rig = rig_create(4, false, 0, 0);
	struct sg sg = { 0x1000, 1, true };
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		guest_add(rig->guest, &sg, 1);
	guest_publish(rig->guest);
	assert_int_equal(pop(rig), 1);
	rig->guest->avail->idx = 0x7000;
	for (i = 0; i < 3; i++)
		assert_int_equal(pop(rig), 1);
	assert_int_equal(pop(rig), -EINVAL);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest plain[] = {
		cmocka_unit_test(test_refusal_base),
		cmocka_unit_test(test_avail_refuses),
		cmocka_unit_test(test_listen_sees_wild_index),
		cmocka_unit_test(test_index_moves_while_popping),
	};
	struct CMUnitTest refusal[ARRAY_SIZE(plain) + ARRAY_SIZE(refusals)];
	char names[ARRAY_SIZE(refusals)][64];
	unsigned int i;

	memcpy(refusal, plain, sizeof(plain));
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		snprintf(names[i], sizeof(names[i]), "refuse %s",
			 refusals[i].name);
		refusal[ARRAY_SIZE(plain) + i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_refusal,
			.initial_state = &refusals[i],
		};
	}
	return unit_run(refusal);
}
