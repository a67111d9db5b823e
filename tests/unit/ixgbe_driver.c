// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver: as little as the glue needs around itself, in the order of ixgbe.
 */
#include "unit.h"

#include "ixgbe_card.h"
#include "ixgbe_driver.h"

static struct driver *driver_of(struct ixgbe_adapter *adapter)
{
	return (struct driver *)((u8 *)adapter -
				 offsetof(struct driver, adapter));
}

#include <mp_ixgbe.h>

#define PAGE	2048

int shim_bh_off;
unsigned int shim_no_memory;
unsigned int shim_mapped;
unsigned int shim_maps;
bool shim_no_mapping;

void mp_nic_register(struct net_device *netdev, const struct mp_nic_ops *ops)
{
	driver_of(netdev->dev.parent->driver_data)->ops = ops;
}

void mp_nic_unregister(struct net_device *netdev)
{
	struct driver *driver = driver_of(netdev->dev.parent->driver_data);

	if (driver->ops && driver->adapter.mp_nr)
		driver->ops->set_rx(netdev, NULL, 0);
}

/* Receive */

static void alloc_rx_buffers(struct ixgbe_ring *ring)
{
	u16 i = ring->next_to_use;

	if (mp_ixgbe_alloc_rx_buffers(ring))
		return;

	for (; ixgbe_desc_unused(ring); ring->next_to_use = i) {
		assert_null(ring->pages[i]);
		ring->pages[i] = malloc(PAGE);
		ring->desc[i].read.pkt_addr =
			cpu_to_le64((uintptr_t)ring->pages[i]);
		ring->desc[i].read.hdr_addr = 0;
		i = (i + 1) % ring->count;
	}
	ring->next_to_alloc = i;
	writel(i, ring->tail);
}

static int clean_rx_irq(struct ixgbe_q_vector *q_vector,
			struct ixgbe_ring *ring, int budget)
{
	struct driver *driver = driver_of(q_vector->adapter);
	int cleaned = 0;

	if (mp_ixgbe_on(ring))
		return mp_ixgbe_clean_rx_irq(q_vector, ring, budget);

	for (; cleaned < budget; cleaned++) {
		u16 i = ring->next_to_clean;

		if (!(le32_to_cpu(ring->desc[i].wb.upper.status_error) &
		      IXGBE_RXD_STAT_DD))
			break;
		driver->stock[ring->queue_index]++;
		free(ring->pages[i]);
		ring->pages[i] = NULL;
		ring->next_to_clean = (i + 1) % ring->count;
		alloc_rx_buffers(ring);
	}
	return cleaned;
}

static void clean_rx_ring(struct ixgbe_ring *ring)
{
	u16 i = ring->next_to_clean;

	mp_ixgbe_clean_ring(ring);

	for (; i != ring->next_to_alloc; i = (i + 1) % ring->count) {
		assert_non_null(ring->pages[i]);
		free(ring->pages[i]);
		ring->pages[i] = NULL;
	}
	ring->next_to_alloc = 0;
	ring->next_to_clean = 0;
	ring->next_to_use = 0;
}

/* Rings and their vectors: made anew when their number changes */

static void setup_ring(struct ixgbe_ring *ring)
{
	ring->desc = calloc(ring->count, sizeof(*ring->desc));
	ring->pages = calloc(ring->count, sizeof(*ring->pages));
}

static void free_ring(struct ixgbe_ring *ring)
{
	clean_rx_ring(ring);
	free(ring->desc);
	free(ring->pages);
	ring->desc = NULL;
	ring->pages = NULL;
}

static void make_vector(struct driver *driver, unsigned int i)
{
	struct ixgbe_adapter *adapter = &driver->adapter;
	struct ixgbe_q_vector *q_vector = calloc(1, sizeof(*q_vector));
	struct ixgbe_ring *ring = calloc(1, sizeof(*ring));

	q_vector->adapter = adapter;
	ring->q_vector = q_vector;
	ring->netdev = &driver->netdev;
	ring->dev = &driver->pdev.dev;
	ring->count = driver->rx_count;
	ring->queue_index = i;
	ring->reg_idx = i;
	adapter->rx_ring[i] = ring;
	adapter->tx_ring[i] = calloc(1, sizeof(struct ixgbe_ring));
}

static void free_vector(struct driver *driver, unsigned int i)
{
	struct ixgbe_adapter *adapter = &driver->adapter;

	free(adapter->rx_ring[i]->q_vector);
	free(adapter->rx_ring[i]);
	free(adapter->tx_ring[i]);
	adapter->rx_ring[i] = NULL;
	adapter->tx_ring[i] = NULL;
}

static void init_interrupt_scheme(struct driver *driver, unsigned int queues)
{
	unsigned int i;

	driver->adapter.num_rx_queues = queues;
	driver->adapter.num_tx_queues = queues;
	for (i = 0; i < queues; i++)
		make_vector(driver, i);
}

static void clear_interrupt_scheme(struct driver *driver)
{
	int i;

	for (i = 0; i < driver->adapter.num_rx_queues; i++)
		free_vector(driver, i);
	driver->adapter.num_rx_queues = 0;
}

/* The NIC */

static void set_drop(struct ixgbe_adapter *adapter, int i, bool drop)
{
	u32 srrctl = card_read(IXGBE_SRRCTL(adapter->rx_ring[i]->reg_idx));

	srrctl &= ~IXGBE_SRRCTL_DROP_EN;
	if (drop)
		srrctl |= IXGBE_SRRCTL_DROP_EN;
	card_write(IXGBE_SRRCTL(adapter->rx_ring[i]->reg_idx), srrctl);
}

void driver_link_up(struct driver *driver)
{
	struct ixgbe_adapter *adapter = &driver->adapter;
	int i;

	for (i = 0; i < adapter->num_rx_queues; i++)
		set_drop(adapter, i, adapter->num_rx_queues > 1 && !driver->pause);

	mp_ixgbe_set_rx_drop_en(adapter);
}

void ixgbe_store_reta(struct ixgbe_adapter *adapter)
{
	unsigned int i, j;

	for (i = 0; i < ixgbe_rss_indir_tbl_entries(adapter); i += 4) {
		u32 four = 0;

		for (j = 0; j < 4; j++)
			four |= (u32)adapter->rss_indir_tbl[i + j] << 8 * j;
		card_write(i < 128 ? IXGBE_RETA(i / 4) :
				     IXGBE_ERETA(i / 4 - 32), four);
	}

	mp_ixgbe_store_reta(adapter);
}

static void configure_tx(struct ixgbe_adapter *adapter)
{
	int i;

	for (i = 0; i < adapter->num_tx_queues; i++)
		adapter->tx_ring[i]->atr_sample_rate = DRIVER_ATR;

	mp_ixgbe_configure_tx(adapter);
}

static void setup_reta(struct ixgbe_adapter *adapter)
{
	unsigned int i;

	for (i = 0; i < IXGBE_MAX_RETA_ENTRIES; i++)
		adapter->rss_indir_tbl[i] =
			i % min_t(int, adapter->num_rx_queues, IXGBE_MAX_RSS_INDICES);
	ixgbe_store_reta(adapter);
}

static void set_rx_buffer_len(struct ixgbe_adapter *adapter)
{
	u32 frame = adapter->netdev->mtu + ETH_HLEN + ETH_FCS_LEN;

	if (frame < ETH_FRAME_LEN + ETH_FCS_LEN)
		frame = ETH_FRAME_LEN + ETH_FCS_LEN;
	card_write(IXGBE_MHADD, frame << IXGBE_MHADD_MFS_SHIFT);
}

static void configure_rx_ring(struct ixgbe_adapter *adapter,
			      struct ixgbe_ring *ring)
{
	card_ring(ring->reg_idx, ring->desc, ring->count);
	ring->tail = card_address(IXGBE_RDT(ring->reg_idx));
	card_write(IXGBE_SRRCTL(ring->reg_idx),
		   IXGBE_SRRCTL_DESCTYPE_ADV_ONEBUF |
		   IXGBE_RX_HDR_SIZE << IXGBE_SRRCTL_BSIZEHDRSIZE_SHIFT |
		   PAGE >> IXGBE_SRRCTL_BSIZEPKT_SHIFT);

	mp_ixgbe_configure_ring(adapter, ring);

	card_write(IXGBE_RXDCTL(ring->reg_idx), IXGBE_RXDCTL_ENABLE);
	alloc_rx_buffers(ring);
}

static void configure(struct ixgbe_adapter *adapter)
{
	int i;

	configure_tx(adapter);
	setup_reta(adapter);
	set_rx_buffer_len(adapter);
	for (i = 0; i < adapter->num_rx_queues; i++)
		configure_rx_ring(adapter, adapter->rx_ring[i]);
	card_write(IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN);
}

void ixgbe_disable_rx(struct ixgbe_adapter *adapter)
{
	u32 rxdctl = IXGBE_RXDCTL_ENABLE;
	int i, wait;

	card_write(IXGBE_RXCTRL, 0);
	for (i = 0; i < adapter->num_rx_queues; i++)
		card_write(IXGBE_RXDCTL(adapter->rx_ring[i]->reg_idx), 0);
	for (wait = 0; wait < 10 && (rxdctl & IXGBE_RXDCTL_ENABLE); wait++)
		for (rxdctl = 0, i = 0; i < adapter->num_rx_queues; i++)
			rxdctl |= card_read(IXGBE_RXDCTL(adapter->rx_ring[i]->reg_idx));
}

void ixgbe_reset(struct ixgbe_adapter *adapter)
{
	(void)adapter;
	card_reset();
}

/* Up and down */

bool driver_up(const struct driver *driver)
{
	return !test_bit(__IXGBE_DOWN, &driver->adapter.state);
}

static void up(struct ixgbe_adapter *adapter)
{
	int i;

	configure(adapter);
	adapter->state &= ~BIT(__IXGBE_DOWN);
	for (i = 0; i < adapter->num_rx_queues; i++)
		adapter->rx_ring[i]->q_vector->napi.enabled = true;

	mp_ixgbe_up(adapter);
}

static void down(struct ixgbe_adapter *adapter)
{
	int i;

	if (test_bit(__IXGBE_DOWN, &adapter->state))
		return;
	adapter->state |= BIT(__IXGBE_DOWN);

	mp_ixgbe_down(adapter);

	ixgbe_disable_rx(adapter);
	for (i = 0; i < adapter->num_rx_queues; i++)
		memset(&adapter->rx_ring[i]->q_vector->napi, 0,
		       sizeof(struct napi_struct));
	if (!pci_channel_offline(adapter->pdev))
		ixgbe_reset(adapter);
	for (i = 0; i < adapter->num_rx_queues; i++)
		clean_rx_ring(adapter->rx_ring[i]);
}

void ixgbe_reinit_locked(struct ixgbe_adapter *adapter)
{
	down(adapter);
	up(adapter);
}

static void free_rings(struct ixgbe_adapter *adapter)
{
	int i;

	for (i = 0; i < adapter->num_rx_queues; i++)
		free_ring(adapter->rx_ring[i]);
}

static void setup_rings(struct ixgbe_adapter *adapter)
{
	int i;

	for (i = 0; i < adapter->num_rx_queues; i++)
		setup_ring(adapter->rx_ring[i]);
}

void driver_open(struct driver *driver)
{
	setup_rings(&driver->adapter);
	up(&driver->adapter);
}

/* What fails comes after the NIC was set up; it goes on until it is reset. */
void driver_open_fails(struct driver *driver, void (*meanwhile)(struct driver *driver))
{
	setup_rings(&driver->adapter);
	configure(&driver->adapter);
	meanwhile(driver);
	free_rings(&driver->adapter);
	card_run();
	ixgbe_reset(&driver->adapter);
}

/* A ring beside the others, on the first queue */
void driver_self_test(struct driver *driver)
{
	struct ixgbe_ring ring = {
		.netdev = &driver->netdev,
		.count = driver->rx_count,
	};

	driver_close(driver);
	setup_ring(&ring);
	configure_rx_ring(&driver->adapter, &ring);
	ixgbe_reset(&driver->adapter);
	free_ring(&ring);
	driver_open(driver);
}

void driver_close(struct driver *driver)
{
	down(&driver->adapter);
	free_rings(&driver->adapter);
}

void driver_set_mtu(struct driver *driver, unsigned int mtu)
{
	driver->netdev.mtu = mtu;
	ixgbe_reinit_locked(&driver->adapter);
}

void driver_set_queues(struct driver *driver, unsigned int queues)
{
	driver_close(driver);
	clear_interrupt_scheme(driver);
	init_interrupt_scheme(driver, queues);
	driver_open(driver);
}

/* As ethtool -G: rings are tried out beside those in use, and copied over them. */
void driver_set_ring(struct driver *driver, unsigned int count)
{
	struct ixgbe_adapter *adapter = &driver->adapter;
	struct ixgbe_ring other;
	int i;

	down(adapter);
	driver->rx_count = count;
	for (i = 0; i < adapter->num_rx_queues; i++) {
		other = *adapter->rx_ring[i];
		other.count = count;
		setup_ring(&other);
		free_ring(&other);
		setup_ring(&other);
		free_ring(adapter->rx_ring[i]);
		*adapter->rx_ring[i] = other;
	}
	up(adapter);
}

void driver_poll(struct driver *driver)
{
	struct ixgbe_adapter *adapter = &driver->adapter;
	int i;

	local_bh_disable();
	for (i = 0; i < adapter->num_rx_queues; i++) {
		struct ixgbe_ring *ring = adapter->rx_ring[i];
		struct napi_struct *napi = &ring->q_vector->napi;

		if (card.irq[i])
			napi_schedule(napi);
		card.irq[i] = false;
		while (napi->scheduled)
			napi->scheduled = clean_rx_irq(ring->q_vector, ring, 64) == 64;
	}
	local_bh_enable();
	assert_int_equal(shim_bh_off, 0);
}

struct driver *driver_probe(enum ixgbe_mac_type type, unsigned int queues,
			    unsigned int rx_count)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	struct ixgbe_adapter *adapter = &driver->adapter;

	adapter->hw.mac.type = type;
	adapter->netdev = &driver->netdev;
	adapter->pdev = &driver->pdev;
	adapter->state = BIT(__IXGBE_DOWN);
	driver->pdev.dev.driver_data = adapter;
	driver->netdev.dev.parent = &driver->pdev.dev;
	driver->netdev.mtu = ETH_DATA_LEN;
	driver->netdev.features = NETIF_F_RXCSUM;
	driver->rx_count = rx_count;
	shim_bh_off = 0;
	shim_no_memory = 0;
	shim_mapped = 0;
	shim_no_mapping = false;
	card_power_on(ixgbe_rss_indir_tbl_entries(adapter));
	init_interrupt_scheme(driver, queues);
	mp_ixgbe_probe(adapter);
	return driver;
}

void driver_remove(struct driver *driver)
{
	mp_ixgbe_remove(&driver->adapter);
	if (driver_up(driver))
		driver_close(driver);
	clear_interrupt_scheme(driver);
	free(driver);
	card_run();
	card_power_on(1);
}
