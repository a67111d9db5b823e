// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many chains through one ring, in one thread: the guest and the device each
 * sleep when the ring lets them and wake up only when the ring says so, the
 * device completes in any order.  Both sides keep books and compare.
 */
#include "unit.h"

#include "device.h"
#include "guest.h"

#define CHAINS	200000
#define SG_MAX	6

/* What the guest knows about a chain that it offered. */
struct offer {
	struct sg sg[SG_MAX];
	unsigned int nr;
	bool taken;
	bool pushed;
	u32 written;
};

/**
 * struct soak - a run
 * @device: the calls under test
 * @todo: chains still to be offered
 * @done: chains that came back
 * @offer: by head
 * @inflight: heads that the device has, in the order in which it took them
 * @nr_inflight: entries in @inflight
 * @error: what went wrong first
 */
struct soak {
	struct device device;
	struct guest *guest;
	struct mp_ring ring;
	struct mp_chain chain;
	u64 seed;
	unsigned int todo;
	unsigned int done;
	struct offer *offer;
	u16 *inflight;
	unsigned int nr_inflight;
	bool guest_sleeps;
	bool device_sleeps;
	const char *error;
};

static void fail_soak(struct soak *soak, const char *error)
{
	if (!soak->error)
		soak->error = error;
}

static unsigned int random_sg(struct soak *soak, struct sg *sg)
{
	unsigned int nr = 1 + below(&soak->seed, SG_MAX), i;
	unsigned int nr_out = below(&soak->seed, nr + 1);

	for (i = 0; i < nr; i++) {
		sg[i].gpa = ((u64)rnd(&soak->seed) << 20) + 1;
		sg[i].len = below(&soak->seed, 10) ? rnd(&soak->seed) >> 8 : 0;
		sg[i].write = i >= nr_out;
	}
	return nr;
}

static void guest_offers(struct soak *soak)
{
	unsigned int burst = below(&soak->seed, 64), nr;
	struct sg sg[SG_MAX];
	int head;

	while (burst-- && soak->todo) {
		nr = random_sg(soak, sg);
		if (soak->guest->table_max && below(&soak->seed, 2))
			head = guest_add_indirect(soak->guest, sg, nr);
		else
			head = guest_add(soak->guest, sg, nr);
		if (head < 0)
			break;
		memset(&soak->offer[head], 0, sizeof(soak->offer[head]));
		memcpy(soak->offer[head].sg, sg, sizeof(sg));
		soak->offer[head].nr = nr;
		soak->todo--;
	}
	if (guest_publish(soak->guest))
		soak->device_sleeps = false;
}

static void guest_collects(struct soak *soak)
{
	struct offer *offer;
	u16 head;
	u32 len;

	while (guest_get(soak->guest, &head, &len)) {
		offer = &soak->offer[head];
		if (!offer->pushed)
			fail_soak(soak, "a chain came back too early");
		if (offer->written != len)
			fail_soak(soak, "a chain came back with a wrong length");
		soak->done++;
	}
	if (soak->guest->error)
		fail_soak(soak, soak->guest->error);
}

static void guest_turn(struct soak *soak)
{
	u16 pending, skip;

	guest_quiet(soak->guest);
	guest_collects(soak);
	guest_offers(soak);

	/* Nothing on its way, nothing to wait for.  Sleep over half at most. */
	pending = soak->guest->avail_idx - soak->guest->last_used;
	skip = below(&soak->seed, 2) ? 0 : pending / 2;
	soak->guest_sleeps = !guest_listen(soak->guest, skip) && pending;
}

static bool same_chain(const struct mp_chain *chain, const struct offer *offer)
{
	u32 len[2] = { 0, 0 };
	u16 nr[2] = { 0, 0 };
	unsigned int i, at;

	for (i = 0; i < offer->nr; i++) {
		const struct sg *sg = &offer->sg[i];

		if (!sg->len)
			continue;
		at = nr[0] + nr[1];
		if (chain->extent[at].gpa != sg->gpa ||
		    chain->extent[at].len != sg->len)
			return false;
		nr[sg->write]++;
		len[sg->write] += sg->len;
	}
	return chain->nr_out == nr[0] && chain->nr_in == nr[1] &&
	       chain->out_len == len[0] && chain->in_len == len[1];
}

static bool device_takes(struct soak *soak)
{
	struct offer *offer;
	int ret;

	ret = soak->device.pop(&soak->ring, soak->guest->mem, &soak->chain);
	if (ret < 0)
		fail_soak(soak, soak->ring.error);
	if (ret <= 0)
		return false;
	if (soak->chain.head >= soak->guest->num) {
		fail_soak(soak, "took a chain out of range");
		return false;
	}

	offer = &soak->offer[soak->chain.head];
	if (offer->taken || soak->nr_inflight == soak->guest->num) {
		fail_soak(soak, "took a chain twice");
		return false;
	}
	if (!same_chain(&soak->chain, offer))
		fail_soak(soak, "took another chain than was offered");
	offer->taken = true;
	soak->inflight[soak->nr_inflight++] = soak->chain.head;
	return true;
}

static void device_turn(struct soak *soak)
{
	unsigned int burst = below(&soak->seed, 48), taken = 0, back;

	soak->device.quiet(&soak->ring);
	while (taken < burst && device_takes(soak))
		taken++;

	if (taken && !below(&soak->seed, 4)) {
		back = below(&soak->seed, taken + 1);
		soak->device.rewind(&soak->ring, back);
		while (back--)
			soak->offer[soak->inflight[--soak->nr_inflight]].taken =
				false;
	}
	soak->device_sleeps = !soak->device.listen(&soak->ring);
}

static void device_pushes(struct soak *soak)
{
	unsigned int i = below(&soak->seed, soak->nr_inflight);
	u16 head = soak->inflight[i];

	soak->nr_inflight--;
	memmove(&soak->inflight[i], &soak->inflight[i + 1],
		(soak->nr_inflight - i) * sizeof(soak->inflight[0]));
	soak->offer[head].pushed = true;
	soak->offer[head].written = rnd(&soak->seed);
	soak->device.push(&soak->ring, head, soak->offer[head].written);
}

/* Completions come in groups, as packets in mergeable buffers do. */
static void device_completes(struct soak *soak)
{
	unsigned int nr = 1 + below(&soak->seed, 17);
	u16 seen = soak->guest->used->idx;

	while (nr-- && soak->nr_inflight)
		device_pushes(soak);
	if (soak->guest->used->idx != seen)
		fail_soak(soak, "visible before it was published");
	if (soak->device.publish(&soak->ring))
		soak->guest_sleeps = false;
}

static void soak_turn(struct soak *soak)
{
	u32 dice = below(&soak->seed, 3);

	if (soak->guest_sleeps && soak->device_sleeps && !soak->nr_inflight)
		fail_soak(soak, "both sides sleep");
	else if (dice == 0 && !soak->guest_sleeps)
		guest_turn(soak);
	else if (dice == 1 && !soak->device_sleeps)
		device_turn(soak);
	else if (dice == 2 && soak->nr_inflight)
		device_completes(soak);
}

struct soak_case {
	const char *name;
	u16 num;
	bool event_idx;
	bool indirect;
	u16 base;
	struct device device;
};

static const char *run_soak(const struct soak_case *c, unsigned int chains)
{
	struct soak *soak = calloc(1, sizeof(*soak));
	const char *error;

	soak->device = device_complete(c->device);
	soak->guest = guest_create(c->num, c->event_idx, c->base,
				   c->indirect ? SG_MAX : 0);
	guest_attach(soak->guest, &soak->ring);
	soak->seed = 0x9e3779b97f4a7c15ULL + c->num;
	soak->todo = chains;
	soak->offer = calloc(c->num, sizeof(*soak->offer));
	soak->inflight = calloc(c->num, sizeof(*soak->inflight));

	while (!soak->error && soak->done < chains)
		soak_turn(soak);
	if (!soak->error && soak->guest->nr_free != c->num)
		fail_soak(soak, "descriptors left over");
	if (!soak->error && soak->ring.used_idx != soak->ring.last_avail)
		fail_soak(soak, "the device's books are off");

	error = soak->error;
	guest_destroy(soak->guest);
	free(soak->offer);
	free(soak->inflight);
	free(soak);
	return error;
}

static void test_soak(void **state)
{
	const struct soak_case *c = *state;
	const char *error = run_soak(c, CHAINS);

	if (error)
		fail_msg("%s", error);
}

/* ---- faults, planted to be found ---- */

static unsigned int calls;

static bool no_publish(struct mp_ring *ring)
{
	return ++calls % 50 ? mp_ring_publish(ring) : false;
}

static bool mute_publish(struct mp_ring *ring)
{
	return mp_ring_publish(ring) && ++calls % 50;
}

static bool early_publish(struct mp_ring *ring)
{
	bool want = mp_ring_publish(ring);

	/* one entry that nobody wrote */
	ring->used->idx++;
	return want;
}

static void lost_push(struct mp_ring *ring, u16 head, u32 len)
{
	if (++calls % 1000)
		mp_ring_push(ring, head, len);
}

static void double_push(struct mp_ring *ring, u16 head, u32 len)
{
	mp_ring_push(ring, head, len);
	if (!(++calls % 1000))
		mp_ring_push(ring, head, len);
}

static void wrong_length(struct mp_ring *ring, u16 head, u32 len)
{
	mp_ring_push(ring, head, ++calls % 1000 ? len : len + 1);
}

static void wrong_head(struct mp_ring *ring, u16 head, u32 len)
{
	mp_ring_push(ring, ++calls % 1000 ? head : head ^ 1, len);
}

static void visible_push(struct mp_ring *ring, u16 head, u32 len)
{
	mp_ring_push(ring, head, len);
	ring->used->idx = ring->used_idx;
}

static bool deaf_listen(struct mp_ring *ring)
{
	mp_ring_listen(ring);
	return false;
}

static bool no_listen(struct mp_ring *ring)
{
	return ++calls % 50 ? mp_ring_listen(ring) : false;
}

static void short_rewind(struct mp_ring *ring, u16 nr)
{
	mp_ring_rewind(ring, nr ? nr - 1 : 0);
}

static void long_rewind(struct mp_ring *ring, u16 nr)
{
	mp_ring_rewind(ring, nr + 1);
}

static int dropped_extent(struct mp_ring *ring, const struct mp_memtable *mem,
			  struct mp_chain *chain)
{
	int ret = mp_ring_pop(ring, mem, chain);

	if (ret == 1 && chain->nr_in && !(++calls % 1000))
		chain->nr_in--;
	return ret;
}

static int skipped_chain(struct mp_ring *ring, const struct mp_memtable *mem,
			 struct mp_chain *chain)
{
	if (!(++calls % 1000))
		mp_ring_pop(ring, mem, chain);
	return mp_ring_pop(ring, mem, chain);
}

static void test_control(void **state)
{
	const struct soak_case *c = *state;

	const char *error;

	calls = 0;
	error = run_soak(c, CHAINS);
	assert_non_null(error);
	printf("# %s: noticed, %s\n", c->name, error);
}

#define FAULT(call, f)							\
	{ "control " #f, 64, true, true, 0xff00, { .call = f } }

static struct soak_case controls[] = {
	FAULT(publish, no_publish),
	FAULT(publish, mute_publish),
	FAULT(publish, early_publish),
	FAULT(push, lost_push),
	FAULT(push, double_push),
	FAULT(push, wrong_length),
	FAULT(push, wrong_head),
	FAULT(push, visible_push),
	FAULT(listen, deaf_listen),
	FAULT(listen, no_listen),
	FAULT(rewind, short_rewind),
	FAULT(rewind, long_rewind),
	FAULT(pop, dropped_extent),
	FAULT(pop, skipped_chain),
};

#define SOAK(num, event_idx, indirect, base)				\
	{ "soak " #num " " #event_idx " " #indirect " " #base,		\
	  num, event_idx, indirect, base, { 0 } }

enum { FLAGS, EVENT_IDX };
enum { DIRECT, INDIRECT };

static struct soak_case soaks[] = {
	SOAK(1, EVENT_IDX, INDIRECT, 0),
	SOAK(2, FLAGS, INDIRECT, 0),
	SOAK(8, FLAGS, DIRECT, 0),
	SOAK(8, EVENT_IDX, DIRECT, 0xfff0),
	SOAK(8, FLAGS, INDIRECT, 0x8000),
	SOAK(8, EVENT_IDX, INDIRECT, 0),
	SOAK(256, FLAGS, INDIRECT, 0xff00),
	SOAK(256, EVENT_IDX, DIRECT, 0),
	SOAK(1024, EVENT_IDX, INDIRECT, 1),
	SOAK(32768, FLAGS, DIRECT, 0x8001),
	SOAK(32768, EVENT_IDX, INDIRECT, 0),
};

int main(void)
{
	struct CMUnitTest soak[ARRAY_SIZE(soaks) + ARRAY_SIZE(controls)];
	struct CMUnitTest *test = soak;
	unsigned int i;

	memset(soak, 0, sizeof(soak));
	for (i = 0; i < ARRAY_SIZE(soaks); i++, test++) {
		test->name = soaks[i].name;
		test->test_func = test_soak;
		test->initial_state = &soaks[i];
	}
	for (i = 0; i < ARRAY_SIZE(controls); i++, test++) {
		test->name = controls[i].name;
		test->test_func = test_control;
		test->initial_state = &controls[i];
	}
	return unit_run(soak);
}
