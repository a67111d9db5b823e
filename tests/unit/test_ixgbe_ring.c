// SPDX-License-Identifier: GPL-2.0-only
/*
 * The glue of ixgbe, whole frames: what becomes of what the card puts in the ring.
 */
#include "ixgbe_bench.h"

static void test_stock(void **state)
{
	struct bench *bench = bench_create(1000);

	(void)state;
	send_to(bench, 0, 100);
	driver_poll(bench->driver);
	assert_int_equal(stock(bench), 1);
	assert_int_equal(frames(bench), 0);
	assert_int_equal(bench->rx[0].at_nic, 0);
	bench_destroy(bench);
}

static void test_not_82598(void **state)
{
	struct driver *driver = driver_probe(ixgbe_mac_82598EB, 1, DESCRIPTORS);

	(void)state;
	assert_null(driver->ops);
	driver_remove(driver);
}

static void test_lengths(void **state)
{
	struct bench *bench = bench_create(2000);
	unsigned int len;

	(void)state;
	install(bench, QUEUES);
	for (len = 60; len <= LONGEST; len++) {
		send_to(bench, 0, len);
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].len, len);
	}
	send_tagged(bench, LONGEST + 4);
	driver_poll(bench->driver);
	assert_int_equal(bench->rx[0].len, LONGEST + 4);
	assert_int_equal(card.refused, 0);

	send_to(bench, 0, LONGEST + 1);
	send_tagged(bench, LONGEST + 5);
	assert_int_equal(card.refused, 2);
	bench_destroy(bench);
}

/* A ring is full but for one descriptor, and the card knows it. */
static void test_full(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	assert_int_equal(bench->rx[1].at_nic, DESCRIPTORS - 1);
	card.slow = true;
	for (i = 0; i < DESCRIPTORS; i++)
		send_to(bench, 1, 200);
	assert_int_equal(card.received, DESCRIPTORS - 1);
	assert_int_equal(card.dropped, 1);
	card_run();
	driver_poll(bench->driver);
	assert_int_equal(bench->rx[1].frames, DESCRIPTORS - 1);
	assert_int_equal(bench->rx[1].at_nic, DESCRIPTORS - 1);
	assert_int_equal(bench->driver->adapter.rx_ring[1]->stats.packets,
			 DESCRIPTORS - 1);
	bench_destroy(bench);
}

/* The tail register is written for a bunch, while there are enough. */
static void test_tail(void **state)
{
	struct bench *bench = bench_create(100000);
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	card.tails = 0;
	for (i = 0; i < 1600; i++) {
		send_to(bench, 0, 60);
		driver_poll(bench->driver);
	}
	assert_int_equal(bench->rx[0].frames, 1600);
	assert_true(card.tails <= 1600 / IXGBE_RX_BUFFER_WRITE);
	bench_destroy(bench);
}

/* With whatever little there is, each buffer brings a frame. */
static void test_starving(void **state)
{
	struct bench *bench = bench_create(0);
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	assert_int_equal(bench->rx[0].at_nic, 0);
	send_to(bench, 0, 100);
	assert_int_equal(card.dropped, 1);
	for (i = 1; i <= 200; i++) {
		unsigned int nr = 1 + i % 3;

		post(bench, 0, nr);
		assert_int_equal(bench->rx[0].at_nic, nr);
		while (nr--)
			send_to(bench, 0, 100);
		send_to(bench, 0, 100);
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].at_nic, 0);
	}
	assert_int_equal(bench->rx[0].frames, bench->rx[0].used);
	assert_int_equal(bench->rx[0].frames + card.dropped, bench->number);
	assert_int_equal(card.dropped, 201);
	assert_int_equal(card.stalled, 0);
	bench_destroy(bench);
}

/* Nor does one that starves hold up others, whatever the link is like. */
static void test_drop(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	bench->driver->pause = true;
	bench->rx[0].posted = 0;
	install(bench, 2);
	for (i = 0; i < 2; i++) {
		assert_true(drops(0) && drops(1));
		assert_false(drops(2) || drops(3));
		send_to(bench, 0, 100);
		send_to(bench, 1, 100);
		driver_poll(bench->driver);
		driver_link_up(bench->driver);
	}
	assert_int_equal(card.stalled, 0);
	assert_int_equal(card.dropped, 2);
	assert_int_equal(bench->rx[1].frames, 2);

	install(bench, 0);
	driver_link_up(bench->driver);
	assert_false(drops(0));
	bench_destroy(bench);
}

static void test_bad_frames(void **state)
{
	static const u32 errors[] = { IXGBE_RXDADV_ERR_CE, IXGBE_RXDADV_ERR_LE };
	struct bench *bench = bench_create(1000);
	struct card_frame frame = { .len = 100, .queue = 1 };
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		frame.staterr = errors[i];
		send_frame(bench, frame);
	}
	send_to(bench, 0, 13);
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 0);
	assert_int_equal(bench->rx[0].posted + bench->rx[0].at_nic, 1000);
	assert_int_equal(bench->rx[0].at_nic, DESCRIPTORS - 1);
	send_to(bench, 0, 100);
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 1);
	bench_destroy(bench);
}

/* All pieces of a frame are none, wherever a poll ends between them. */
static void test_pieces(void **state)
{
	struct bench *bench = bench_create(1000);
	struct card_frame frame = { .piece = 150, .queue = 1 };
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	for (i = 2; i < 10; i++) {
		frame.len = 150 * i;
		send_frame(bench, frame);
		driver_poll(bench->driver);
		assert_int_equal(frames(bench), i - 2);
		send_to(bench, 0, 100);
		driver_poll(bench->driver);
		assert_int_equal(frames(bench), i - 1);
	}
	bench_destroy(bench);
}

static void test_pieces_apart(void **state)
{
	struct bench *bench = bench_create(1000);
	struct ixgbe_ring *ring = bench->driver->adapter.rx_ring[0];

	(void)state;
	install(bench, QUEUES);
	card.slow = true;
	send_frame(bench, (struct card_frame){ .len = 400, .queue = 1, .piece = 100 });
	send_to(bench, 0, 100);
	card_run();
	ring->desc[2].wb.upper.status_error = 0;
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 0);
	ring->desc[2].wb.upper.status_error = cpu_to_le32(IXGBE_RXD_STAT_DD);
	card.irq[0] = true;
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 1);
	bench_destroy(bench);
}

static void test_checksums(void **state)
{
	struct bench *bench = bench_create(1000);
	struct card_frame frame = { .len = 100, .queue = 1 };

	(void)state;
	install(bench, QUEUES);
	send_frame(bench, frame);
	driver_poll(bench->driver);
	assert_false(bench->rx[0].csum_ok);

	frame.staterr = IXGBE_RXD_STAT_L4CS;
	send_frame(bench, frame);
	driver_poll(bench->driver);
	assert_true(bench->rx[0].csum_ok);

	frame.info = IXGBE_RXDADV_PKTTYPE_VXLAN;
	send_frame(bench, frame);
	driver_poll(bench->driver);
	assert_false(bench->rx[0].csum_ok);
	assert_int_equal(bench->rx[0].stack, 0);

	frame.info = 0;
	frame.staterr |= IXGBE_RXDADV_ERR_TCPE;
	send_frame(bench, frame);
	driver_poll(bench->driver);
	assert_false(bench->rx[0].csum_ok);
	assert_int_equal(bench->rx[0].stack, 1);

	frame.staterr = IXGBE_RXD_STAT_L4CS;
	bench->driver->netdev.features = 0;
	send_frame(bench, frame);
	driver_poll(bench->driver);
	assert_false(bench->rx[0].csum_ok);
	bench_destroy(bench);
}

static void test_through_the_stack(void **state)
{
	struct bench *bench = bench_create(1000);
	struct card_frame frame = { .len = 400, .queue = 3 };
	unsigned int i;

	(void)state;
	install(bench, QUEUES);
	bench->rx[2].observed = true;
	for (i = 0; i < 300; i++) {
		frame.hash = i;
		send_frame(bench, frame);
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[2].stack, i + 1);
		assert_int_equal(bench->rx[2].hash, i);
	}
	bench_destroy(bench);
}

/* What the card puts behind a frame fits, and is not the guest's. */
static void test_stamps(void **state)
{
	struct bench *bench = bench_of(ixgbe_mac_X550, QUEUES, 1000);

	(void)state;
	install(bench, QUEUES);
	bench->driver->adapter.flags |= IXGBE_FLAG_RX_HWTSTAMP_ENABLED;
	card.stamps = true;
	send_to(bench, 0, LONGEST);
	driver_poll(bench->driver);
	assert_int_equal(bench->rx[0].len, LONGEST);
	send_tagged(bench, LONGEST + 4);
	driver_poll(bench->driver);
	assert_int_equal(bench->rx[0].len, LONGEST + 4);
	send_to(bench, 0, 13);
	driver_poll(bench->driver);
	assert_int_equal(frames(bench), 2);
	bench_destroy(bench);
}

/* On others the same bit has another meaning. */
static void test_no_stamps(void **state)
{
	struct card_frame frame = {
		.len = 100,
		.queue = 1,
		.staterr = IXGBE_RXD_STAT_TSIP,
	};
	struct bench *bench = bench_create(1000);

	(void)state;
	install(bench, QUEUES);
	bench->driver->adapter.flags |= IXGBE_FLAG_RX_HWTSTAMP_ENABLED |
					IXGBE_FLAG_RX_HWTSTAMP_IN_REGISTER;
	send_frame(bench, frame);
	driver_poll(bench->driver);
	assert_int_equal(bench->rx[0].len, 100);
	bench_destroy(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock),
		cmocka_unit_test(test_not_82598),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_starving),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_pieces_apart),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_through_the_stack),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_no_stamps),
	};

	return unit_run(tests);
}
