// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpassthru: a host network interface for a KVM guest, without copies.
 */
#include <linux/module.h>

#include "port.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init mp_init(void)
{
	int err;

	err = mp_rx_init();
	if (err)
		return err;
	err = mp_port_init();
	if (err)
		goto err_rx;
	err = mp_chardev_init();
	if (err)
		goto err_port;
	return 0;

err_port:
	mp_port_exit();
err_rx:
	mp_rx_exit();
	return err;
}

static void __exit mp_exit(void)
{
	mp_chardev_exit();
	mp_port_exit();
	mp_rx_exit();
}

module_init(mp_init);
module_exit(mp_exit);

MODULE_DESCRIPTION("Zero-copy host network interfaces for KVM guests");
MODULE_AUTHOR("The mpassthru developers");
MODULE_LICENSE("GPL");
