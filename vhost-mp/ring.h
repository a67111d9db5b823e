/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One split virtqueue as the device sees it, on kernel-mapped memory.  Compiles
 * unmodified in user space.
 */
#ifndef _VHOST_MP_RING_H
#define _VHOST_MP_RING_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/virtio_ring.h>

struct mp_memtable;

#define MP_RING_SIZE_MAX	32768
#define MP_CHAIN_MAX		1024	/* descriptors in a chain, indirect included */

/**
 * struct mp_ring - device side of a split virtqueue
 * @num: entries, a power of two up to %MP_RING_SIZE_MAX
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was negotiated
 * @broken: the guest broke the ring; only a reset helps
 * @desc: descriptor table, guest-writable at any time
 * @avail: what the guest offers, likewise
 * @used: what the device gives back
 * @last_avail: next entry of @avail to take
 * @avail_idx: @avail's index when it was last looked at
 * @used_idx: next entry of @used to fill; what the guest sees follows at
 *	mp_ring_publish()
 * @published: the used index that the guest sees
 * @signalled: the used index when the guest's wish for an interrupt was last
 *	looked at (with @event_idx)
 * @signalled_valid: @signalled means something
 * @unasked: @published moved since the guest's wish was last looked at
 * @error: why @broken, a constant string for a log line
 *
 * All memory behind the pointers is hostile: every value is read once and
 * checked before use.  Little endian only (VIRTIO 1.x, and legacy guests on
 * little-endian hosts).
 *
 * A ring has two halves that may be at work at the same time, under a lock each:
 * taking (avail, pop, rewind, quiet, listen: @last_avail, @avail_idx, @broken,
 * @error) and giving back (push, publish: the rest).  Init excludes both.
 */
struct mp_ring {
	u16 num;
	bool event_idx;
	bool indirect;
	bool broken;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 last_avail;
	u16 avail_idx;
	u16 used_idx;
	u16 published;
	u16 signalled;
	bool signalled_valid;
	bool unasked;
	const char *error;
};

/**
 * struct mp_extent - one descriptor's memory
 * @gpa: guest physical address
 * @len: bytes, not zero; @gpa + @len does not wrap
 */
struct mp_extent {
	u64 gpa;
	u32 len;
};

/**
 * struct mp_chain - a descriptor chain taken from a ring
 * @head: its id, for mp_ring_push()
 * @nr_out: leading entries of @extent that the device reads
 * @nr_in: following entries that the device writes
 * @out_len: bytes of the former
 * @in_len: bytes of the latter
 * @extent: room for %MP_CHAIN_MAX; empty descriptors are left out
 */
struct mp_chain {
	u16 head;
	u16 nr_out;
	u16 nr_in;
	u32 out_len;
	u32 in_len;
	struct mp_extent extent[MP_CHAIN_MAX];
};

/* Bytes of each part, event index fields included. */
size_t mp_ring_desc_size(u16 num);
size_t mp_ring_avail_size(u16 num);
size_t mp_ring_used_size(u16 num);

/*
 * Sets @num, @desc, @avail, @used and the position @base (next available entry;
 * used entries continue from what the used ring's index says), and forgets that
 * the ring was broken.  @event_idx and @indirect are the caller's to set.
 * -EINVAL for a @num that is no power of two or out of range, or a part that is
 * not aligned as virtio asks (16, 2 and 4 bytes).
 */
int mp_ring_init(struct mp_ring *ring, u16 num, void *desc, void *avail,
		 void *used, u16 base);

/* Entries that the guest offers now, or -EINVAL (ring broken by a wild index). */
int mp_ring_avail(struct mp_ring *ring);

/*
 * Takes the next chain.  1 taken, 0 nothing offered, -EINVAL the guest broke the
 * rules (index out of range, loop, writable before readable, bad indirect
 * table, chain too long, length overflow): the ring is @broken with @error set.
 * -EFAULT: the indirect table lies outside of guest memory (ring broken too).
 * Any other error is mp_memtable_read()'s: nothing taken, nothing broken.
 *
 * Only a taken chain's content means anything.  Nothing keeps a guest from
 * offering a chain that is in flight already: the caller, who knows its heads,
 * has to look.  Extents are not looked up in @mem.
 */
int mp_ring_pop(struct mp_ring *ring, const struct mp_memtable *mem,
		struct mp_chain *chain);

/*
 * Gives the last @nr taken chains back untaken; they will be popped again.  None
 * of them may have been pushed.
 */
void mp_ring_rewind(struct mp_ring *ring, u16 nr);

/* Fills the next used entry; the guest sees it at mp_ring_publish(). */
void mp_ring_push(struct mp_ring *ring, u16 head, u32 len);

/* Makes all pushed entries visible.  False if there are none. */
bool mp_ring_expose(struct mp_ring *ring);

/*
 * Whether the guest wants an interrupt for what became visible since this was
 * last asked.  The later it is asked, the better the chance that the guest has
 * found the entries by itself.
 */
bool mp_ring_interrupt(struct mp_ring *ring);

/* Both at once. */
bool mp_ring_publish(struct mp_ring *ring);

/* Asks the guest not to kick. */
void mp_ring_quiet(struct mp_ring *ring);

/*
 * Asks the guest to kick as soon as it has offered @nr more entries, 1 to num.
 * True if it did so meanwhile: the caller has to look again, no kick will come
 * for that.  A guest without event index kicks for every entry.
 */
bool mp_ring_listen_after(struct mp_ring *ring, u16 nr);

/*
 * Chains that were taken and not pushed yet.  A hint to whoever does not hold
 * both halves' locks.
 */
static inline u16 mp_ring_out(const struct mp_ring *ring)
{
	return READ_ONCE(ring->last_avail) - READ_ONCE(ring->used_idx);
}

/* Chains that the guest offers and that were not taken; likewise a hint. */
u16 mp_ring_offered(const struct mp_ring *ring);

/* Asks the guest to kick for what it offers next, else as above. */
static inline bool mp_ring_listen(struct mp_ring *ring)
{
	return mp_ring_listen_after(ring, 1);
}

#endif /* _VHOST_MP_RING_H */
