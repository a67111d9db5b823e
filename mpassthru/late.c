// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that somebody on the host holds: a qdisc that delays them, or a NIC that
 * does not send.  What lies in guest memory cannot be given back meanwhile, so a
 * guest's ring would be full of such packets sooner or later, and stay so.
 *
 * Therefore its last few entries are only used by packets that are copied.  These
 * complete as all others do, when they are gone, so that a guest does not send
 * faster than the interface does.  But when one has been on its way for too long
 * its request goes back, and from then on those of all later copies do so at once,
 * until none of the former is left.  The host's memory for them is bounded: beyond
 * that the guest's packets are dropped.
 */
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "tx.h"

/* One entry in so many of a ring is for copies. */
#define RING_SHARE	16

/* What may be held beside the guests' rings, for each port. */
#define LATE_PACKETS	1000
#define LATE_BYTES	SZ_4M

static uint tx_late_ms = 1000;
module_param(tx_late_ms, uint, 0644);
MODULE_PARM_DESC(tx_late_ms,
		 "milliseconds that a guest whose ring is full waits for packets that the host holds");

/**
 * struct copy - a packet that has nothing of the guest's
 * @ubuf: told when the packet is gone
 * @node: in mp_tx_late.waiting, while there is a request
 * @port: the port
 * @req: the request that it was copied from, until that is back
 * @since: when it was sent, in jiffies
 * @len: bytes
 */
struct copy {
	struct ubuf_info ubuf;
	struct list_head node;
	struct mp_port *port;
	struct mp_request *req;
	unsigned long since;
	u32 len;
};

static unsigned long patience(void)
{
	return msecs_to_jiffies(READ_ONCE(tx_late_ms));
}

/**
 * mp_tx_is_crowded() - whether a request is one of the last that a ring has
 * @port: the port
 * @req: the request, not counted in &mp_port.tx_inflight yet
 */
bool mp_tx_is_crowded(const struct mp_port *port, const struct mp_request *req)
{
	unsigned int num = req->backend->ring_size;
	int out = atomic_read(&port->tx_inflight) - READ_ONCE(port->late.nr);

	return out >= (int)(num - DIV_ROUND_UP(num, RING_SHARE));
}

/* Whether the host has held enough copies for @port. */
bool mp_tx_late_full(const struct mp_port *port)
{
	const struct mp_tx_late *late = &port->late;

	return READ_ONCE(late->nr) >= LATE_PACKETS ||
	       READ_ONCE(late->bytes) >= LATE_BYTES;
}

/* The packet is gone.  Any context up to softirq. */
static void copy_gone(struct sk_buff *skb, struct ubuf_info *ubuf, bool zerocopy)
{
	struct copy *copy = container_of(ubuf, struct copy, ubuf);
	struct mp_port *port = copy->port;
	struct mp_tx_late *late = &port->late;

	if (!refcount_dec_and_test(&ubuf->refcnt))
		return;

	rcu_read_lock_bh();
	spin_lock(&late->lock);
	if (copy->req) {
		list_del(&copy->node);
	} else {
		WRITE_ONCE(late->nr, late->nr - 1);
		WRITE_ONCE(late->bytes, late->bytes - copy->len);
	}
	spin_unlock(&late->lock);
	if (copy->req)
		mp_tx_back(copy->req);
	mp_tx_gone(port, 0, zerocopy);
	rcu_read_unlock_bh();
	kfree(copy);
}

MP_UBUF_OPS(copy_ops, copy_gone);

/**
 * mp_tx_copy_start() - a copied packet is about to be sent
 * @port: the port
 * @req: its request
 * @skb: the packet
 *
 * Context: BH off.
 * Return: false if there is no memory; nothing has changed then.
 */
bool mp_tx_copy_start(struct mp_port *port, struct mp_request *req,
		      struct sk_buff *skb)
{
	struct copy *copy = kmalloc(sizeof(*copy), GFP_ATOMIC | __GFP_NOWARN);

	if (!copy)
		return false;
	copy->port = port;
	copy->req = req;
	copy->since = jiffies;
	copy->len = skb->truesize;
	mp_ubuf_init(&copy->ubuf, &copy_ops, SKBFL_ZEROCOPY_ENABLE);
	skb_zcopy_init(skb, &copy->ubuf);
	spin_lock(&port->late.lock);
	list_add_tail(&copy->node, &port->late.waiting);
	spin_unlock(&port->late.lock);
	return true;
}

/*
 * The next request that has waited long enough: its copy is late then.  NULL if there
 * is none; @wait is set to the time until there may be one, if ever.
 */
static struct mp_request *take_late(struct mp_tx_late *late, long *wait)
{
	struct mp_request *req = NULL;
	struct copy *copy;

	*wait = 0;
	spin_lock_bh(&late->lock);
	copy = list_first_entry_or_null(&late->waiting, struct copy, node);
	if (copy && !late->nr)
		*wait = max_t(long, copy->since + patience() - jiffies, 0);
	if (copy && !*wait) {
		req = copy->req;
		copy->req = NULL;
		list_del(&copy->node);
		WRITE_ONCE(late->nr, late->nr + 1);
		WRITE_ONCE(late->bytes, late->bytes + copy->len);
	}
	spin_unlock_bh(&late->lock);
	return req;
}

/**
 * mp_tx_late_look() - give requests back whose copies are held
 * @port: the port
 *
 * Context: process context, BH off or not.
 */
void mp_tx_late_look(struct mp_port *port)
{
	struct mp_tx_late *late = &port->late;
	struct mp_request *req;
	long wait;

	/* what this thread has sent it sees; who looks at the rest is late_work() */
	if (list_empty(&late->waiting))
		return;
	while ((req = take_late(late, &wait))) {
		local_bh_disable();
		mp_tx_back(req);
		local_bh_enable();
	}
	if (wait)
		schedule_delayed_work(&late->work, wait);
}

static void late_work(struct work_struct *work)
{
	struct mp_tx_late *late = container_of(to_delayed_work(work),
					       struct mp_tx_late, work);

	mp_tx_late_look(container_of(late, struct mp_port, late));
}

void mp_tx_late_init(struct mp_port *port)
{
	struct mp_tx_late *late = &port->late;

	spin_lock_init(&late->lock);
	INIT_LIST_HEAD(&late->waiting);
	INIT_DELAYED_WORK(&late->work, late_work);
}

/* Nothing is on its way any more, and nobody is giving a request back on return. */
void mp_tx_late_stop(struct mp_port *port)
{
	cancel_delayed_work_sync(&port->late.work);
}
