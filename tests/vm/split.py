#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames of every kind, of which a card can split some: each arrives as it was sent,
and nothing is written beside a buffer. Their lengths are about those at which a card
goes on in the next of its buffers. Expects interfaces NEAR and FAR up and connected,
with the same MTU; prints ok lines.

    split.py NEAR FAR HEADER PART [PARTS]

HEADER is the length of the card's header buffer, PART that of each of its PARTS.
"""

import struct
import sys
import time

import abi_common as abi
import packet
from abi_common import report
from buffers import Receiver
from junk import ready
from packet import ADDRESSES, MACS, TAGS, TCP, UDP
from vhost import F_INDIRECT, F_MRG_RXBUF, F_VERSION_1, WRITE

MODERN = F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT
ICMP, FRAGMENT, SCTP, HOP = 1, 44, 132, 0


def plain(ethertype):
    return lambda rng, room: struct.pack("!H", ethertype) + rng.randbytes(room - 2)


def llc(rng, room):
    return struct.pack("!H", min(room - 2, 1500)) + rng.randbytes(room - 2)


def ipv4(proto, fragment=0, options=b""):
    def make(rng, room):
        src, dst = ADDRESSES[False]
        head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, room - 2, 1, fragment, 64, proto, 0)
        head += src + dst + options
        head = head[:10] + struct.pack("H", packet.csum(head)) + head[12:]
        return b"\x08\0" + head + rng.randbytes(room - 2 - len(head))
    return make


def ipv6(proto, extension=b""):
    def make(rng, room):
        head = struct.pack("!IHBB", 6 << 28, room - 42, proto, 64) + b"".join(ADDRESSES[True]) + extension
        return b"\x86\xdd" + head[:room - 2] + rng.randbytes(max(0, room - 2 - len(head)))
    return make


def options(longest):
    """IPv6 with so many bytes of options before TCP, or as many as fit."""
    def make(rng, room):
        length = min(longest, (room - 42) // 8 * 8)
        return ipv6(HOP, bytes((TCP, length // 8 - 1)) + bytes(length - 2))(rng, room)
    return make


def split(v6, proto):
    """What a card splits, with a checksum that is right."""
    def make(rng, room):
        payload = rng.randbytes(room + 12 - packet.at_payload(v6, proto, 0))
        return packet.build(v6, proto, payload)[12:]
    return make


KINDS = {
    "another ethertype": plain(0x88b5), "ARP": plain(0x0806), "MPLS": plain(0x8847), "LLC": llc,
    "ICMP": ipv4(ICMP), "SCTP": ipv4(SCTP), "another protocol": ipv4(253),
    "first fragment": ipv4(UDP, 0x2000), "last fragment": ipv4(TCP, 5),
    "options of IP and TCP": ipv4(TCP, options=b"\1" * 40), "ICMPv6": ipv6(58),
    "fragment of IPv6": ipv6(FRAGMENT, struct.pack("!BBHI", UDP, 0, 1, 7)),
    "options of IPv6": options(240), "many options of IPv6": options(1024),
    "TCP": split(False, TCP), "TCP, IPv6": split(True, TCP), "UDP": split(False, UDP), "UDP, IPv6": split(True, UDP),
}


def lengths(header, part, parts):
    """Of frames without tags: about the ends of buffers, and the shortest and longest."""
    marks = {90, header} | {beside + part * n for n in range(1, parts + 1) for beside in (header, 54)}
    longest = max(part * parts - 8, header) if parts == 1 else min(part * parts, 9014)
    every = {mark + i for mark in marks for i in (0, 1)} | {longest}
    return sorted(n for n in every if n <= longest)


def roomy(rng, hdr):
    return [rng.randint(3500, 7000) + hdr]


class Splitter(Receiver):
    def arm(self, head):
        return self.place(head, roomy(self.rng, self.hdr), WRITE, 0)

    def arrived(self, seconds):
        """Frames of ours, as the guest sees them: the first that come, if any does in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            got = [frame[self.hdr:] for frame in self.collect()]
            got = [frame for frame in got if frame[:12] == MACS]
            if got:
                return got
            self.rx.sleep(5)
        return []

    def pass_on(self, data):
        """What arrives of a frame. A card without buffers drops."""
        ready(self)
        self.wire.send(data)
        return self.arrived(5)

    def link_up(self):
        """Whether frames pass: a card that was set up for us has no link at first."""
        probe = MACS + b"\x88\xb5" + bytes(60)
        for _ in range(40):
            self.wire.send(probe)
            if self.arrived(0.5):
                break
        last = probe + b"last"
        self.wire.send(last)
        got = self.arrived(5)
        while got and last not in got:
            got = self.arrived(5)
        return bool(got)


def as_sent(data):
    return data


def wrong_byte(data):
    return data[:-1] + bytes((data[-1] ^ 1,))


def unlike(guest, make, sizes, wire=as_sent):
    """Frames that do not arrive as they were made, if WIRE is what becomes of one."""
    found = []
    for tags in TAGS:
        for size in sizes:
            data = MACS + tags + make(guest.rng, size - 12)
            if len(data) > sizes[-1] + (4 if tags == TAGS[1] else 0):
                continue
            if guest.pass_on(wire(data)) != [data]:
                found.append((len(tags), size))
    return found


def kind(guest, name, make, sizes):
    found = unlike(guest, make, sizes)
    report(not found, f"{name}: every frame arrives as it was sent", f"(tags, length) {found}")


def main(near, far, header, part, parts=1):
    sizes = lengths(int(header), int(part), int(parts))
    print(f"# split.py: lengths {sizes}")
    with Splitter(abi.SPLIT, MODERN, [roomy], heads=60, slot=8192, near=near, far=far) as guest:
        report(abi.get(guest.port)["rx_mode"] == abi.SPLIT, "frames are split")
        report(guest.link_up(), "frames pass")
        for name, make in KINDS.items():
            kind(guest, name, make, sizes)
        report(unlike(guest, KINDS["TCP"], sizes[-1:], wrong_byte), "control: a wrong byte is noticed")
        stats = abi.get(guest.port)["rx"]
        guest.rx.stop()
        print(f"# {stats['packets']} frames, {stats['zerocopy_packets']} without copies, copied {stats['copied']}")
        report(stats["zerocopy_packets"] > stats["packets"] * 0.25, "those with payload without copies")
        report(not any(stats["dropped"]), "none was dropped", str(stats["dropped"]))
        report(not guest.beside and guest.all_clean(), "nothing is written beside a buffer")


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.exit(0)
