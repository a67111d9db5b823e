// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive side of a port with a backend: posted requests, start and stop.
 *
 * A request is on rx->fit or rx->odd (posted), behind an mp_rx_buf in a
 * driver's slot (at the NIC), behind one in an epoch (in the stack), or the
 * backend's.  buffer.c, construct.c, epoch.c and frame.c have it in turn.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "rx.h"
#include "trace.h"

/* How long mp_rx_stop() waits between two complaints about a held frame. */
#define STOP_NAG	(10 * HZ)

/* How long a guest may give no buffers before it is called stalled. */
#define STALL		(5 * HZ)

/* When there may be memory again. */
#define RETRY		(HZ / 100)

/* Takes a request to copy into: what the NIC cannot have first.  rx->lock. */
struct mp_request *mp_rx_take(struct mp_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	return mp_requests_pop(&rx->odd) ?: mp_requests_pop(&rx->fit);
}

/* Posts a request again that was taken and not used, before all others. */
void mp_rx_untake(struct mp_rx *rx, struct mp_request *req)
{
	lockdep_assert_held(&rx->lock);
	req->state = MP_REQ_POSTED;
	mp_requests_unpop(&rx->fit, req);
}

/* Whether a driver that went short should try again.  Clears the note. */
static bool undry(struct mp_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	if (!rx->dry || !mp_rx_spare(rx, 2 + rx->aside))
		return false;
	rx->dry = false;
	return true;
}

/*
 * A driver whose ring is short can wait for the backend's next batch, but not when
 * it has few descriptors left.  rx->lock.
 */
void mp_rx_ask(struct mp_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	if (rx->asked || rx->nr_nic >= rx->backend->ring_size / 4)
		return;
	rx->asked = true;
	rx->backend->ops->rx_short(rx->backend);
}

/* Whether the guest has given no buffer for long although it should.  rx->lock. */
static bool is_stalled(const struct mp_rx *rx)
{
	bool starved = (rx->dry && !rx->nr_nic) || !mp_rx_none_waits(rx);

	return starved && time_after(jiffies, rx->posted + STALL);
}

/* RTNL is not ours here: whoever clears rx->nic waits for RCU. */
static void refill(struct mp_rx *rx)
{
	const struct mp_nic_ops *nic;

	rcu_read_lock();
	nic = smp_load_acquire(&rx->nic);	/* before rx->queue */
	if (nic)
		nic->refill(rx->dev, rx->queue);
	rcu_read_unlock();
}

static void retry(struct work_struct *work)
{
	refill(container_of(to_delayed_work(work), struct mp_rx, retry));
}

/*
 * A driver goes short for want of memory, not of requests: no post may ever tell it
 * to try again.  rx->lock.
 */
void mp_rx_retry(struct mp_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	schedule_delayed_work(&rx->retry, RETRY);
}

/**
 * mp_rx_post() - take receive requests from the backend
 * @rx: receive side
 * @reqs: requests, empty on return
 *
 * Frames that wait get theirs first.
 *
 * Context: process context; takes rx->lock.
 */
void mp_rx_post(struct mp_rx *rx, struct mp_requests *reqs)
{
	struct mp_request *req;
	bool enough;
	u16 i;

	for (req = reqs->first; req; req = req->next) {
		WARN_ON_ONCE(req->state != MP_REQ_BACKEND);
		req->state = MP_REQ_POSTED;
		for (i = 0; READ_ONCE(rx->kept) && i < req->nr_segs; i++)
			mp_dma_map(&rx->kept, &req->segs[i]);
	}

	spin_lock_bh(&rx->lock);
	trace_mp_rx_post(rx->dev, reqs->nr, rx->fit.nr + rx->odd.nr);
	mp_requests_append(&rx->fit, reqs);
	rx->asked = false;
	rx->posted = jiffies;
	spin_unlock_bh(&rx->lock);

	/* before the NIC takes it all */
	mp_frame_drain(rx->port, rx);

	spin_lock_bh(&rx->lock);
	enough = undry(rx);
	if (rx->dry)
		mp_rx_ask(rx);
	spin_unlock_bh(&rx->lock);

	if (enough)
		refill(rx);
}

static struct mp_rx *rx_alloc(struct mp_port *port, struct mp_backend *backend)
{
	struct mp_rx *rx;
	unsigned int i;

	rx = kvzalloc(sizeof(*rx), GFP_KERNEL);
	if (!rx)
		return NULL;
	rx->port = port;
	rx->backend = backend;
	rx->mode = MP_MODE_COPY;
	rx->posted = jiffies;
	spin_lock_init(&rx->lock);
	INIT_DELAYED_WORK(&rx->retry, retry);
	mp_requests_init(&rx->fit);
	mp_requests_init(&rx->odd);
	hash_init(rx->bufs);
	for (i = 0; i < MP_RX_EPOCHS; i++)
		rx->epoch[i].rx = rx;
	return rx;
}

/**
 * mp_rx_start() - begin to receive for a backend
 * @port: the port, bound, without backend
 * @backend: the backend
 *
 * Context: process context under RTNL.
 * Return: 0 or -ENOMEM.
 */
int mp_rx_start(struct mp_port *port, struct mp_backend *backend)
{
	struct mp_rx *rx;

	ASSERT_RTNL();
	rx = rx_alloc(port, backend);
	if (!rx)
		return -ENOMEM;
	rcu_assign_pointer(port->rx, rx);
	mp_link_steer(port->link);
	return 0;
}

/* The port has no interface any more.  RTNL. */
void mp_rx_unbound(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);

	if (rx)
		rx->dev = NULL;
}

/* Drops what nobody will take. */
static void purge(struct mp_port *port)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&port->sk.sk_receive_queue))) {
		atomic_sub(skb->truesize, &port->waiting);
		kfree_skb(skb);
	}
}

static void return_all(struct mp_rx *rx, struct mp_requests *reqs)
{
	struct mp_request *req;

	while ((req = mp_requests_pop(reqs))) {
		req->state = MP_REQ_BACKEND;
		rx->backend->ops->rx_return(rx->backend, req);
	}
}

/**
 * mp_rx_stop() - give every receive request back
 * @port: the port
 *
 * Frames that reached the port's queue are delivered if there are requests for
 * them, and dropped if not.
 *
 * Context: process context under RTNL; the backend posts nothing any more.
 */
void mp_rx_stop(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);

	ASSERT_RTNL();
	if (!rx)
		return;
	rx->stopping = true;
	if (port->link)
		mp_link_steer(port->link);
	mp_frame_drain(port, rx);
	RCU_INIT_POINTER(port->rx, NULL);
	synchronize_net();
	purge(port);

	while (!wait_event_timeout(mp_rx_epoch_done, mp_rx_epochs_idle(rx), STOP_NAG))
		pr_warn("mpassthru: waiting for received frames that somebody holds\n");

	/* The last one to wake us may still be at it. */
	synchronize_net();
	spin_lock_bh(&rx->lock);
	mp_rx_epochs_reap(rx);
	spin_unlock_bh(&rx->lock);

	local_bh_disable();
	return_all(rx, &rx->odd);
	return_all(rx, &rx->fit);
	local_bh_enable();
	WARN_ON_ONCE(rx->nr_nic || rx->nr_stack || rx->reserved);
	mp_rx_bufs_destroy(rx);
	kvfree(rx);
}

/* Adds what mp_info says of requests.  Any context but hard interrupt. */
void mp_rx_gauges(struct mp_rx *rx, struct mp_info *info)
{
	spin_lock_bh(&rx->lock);
	info->posted += rx->fit.nr + rx->odd.nr;
	info->at_nic += rx->nr_nic;
	info->in_stack += rx->nr_stack;
	if (rx->nic)
		info->rx_mode = rx->mode;
	info->vnet_hdr_len = rx->backend->hdr_len;
	if (rx->dry)
		info->flags |= MP_INFO_DRY;
	if (is_stalled(rx))
		info->flags |= MP_INFO_STALLED;
	spin_unlock_bh(&rx->lock);
}
