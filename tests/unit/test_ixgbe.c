// SPDX-License-Identifier: GPL-2.0-only
/*
 * The glue of ixgbe, on a card that acts as the datasheet says.
 */
#include "unit.h"

#include "ixgbe_card.h"
#include "ixgbe_driver.h"
#include "ixgbe_guest.h"

#define QUEUES		4
#define DESCRIPTORS	64
#define LONGEST		ETH_FRAME_LEN	/* and 4 more with a tag */

/**
 * struct bench - an interface that is up, and its guest
 * @driver: the interface
 * @rx: constructors, one for each queue
 * @list: the same, as they are handed over
 * @number: of the next frame
 * @seed: of what is random
 */
struct bench {
	struct driver *driver;
	struct mp_rx rx[IXGBE_MAX_RSS_INDICES];
	struct mp_rx *list[IXGBE_MAX_RSS_INDICES];
	u32 number;
	u64 seed;
};

static struct bench *bench_of(enum ixgbe_mac_type type, unsigned int queues,
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

static struct bench *bench_create(unsigned int posted)
{
	return bench_of(ixgbe_mac_82599EB, QUEUES, posted);
}

/* At the next set_rx */
static void set_mode(struct bench *bench, enum mp_mode mode)
{
	unsigned int i;

	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		bench->rx[i].mode = mode;
}

static int set_rx(struct bench *bench, unsigned int nr)
{
	struct net_device *netdev = &bench->driver->netdev;

	return bench->driver->ops->set_rx(netdev, nr ? bench->list : NULL, nr);
}

static void install(struct bench *bench, unsigned int nr)
{
	assert_int_equal(set_rx(bench, nr), 0);
}

/* Every write that the card still had in mind is made: nobody owns a slot. */
static void assert_idle(struct bench *bench)
{
	unsigned int i;

	card_run();
	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		assert_int_equal(bench->rx[i].at_nic, 0);
	assert_int_equal(shim_mapped, 0);
}

static void bench_destroy(struct bench *bench)
{
	driver_remove(bench->driver);
	assert_idle(bench);
	assert_int_equal(shim_bh_off, 0);
	free(bench);
}

/* The stack's share of a constructor's life: there is memory again. */
static void post(struct bench *bench, unsigned int queue, unsigned int nr)
{
	struct mp_rx *rx = &bench->rx[queue];

	rx->posted += nr;
	if (rx->dry) {
		rx->dry = false;
		bench->driver->ops->refill(&bench->driver->netdev, queue);
	}
	driver_poll(bench->driver);
}

static void send_frame(struct bench *bench, struct card_frame frame)
{
	u8 data[16384];

	guest_frame(data, frame.len, bench->number++, false);
	frame.data = data;
	card_receive(&frame);
}

static void send_tagged(struct bench *bench, unsigned int len)
{
	u8 data[16384];
	struct card_frame frame = { .data = data, .len = len };

	guest_frame(data, len, bench->number++, true);
	card_receive(&frame);
}

static void send_to(struct bench *bench, unsigned int queue, unsigned int len)
{
	send_frame(bench, (struct card_frame){ .len = len, .queue = queue + 1 });
}

static unsigned int frames(const struct bench *bench)
{
	unsigned int i, n = 0;

	for (i = 0; i < IXGBE_MAX_RSS_INDICES; i++)
		n += bench->rx[i].frames;
	return n;
}

static unsigned int stock(const struct bench *bench)
{
	unsigned int i, n = 0;

	for (i = 0; i < MAX_RX_QUEUES; i++)
		n += bench->driver->stock[i];
	return n;
}

static bool drops(unsigned int queue)
{
	return card_read(IXGBE_SRRCTL(queue)) & IXGBE_SRRCTL_DROP_EN;
}

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
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_stamps),
		cmocka_unit_test(test_split_bad),
		cmocka_unit_test(test_split_no_memory),
		cmocka_unit_test(test_split_headers),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_through_the_stack),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_no_stamps),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_spread_of_administrator),
		cmocka_unit_test(test_flow_director),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_self_test),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_posted_on_the_way_up),
		cmocka_unit_test(test_soak),
	};

	return unit_run(tests);
}
