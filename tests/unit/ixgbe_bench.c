// SPDX-License-Identifier: GPL-2.0-only
#include "ixgbe_bench.h"

struct bench *bench_of(enum ixgbe_mac_type type, unsigned int queues,
		       unsigned int posted)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	unsigned int i;

	bench->seed = 1;
	bench->driver = driver_probe(type, queues, DESCRIPTORS);
	driver_open(bench->driver);
	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++) {
		bench->rx[i].mode = MP_MODE_WHOLE_FRAME;
		bench->rx[i].posted = posted;
		bench->list[i] = &bench->rx[i];
	}
	return bench;
}

struct bench *bench_create(unsigned int posted)
{
	return bench_of(ixgbe_mac_82599EB, QUEUES, posted);
}

void set_mode(struct bench *bench, enum mp_mode mode)
{
	unsigned int i;

	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		bench->rx[i].mode = mode;
}

int set_rx(struct bench *bench, unsigned int nr)
{
	struct net_device *netdev = &bench->driver->netdev;

	return bench->driver->ops->set_rx(netdev, nr ? bench->list : NULL, nr);
}

void install(struct bench *bench, unsigned int nr)
{
	assert_int_equal(set_rx(bench, nr), 0);
}

void assert_idle(struct bench *bench)
{
	unsigned int i;

	card_run();
	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		assert_int_equal(bench->rx[i].at_nic, 0);
	assert_int_equal(shim_mapped, 0);
}

void bench_destroy(struct bench *bench)
{
	driver_remove(bench->driver);
	assert_idle(bench);
	assert_int_equal(shim_bh_off, 0);
	free(bench);
}

void post(struct bench *bench, unsigned int queue, unsigned int nr)
{
	struct mp_rx *rx = &bench->rx[queue];

	rx->posted += nr;
	if (rx->dry) {
		rx->dry = false;
		bench->driver->ops->refill(&bench->driver->netdev, queue);
	}
	driver_poll(bench->driver);
}

void send_frame(struct bench *bench, struct card_frame frame)
{
	u8 data[16384];

	guest_frame(data, frame.len, bench->number++, false);
	frame.data = data;
	card_receive(&frame);
}

void send_tagged(struct bench *bench, unsigned int len)
{
	u8 data[16384];
	struct card_frame frame = { .data = data, .len = len };

	guest_frame(data, len, bench->number++, true);
	card_receive(&frame);
}

void send_to(struct bench *bench, unsigned int queue, unsigned int len)
{
	send_frame(bench, (struct card_frame){ .len = len, .queue = queue + 1 });
}

unsigned int frames(const struct bench *bench)
{
	unsigned int i, n = 0;

	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		n += bench->rx[i].frames;
	return n;
}

unsigned int stock(const struct bench *bench)
{
	unsigned int i, n = 0;

	for (i = 0; i < MAX_RX_QUEUES; i++)
		n += bench->driver->stock[i];
	return n;
}

bool drops(unsigned int queue)
{
	return card_read(IXGBE_SRRCTL(queue)) & IXGBE_SRRCTL_DROP_EN;
}
