#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Junk both ways, on rings played by hand: headers and frames that make no sense,
between frames that do and have to arrive as they are. Expects interfaces NEAR and FAR
up and connected; prints ok lines.

    junk.py NEAR FAR [SEED [SECONDS]]
"""

import random
import socket
import struct
import sys
import time

import abi_common as abi
import packet
from abi_common import report, until
from buffers import MODES, Receiver, Sender, cut, header_apart, one, scattered
from packet import TCP, UDP
from vhost import F_INDIRECT, F_MRG_RXBUF, F_VERSION_1

MODERN = F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT
TUNSETOFFLOAD = 0x400454D0
ALL_OFFLOADS = 0x6F
LONGEST = 1500 + 14 + 8
MARK = b"\xff" * 6 + b"\x02\0\0\0\0\2" + b"\x88\xb5"
TYPES = (b"\x08\0", b"\x86\xdd", b"\x81\0", b"\x88\xa8", b"\0\x2e", b"\xff\xff", b"\x88\x47", b"\x08\x06")


def marked(rng, number):
    """A frame that makes sense, and is like no other."""
    return MARK + struct.pack("!I", number) + rng.randbytes(rng.randint(60, 1400))


def spoil(rng, data, count):
    """@data with @count bytes of its headers changed."""
    data = bytearray(data)
    for _ in range(count):
        if len(data) > 12:
            data[rng.randrange(12, min(len(data), 80))] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
    return bytes(data)


def tags(rng):
    """Up to eight tags, the last of which may lead to nothing."""
    return b"".join(rng.choice((b"\x81\0", b"\x88\xa8")) + rng.randbytes(2) for _ in range(rng.choice((0, 0, 1, 2, 8))))


def extensions(rng):
    """IPv6, with headers that lead to one another, or in a circle, or beyond the end."""
    head = struct.pack("!IHBB", 6 << 28, rng.choice((0, 40, 1400, 65535)), rng.choice((0, 43, 44, 60, 59, 6)), 1)
    chain = b"".join(bytes((rng.choice((0, 43, 44, 60, 6, 17)), rng.choice((0, 1, 255)))) + rng.randbytes(6)
                     for _ in range(rng.randint(0, 20)))
    return head + rng.randbytes(32) + chain


def junk(rng, longest):
    """Any bytes that look like a frame, more or less."""
    how = rng.randrange(5)
    if how == 0:
        data = packet.MACS + rng.choice(TYPES) + rng.randbytes(rng.randint(0, longest - 14))
    elif how == 1:
        data = packet.MACS + tags(rng) + b"\x86\xdd" + extensions(rng)
    else:
        v6, proto = rng.random() < 0.5, rng.choice((TCP, UDP))
        data = packet.build(v6, proto, rng.randbytes(rng.randint(0, longest - 100)), partial=rng.random() < 0.5)
        data = spoil(rng, data[:12] + tags(rng) + data[12:], rng.choice((0, 0, 1, 3, 10)))
    return data[:rng.choice((longest, longest, rng.randint(14, longest)))]


def vnet(rng):
    """A header that may be right for TCP over IPv4, and is wrong more often."""
    fields = [rng.choice((0, 1, 1, 2, 3, 255)), rng.choice((0, 1, 3, 4, 5, 0x81, 0x84, 0x85, 9, 255)),
              rng.choice((0, 14, 54, 74, 1500)), rng.choice((0, 1, 8, 1400, 1448, 9000, 65535)),
              rng.choice((14, 34, 54)), rng.choice((6, 16))]
    if rng.random() < 0.3:
        fields[rng.randrange(2, 6)] = rng.choice((0xffff, 0x8000, rng.randrange(65536)))
    return packet.VNET.pack(*fields)


class Watch:
    """All that reaches the far end, as it is on the wire."""

    def __init__(self, far):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)   # SO_RCVBUFFORCE
        self.sock.bind((far, 3))                                # ETH_P_ALL
        self.sock.settimeout(0)
        self.longest = self.count = 0
        self.marked = set()

    def look(self):
        while True:
            try:
                data, address = self.sock.recvfrom(1 << 17)
            except BlockingIOError:
                return
            if address[2] == socket.PACKET_OUTGOING:
                continue
            self.count += 1
            self.longest = max(self.longest, len(data))
            if data[:14] == MARK:
                self.marked.add(data)

    def wait(self, data):
        """Whether @data comes: many segments before it may leave no room for it."""
        return until(2, lambda: self.look() or data in self.marked)


def sends(name, near, far, rng, seconds):
    watch, sent, lost, stuck, rounds = Watch(far), set(), 0, 0, 0
    deadline = time.monotonic() + seconds
    with Sender(MODERN, near=near, far=far) as guest:
        while time.monotonic() < deadline or rounds < 20:
            count = rng.randint(1, 12)
            for _ in range(count):
                data = junk(rng, rng.choice((1514, 1514, 9000, 65549)))[rng.choice((0, 0, 0, 13)):]
                guest.tx.offer(guest.put(data, cut(rng, guest.hdr + len(data), 8), vnet(rng)), kick=False)
            good = marked(rng, rounds)
            sent.add(good)
            guest.tx.offer(guest.put(good, cut(rng, guest.hdr + len(good), 4)))
            lost += not watch.wait(good)
            stuck += not guest.finish(count + 1)
            rounds += 1
        stats = abi.get(guest.port)["tx"]
    watch.look()
    print(f"# {name}: {rounds} rounds, {stats['packets']} packets, {stats['failed']} refused unsent, "
          f"dropped {stats['dropped']}, {watch.count} on the wire, the longest {watch.longest}")
    report(watch.marked <= sent, f"{name}: frames that make sense are as they were sent")
    report(lost <= rounds * 0.2, f"{name}: they arrive", f"{lost} of {rounds} did not")
    report(not stuck, f"{name}: every chain comes back", str(stuck))
    report(stats["packets"] == stats["completed"] + stats["failed"], f"{name}: all are accounted for", str(stats))
    report(sum(stats["dropped"]) > rounds and watch.count > rounds, f"{name}: some were refused, and some not")
    report(watch.longest <= LONGEST, f"{name}: none was too long for the wire", str(watch.longest))


def ready(guest):
    """Until the worker has seen most of what is offered: a card without buffers drops."""
    def most():
        info = abi.get(guest.port)
        return info["posted"] + info["at_nic"] >= 40

    until(20, most)


def missed(near):
    """Frames that the card had no buffer for."""
    with open(f"/sys/class/net/{near}/statistics/rx_missed_errors", encoding="ascii") as file:
        return int(file.read())


def receives(name, mode, near, far, rng, seconds):
    wrong, total, rounds, expected, arrived = 0, 0, 0, 0, 0
    deadline = time.monotonic() + seconds
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.bind((far, 0))
    with Receiver(mode, MODERN, [one, header_apart, scattered], heads=60, slot=8192, near=near, far=far) as guest:
        abi.ioctl(guest.port, TUNSETOFFLOAD, ALL_OFFLOADS)
        while time.monotonic() < deadline or rounds < 20:
            dropped, good = missed(near), []
            ready(guest)
            for _ in range(rng.randint(1, 3)):
                for _ in range(rng.randint(0, 2)):
                    out.send(junk(rng, 1514).ljust(rng.choice((14, 60)), b"\0"))
                good.append(marked(rng, rounds))
                out.send(good[-1])
            got, limit = [], time.monotonic() + 5
            while time.monotonic() < limit:
                packets = [data[guest.hdr:] for data in guest.collect()]
                total += len(packets)
                got += [data for data in packets if data[:14] == MARK]
                if len(got) + missed(near) - dropped >= len(good):
                    break
                guest.rx.sleep(5)
            wrong += not all(data in good for data in got)
            expected, arrived, rounds = expected + len(good), arrived + len(got), rounds + 1
        time.sleep(0.3)
        total += len(guest.collect())
        guest.rx.stop()
        total += len(guest.collect())
        stats = abi.get(guest.port)["rx"]
        clean = not guest.beside and guest.all_clean()
    print(f"# {name}: {rounds} rounds, {stats['packets']} packets, {arrived} of {expected} that make sense, "
          f"dropped {stats['dropped']}")
    report(not wrong, f"{name}: frames that make sense are as they were sent", str(wrong))
    report(arrived >= expected * 0.5, f"{name}: they arrive", f"{arrived} of {expected}")
    report(total == stats["packets"], f"{name}: what was counted is what came", f"{total}, {stats['packets']}")
    report(clean, f"{name}: nothing is written beside a buffer")


def main(near, far, seed=None, seconds=12):
    seed = int(seed) if seed else random.randrange(1 << 31)
    seconds = float(seconds) / 4
    rng = random.Random(seed)
    print(f"# junk.py {near} {far} {seed}")
    abi.sh(f"ethtool -K {far} gro off")
    sends(f"{near}, transmit", near, far, rng, seconds)
    abi.sh(f"ethtool -K {far} gro on")
    for title, mode in MODES.items():
        receives(f"{near}, receive, {title}", mode, near, far, rng, seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.exit(0)
