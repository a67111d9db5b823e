// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that rewrites everything it can reach while the device takes chains.
 * Whatever is taken keeps the promises of ring.h, and the sanitizers watch the
 * rest.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "guest.h"

/* At least, and at most until there was enough of everything. */
#define SECONDS		2
#define SECONDS_MAX	120
#define TABLE		32
#define WHY_MAX		16

/* Each kind of refusal that was met, for the record and as a control. */
struct why {
	const char *error;
	unsigned int count;
};

struct arena {
	struct guest *guest;
	struct mp_ring ring;
	struct mp_chain chain;
	bool stop;
	unsigned long writes;
	unsigned long taken;
	unsigned long mixed;
	struct why why[WHY_MAX];
};

#define POKE(x, val)	__atomic_store_n(&(x), val, __ATOMIC_RELAXED)

/* Mostly near what is right, or little would get past the first check. */
static u16 poison_flags(u64 *seed)
{
	static const u16 often[] = { 0, 1, 2, 3, 1, 3, 1, 3 };

	switch (below(seed, 16)) {
	case 0:
		return rnd(seed);
	case 1:
	case 2:
		return VRING_DESC_F_INDIRECT;
	default:
		return often[below(seed, ARRAY_SIZE(often))];
	}
}

static u16 poison_index(u64 *seed, u16 num)
{
	return below(seed, 50) ? below(seed, num) : rnd(seed);
}

static u32 poison_len(u64 *seed)
{
	switch (below(seed, 10)) {
	case 0:
		return 0;
	case 1:
		return below(seed, 10) ? rnd(seed) >> 10 : rnd(seed);
	default:
		return 16 * below(seed, TABLE + 1);
	}
}

static u64 poison_addr(u64 *seed, const struct guest *guest)
{
	u64 gpa = guest_table_gpa(guest, below(seed, guest->num));

	switch (below(seed, 40)) {
	case 0:
		return ~0ULL - below(seed, 0x1000);
	case 1:
		return gpa + below(seed, TABLE * 16);
	case 2:
		return (u64)rnd(seed) << 32;
	default:
		return gpa;
	}
}

static void poison_desc(u64 *seed, const struct guest *guest,
			struct vring_desc *desc, u16 num)
{
	switch (below(seed, 4)) {
	case 0:
		POKE(desc->addr, poison_addr(seed, guest));
		break;
	case 1:
		POKE(desc->len, poison_len(seed));
		break;
	case 2:
		POKE(desc->flags, poison_flags(seed));
		break;
	case 3:
		POKE(desc->next, poison_index(seed, num));
		break;
	}
}

static void poison_ring(u64 *seed, struct guest *guest, u16 idx)
{
	struct vring_avail *avail = guest->avail;

	switch (below(seed, 4)) {
	case 0:
		POKE(avail->ring[below(seed, guest->num + 1)],
		     poison_index(seed, guest->num));
		break;
	case 1:
		POKE(avail->idx, below(seed, 1000) ?
				 idx + below(seed, guest->num) : rnd(seed));
		break;
	case 2:
		POKE(avail->flags, rnd(seed));
		break;
	case 3:
		/* The used ring is the guest's memory, too. */
		POKE(guest->used->idx, rnd(seed));
		POKE(guest->used->ring[below(seed, guest->num)].id, rnd(seed));
		break;
	}
}

static void *poison_thread(void *arg)
{
	struct arena *arena = arg;
	struct guest *guest = arena->guest;
	u64 seed = 7;
	u16 head;

	while (!__atomic_load_n(&arena->stop, __ATOMIC_ACQUIRE)) {
		head = below(&seed, guest->num);
		switch (below(&seed, 3)) {
		case 0:
			poison_desc(&seed, guest, &guest->desc[head],
				    guest->num);
			break;
		case 1:
			poison_desc(&seed, guest, guest_table(guest, head) +
						  below(&seed, TABLE), TABLE);
			break;
		case 2:
			poison_ring(&seed, guest,
				    __atomic_load_n(&arena->ring.last_avail,
						    __ATOMIC_RELAXED));
			break;
		}
		__atomic_store_n(&arena->writes, arena->writes + 1,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static const char *check_chain(const struct mp_chain *chain, u16 num)
{
	u64 sum[2] = { 0, 0 };
	unsigned int i;

	if (chain->head >= num)
		return "head out of range";
	if (chain->nr_out + chain->nr_in > MP_CHAIN_MAX)
		return "too many extents";
	for (i = 0; i < (unsigned int)chain->nr_out + chain->nr_in; i++) {
		const struct mp_extent *extent = &chain->extent[i];

		if (!extent->len)
			return "empty extent";
		if (extent->gpa + extent->len < extent->gpa)
			return "extent wraps";
		sum[i >= chain->nr_out] += extent->len;
	}
	if (chain->out_len != sum[0] || chain->in_len != sum[1])
		return "wrong sum";
	if (sum[0] + sum[1] > 0xffffffff)
		return "sum overflows";
	return NULL;
}

static void count_why(struct arena *arena, const char *error)
{
	unsigned int i;

	for (i = 0; i < WHY_MAX; i++) {
		if (!arena->why[i].error)
			arena->why[i].error = error;
		if (arena->why[i].error == error) {
			arena->why[i].count++;
			return;
		}
	}
}

/* Where the guest is now, give or take, so that the fight goes on. */
static int device_resets(struct arena *arena, u64 *seed)
{
	struct mp_ring *ring = &arena->ring;
	u16 idx = __atomic_load_n(&ring->avail->idx, __ATOMIC_RELAXED);

	return mp_ring_init(ring, ring->num, ring->desc, ring->avail,
			    ring->used, idx - below(seed, ring->num));
}

static const char *device_survives(struct arena *arena, u64 *seed)
{
	struct mp_ring *ring = &arena->ring;
	const char *error;
	int ret;

	ret = mp_ring_pop(ring, arena->guest->mem, &arena->chain);
	if (ret == 1) {
		error = check_chain(&arena->chain, ring->num);
		if (error)
			return error;
		arena->taken++;
		arena->mixed += arena->chain.nr_out && arena->chain.nr_in;
		if (below(seed, 8))
			mp_ring_push(ring, arena->chain.head, 1);
		else
			mp_ring_rewind(ring, 1);
		mp_ring_publish(ring);
	} else if (ret == 0) {
		mp_ring_listen(ring);
		mp_ring_quiet(ring);
	} else {
		if (!ring->broken || !ring->error)
			return "an error that broke nothing";
		if (ret != -EINVAL && ret != -EFAULT)
			return "an error out of the blue";
		count_why(arena, ring->error);
		if (device_resets(arena, seed))
			return "no reset";
	}
	return NULL;
}

/* It was a fight: all but the rarest refusals, and chains as well. */
static bool had_enough(const struct arena *arena)
{
	unsigned long writes = __atomic_load_n(&arena->writes,
					       __ATOMIC_RELAXED);

	return arena->taken > 1000 && arena->mixed > 10 && writes > 1000 &&
	       arena->why[7].count;
}

static const char *fight(struct arena *arena)
{
	time_t start = time(NULL), spent = 0;
	const char *error = NULL;
	u64 seed = 8;
	unsigned int i;

	while (!error && (spent <= SECONDS || !had_enough(arena))) {
		for (i = 0; !error && i < 1000; i++)
			error = device_survives(arena, &seed);
		spent = time(NULL) - start;
		if (spent > SECONDS_MAX)
			return "too little happened";
	}
	return error;
}

static void hostile(u16 num, bool event_idx)
{
	struct arena *arena = calloc(1, sizeof(*arena));
	pthread_t thread;
	unsigned int i;
	const char *error;

	arena->guest = guest_create(num, event_idx, 0, TABLE);
	guest_attach(arena->guest, &arena->ring);
	if (pthread_create(&thread, NULL, poison_thread, arena))
		abort();
	error = fight(arena);
	__atomic_store_n(&arena->stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);

	printf("# %lu writes, %lu chains taken, %lu of them both ways\n",
	       arena->writes, arena->taken, arena->mixed);
	for (i = 0; i < WHY_MAX && arena->why[i].error; i++)
		printf("# %8u %s\n", arena->why[i].count, arena->why[i].error);
	guest_destroy(arena->guest);
	free(arena);
	if (error)
		fail_msg("%s", error);
}

static void test_hostile_flags(void **state)
{
	(void)state;
	hostile(16, false);
}

static void test_hostile_event_idx(void **state)
{
	(void)state;
	hostile(256, true);
}

/* ---- controls: broken promises are seen ---- */

static void test_control_promises(void **state)
{
	struct mp_chain good = { .head = 3, .nr_out = 1, .nr_in = 2 }, bad;
	unsigned int i;

	(void)state;
	good.out_len = 5;
	good.in_len = 11;
	good.extent[0] = (struct mp_extent){ 0x1000, 5 };
	good.extent[1] = (struct mp_extent){ 0x2000, 5 };
	good.extent[2] = (struct mp_extent){ ~0ULL - 6, 6 };
	assert_null(check_chain(&good, 4));

	for (i = 0; i < 8; i++) {
		bad = good;
		switch (i) {
		case 0:
			bad.head = 4;
			break;
		case 1:
			bad.nr_in = MP_CHAIN_MAX;
			break;
		case 2:
			bad.extent[0].len = 0;
			bad.out_len = 0;
			break;
		case 3:
			bad.extent[2].gpa += 1;
			break;
		case 4:
			bad.out_len++;
			break;
		case 5:
			bad.nr_out = 2;
			bad.nr_in = 1;
			break;
		case 6:
			bad.in_len--;
			break;
		case 7:
			bad.extent[0].len = 0xffffffff;
			bad.out_len = 0xffffffff;
			break;
		}
		assert_non_null(check_chain(&bad, 4));
	}
}

int main(void)
{
	const struct CMUnitTest hostile_guest[] = {
		cmocka_unit_test(test_hostile_flags),
		cmocka_unit_test(test_hostile_event_idx),
		cmocka_unit_test(test_control_promises),
	};

	return unit_run(hostile_guest);
}
