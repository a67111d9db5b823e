// SPDX-License-Identifier: GPL-2.0-only
/*
 * udp: datagrams whose every byte is known, a few at a time: each exchange is
 * answered before the next begins, and repeated if something was lost.
 *
 * For tests, in L1 and in guests.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAGIC		0x6d707564
#define MAX		65507
#define BUFFER		(4 << 20)
#define TRIES		20

/* What the server does about a datagram. */
enum {
	ECHO,			/* send it back */
	FIRST,			/* a burst begins */
	MORE,			/* it goes on */
	LAST,			/* it is over: say how many came in order */
	END,			/* tell and exit */
};

struct head {
	__u32 magic;
	__u32 number;
	__u32 kind;
	__u32 length;
};

struct tally {
	unsigned int datagrams;
	unsigned int wrong;
	unsigned int longest;	/* bytes that came at once */
	__u32 next;		/* in this burst */
};

static char out[MAX];
static char in[MAX + 1];

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void fill(char *to, __u32 number, __u32 kind, __u32 length)
{
	struct head head = { MAGIC, number, kind, length };
	__u32 i;

	memcpy(to, &head, sizeof(head));
	for (i = sizeof(head); i < length; i++)
		to[i] = number * 31 + i * 7;
}

static bool right(const char *data, __u32 length, struct head *head)
{
	__u32 i;

	if (length < sizeof(*head))
		return false;
	memcpy(head, data, sizeof(*head));
	if (head->magic != MAGIC || head->length != length)
		return false;
	for (i = sizeof(*head); i < length; i++)
		if (data[i] != (char)(head->number * 31 + i * 7))
			return false;
	return true;
}

/* Server. */

static void answer(int fd, const struct sockaddr_in6 *to, const void *data,
		   size_t length)
{
	if (sendto(fd, data, length, 0, (const struct sockaddr *)to,
		   sizeof(*to)) < 0)
		fail("answer");
}

static void serve_one(int fd, struct tally *tally, const char *data,
		      __u32 length, const struct sockaddr_in6 *from)
{
	struct head head;

	if (!right(data, length, &head)) {
		tally->wrong++;
		return;
	}
	if (head.kind != END)
		tally->datagrams++;
	if (head.kind == FIRST)
		tally->next = head.number;
	if (head.number == tally->next)
		tally->next++;
	if (head.kind == ECHO) {
		answer(fd, from, data, length);
	} else if (head.kind == LAST) {
		head.length = tally->next;
		answer(fd, from, &head, sizeof(head));
	} else if (head.kind == END) {
		printf("datagrams=%u wrong=%u longest=%u\n", tally->datagrams,
		       tally->wrong, tally->longest);
		fflush(stdout);		/* who has the answer reads it */
		answer(fd, from, &head, sizeof(head));
		exit(0);
	}
}

/* Bytes that arrived, and the length of each datagram among them. */
static int receive(int fd, struct sockaddr_in6 *from, int *each)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr msg = {
		.msg_name = from,
		.msg_namelen = sizeof(*from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int got = recvmsg(fd, &msg, 0);

	*each = got;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
			memcpy(each, CMSG_DATA(cmsg), sizeof(*each));
	return got;
}

static void serve(int fd, int port, bool gro)
{
	struct sockaddr_in6 here = { .sin6_family = AF_INET6 };
	struct tally tally = { 0 };
	int on = gro, off = 0, bytes = BUFFER;

	here.sin6_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)))
		fail("bind");
	for (;;) {
		struct sockaddr_in6 from;
		int each, at, got = receive(fd, &from, &each);

		if (got < 0)
			fail("receive");
		if ((unsigned int)got > tally.longest)
			tally.longest = got;
		for (at = 0; at < got; at += each)
			serve_one(fd, &tally, in + at,
				  got - at < each ? got - at : each, &from);
	}
}

/* Client. */

/* Sends out[] until there is an answer to it of @want bytes. */
static int ask(int fd, __u32 length, __u32 want)
{
	int tries, got;

	for (tries = 0; tries < TRIES; tries++) {
		if (send(fd, out, length, 0) < 0 && errno != ECONNREFUSED)
			fail("send");
		for (;;) {
			got = recv(fd, in, sizeof(in), 0);
			if (got < 0)
				break;
			/* what comes late is the answer to another question */
			if ((__u32)got == want && !memcmp(in, out, 8))
				return tries;
		}
	}
	fprintf(stderr, "no answer to %u bytes\n", length);
	exit(1);
}

/* Every length there and back. */
static void sweep(int fd, __u32 from, __u32 to)
{
	__u32 n;
	int again = 0;

	for (n = from; n <= to; n++) {
		fill(out, n, ECHO, n);
		again += ask(fd, n, n);
		if (memcmp(in, out, n)) {
			fprintf(stderr, "%u bytes came back wrong\n", n);
			exit(1);
		}
	}
	printf("lengths=%u again=%d\n", to - from + 1, again);
}

/* One call to send @nr datagrams; the last one's number is out[]'s. */
static bool burst(int fd, __u32 number, __u32 size, __u32 nr)
{
	struct head last;
	__u32 i;

	for (i = nr; i-- > 0;)
		fill(out + i * size, number + i, i ? i + 1 < nr ? MORE : LAST : FIRST,
		     size);
	if (send(fd, out, nr * size, 0) < 0)
		fail("send");
	do {
		if (recv(fd, &last, sizeof(last), 0) != sizeof(last))
			return false;
	} while (last.number != number + nr - 1);
	return last.length == number + nr;
}

static void send_bursts(int fd, __u32 size, __u32 nr, __u32 count)
{
	__u32 i;
	int tries = 0;
	int segment = size;

	if (nr < 2 || size < sizeof(struct head) || size * nr > MAX) {
		fprintf(stderr, "not so many\n");
		exit(2);
	}
	if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
		fail("UDP_SEGMENT");
	for (i = 0; i < count; i++)
		while (!burst(fd, i * nr, size, nr))
			if (++tries > TRIES) {
				fprintf(stderr, "burst %u is lost\n", i);
				exit(1);
			}
	printf("bursts=%u again=%d\n", count, tries);
}

static void end(int fd)
{
	fill(out, 0, END, sizeof(struct head));
	ask(fd, sizeof(struct head), sizeof(struct head));
}

static void connect_to(int fd, const char *address, int port)
{
	struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	char mapped[64];

	to.sin6_port = htons(port);
	snprintf(mapped, sizeof(mapped), "%s%s",
		 strchr(address, ':') ? "" : "::ffff:", address);
	if (inet_pton(AF_INET6, mapped, &to.sin6_addr) != 1) {
		fprintf(stderr, "no address: %s\n", address);
		exit(2);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail(address);
}

int main(int argc, char **argv)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	const char *what = argc > 2 ? argv[1] : "";

	if (fd < 0)
		fail("socket");
	if (!strcmp(what, "serve")) {
		serve(fd, atoi(argv[2]), argc > 3);
	} else if (argc > 3) {
		connect_to(fd, argv[2], atoi(argv[3]));
		if (!strcmp(what, "sweep") && argc == 6)
			sweep(fd, atoi(argv[4]), atoi(argv[5]));
		else if (!strcmp(what, "burst") && argc == 7)
			send_bursts(fd, atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
		else if (!strcmp(what, "end"))
			end(fd);
		else
			what = "";
	}
	if (*what)
		return 0;
	fprintf(stderr,
		"usage: udp serve PORT [gro]\n"
		"       udp sweep ADDRESS PORT FROM TO\n"
		"       udp burst ADDRESS PORT SIZE DATAGRAMS COUNT\n"
		"       udp end ADDRESS PORT\n");
	return 2;
}
