// SPDX-License-Identifier: GPL-2.0-only
/*
 * udpcount: counts what udpblast sends: received, lost, out of order.
 *
 * Ends with the datagram behind the last, or when none came for a while, at its
 * limit, or by SIGTERM. Prints one JSON object.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "traffic.h"

#define QUIET_SECONDS	2
#define BUFFER_BYTES	(4 << 20)

struct tally {
	uint64_t	packets;
	uint64_t	bytes;
	uint64_t	first;		/* times */
	uint64_t	last;
	uint64_t	next;		/* one behind the highest number seen */
	uint64_t	late;
	uint64_t	sent;		/* as the sender said, 0 if it did not */
	int		ended;
};

static volatile sig_atomic_t asked_to_end;

static char payload[BATCH][MAX_PAYLOAD];
static struct iovec iov[BATCH];
static struct mmsghdr batch[BATCH];

static void prepare(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ payload[i], sizeof(payload[i]) };
		batch[i].msg_hdr.msg_iov = &iov[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
}

static void take(struct tally *t, const struct datagram *d, size_t size)
{
	if (size < sizeof(*d) || d->magic != MAGIC)
		return;
	if (d->seq == SEQ_END) {
		if (size >= sizeof(struct last_datagram))
			t->sent = ((const struct last_datagram *)d)->total;
		t->ended = 1;
		return;
	}
	t->packets++;
	t->bytes += size;
	if (d->seq < t->next)
		t->late++;
	else
		t->next = d->seq + 1;
}

/* waits for the first of a batch, and takes what else there is */
static int receive(int fd, struct tally *t)
{
	int i, got = recvmmsg(fd, batch, BATCH, MSG_WAITFORONE, NULL);
	uint64_t before = t->packets;

	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < got; i++)
		take(t, (struct datagram *)payload[i], batch[i].msg_len);
	if (t->packets != before) {
		t->last = now();
		if (!before)
			t->first = t->last;
	}
	return 0;
}

static void on_term(int sig)
{
	(void)sig;
	asked_to_end = 1;
}

static void set_timeout(int fd, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void count(int fd, struct tally *t, double limit)
{
	uint64_t deadline = now() + limit * NSEC;
	int err;

	set_timeout(fd, 1);
	while (!t->ended && !asked_to_end && now() < deadline) {
		err = receive(fd, t);
		if (err && err != -EAGAIN) {
			errno = -err;
			fail("recvmmsg");
		}
		if (t->packets && now() > t->last + QUIET_SECONDS * NSEC)
			break;
	}
}

static void report(const struct tally *t)
{
	uint64_t sent = t->sent ? t->sent : t->next;
	double seconds = (t->last - t->first) / (double)NSEC;

	printf("{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"sent\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"reordered\": %" PRIu64
	       ", \"seconds\": %.6f, \"pps\": %.1f}\n",
	       t->packets, t->bytes, sent, sent > t->packets ? sent - t->packets : 0,
	       t->late, seconds, seconds > 0 ? t->packets / seconds : 0);
}

static void usage(void)
{
	fprintf(stderr, "usage: udpcount [-t SECONDS_AT_MOST] PORT\n");
	exit(1);
}

int main(int argc, char **argv)
{
	int opt, fd, bytes = BUFFER_BYTES;
	struct tally t = { 0 };
	struct address here = { 0 };
	double limit = 60;

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't')
			usage();
		limit = number(optarg, 0.01, 3600);
	}
	if (argc - optind != 1)
		usage();

	here.port = number(argv[optind], 1, 65535);
	fd = socket_bound(SOCK_DGRAM, &here);
	/* a burst is not to be lost here; as far as the system allows */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	/* without SA_RESTART: it has to wake us up */
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
	prepare();
	count(fd, &t, limit);
	report(&t);
	return 0;
}
