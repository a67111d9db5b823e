/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vring-pump: the driver's side of a virtio-net device, in user space, against
 * anything that speaks the ABI of /dev/vhost-net.
 */
#ifndef _PUMP_H
#define _PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define BIT_ULL(n)	(1ull << (n))

#define VNET_HDR	sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define FRAME_MAX	9014
#define PING_WINDOW_MAX	256	/* a power of two */

/* Queues, and what to do: PING both. */
enum { RX, TX, QUEUES, PING = QUEUES };

/**
 * struct options - what was asked for
 * @vhost: device node
 * @vhost_fd: an open one, or -1
 * @fd: an open mp, tap or macvtap, or -1
 * @mp: interface to bind
 * @mode: &enum mp_mode for that
 * @flags: MP_BIND_* bits for that
 * @tap: tap interface to attach to
 * @macvtap: macvtap interface to open
 * @direction: RX, TX or PING
 * @ring: descriptors of each ring
 * @buf: bytes of a buffer
 * @huge: memory on huge pages
 * @event_idx: offer VIRTIO_RING_F_EVENT_IDX
 * @poll: do not sleep
 * @busyloop: microseconds that the device is to look at the rings before it sleeps
 * @batch: buffers to offer before a kick
 * @cpu: where to run, or -1
 * @count: packets to end after
 * @size: bytes of a frame to send
 * @rate: frames to send a second, or 0
 * @idle: milliseconds without a packet to end after
 * @ready: file to make when the rings are at work
 * @step: wait for a line of input before traffic, and before all is undone
 * @mac: where to send to
 * @echo: interface at the other end of the wire, to send back what arrives
 * @window: frames on their way at once
 * @random: as many of them as chance has it, of any size, with pauses
 * @timeout: milliseconds that a frame may take there and back
 * @lose_kick: the kick that gets lost, or 0
 * @lose_call: the interrupt that gets lost, or 0
 */
struct options {
	const char *vhost;
	int vhost_fd;
	int fd;
	const char *mp;
	int mode;
	unsigned int flags;
	const char *tap;
	const char *macvtap;
	int direction;
	unsigned int ring;
	unsigned int buf;
	bool huge;
	bool event_idx;
	bool poll;
	unsigned int busyloop;
	unsigned int batch;
	int cpu;
	__u64 count;
	unsigned int size;
	__u64 rate;
	unsigned int idle;
	const char *ready;
	bool step;
	__u8 mac[6];
	const char *echo;
	unsigned int window;
	bool random;
	unsigned int timeout;
	__u64 lose_kick;
	__u64 lose_call;
};

/**
 * struct queue - a split virtqueue, the driver's side
 * @num: descriptors
 * @vring: the ring itself
 * @buf: buffers, one for each descriptor
 * @step: bytes of each
 * @base: guest address of the memory's first byte is 0; this is its address
 * @avail: next available entry
 * @kicked: available entries that the device was told of
 * @used: next used entry
 * @free: stack of descriptors
 * @nr_free: how many
 * @kick: eventfd to the device
 * @call: eventfd from the device
 * @error: eventfd of a broken queue
 * @event_idx: negotiated
 * @kicks: written
 * @calls: reads of @call that brought something
 * @lose_kick: the one of @kicks that is not written, or 0
 * @lose_call: the one of @calls that is not heeded, or 0
 */
struct queue {
	unsigned int num;
	struct vring vring;
	__u8 *buf;
	size_t step;
	__u8 *base;
	__u16 avail;
	__u16 kicked;
	__u16 used;
	__u16 *free;
	unsigned int nr_free;
	int kick;
	int call;
	int error;
	bool event_idx;
	__u64 kicks;
	__u64 calls;
	__u64 lose_kick;
	__u64 lose_call;
};

/**
 * struct device - a vhost device and what it has for a guest
 * @fd: vhost
 * @backend: mp, tap or macvtap
 * @memory: the guest's
 * @size: its bytes
 * @queue: its rings
 */
struct device {
	int fd;
	int backend;
	__u8 *memory;
	size_t size;
	struct queue queue[QUEUES];
};

/* device.c APIs */
void device_start(struct device *device, const struct options *options);
void device_stop(struct device *device);

/* backend.c APIs */
int backend_open(const struct options *options);
void backend_wait_taken(int fd, const struct queue *queue, unsigned int buffers);

/* queue.c APIs */
size_t queue_size(unsigned int num);
void queue_init(struct queue *queue, unsigned int num, void *ring, __u8 *buf,
		size_t step, __u8 *base);
__u8 *queue_buf(const struct queue *queue, unsigned int id);
void queue_offer(struct queue *queue, unsigned int id, unsigned int len,
		 bool writable);
void queue_kick(struct queue *queue);
void queue_offer_all(struct queue *queue, unsigned int len);
bool queue_take(struct queue *queue, unsigned int *id, unsigned int *len);
unsigned int queue_take_frame(struct queue *queue, unsigned int id,
			      unsigned int len, __u8 *to, unsigned int room);
void queue_reclaim(struct queue *queue);
unsigned int queue_waiting(const struct queue *queue);
bool queue_has(const struct queue *queue, unsigned int more);
bool queue_want(struct queue *queue, unsigned int more);
void queue_unwant(struct queue *queue);
bool queue_sleep(struct queue *queue, int timeout_ms);
void queue_report(const struct queue *queue, const char *name);
bool queue_wait(struct queue *queue, unsigned int more, bool poll, int timeout_ms);

/* frame.c APIs */
unsigned int frame_build(__u8 *to, unsigned int size, const __u8 *mac);
void frame_number(__u8 *to, __u32 seq);
bool frame_seq(const __u8 *frame, unsigned int len, __u32 *seq);

/* ping.c APIs */
void run_ping(const struct options *options);

/* main.c APIs */
_Noreturn void die(const char *format, ...);
__u64 now(void);
void run_on(int cpu);
void started(const struct options *options);
void print_number(const char *name, __u64 value);

#endif /* _PUMP_H */
