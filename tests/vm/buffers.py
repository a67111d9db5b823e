#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Guests' buffers at any address, cut into any number of descriptors: every frame
arrives as it was sent, and nothing is written beside a buffer. Expects snicA1 and
snicB1 up and connected; prints ok lines.
"""

import random
import struct
import sys
import time

import abi_common as abi
import vhost
from abi_common import report
from card import Card
from vhost import F_INDIRECT, F_MRG_RXBUF, F_VERSION_1, GPA, INDIRECT, NEXT, WRITE

MODES = {"whole frame": abi.WHOLE, "header split": abi.SPLIT, "copies": abi.COPY}
NUM = 512
CANARY = b"\xa5"
CARD = Card("A1")
PAGE_CROSSING, SHORT_BUFFER, FRAGS, UNALIGNED = 2, 3, 10, 12
BAD_HEADER = 2


def cut(rng, total, most):
    """@total bytes in up to @most pieces."""
    marks = sorted(rng.sample(range(1, total), min(rng.randint(1, most), total) - 1))
    return [b - a for a, b in zip([0] + marks, marks + [total])]


class Chain:
    """Pieces of memory in order, with gaps between them, in the slot at @at."""

    def __init__(self, rng, at, lengths, odd=None):
        self.pieces = []
        for length in lengths:
            at += rng.randint(1, 60)
            if odd is not None:
                at += (at & 1) ^ odd
            self.pieces.append((at, length))
            at += length
        self.end = at + 1

    def read(self, mem, length):
        data = b""
        for at, n in self.pieces:
            n = min(n, length - len(data))
            data += mem[at:at + n]
        return data

    def write(self, mem, data):
        for at, n in self.pieces:
            mem[at:at + n], data = data[:n], data[n:]

    def gaps(self, begin, end):
        for at, n in self.pieces:
            yield begin, at
            begin = at + n
        yield begin, end


class Guest(vhost.Guest):
    """Each of @heads heads has @slot bytes of memory, in which its chain lies at random,
    some descriptors of the ring, and an indirect table of @table more."""

    BUFS = 0x20000

    def __init__(self, mode, features, heads=32, slot=12288, table=16, near="snicA1", far="snicB1"):
        self.rng = random.Random(mode * 100 + features % 97)
        self.features, self.slot, self.table = features, slot, table
        self.heads, self.direct = range(heads), NUM // heads
        self.tables = self.BUFS + heads * slot
        self.hdr = 12 if features & (F_MRG_RXBUF | F_VERSION_1) else 10
        super().__init__(features, near, far, mode, NUM, vhost.pages(self.tables + heads * 16 * table))
        self.chains = {}

    def at_slot(self, head):
        return self.BUFS + head * self.slot

    def head(self, desc):
        return desc // self.direct

    def place(self, head, lengths, flags, odd=None):
        """Describes a new chain for @head, with canaries around its pieces. What to offer."""
        begin = self.at_slot(head)
        self.mem[begin:begin + self.slot] = CANARY * self.slot
        chain = self.chains[head] = Chain(self.rng, begin, lengths, odd)
        assert chain.end <= begin + self.slot
        queue = self.rx if flags & WRITE else self.tx
        first = head * self.direct
        at, base = queue.at + 16 * first, first
        if self.features & F_INDIRECT and (len(lengths) > self.direct or self.rng.random() < 0.5):
            at, base = self.tables + 16 * self.table * head, 0
            queue.desc(first, GPA + at, 16 * len(lengths), INDIRECT)
        for i, (piece, length) in enumerate(chain.pieces):
            more = NEXT if i + 1 < len(lengths) else 0
            struct.pack_into("QIHH", self.mem, at + 16 * i, GPA + piece, length, flags | more, base + i + 1)
        return first

    def clean(self, head):
        """Nothing was written beside the buffers of @head."""
        begin = self.at_slot(head)
        return all(self.mem[a:b] == CANARY * (b - a)
                   for a, b in self.chains[head].gaps(begin, begin + self.slot))

    def all_clean(self):
        return all(self.clean(head) for head in self.chains)


# Receive.

LEAST = 1530            # what a card may write, more or less


def one(rng, hdr):
    return [rng.randint(LEAST + hdr, 4000)]


def header_apart(rng, hdr):
    return [hdr, rng.randint(LEAST, 3000)]


def scattered(rng, hdr):
    return cut(rng, rng.randint(LEAST + hdr, 4000), 16)


def pages(rng, hdr):
    return [hdr] + [4096] * rng.randint(1, 2)


def short(rng, hdr):
    return cut(rng, rng.randint(300, 900), 4)


class Receiver(Guest):
    def __init__(self, mode, features, shapes, **kwargs):
        super().__init__(mode, features, **kwargs)
        self.shapes, self.beside, self.left = shapes, 0, []
        self.rx.offer(*(self.arm(head) for head in self.heads), kick=False)
        self.rx.start()
        time.sleep(0.1)

    def arm(self, head):
        lengths = self.rng.choice(self.shapes)(self.rng, self.hdr)
        return self.place(head, lengths, WRITE, self.rng.choice((None, 0, 0, 1)))

    def collect(self):
        """Packets that have arrived since, with their virtio headers. Their chains are
        offered anew, elsewhere."""
        self.left += self.rx.take()
        packets = []
        while self.left:
            first = self.chains[self.head(self.left[0][0])].read(self.mem, self.hdr)
            merged = struct.unpack_from("H", first, 10)[0] if self.features & F_MRG_RXBUF else 1
            if len(self.left) < merged:
                break
            packets.append(b"".join(self.end(*entry) for entry in self.left[:merged]))
            self.rx.offer(*(self.arm(self.head(desc)) for desc, _ in self.left[:merged]))
            self.left = self.left[merged:]
        return packets

    def end(self, desc, length):
        """What lies in a chain that came back."""
        head = self.head(desc)
        self.beside += not self.clean(head)
        return self.chains[head].read(self.mem, length)

    def exchange(self, frames):
        """Sends @frames; what arrives of them. A card without a buffer may drop."""
        dropped = CARD.count("no_descriptor")
        for data in frames:
            self.wire.send(data)
        got = []
        deadline = time.monotonic() + 20
        while len(got) < len(frames) and time.monotonic() < deadline:
            got += self.collect()
            if len(got) + CARD.count("no_descriptor") - dropped >= len(frames):
                got += self.collect()
                break
            self.rx.sleep(5)
        return [packet[self.hdr:] for packet in got]


def ordered(got, sent):
    """Whether @got is @sent, or some of it in that order."""
    rest = iter(sent)
    return all(any(data == other for other in rest) for data in got)


def random_frame(rng, longest):
    return b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + rng.randbytes(rng.randint(60, longest) - 14)


def receives(name, mode, features):
    shapes = [one, header_apart, scattered, pages] + [short] * bool(features & F_MRG_RXBUF)
    with Receiver(mode, features, shapes) as guest:
        bursts = [[random_frame(guest.rng, 1514) for _ in range(guest.rng.randint(1, 5))] for _ in range(60)]
        got = [guest.exchange(frames) for frames in bursts]
        sent, arrived = (sum(len(frames) for frames in all_frames) for all_frames in (bursts, got))
        stats = abi.get(guest.port)["rx"]
        guest.rx.stop()
        print(f"# {name}: {arrived} of {sent} frames, {stats['zerocopy_packets']} without copies, "
              f"copied {stats['copied']}, dropped {stats['dropped']}")
        report(all(map(ordered, got, bursts)), f"{name}: every frame is as it was sent")
        report(arrived >= sent * 0.9 and not any(stats["dropped"]), f"{name}: they arrive")
        report(not guest.beside and guest.all_clean(), f"{name}: nothing is written beside a buffer")
        if mode != abi.COPY:
            report(all((stats["zerocopy_packets"], stats["copied"][PAGE_CROSSING], stats["copied"][UNALIGNED],
                        stats["copied"][SHORT_BUFFER] or short not in shapes)),
                   f"{name}: buffers of each kind were used")
        begin = guest.at_slot(3)
        hole = next(a for a, b in guest.chains[3].gaps(begin, begin + guest.slot) if b > a)
        guest.mem[hole] ^= 1
        report(not guest.all_clean(), f"{name}: a byte beside a buffer is noticed")


# Transmit.

class Sender(Guest):
    def __init__(self, features, table=64, **kwargs):
        super().__init__(abi.COPY, features, slot=98304, table=table, **kwargs)
        self.tx.start()
        self.free = list(self.heads)

    def put(self, frame, lengths, vnet=b""):
        """A chain that holds @frame in pieces of these @lengths, to be offered."""
        head = self.free.pop()
        desc = self.place(head, lengths, 0)
        self.chains[head].write(self.mem, vnet.ljust(self.hdr, b"\0") + frame)
        return desc

    def finish(self, count):
        """Whether so many chains come back, each with nothing in it."""
        used = self.tx.wait_take(count)
        self.free += [self.head(desc) for desc, _ in used]
        return len(used) == count and not any(length for _, length in used)

    def passes(self, frames, pieces):
        """Whether @frames, offered at once, leave as they are. @pieces cuts each."""
        self.tx.offer(*(self.put(data, pieces(self.hdr + len(data))) for data in frames))
        return [self.wire.recv(16384) for _ in frames] == frames and self.finish(len(frames))


def transmits(name, features, longest):
    with Sender(features) as guest:
        rng, most = guest.rng, 64 if features & F_INDIRECT else guest.direct
        good = all(guest.passes([random_frame(rng, longest) for _ in range(rng.randint(1, 8))],
                                lambda total: cut(rng, total, most)) for _ in range(40))
        stats = abi.get(guest.port)["tx"]
        print(f"# {name}: {stats['packets']} frames, {stats['zerocopy_packets']} without copies, "
              f"copied {stats['copied']}")
        report(good, f"{name}: every frame leaves as it is, and its buffers come back")
        report(stats["zerocopy_packets"] > 0 and (longest < 4096 or stats["copied"][FRAGS] > 0),
               f"{name}: without copies, and with them if the pieces are too many")


def many_pieces():
    """More than a packet has fragments, and than anybody would send."""
    with Sender(F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT, 1024) as guest:
        data = guest.rng.randbytes(9000)
        for pieces in (17, 18, 20, 64, 256, 257, 300, 1000, 1024):
            size, more = divmod(guest.hdr + 9014, pieces)
            lengths = [size + 1] * more + [size] * (pieces - more)
            report(guest.passes([vhost.frame(14) + data], lambda _, lengths=lengths: lengths),
                   f"transmit: a frame in {pieces} pieces leaves as it is")


def page_borders():
    """1024 descriptors, each across the same border: taken. The last one across another
    border, too: that is more than is taken, and no part of it is sent."""
    with Sender(F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT, 1024) as guest:
        begin = guest.at_slot(0)
        border = vhost.pages(begin) + 4095
        guest.mem[begin:begin + guest.slot] = bytes(guest.slot)
        for last, refused in ((2, 0), (5000, 1)):
            for i in range(1024):
                length, flags = (2, NEXT) if i < 1023 else (last, 0)
                struct.pack_into("QIHH", guest.mem, guest.tables + 16 * i, GPA + border, length, flags, i + 1)
            guest.tx.desc(0, GPA + guest.tables, 16 * 1024, INDIRECT)
            guest.tx.offer(0)
            back = guest.finish(1)
            stats = abi.get(guest.port)["tx"]
            pieces = 2047 + (4094 + last) // 4096
            report(back and stats["dropped"][BAD_HEADER] == refused and stats["completed"] == 1,
                   f"transmit: {pieces} pieces are {'refused' if refused else 'sent'}", str(stats))


def main():
    modern = F_MRG_RXBUF | F_VERSION_1
    for title, mode in MODES.items():
        receives(f"{title}, receive", mode, modern)
        receives(f"{title}, receive, indirect", mode, modern | F_INDIRECT)
        if mode != abi.SPLIT:
            receives(f"{title}, receive, not merged", mode, F_VERSION_1)
            receives(f"{title}, receive, legacy", mode, F_INDIRECT)
    transmits("transmit", modern, 1514)
    transmits("transmit, indirect", modern | F_INDIRECT, 1514)
    transmits("transmit, legacy", F_INDIRECT, 1514)
    abi.sh("ip link set snicA1 mtu 9000 && ip link set snicB1 mtu 9000")
    transmits("transmit, long", modern | F_INDIRECT, 9014)
    many_pieces()
    page_borders()
    abi.sh("ip link set snicA1 mtu 1500 && ip link set snicB1 mtu 1500")


if __name__ == "__main__":
    main()
    sys.exit(0)
