// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ping-pong: a frame goes to the other end of the wire and comes back.  Both ends
 * are woken by interrupts and kick when they are asked to, nothing else.  So a
 * kick, an interrupt or a wake-up that is lost is a frame that does not come back.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "pump.h"

#define BUDGET		64	/* frames before buffers are offered again */
#define PAUSE_US	1500	/* longer than the device holds anything off */

/**
 * struct end - one end of the wire
 * @options: what was asked for; the interface is that of this end
 * @name: of the interface
 * @device: the rings
 * @seed: of its chances
 * @received: frames
 * @sent: frames
 */
struct end {
	struct options options;
	const char *name;
	struct device device;
	unsigned int seed;
	atomic_ullong received;
	atomic_ullong sent;
};

/**
 * struct game - a ping-pong
 * @near: sends
 * @far: sends back
 * @sent_at: when a frame was sent, by its number
 * @trip: nanoseconds of each round trip
 * @begin: time of the first frame
 * @end: time when the last one was back
 */
struct game {
	struct end near;
	struct end far;
	__u64 sent_at[PING_WINDOW_MAX];
	__u32 *trip;
	__u64 begin;
	__u64 end;
};

static unsigned int below(struct end *end, unsigned int limit)
{
	return rand_r(&end->seed) % limit;
}

/* A guest that has something else to do now and then. */
static void pause_at_random(struct end *end)
{
	struct timespec time = { 0 };

	if (!end->options.random || below(end, 64))
		return;
	time.tv_nsec = below(end, PAUSE_US) * 1000;
	nanosleep(&time, NULL);
}

/* Says who waits for whom. */
static _Noreturn void hangs(struct game *game, const char *what)
{
	struct end *near = &game->near, *far = &game->far;

	fprintf(stderr, "ping: %s\n  %s sent %llu, %s received %llu and sent %llu, %s received %llu\n",
		what, near->name, near->sent, far->name, far->received, far->sent,
		near->name, near->received);
	queue_report(&near->device.queue[TX], "near tx");
	queue_report(&far->device.queue[RX], "far rx");
	queue_report(&far->device.queue[TX], "far tx");
	queue_report(&near->device.queue[RX], "near rx");
	die("%s", far->received < near->sent ? "a frame is lost on its way there" :
	    far->sent < far->received ? "the far end cannot answer" :
	    "a frame is lost on its way back");
}

/* Sleeps until there are used entries.  False if there is no interrupt. */
static bool wait_used(struct queue *queue, unsigned int more, int timeout_ms)
{
	eventfd_t old;
	bool woken;

	/* an interrupt that nobody waited for must not stand in for a lost one */
	while (!eventfd_read(queue->call, &old))
		;
	woken = queue_want(queue, more);
	while (!woken && queue_sleep(queue, timeout_ms))
		woken = queue_has(queue, 1);
	queue_unwant(queue);
	return woken;
}

/* A free descriptor of the transmit ring. */
static unsigned int get_room(struct end *end, struct game *game)
{
	struct queue *queue = &end->device.queue[TX];

	queue_reclaim(queue);
	while (!queue->nr_free) {
		queue_kick(queue);
		if (!wait_used(queue, queue->num * 3 / 4, end->options.timeout))
			hangs(game, "no transmitted frame completes");
		queue_reclaim(queue);
	}
	return queue->free[--queue->nr_free];
}

/* The far end. */

static void echo(struct end *end, struct game *game, unsigned int id,
		 unsigned int len)
{
	struct queue *rx = &end->device.queue[RX], *tx = &end->device.queue[TX];
	unsigned int to = get_room(end, game);
	__u8 *frame = queue_buf(tx, to);
	__u32 seq;

	memset(frame, 0, VNET_HDR);
	len = queue_take_frame(rx, id, len, frame + VNET_HDR, end->options.size);
	if (len > end->options.size || !frame_seq(frame + VNET_HDR, len, &seq)) {
		tx->free[tx->nr_free++] = to;	/* not ours */
		return;
	}
	end->received++;
	queue_offer(tx, to, VNET_HDR + len, false);
	end->sent++;
}

static void *play_far(void *arg)
{
	struct game *game = arg;
	struct end *end = &game->far;
	struct queue *rx = &end->device.queue[RX];
	unsigned int id, len, n;

	/* the near end knows when it has waited for too long, and when all is over */
	while (wait_used(rx, 1, -1)) {
		for (n = 0; n < BUDGET && queue_take(rx, &id, &len); n++)
			echo(end, game, id, len);
		queue_kick(&end->device.queue[TX]);
		if (rx->nr_free >= end->options.batch)
			queue_offer_all(rx, end->options.buf);
		pause_at_random(end);
	}
	return NULL;
}

/* The near end. */

static void serve(struct end *end, struct game *game)
{
	const struct options *options = &end->options;
	struct queue *queue = &end->device.queue[TX];
	unsigned int id = get_room(end, game);
	unsigned int size = options->size;

	if (options->random)
		size = 60 + below(end, size - 59);
	size = frame_build(queue_buf(queue, id), size, options->mac);
	frame_number(queue_buf(queue, id), end->sent);
	queue_offer(queue, id, size, false);
	game->sent_at[end->sent++ % PING_WINDOW_MAX] = now();
}

static void take_back(struct end *end, struct game *game)
{
	struct queue *queue = &end->device.queue[RX];
	unsigned int id, len, n;
	__u8 start[128];
	__u64 time;
	__u32 seq;

	if (!wait_used(queue, 1, end->options.timeout))
		hangs(game, "no frame comes back");
	time = now();
	for (n = 0; n < BUDGET && queue_take(queue, &id, &len); n++) {
		len = queue_take_frame(queue, id, len, start, sizeof(start));
		if (!frame_seq(start, len, &seq))
			continue;	/* not ours */
		if (seq != (__u32)end->received)
			die("frame %u comes back instead of frame %llu: did a card drop it?",
			    seq, end->received);
		game->trip[end->received] =
			time - game->sent_at[end->received % PING_WINDOW_MAX];
		end->received++;
	}
	if (queue->nr_free >= end->options.batch)
		queue_offer_all(queue, end->options.buf);
}

static void play_near(struct game *game)
{
	struct end *end = &game->near;
	const struct options *options = &end->options;
	unsigned int window = options->window;

	game->begin = now();
	while (end->received < options->count) {
		if (options->random)
			window = 1 + below(end, options->window);
		while (end->sent < options->count &&
		       end->sent - end->received < window) {
			serve(end, game);
			if (options->random && !below(end, 4))
				queue_kick(&end->device.queue[TX]);
		}
		queue_kick(&end->device.queue[TX]);
		pause_at_random(end);
		if (end->received < end->sent)
			take_back(end, game);
	}
	game->end = now();
}

static int compare(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void print(struct game *game)
{
	const struct queue *tx = &game->near.device.queue[TX];
	const struct queue *rx = &game->near.device.queue[RX];
	__u64 count = game->near.received;
	double sum = 0;
	__u64 i;

	qsort(game->trip, count, sizeof(*game->trip), compare);
	for (i = 0; i < count; i++)
		sum += game->trip[i];
	printf("{\"direction\": \"ping\", \"packets\": %llu, \"seconds\": %.6f", count,
	       (game->end - game->begin) / 1e9);
	print_number("mean_us", sum / count / 1000);
	print_number("median_us", game->trip[count / 2] / 1000);
	print_number("p99_us", game->trip[count * 99 / 100] / 1000);
	print_number("max_us", game->trip[count - 1] / 1000);
	print_number("kicks", tx->kicks);
	print_number("rx_kicks", rx->kicks);
	print_number("interrupts", rx->calls);
	printf("}\n");
	fflush(stdout);
}

static void start(struct end *end)
{
	const struct options *options = &end->options;

	end->name = options->mp ?: options->tap ?: options->macvtap;
	device_start(&end->device, options);
	queue_offer_all(&end->device.queue[RX], options->buf);
	backend_wait_taken(end->device.backend, &end->device.queue[RX],
			   options->ring);
}

static void set_far(struct options *options)
{
	if (options->mp)
		options->mp = options->echo;
	else if (options->tap)
		options->tap = options->echo;
	else
		options->macvtap = options->echo;
}

void run_ping(const struct options *options)
{
	static struct game game;
	pthread_t thread;

	game.near.options = *options;
	game.far.options = *options;
	game.near.seed = 1;
	game.far.seed = 2;
	set_far(&game.far.options);
	game.trip = calloc(options->count, sizeof(*game.trip));
	if (!game.trip)
		die("no memory for %llu times", options->count);

	start(&game.near);
	start(&game.far);
	game.near.device.queue[TX].lose_kick = options->lose_kick;
	game.near.device.queue[RX].lose_call = options->lose_call;
	run_on(options->cpu);
	started(options);
	if (pthread_create(&thread, NULL, play_far, &game))
		die("no thread");
	play_near(&game);
	print(&game);
	device_stop(&game.near.device);
	device_stop(&game.far.device);
}
