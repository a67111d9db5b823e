/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver that calls the glue where the patch lets ixgbe call it.
 */
#ifndef _UNIT_IXGBE_DRIVER_H
#define _UNIT_IXGBE_DRIVER_H

#include <mp/nic.h>

#include "ixgbe.h"

#define DRIVER_ATR	20

/**
 * struct driver - an interface
 * @rx_count: descriptors of each ring
 * @pause: flow control is on
 * @stock: frames that came the stock way, by queue
 * @ops: what the glue registered
 */
struct driver {
	struct ixgbe_adapter adapter;
	struct net_device netdev;
	struct pci_dev pdev;
	unsigned int rx_count;
	bool pause;
	unsigned int stock[MAX_RX_QUEUES];
	const struct mp_nic_ops *ops;
};

struct driver *driver_probe(enum ixgbe_mac_type type, unsigned int queues,
			    unsigned int rx_count);
void driver_remove(struct driver *driver);
void driver_open(struct driver *driver);
void driver_open_fails(struct driver *driver, void (*meanwhile)(struct driver *driver));
void driver_self_test(struct driver *driver);
void driver_close(struct driver *driver);
void driver_link_up(struct driver *driver);
void driver_set_queues(struct driver *driver, unsigned int queues);
void driver_set_ring(struct driver *driver, unsigned int count);
void driver_set_mtu(struct driver *driver, unsigned int mtu);
void driver_poll(struct driver *driver);
bool driver_up(const struct driver *driver);

#endif
