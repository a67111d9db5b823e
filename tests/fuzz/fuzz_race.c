// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring that another thread rewrites while the device reads it: what was taken
 * keeps all the promises of ring.h, whatever the guest's memory says by then.
 */
#include <pthread.h>

#include "guestmem.h"

#define ROUNDS	256
#define RACE_DESCS	8

/**
 * struct race - a guest that never stops to write
 * @guest: its memory
 * @a: what it writes
 * @b: and then, in turn
 * @nr: descriptors of each
 * @stop: until this is set
 */
struct race {
	struct guestmem guest;
	struct vring_desc a[RACE_DESCS];
	struct vring_desc b[RACE_DESCS];
	struct vring_desc *at[RACE_DESCS];
	u16 heads[2];
	unsigned int nr;
	bool stop;
};

static void *scribbler(void *arg)
{
	struct race *race = arg;
	struct vring_avail *avail = race->guest.avail;
	unsigned int i, n;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		for (n = 0; n < 64; n++) {
			const struct vring_desc *from = n & 1 ? race->b : race->a;

			for (i = 0; i < race->nr; i++)
				WRITE_ONCE(*race->at[i], from[i]);
			for (i = 0; i < race->guest.num && i < 4; i++)
				WRITE_ONCE(avail->ring[i], race->heads[n & 1]);
			WRITE_ONCE(avail->flags, n);
		}
	}
	return NULL;
}

static void check(const struct race *race, const struct mp_chain *chain)
{
	unsigned int nr = chain->nr_out + chain->nr_in;
	u64 out = 0, in = 0;
	unsigned int i;

	must(chain->head < race->guest.num);
	must(nr <= MP_CHAIN_MAX);
	for (i = 0; i < nr; i++) {
		const struct mp_extent *extent = &chain->extent[i];

		must(extent->len && extent->gpa + extent->len >= extent->gpa);
		if (i < chain->nr_out)
			out += extent->len;
		else
			in += extent->len;
	}
	must(chain->out_len == out && chain->in_len == in);
}

static void take_all(struct race *race, bool indirect, bool event_idx)
{
	struct mp_ring ring = { .indirect = indirect, .event_idx = event_idx };
	static struct mp_chain chain;
	unsigned int i;
	int ret;

	guestmem_attach(&race->guest, &ring, 0);
	for (i = 0; i < ROUNDS; i++) {
		race->guest.avail->idx = ring.last_avail + 1;
		ret = mp_ring_pop(&ring, race->guest.mem, &chain);
		if (ret < 0) {
			guestmem_attach(&race->guest, &ring, 0);
			continue;
		}
		must(ret == 1);
		check(race, &chain);
		mp_ring_push(&ring, chain.head, 1);
		mp_ring_publish(&ring);
		mp_ring_listen(&ring);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	static struct race race;
	u8 features = take8(&in);
	pthread_t thread;
	unsigned int i;

	guestmem_init(&race.guest, 1U << take8(&in) % 5);
	race.heads[0] = take16(&in);
	race.heads[1] = take16(&in);
	race.nr = take8(&in) % (RACE_DESCS + 1);
	race.stop = false;
	for (i = 0; i < race.nr; i++) {
		race.at[i] = take_slot(&in, &race.guest);
		take_desc(&in, &race.a[i]);
		take_desc(&in, &race.b[i]);
	}
	while (in.at < in.end)
		guest_scribbles(&in, &race.guest);

	must(!pthread_create(&thread, NULL, scribbler, &race));
	take_all(&race, !(features & 2), features & 1);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	guestmem_free(&race.guest);
	return 0;
}
