#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Packets of TCP and UDP, put together and taken apart byte by byte, and the
virtio header in front of them."""

import array
import struct

NEEDS_CSUM, DATA_VALID = 1, 2
GSO_TCP4, GSO_TCP6, GSO_UDP, GSO_ECN = 1, 4, 5, 0x80
TCP, UDP = 6, 17
CWR, ACK = 0x80, 0x10
MACS = b"\xff" * 6 + b"\x02\0\0\0\0\1"
TAGS = (b"", b"\x81\0\0\7", b"\x88\xa8\0\x08\x81\0\0\x09")
ADDRESSES = {False: (bytes((10, 66, 0, 1)), bytes((10, 66, 0, 2))),
             True: (b"\xfd" + b"\1" * 15, b"\xfd" + b"\2" * 15)}
VNET = struct.Struct("<BBHHHH")


def csum(data):
    """The checksum of @data, which is 0 over data that has it right."""
    words = array.array("H", data + bytes(len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(v6, proto, length):
    return b"".join(ADDRESSES[v6]) + struct.pack("!HH", proto, length)


def at_transport(v6, tags):
    return 14 + len(TAGS[tags]) + (40 if v6 else 20)


def at_payload(v6, proto, tags):
    return at_transport(v6, tags) + (20 if proto == TCP else 8)


def csum_offset(proto):
    return 16 if proto == TCP else 6


def network(v6, proto, length):
    src, dst = ADDRESSES[v6]
    if v6:
        return struct.pack("!IHBB", 6 << 28, length, proto, 64) + src + dst
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, proto, 0) + src + dst
    return head[:10] + struct.pack("H", csum(head)) + head[12:]


def transport(proto, length, flags):
    if proto == TCP:
        return struct.pack("!HHIIBBHHH", 1000, 2000, 0, 1, 5 << 4, flags, 512, 0, 0)
    return struct.pack("!HHHH", 1000, 2000, length, 0)


def build(v6, proto, payload, tags=0, flags=ACK, partial=False):
    """A frame; with @partial its checksum is the pseudo header's, to be completed."""
    length = len(payload) + (20 if proto == TCP else 8)
    segment = bytearray(transport(proto, length, flags) + payload)
    if partial:
        value = csum(pseudo(v6, proto, length)) ^ 0xffff
    else:
        value = csum(pseudo(v6, proto, length) + segment) or 0xffff
    struct.pack_into("H", segment, csum_offset(proto), value)
    ethertype = b"\x86\xdd" if v6 else b"\x08\0"
    return MACS + TAGS[tags] + ethertype + network(v6, proto, length) + segment


def vnet(v6, proto, tags=0, flags=NEEDS_CSUM, gso=0, size=0, hdr_len=0):
    return VNET.pack(flags, gso, hdr_len, size, at_transport(v6, tags), csum_offset(proto))


def gso_type(v6, proto):
    return GSO_UDP if proto == UDP else GSO_TCP6 if v6 else GSO_TCP4


class Seen:
    """A frame as it arrived. @fault says what is wrong with it, or is None."""

    def __init__(self, frame, partial=False):
        self.fault = None
        at = 12
        while frame[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
            at += 4
        self.tags = frame[12:at]
        self.v6 = frame[at:at + 2] == b"\x86\xdd"
        at += 2
        if self.v6:
            length, self.proto = struct.unpack_from("!HB", frame, at + 4)
        else:
            length, self.proto = struct.unpack_from("!H", frame, at + 2)[0] - 20, frame[at + 9]
            if csum(frame[at:at + 20]):
                self.fault = "checksum of IP"
        at += 40 if self.v6 else 20
        segment = frame[at:at + length]
        if len(segment) != length:
            self.fault = f"{len(segment)} bytes of {length}"
        self.seq, self.flags = 0, 0
        if self.proto == TCP:
            self.seq, self.flags = struct.unpack_from("!I", segment, 4)[0], segment[13]
        elif struct.unpack_from("!H", segment, 4)[0] != length:
            self.fault = "length of UDP"
        self.payload = segment[20 if self.proto == TCP else 8:]
        whole = pseudo(self.v6, self.proto, length) + segment
        if not partial and csum(whole):
            self.fault = "checksum"
        if partial and struct.unpack_from("H", segment, csum_offset(self.proto))[0] != \
                csum(pseudo(self.v6, self.proto, length)) ^ 0xffff:
            self.fault = "checksum of the pseudo header"
