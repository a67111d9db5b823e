// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the traffic programs share.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

void sleep_until(uint64_t when)
{
	struct timespec ts = { .tv_sec = when / NSEC, .tv_nsec = when % NSEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

double number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || value < min || value > max) {
		fprintf(stderr, "not a number from %g to %g: %s\n", min, max, text);
		exit(1);
	}
	return value;
}

static struct sockaddr_in resolved(const struct address *addr)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(addr->port),
	};

	if (addr->host && inet_pton(AF_INET, addr->host, &sin.sin_addr) != 1) {
		fprintf(stderr, "not an address: %s\n", addr->host);
		exit(1);
	}
	return sin;
}

static int opened(int type)
{
	int fd = socket(AF_INET, type, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

int socket_bound(int type, const struct address *addr)
{
	struct sockaddr_in sin = resolved(addr);
	int fd = opened(type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		fail("bind");
	return fd;
}

int socket_connected(int type, const struct address *addr)
{
	struct sockaddr_in sin = resolved(addr);
	int fd = opened(type);

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		fail("connect");
	return fd;
}
