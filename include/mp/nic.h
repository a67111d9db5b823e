/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a network driver sees of mpassthru: the page constructor.
 */
#ifndef _MP_NIC_H
#define _MP_NIC_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <uapi/linux/mpassthru.h>

/**
 * DOC: The page constructor, a contract for driver authors
 *
 * A driver with *glue* lets mpassthru decide where its NIC writes received
 * frames.  It announces itself with mp_nic_register() and from then on has one
 * of two states per interface:
 *
 * - *stock* (the state after registration): the driver does what it always
 *   did.
 * - *constructed*, after &mp_nic_ops.set_rx gave it a &struct mp_rx for each
 *   receive queue that is to be used: every descriptor of such a queue is armed
 *   with a &struct mp_rx_slot that mp_rx_construct() filled, and every frame
 *   that it received goes to mp_rx_deliver().
 *
 * A slot travels in one direction::
 *
 *	mp_rx_construct() -> descriptor -> NIC -> mp_rx_direct(), or
 *	                                          mp_rx_fill() or mp_rx_frame()
 *	                                          -> mp_rx_deliver()
 *	                          (unused, bad frame) -> mp_rx_discard()
 *
 * mp_rx_fill() may leave the slot full, when it copied the little that was in
 * it: the driver keeps it and arms its next descriptor with it as it is.
 *
 * Between mp_rx_construct() and the call that ends the journey the memory
 * behind the slot belongs to the NIC: neither the host nor mpassthru reads,
 * writes or frees it.  A slot must not be ended while the NIC can still write
 * to it.
 *
 * *Layouts.*  In %MP_MODE_WHOLE_FRAME a slot has one part that takes the frame
 * from its first byte; mp_rx_direct() is the short way for it, and mp_rx_frame()
 * the way through the stack if that is refused.  In %MP_MODE_HEADER_SPLIT the
 * driver provides a header buffer of its own (the linear part of the skb) and
 * the slot's parts take what follows, each filled before the next.  A NIC that goes
 * on in its next descriptors has a slot for each: mp_rx_fill() takes a frame's
 * slots one after the other.  The driver promises that the NIC writes no more than
 * the asked room into a part.  Parts may be adjacent in memory; mpassthru makes
 * them so when it can.  The first one is at an even address.
 *
 * *Starving.*  mp_rx_construct() fails when the guest has posted nothing.  The
 * driver leaves that ring short, or empty, and does not retry:
 * &mp_nic_ops.refill tells it when there is something again.  A starving queue
 * must not keep others from receiving: its frames are dropped.
 *
 * *Several queues.*  Each has a constructor of its own, which is the memory of
 * one of the guest's queues; all have the same layout.  set_rx names the first
 * few of the NIC's queues: the driver sees to it that the NIC's spread of flows
 * (RSS) leads to these alone, and to each flow's frames being received by one
 * of them.  Others stay stock: what comes there all the same, because somebody
 * set up a filter, is copied.  The spread that the administrator set up is the
 * NIC's again when the driver is stock.  Who they are for changes whenever a
 * guest changes the number of its queues; all constructors are replaced by one
 * call then, so that a driver that has to reset the NIC does so once, while one
 * that can stop a queue alone may compare and leave the others be.  If the
 * number of the interface's queues changes under constructors, those of queues
 * that are not there are idle until they are there again.
 *
 * *Context.*  set_rx: process context under RTNL.  construct, fill, frame and
 * deliver: the queue's NAPI context, one at a time per &struct mp_rx; construct
 * and discard also from set_rx while NAPI is off, with bottom halves disabled:
 * every CPU cycle of theirs is spent once a frame.  Different &struct mp_rx do
 * not get in each other's way.
 *
 * *DMA* mapping, unmapping and syncing of slots is mpassthru's, for the device
 * that is the interface's parent.  Where only the driver's bus knows how its
 * devices see memory, as with virtio, &mp_nic_ops.phys leaves it to the driver.
 */

struct mp_rx;
struct mp_rx_buf;

#define MP_SLOT_PARTS	3

/**
 * struct mp_rx_slot - guest (or stand-in host) memory behind one descriptor
 * @dma: bus address for each part, for the driver to write into its descriptor;
 *	physical address with &mp_nic_ops.phys
 * @buf: mpassthru's
 *
 * All zero when empty.  Owned by the driver, which keeps it beside its
 * descriptor; only mpassthru writes to it.
 */
struct mp_rx_slot {
	dma_addr_t dma[MP_SLOT_PARTS];
	struct mp_rx_buf *buf[MP_SLOT_PARTS];
};

/**
 * struct mp_nic_ops - what mpassthru asks of a driver
 * @modes: BIT(&enum mp_mode) of the layouts that this interface can do
 * @queues: most receive queues that the glue can have constructors for; an
 *	interface has &net_device.real_num_rx_queues of them
 * @phys: slots have physical addresses, which the driver maps for DMA if that is
 *	needed at all, and unmaps before it ends a slot; for whole frames alone
 * @set_rx: stop receiving, end every slot with mp_rx_discard(), then start
 *	again, with @rx[i] as the constructor of queue i, or stock if @nr is 0
 *	(@rx is NULL then).  @nr is no more than @queues and than the interface
 *	has.  The array is the caller's: copy it.  If the interface is down only
 *	the constructors change.  On return no slot of a former constructor is
 *	alive that is not in @rx.  On error the driver is stock.
 * @refill: mp_rx_construct() would succeed again for @queue; schedule its NAPI.
 *	Any context up to softirq, must not sleep.  May be called while set_rx
 *	is at work, for any queue of the new constructors.
 */
struct mp_nic_ops {
	unsigned long modes;
	unsigned int queues;
	bool phys;
	int (*set_rx)(struct net_device *dev, struct mp_rx *const *rx,
		      unsigned int nr);
	void (*refill)(struct net_device *dev, unsigned int queue);
};

void mp_nic_register(struct net_device *dev, const struct mp_nic_ops *ops);
void mp_nic_unregister(struct net_device *dev);

enum mp_mode mp_rx_mode(const struct mp_rx *rx);
bool mp_rx_construct(struct mp_rx *rx, struct mp_rx_slot *slot,
		     const u32 *room, unsigned int parts);
void mp_rx_discard(struct mp_rx *rx, struct mp_rx_slot *slot);
void mp_rx_fill(struct mp_rx *rx, struct mp_rx_slot *slot, struct sk_buff *skb,
		unsigned int len);
bool mp_rx_direct(struct mp_rx *rx, struct mp_rx_slot *slot, unsigned int len,
		  bool csum_ok);
struct sk_buff *mp_rx_frame(struct mp_rx *rx, struct napi_struct *napi,
			    struct mp_rx_slot *slot, unsigned int len);
struct sk_buff *mp_rx_deliver(struct mp_rx *rx, struct napi_struct *napi,
			      struct sk_buff *skb);

static inline bool mp_rx_slot_empty(const struct mp_rx_slot *slot)
{
	return !slot->buf[0];
}

#endif /* _MP_NIC_H */
