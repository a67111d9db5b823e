// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card.  Memory is written by address and without a look at who owns it: what
 * was freed too early, or is too short, is ASan's to find.
 */
#include "unit.h"

#include "ixgbe_card.h"

#define REGISTERS	(0x10000 / 4)
#define QUEUE_WRITES	512
#define FRAME_MAX	16384
#define STAMP		8
#define LATE_US		90

/* A piece of a frame that has a descriptor and is on its way to memory: headers first */
struct dma {
	union ixgbe_adv_rx_desc *desc;
	union ixgbe_adv_rx_desc back;
	u64 addr;
	u64 header_addr;
	u8 *data;
	unsigned int len;
	unsigned int header;
};

/**
 * struct queue - a receive queue of the card
 * @desc, @count: the ring
 * @cache: descriptors as they were when the tail went past them
 * @write: first to last, @nr of them
 * @disabling: ENABLE was cleared and reads as set
 * @late: the last write, which comes up to LATE_US after ENABLE reads as cleared
 */
struct queue {
	union ixgbe_adv_rx_desc *desc;
	unsigned int count;
	union ixgbe_adv_rx_desc *cache;
	struct dma write[QUEUE_WRITES];
	unsigned int nr;
	bool disabling;
	bool late;
	unsigned long late_at;
};

struct card card;
static u32 reg[REGISTERS];
static struct queue queues[MAX_RX_QUEUES];
static unsigned int reta_entries;
static unsigned long now;

static u32 *at(u32 offset)
{
	assert_true(offset % 4 == 0 && offset / 4 < REGISTERS);
	return &reg[offset / 4];
}

static void write_one(unsigned int i)
{
	struct queue *queue = &queues[i];
	struct dma *dma = &queue->write[0];

	if (dma->header)
		memcpy((void *)(uintptr_t)dma->header_addr, dma->data, dma->header);
	memcpy((void *)(uintptr_t)dma->addr, dma->data + dma->header,
	       dma->len - dma->header);
	*dma->desc = dma->back;
	card.irq[i] = true;
	free(dma->data);
	memmove(dma, dma + 1, --queue->nr * sizeof(*dma));
}

static void forget(struct queue *queue)
{
	while (queue->nr)
		free(queue->write[--queue->nr].data);
	queue->disabling = false;
	queue->late = false;
}

/* All that is under way, whatever was said */
void card_run(void)
{
	unsigned int i;

	for (i = 0; i < MAX_RX_QUEUES; i++) {
		while (queues[i].nr)
			write_one(i);
		queues[i].late = false;
	}
}

void usleep_range(unsigned long min, unsigned long max)
{
	unsigned int i;

	(void)max;
	now += min;
	for (i = 0; i < MAX_RX_QUEUES; i++)
		if (queues[i].late && now >= queues[i].late_at) {
			write_one(i);
			queues[i].late = false;
		}
}

/* Outstanding reads and writes are waited for, then all is as at power on. */
void card_reset(void)
{
	unsigned int i;

	for (i = 0; i < MAX_RX_QUEUES; i++)
		forget(&queues[i]);
	memset(reg, 0, sizeof(reg));
	card.resets++;
}

void card_power_on(unsigned int entries)
{
	unsigned int i;

	card_reset();
	for (i = 0; i < MAX_RX_QUEUES; i++)
		free(queues[i].cache);
	memset(queues, 0, sizeof(queues));
	memset(&card, 0, sizeof(card));
	reta_entries = entries;
}

/* Each look at a queue that was disabled finds one write less under way. */
static u32 read_rxdctl(unsigned int i)
{
	struct queue *queue = &queues[i];
	u32 *rxdctl = at(IXGBE_RXDCTL(i));

	if (!queue->disabling || card.stuck)
		return *rxdctl;
	if (queue->nr > 1) {
		write_one(i);
		return *rxdctl;
	}
	queue->disabling = false;
	queue->late = queue->nr;
	queue->late_at = now + LATE_US;
	return *rxdctl &= ~IXGBE_RXDCTL_ENABLE;
}

static void write_rxdctl(unsigned int i, u32 value)
{
	struct queue *queue = &queues[i];
	u32 *rxdctl = at(IXGBE_RXDCTL(i));

	if (!(value & IXGBE_RXDCTL_ENABLE) && (*rxdctl & IXGBE_RXDCTL_ENABLE)) {
		queue->disabling = true;
		value |= IXGBE_RXDCTL_ENABLE;
	}
	*rxdctl = value;
}

/* What the tail goes past is read now and not again. */
static void write_rdt(unsigned int i, u32 value)
{
	struct queue *queue = &queues[i];
	u32 *rdt = at(IXGBE_RDT(i));

	card.tails++;
	assert_true(*at(IXGBE_RXDCTL(i)) & IXGBE_RXDCTL_ENABLE);
	assert_true(value < queue->count);
	for (; *rdt != value; *rdt = (*rdt + 1) % queue->count)
		queue->cache[*rdt] = queue->desc[*rdt];
}

static bool register_of_queue(u32 offset, u32 base, unsigned int *i)
{
	*i = (offset - base) / 0x40;
	return offset >= base && (offset - base) % 0x40 == 0 &&
	       *i < MAX_RX_QUEUES;
}

u32 card_read(u32 offset)
{
	unsigned int i;

	if (register_of_queue(offset, IXGBE_RXDCTL(0), &i))
		return read_rxdctl(i);
	return *at(offset);
}

void card_write(u32 offset, u32 value)
{
	unsigned int i;

	if (register_of_queue(offset, IXGBE_RXDCTL(0), &i))
		write_rxdctl(i, value);
	else if (register_of_queue(offset, IXGBE_RDT(0), &i))
		write_rdt(i, value);
	else
		*at(offset) = value;
}

u8 *card_address(u32 offset)
{
	return (u8 *)at(offset);
}

void writel(u32 value, void *addr)
{
	card_write((u8 *)addr - (u8 *)reg, value);
}

/* While the queue is off: RDBA, RDLEN, RDH and RDT */
void card_ring(unsigned int i, union ixgbe_adv_rx_desc *desc,
	       unsigned int count)
{
	assert_false(*at(IXGBE_RXDCTL(i)) & IXGBE_RXDCTL_ENABLE);
	free(queues[i].cache);
	queues[i].cache = calloc(count, sizeof(*desc));
	queues[i].desc = desc;
	queues[i].count = count;
	*at(IXGBE_RDH(i)) = 0;
	*at(IXGBE_RDT(i)) = 0;
}

static bool tagged(const struct card_frame *frame)
{
	const u8 *data = frame->data;

	return data[12] == 0x81 && data[13] == 0x00;
}

/* MFS counts the FCS but not a tag. */
static bool fits(const struct card_frame *frame)
{
	u32 mfs = *at(IXGBE_MHADD) >> IXGBE_MHADD_MFS_SHIFT;

	return frame->len + ETH_FCS_LEN <= mfs + (tagged(frame) ? 4 : 0);
}

static unsigned int queue_of(const struct card_frame *frame)
{
	unsigned int i = frame->hash % reta_entries;
	u32 four;

	if (frame->queue)
		return frame->queue - 1;
	four = *at(i < 128 ? IXGBE_RETA(i / 4) : IXGBE_ERETA(i / 4 - 32));
	return four >> 8 * (i % 4) & 0xff;
}

static unsigned int descriptors(unsigned int i)
{
	unsigned int rdh = *at(IXGBE_RDH(i));
	unsigned int rdt = *at(IXGBE_RDT(i));

	return (rdt < rdh ? queues[i].count : 0) + rdt - rdh;
}

/* How much of a frame the header buffer takes, and what is said of it */
static unsigned int split(unsigned int i, struct card_frame *frame, u16 *info)
{
	u32 srrctl = *at(IXGBE_SRRCTL(i));
	unsigned int size = ((srrctl & IXGBE_SRRCTL_BSIZEHDR_MASK) >> 8) * 64;
	unsigned int told = min(frame->header, frame->len);

	*info = 0;
	if ((srrctl & IXGBE_SRRCTL_DESCTYPE_MASK) !=
	    IXGBE_SRRCTL_DESCTYPE_HDR_SPLIT_ALWAYS)
		return 0;
	assert_true(size);
	if (told)
		*info = IXGBE_RXDADV_SPH;
	if (told > size)
		frame->staterr |= IXGBE_RXDADV_ERR_HBO;
	if (!told)
		told = min_t(unsigned int, frame->len, size);
	*info |= told << IXGBE_RXDADV_HDRBUFLEN_SHIFT;
	return min_t(unsigned int, told, size);
}

/*
 * The next descriptor takes @len bytes of @data, @header of them into its header
 * buffer; the last one has all that is said.
 */
static struct dma *take(unsigned int i, const struct card_frame *frame,
			const u8 *data, unsigned int len, unsigned int header,
			bool last)
{
	struct queue *queue = &queues[i];
	u32 *rdh = at(IXGBE_RDH(i));
	struct dma *dma = &queue->write[queue->nr++];

	assert_true(queue->nr < QUEUE_WRITES);
	memset(dma, 0, sizeof(*dma));
	dma->desc = &queue->desc[*rdh];
	dma->addr = le64_to_cpu(queue->cache[*rdh].read.pkt_addr);
	dma->header_addr = le64_to_cpu(queue->cache[*rdh].read.hdr_addr);
	dma->header = header;
	dma->len = len;
	dma->data = malloc(len);
	memcpy(dma->data, data, len);
	dma->back.wb.lower.lo_dword.hs_rss.pkt_info = cpu_to_le16(frame->info);
	dma->back.wb.lower.hi_dword.rss = cpu_to_le32(frame->hash);
	dma->back.wb.upper.length = cpu_to_le16(len - header);
	dma->back.wb.upper.status_error =
		cpu_to_le32(IXGBE_RXD_STAT_DD |
			    (last ? IXGBE_RXD_STAT_EOP | frame->staterr : 0));
	*rdh = (*rdh + 1) % queue->count;
	return dma;
}

/* Only the first descriptor's header buffer is used. */
static void store(unsigned int i, struct card_frame *frame, const u8 *data,
		  unsigned int piece)
{
	unsigned int len, left = frame->len;
	u16 info = 0;
	unsigned int header = split(i, frame, &info);
	struct dma *dma;

	for (; left; left -= len, data += len) {
		len = min_t(unsigned int, left, header + piece);
		dma = take(i, frame, data, len, header, len == left);
		dma->back.wb.lower.lo_dword.hs_rss.hdr_info = cpu_to_le16(info);
		header = 0;
		info = 0;
	}
	card.received++;
	if (!card.slow)
		card_run();
}

void card_receive(const struct card_frame *wire)
{
	struct card_frame frame = *wire;
	unsigned int i = queue_of(&frame);
	u8 data[FRAME_MAX + STAMP];
	u32 srrctl = *at(IXGBE_SRRCTL(i));
	unsigned int piece;

	if (!(*at(IXGBE_RXCTRL) & IXGBE_RXCTRL_RXEN) || !fits(&frame) ||
	    queues[i].disabling ||
	    !(*at(IXGBE_RXDCTL(i)) & IXGBE_RXDCTL_ENABLE)) {
		card.refused++;
		return;
	}

	memcpy(data, frame.data, frame.len);
	if (card.stamps && !tagged(&frame)) {
		memset(data + frame.len, 0x55, STAMP);
		frame.len += STAMP;
		frame.staterr |= IXGBE_RXD_STAT_TSIP;
	}

	piece = (srrctl & IXGBE_SRRCTL_BSIZEPKT_MASK) << IXGBE_SRRCTL_BSIZEPKT_SHIFT;
	if (frame.piece)
		piece = frame.piece;
	if (descriptors(i) * piece >= frame.len)
		store(i, &frame, data, piece);
	else if (srrctl & IXGBE_SRRCTL_DROP_EN)
		card.dropped++;
	else
		card.stalled++;
}
