// SPDX-License-Identifier: GPL-2.0-only
/*
 * rr: one byte back and forth over TCP, each round trip timed.
 *
 *   rr PORT                        the server: one client after the other
 *   rr [-t SECONDS] ADDRESS PORT   the client: prints one JSON object
 *
 * The client ends after its time, or by SIGTERM.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define MAX_TRIPS	2000000
#define WARM_UP		50	/* the first ones are not counted */

static volatile sig_atomic_t asked_to_end;
static uint64_t trips[MAX_TRIPS];

static void on_term(int sig)
{
	(void)sig;
	asked_to_end = 1;
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void serve(const struct address *here)
{
	int fd = socket_bound(SOCK_STREAM, here), client;
	char byte;

	if (listen(fd, 1))
		fail("listen");
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		no_delay(client);
		while (read(client, &byte, 1) == 1 && write(client, &byte, 1) == 1)
			;
		close(client);
	}
	fail("accept");
}

static uint64_t trip(int fd)
{
	uint64_t start = now();
	char byte = 'x';

	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		fail("round trip");
	return now() - start;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* the value below which so many parts of a thousand are, in microseconds */
static double quantile(size_t count, unsigned int thousandth)
{
	size_t at = count * thousandth / 1000;

	return trips[at < count ? at : count - 1] / 1000.0;
}

static void report(size_t count)
{
	double sum = 0;
	size_t i;

	if (!count) {
		fprintf(stderr, "no round trip\n");
		exit(2);
	}
	for (i = 0; i < count; i++)
		sum += trips[i];
	qsort(trips, count, sizeof(trips[0]), by_size);
	printf("{\"count\": %zu, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f}\n",
	       count, sum / count / 1000, quantile(count, 500), quantile(count, 900),
	       quantile(count, 990), trips[count - 1] / 1000.0);
}

static void ask(const struct address *to, double seconds)
{
	int i, fd = socket_connected(SOCK_STREAM, to);
	/* a trip under way is to end as ever */
	struct sigaction action = {
		.sa_handler = on_term,
		.sa_flags = SA_RESTART,
	};
	size_t count = 0;
	uint64_t end;

	no_delay(fd);
	sigaction(SIGTERM, &action, NULL);
	for (i = 0; i < WARM_UP; i++)
		trip(fd);
	end = now() + seconds * NSEC;
	while (now() < end && !asked_to_end && count < MAX_TRIPS)
		trips[count++] = trip(fd);
	report(count);
}

static void usage(void)
{
	fprintf(stderr, "usage: rr PORT\n       rr [-t SECONDS] ADDRESS PORT\n");
	exit(1);
}

int main(int argc, char **argv)
{
	struct address addr = { 0 };
	double seconds = 1;
	int opt;

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't')
			usage();
		seconds = number(optarg, 0.01, 3600);
	}
	if (argc - optind < 1 || argc - optind > 2)
		usage();

	addr.port = number(argv[argc - 1], 1, 65535);
	if (argc - optind == 2)
		addr.host = argv[optind];
	if (addr.host)
		ask(&addr, seconds);
	else
		serve(&addr);
	return 0;
}
