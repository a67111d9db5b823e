// SPDX-License-Identifier: GPL-2.0-only
/*
 * No wake-up is lost: guest and device in a thread each, sleeping on eventfds
 * when the ring lets them, signalled only when the ring asks for it.
 */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"
#include "guest.h"

#define TRIPS		200000
#define RING		8

/* Of a sleep.  Long: on a busy machine, a real wake-up may take its time. */
#define PATIENCE_MS	20000

/**
 * struct table - where the two play
 * @trips: chains to send around
 * @burst: chains that the guest sends at a time, at most
 * @patience_ms: a sleep that lasts longer was never ended
 * @kick: guest to device
 * @call: device to guest
 * @kicks, @calls: how often
 * @giver: chains are given back by a thread of its own
 * @hand: chains on their way to that thread, @handed so far
 * @stop: no more to come
 * @guest_error, @device_error: what went wrong
 */
struct table {
	struct device device;
	struct guest *guest;
	struct mp_ring ring;
	struct mp_chain chain;
	unsigned int trips;
	unsigned int burst;
	int patience_ms;
	int kick;
	int call;
	unsigned int kicks;
	unsigned int calls;
	bool giver;
	struct vring_used_elem hand[RING];
	unsigned int handed;
	bool stop;
	const char *guest_error;
	const char *device_error;
};

static void signal_fd(int fd)
{
	u64 one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static bool sleep_fd(int fd, int patience_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	u64 count;

	if (poll(&pfd, 1, patience_ms) != 1)
		return false;
	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* Shifts the two against each other, to meet each other at all points. */
static void dawdle(u64 *seed)
{
	unsigned int n;

	switch (below(seed, 8)) {
	case 0:
		sched_yield();
		break;
	case 1:
	case 2:
	case 3:
		for (n = below(seed, 400); n; n--)
			barrier();
		break;
	}
}

static bool stopped(const struct table *table)
{
	return __atomic_load_n(&table->stop, __ATOMIC_ACQUIRE);
}

static void give_back(struct table *table, u16 head, u32 len)
{
	table->device.push(&table->ring, head, len);
	if (table->device.publish(&table->ring)) {
		table->calls++;
		signal_fd(table->call);
	}
}

/* No more than the ring holds can be on their way: no slot is overwritten. */
static void hand_over(struct table *table, u16 head, u32 len)
{
	struct vring_used_elem *hand = &table->hand[table->handed % RING];

	hand->id = head;
	hand->len = len;
	__atomic_store_n(&table->handed, table->handed + 1, __ATOMIC_RELEASE);
}

static void *giver_thread(void *arg)
{
	struct table *table = arg;
	unsigned int given = 0;
	u64 seed = 11;

	while (!stopped(table)) {
		if (__atomic_load_n(&table->handed, __ATOMIC_ACQUIRE) ==
		    given) {
			sched_yield();
			continue;
		}
		give_back(table, table->hand[given % RING].id,
			  table->hand[given % RING].len);
		given++;
		dawdle(&seed);
	}
	return NULL;
}

static void *device_thread(void *arg)
{
	struct table *table = arg;
	const struct device *device = &table->device;
	struct mp_ring *ring = &table->ring;
	u64 seed = 5;
	int ret;

	while (!stopped(table)) {
		device->quiet(ring);
		while ((ret = device->pop(ring, table->guest->mem,
					  &table->chain)) == 1) {
			if (table->giver)
				hand_over(table, table->chain.head,
					  table->chain.in_len);
			else
				give_back(table, table->chain.head,
					  table->chain.in_len);
			dawdle(&seed);
		}
		if (ret < 0) {
			table->device_error = ring->error;
			break;
		}
		if (device->listen(ring) || stopped(table))
			continue;
		if (!sleep_fd(table->kick, table->patience_ms)) {
			table->device_error = "the device was never kicked";
			break;
		}
	}
	return NULL;
}

static unsigned int guest_sends(struct table *table, u64 *seed,
				unsigned int most)
{
	unsigned int nr = 1 + below(seed, most), i;
	struct sg sg = { 0x1000, 0, true };

	for (i = 0; i < nr; i++) {
		sg.len = 1 + below(seed, 1000);
		if (guest_add(table->guest, &sg, 1) < 0)
			break;
	}
	if (guest_publish(table->guest)) {
		table->kicks++;
		signal_fd(table->kick);
	}
	return i;
}

static bool guest_waits(struct table *table, u64 *seed)
{
	u16 skip = 0, pending;

	dawdle(seed);
	pending = table->guest->avail_idx - table->guest->last_used;
	if (pending > 1 && below(seed, 2))
		skip = pending / 2;
	if (guest_listen(table->guest, skip))
		return true;
	if (!sleep_fd(table->call, table->patience_ms)) {
		table->guest_error = "the guest was never interrupted";
		return false;
	}
	return true;
}

static void guest_plays(struct table *table)
{
	unsigned int sent = 0, back = 0, most;
	u64 seed = 6;
	u16 head;
	u32 len;

	while (back < table->trips && !table->guest_error) {
		guest_quiet(table->guest);
		while (guest_get(table->guest, &head, &len)) {
			if (len != table->guest->desc[head].len)
				table->guest_error = "wrong length";
			back++;
		}
		if (table->guest->error)
			table->guest_error = table->guest->error;
		if (sent == back && sent < table->trips) {
			most = table->trips - sent;
			if (most > table->burst)
				most = table->burst;
			sent += guest_sends(table, &seed, most);
		}
		if (back < table->trips && !table->guest_error)
			guest_waits(table, &seed);
	}
}

struct match {
	const char *name;
	bool event_idx;
	unsigned int burst;
	struct device device;
	bool giver;
};

static const char *play(const struct match *match, unsigned int trips,
			int patience_ms)
{
	struct table *table = calloc(1, sizeof(*table));
	pthread_t thread, giver;
	const char *error;

	table->device = device_complete(match->device);
	table->guest = guest_create(RING, match->event_idx, 0xfff0, 0);
	guest_attach(table->guest, &table->ring);
	table->trips = trips;
	table->burst = match->burst;
	table->giver = match->giver;
	table->patience_ms = patience_ms;
	table->kick = eventfd(0, 0);
	table->call = eventfd(0, 0);

	if (pthread_create(&thread, NULL, device_thread, table))
		abort();
	if (match->giver && pthread_create(&giver, NULL, giver_thread, table))
		abort();
	guest_plays(table);
	__atomic_store_n(&table->stop, true, __ATOMIC_RELEASE);
	signal_fd(table->kick);
	pthread_join(thread, NULL);
	if (match->giver)
		pthread_join(giver, NULL);

	error = table->device_error ? table->device_error : table->guest_error;
	printf("# %s: %u trips, %u kicks, %u interrupts\n", match->name, trips,
	       table->kicks, table->calls);
	close(table->kick);
	close(table->call);
	guest_destroy(table->guest);
	free(table);
	return error;
}

static void test_match(void **state)
{
	const char *error = play(*state, TRIPS, PATIENCE_MS);

	if (error)
		fail_msg("%s", error);
}

/* ---- faults, planted to be found ---- */

static unsigned int calls;

/* Says no, once in a while, where the guest wants an interrupt. */
static bool mute_publish(struct mp_ring *ring)
{
	return mp_ring_publish(ring) && ++calls % 1000;
}

/*
 * Listens without a last look.  What a race would do now and then, this does
 * for sure: it waits until the guest has offered something.
 */
static bool deaf_listen(struct mp_ring *ring)
{
	const u16 *idx = &ring->avail->idx;
	unsigned int i;

	for (i = 0; i < 1000 && calls % 100 == 0; i++) {
		if (__atomic_load_n(idx, __ATOMIC_ACQUIRE) != ring->last_avail)
			break;
		usleep(100);
	}
	calls++;
	mp_ring_listen(ring);
	return false;
}

/* Goes to sleep without asking for a kick. */
static bool no_listen(struct mp_ring *ring)
{
	return ++calls % 100 ? mp_ring_listen(ring) : false;
}

static void test_control(void **state)
{
	const struct match *match = *state;
	const char *error;

	calls = 0;
	error = play(match, TRIPS, 500);
	assert_non_null(error);
	printf("# %s: noticed, %s\n", match->name, error);
}

static struct match matches[] = {
	{ "ping-pong flags", false, 1, { 0 }, false },
	{ "ping-pong event index", true, 1, { 0 }, false },
	{ "bursts flags", false, RING, { 0 }, false },
	{ "bursts event index", true, RING, { 0 }, false },
	{ "two halves flags", false, RING, { 0 }, true },
	{ "two halves event index", true, RING, { 0 }, true },
};

static struct match controls[] = {
	{ "control mute_publish flags", false, 1,
	  { .publish = mute_publish }, false },
	{ "control mute_publish event index", true, 1,
	  { .publish = mute_publish }, false },
	{ "control deaf_listen flags", false, 1, { .listen = deaf_listen },
	  false },
	{ "control deaf_listen event index", true, 1,
	  { .listen = deaf_listen }, false },
	{ "control no_listen flags", false, 1, { .listen = no_listen },
	  false },
	{ "control no_listen event index", true, 1, { .listen = no_listen },
	  false },
};

int main(void)
{
	struct CMUnitTest pingpong[ARRAY_SIZE(matches) + ARRAY_SIZE(controls)];
	struct CMUnitTest *test = pingpong;
	unsigned int i;

	memset(pingpong, 0, sizeof(pingpong));
	for (i = 0; i < ARRAY_SIZE(matches); i++, test++) {
		test->name = matches[i].name;
		test->test_func = test_match;
		test->initial_state = &matches[i];
	}
	for (i = 0; i < ARRAY_SIZE(controls); i++, test++) {
		test->name = controls[i].name;
		test->test_func = test_control;
		test->initial_state = &controls[i];
	}
	return unit_run(pingpong);
}
