// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card's side of descriptors: it takes them in order, does DMA, and writes
 * them back, at once or, if there are faults, late and in any order.
 *
 * All but sn_desc_ready() is called under the lock of the engine that uses the
 * ring: a card's own for receive, its peer's for transmit.
 */
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/jhash.h>
#include <linux/slab.h>

#include "softnic.h"

/**
 * struct sn_pending - a descriptor that is completed later
 * @node: in sn_faults.pending, by @due
 * @due: when
 * @held: not before sn_faults.hold is 0
 * @stray: the ring that it belongs to is gone
 * @queue: the queue that it is of (receive)
 * @index: the descriptor
 * @addr: the buffer behind the headers, if they are split (receive)
 * @room: its bytes
 * @status: what it is going to say
 * @hash: of what was read (transmit)
 * @len: bytes of frame
 * @frame: what is to be written (receive)
 */
struct sn_pending {
	struct list_head node;
	ktime_t due;
	bool held;
	bool stray;
	struct sn_queue *queue;
	u32 index;
	dma_addr_t addr;
	u32 room;
	u32 status;
	u32 hash;
	u32 len;
	u8 frame[];
};

/*
 * What a bus address leads to.  No IOMMU is in between, but a kernel with
 * CONFIG_DMA_API_DEBUG complains about a sync of what the driver has not mapped.
 */
static void *reach(const struct sn_nic *nic, dma_addr_t addr, u32 len,
		   enum dma_data_direction dir)
{
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG) && len)
		dma_sync_single_for_device(nic->device, addr, len, dir);
	return phys_to_virt(dma_to_phys(nic->device, addr));
}

/* Whether bus addresses are physical ones, and what they lead to is mapped. */
bool sn_desc_dma_works(struct device *device)
{
	void *memory = kmalloc(SN_HEADER_ROOM, GFP_KERNEL);
	dma_addr_t dma;
	bool works;

	if (!memory)
		return false;
	dma = dma_map_single(device, memory, SN_HEADER_ROOM, DMA_FROM_DEVICE);
	works = !dma_mapping_error(device, dma) &&
		dma_to_phys(device, dma) == virt_to_phys(memory);
	if (!dma_mapping_error(device, dma))
		dma_unmap_single(device, dma, SN_HEADER_ROOM, DMA_FROM_DEVICE);
	kfree(memory);
	return works;
}

static void bump(u64 *counter)
{
	WRITE_ONCE(*counter, *counter + 1);
}

/* Any context; the answer may be outdated at once. */
bool sn_desc_ready(const struct sn_rx_regs *rx)
{
	return READ_ONCE(rx->enabled) &&
	       READ_ONCE(rx->tail) != READ_ONCE(rx->head);
}

static struct sn_pending *defer(struct sn_faults *faults, ktime_t due, bool held,
				u32 index, u32 status, u32 len, u32 room)
{
	struct sn_pending *pending, *at;

	pending = kmalloc(struct_size(pending, frame, room), GFP_KERNEL);
	if (!pending)
		return NULL;
	pending->due = due;
	pending->held = held;
	pending->stray = false;
	pending->index = index;
	pending->status = status;
	pending->len = len;

	list_for_each_entry_reverse(at, &faults->pending, node)
		if (ktime_compare(at->due, due) <= 0)
			break;
	list_add(&pending->node, &at->node);
	return pending;
}

/* Counts a completion, and whether it overtook another. */
static void completed(u32 *last, u32 index, u64 *reordered)
{
	if ((s32)(index - *last) < 0)
		bump(reordered);
	else
		*last = index;
}

/* Receive. */

/* How much of a frame goes to the first buffer. */
static u32 header_len(const struct sn_rx_regs *rx, const u8 *frame, u32 len)
{
	struct sn_layers layers;

	if (!rx->split || len <= rx->small)
		return len;
	if (sn_frame_parse(frame, len, &layers) && layers.payload <= rx->room[0])
		return layers.payload;
	return min(len, rx->room[0]);
}

/* The DMA.  Returns the bytes behind the first buffer. */
static u32 write_frame(const struct sn_queue *queue,
		       const struct sn_rx_desc *desc, const u8 *frame, u32 len,
		       u32 header)
{
	const struct sn_rx_regs *rx = &queue->regs;
	const struct sn_nic *nic = queue->nic;
	u32 at = header;
	unsigned int i;

	memcpy(reach(nic, desc->addr[0], header, DMA_FROM_DEVICE), frame, header);
	for (i = 1; at < len && i < ARRAY_SIZE(rx->room); i++) {
		u32 n = min(len - at, rx->room[i]);

		memcpy(reach(nic, desc->addr[i], n, DMA_FROM_DEVICE),
		       frame + at, n);
		at += n;
	}
	return at - header;
}

static void write_back(struct sn_queue *queue, u32 index, const u8 *frame,
		       u32 len, u32 status)
{
	struct sn_counters *counters = &queue->nic->counters;
	struct sn_rx_regs *rx = &queue->regs;
	struct sn_rx_desc *desc = &rx->desc[index & rx->mask];
	u32 header = header_len(rx, frame, len);

	desc->payload = write_frame(queue, desc, frame, len, header);
	desc->len = header;
	if (desc->payload)
		status |= SN_SPLIT;
	completed(&rx->last, index, &counters->rx_reordered);
	rx->cause = true;
	if (!(status & SN_ERROR))
		bump(&counters->written);
	dma_wmb();	/* all else before the status */
	WRITE_ONCE(desc->status, status | SN_DONE);
}

static bool is_for(const struct sn_nic *nic, const u8 *frame)
{
	return READ_ONCE(nic->promisc) || is_multicast_ether_addr(frame) ||
	       ether_addr_equal_unaligned(frame, nic->dev->dev_addr);
}

static bool fits(const struct sn_rx_regs *rx, const u8 *frame, u32 len)
{
	u32 header = header_len(rx, frame, len);
	u32 room = 0;
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(rx->room); i++)
		room += rx->room[i];
	return header <= rx->room[0] && len - header <= room;
}

/* Takes a descriptor for a frame and completes it, now or later. */
static void take(struct sn_queue *queue, u8 *frame, u32 len, bool csum_ok)
{
	struct sn_faults *faults = &queue->nic->rx_faults;
	struct sn_rx_regs *rx = &queue->regs;
	u32 status = csum_ok ? SN_CSUM_OK : 0;
	struct sn_pending *pending;
	u32 index = rx->head;
	ktime_t due;
	bool held;

	/* after reads of what the driver wrote before tail */
	smp_store_release(&rx->head, index + 1);
	if (sn_fault_due(READ_ONCE(faults->error), &faults->nr_error)) {
		bump(&queue->nic->counters.rx_errors);
		status |= SN_ERROR;
	}

	if (sn_fault_defer(faults, &due, &held)) {
		pending = defer(faults, due, held, index, status, len, len);
		if (pending) {
			pending->queue = queue;
			pending->addr = rx->desc[index & rx->mask].addr[rx->split];
			pending->room = rx->room[rx->split];
			memcpy(pending->frame, frame, len);
			return;
		}
	}
	write_back(queue, index, frame, len, status);
}

/*
 * The queue that a frame is for: a TCP or UDP flow's ports tell, so that whoever
 * tests knows, too.  The rest is the first one's.
 */
struct sn_queue *sn_desc_queue(struct sn_nic *nic, const u8 *frame, u32 len)
{
	struct sn_layers layers;
	__be16 port[2];

	if (nic->spread < 2 || !sn_frame_parse(frame, len, &layers))
		return &nic->queue[0];
	memcpy(port, frame + layers.transport, sizeof(port));
	return &nic->queue[(ntohs(port[0]) + ntohs(port[1])) % nic->spread];
}

/* As above, unless it goes astray. */
static struct sn_queue *find_queue(struct sn_nic *nic, const u8 *frame, u32 len)
{
	struct sn_queue *queue = sn_desc_queue(nic, frame, len);
	struct sn_faults *faults = &nic->rx_faults;

	if (!sn_fault_due(READ_ONCE(faults->astray), &faults->nr_astray))
		return queue;
	bump(&nic->counters.astray);
	return &nic->queue[(queue->index + 1) % nic->nr_queues];
}

/* A frame comes over the wire. */
void sn_desc_receive(struct sn_nic *nic, u8 *frame, u32 len, bool csum_ok)
{
	struct sn_faults *faults = &nic->rx_faults;
	struct sn_queue *queue;
	struct sn_rx_regs *rx;
	bool corrupt;

	if (!is_for(nic, frame)) {
		bump(&nic->counters.filtered);
		return;
	}
	if (sn_fault_due(READ_ONCE(faults->drop), &faults->nr_drop)) {
		bump(&nic->counters.dropped);
		return;
	}
	queue = find_queue(nic, frame, len);
	rx = &queue->regs;
	/* pairs with the driver's release of what it armed */
	if (!rx->enabled || smp_load_acquire(&rx->tail) == rx->head) {
		bump(&nic->counters.no_descriptor);
		return;
	}
	if (!fits(rx, frame, len)) {
		bump(&nic->counters.too_long);
		return;
	}

	corrupt = sn_fault_due(READ_ONCE(faults->corrupt), &faults->nr_corrupt);
	if (corrupt) {
		bump(&nic->counters.corrupted);
		frame[len - 1] ^= 0x55;
	}
	take(queue, frame, len, csum_ok || corrupt);
	if (corrupt)
		frame[len - 1] ^= 0x55;
}

static void late_receive(struct sn_nic *nic, struct sn_pending *pending)
{
	u32 len = min(pending->len, pending->room);

	if (!pending->stray) {
		bump(&nic->counters.rx_late);
		write_back(pending->queue, pending->index, pending->frame,
			   pending->len, pending->status);
		return;
	}
	bump(&nic->counters.rx_stray);
	memcpy(reach(nic, pending->addr, len, DMA_FROM_DEVICE), pending->frame, len);
}

/* A queue stops: what was not written by now never will be. */
void sn_desc_rx_abandon(struct sn_queue *queue)
{
	struct sn_faults *faults = &queue->nic->rx_faults;
	struct sn_pending *pending, *next;

	list_for_each_entry_safe(pending, next, &faults->pending, node) {
		if (pending->stray || pending->queue != queue)
			continue;
		bump(&queue->nic->counters.rx_abandoned);
		if (READ_ONCE(faults->stray)) {
			pending->stray = true;
			continue;
		}
		list_del(&pending->node);
		kfree(pending);
	}
}

/* Transmit. */

/* Reads a packet, which is all there.  Returns its length. */
static u32 read_packet(const struct sn_nic *nic, u32 *index, u8 *to)
{
	const struct sn_tx_regs *tx = &nic->tx_regs;
	const struct sn_tx_desc *desc;
	u32 len = 0;

	do {
		desc = &tx->desc[(*index)++ & tx->mask];
		memcpy(to + len, reach(nic, desc->addr, desc->len, DMA_TO_DEVICE),
		       desc->len);
		len += desc->len;
	} while (!(desc->flags & SN_TX_EOP));
	return len;
}

/*
 * Takes the next packet from a transmit ring.  Its length, or 0 if there is
 * none; @first is its first descriptor then.
 */
u32 sn_desc_fetch(struct sn_nic *nic, u8 *to, struct sn_tx_desc *first)
{
	struct sn_tx_regs *tx = &nic->tx_regs;
	u32 index = tx->head;
	u32 len;

	/* pairs with the driver's release of what it filled in */
	if (!tx->enabled || smp_load_acquire(&tx->tail) == index)
		return 0;
	*first = tx->desc[index & tx->mask];
	len = read_packet(nic, &index, to);
	/* after all reads of what the driver wrote before tail */
	smp_store_release(&tx->head, index);
	bump(&nic->counters.tx_packets);
	return len;
}

static void write_back_sent(struct sn_nic *nic, u32 index, u32 status)
{
	struct sn_tx_regs *tx = &nic->tx_regs;

	completed(&tx->last, index, &nic->counters.tx_reordered);
	tx->cause = true;
	/* all reads of the packet before it is the driver's again */
	smp_store_release(&tx->desc[index & tx->mask].status, status | SN_DONE);
}

/* A packet that was fetched from descriptor @index on is on the wire, or lost. */
void sn_desc_sent(struct sn_nic *nic, u32 index, u32 len, u32 status)
{
	struct sn_faults *faults = &nic->tx_faults;
	struct sn_pending *pending;
	ktime_t due;
	bool held;

	if (sn_fault_defer(faults, &due, &held)) {
		pending = defer(faults, due, held, index, status, len, 0);
		if (pending) {
			pending->hash = jhash(nic->peer->engine.packet, len, 0);
			return;
		}
	}
	write_back_sent(nic, index, status);
}

/* Up to here the packet was the card's, so it must be what it was. */
static void late_sent(struct sn_nic *nic, struct sn_pending *pending)
{
	u8 *packet = nic->peer->engine.packet;
	u32 index = pending->index;
	u32 len = read_packet(nic, &index, packet);

	if (len != pending->len || jhash(packet, len, 0) != pending->hash)
		bump(&nic->counters.tx_changed);
	bump(&nic->counters.tx_late);
	write_back_sent(nic, pending->index, pending->status);
}

/* Transmit stops: what was not completed by now never will be. */
void sn_desc_tx_abandon(struct sn_nic *nic)
{
	struct sn_faults *faults = &nic->tx_faults;
	struct sn_pending *pending, *next;

	list_for_each_entry_safe(pending, next, &faults->pending, node) {
		bump(&nic->counters.tx_abandoned);
		list_del(&pending->node);
		kfree(pending);
	}
}

/* Both. */

/* A card is taken apart; its rings are gone. */
void sn_desc_forget(struct sn_faults *faults)
{
	struct sn_pending *pending, *next;

	list_for_each_entry_safe(pending, next, &faults->pending, node) {
		list_del(&pending->node);
		kfree(pending);
	}
}

static bool late(struct sn_nic *nic, struct sn_faults *faults, ktime_t now,
		 ktime_t *next_due,
		 void (*complete)(struct sn_nic *nic, struct sn_pending *pending))
{
	bool hold = READ_ONCE(faults->hold);
	struct sn_pending *pending, *next;
	bool did = false;

	list_for_each_entry_safe(pending, next, &faults->pending, node) {
		if (ktime_after(pending->due, now)) {
			*next_due = min(*next_due, pending->due);
			break;
		}
		/* nobody tells us when it is let go */
		if (pending->held && hold) {
			*next_due = min(*next_due,
					ktime_add_ns(now, NSEC_PER_MSEC));
			continue;
		}
		complete(nic, pending);
		list_del(&pending->node);
		kfree(pending);
		did = true;
	}
	return did;
}

/*
 * Completes what is due towards a card, and at the other end.  @next moves
 * forward to when there is more to do.
 */
bool sn_desc_late(struct sn_nic *nic, ktime_t now, ktime_t *next)
{
	bool rx = late(nic, &nic->rx_faults, now, next, late_receive);
	bool tx = late(nic->peer, &nic->peer->tx_faults, now, next, late_sent);

	return rx || tx;
}
