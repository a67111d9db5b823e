// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of a frame, as the card sees them: headers, checksums, segments.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "softnic.h"

static bool parse_ipv4(const u8 *frame, u32 len, struct sn_layers *layers)
{
	const struct iphdr *ip = (const void *)(frame + layers->network);
	u32 total;

	if (layers->network + sizeof(*ip) > len || ip->version != 4 ||
	    ip->ihl < 5 || ip_is_fragment(ip))
		return false;
	total = ntohs(ip->tot_len);
	if (total < ip->ihl * 4 || total > len - layers->network)
		return false;
	layers->v6 = false;
	layers->proto = ip->protocol;
	layers->transport = layers->network + ip->ihl * 4;
	layers->end = layers->network + total;
	return true;
}

static bool parse_ipv6(const u8 *frame, u32 len, struct sn_layers *layers)
{
	const struct ipv6hdr *ip = (const void *)(frame + layers->network);
	u32 total;

	if (layers->network + sizeof(*ip) > len || ip->version != 6)
		return false;
	total = sizeof(*ip) + ntohs(ip->payload_len);
	if (total > len - layers->network)
		return false;
	layers->v6 = true;
	layers->proto = ip->nexthdr;
	layers->transport = layers->network + sizeof(*ip);
	layers->end = layers->network + total;
	return true;
}

static bool parse_transport(const u8 *frame, struct sn_layers *layers)
{
	const struct tcphdr *tcp = (const void *)(frame + layers->transport);
	u32 room = layers->end - layers->transport;
	u32 size;

	switch (layers->proto) {
	case IPPROTO_TCP:
		if (room < sizeof(*tcp))
			return false;
		size = tcp->doff * 4;
		if (size < sizeof(*tcp))
			return false;
		break;
	case IPPROTO_UDP:
		size = sizeof(struct udphdr);
		break;
	default:
		return false;
	}
	layers->payload = layers->transport + size;
	return size <= room;
}

/*
 * Finds the headers of TCP or UDP over IPv4 or IPv6, behind up to two VLAN
 * tags.  What is more complicated is not understood.
 */
bool sn_frame_parse(const u8 *frame, u32 len, struct sn_layers *layers)
{
	u32 at = 2 * ETH_ALEN;
	unsigned int tags;
	__be16 type;

	for (tags = 0; tags < 3; tags++) {
		if (at + sizeof(type) > len)
			return false;
		memcpy(&type, frame + at, sizeof(type));
		at += sizeof(type);
		layers->network = at;
		if (type == htons(ETH_P_IP))
			return parse_ipv4(frame, len, layers) &&
			       parse_transport(frame, layers);
		if (type == htons(ETH_P_IPV6))
			return parse_ipv6(frame, len, layers) &&
			       parse_transport(frame, layers);
		if (!eth_type_vlan(type))
			return false;
		at += VLAN_HLEN - sizeof(type);
	}
	return false;
}

/* The checksum of the transport layer, folded; 0 over one that is right. */
static __sum16 transport_sum(const u8 *frame, const struct sn_layers *layers)
{
	u32 len = layers->end - layers->transport;
	__wsum sum = csum_partial(frame + layers->transport, len, 0);

	if (layers->v6) {
		const struct ipv6hdr *ip = (const void *)(frame + layers->network);

		return csum_ipv6_magic(&ip->saddr, &ip->daddr, len,
				       layers->proto, sum);
	} else {
		const struct iphdr *ip = (const void *)(frame + layers->network);

		return csum_tcpudp_magic(ip->saddr, ip->daddr, len,
					 layers->proto, sum);
	}
}

/* Whether the card can tell that the checksum is right. */
bool sn_frame_verify(const u8 *frame, u32 len)
{
	const struct udphdr *udp;
	struct sn_layers layers;

	if (!sn_frame_parse(frame, len, &layers))
		return false;
	udp = (const void *)(frame + layers.transport);
	if (layers.proto == IPPROTO_UDP && !udp->check)
		return false;
	return !transport_sum(frame, &layers);
}

/* Completes the checksum that the stack began. */
void sn_frame_checksum(u8 *frame, u32 len, u32 start, u32 offset)
{
	__sum16 sum;

	if (start + offset + sizeof(sum) > len)
		return;
	sum = csum_fold(csum_partial(frame + start, len - start, 0));
	if (!sum)
		sum = CSUM_MANGLED_0;
	memcpy(frame + start + offset, &sum, sizeof(sum));
}

static void segment_ip(u8 *segment, u32 len, const struct sn_layers *layers,
		       u32 number)
{
	if (layers->v6) {
		struct ipv6hdr *ip = (void *)(segment + layers->network);

		ip->payload_len = htons(len - layers->network - sizeof(*ip));
	} else {
		struct iphdr *ip = (void *)(segment + layers->network);

		ip->tot_len = htons(len - layers->network);
		ip->id = htons(ntohs(ip->id) + number);
		ip->check = 0;
		ip->check = ip_fast_csum(ip, ip->ihl);
	}
}

/* A segment's TCP header: @offset bytes before it, and more behind or not. */
static void segment_tcp(u8 *segment, const struct sn_layers *layers, u32 offset,
			bool more)
{
	struct tcphdr *tcp = (void *)(segment + layers->transport);

	tcp->seq = htonl(ntohl(tcp->seq) + offset);
	if (offset)
		tcp->cwr = 0;
	if (more) {
		tcp->fin = 0;
		tcp->psh = 0;
	}
	tcp->check = 0;
	tcp->check = transport_sum(segment, layers);
}

/* A datagram of its own. */
static void segment_udp(u8 *segment, const struct sn_layers *layers)
{
	struct udphdr *udp = (void *)(segment + layers->transport);

	udp->len = htons(layers->end - layers->transport);
	udp->check = 0;
	udp->check = transport_sum(segment, layers);
	if (!udp->check)
		udp->check = CSUM_MANGLED_0;
}

/**
 * sn_frame_segment() - cut the next segment from a packet
 * @packet: headers and payload
 * @len: bytes of both
 * @how: its first descriptor
 * @offset: 0 before the first segment; moves on
 * @segment: room for it
 *
 * Return: bytes of the segment, or 0 if there are no more, or if the headers
 * are not understood.
 */
u32 sn_frame_segment(const u8 *packet, u32 len, const struct sn_tx_desc *how,
		     u32 *offset, u8 *segment)
{
	u32 left = len - how->header - *offset;
	u32 n = min_t(u32, left, how->mss);
	struct sn_layers layers;

	if (!n || how->header > len || how->header + n > SN_FRAME_MAX)
		return 0;
	memcpy(segment, packet, how->header);
	memcpy(segment + how->header, packet + how->header + *offset, n);

	/* The length of the whole says nothing of a packet beyond 64 KB. */
	if (!sn_frame_parse(packet, len, &layers) ||
	    layers.payload != how->header)
		return 0;
	layers.end = how->header + n;
	segment_ip(segment, layers.end, &layers, *offset / how->mss);
	if (layers.proto == IPPROTO_TCP)
		segment_tcp(segment, &layers, *offset, n < left);
	else
		segment_udp(segment, &layers);

	*offset += n;
	return layers.end;
}
