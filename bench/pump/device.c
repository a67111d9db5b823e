// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vhost device: memory, features, rings, and its start and stop.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pump.h"

#define HUGE_PAGE	(2ul << 20)

#define FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) | \
			 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF))

static size_t round_up(size_t value, size_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static void call(const struct device *device, unsigned long request, void *arg,
		 const char *what)
{
	if (ioctl(device->fd, request, arg))
		die("%s: %s", what, strerror(errno));
}

static void map_memory(struct device *device, bool huge)
{
	unsigned int flags = MFD_CLOEXEC | (huge ? MFD_HUGETLB : 0);
	int fd = memfd_create("guest", flags);

	if (fd < 0 || ftruncate(fd, device->size))
		die("guest memory: %s", strerror(errno));
	device->memory = mmap(NULL, device->size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_POPULATE, fd, 0);
	if (device->memory == MAP_FAILED)
		die("guest memory of %zu bytes: %s", device->size, strerror(errno));
	close(fd);
}

static void set_memory(const struct device *device)
{
	struct vhost_memory *table;

	table = calloc(1, sizeof(*table) + sizeof(table->regions[0]));
	if (!table)
		die("no memory");
	table->nregions = 1;
	table->regions[0].memory_size = device->size;
	table->regions[0].userspace_addr = (unsigned long)device->memory;
	call(device, VHOST_SET_MEM_TABLE, table, "memory table");
	free(table);
}

static bool set_features(const struct device *device, bool event_idx)
{
	__u64 features, wanted = FEATURES;

	call(device, VHOST_GET_FEATURES, &features, "features");
	if (event_idx && features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX))
		wanted |= BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	if (wanted & ~features)
		die("the device lacks features, it has %llx", features);
	call(device, VHOST_SET_FEATURES, &wanted, "features");
	return wanted & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
}

static void set_queue(const struct device *device, unsigned int index,
		      unsigned int busyloop)
{
	const struct queue *queue = &device->queue[index];
	struct vhost_vring_state state = { .index = index, .num = queue->num };
	struct vhost_vring_file file = { .index = index };
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = (unsigned long)queue->vring.desc,
		.avail_user_addr = (unsigned long)queue->vring.avail,
		.used_user_addr = (unsigned long)queue->vring.used,
	};

	call(device, VHOST_SET_VRING_NUM, &state, "ring size");
	state.num = 0;
	call(device, VHOST_SET_VRING_BASE, &state, "ring base");
	call(device, VHOST_SET_VRING_ADDR, &addr, "ring addresses");
	file.fd = queue->kick;
	call(device, VHOST_SET_VRING_KICK, &file, "kick");
	file.fd = queue->call;
	call(device, VHOST_SET_VRING_CALL, &file, "call");
	file.fd = queue->error;
	call(device, VHOST_SET_VRING_ERR, &file, "error");
	state.num = busyloop;
	call(device, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state, "busy polling");
}

static void set_backend(const struct device *device, unsigned int index, int fd)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };

	call(device, VHOST_NET_SET_BACKEND, &file, "backend");
}

/* Rings first, each on pages of its own; then the buffers of each. */
static void lay_out(struct device *device, const struct options *options)
{
	size_t ring = round_up(queue_size(options->ring), HUGE_PAGE);
	size_t bufs = round_up((size_t)options->ring * options->buf, HUGE_PAGE);
	size_t send = round_up(VNET_HDR + options->size, 64);
	size_t sends = round_up(options->ring * send, HUGE_PAGE);
	__u8 *at;

	device->size = 2 * ring + bufs + sends;
	map_memory(device, options->huge);
	at = device->memory;
	queue_init(&device->queue[RX], options->ring, at, at + 2 * ring,
		   options->buf, at);
	queue_init(&device->queue[TX], options->ring, at + ring,
		   at + 2 * ring + bufs, send, at);
}

/* Everything is at work when this returns; no buffer is offered yet. */
void device_start(struct device *device, const struct options *options)
{
	bool event_idx;
	unsigned int i;

	device->backend = backend_open(options);
	device->fd = options->vhost_fd;
	if (device->fd < 0)
		device->fd = open(options->vhost, O_RDWR | O_CLOEXEC);
	if (device->fd < 0)
		die("%s: %s", options->vhost, strerror(errno));

	lay_out(device, options);
	call(device, VHOST_SET_OWNER, NULL, "owner");
	event_idx = set_features(device, options->event_idx);
	set_memory(device);
	for (i = 0; i < QUEUES; i++) {
		device->queue[i].event_idx = event_idx;
		set_queue(device, i, options->busyloop);
	}
	for (i = 0; i < QUEUES; i++)
		set_backend(device, i, device->backend);
}

/* No buffer is the device's when this returns. */
void device_stop(struct device *device)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		set_backend(device, i, -1);
	close(device->fd);
	close(device->backend);
}
