// SPDX-License-Identifier: GPL-2.0-only
/*
 * vring-pump: options, the two directions, and what is printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/mpassthru.h>

#include "pump.h"

/* Packets to handle before buffers are offered again, as a guest's NAPI does. */
#define BUDGET		64

static const char usage[] =
"usage: vring-pump [OPTION]... rx|tx|ping\n"
"\n"
"Plays a virtio-net driver in user space and prints what passed as JSON. With ping\n"
"it plays two, at both ends of a wire: one sends, the other sends back, and both\n"
"know of what the device does by its interrupts only.\n"
"\n"
"what to talk to:\n"
"  --vhost NODE          /dev/vhost-net, unless told\n"
"  --mp IF               bind IF through /dev/net/mp\n"
"  --mode MODE           auto, whole-frame, header-split or copy\n"
"  --qdisc-bypass        past the qdisc\n"
"  --tap IF              attach to a tap interface\n"
"  --macvtap IF          open a macvtap interface\n"
"  --fd N, --vhost-fd N  take open descriptors instead\n"
"the guest:\n"
"  --ring N              descriptors of each ring (256)\n"
"  --buf N               bytes of a receive buffer (1536)\n"
"  --huge                memory on huge pages\n"
"  --no-event-idx        without VIRTIO_RING_F_EVENT_IDX\n"
"  --poll                never sleep, want no interrupts\n"
"  --batch N             buffers to offer before a kick (32)\n"
"  --cpu N               run there\n"
"  --busyloop US         the device looks for so long before it wants kicks (0)\n"
"the traffic:\n"
"  --count N             end after N packets (rx: none: after --idle)\n"
"  --echo IF             ping: the other end, an interface of the same kind\n"
"  --window N            ping: frames on their way at once (1)\n"
"  --random              ping: as many of these as chance has it, with pauses,\n"
"                        and of up to --size bytes\n"
"  --timeout MS          ping: fail if a frame is not back by then (5000)\n"
"  --lose-kick N         ping: the Nth kick is not made\n"
"  --lose-call N         ping: the Nth interrupt is not heeded\n"
"  --idle MS             rx: end after so long without one (1000)\n"
"  --size N              tx, ping: bytes of a frame (64)\n"
"  --rate N              tx: frames a second (0: as fast as it goes)\n"
"  --mac MAC             tx: where to send to\n"
"  --ready FILE          make FILE when the rings are at work\n"
"  --step                wait for a line of input before traffic, and another\n"
"                        one between the result and the end\n";

/**
 * struct result - what passed
 * @packets: frames
 * @bytes: of them, without virtio headers
 * @buffers: used entries
 * @lost: numbers missing among those seen (rx)
 * @strange: frames without a number (rx)
 * @reordered: frames that came after a later one (rx)
 * @first: time of the first packet, in nanoseconds
 * @last: time of the last one
 * @next: the number after the highest seen
 */
struct result {
	__u64 packets;
	__u64 bytes;
	__u64 buffers;
	__u64 lost;
	__u64 strange;
	__u64 reordered;
	__u64 first;
	__u64 last;
	__u32 next;
};

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("vring-pump: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

__u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* Receive. */

static void count_frame(struct result *result, const __u8 *frame,
			unsigned int len)
{
	__u32 seq;

	result->packets++;
	if (!frame_seq(frame, len, &seq))
		result->strange++;
	else if (seq >= result->next)
		result->next = seq + 1;
	else
		result->reordered++;
}

static void run_rx(struct device *device, const struct options *options,
		   struct result *result)
{
	struct queue *queue = &device->queue[RX];
	__u64 count = options->count ? options->count : ~0ull;
	unsigned int id, len, n;
	__u8 start[128];

	while (result->packets < count) {
		/* the first one may take its time */
		if (!queue_wait(queue, 1, options->poll,
				result->packets ? options->idle : 10 * options->idle))
			break;
		if (!result->packets)
			result->first = now();
		for (n = 0; n < BUDGET && queue_take(queue, &id, &len); n++) {
			unsigned int free = queue->nr_free;

			len = queue_take_frame(queue, id, len, start,
					       sizeof(start));
			result->buffers += queue->nr_free - free;
			result->bytes += len;
			count_frame(result, start, len);
		}
		result->last = now();
		if (queue->nr_free >= options->batch)
			queue_offer_all(queue, options->buf);
	}
	result->lost = result->next - (result->packets - result->strange);
}

/* Transmit. */

static void pace(const struct options *options, const struct result *result)
{
	__u64 due = result->first + result->packets * 1000000000ull / options->rate;
	struct timespec time = {
		.tv_sec = due / 1000000000,
		.tv_nsec = due % 1000000000,
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

/* Sleeps until most of what is under way is back, as a guest with a full ring. */
static void wait_for_room(struct queue *queue, bool poll)
{
	unsigned int under_way = queue->num - queue->nr_free;

	if (!queue_wait(queue, poll ? 1 : under_way * 3 / 4 + 1, poll, 10000))
		die("nothing comes back");
}

static void run_tx(struct device *device, const struct options *options,
		   struct result *result)
{
	struct queue *queue = &device->queue[TX];
	unsigned int len = 0;
	unsigned int i;

	for (i = 0; i < queue->num; i++)
		len = frame_build(queue_buf(queue, i), options->size, options->mac);

	result->first = now();
	while (result->packets < options->count) {
		queue_reclaim(queue);
		if (!queue->nr_free) {
			wait_for_room(queue, options->poll);
			continue;
		}
		for (i = 0; i < options->batch && queue->nr_free &&
		     result->packets < options->count; i++) {
			unsigned int id = queue->free[--queue->nr_free];

			frame_number(queue_buf(queue, id), result->packets++);
			queue_offer(queue, id, len, false);
		}
		queue_kick(queue);
		if (options->rate)
			pace(options, result);
	}
	for (;;) {
		queue_reclaim(queue);
		if (queue->nr_free == queue->num)
			break;
		wait_for_room(queue, options->poll);
	}
	result->last = now();
	result->bytes = result->packets * options->size;
	result->buffers = result->packets;
}

/* What is asked for and what is said. */

static __u64 read_number(const char *word, __u64 min, __u64 max)
{
	char *end;
	__u64 value;

	errno = 0;
	value = strtoull(word, &end, 10);
	if (errno || end == word || *end || value < min || value > max)
		die("not a number from %llu to %llu: %s", min, max, word);
	return value;
}

static int read_mode(const char *word)
{
	static const char * const names[] = {
		"auto", "whole-frame", "header-split", "copy", NULL
	};
	int i;

	for (i = 0; names[i]; i++)
		if (!strcmp(word, names[i]))
			return i;
	die("no such mode: %s", word);
}

static void read_mac(const char *word, __u8 *mac)
{
	char end;

	if (sscanf(word, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1],
		   &mac[2], &mac[3], &mac[4], &mac[5], &end) != 6)
		die("not an address: %s", word);
}

static void read_option(struct options *options, int letter, const char *word)
{
	switch (letter) {
	case 'v':
		options->vhost = word;
		break;
	case 'V':
		options->vhost_fd = read_number(word, 0, 1 << 20);
		break;
	case 'f':
		options->fd = read_number(word, 0, 1 << 20);
		break;
	case 'm':
		options->mp = word;
		break;
	case 'M':
		options->mode = read_mode(word);
		break;
	case 'q':
		options->flags |= MP_BIND_QDISC_BYPASS;
		break;
	case 't':
		options->tap = word;
		break;
	case 'w':
		options->macvtap = word;
		break;
	case 'r':
		options->ring = read_number(word, 2, 32768);
		break;
	case 'b':
		options->buf = read_number(word, 64, 1 << 16);
		break;
	case 'H':
		options->huge = true;
		break;
	case 'E':
		options->event_idx = false;
		break;
	case 'p':
		options->poll = true;
		break;
	case 'L':
		options->busyloop = read_number(word, 0, ~0u);
		break;
	case 'B':
		options->batch = read_number(word, 1, 32768);
		break;
	case 'c':
		options->cpu = read_number(word, 0, 1023);
		break;
	case 'n':
		options->count = read_number(word, 1, ~0ull);
		break;
	case 'i':
		options->idle = read_number(word, 1, 1 << 20);
		break;
	case 's':
		options->size = read_number(word, 60, FRAME_MAX);
		break;
	case 'R':
		options->rate = read_number(word, 0, 1000000000);
		break;
	case 'a':
		read_mac(word, options->mac);
		break;
	case 'y':
		options->ready = word;
		break;
	case 'S':
		options->step = true;
		break;
	case 'e':
		options->echo = word;
		break;
	case 'W':
		options->window = read_number(word, 1, PING_WINDOW_MAX);
		break;
	case 'x':
		options->random = true;
		break;
	case 'T':
		options->timeout = read_number(word, 1, 1 << 20);
		break;
	case 'K':
		options->lose_kick = read_number(word, 1, ~0ull);
		break;
	case 'C':
		options->lose_call = read_number(word, 1, ~0ull);
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		exit(2);
	}
}

static bool read_direction(const char *word, int *direction)
{
	static const char * const names[] = {
		[RX] = "rx", [TX] = "tx", [PING] = "ping",
	};
	int i;

	for (i = RX; i <= PING; i++) {
		*direction = i;
		if (!strcmp(word, names[i]))
			return true;
	}
	return false;
}

static void read_options(struct options *options, int argc, char **argv)
{
	static const struct option words[] = {
		{ "vhost", 1, NULL, 'v' }, { "vhost-fd", 1, NULL, 'V' },
		{ "fd", 1, NULL, 'f' }, { "mp", 1, NULL, 'm' },
		{ "mode", 1, NULL, 'M' }, { "qdisc-bypass", 0, NULL, 'q' },
		{ "tap", 1, NULL, 't' },
		{ "macvtap", 1, NULL, 'w' }, { "ring", 1, NULL, 'r' },
		{ "buf", 1, NULL, 'b' }, { "huge", 0, NULL, 'H' },
		{ "no-event-idx", 0, NULL, 'E' }, { "poll", 0, NULL, 'p' },
		{ "busyloop", 1, NULL, 'L' }, { "batch", 1, NULL, 'B' }, { "cpu", 1, NULL, 'c' },
		{ "count", 1, NULL, 'n' }, { "idle", 1, NULL, 'i' },
		{ "size", 1, NULL, 's' }, { "rate", 1, NULL, 'R' },
		{ "mac", 1, NULL, 'a' }, { "ready", 1, NULL, 'y' },
		{ "step", 0, NULL, 'S' }, { "echo", 1, NULL, 'e' },
		{ "window", 1, NULL, 'W' }, { "random", 0, NULL, 'x' },
		{ "timeout", 1, NULL, 'T' }, { "lose-kick", 1, NULL, 'K' },
		{ "lose-call", 1, NULL, 'C' }, { "help", 0, NULL, 'h' }, { }
	};
	int backends;
	int letter;

	while ((letter = getopt_long(argc, argv, "", words, NULL)) != -1)
		read_option(options, letter, optarg);
	if (optind + 1 != argc ||
	    !read_direction(argv[optind], &options->direction)) {
		fputs(usage, stderr);
		exit(2);
	}
	backends = !!options->mp + !!options->tap + !!options->macvtap;
	backends += options->fd >= 0;
	if (backends != 1)
		die("one of --mp, --tap, --macvtap and --fd is needed");
	if (options->ring & (options->ring - 1))
		die("the ring's size is not a power of two");
	if (options->direction != RX && !options->count)
		die("%s needs --count", argv[optind]);
	if (options->direction == PING &&
	    (!options->echo || options->fd >= 0 || options->vhost_fd >= 0))
		die("ping needs --echo, and opens what it needs itself");
	if (options->batch > options->ring / 2)
		options->batch = options->ring / 2;
}

void print_number(const char *name, __u64 value)
{
	printf(", \"%s\": %llu", name, value);
}

static void print(const struct device *device, const struct options *options,
		  const struct result *result)
{
	const struct queue *queue = &device->queue[options->direction];
	double seconds = (result->last - result->first) / 1e9;

	printf("{\"direction\": \"%s\"", options->direction == RX ? "rx" : "tx");
	print_number("packets", result->packets);
	print_number("bytes", result->bytes);
	printf(", \"seconds\": %.6f", seconds);
	print_number("pps", seconds > 0 ? result->packets / seconds : 0);
	print_number("buffers", result->buffers);
	print_number("kicks", queue->kicks);
	print_number("interrupts", queue->calls);
	print_number("lost", result->lost);
	print_number("strange", result->strange);
	print_number("reordered", result->reordered);
	printf("}\n");
	fflush(stdout);
}

static void wait_for_line(void)
{
	int c;

	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

void run_on(int cpu)
{
	cpu_set_t cpus;

	if (cpu < 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("CPU %d: %s", cpu, strerror(errno));
}

/* The rings are at work. */
void started(const struct options *options)
{
	if (options->ready &&
	    close(open(options->ready, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)))
		die("%s: %s", options->ready, strerror(errno));
	if (options->step)
		wait_for_line();
}

static void run(const struct options *options)
{
	struct result result = { 0 };
	struct device device;

	/* what the device starts runs where it likes, so this comes after */
	device_start(&device, options);
	run_on(options->cpu);
	queue_offer_all(&device.queue[RX], options->buf);
	started(options);
	if (options->direction == RX)
		run_rx(&device, options, &result);
	else
		run_tx(&device, options, &result);
	print(&device, options, &result);
	if (options->step)
		wait_for_line();
	device_stop(&device);
}

int main(int argc, char **argv)
{
	struct options options = {
		.vhost = "/dev/vhost-net",
		.vhost_fd = -1,
		.fd = -1,
		.ring = 256,
		.buf = 1536,
		.event_idx = true,
		.batch = 32,
		.cpu = -1,
		.size = 64,
		.idle = 1000,
		.window = 1,
		.timeout = 5000,
		.mac = { 0x52, 0x54, 0x00, 0x1c, 0x00, 0x02 },
	};

	read_options(&options, argc, argv);
	if (options.direction == PING)
		run_ping(&options);
	else
		run(&options);
	return 0;
}
