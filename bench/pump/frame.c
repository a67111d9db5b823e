// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of UDP over IPv4, numbered as those of softnic's generator: payload
 * begins with a number and its complement.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <string.h>

#include "pump.h"

#define AT_IP		(VNET_HDR + ETH_HLEN)
#define AT_UDP		(AT_IP + sizeof(struct iphdr))
#define AT_PAYLOAD	(AT_UDP + sizeof(struct udphdr))
#define PORT		9000

static const __u8 our_mac[ETH_ALEN] = { 0x52, 0x54, 0x00, 0x1b, 0x00, 0x01 };

static __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __u32 add(const void *from, size_t len, __u32 sum)
{
	const __u8 *at = from;
	__u16 word;

	for (; len > 1; len -= 2, at += 2) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	return sum;
}

/*
 * Puts a virtio header and a frame of @size bytes to @to; the device completes
 * the checksum.  Returns the bytes of both.
 */
unsigned int frame_build(__u8 *to, unsigned int size, const __u8 *mac)
{
	struct virtio_net_hdr_mrg_rxbuf vnet = {
		.hdr = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.hdr_len = AT_PAYLOAD - VNET_HDR,
			.csum_start = AT_UDP - VNET_HDR,
			.csum_offset = offsetof(struct udphdr, check),
		},
	};
	struct ethhdr eth = { .h_proto = htons(ETH_P_IP) };
	struct udphdr udp = { .source = htons(PORT), .dest = htons(PORT) };
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(0x0a090002),
		.daddr = htonl(0x0a090001),
	};
	unsigned int i;

	for (i = AT_PAYLOAD; i < VNET_HDR + size; i++)
		to[i] = i;
	memcpy(eth.h_dest, mac, ETH_ALEN);
	memcpy(eth.h_source, our_mac, ETH_ALEN);
	ip.tot_len = htons(size - ETH_HLEN);
	ip.check = ~fold(add(&ip, sizeof(ip), 0));
	udp.len = htons(size - ETH_HLEN - sizeof(ip));
	udp.check = fold(add(&ip.saddr, 8, 0) + htons(IPPROTO_UDP) + udp.len);

	memcpy(to, &vnet, sizeof(vnet));
	memcpy(to + VNET_HDR, &eth, sizeof(eth));
	memcpy(to + AT_IP, &ip, sizeof(ip));
	memcpy(to + AT_UDP, &udp, sizeof(udp));
	return VNET_HDR + size;
}

void frame_number(__u8 *to, __u32 seq)
{
	__u32 words[2] = { htonl(seq), ~htonl(seq) };

	memcpy(to + AT_PAYLOAD, words, sizeof(words));
}

/* The number of a frame; false if it is not one of ours. */
bool frame_seq(const __u8 *frame, unsigned int len, __u32 *seq)
{
	__u32 words[2];

	if (len < AT_PAYLOAD - VNET_HDR + sizeof(words))
		return false;
	memcpy(words, frame + AT_PAYLOAD - VNET_HDR, sizeof(words));
	*seq = ntohl(words[0]);
	return words[0] == ~words[1];
}
