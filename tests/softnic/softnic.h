/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * softnic: a network card made of software, for tests of the page constructor.
 *
 * It has two halves that know of each other only what a driver and a card know:
 * descriptor rings in memory, indices that one moves and the other reads, a
 * register or two, and an interrupt.  The card's half is engine.c, descriptor.c,
 * frame.c, generator.c and faults.c; the driver's half is the rest.
 */
#ifndef _SOFTNIC_H
#define _SOFTNIC_H

#include <linux/cache.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include <mp/nic.h>

#define SN_QUEUES_MAX	8

#define SN_MTU_MAX	9000
#define SN_FRAME_MAX	(SN_MTU_MAX + ETH_HLEN + 2 * VLAN_HLEN)

#define SN_RING_MIN	64
#define SN_RING_DEFAULT	256
#define SN_RING_MAX	4096

/* A packet that the card is to cut into segments, with its headers */
#define SN_PACKET_MAX	SZ_128K

/* The first buffer of a descriptor whose frames are split */
#define SN_HEADER_ROOM	256

/* Descriptors that one transmitted packet can take: linear part and frags */
#define SN_TX_DESCS	(MAX_SKB_FRAGS + 1)

/* sn_rx_desc.status and sn_tx_desc.status */
#define SN_DONE		BIT(0)
#define SN_ERROR	BIT(1)
#define SN_CSUM_OK	BIT(2)
#define SN_SPLIT	BIT(3)

/* sn_queue.irq_bits: the driver wants no interrupts; there is a reason for one */
#define SN_IRQ_MASKED	0
#define SN_IRQ_CAUSE	1

/* sn_tx_desc.flags */
#define SN_TX_EOP	BIT(0)
#define SN_TX_CSUM	BIT(1)
#define SN_TX_SEGMENT	BIT(2)

/**
 * struct sn_rx_desc - receive descriptor
 * @addr: buffers: [0] for the frame, or for its headers, and parts behind
 * @len: written back: bytes at @addr[0]
 * @payload: written back: bytes in the parts, each filled before the next
 * @status: written back last
 */
struct sn_rx_desc {
	dma_addr_t addr[1 + MP_SLOT_PARTS];
	u32 len;
	u32 payload;
	u32 status;
};

/**
 * struct sn_tx_desc - transmit descriptor
 * @addr: one piece of a packet
 * @len: its bytes
 * @flags: %SN_TX_EOP on a packet's last descriptor; the others on its first
 * @csum_start: where the bytes begin that the checksum is of
 * @csum_offset: and how far behind that it is stored
 * @header: bytes of headers that each segment gets
 * @mss: payload bytes of a segment
 * @status: written back to a packet's first descriptor when all of it was read
 */
struct sn_tx_desc {
	dma_addr_t addr;
	u32 len;
	u16 flags;
	u16 csum_start;
	u16 csum_offset;
	u16 header;
	u16 mss;
	u32 status;
};

/**
 * struct sn_faults - what a card's descriptors suffer; all 0 is a good card
 * @delay: microseconds from taking a descriptor to DMA and completion
 * @reorder: descriptors that are completed in reverse, as a group
 * @hold: one in so many is not completed before this is 0 again
 * @error: one in so many is completed with an error
 * @drop: one frame in so many is lost on the wire (receive)
 * @corrupt: one frame in so many has a byte changed, and is said to be good
 *	(receive)
 * @astray: one frame in so many goes to the next queue (receive)
 * @stray: what is held when receive stops is written when it is let go (receive)
 * @nr_hold: counts for @hold, and so on
 * @group: when the present group of @reorder began
 * @pending: descriptors to complete, by time
 */
struct sn_faults {
	u32 delay;
	u32 reorder;
	u32 hold;
	u32 error;
	u32 drop;
	u32 corrupt;
	u32 astray;
	bool stray;

	u32 nr_hold;
	u32 nr_error;
	u32 nr_drop;
	u32 nr_corrupt;
	u32 nr_astray;
	u32 nr_reorder;
	ktime_t group;
	struct list_head pending;
};

/**
 * struct sn_rx_regs - one of the card's receive queues
 * @enabled: the card may use the descriptors
 * @cause: something was completed, for which there was no interrupt yet
 * @split: headers and payload go to different buffers
 * @room: bytes of each buffer of a descriptor
 * @small: frames of up to this many bytes are not split
 * @desc: descriptors
 * @mask: how many there are, less 1
 * @head: the card's: the first descriptor that it has not taken
 * @tail: the driver's: the first one that the card must not take
 * @last: the card's: the last one completed
 *
 * Indices run freely.  All but @head and @tail changes under sn_engine.lock.
 */
struct sn_rx_regs {
	bool enabled;
	bool cause;
	bool split;
	u32 room[1 + MP_SLOT_PARTS];
	u32 small;
	struct sn_rx_desc *desc;
	u32 mask;
	u32 head;
	u32 tail ____cacheline_aligned_in_smp;
	u32 last;
};

/**
 * struct sn_tx_regs - the card's transmit unit
 * @enabled: as in &struct sn_rx_regs
 * @cause: likewise
 * @desc: descriptors
 * @mask: how many there are, less 1
 * @head: the card's
 * @tail: the driver's
 * @last: the card's
 */
struct sn_tx_regs {
	bool enabled;
	bool cause;
	struct sn_tx_desc *desc;
	u32 mask;
	u32 head;
	u32 tail ____cacheline_aligned_in_smp;
	u32 last;
};

/**
 * struct sn_counters - what the card counts
 * @generated: frames made by the generator
 * @sent: frames from the other end's transmit ring
 * @written: frames completed without error
 * @no_descriptor: frames dropped for want of a descriptor
 * @filtered: frames for another address
 * @too_long: frames longer than a descriptor's buffers
 * @dropped: frames dropped by a fault
 * @corrupted: frames changed by a fault
 * @astray: frames that a fault led to another queue
 * @rx_errors: receive descriptors completed with an error by a fault
 * @rx_late: receive descriptors completed later than they were taken
 * @rx_reordered: receive descriptors completed before an earlier one
 * @rx_abandoned: receive descriptors not completed because receive stopped
 * @rx_stray: those of them that were written all the same
 * @doorbells: times that the driver told of packets to send
 * @tx_packets: packets taken from the transmit ring
 * @tx_errors: those completed with an error by a fault
 * @tx_late: those completed later than they were read
 * @tx_reordered: those completed before an earlier one
 * @tx_abandoned: those not completed because transmit stopped
 * @tx_changed: those whose bytes changed while the card had them
 * @interrupts: raised
 */
struct sn_counters {
	u64 generated;
	u64 sent;
	u64 written;
	u64 no_descriptor;
	u64 filtered;
	u64 too_long;
	u64 dropped;
	u64 corrupted;
	u64 astray;
	u64 rx_errors;
	u64 rx_late;
	u64 rx_reordered;
	u64 rx_abandoned;
	u64 rx_stray;
	u64 doorbells;
	u64 tx_packets;
	u64 tx_errors;
	u64 tx_late;
	u64 tx_reordered;
	u64 tx_abandoned;
	u64 tx_changed;
	u64 interrupts;
};

#define SN_COUNTERS	(sizeof(struct sn_counters) / sizeof(u64))

/**
 * struct sn_generator - frames out of nothing
 * @left: frames still to make
 * @interval: nanoseconds between two, or 0: as fast as there are descriptors
 * @next: when the next one is due
 * @seq: number of the next one, the first thing in its payload
 * @flows: UDP source ports to use in turn
 * @len: bytes of a frame
 * @frame: the frame
 */
struct sn_generator {
	u64 left;
	u64 interval;
	ktime_t next;
	u32 seq;
	u32 flows;
	u32 len;
	u8 frame[SN_FRAME_MAX];
};

struct sn_nic;

/**
 * struct sn_engine - one direction of a wire, and the DMA at both ends of it
 * @to: the card at the receiving end; its peer is at the other
 * @thread: does it all
 * @kicked: bit 0: there may be something to do
 * @thirsty: tell the thread when there are receive descriptors
 * @lock: both ends' registers; held by the thread while it uses descriptors
 * @packet: a packet as it was read
 * @segment: a piece of it, as it goes over the wire
 * @generator: adds to what comes from the other end
 */
struct sn_engine {
	struct sn_nic *to;
	struct task_struct *thread;
	unsigned long kicked;
	bool thirsty;
	struct mutex lock;	/* protects registers and all below */
	u8 *packet;
	u8 *segment;
	struct sn_generator generator;
};

/**
 * struct sn_rx_buf - what the driver keeps beside a receive descriptor
 * @skb: takes the frame or its headers
 * @dma: where that is mapped, if it is
 * @slot: guest memory, under a page constructor
 * @done: the descriptor was handled, and waits for those before it
 */
struct sn_rx_buf {
	struct sk_buff *skb;
	dma_addr_t dma;
	struct mp_rx_slot slot;
	bool done;
};

/**
 * struct sn_rx_ring - the driver's view of the receive ring
 * @desc: descriptors
 * @dma: where they are mapped
 * @buf: as many
 * @count: how many
 * @clean: the first that is not handled
 * @use: the first that has no buffers
 */
struct sn_rx_ring {
	struct sn_rx_desc *desc;
	dma_addr_t dma;
	struct sn_rx_buf *buf;
	u32 count;
	u32 clean;
	u32 use;
};

/**
 * struct sn_tx_buf - what the driver keeps beside a transmit descriptor
 * @skb: the packet, at its first descriptor
 * @dma: where this piece is mapped
 * @len: its bytes
 * @nr: descriptors of the packet, at its first
 * @done: the packet was handled, and waits for those before it
 */
struct sn_tx_buf {
	struct sk_buff *skb;
	dma_addr_t dma;
	u32 len;
	u32 nr;
	bool done;
};

/**
 * struct sn_tx_ring - the driver's view of the transmit ring
 * @desc: descriptors
 * @dma: where they are mapped
 * @buf: as many
 * @count: how many
 * @clean: the first that is not handled (NAPI)
 * @use: the first that is free (transmit lock)
 */
struct sn_tx_ring {
	struct sn_tx_desc *desc;
	dma_addr_t dma;
	struct sn_tx_buf *buf;
	u32 count;
	u32 clean;
	u32 use;
};

/**
 * struct sn_queue - a receive queue, and what the driver has with it
 * @nic: the card
 * @index: which of its queues
 * @irq_bits: SN_IRQ_* bits
 * @irq: to raise one on another CPU
 * @irqs: interrupts that are on their way
 * @irq_cpu: where they go, or -1: wherever the engine runs
 * @regs: the card's part
 * @napi: of this queue; that of the first has transmit, too
 * @rx: receive ring
 * @mp_rx: the constructor, or NULL (RTNL; NAPI off)
 * @mode: &enum mp_mode in effect, %MP_MODE_COPY is stock receive
 * @parts: of each descriptor, if frames are split
 * @room: bytes of each
 * @rx_packets: given to the stack (NAPI)
 * @rx_bytes: likewise
 * @rx_errors: likewise
 */
struct sn_queue {
	struct sn_nic *nic;
	unsigned int index;

	unsigned long irq_bits;
	call_single_data_t irq;
	atomic_t irqs;
	int irq_cpu;
	struct sn_rx_regs regs;

	struct napi_struct napi;
	struct sn_rx_ring rx;
	struct mp_rx *mp_rx;
	enum mp_mode mode;
	unsigned int parts;
	u32 room[MP_SLOT_PARTS];

	u64 rx_packets;
	u64 rx_bytes;
	u64 rx_errors;
};

/**
 * struct sn_nic - a card, and its driver's state
 * @dev: the interface
 * @device: what does its DMA
 * @peer: the card at the other end of the wire
 * @engine: moves frames towards this card
 * @nr_queues: entries in @queue
 * @queue: receive queues
 * @promisc: a register: take frames that are for others, too
 * @spread: likewise: flows are spread over so many queues (sn_engine.lock)
 * @rx_faults: the card's faults (receive)
 * @tx_regs: the card's transmit unit
 * @tx_faults: the card's faults (transmit)
 * @counters: the card's
 * @debugfs: its directory
 * @tx: transmit ring
 * @reset: after a timeout of transmit
 * @small: see &struct sn_rx_regs
 * @tx_packets: completed (NAPI)
 * @tx_bytes: likewise
 * @tx_errors: likewise
 * @tx_dropped: refused (transmit lock)
 */
struct sn_nic {
	struct net_device *dev;
	struct device *device;
	struct sn_nic *peer;

	struct sn_engine engine;
	unsigned int nr_queues;
	struct sn_queue queue[SN_QUEUES_MAX];
	bool promisc;
	unsigned int spread;
	struct sn_faults rx_faults;
	struct sn_tx_regs tx_regs;
	struct sn_faults tx_faults;
	struct sn_counters counters;
	struct dentry *debugfs;

	struct sn_tx_ring tx;
	struct work_struct reset;
	u32 small;

	u64 tx_packets;
	u64 tx_bytes;
	u64 tx_errors;
	u64 tx_dropped;
};

/**
 * struct sn_layers - where a frame's headers are
 * @network: IPv4 or IPv6 header
 * @transport: TCP or UDP header
 * @payload: what follows
 * @end: of the IP packet; padding may follow
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 * @v6: IPv6
 */
struct sn_layers {
	u32 network;
	u32 transport;
	u32 payload;
	u32 end;
	u8 proto;
	bool v6;
};

/* main.c */
extern unsigned int sn_queues;
extern unsigned int sn_part;

/* driver.c APIs */
struct sn_nic *sn_nic_create(const char *name, const u8 *mac, int irq_cpu);
int sn_nic_register(struct sn_nic *nic, struct dentry *root);
void sn_nic_unregister(struct sn_nic *nic);
void sn_nic_destroy(struct sn_nic *nic);
int sn_nic_resize(struct sn_nic *nic, u32 rx_count, u32 tx_count);
void sn_nic_restart_rx(struct sn_nic *nic);
void sn_nic_spread(struct sn_nic *nic, unsigned int nr);
void sn_queue_off(struct sn_queue *queue);
void sn_queue_on(struct sn_queue *queue);

/* receive.c APIs */
int sn_rx_alloc(struct device *device, struct sn_rx_ring *ring);
void sn_rx_free(struct device *device, struct sn_rx_ring *ring);
void sn_rx_start(struct sn_queue *queue);
void sn_rx_stop(struct sn_queue *queue);
int sn_rx_poll(struct sn_queue *queue, int budget);
bool sn_rx_map(struct sn_queue *queue, struct sn_rx_buf *buf, u32 room);
void sn_rx_unmap(struct sn_queue *queue, struct sn_rx_buf *buf, u32 room);

/* transmit.c APIs */
int sn_tx_alloc(struct device *device, struct sn_tx_ring *ring);
void sn_tx_free(struct device *device, struct sn_tx_ring *ring);
void sn_tx_start(struct sn_nic *nic);
void sn_tx_stop(struct sn_nic *nic);
netdev_tx_t sn_tx_xmit(struct sk_buff *skb, struct net_device *dev);
void sn_tx_poll(struct sn_nic *nic, int budget);

/* glue.c APIs */
extern const struct mp_nic_ops sn_glue_ops;
bool sn_glue_able(const struct sn_nic *nic, const struct mp_rx *rx);
void sn_glue_setup(struct sn_queue *queue);
bool sn_glue_arm(struct sn_queue *queue, u32 index);
bool sn_glue_direct(struct sn_queue *queue, u32 index, u32 status);
struct sk_buff *sn_glue_take(struct sn_queue *queue, u32 index);
void sn_glue_discard(struct sn_queue *queue, struct sn_rx_buf *buf);

/* ethtool.c APIs */
extern const struct ethtool_ops sn_ethtool_ops;
extern const char sn_counter_names[SN_COUNTERS][ETH_GSTRING_LEN];

/* engine.c APIs */
void sn_engine_init(struct sn_engine *engine, struct sn_nic *to);
int sn_engine_start(struct sn_engine *engine, int cpu);
void sn_engine_stop(struct sn_engine *engine);
void sn_engine_kick(struct sn_engine *engine);
void sn_irq_init(struct sn_queue *queue, int cpu);
void sn_irq_ack(struct sn_queue *queue);
void sn_irq_unmask(struct sn_queue *queue);
void sn_irq_sync(struct sn_queue *queue);

/* descriptor.c APIs */
bool sn_desc_dma_works(struct device *device);
bool sn_desc_ready(const struct sn_rx_regs *rx);
struct sn_queue *sn_desc_queue(struct sn_nic *nic, const u8 *frame, u32 len);
void sn_desc_receive(struct sn_nic *nic, u8 *frame, u32 len, bool csum_ok);
u32 sn_desc_fetch(struct sn_nic *nic, u8 *to, struct sn_tx_desc *first);
void sn_desc_sent(struct sn_nic *nic, u32 index, u32 len, u32 status);
bool sn_desc_late(struct sn_nic *nic, ktime_t now, ktime_t *next);
void sn_desc_rx_abandon(struct sn_queue *queue);
void sn_desc_tx_abandon(struct sn_nic *nic);
void sn_desc_forget(struct sn_faults *faults);

/* frame.c APIs */
bool sn_frame_parse(const u8 *frame, u32 len, struct sn_layers *layers);
bool sn_frame_verify(const u8 *frame, u32 len);
void sn_frame_checksum(u8 *frame, u32 len, u32 start, u32 offset);
u32 sn_frame_segment(const u8 *packet, u32 len, const struct sn_tx_desc *how,
		     u32 *offset, u8 *segment);

/* generator.c APIs */
unsigned int sn_generate(struct sn_nic *nic, unsigned int budget, ktime_t *next);
void sn_generator_debugfs(struct sn_nic *nic);

/* faults.c APIs */
bool sn_fault_due(u32 every, u32 *nr);
bool sn_fault_defer(struct sn_faults *faults, ktime_t *due, bool *held);
void sn_faults_init(struct sn_faults *faults);
void sn_faults_debugfs(struct sn_nic *nic);

#endif /* _SOFTNIC_H */
