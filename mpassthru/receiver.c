// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receivers: the ports of a bound interface that have its NIC's constructors, one
 * for each of the NIC's receive queues.
 */
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

#include "rx.h"

/**
 * struct receivers - who is to have a constructor
 * @nic: the glue, or NULL
 * @mode: &enum mp_mode for all of them, %MP_MODE_COPY if there are none
 * @nr: how many
 * @rx: their receive sides, by the NIC's queue
 */
struct receivers {
	const struct mp_nic_ops *nic;
	enum mp_mode mode;
	unsigned int nr;
	struct mp_rx *rx[MP_LINK_QUEUES];
};

/*
 * The best layout that is asked for, that driver and guest can both do.  Left to
 * us, that is whole frames as long as they fit into what guests post, because
 * they take the short way (direct.c); a jumbo frame has to be split.
 */
static enum mp_mode choose_mode(const struct mp_link *link, unsigned long modes)
{
	const unsigned long whole = BIT(MP_MODE_WHOLE_FRAME);

	if (link->mode == MP_MODE_COPY)
		return MP_MODE_COPY;
	if (link->mode == MP_MODE_WHOLE_FRAME)
		modes &= whole;
	else if (link->mode == MP_MODE_AUTO && link->dev->mtu > ETH_DATA_LEN)
		modes &= ~whole;
	else if (link->mode == MP_MODE_AUTO && modes & whole)
		modes = whole;
	if (modes & BIT(MP_MODE_HEADER_SPLIT))
		return MP_MODE_HEADER_SPLIT;
	return modes & whole ? MP_MODE_WHOLE_FRAME : MP_MODE_COPY;
}

static unsigned int nic_queues(const struct mp_link *link,
			       const struct mp_nic_ops *nic)
{
	return min3(nic->queues, link->dev->real_num_rx_queues,
		    (unsigned int)MP_LINK_QUEUES);
}

/* As many queues that take part and have a backend as the NIC has queues. */
static void choose(const struct mp_link *link, struct receivers *to)
{
	unsigned long modes = 0;
	unsigned int i, max = 0;

	to->nr = 0;
	to->nic = mp_nic_find(link->dev);
	if (to->nic) {
		max = nic_queues(link, to->nic);
		modes = to->nic->modes;
	}
	for (i = 0; i < link->nr && to->nr < max; i++) {
		struct mp_port *port = link->queue[i];
		struct mp_rx *rx = rtnl_dereference(port->rx);

		if (!rx || rx->stopping || port->detached)
			continue;
		if (!rx->backend->mergeable)
			modes &= ~BIT(MP_MODE_HEADER_SPLIT);
		to->rx[to->nr++] = rx;
	}
	to->mode = choose_mode(link, modes);
	if (to->mode == MP_MODE_COPY)
		to->nr = 0;
}

static bool is_so(const struct mp_link *link, const struct receivers *to)
{
	unsigned int i;

	if (to->nr != link->nr_receivers || to->mode != link->rx_mode)
		return false;
	for (i = 0; i < to->nr; i++)
		if (rtnl_dereference(link->receiver[i]) != to->rx[i]->port)
			return false;
	return true;
}

static u8 why_copy(const struct mp_link *link, const struct receivers *to)
{
	if (link->mode == MP_MODE_COPY)
		return MP_COPY_ASKED;
	if (!to->nic)
		return MP_COPY_NO_GLUE;
	/* what GRO made of several short frames */
	return to->mode == MP_MODE_HEADER_SPLIT ? MP_COPY_HEADERS : MP_COPY_LATE;
}

/*
 * A constructor that the driver is to get.  The NIC must not have all requests if
 * there can be queues without one: frames that come by these are copied.
 */
static void rx_begin(struct mp_rx *rx, const struct receivers *to, u16 queue)
{
	bool several = rx->dev->num_rx_queues > 1;

	spin_lock_bh(&rx->lock);
	rx->aside = several ? rx->backend->ring_size / 16 : 0;
	spin_unlock_bh(&rx->lock);
	rx->mode = to->mode;
	rx->queue = queue;
	rx->dma = to->nic->phys ? NULL : rx->dev->dev.parent;
	if (rx->dma && !rx->kept)
		mp_dma_begin(&rx->kept, rx->dma);
	/* the queue before the glue, for mp_rx_post() */
	smp_store_release(&rx->nic, to->nic);
}

/*
 * One that the driver does not have any more: no NIC writes to its memory.  When the
 * backend goes, what was received is still put into place as it came.
 */
static void rx_end(struct mp_rx *rx)
{
	cancel_delayed_work_sync(&rx->retry);
	WARN_ON_ONCE(rx->nr_nic);
	mp_dma_end(&rx->kept);
	if (!rx->stopping)
		rx->mode = MP_MODE_COPY;
}

/* Nobody is in refill for any of them when this returns. */
static void silence(struct mp_rx *const *rx, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		WRITE_ONCE(rx[i]->nic, NULL);
	if (nr)
		synchronize_net();	/* mp_rx_post() may be in it */
}

/* Frames go to these ports from now on. */
static void set_receivers(struct mp_link *link, const struct receivers *to)
{
	unsigned int i;

	for (i = 0; i < to->nr; i++)
		rcu_assign_pointer(link->receiver[i], to->rx[i]->port);
	/* the ports before how many they are, for mp_link_port() */
	smp_store_release(&link->nr_receivers, to->nr);
	link->rx_mode = to->mode;
}

/*
 * The driver stops, gives back every slot, and starts again with other
 * constructors.  Who has one before and after keeps its layout.
 */
static int replace(struct mp_link *link, const struct mp_nic_ops *nic,
		   struct receivers *to)
{
	struct mp_rx *had[MP_LINK_QUEUES];
	unsigned int nr = link->nr_receivers;
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		struct mp_port *port = rtnl_dereference(link->receiver[i]);

		had[i] = rtnl_dereference(port->rx);
	}
	silence(had, nr);
	for (i = 0; i < to->nr; i++)
		rx_begin(to->rx[i], to, i);
	set_receivers(link, to);
	err = nic->set_rx(link->dev, to->nr ? to->rx : NULL, to->nr);
	if (err) {
		silence(to->rx, to->nr);
		for (i = 0; i < to->nr; i++)
			rx_end(to->rx[i]);
		to->nr = 0;
		to->mode = MP_MODE_COPY;
		set_receivers(link, to);
	}
	for (i = 0; i < nr; i++)
		if (!had[i]->nic)
			rx_end(had[i]);
	link->nic = to->nr ? nic : NULL;
	return err;
}

static void remove_all(struct mp_link *link)
{
	struct receivers none = { .mode = MP_MODE_COPY };

	if (link->nr_receivers && replace(link, link->nic, &none))
		netdev_err(link->dev, "mpassthru: the driver did not come back in its own state\n");
}

static void install(struct mp_link *link, struct receivers *to)
{
	int err = replace(link, to->nic, to);

	if (err)
		netdev_warn(link->dev, "mpassthru: the driver refused the constructor (%d), receiving by copy\n",
			    err);
}

/**
 * mp_receivers_update() - give the NIC's constructors to whom they belong
 * @link: the bound interface
 *
 * Those are, as far as the NIC has queues, the queues that take part and have a
 * backend.  Others only send as long as there is one of these.  Nothing is stopped
 * if nothing changes.  Who has lost its constructor when this returns is written
 * to by no NIC; frames that it received may still be on their way.
 *
 * Context: RTNL.
 */
void mp_receivers_update(struct mp_link *link)
{
	struct receivers to;
	unsigned int i;
	u8 why;

	ASSERT_RTNL();
	choose(link, &to);
	why = why_copy(link, &to);
	for (i = 0; i < link->nr; i++) {
		struct mp_rx *rx = rtnl_dereference(link->queue[i]->rx);

		if (!rx)
			continue;
		rx->dev = link->dev;
		rx->why_copy = why;
	}

	if (!is_so(link, &to)) {
		if (!to.nr || to.mode != link->rx_mode)
			remove_all(link);
		if (to.nr)
			install(link, &to);
	}

	mp_gro_restore(link);
	if (link->nr_receivers && link->rx_mode == MP_MODE_HEADER_SPLIT)
		mp_gro_limit(link);
}
