/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device's calls as a table, so that a control can plant a fault in one of
 * them and show that the test around it notices.
 */
#ifndef _UNIT_DEVICE_H
#define _UNIT_DEVICE_H

#include "../../vhost-mp/ring.h"

struct device {
	int (*pop)(struct mp_ring *ring, const struct mp_memtable *mem,
		   struct mp_chain *chain);
	void (*rewind)(struct mp_ring *ring, u16 nr);
	void (*push)(struct mp_ring *ring, u16 head, u32 len);
	bool (*publish)(struct mp_ring *ring);
	void (*quiet)(struct mp_ring *ring);
	bool (*listen)(struct mp_ring *ring);
};

/* The real call wherever there is no other. */
static inline struct device device_complete(struct device device)
{
	if (!device.pop)
		device.pop = mp_ring_pop;
	if (!device.rewind)
		device.rewind = mp_ring_rewind;
	if (!device.push)
		device.push = mp_ring_push;
	if (!device.publish)
		device.publish = mp_ring_publish;
	if (!device.quiet)
		device.quiet = mp_ring_quiet;
	if (!device.listen)
		device.listen = mp_ring_listen;
	return device;
}

#endif
