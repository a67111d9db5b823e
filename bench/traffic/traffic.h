/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the traffic programs share: options, time, and what a datagram holds.
 */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include <stdint.h>

#define NSEC		1000000000ull
#define MIN_PAYLOAD	18	/* of a frame of 64 bytes, checksum and all */
#define MAX_PAYLOAD	8972	/* of an MTU of 9000 */
#define BATCH		32

/**
 * struct datagram - the first bytes of each datagram; both ends are x86
 * @magic: tells our datagrams from others
 * @seq: its number, or %SEQ_END behind the last
 *
 * What follows has no meaning. The datagram behind the last holds how many there
 * were in its @total, which others may be too short for.
 */
struct datagram {
	uint32_t	magic;
	uint64_t	seq;
	char		filler[MIN_PAYLOAD - 12];
} __attribute__((packed));

struct last_datagram {
	struct datagram	head;
	uint64_t	total;
} __attribute__((packed));

#define MAGIC		0x6d706274u
#define SEQ_END		UINT64_MAX

/**
 * struct address - where to, or where from if there is no host
 * @host: a dotted address
 * @port: a port
 */
struct address {
	const char	*host;
	uint16_t	port;
};

uint64_t now(void);
void sleep_until(uint64_t when);

/* numbers of the command line; a wrong one ends the program with status 1 */
double number(const char *text, double min, double max);

/* open, bound or connected; a failure ends the program with status 2 */
int socket_bound(int type, const struct address *addr);
int socket_connected(int type, const struct address *addr);

void fail(const char *what) __attribute__((noreturn));

#endif
