#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What virtio headers say, both ways, on rings played by hand: segments to cut and
merged ones, ECN, checksums to be completed, verified, or wrong. Expects snicA1 and
snicB1 up and connected; prints ok lines.
"""

import itertools
import socket
import struct
import sys
import time

import abi_common as abi
import packet
from abi_common import report
from buffers import CARD, Receiver, Sender, cut
from card import Card
from packet import ACK, CWR, DATA_VALID, GSO_ECN, GSO_TCP4, GSO_UDP, NEEDS_CSUM, TCP, UDP, Seen, gso_type
from vhost import F_INDIRECT, F_MRG_RXBUF, F_VERSION_1

MODERN = F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT
TUNSETOFFLOAD = 0x400454D0
F_CSUM, F_TSO4, F_TSO6, F_ECN, F_USO4, F_USO6 = 1, 2, 4, 8, 0x20, 0x40
F_TSO, F_USO = F_TSO4 | F_TSO6, F_USO4 | F_USO6
KINDS = list(itertools.product((False, True), (TCP, UDP)))
MSS = 1400
FAR = Card("B1")
SOL_PACKET, AUXDATA, VNET_HDR = 263, 8, 15
VLAN_VALID = 0x10


def kind(v6, proto):
    return ("TCP" if proto == TCP else "UDP") + ("6" if v6 else "4")


def ethtool(card, *words):
    abi.sh(f"ethtool -K {card} {' '.join(words)}")


class Wire:
    """The far end. What it sends may be long, for its card to cut."""

    def __init__(self):
        self.out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.out.setsockopt(SOL_PACKET, VNET_HDR, 1)
        self.out.bind(("snicB1", 0))
        self.in_ = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.in_.setsockopt(SOL_PACKET, AUXDATA, 1)
        self.in_.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)     # SO_RCVBUFFORCE
        self.in_.bind(("snicB1", 3))                            # ETH_P_ALL
        self.in_.settimeout(10)

    def send(self, frame, vnet=bytes(10)):
        self.out.send(vnet + frame)

    def recv(self):
        """The next frame that is ours, with the tag that the stack took out of it."""
        while True:
            data, aux, _, address = self.in_.recvmsg(1 << 17, 256)
            if address[2] == socket.PACKET_OUTGOING or data[6:12] != packet.MACS[6:]:
                continue
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", aux[0][2])
            if status & VLAN_VALID:
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
            return data


# Transmit.

def joined(seen, size, ecn):
    """The payload of segments, or None if one is not what it should be."""
    at = 0
    for i, part in enumerate(seen):
        good = not part.fault and bool(part.flags & CWR) == (ecn and i == 0)
        if part.proto == TCP:
            good &= part.seq == at
        if not good or len(part.payload) > size or (i + 1 < len(seen) and len(part.payload) < size):
            print(f"# segment {i} of {len(seen)}: {part.fault}, {len(part.payload)} bytes, flags {part.flags}")
            return None
        at += len(part.payload)
    return b"".join(part.payload for part in seen)


def leaves(guest, wire, v6, proto, tags, length, ecn, pieces):
    """Whether a long packet arrives as segments."""
    payload = guest.rng.randbytes(length)
    frame = packet.build(v6, proto, payload, tags, ACK | CWR if ecn else ACK, partial=True)
    at_payload = packet.at_payload(v6, proto, tags)
    gso = gso_type(v6, proto) | (GSO_ECN if ecn else 0)
    vnet = packet.vnet(v6, proto, tags, gso=gso, size=MSS, hdr_len=guest.rng.choice((0, at_payload, at_payload + 99)))
    guest.tx.offer(guest.put(frame, cut(guest.rng, guest.hdr + len(frame), pieces), vnet))
    seen = []
    try:
        while sum(len(part.payload) for part in seen) < length:
            seen.append(Seen(wire.recv()))
    except TimeoutError:
        print(f"# {len(seen)} segments arrived")
    good = joined(seen, MSS, ecn) == payload and all(part.tags == packet.TAGS[tags] for part in seen)
    return guest.finish(1) and good


def spoilt(wire):
    """A byte that the far end's card changes is noticed."""
    with Sender(MODERN) as guest:
        FAR.fault("rx/corrupt", 1)
        report(not leaves(guest, wire, False, TCP, 0, 5000, False, 3), "transmit: a wrong byte is noticed")
        FAR.fault("rx/corrupt", 0)
    with Merger(abi.SPLIT, F_CSUM | F_TSO) as guest:
        CARD.fault("rx/corrupt", 4)
        report(arrivals(guest, wire, False, TCP, 0, False) is None, "receive: a wrong byte is noticed")
        CARD.fault("rx/corrupt", 0)
        ethtool("snicA1", "gro off")
        report(not merged(guest, wire, False, TCP, 0, False, {GSO_TCP4}), "receive: if nothing is merged, it is noticed")
        ethtool("snicA1", "gro on")


def longest(v6, proto):
    return 65535 - (0 if v6 else 20) - (20 if proto == TCP else 8)


def segments(name, wire):
    with Sender(MODERN) as guest:
        for v6, proto in KINDS:
            good = True
            for tags, pieces in itertools.product(range(3), (1, 3, 17, 64)):
                good &= leaves(guest, wire, v6, proto, tags, guest.rng.randint(MSS + 1, 40000), False, pieces)
            report(good, f"{name}: {kind(v6, proto)} is cut into segments, whatever tags and pieces it has")
            report(all(leaves(guest, wire, v6, proto, tags, longest(v6, proto), False, 64) for tags in range(3)),
                   f"{name}: {kind(v6, proto)} as long as can be")
            if proto == TCP:
                report(leaves(guest, wire, v6, proto, 0, 20000, True, 5),
                       f"{name}: {kind(v6, proto)} with ECN: the first segment has the flag")
        stats = abi.get(guest.port)["tx"]
        print(f"# {name}: {stats['packets']} packets, {stats['zerocopy_packets']} without copies, "
              f"copied {stats['copied']}")
        report(not any(stats["dropped"]), f"{name}: none is dropped", str(stats["dropped"]))
        return stats


def checksums(name, wire):
    """Packets of one segment, their checksums to be completed and not."""
    with Sender(MODERN) as guest:
        for partial in (True, False):
            good = True
            for (v6, proto), tags, length in itertools.product(KINDS, range(3), (0, 1, 63, 400, 1401, 1440)):
                payload = guest.rng.randbytes(length)
                frame = packet.build(v6, proto, payload, tags, partial=partial)
                vnet = packet.vnet(v6, proto, tags) if partial else b""
                guest.tx.offer(guest.put(frame, cut(guest.rng, guest.hdr + len(frame), 8), vnet))
                seen = Seen(wire.recv())
                good &= guest.finish(1) and not seen.fault and seen.payload == payload and \
                    seen.tags == packet.TAGS[tags]
            report(good, f"{name}: checksums {'completed' if partial else 'left alone'}")


def refused(wire):
    """Headers that make no sense: nothing is sent, and the chain comes back."""
    frame = packet.build(False, TCP, bytes(4000), partial=True)
    udp = packet.build(False, UDP, bytes(4000), partial=True)
    vnet = packet.VNET
    bad = {
        "an unknown type": (frame, vnet.pack(NEEDS_CSUM, 9, 54, MSS, 34, 16)),
        "segments of nothing": (frame, vnet.pack(NEEDS_CSUM, 1, 54, 0, 34, 16)),
        "a checksum behind the end": (frame, vnet.pack(NEEDS_CSUM, 1, 54, MSS, 4054, 16)),
        "a checksum that wraps": (frame, vnet.pack(NEEDS_CSUM, 1, 54, MSS, 0xffff, 0xffff)),
        "headers beyond the end": (frame, vnet.pack(NEEDS_CSUM, 1, 5000, MSS, 34, 16)),
        "USO without a checksum": (udp, vnet.pack(0, GSO_UDP, 42, MSS, 0, 0)),
        "USO with TCP's checksum": (udp, vnet.pack(NEEDS_CSUM, GSO_UDP, 42, MSS, 34, 16)),
        "USO of too many datagrams": (udp, vnet.pack(NEEDS_CSUM, GSO_UDP, 42, 20, 34, 6)),
        "USO with ECN": (udp, vnet.pack(NEEDS_CSUM, GSO_UDP | GSO_ECN, 42, MSS, 34, 6)),
        "segments longer than the MTU": (frame, vnet.pack(NEEDS_CSUM, 1, 54, 3000, 34, 16)),
        "a long frame that is one segment": (frame, vnet.pack(NEEDS_CSUM, 1, 54, 5000, 34, 16)),
        "datagrams longer than the MTU": (udp, vnet.pack(NEEDS_CSUM, GSO_UDP, 42, 2000, 34, 6)),
        "a long frame in one piece": (frame, vnet.pack(NEEDS_CSUM, 0, 54, 0, 34, 16)),
    }
    with Sender(MODERN) as guest:
        for why, (data, header) in bad.items():
            guest.tx.offer(guest.put(data, cut(guest.rng, guest.hdr + len(data), 4), header))
            report(guest.finish(1), f"refused: {why}: the chain comes back")
        last = packet.build(False, UDP, b"last")
        guest.tx.offer(guest.put(last, [guest.hdr + len(last)]))
        report(Seen(wire.recv()).payload == b"last" and guest.finish(1), "refused: nothing of it was sent")
        dropped = abi.get(guest.port)["tx"]["dropped"]
        report(sum(dropped) == len(bad), "refused: each is counted", str(dropped))


# Receive.

def plain(rng, hdr):
    return [2048]


class Merger(Receiver):
    """Takes packets and looks at their virtio headers."""

    def __init__(self, mode, offload):
        super().__init__(mode, F_MRG_RXBUF | F_VERSION_1, [plain], heads=250, slot=2200, table=1)
        abi.ioctl(self.port, TUNSETOFFLOAD, offload)
        self.offload = offload

    def packets(self, wire, sends, length):
        """Sends, and takes packets until there are @length bytes of payload; all
        again if the card had to drop. (flags, gso type, packet) of each."""
        for _ in range(5):
            dropped = CARD.count("no_descriptor")
            for frame, vnet in sends:
                wire.send(frame, vnet)
            got, deadline = [], time.monotonic() + 10
            while sum(len(seen.payload) for _, _, seen in got) < length and time.monotonic() < deadline and \
                    CARD.count("no_descriptor") == dropped:
                self.rx.sleep(5)
                got += [self.look(data) for data in self.collect()]
            if CARD.count("no_descriptor") == dropped:
                return got
            time.sleep(0.3)
            self.collect()
        return []

    def takes(self, v6, proto):
        """Whether such packets may be long."""
        return {(False, TCP): self.offload & F_TSO4, (True, TCP): self.offload & F_TSO6}.get(
            (v6, proto), self.offload & F_USO == F_USO)

    def look(self, data):
        flags, gso, _, size, start, offset = packet.VNET.unpack_from(data)
        seen = Seen(data[self.hdr:], bool(flags & NEEDS_CSUM))
        if flags & NEEDS_CSUM and (start, offset) != (packet.at_transport(seen.v6, len(seen.tags) // 4),
                                                      packet.csum_offset(seen.proto)):
            seen.fault = f"checksum at {start} + {offset}"
        if gso and (size != MSS or not flags & NEEDS_CSUM):
            seen.fault = f"segments of {size}, flags {flags}"
        if gso and bool(gso & GSO_ECN) != bool(seen.flags & CWR):
            seen.fault = f"type {gso:#x}, but TCP's flags are {seen.flags:#x}"
        if flags and not self.offload:
            seen.fault = f"flags {flags} for a guest that takes none"
        return flags, gso, seen


def arrivals(guest, wire, v6, proto, tags, ecn):
    """What the guest gets of a long packet: the headers if the data is right."""
    payload = guest.rng.randbytes(6 * MSS + 77)
    frame = packet.build(v6, proto, payload, tags, ACK | CWR if ecn else ACK, partial=True)
    gso = gso_type(v6, proto) | (GSO_ECN if ecn else 0)
    vnet = packet.vnet(v6, proto, tags, gso=gso, size=MSS, hdr_len=packet.at_payload(v6, proto, tags))
    got = guest.packets(wire, [(frame, vnet)], len(payload))
    at = 0
    for _, _, seen in got:
        if seen.fault or seen.tags != packet.TAGS[tags] or (proto == TCP and seen.seq != at):
            print(f"# packet at {at}: {seen.fault}, tags {seen.tags.hex()}, seq {seen.seq}")
            return None
        at += len(seen.payload)
    if b"".join(seen.payload for _, _, seen in got) != payload:
        print(f"# {at} bytes of {len(payload)}, or not in order")
        return None
    cwr = [bool(seen.flags & CWR) for _, _, seen in got]
    if cwr != [ecn] + [False] * (len(cwr) - 1):
        print(f"# CWR in {cwr}")
        return None
    return got


def types(got):
    """The segmentation types among packets, None if one is not as it should be."""
    return None if got is None else {gso for _, gso, _ in got if gso}


def merged(guest, wire, v6, proto, tags, ecn, want):
    """Whether a long packet comes as packets of the types @want. A poll that ends between
    two of its segments ends what GRO has put together so far, and what follows has no CWR."""
    wide = want | {gso_type(v6, proto)} if guest.takes(v6, proto) else want
    for _ in range(5):
        got = types(arrivals(guest, wire, v6, proto, tags, ecn))
        if got == want:
            return True
        print(f"# {kind(v6, proto)}, {tags} tags, ECN {ecn}: types {got}, not {want}")
        if got is None or not got <= wide:
            break
    return False


def merges(name, mode, wire):
    """Packets are as long as the guest agreed to take them, and no longer."""
    offers = {
        "all": F_CSUM | F_TSO | F_ECN | F_USO,
        "no ECN": F_CSUM | F_TSO | F_USO,
        "no USO": F_CSUM | F_TSO | F_ECN,
        "USO for IPv4 alone": F_CSUM | F_TSO | F_ECN | F_USO4,
        "IPv4 alone": F_CSUM | F_TSO4 | F_ECN | F_USO,
        "checksums alone": F_CSUM,
        "nothing": 0,
    }
    for title, offload in offers.items():
        with Merger(mode, offload) as guest:
            good, ecn = True, True
            for (v6, proto), tags in itertools.product(KINDS, range(2)):
                want = {gso_type(v6, proto)} if guest.takes(v6, proto) else set()
                good &= merged(guest, wire, v6, proto, tags, False, want)
                if proto == TCP:
                    want = {gso | GSO_ECN for gso in want if offload & F_ECN}
                    ecn &= merged(guest, wire, v6, proto, tags, True, want)
            report(good, f"{name}: guest takes {title}: packets are merged accordingly")
            report(ecn, f"{name}: guest takes {title}: and those with ECN")
            report(not guest.beside, f"{name}: guest takes {title}: nothing is written beside a buffer")


def lists(name, mode, wire):
    """Packets that GRO strings together instead of merging them reach the guest one by one."""
    ethtool("snicA1", "rx-gro-list on")
    with Merger(mode, F_CSUM | F_TSO | F_ECN | F_USO) as guest:
        for v6, proto in KINDS:
            got = [arrivals(guest, wire, v6, proto, 0, False) for _ in range(10)]
            report(all(types(packets) == set() for packets in got),
                   f"{name}: {kind(v6, proto)} in lists arrives as it was sent")
    ethtool("snicA1", "rx-gro-list off")


def verified(name, mode, wire):
    """The guest is told that a checksum is right if the card says so, and only then."""
    udp = packet.build(False, UDP, bytes(range(200)))
    bad = bytearray(udp)
    bad[-1] ^= 1

    def flags(guest, frame):
        dropped = None
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if CARD.count("no_descriptor") != dropped:
                dropped = CARD.count("no_descriptor")
                wire.send(bytes(frame))
            got = guest.collect()
            if got:
                return got[0][0] if got[0][guest.hdr:] == frame else -1
            guest.rx.sleep(5)
        return -1

    with Merger(mode, F_CSUM) as guest:
        report(flags(guest, udp) == DATA_VALID, f"{name}: a right checksum is verified")
        report(flags(guest, bad) == 0, f"{name}: a wrong one is not")
        ethtool("snicA1", "rx off", "gro off")
        report(flags(guest, udp) == 0, f"{name}: none is that nobody looked at")
        ethtool("snicA1", "rx on", "gro on")
        report(flags(guest, udp) == DATA_VALID, f"{name}: and again")
    with Merger(mode, 0) as guest:
        report(flags(guest, udp) == 0, f"{name}: nothing is said to a guest that does not take it")


def main():
    wire = Wire()
    ethtool("snicB1", "gro off")
    ethtool("snicA1", "rx-udp-gro-forwarding on")
    stats = segments("the card cuts", wire)
    report(stats["zerocopy_packets"] > stats["packets"] / 2, "the card cuts: mostly without copies")
    checksums("the card sums up", wire)
    ethtool("snicA1", "tso off", "tx-udp-segmentation off")
    segments("the host cuts", wire)
    ethtool("snicA1", "tx-checksum-ip-generic off")
    segments("the host cuts and sums up", wire)
    checksums("the host sums up", wire)
    ethtool("snicA1", "tx-checksum-ip-generic on", "tso on", "tx-udp-segmentation on")
    refused(wire)
    spoilt(wire)
    for name, mode in (("header split", abi.SPLIT), ("copies", abi.COPY)):
        merges(name, mode, wire)
        lists(name, mode, wire)
    for name, mode in (("whole frame", abi.WHOLE), ("header split", abi.SPLIT), ("copies", abi.COPY)):
        verified(name, mode, wire)
    ethtool("snicA1", "rx-udp-gro-forwarding off")
    ethtool("snicB1", "gro on")


if __name__ == "__main__":
    main()
    sys.exit(0)
