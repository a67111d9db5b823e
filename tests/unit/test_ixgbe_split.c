// SPDX-License-Identifier: GPL-2.0-only
/*
 * The glue of ixgbe, header split: what goes where, and whose the headers are.
 */
#include "ixgbe_bench.h"

/* What goes where: headers that are known, too long, unknown; short payload, none */
static void test_split(void **state)
{
	static const struct {
		unsigned int len;
		unsigned int header;
		unsigned int linear;	/* of the frame that comes */
		unsigned int used;	/* is the slot? */
	} frame[] = {
		{ LONGEST, 66, 66, 1 },
		{ LONGEST, 256, 256, 1 },
		{ LONGEST, 257, 256, 1 },
		{ LONGEST, 1000, 256, 1 },
		{ LONGEST, 0, 256, 1 },
		{ LONGEST, 14, 14, 1 },
		{ 257, 0, 256, 1 },
		{ 256, 0, 256, 0 },
		{ 66, 66, 66, 0 },
		{ 66 + 100, 66, 66 + 100, 0 },
	};
	struct bench *bench = bench_create(1000);
	unsigned int i, used = 0;

	(void)state;
	set_mode(bench, MP_MODE_HEADER_SPLIT);
	install(bench, QUEUES);
	for (i = 0; i < 50 * ARRAY_SIZE(frame); i++) {
		unsigned int n = i % ARRAY_SIZE(frame);

		bench->rx[0].gro = i & 1;
		send_frame(bench, (struct card_frame){
			.len = frame[n].len,
			.header = frame[n].header,
			.queue = 1,
		});
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].frames, i + 1);
		assert_int_equal(bench->rx[0].len, frame[n].len);
		assert_int_equal(bench->rx[0].linear, frame[n].linear);
		used += frame[n].used;
		assert_int_equal(bench->rx[0].used, used);
		/* one that was not used may wait outside of the ring */
		assert_in_range(bench->rx[0].at_nic, DESCRIPTORS - 1, DESCRIPTORS);
	}
	bench_destroy(bench);
}

static void test_split_stamps(void **state)
{
	struct bench *bench = bench_of(ixgbe_mac_X550, QUEUES, 1000);
	struct card_frame frame = { .header = 66, .queue = 1 };

	(void)state;
	set_mode(bench, MP_MODE_HEADER_SPLIT);
	install(bench, QUEUES);
	bench->driver->adapter.flags |= IXGBE_FLAG_RX_HWTSTAMP_ENABLED;
	card.stamps = true;
	for (frame.len = 66; frame.len <= LONGEST; frame.len++) {
		send_frame(bench, frame);
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].len, frame.len);
		bench->rx[0].posted++;
	}
	frame.header = 0;
	for (frame.len = 240; frame.len < 280; frame.len++) {
		send_frame(bench, frame);
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].len, frame.len);
	}
	bench_destroy(bench);
}

/* Bad frames, and all that makes no sense, end nothing but themselves. */
static void test_split_bad(void **state)
{
	static const struct card_frame bad[] = {
		{ .len = 400, .header = 66, .queue = 1, .staterr = IXGBE_RXDADV_ERR_CE },
		{ .len = 1200, .header = 66, .queue = 1, .piece = 300 },
		{ .len = 400, .header = 13, .queue = 1 },
		{ .len = 13, .queue = 1 },
	};
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	set_mode(bench, MP_MODE_HEADER_SPLIT);
	install(bench, QUEUES);
	for (i = 0; i < 40 * ARRAY_SIZE(bad); i++) {
		send_frame(bench, bad[i % ARRAY_SIZE(bad)]);
		driver_poll(bench->driver);
		assert_int_equal(frames(bench), i);
		send_frame(bench, (struct card_frame){
			.len = 100,
			.header = 54,
			.queue = 1,
		});
		driver_poll(bench->driver);
	}
	assert_int_equal(bench->rx[0].used, 0);
	assert_int_equal(bench->rx[0].posted + bench->rx[0].at_nic, 1000);
	bench_destroy(bench);
}

/* No header buffer, or no mapping of one: the ring is short until the next poll. */
static void test_split_no_memory(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	set_mode(bench, MP_MODE_HEADER_SPLIT);
	install(bench, 1);
	for (i = 0; i < 10; i++) {
		shim_no_memory = 1 + i % 3;
		bench->rx[0].gro = false;
		send_frame(bench, (struct card_frame){ .len = 1000, .queue = 1 });
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].at_nic, DESCRIPTORS - 2);
		while (shim_no_memory) {
			card.irq[0] = true;
			driver_poll(bench->driver);
		}
		shim_no_mapping = true;
		card.irq[0] = true;
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].at_nic, DESCRIPTORS - 2);
		shim_no_mapping = false;
		card.irq[0] = true;
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].at_nic, DESCRIPTORS - 1);
	}
	assert_int_equal(frames(bench), 10);
	bench_destroy(bench);
}

/* Those that GRO gives back stay mapped. */
static void test_split_headers(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i, maps = 0;

	(void)state;
	set_mode(bench, MP_MODE_HEADER_SPLIT);
	install(bench, 1);
	bench->rx[0].gro = true;
	for (i = 0; i < 300; i++) {
		send_frame(bench, (struct card_frame){ .len = 1000, .header = 66 });
		driver_poll(bench->driver);
		if (i == DESCRIPTORS)
			maps = shim_maps;
	}
	assert_int_equal(shim_maps, maps);
	assert_int_equal(frames(bench), 300);
	bench_destroy(bench);
}

static void test_modes(void **state)
{
	struct bench *bench = bench_create(1000);
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		set_mode(bench, i & 1 ? MP_MODE_HEADER_SPLIT : MP_MODE_WHOLE_FRAME);
		install(bench, 1 + i % QUEUES);
		send_frame(bench, (struct card_frame){ .len = 1000, .header = 66 });
		driver_poll(bench->driver);
		assert_int_equal(bench->rx[0].stack, (i + 1) / 2);
		driver_link_up(bench->driver);
	}
	assert_int_equal(frames(bench), 20);
	bench_destroy(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_stamps),
		cmocka_unit_test(test_split_bad),
		cmocka_unit_test(test_split_no_memory),
		cmocka_unit_test(test_split_headers),
		cmocka_unit_test(test_modes),
	};

	return unit_run(tests);
}
