// SPDX-License-Identifier: GPL-2.0-only
/*
 * The glue of ixgbe: which queue a flow goes to.
 */
#include "ixgbe_bench.h"

/* One frame for each entry of the table, and twice: which queues get how many? */
static void spread(struct bench *bench, unsigned int *got)
{
	unsigned int before[IXGBE_MAX_RSS_INDICES];
	unsigned int i, entries = ixgbe_rss_indir_tbl_entries(&bench->driver->adapter);

	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		before[i] = bench->rx[i].frames + bench->driver->stock[i];
	for (i = 0; i < 2 * entries; i++) {
		send_frame(bench, (struct card_frame){ .len = 80, .hash = i });
		driver_poll(bench->driver);
	}
	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		got[i] = bench->rx[i].frames + bench->driver->stock[i] - before[i];
}

static void spread_on(enum ixgbe_mac_type type)
{
	struct bench *bench = bench_of(type, QUEUES, 10000);
	unsigned int i, nr, got[IXGBE_MAX_RSS_INDICES];
	unsigned int all = 2 * ixgbe_rss_indir_tbl_entries(&bench->driver->adapter);

	for (nr = 1; nr <= QUEUES; nr++) {
		install(bench, nr);
		spread(bench, got);
		for (i = 0; i < QUEUES; i++)
			assert_in_range(got[i], i < nr ? all / nr - 2 : 0,
					i < nr ? all / nr + 2 : 0);
	}
	assert_int_equal(stock(bench), 0);
	bench_destroy(bench);
}

static void test_spread(void **state)
{
	(void)state;
	spread_on(ixgbe_mac_82599EB);
	spread_on(ixgbe_mac_X550);
}

/* ethtool -X: kept, whether it came before or under constructors */
static void test_spread_of_administrator(void **state)
{
	struct bench *bench = bench_create(10000);
	u8 *table = bench->driver->adapter.rss_indir_tbl;
	unsigned int got[IXGBE_MAX_RSS_INDICES];

	(void)state;
	memset(table, 3, IXGBE_MAX_RETA_ENTRIES);
	ixgbe_store_reta(&bench->driver->adapter);
	install(bench, QUEUES);
	spread(bench, got);
	assert_int_equal(got[3], 256);

	install(bench, 2);
	spread(bench, got);
	assert_int_equal(got[0] + got[1], 256);
	assert_int_equal(table[0], 3);

	memset(table, 2, IXGBE_MAX_RETA_ENTRIES);
	ixgbe_store_reta(&bench->driver->adapter);
	spread(bench, got);
	assert_int_equal(got[0] + got[1], 256);

	install(bench, 0);
	spread(bench, got);
	assert_int_equal(got[2], 256);
	assert_int_equal(bench->driver->stock[2], 256);
	bench_destroy(bench);
}

/* Flow Director learns flows as long as the driver is stock. */
static void test_flow_director(void **state)
{
	struct bench *bench = bench_create(100);
	struct ixgbe_ring **ring = bench->driver->adapter.tx_ring;
	unsigned int i;

	(void)state;
	for (i = 0; i < QUEUES; i++)
		assert_int_equal(ring[i]->atr_sample_rate, DRIVER_ATR);
	install(bench, QUEUES);
	for (i = 0; i < QUEUES; i++)
		assert_int_equal(ring[i]->atr_sample_rate, 0);
	install(bench, 0);
	for (i = 0; i < QUEUES; i++)
		assert_int_equal(ring[i]->atr_sample_rate, DRIVER_ATR);
	bench_destroy(bench);
}

/* Where a filter leads frames although there is no constructor */
static void test_filter(void **state)
{
	struct bench *bench = bench_create(100);

	(void)state;
	install(bench, 2);
	send_to(bench, 3, 100);
	driver_poll(bench->driver);
	assert_int_equal(bench->driver->stock[3], 1);
	assert_int_equal(frames(bench), 0);
	bench_destroy(bench);
}

static void test_queues(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i, nr, got[IXGBE_MAX_RSS_INDICES];

	(void)state;
	install(bench, 3);
	for (nr = 1; nr <= 40; nr = nr * 2 + 1) {
		driver_set_queues(bench->driver, nr);
		for (i = 0; i < 3; i++)
			assert_int_equal(bench->rx[i].at_nic,
					 i < nr ? DESCRIPTORS - 1 : 0);
		spread(bench, got);
		for (i = 3; i < IXGBE_MAX_RSS_INDICES; i++)
			assert_int_equal(got[i], 0);
		for (i = 0; i < 3; i++)
			bench->driver->ops->refill(&bench->driver->netdev, i);
		bench->rx[0].posted += 1000;
	}
	bench_destroy(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_spread_of_administrator),
		cmocka_unit_test(test_flow_director),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_queues),
	};

	return unit_run(tests);
}
