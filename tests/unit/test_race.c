// SPDX-License-Identifier: GPL-2.0-only
/*
 * The moment of falling asleep, over and over: one side announces something
 * while the other one asks to be woken up.  Whoever comes second must see the
 * other, or both would wait for ever.  This is what the full barriers are for:
 * without them it fails within seconds where two CPUs are free.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "guest.h"

#define ROUNDS		300000
#define SECONDS_MAX	10
#define RING		8

/**
 * struct race - two threads in step
 * @arrived: at the barrier, of both threads, all rounds
 * @stop: set between rounds
 * @device: what the device found out in this round
 */
struct race {
	struct guest *guest;
	struct mp_ring ring;
	struct mp_chain chain;
	bool interrupt;
	unsigned int arrived;
	bool stop;
	bool device;
};

static void meet(struct race *race, unsigned int *step)
{
	unsigned int spin = 0;

	*step += 2;
	__atomic_add_fetch(&race->arrived, 1, __ATOMIC_SEQ_CST);
	while ((int)(__atomic_load_n(&race->arrived, __ATOMIC_SEQ_CST) -
		     *step) < 0)
		if (++spin > 2000)
			sched_yield();
}

static void jitter(u64 *seed)
{
	unsigned int n;

	for (n = below(seed, 64); n; n--)
		barrier();
}

static void *device_thread(void *arg)
{
	struct race *race = arg;
	unsigned int step = 0;
	u64 seed = 9;

	for (;;) {
		meet(race, &step);
		if (race->stop)
			return NULL;
		jitter(&seed);
		if (race->interrupt) {
			mp_ring_push(&race->ring, race->chain.head, 1);
			race->device = mp_ring_publish(&race->ring);
		} else {
			race->device = mp_ring_listen(&race->ring);
		}
		meet(race, &step);
	}
}

static void guest_sends(struct guest *guest)
{
	const struct sg sg = { 0x1000, 1, true };

	if (guest_add(guest, &sg, 1) < 0)
		abort();
}

/* The device publishes, the guest listens. */
static bool interrupt_round(struct race *race, unsigned int *step, u64 *seed)
{
	bool guest;
	u16 head;
	u32 len;

	guest_quiet(race->guest);
	guest_sends(race->guest);
	guest_publish(race->guest);
	if (mp_ring_pop(&race->ring, race->guest->mem, &race->chain) != 1)
		abort();

	meet(race, step);
	jitter(seed);
	guest = guest_listen(race->guest, 0);
	meet(race, step);

	if (!guest_get(race->guest, &head, &len))
		return false;
	return guest || race->device;
}

/* The guest publishes, the device listens. */
static bool kick_round(struct race *race, unsigned int *step, u64 *seed)
{
	bool guest;
	u16 head;
	u32 len;

	mp_ring_quiet(&race->ring);
	guest_sends(race->guest);

	meet(race, step);
	jitter(seed);
	guest = guest_publish(race->guest);
	meet(race, step);

	if (mp_ring_pop(&race->ring, race->guest->mem, &race->chain) != 1)
		return false;
	mp_ring_push(&race->ring, race->chain.head, 1);
	mp_ring_publish(&race->ring);
	if (!guest_get(race->guest, &head, &len))
		return false;
	return guest || race->device;
}

/* On a busy machine a round may take long: then fewer have to do. */
static bool rounds(struct race *race)
{
	time_t end = time(NULL) + SECONDS_MAX;
	unsigned int i, step = 0;
	bool awake = true;
	u64 seed = 10;

	for (i = 0; awake && i < ROUNDS; i++) {
		awake = race->interrupt ? interrupt_round(race, &step, &seed) :
					  kick_round(race, &step, &seed);
		if (!(i & 0xff) && time(NULL) > end)
			break;
	}
	race->stop = true;
	meet(race, &step);
	printf("# after %u times\n", i);
	return awake;
}

static void run_race(bool interrupt, bool event_idx)
{
	struct race *race = calloc(1, sizeof(*race));
	pthread_t thread;
	bool awake;

	race->interrupt = interrupt;
	race->guest = guest_create(RING, event_idx, 0, 0);
	guest_attach(race->guest, &race->ring);
	if (pthread_create(&thread, NULL, device_thread, race))
		abort();
	awake = rounds(race);
	pthread_join(thread, NULL);
	guest_destroy(race->guest);
	free(race);
	assert_true(awake);
}

static void test_interrupt_flags(void **state)
{
	(void)state;
	run_race(true, false);
}

static void test_interrupt_event_idx(void **state)
{
	(void)state;
	run_race(true, true);
}

static void test_kick_flags(void **state)
{
	(void)state;
	run_race(false, false);
}

static void test_kick_event_idx(void **state)
{
	(void)state;
	run_race(false, true);
}

int main(void)
{
	const struct CMUnitTest race[] = {
		cmocka_unit_test(test_interrupt_flags),
		cmocka_unit_test(test_interrupt_event_idx),
		cmocka_unit_test(test_kick_flags),
		cmocka_unit_test(test_kick_event_idx),
	};

	return unit_run(race);
}
