// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets on their way to the driver: by the qdisc, or past it if BIND asked for
 * that.  Past it the driver's lock is taken once for all packets of a batch, and
 * the NIC told of them by one doorbell.
 *
 * A qdisc holds what the driver cannot take now.  So packets for which there is no
 * room go by it, and none passes while others are in it: nothing is lost for want
 * of room, and order is kept.
 */
#include <linux/netdevice.h>
#include <net/sch_generic.h>

#include "port.h"

static u16 pick_queue(struct net_device *dev, struct sk_buff *skb)
{
	const struct net_device_ops *ops = dev->netdev_ops;
	u16 index;

	if (dev->real_num_tx_queues == 1)
		return 0;
	if (ops->ndo_select_queue)
		index = ops->ndo_select_queue(dev, skb, NULL);
	else
		index = netdev_pick_tx(dev, skb, NULL);
	return netdev_cap_txqueue(dev, index);
}

/* Whether packets may pass @txq's qdisc.  RCU, BH off. */
static bool may_pass(const struct netdev_queue *txq)
{
	struct Qdisc *qdisc = rcu_dereference_bh(txq->qdisc);

	/* the interface is down, or has no qdisc to pass */
	if (qdisc == &noop_qdisc || !qdisc->enqueue)
		return false;
	if (!qdisc_is_empty(qdisc))
		return false;
	/* who took the last one out of it may not have handed it over yet */
	smp_rmb();
	return !qdisc_is_running(qdisc);
}

/* Gives packets to the driver as long as it takes them.  Returns the others. */
static struct sk_buff *start_xmit(struct sk_buff *skb, struct net_device *dev,
				  struct netdev_queue *txq)
{
	struct sk_buff *next;
	netdev_tx_t ret;

	HARD_TX_LOCK(dev, txq, smp_processor_id());
	while (skb && !netif_xmit_frozen_or_stopped(txq)) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		ret = netdev_start_xmit(skb, dev, txq, next);
		if (!dev_xmit_complete(ret)) {
			skb->next = next;
			break;
		}
		skb = next;
	}
	HARD_TX_UNLOCK(dev, txq);
	return skb;
}

/* Sends what was collected.  RCU, BH off. */
static void flush(struct mp_burst *burst)
{
	struct sk_buff *skb = burst->first;
	struct sk_buff *next;
	bool again = false;

	if (skb && may_pass(burst->txq)) {
		/* the last of what is left is known then, and rings the bell */
		skb = validate_xmit_skb_list(skb, burst->dev, &again);
		skb = start_xmit(skb, burst->dev, burst->txq);
	}
	for (; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		/* from which the same choice will be made again */
		skb_set_queue_mapping(skb, burst->recorded);
		dev_queue_xmit(skb);
	}
	burst->first = NULL;
}

/**
 * mp_burst_begin() - begin to send packets
 * @burst: what to begin
 * @port: the port
 * @dev: the interface it is bound to; if that is NULL, nothing can be sent
 *
 * Context: RCU, BH off until mp_burst_end().
 */
void mp_burst_begin(struct mp_burst *burst, const struct mp_port *port,
		    struct net_device *dev)
{
	burst->dev = dev;
	burst->first = NULL;
	/* who wants to see packets sees them before the qdisc */
	burst->pass = dev && READ_ONCE(port->qdisc_bypass) &&
		      !mp_dev_egress_observed(dev);
}

/**
 * mp_burst_add() - send a packet, at mp_burst_end() at the latest
 * @burst: begun
 * @skb: the packet, with its device set; not the caller's any more
 */
void mp_burst_add(struct mp_burst *burst, struct sk_buff *skb)
{
	u16 index;

	if (!burst->pass) {
		dev_queue_xmit(skb);
		return;
	}
	burst->recorded = skb_get_queue_mapping(skb);
	index = pick_queue(burst->dev, skb);
	if (burst->first && skb_get_queue_mapping(burst->first) != index)
		flush(burst);
	skb_set_queue_mapping(skb, index);
	if (burst->first)
		burst->last->next = skb;
	else
		burst->first = skb;
	burst->last = skb;
	burst->txq = netdev_get_tx_queue(burst->dev, index);
}

/**
 * mp_burst_end() - all packets of a burst are on their way
 * @burst: begun; over then
 */
void mp_burst_end(struct mp_burst *burst)
{
	flush(burst);
}
