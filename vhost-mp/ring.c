// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device side of a split virtqueue.
 *
 * The guest may rewrite desc, avail, used and indirect tables at any moment, so
 * each value is fetched once into a local, checked there, and never fetched
 * again.  What was checked is then what is used.
 */
#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/virtio_byteorder.h>
#include <asm/barrier.h>

#include "memtable.h"
#include "ring.h"

/* Descriptors of an indirect table that are fetched at a time, on the stack. */
#define TABLE_WINDOW	16

/* A descriptor as it was at one moment, in host byte order. */
struct entry {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

/* How far the chain that is being taken was followed. */
struct walk {
	struct mp_ring *ring;
	struct mp_chain *chain;
	u16 nr;
	bool writable;
};

static u16 load16(const __virtio16 *p)
{
	return __virtio16_to_cpu(true, READ_ONCE(*p));
}

static void store16(__virtio16 *p, u16 val)
{
	WRITE_ONCE(*p, __cpu_to_virtio16(true, val));
}

static __virtio16 *used_event(const struct mp_ring *ring)
{
	return &ring->avail->ring[ring->num];
}

static __virtio16 *avail_event(const struct mp_ring *ring)
{
	return (__virtio16 *)&ring->used->ring[ring->num];
}

static int broke(struct mp_ring *ring, int err, const char *why)
{
	ring->broken = true;
	ring->error = why;
	return err;
}

size_t mp_ring_desc_size(u16 num)
{
	return num * sizeof(struct vring_desc);
}

size_t mp_ring_avail_size(u16 num)
{
	return sizeof(struct vring_avail) + (num + 1) * sizeof(__virtio16);
}

size_t mp_ring_used_size(u16 num)
{
	return sizeof(struct vring_used) +
	       num * sizeof(struct vring_used_elem) + sizeof(__virtio16);
}

int mp_ring_init(struct mp_ring *ring, u16 num, void *desc, void *avail,
		 void *used, u16 base)
{
	/* A u16: no power of two beyond MP_RING_SIZE_MAX. */
	if (!is_power_of_2(num))
		return -EINVAL;
	if (!IS_ALIGNED((unsigned long)desc, VRING_DESC_ALIGN_SIZE) ||
	    !IS_ALIGNED((unsigned long)avail, VRING_AVAIL_ALIGN_SIZE) ||
	    !IS_ALIGNED((unsigned long)used, VRING_USED_ALIGN_SIZE))
		return -EINVAL;

	ring->num = num;
	ring->desc = desc;
	ring->avail = avail;
	ring->used = used;
	ring->last_avail = base;
	ring->avail_idx = base;
	ring->used_idx = load16(&ring->used->idx);
	ring->published = ring->used_idx;
	ring->signalled_valid = false;
	ring->unasked = false;
	ring->broken = false;
	ring->error = NULL;
	return 0;
}

int mp_ring_avail(struct mp_ring *ring)
{
	u16 idx, nr;

	if (ring->broken)
		return -EINVAL;

	idx = load16(&ring->avail->idx);
	nr = idx - ring->last_avail;
	if (nr > ring->num)
		return broke(ring, -EINVAL, "available index moved too far");

	/*
	 * Entries and descriptors after the index that announces them.  Pairs
	 * with the guest's write barrier before it moves the index.
	 */
	smp_rmb();
	ring->avail_idx = idx;
	return nr;
}

u16 mp_ring_offered(const struct mp_ring *ring)
{
	return load16(&ring->avail->idx) - READ_ONCE(ring->last_avail);
}

/* @desc may be hostile memory or our copy; each field is fetched once. */
static void fetch(struct entry *entry, const struct vring_desc *desc)
{
	entry->addr = __virtio64_to_cpu(true, READ_ONCE(desc->addr));
	entry->len = __virtio32_to_cpu(true, READ_ONCE(desc->len));
	entry->flags = load16(&desc->flags);
	entry->next = load16(&desc->next);
}

static inline int add_extent(struct walk *walk, const struct entry *entry)
{
	struct mp_chain *chain = walk->chain;
	struct mp_extent *extent;
	u32 total;
	u64 end;

	extent = &chain->extent[chain->nr_out + chain->nr_in];
	extent->gpa = entry->addr;
	extent->len = entry->len;

	if (check_add_overflow(entry->addr, (u64)entry->len, &end))
		return broke(walk->ring, -EINVAL, "descriptor address wraps");
	if (check_add_overflow(chain->out_len + chain->in_len, entry->len,
			       &total))
		return broke(walk->ring, -EINVAL, "chain length overflows");

	if (walk->writable) {
		chain->nr_in++;
		chain->in_len += entry->len;
	} else {
		chain->nr_out++;
		chain->out_len += entry->len;
	}
	return 0;
}

static inline int add_entry(struct walk *walk, const struct entry *entry)
{
	bool writable = entry->flags & VRING_DESC_F_WRITE;

	/* A loop never ends, so this finds it as well. */
	if (walk->nr == MP_CHAIN_MAX)
		return broke(walk->ring, -EINVAL, "chain loops or is too long");
	walk->nr++;

	if (walk->writable && !writable)
		return broke(walk->ring, -EINVAL,
			     "writable descriptor before a readable one");
	walk->writable = writable;

	return entry->len ? add_extent(walk, entry) : 0;
}

static int check_table(struct mp_ring *ring, const struct entry *table)
{
	u64 end;

	if (!ring->indirect)
		return broke(ring, -EINVAL,
			     "indirect descriptor without the feature");
	if (table->flags & VRING_DESC_F_NEXT)
		return broke(ring, -EINVAL,
			     "descriptor both indirect and chained");
	if (!table->len || table->len % sizeof(struct vring_desc) ||
	    table->len / sizeof(struct vring_desc) > MP_CHAIN_MAX)
		return broke(ring, -EINVAL, "bad indirect table length");
	if (check_add_overflow(table->addr, (u64)table->len, &end))
		return broke(ring, -EINVAL, "indirect table address wraps");
	return 0;
}

static int fetch_window(struct mp_ring *ring, const struct mp_memtable *mem,
			const struct entry *table, unsigned int first,
			struct vring_desc *window, unsigned int nr)
{
	int err;

	err = mp_memtable_read(mem, table->addr + first * sizeof(*window),
			       window, nr * sizeof(*window));
	if (err == -EFAULT)
		return broke(ring, err, "indirect table outside of memory");
	return err;
}

static int walk_table(struct walk *walk, const struct mp_memtable *mem,
		      const struct entry *table)
{
	unsigned int nr = table->len / sizeof(struct vring_desc);
	struct vring_desc window[TABLE_WINDOW];
	unsigned int i = 0, first = 0, end = 0;
	struct entry entry;
	int err;

	do {
		if (i >= nr)
			return broke(walk->ring, -EINVAL,
				     "indirect index out of range");
		if (i < first || i >= end) {
			first = i;
			end = min_t(unsigned int, nr, i + TABLE_WINDOW);
			err = fetch_window(walk->ring, mem, table, first,
					   window, end - first);
			if (err)
				return err;
		}
		fetch(&entry, &window[i - first]);
		if (entry.flags & VRING_DESC_F_INDIRECT)
			return broke(walk->ring, -EINVAL,
				     "indirect table in an indirect table");
		err = add_entry(walk, &entry);
		if (err)
			return err;
		i = entry.next;
	} while (entry.flags & VRING_DESC_F_NEXT);

	return 0;
}

static int walk_chain(struct walk *walk, const struct mp_memtable *mem)
{
	struct mp_ring *ring = walk->ring;
	u16 i = walk->chain->head;
	struct entry entry;
	int err;

	do {
		if (i >= ring->num)
			return broke(ring, -EINVAL,
				     "descriptor index out of range");
		fetch(&entry, &ring->desc[i]);
		if (entry.flags & VRING_DESC_F_INDIRECT) {
			err = check_table(ring, &entry);
			return err ? err : walk_table(walk, mem, &entry);
		}
		err = add_entry(walk, &entry);
		if (err)
			return err;
		i = entry.next;
	} while (entry.flags & VRING_DESC_F_NEXT);

	return 0;
}

int mp_ring_pop(struct mp_ring *ring, const struct mp_memtable *mem,
		struct mp_chain *chain)
{
	struct walk walk = { .ring = ring, .chain = chain };
	int ret;

	if (ring->broken)
		return -EINVAL;

	/* The index is the guest's hottest cache line: once a batch. */
	if (ring->avail_idx == ring->last_avail) {
		ret = mp_ring_avail(ring);
		if (ret <= 0)
			return ret;
	}

	chain->head = load16(&ring->avail->ring[ring->last_avail &
						(ring->num - 1)]);
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_len = 0;
	chain->in_len = 0;

	ret = walk_chain(&walk, mem);
	if (ret)
		return ret;

	ring->last_avail++;
	return 1;
}

void mp_ring_rewind(struct mp_ring *ring, u16 nr)
{
	ring->last_avail -= nr;
}

void mp_ring_push(struct mp_ring *ring, u16 head, u32 len)
{
	struct vring_used_elem *elem;

	elem = &ring->used->ring[ring->used_idx & (ring->num - 1)];
	WRITE_ONCE(elem->id, __cpu_to_virtio32(true, head));
	WRITE_ONCE(elem->len, __cpu_to_virtio32(true, len));
	ring->used_idx++;
}

bool mp_ring_interrupt(struct mp_ring *ring)
{
	bool valid = ring->signalled_valid;
	u16 old = ring->signalled;

	if (!ring->unasked)
		return false;
	ring->unasked = false;

	/*
	 * Index before the look at what the guest wants.  Pairs with the
	 * guest's barrier between asking for an interrupt and its last look at
	 * the index: one of the two sees the other.
	 */
	smp_mb();
	if (!ring->event_idx)
		return !(load16(&ring->avail->flags) &
			 VRING_AVAIL_F_NO_INTERRUPT);

	ring->signalled = ring->published;
	ring->signalled_valid = true;
	if (!valid)
		return true;
	return vring_need_event(load16(used_event(ring)), ring->published, old);
}

bool mp_ring_expose(struct mp_ring *ring)
{
	if (ring->published == ring->used_idx)
		return false;

	/* Entries, and what was written to their buffers, before the index. */
	smp_wmb();
	store16(&ring->used->idx, ring->used_idx);
	ring->published = ring->used_idx;
	ring->unasked = true;
	return true;
}

bool mp_ring_publish(struct mp_ring *ring)
{
	return mp_ring_expose(ring) && mp_ring_interrupt(ring);
}

void mp_ring_quiet(struct mp_ring *ring)
{
	/* With event index the last wish, once passed, stays in the past. */
	if (!ring->event_idx)
		store16(&ring->used->flags, VRING_USED_F_NO_NOTIFY);
}

bool mp_ring_listen_after(struct mp_ring *ring, u16 nr)
{
	if (ring->broken)
		return false;

	if (ring->event_idx)
		store16(avail_event(ring), ring->last_avail + nr - 1);
	else
		store16(&ring->used->flags, 0);

	/*
	 * The wish before the last look.  Pairs with the guest's barrier
	 * between moving its index and looking whether to kick.
	 */
	smp_mb();

	/*
	 * Without event index every entry comes with a kick.  A wild index is
	 * something to look at, too: popping refuses it.
	 */
	if (!ring->event_idx)
		nr = 1;
	return (u16)(load16(&ring->avail->idx) - ring->last_avail) >= nr;
}
