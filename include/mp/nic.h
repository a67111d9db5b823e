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
 * - *constructed*, after &mp_nic_ops.set_rx gave it a &struct mp_rx: every
 *   receive descriptor is armed with a &struct mp_rx_slot that
 *   mp_rx_construct() filled, and every frame goes to mp_rx_deliver().
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
 * the slot's parts take what follows, each filled before the next.  The driver
 * promises that the NIC writes no more than the asked room into a part.  Parts
 * may be adjacent in memory; mpassthru makes them so when it can.  The first
 * one is at an even address.
 *
 * *Starving.*  mp_rx_construct() fails when the guest has posted nothing.  The
 * driver leaves its ring short, or empty, and does not retry: &mp_nic_ops.refill
 * tells it when there is something again.
 *
 * *Context.*  set_rx: process context under RTNL.  construct, fill, frame and
 * deliver: the interface's NAPI context, one at a time per &struct mp_rx;
 * construct and discard also from set_rx while NAPI is off, with bottom halves
 * disabled: every CPU cycle of theirs is spent once a frame.
 *
 * *DMA* mapping, unmapping and syncing of slots is mpassthru's.
 */

struct mp_rx;
struct mp_rx_buf;

#define MP_SLOT_PARTS	3

/**
 * struct mp_rx_slot - guest (or stand-in host) memory behind one descriptor
 * @dma: bus address for each part, for the driver to write into its descriptor
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
 * @set_rx: stop receiving, end every slot with mp_rx_discard(), then start
 *	again, with @rx as the constructor or stock if @rx is NULL.  If the
 *	interface is down only the constructor changes.  On return no slot of
 *	the former constructor is alive.  On error the driver is stock.
 * @refill: mp_rx_construct() would succeed again; schedule NAPI.  Any context
 *	up to softirq, must not sleep.
 */
struct mp_nic_ops {
	unsigned long modes;
	int (*set_rx)(struct net_device *dev, struct mp_rx *rx);
	void (*refill)(struct net_device *dev);
};

int mp_nic_register(struct net_device *dev, const struct mp_nic_ops *ops);
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
