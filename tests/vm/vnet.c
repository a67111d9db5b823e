// SPDX-License-Identifier: GPL-2.0-only
/*
 * vnet: what a guest's network card said of the TCP and UDP packets that came,
 * as the virtio headers of a packet socket have it. Tells at SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/types.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER	(16 << 20)
#define CWR	0x80

struct tally {
	unsigned int packets;
	unsigned int needs_csum;
	unsigned int data_valid;
	unsigned int bare;		/* neither */
	unsigned int gso;
	unsigned int ecn;
	unsigned int cwr;
	unsigned int longest;
};

static sig_atomic_t over;
static int wire;

/* What is there already counts. */
static void on_term(int sig)
{
	over = sig;
	fcntl(wire, F_SETFL, O_NONBLOCK);
}

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void tell(const char *name, const struct tally *tally)
{
	printf("%s packets=%u needs_csum=%u data_valid=%u bare=%u gso=%u ecn=%u cwr=%u longest=%u\n",
	       name, tally->packets, tally->needs_csum, tally->data_valid,
	       tally->bare, tally->gso, tally->ecn, tally->cwr, tally->longest);
}

/* The transport protocol and where it begins, or 0. IP has no options here. */
static int transport(const __u8 *frame, size_t length, size_t *at)
{
	__u16 type;

	memcpy(&type, frame + 12, sizeof(type));
	*at = ETH_HLEN + (ntohs(type) == ETH_P_IPV6 ? 40 : 20);
	if (length < *at + 20)
		return 0;
	if (ntohs(type) == ETH_P_IPV6)
		return frame[ETH_HLEN + 6];
	return ntohs(type) == ETH_P_IP ? frame[ETH_HLEN + 9] : 0;
}

static void count(struct tally *tally, const struct virtio_net_hdr *vnet,
		  unsigned int length, __u8 flags)
{
	tally->packets++;
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		tally->needs_csum++;
	else if (vnet->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		tally->data_valid++;
	else
		tally->bare++;
	tally->gso += !!vnet->gso_type;
	tally->ecn += !!(vnet->gso_type & VIRTIO_NET_HDR_GSO_ECN);
	tally->cwr += !!(flags & CWR);
	if (length > tally->longest)
		tally->longest = length;
}

static int open_on(const char *name)
{
	struct sockaddr_ll here = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	int on = 1, bytes = BUFFER;

	if (fd < 0 || !here.sll_ifindex ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)))
		fail(name);
	return fd;
}

int main(int argc, char **argv)
{
	static __u8 frame[1 << 17];
	struct virtio_net_hdr vnet;
	struct iovec iov[] = {
		{ &vnet, sizeof(vnet) }, { frame, sizeof(frame) },
	};
	struct sigaction action = { .sa_handler = on_term };
	struct tally tcp = { 0 }, udp = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: vnet INTERFACE\n");
		return 2;
	}
	wire = open_on(argv[1]);
	sigaction(SIGTERM, &action, NULL);
	for (;;) {
		ssize_t got = readv(wire, iov, 2);
		size_t at, length;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN && over)
			break;
		if (got < 0)
			fail("read");
		length = got - sizeof(vnet);
		switch (transport(frame, length, &at)) {
		case IPPROTO_TCP:
			count(&tcp, &vnet, length, frame[at + 13]);
			break;
		case IPPROTO_UDP:
			count(&udp, &vnet, length, 0);
			break;
		}
	}
	tell("tcp", &tcp);
	tell("udp", &udp);
	return 0;
}
