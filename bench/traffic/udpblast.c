// SPDX-License-Identifier: GPL-2.0-only
/*
 * udpblast: numbered datagrams, at a rate or as fast as they go.
 *
 * Prints one JSON object: what it sent, and how long that took.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

/* With a rate: the time between batches, short enough for small bursts. */
#define PACE		(NSEC / 4000)

/* The datagram behind the last, several times as any of them may get lost, and
 * after a pause for queues to drain.
 */
#define END_COPIES	10
#define END_PAUSE	(NSEC / 20)

struct blast {
	int		fd;
	size_t		size;
	double		rate;		/* a second; 0: as fast as they go */
	uint64_t	start;
	uint64_t	end;
	uint64_t	sent;
	uint64_t	refused;
};

static char payload[BATCH][MAX_PAYLOAD];
static struct iovec iov[BATCH];
static struct mmsghdr batch[BATCH];

static void prepare(size_t size)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		((struct datagram *)payload[i])->magic = MAGIC;
		iov[i] = (struct iovec){ payload[i], size };
		batch[i].msg_hdr.msg_iov = &iov[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
}

static void send_batch(struct blast *b, unsigned int count)
{
	unsigned int i;
	int done;

	for (i = 0; i < count; i++)
		((struct datagram *)payload[i])->seq = b->sent + i;
	done = sendmmsg(b->fd, batch, count, 0);
	if (done < 0)		/* no memory, or nobody listens any more */
		b->refused++;
	else
		b->sent += done;
}

/* how many are due by now */
static uint64_t due(const struct blast *b, uint64_t t)
{
	uint64_t target;

	if (!b->rate)
		return BATCH;
	target = (t - b->start) / (double)NSEC * b->rate;
	return target > b->sent ? target - b->sent : 0;
}

static void blast(struct blast *b)
{
	uint64_t t, n;

	while ((t = now()) < b->end) {
		n = due(b, t);
		if (n)
			send_batch(b, n < BATCH ? n : BATCH);
		if (b->rate && n <= BATCH)
			sleep_until(t + PACE);
	}
	b->end = t;
}

static void send_end(const struct blast *b)
{
	struct last_datagram last = {
		.head = { .magic = MAGIC, .seq = SEQ_END },
		.total = b->sent,
	};
	int i;

	for (i = 0; i < END_COPIES; i++) {
		sleep_until(now() + END_PAUSE);
		if (send(b->fd, &last, sizeof(last), 0) < 0)
			return;
	}
}

static void report(const struct blast *b)
{
	double seconds = (b->end - b->start) / (double)NSEC;

	printf("{\"sent\": %" PRIu64 ", \"refused\": %" PRIu64
	       ", \"seconds\": %.6f, \"pps\": %.1f}\n",
	       b->sent, b->refused, seconds, b->sent / seconds);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: udpblast [-s PAYLOAD_BYTES] [-r PER_SECOND] [-t SECONDS] ADDRESS PORT\n");
	exit(1);
}

int main(int argc, char **argv)
{
	struct blast b = { .size = MIN_PAYLOAD };
	struct address to;
	double seconds = 1;
	int opt;

	while ((opt = getopt(argc, argv, "s:r:t:")) != -1) {
		switch (opt) {
		case 's':
			b.size = number(optarg, MIN_PAYLOAD, MAX_PAYLOAD);
			break;
		case 'r':
			b.rate = number(optarg, 0, 1e9);
			break;
		case 't':
			seconds = number(optarg, 0.01, 3600);
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2)
		usage();

	to.host = argv[optind];
	to.port = number(argv[optind + 1], 1, 65535);
	b.fd = socket_connected(SOCK_DGRAM, &to);
	prepare(b.size);
	b.start = now();
	b.end = b.start + seconds * NSEC;
	blast(&b);
	send_end(&b);
	report(&b);
	return 0;
}
