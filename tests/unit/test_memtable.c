// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <errno.h>

#include "../../vhost-mp/memtable.h"
#include "umem.h"

#define USER	0x7f0000000000ULL

static struct mp_memtable *table_create(const struct mp_mem_region *region,
					unsigned int nr)
{
	struct mp_memtable *mem;

	mem = calloc(1, sizeof(*mem) + nr * sizeof(*region));
	mem->nr = nr;
	if (nr)
		memcpy(mem->region, region, nr * sizeof(*region));
	return mem;
}

static int seal(const struct mp_mem_region *region, unsigned int nr)
{
	struct mp_memtable *mem = table_create(region, nr);
	int err = mp_memtable_seal(mem);

	free(mem);
	return err;
}

#define SEAL(...)							\
	seal((const struct mp_mem_region[]){ __VA_ARGS__ },		\
	     ARRAY_SIZE(((const struct mp_mem_region[]){ __VA_ARGS__ })))

static void test_seal_accepts(void **state)
{
	(void)state;
	assert_int_equal(seal(NULL, 0), 0);
	assert_int_equal(SEAL({ 0, 1, 0, NULL }), 0);
	/* adjacent, in either order */
	assert_int_equal(SEAL({ 0, 0x1000, USER, NULL },
			      { 0x1000, 0x1000, USER, NULL }), 0);
	assert_int_equal(SEAL({ 0x1000, 0x1000, USER, NULL },
			      { 0, 0x1000, USER, NULL }), 0);
	/* up to the last byte but one, which is where it would wrap */
	assert_int_equal(SEAL({ ~0ULL - 0xfff, 0xfff, USER, NULL }), 0);
	assert_int_equal(SEAL({ 0, ~0ULL, 0, NULL }), 0);
	assert_int_equal(SEAL({ 0, 0xfff, ~0ULL - 0xfff, NULL }), 0);
}

static void test_seal_refuses_empty(void **state)
{
	(void)state;
	assert_int_equal(SEAL({ 0x1000, 0, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0, 0x1000, USER, NULL },
			      { 0x4000, 0, USER, NULL }), -EINVAL);
}

static void test_seal_refuses_wrap(void **state)
{
	(void)state;
	assert_int_equal(SEAL({ ~0ULL - 0xfff, 0x1000, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ ~0ULL, 2, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 1, ~0ULL, 0, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0, 0x1000, ~0ULL - 0xfff, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0, 0x1000, ~0ULL, NULL }), -EINVAL);
}

static void test_seal_refuses_overlap(void **state)
{
	(void)state;
	/* by a byte, in either order; the same; one within the other */
	assert_int_equal(SEAL({ 0, 0x1001, USER, NULL },
			      { 0x1000, 0x1000, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0x1000, 0x1000, USER, NULL },
			      { 0, 0x1001, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0x1000, 0x1000, USER, NULL },
			      { 0x1000, 0x1000, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0x2000, 1, USER, NULL },
			      { 0, 0x10000, USER, NULL }), -EINVAL);
	assert_int_equal(SEAL({ 0, 0x1000, USER, NULL },
			      { 0x8000, 0x1000, USER, NULL },
			      { 0x8fff, 0x1000, USER, NULL }), -EINVAL);
}

/* @nr regions with and without gaps, shuffled; half of them adjacent. */
static struct mp_memtable *random_table(u64 *seed, unsigned int nr)
{
	struct mp_memtable *mem = table_create(NULL, 0);
	struct mp_mem_region swap;
	unsigned int i, j;
	u64 gpa = below(seed, 3);

	mem = realloc(mem, sizeof(*mem) + nr * sizeof(mem->region[0]));
	mem->nr = nr;
	for (i = 0; i < nr; i++) {
		mem->region[i].gpa = gpa;
		mem->region[i].size = 1 + below(seed, 20);
		mem->region[i].uaddr = USER + 100 * i;
		mem->region[i].umem = NULL;
		gpa += mem->region[i].size + below(seed, 2) * below(seed, 9);
	}
	for (i = nr; i > 1; i--) {
		j = below(seed, i);
		swap = mem->region[j];
		mem->region[j] = mem->region[i - 1];
		mem->region[i - 1] = swap;
	}
	return mem;
}

static const struct mp_mem_region *slow_find(const struct mp_memtable *mem,
					     u64 gpa)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (gpa >= mem->region[i].gpa &&
		    gpa < mem->region[i].gpa + mem->region[i].size)
			return &mem->region[i];
	return NULL;
}

static void test_find_matches_linear_search(void **state)
{
	struct mp_memtable *mem;
	u64 seed = 1, gpa;
	unsigned int i;

	(void)state;
	for (i = 0; i <= MP_MEM_REGIONS_MAX; i = i < 20 ? i + 1 : i * 2) {
		mem = random_table(&seed, i > 512 ? 512 : i);
		assert_int_equal(mp_memtable_seal(mem), 0);
		for (gpa = 0; gpa < 20 * (i + 2); gpa++)
			assert_ptr_equal(mp_memtable_find(mem, gpa),
					 slow_find(mem, gpa));
		assert_null(mp_memtable_find(mem, ~0ULL));
		free(mem);
	}
}

static void test_seal_sorts(void **state)
{
	struct mp_memtable *mem;
	unsigned int i;
	u64 seed = 2;

	(void)state;
	mem = random_table(&seed, MP_MEM_REGIONS_MAX);
	assert_int_equal(mp_memtable_seal(mem), 0);
	for (i = 0; i < mem->nr; i++) {
		/* moved as a whole: the user address tells the first order */
		assert_int_equal(mem->region[i].uaddr, USER + 100 * i);
		if (i)
			assert_true(mem->region[i].gpa >
				    mem->region[i - 1].gpa);
	}
	free(mem);
}

static void test_find_at_the_ends(void **state)
{
	const struct mp_mem_region regions[] = {
		{ ~0ULL - 0x1000, 0x1000, USER, NULL },
		{ 0, 0x1000, USER, NULL },
	};
	struct mp_memtable *mem = table_create(regions, 2);

	(void)state;
	assert_int_equal(mp_memtable_seal(mem), 0);
	assert_ptr_equal(mp_memtable_find(mem, 0), &mem->region[0]);
	assert_ptr_equal(mp_memtable_find(mem, 0xfff), &mem->region[0]);
	assert_null(mp_memtable_find(mem, 0x1000));
	assert_null(mp_memtable_find(mem, ~0ULL - 0x1001));
	assert_ptr_equal(mp_memtable_find(mem, ~0ULL - 0x1000),
			 &mem->region[1]);
	assert_ptr_equal(mp_memtable_find(mem, ~0ULL - 1), &mem->region[1]);
	assert_null(mp_memtable_find(mem, ~0ULL));
	free(mem);
}

static void test_find_user(void **state)
{
	const struct mp_mem_region regions[] = {
		{ 0x0000, 0x1000, USER + 0x1000, NULL },
		{ 0x1000, 0x1000, USER + 0x2000, NULL },
		{ 0x9000, 0x1000, USER, NULL },
	};
	struct mp_memtable *mem = table_create(regions, 3);
	const struct mp_mem_region *region = mem->region;

	(void)state;
	assert_int_equal(mp_memtable_seal(mem), 0);
#define FIND(uaddr, size)	mp_memtable_find_user(mem, uaddr, size)
	assert_ptr_equal(FIND(USER, 1), &region[2]);
	assert_ptr_equal(FIND(USER, 0x1000), &region[2]);
	assert_ptr_equal(FIND(USER + 0xfff, 1), &region[2]);
	assert_ptr_equal(FIND(USER + 0x1000, 0x1000), &region[0]);
	assert_ptr_equal(FIND(USER + 0x2fff, 1), &region[1]);
	assert_ptr_equal(FIND(USER + 0x2fff, 0), &region[1]);
	/* adjacent, but two */
	assert_null(FIND(USER + 0xfff, 2));
	assert_null(FIND(USER + 0x1800, 0x1000));
	/* outside, and sizes that would wrap */
	assert_null(FIND(USER - 1, 1));
	assert_null(FIND(USER - 1, 2));
	assert_null(FIND(USER + 0x3000, 0));
	assert_null(FIND(USER + 0x3000, 1));
	assert_null(FIND(USER + 0x2001, 0x1000));
	assert_null(FIND(USER + 0x10, ~0ULL));
	assert_null(FIND(USER + 0x10, ~0ULL - USER));
	assert_null(FIND(0, 1));
	assert_null(FIND(~0ULL, 1));
#undef FIND
	free(mem);
}

static void test_find_user_aliases(void **state)
{
	/* The same user memory twice in the guest: the region has to cover. */
	const struct mp_mem_region regions[] = {
		{ 0x0000, 0x1000, USER, NULL },
		{ 0x9000, 0x2000, USER, NULL },
	};
	struct mp_memtable *mem = table_create(regions, 2);

	(void)state;
	assert_int_equal(mp_memtable_seal(mem), 0);
	assert_non_null(mp_memtable_find_user(mem, USER, 0x1000));
	assert_ptr_equal(mp_memtable_find_user(mem, USER + 0x800, 0x1000),
			 &mem->region[1]);
	free(mem);
}

/* Guest memory 0x1000-0x11ff in three adjacent pieces, and 0x1300-0x13ff. */
struct pieces {
	u8 byte[4][0x100];
	struct mp_umem umem[4];
	struct mp_memtable *mem;
};

static int pieces_setup(void **state)
{
	struct pieces *p = calloc(1, sizeof(*p));
	const struct mp_mem_region regions[] = {
		{ 0x1300, 0x100, USER, &p->umem[3] },
		{ 0x1080, 0x100, USER, &p->umem[1] },
		{ 0x1000, 0x080, USER, &p->umem[0] },
		{ 0x1180, 0x080, USER, &p->umem[2] },
	};
	unsigned int i, j;

	p->mem = table_create(regions, 4);
	if (mp_memtable_seal(p->mem))
		return -1;
	for (i = 0; i < 4; i++) {
		p->umem[i].base = p->byte[i];
		p->umem[i].size = p->mem->region[i].size;
		for (j = 0; j < p->umem[i].size; j++)
			p->byte[i][j] = (p->mem->region[i].gpa + j) * 7 >> 1;
	}
	*state = p;
	return 0;
}

static int pieces_teardown(void **state)
{
	struct pieces *p = *state;

	free(p->mem);
	free(p);
	return 0;
}

static void test_read_every_range(void **state)
{
	struct pieces *p = *state;
	size_t len, i;
	u8 dst[0x220];
	u64 gpa;
	int err;

	for (gpa = 0xff8; gpa < 0x1208; gpa++) {
		for (len = 1; len < 0x210; len += 1 + len / 8) {
			memset(dst, 0xee, sizeof(dst));
			err = mp_memtable_read(p->mem, gpa, dst, len);
			if (gpa < 0x1000 || gpa + len > 0x1200) {
				assert_int_equal(err, -EFAULT);
				continue;
			}
			assert_int_equal(err, 0);
			for (i = 0; i < len; i++)
				assert_int_equal(dst[i],
						 (u8)((gpa + i) * 7 >> 1));
			assert_int_equal(dst[len], 0xee);
		}
	}
}

static void test_read_one_call_a_piece(void **state)
{
	struct pieces *p = *state;
	u8 dst[0x200];

	assert_int_equal(mp_memtable_read(p->mem, 0x1000, dst, 0x200), 0);
	assert_int_equal(p->umem[0].reads, 1);
	assert_int_equal(p->umem[1].reads, 1);
	assert_int_equal(p->umem[2].reads, 1);
	assert_int_equal(p->umem[3].reads, 0);
	assert_int_equal(mp_memtable_read(p->mem, 0x1080, dst, 0x100), 0);
	assert_int_equal(p->umem[1].reads, 2);
	assert_int_equal(p->umem[2].reads, 1);
}

static void test_read_edges(void **state)
{
	struct pieces *p = *state;
	u8 dst[0x100];

	/* nothing is read from nowhere */
	assert_int_equal(mp_memtable_read(p->mem, 0, dst, 0), 0);
	/* up to the end of a piece behind which there is a gap */
	assert_int_equal(mp_memtable_read(p->mem, 0x1300, dst, 0x100), 0);
	assert_int_equal(mp_memtable_read(p->mem, 0x1301, dst, 0x100),
			 -EFAULT);
	assert_int_equal(mp_memtable_read(p->mem, ~0ULL, dst, 8), -EFAULT);
	assert_int_equal(mp_memtable_read(p->mem, 0, dst, 8), -EFAULT);
}

static void test_read_passes_errors_on(void **state)
{
	struct pieces *p = *state;
	u8 dst[0x200];

	p->umem[1].error = -EAGAIN;
	assert_int_equal(mp_memtable_read(p->mem, 0x1000, dst, 0x80), 0);
	assert_int_equal(mp_memtable_read(p->mem, 0x1000, dst, 0x81), -EAGAIN);
	assert_int_equal(p->umem[2].reads, 0);
}

static void test_read_at_the_top(void **state)
{
	u8 byte[16] = { [15] = 0x5a }, dst[17];
	struct mp_umem umem = { .base = byte, .size = sizeof(byte) };
	const struct mp_mem_region region = { ~0ULL - 16, 16, USER, &umem };
	struct mp_memtable *mem = table_create(&region, 1);

	(void)state;
	assert_int_equal(mp_memtable_seal(mem), 0);
	assert_int_equal(mp_memtable_read(mem, ~0ULL - 1, dst, 1), 0);
	assert_int_equal(dst[0], 0x5a);
	assert_int_equal(mp_memtable_read(mem, ~0ULL - 16, dst, 17), -EFAULT);
	assert_int_equal(mp_memtable_read(mem, ~0ULL - 16, dst, 16), 0);
	free(mem);
}

#define WITH_PIECES(f)							\
	cmocka_unit_test_setup_teardown(f, pieces_setup, pieces_teardown)

int main(void)
{
	const struct CMUnitTest memtable[] = {
		cmocka_unit_test(test_seal_accepts),
		cmocka_unit_test(test_seal_refuses_empty),
		cmocka_unit_test(test_seal_refuses_wrap),
		cmocka_unit_test(test_seal_refuses_overlap),
		cmocka_unit_test(test_seal_sorts),
		cmocka_unit_test(test_find_matches_linear_search),
		cmocka_unit_test(test_find_at_the_ends),
		cmocka_unit_test(test_find_user),
		cmocka_unit_test(test_find_user_aliases),
		WITH_PIECES(test_read_every_range),
		WITH_PIECES(test_read_one_call_a_piece),
		WITH_PIECES(test_read_edges),
		WITH_PIECES(test_read_passes_errors_on),
		cmocka_unit_test(test_read_at_the_top),
	};

	return unit_run(memtable);
}
