// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers in frames that are somewhere in the stack: found again by address, and
 * got back in any case.
 */
#include "rx.h"

DECLARE_WAIT_QUEUE_HEAD(mp_rx_epoch_done);

static struct mp_epoch *epoch_now(struct mp_rx *rx)
{
	struct mp_epoch *epoch = &rx->epoch[rx->current_epoch];
	unsigned int next = (rx->current_epoch + 1) % MP_RX_EPOCHS;

	lockdep_assert_held(&rx->lock);
	if (epoch->skbs >= MP_RX_EPOCH_SKBS && next != rx->oldest) {
		rx->current_epoch = next;
		epoch = &rx->epoch[next];
	}
	return epoch;
}

/* Posts what lies in epochs whose frames are all gone.  rx->lock. */
void mp_rx_epochs_reap(struct mp_rx *rx)
{
	struct mp_rx_buf *buf;
	struct hlist_node *next;
	struct mp_epoch *epoch;

	lockdep_assert_held(&rx->lock);
	for (;;) {
		epoch = &rx->epoch[rx->oldest];
		if (atomic_read(&epoch->live))
			return;
		hlist_for_each_entry_safe(buf, next, &epoch->bufs, node) {
			mp_rx_claim(rx, buf);
			mp_rx_buf_recycle(rx, buf);
		}
		epoch->skbs = 0;
		if (rx->oldest == rx->current_epoch)
			return;
		rx->oldest = (rx->oldest + 1) % MP_RX_EPOCHS;
	}
}

void mp_rx_epoch_put(struct mp_epoch *epoch)
{
	struct mp_rx *rx = epoch->rx;

	/* mp_rx_stop() frees rx a grace period after the last frame is gone. */
	rcu_read_lock_bh();
	if (atomic_dec_and_test(&epoch->live)) {
		spin_lock(&rx->lock);
		mp_rx_epochs_reap(rx);
		spin_unlock(&rx->lock);
		wake_up(&mp_rx_epoch_done);
	}
	rcu_read_unlock_bh();
}

/* skb destructor: the frame is freed, or the stack gave up our mark on it. */
static void skb_done(struct sk_buff *skb)
{
	mp_rx_epoch_put(skb_shinfo(skb)->destructor_arg);
}

static void epoch_add(struct mp_epoch *epoch, struct sk_buff *skb)
{
	WARN_ON_ONCE(skb->destructor);
	atomic_inc(&epoch->live);
	skb_shinfo(skb)->destructor_arg = epoch;
	skb->destructor = skb_done;
}

/* Counts a frame in an epoch, once.  rx->lock. */
struct mp_epoch *mp_rx_skb_mark(struct mp_rx *rx, struct sk_buff *skb)
{
	struct mp_epoch *epoch;

	if (skb->destructor == skb_done)
		return skb_shinfo(skb)->destructor_arg;

	epoch = epoch_now(rx);
	epoch_add(epoch, skb);
	epoch->skbs++;
	skb->slow_gro = 1;	/* GRO calls the destructor before it reuses */
	return epoch;
}

/*
 * A segment cut from @skb has the same guest memory, so it counts in @skb's epoch,
 * too.  Epochs after that one wait for it anyway.  What was a list of frames is
 * only taken apart: the first of them is @skb.  Any context up to softirq.
 */
void mp_rx_skb_inherit(struct sk_buff *seg, const struct sk_buff *skb)
{
	if (seg != skb && skb->destructor == skb_done)
		epoch_add(skb_shinfo(skb)->destructor_arg, seg);
}

/* Moves a buffer into a frame, @len bytes of it from @start on.  rx->lock. */
void mp_rx_skb_add(struct mp_rx *rx, struct mp_epoch *epoch,
		   struct sk_buff *skb, struct mp_rx_buf *buf, u32 start,
		   u32 len)
{
	u32 offset = buf->offset + start;

	buf->key = page_to_phys(buf->page) + offset;
	buf->prefix += start;
	hash_add(rx->bufs, &buf->hash, buf->key);
	hlist_add_head(&buf->node, &epoch->bufs);
	if (buf->req) {
		buf->req->state = MP_REQ_STACK;
		rx->nr_stack++;
		get_page(buf->page);
	}			/* else the page's reference moves to the frame */
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, buf->page, offset, len,
			buf->len);
}

/* The buffer whose frame begins at @key, or NULL.  rx->lock. */
struct mp_rx_buf *mp_rx_find(struct mp_rx *rx, phys_addr_t key)
{
	struct mp_rx_buf *buf;

	lockdep_assert_held(&rx->lock);
	hash_for_each_possible(rx->bufs, buf, hash, key)
		if (buf->key == key)
			return buf;
	return NULL;
}

/* Takes a buffer out of its frame's books.  rx->lock. */
void mp_rx_claim(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	lockdep_assert_held(&rx->lock);
	hash_del(&buf->hash);
	hlist_del(&buf->node);
	rx->nr_stack -= !!buf->req;
}

/* Undoes a claim.  The frame is alive, so any epoch that has it will do. */
void mp_rx_unclaim(struct mp_rx *rx, struct mp_rx_buf *buf)
{
	lockdep_assert_held(&rx->lock);
	hash_add(rx->bufs, &buf->hash, buf->key);
	hlist_add_head(&buf->node, &rx->epoch[rx->current_epoch].bufs);
	rx->nr_stack += !!buf->req;
}

/* Whether no frame is alive. */
bool mp_rx_epochs_idle(struct mp_rx *rx)
{
	unsigned int i;

	for (i = 0; i < MP_RX_EPOCHS; i++)
		if (atomic_read(&rx->epoch[i].live))
			return false;
	return true;
}
