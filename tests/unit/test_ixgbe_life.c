// SPDX-License-Identifier: GPL-2.0-only
/*
 * The glue of ixgbe: rings come and go, whatever the card has in mind.
 */
#include "ixgbe_bench.h"

/* Frames are under way when the interface goes down. */
static void test_stop(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		struct card_frame frame = { .len = 100 };

		install(bench, 1 + i % QUEUES);
		card.slow = true;
		for (frame.hash = 0; frame.hash < i; frame.hash++)
			send_frame(bench, frame);
		driver_close(bench->driver);
		assert_idle(bench);
		card.slow = false;
		driver_open(bench->driver);
		send_to(bench, 0, 100);
		driver_poll(bench->driver);
	}
	assert_int_equal(bench->rx[0].frames, 40);
	bench_destroy(bench);
}

static void arrivals(struct driver *driver, unsigned int queue, unsigned int nr)
{
	u8 data[100] = {};
	struct card_frame frame = {
		.data = data,
		.len = sizeof(data),
		.queue = queue + 1,
	};

	(void)driver;
	while (nr--)
		card_receive(&frame);
}

static void few_arrive(struct driver *driver)
{
	card.slow = true;
	arrivals(driver, 0, 1);
	arrivals(driver, 1, 3);
}

static void many_arrive(struct driver *driver)
{
	card.slow = true;
	arrivals(driver, 0, 40);
	arrivals(driver, 1, 40);
}

static void arrive_and_stick(struct driver *driver)
{
	few_arrive(driver);
	card.stuck = true;
}

/* The rings go without a reset: the card is asked to be silent and waited for. */
static void test_open_fails(void **state)
{
	void (*const meanwhile[])(struct driver *driver) = {
		few_arrive, many_arrive, arrive_and_stick,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(meanwhile); i++) {
		struct bench *bench = bench_create(1000);

		install(bench, QUEUES);
		driver_close(bench->driver);
		driver_open_fails(bench->driver, meanwhile[i]);
		assert_idle(bench);
		assert_int_equal(bench->rx[0].posted, 1000);
		bench_destroy(bench);
	}
}

/* A card that the bus has cut off is not asked. */
static void test_offline(void **state)
{
	struct bench *bench = bench_create(1000);

	(void)state;
	install(bench, QUEUES);
	bench->driver->pdev.offline = true;
	card.stuck = true;
	card.resets = 0;
	driver_close(bench->driver);
	assert_int_equal(card.resets, 0);
	assert_int_equal(bench->rx[0].at_nic, 0);
	card_reset();
	bench->driver->pdev.offline = false;
	card.stuck = false;
	driver_open(bench->driver);
	send_to(bench, 0, 100);
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 1);
	bench_destroy(bench);
}

/* What cannot be bounded, is, or comes */
static void unfit(struct bench *bench, unsigned int i, bool on)
{
	static const u32 flags[] = {
		IXGBE_FLAG_SRIOV_ENABLED, IXGBE_FLAG_VMDQ_ENABLED,
		IXGBE_FLAG_DCB_ENABLED, IXGBE_FLAG_FCOE_ENABLED,
	};
	struct ixgbe_adapter *adapter = &bench->driver->adapter;

	switch (i) {
	case 0:
		adapter->netdev->mtu = on ? ETH_DATA_LEN + 1 : ETH_DATA_LEN;
		break;
	case 1:
		adapter->xdp_prog = on ? adapter : NULL;
		break;
	case 2:
		adapter->flags2 = on ? IXGBE_FLAG2_RSC_ENABLED : 0;
		break;
	case 3:
		adapter->netdev->features = on ? NETIF_F_RXALL : 0;
		break;
	default:
		adapter->flags = on ? flags[i - 4] : 0;
		break;
	}
}

static void test_unfit(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		unfit(bench, i, true);
		assert_int_equal(set_rx(bench, QUEUES), -EOPNOTSUPP);
		assert_int_equal(bench->rx[0].at_nic, 0);
		unfit(bench, i, false);

		install(bench, QUEUES);
		unfit(bench, i, true);
		ixgbe_reinit_locked(&bench->driver->adapter);
		assert_int_equal(bench->rx[0].at_nic, 0);
		send_to(bench, 0, 100);
		driver_poll(bench->driver);
		assert_int_equal(stock(bench), i + 1);
		unfit(bench, i, false);
		ixgbe_reinit_locked(&bench->driver->adapter);
		assert_int_equal(bench->rx[0].at_nic, DESCRIPTORS - 1);
		unfit(bench, i, true);
		assert_int_equal(set_rx(bench, 1), -EOPNOTSUPP);
		assert_int_equal(bench->rx[0].at_nic, 0);
		unfit(bench, i, false);
	}
	bench_destroy(bench);
}

static void test_rings(void **state)
{
	static const unsigned int counts[] = { 64, 512, 128, 4096 };
	struct bench *bench = bench_create(10000);
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		driver_set_ring(bench->driver, counts[i]);
		assert_int_equal(bench->rx[3].at_nic, counts[i] - 1);
		send_to(bench, 3, 100);
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[3].frames, i + 1);
	}
	bench_destroy(bench);
}

static void test_self_test(void **state)
{
	struct bench *bench = bench_create(1000);

	(void)state;
	install(bench, QUEUES);
	driver_self_test(bench->driver);
	send_to(bench, 0, 100);
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 1);
	bench_destroy(bench);
}

static void test_no_memory(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	for (i = 1; i <= QUEUES; i++) {
		shim_no_memory = i;
		assert_int_equal(set_rx(bench, QUEUES), -ENOMEM);
		assert_int_equal(shim_no_memory, 0);
		assert_idle(bench);
		send_to(bench, i - 1, 100);
		driver_poll(bench->driver);
		assert_int_equal(stock(bench), i);
	}

	/* a reset that finds none: that queue alone is stock */
	install(bench, QUEUES);
	shim_no_memory = 1;
	ixgbe_reinit_locked(&bench->driver->adapter);
	send_to(bench, 0, 100);
	send_to(bench, 1, 100);
	driver_poll(bench->driver);
	assert_int_equal(stock(bench), QUEUES + 1);
	assert_int_equal(bench->rx[1].frames, 1);
	bench_destroy(bench);
}

/* While it is down the constructors change, and nothing is armed. */
static void test_down(void **state)
{
	struct bench *bench = bench_create(1000);

	(void)state;
	driver_close(bench->driver);
	install(bench, QUEUES);
	assert_false(driver_up(bench->driver));
	bench->driver->ops->refill(&bench->driver->netdev, 0);
	assert_int_equal(bench->rx[0].at_nic, 0);
	driver_open(bench->driver);
	assert_int_equal(bench->rx[0].at_nic, DESCRIPTORS - 1);
	driver_close(bench->driver);
	install(bench, 0);
	driver_open(bench->driver);
	assert_int_equal(bench->rx[0].at_nic, 0);
	bench_destroy(bench);
}

/* Posted while the rings were set up, by somebody who was told to ask later */
static void test_posted_on_the_way_up(void **state)
{
	struct bench *bench = bench_create(0);

	(void)state;
	install(bench, QUEUES);
	driver_close(bench->driver);
	driver_open(bench->driver);
	bench->rx[1].posted = 5;
	driver_poll(bench->driver);
	assert_int_equal(bench->rx[1].at_nic, 5);
	bench_destroy(bench);
}

/* Whatever happens in whatever order: frames in order, nothing lost but what was dropped */
static void happen(struct bench *bench)
{
	unsigned int queue = below(&bench->seed, QUEUES);
	bool fits = bench->driver->netdev.mtu <= ETH_DATA_LEN;

	switch (below(&bench->seed, 24)) {
	case 0:
		set_mode(bench, 1 + below(&bench->seed, 2));
		assert_int_equal(set_rx(bench, 1 + queue), fits ? 0 : -EOPNOTSUPP);
		break;
	case 1:
		driver_set_mtu(bench->driver, 1400 + below(&bench->seed, 120));
		break;
	case 2:
		driver_close(bench->driver);
		driver_open(bench->driver);
		break;
	case 3:
		bench->rx[queue].observed = below(&bench->seed, 2);
		bench->rx[queue].gro = below(&bench->seed, 2);
		break;
	case 4:
		card.slow = below(&bench->seed, 2);
		break;
	case 5:
		driver_link_up(bench->driver);
		break;
	case 6 ... 8:
		post(bench, queue, below(&bench->seed, 40));
		break;
	case 9 ... 12:
		card_run();
		driver_poll(bench->driver);
		break;
	default:
		send_frame(bench, (struct card_frame){
			.len = 60 + below(&bench->seed, 1600),
			.hash = rnd(&bench->seed),
			.header = 14 + below(&bench->seed, 300),
			.piece = below(&bench->seed, 20) ? 0 : 600,
			.staterr = below(&bench->seed, 20) ? 0 : IXGBE_RXDADV_ERR_CE,
		});
		break;
	}
}

static void test_soak(void **state)
{
	unsigned int i, seed;

	(void)state;
	for (seed = 1; seed <= 4; seed++) {
		struct bench *bench = bench_create(100);

		bench->seed = seed;
		for (i = 0; i < 2500; i++)
			happen(bench);
		assert_int_equal(card.stalled, 0);
		assert_true(frames(bench) > 100);
		for (i = 0; i < QUEUES; i++)
			assert_true(bench->rx[i].frames >= bench->rx[i].used);
		bench_destroy(bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_self_test),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_posted_on_the_way_up),
		cmocka_unit_test(test_soak),
	};

	return unit_run(tests);
}
