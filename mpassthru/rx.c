// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive side of a port with a backend: posted requests, start and stop.
 *
 * A request is on rx->fit or rx->odd (posted), behind an mp_rx_buf in a
 * driver's slot (at the NIC), behind one in an epoch (in the stack), or the
 * backend's.  buffer.c, construct.c, epoch.c and frame.c have it in turn.
 */
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "rx.h"
#include "trace.h"

/* How long mp_rx_stop() waits between two complaints about a held frame. */
#define STOP_NAG	(10 * HZ)

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
	if (!rx->dry || !mp_rx_spare(rx, 2))
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
	if (rx->asked || rx->nr_nic >= rx->backend->rx_max / 4)
		return;
	rx->asked = true;
	rx->backend->ops->rx_short(rx->backend);
}

/**
 * mp_rx_post() - take receive requests from the backend
 * @rx: receive side
 * @reqs: requests, empty on return
 *
 * Context: process context; takes rx->lock.
 */
void mp_rx_post(struct mp_rx *rx, struct mp_requests *reqs)
{
	struct mp_request *req;
	const struct mp_nic_ops *nic;
	bool refill;
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
	refill = undry(rx);
	if (rx->dry)
		mp_rx_ask(rx);
	spin_unlock_bh(&rx->lock);

	if (!refill)
		return;
	/* RTNL is not ours here: whoever clears rx->nic waits for RCU. */
	rcu_read_lock();
	nic = READ_ONCE(rx->nic);
	if (nic)
		nic->refill(rx->dev);
	rcu_read_unlock();
}

/*
 * The best layout that is asked for, that driver and guest can both do.  Left to
 * us, that is whole frames as long as they fit into what guests post, because
 * they take the short way (direct.c); a jumbo frame has to be split.
 */
static enum mp_mode choose_mode(const struct mp_rx *rx,
				const struct mp_nic_ops *nic)
{
	u32 asked = rx->port->link->mode;
	unsigned long modes = nic ? nic->modes : 0;

	if (!rx->backend->mergeable)
		modes &= ~BIT(MP_MODE_HEADER_SPLIT);
	if (asked == MP_MODE_COPY)
		return MP_MODE_COPY;
	if (asked == MP_MODE_AUTO && (modes & BIT(MP_MODE_WHOLE_FRAME)) &&
	    rx->dev->mtu <= ETH_DATA_LEN)
		asked = MP_MODE_WHOLE_FRAME;
	if (asked == MP_MODE_WHOLE_FRAME)
		modes &= BIT(MP_MODE_WHOLE_FRAME);
	if (modes & BIT(MP_MODE_HEADER_SPLIT))
		return MP_MODE_HEADER_SPLIT;
	if (modes & BIT(MP_MODE_WHOLE_FRAME))
		return MP_MODE_WHOLE_FRAME;
	return MP_MODE_COPY;
}

static u8 why_copy(const struct mp_rx *rx, const struct mp_nic_ops *nic)
{
	if (rx->port->link->mode == MP_MODE_COPY)
		return MP_COPY_ASKED;
	if (!nic)
		return MP_COPY_NO_GLUE;
	/* what GRO made of several short frames */
	return rx->mode == MP_MODE_HEADER_SPLIT ? MP_COPY_HEADERS : MP_COPY_LATE;
}

/*
 * Installs the page constructor if the port has both an interface and a
 * backend.  RTNL.
 */
void mp_rx_attach_nic(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);
	struct net_device *dev = rtnl_dereference(port->dev);
	struct mp_link *link = port->link;
	const struct mp_nic_ops *nic;
	int err;

	if (!rx || !dev)
		return;
	nic = mp_nic_find(dev);
	rx->dev = dev;
	rx->mode = choose_mode(rx, nic);
	rx->why_copy = why_copy(rx, nic);
	if (rx->mode == MP_MODE_COPY)
		return;
	if (rtnl_dereference(link->receiver)) {
		rx->mode = MP_MODE_COPY;	/* of what came before that one */
		return;
	}

	rx->dma = dev->dev.parent;
	mp_dma_begin(&rx->kept, rx->dma);
	WRITE_ONCE(rx->nic, nic);
	rcu_assign_pointer(link->receiver, port);
	err = nic->set_rx(dev, rx);
	if (!err && rx->mode == MP_MODE_HEADER_SPLIT)
		mp_gro_limit(rx);
	if (!err)
		return;
	netdev_warn(dev, "mpassthru: the driver refused the constructor (%d), receiving by copy\n",
		    err);
	RCU_INIT_POINTER(link->receiver, NULL);
	WRITE_ONCE(rx->nic, NULL);
	mp_dma_end(&rx->kept);
	rx->mode = MP_MODE_COPY;
}

/*
 * Removes the page constructor: no NIC writes to guest memory when this
 * returns.  Frames that it wrote may still be on their way.  RTNL.
 */
void mp_rx_detach_nic(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);

	if (!rx || !rx->dev)
		return;
	if (rx->nic) {
		const struct mp_nic_ops *nic = rx->nic;

		WRITE_ONCE(rx->nic, NULL);
		synchronize_net();	/* mp_rx_post() may be in refill */
		if (nic->set_rx(rx->dev, NULL))
			netdev_err(rx->dev, "mpassthru: the driver did not come back in its own state\n");
		RCU_INIT_POINTER(port->link->receiver, NULL);
		WARN_ON_ONCE(rx->nr_nic);
		mp_dma_end(&rx->kept);
	}
	mp_gro_restore(rx);
	rx->dev = NULL;
}

/* What auto chooses goes by the MTU, and so does what GRO may merge.  RTNL. */
void mp_rx_mtu_changed(struct mp_port *port)
{
	struct mp_rx *rx = rtnl_dereference(port->rx);

	if (!rx || !rx->dev)
		return;
	if (choose_mode(rx, mp_nic_find(rx->dev)) != rx->mode) {
		mp_rx_detach_nic(port);
		mp_rx_attach_nic(port);
	} else if (rx->gro_limit) {
		mp_gro_restore(rx);
		mp_gro_limit(rx);
	}
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
	spin_lock_init(&rx->lock);
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
	mp_rx_attach_nic(port);
	return 0;
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
	mp_rx_detach_nic(port);
	mp_frame_drain(port, rx);
	RCU_INIT_POINTER(port->rx, NULL);
	synchronize_net();
	skb_queue_purge(&port->sk.sk_receive_queue);

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
	if (rx->mode != MP_MODE_COPY)
		info->rx_mode = rx->mode;
	info->vnet_hdr_len = rx->backend->hdr_len;
	if (rx->dry)
		info->flags |= MP_INFO_DRY;
	spin_unlock_bh(&rx->lock);
}
