#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Guests' queues on a card with several: each has its flows, whole and in order,
without copies; more or fewer of them than the card has; their number changes while
frames come. Expects snicA1 and snicB1, of four queues, up and connected; prints ok
lines.
"""

import fcntl
import os
import struct
import sys
import time

import abi_common as abi
import vhost
from abi_common import report, until
from card import Card
from vhost import F_MRG_RXBUF, F_VERSION_1, GPA, HDR, WRITE

MODES = {"whole frame": abi.WHOLE, "header split": abi.SPLIT}
CARD = Card("A1")
NR = 4                  # the card's queues
NUM = 256
STEP = 0x800
BUFS = 0x20000
SEND = BUFS + NUM * STEP
PORT = 9000             # the generator's first
FLOWS = 16
SIZE = 700
TUNSETQUEUE, ATTACH, DETACH = 0x400454D9, 0x200, 0x400


class Pair(vhost.Guest):
    """A queue pair: what comes is collected, and its buffers are offered again."""

    def __init__(self, mode, posted=NUM):
        super().__init__(F_MRG_RXBUF | F_VERSION_1, "snicA1", "snicB1", mode, NUM,
                         vhost.pages(SEND + STEP), abi.BIND_QUEUE)
        self.wire.close()
        self.pieces, self.frames = [], []
        for head in range(NUM):
            self.rx.desc(head, GPA + BUFS + STEP * head, STEP, WRITE)
        self.rx.offer(*range(posted), kick=False)
        self.rx.start()
        self.running = True

    def stop(self):
        """Its backend goes, and then its descriptors."""
        if self.running:
            self.rx.stop()
            self.tx.stop()
            os.close(self.fd)
            os.close(self.port)
        self.running = False

    def set_queue(self, flag):
        fcntl.ioctl(self.port, TUNSETQUEUE, struct.pack("16sH22x", b"", flag))

    def counts(self):
        return abi.get(self.port)

    def collect(self):
        entries = self.rx.take()
        for head, length in entries:
            at = BUFS + STEP * head
            self.pieces.append(bytes(self.mem[at:at + length]))
        if entries:
            self.rx.offer(*(head for head, _ in entries))
        while self.pieces:
            merged, = struct.unpack_from("H", self.pieces[0], 10)
            if len(self.pieces) < merged:
                return
            self.frames.append(b"".join(self.pieces[:merged])[HDR:])
            del self.pieces[:merged]

    def take(self):
        """(flow, number) of the generator's frames since the last time; -1 for a broken one."""
        frames, self.frames = self.frames, []
        return [parse(frame) for frame in frames if frame[12:14] == b"\x08\0"]


def parse(frame):
    flow = struct.unpack_from("!H", frame, 34)[0] - PORT
    seq, not_seq = struct.unpack_from("!II", frame, 42)
    whole = len(frame) == SIZE and seq ^ not_seq == 0xffffffff and frame[50:] == bytes(
        i & 0xff for i in range(50, SIZE))
    return (flow, seq) if whole else (-1, -1)


class Pairs:
    """Several, of which all take part unless told otherwise."""

    def __init__(self, mode, count, posted=NUM):
        self.all = [Pair(mode, posted) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for pair in self.all:
            pair.stop()

    def active(self, count):
        """The first @count take part, no others."""
        for i, pair in enumerate(self.all):
            try:
                pair.set_queue(ATTACH if i < count else DETACH)
            except OSError:
                pass    # it is so already

    def collect(self, total, seconds=30):
        """What each got, until there are @total frames or nothing comes any more."""
        got = [[] for _ in self.all]
        deadline = time.monotonic() + seconds
        while sum(map(len, got)) < total and time.monotonic() < deadline:
            for pair, frames in zip(self.all, got):
                if pair.running:
                    pair.collect()
                    frames += pair.take()
        return got

    def generate(self, count=2000, rate=0, total=None):
        """What each got of @count frames, of which @total are expected, and its counters of these."""
        before = [pair.counts()["rx"] for pair in self.all if pair.running]
        CARD.fault("generate", f"{SIZE} {count} {rate} {FLOWS}")
        got = self.collect(total or count)
        after = [pair.counts()["rx"] for pair in self.all if pair.running]
        return got, [{key: b[key] - a[key] for key in ("packets", "zerocopy_packets")}
                     for a, b in zip(before, after)]

    def at_nic(self):
        return [pair.counts()["at_nic"] for pair in self.all if pair.running]

    def ready(self, count, least=1):
        """Whether the card has @least buffers of each of the first @count, and none of others."""
        def right():
            have = self.at_nic()
            return min(have[:count]) >= least and not any(have[count:])

        if until(20, right):
            return True
        print(f"# buffers at the card: {self.at_nic()}")
        return False


def in_order(frames):
    last = {}
    for flow, seq in frames:
        if seq <= last.get(flow, -1):
            return False
        last[flow] = seq
    return True


def complete(got, count):
    """Every frame at some queue, once, whole."""
    return sorted(seq for frames in got for _, seq in frames) == list(range(count))


def where_it_belongs(got, count):
    """The card's queue @n is that of the @n-th: no other has frames of its flows."""
    return all(flow % count == i for i, frames in enumerate(got) for flow, _ in frames)


def spreads(name, pairs, count):
    """The first @count pairs have all flows between them."""
    report(pairs.ready(count), f"{name}: the card has buffers of each that receives")
    got, counts = pairs.generate()
    print(f"# frames by queue: {[len(frames) for frames in got]}")
    report(complete(got, 2000), f"{name}: every frame arrives, once, as it was")
    report(where_it_belongs(got, count), f"{name}: each flow in its queue")
    report(all(got[:count]), f"{name}: each queue has flows")
    report(all(map(in_order, got)), f"{name}: in order")
    report(all(c["packets"] == c["zerocopy_packets"] for c in counts), f"{name}: nothing is copied", str(counts))


def numbers(name, mode):
    """As many as the card has, fewer, more."""
    with Pairs(mode, NR + 2) as pairs:
        for count in (NR, 2, 1, 3):
            pairs.active(count)
            spreads(f"{name}, {count} queues", pairs, count)
        pairs.active(NR + 2)
        spreads(f"{name}, {NR + 2} queues", pairs, NR)
        pairs.all[1].stop()
        # its place is the last one's, see mp_link_leave()
        pairs.all[1] = pairs.all.pop()
        spreads(f"{name}, one is closed", pairs, NR)


def restarts(name, mode):
    """What makes the card start anew."""
    with Pairs(mode, 2) as pairs:
        for command in ("ip link set snicA1 down && ip link set snicA1 up", "ethtool -G snicA1 rx 512",
                        "ip link set snicA1 mtu 1400", "ip link set snicA1 mtu 1500",
                        "ethtool -G snicA1 rx 256"):
            abi.sh(command)
        spreads(f"{name}, started anew", pairs, 2)


def changes(name, mode):
    """Queues come and go while frames arrive: none comes twice, or in disorder."""
    with Pairs(mode, NR) as pairs:
        pairs.ready(NR)
        before = CARD.count("written")
        CARD.fault("generate", f"{SIZE} 10000 4000 {FLOWS}")
        got = [[] for _ in pairs.all]
        for count in (2, 4, 1, 3, 4, 1, 2, 4):
            pairs.active(count)
            for frames, new in zip(got, pairs.collect(10000, 0.2)):
                frames += new
        for frames, new in zip(got, pairs.collect(10000, 3)):
            frames += new
        seqs = [seq for frames in got for _, seq in frames]
        print(f"# {len(seqs)} of {CARD.count('written') - before} frames arrived")
        report(all(got), f"{name}, changes: every queue gets frames")
        report(len(set(seqs)) == len(seqs) and -1 not in seqs, f"{name}, changes: none comes twice, or is broken")
        report(all(map(in_order, got)), f"{name}, changes: they are in order")
        spreads(f"{name}, after changes", pairs, NR)


def starves(name, mode):
    """A queue without buffers loses its frames, and nobody else's. The card has enough for these."""
    with Pairs(mode, 2) as pairs:
        hungry = Pair(mode, 0)
        pairs.all.append(hungry)
        report(pairs.ready(2, 90), f"{name}, one starves: the others do not")
        CARD.wait_ready(180)
        lost = CARD.count("no_descriptor")
        whole = [seq for seq in range(240) if seq % FLOWS % 3 < 2]
        got, _ = pairs.generate(240, 1000, len(whole))
        report(not got[2] and CARD.count("no_descriptor") > lost, f"{name}, one starves: its frames are dropped")
        report(sorted(seq for frames in got for _, seq in frames) == whole, f"{name}, one starves: the others' are not")
        hungry.rx.offer(*range(NUM))
        report(pairs.ready(3), f"{name}, one starves: the card gets its buffers as soon as there are some")
        spreads(f"{name}, none starves", pairs, 3)


def astray(name, mode):
    """What comes to the wrong queue is noticed. To a queue without constructor: copied."""
    with Pairs(mode, NR) as pairs:
        pairs.ready(NR)
        CARD.fault("rx/astray", 50)
        got, _ = pairs.generate()
        report(not where_it_belongs(got, NR), f"{name}: frames in the wrong queue are noticed")
        pairs.active(1)
        pairs.ready(1)
        got, counts = pairs.generate()
        CARD.fault("rx/astray", 0)
        copied = counts[0]["packets"] - counts[0]["zerocopy_packets"]
        report(complete(got, 2000), f"{name}: what comes by a queue without constructor arrives")
        report(copied == 2000 // 50, f"{name}: and is copied, {copied} frames")


def main():
    # the far end has nothing to say, also when its link comes back
    abi.sh("echo 1 >/proc/sys/net/ipv6/conf/snicB1/disable_ipv6")
    for title, number in MODES.items():
        for test in (numbers, restarts, changes, starves, astray):
            test(title, number)


if __name__ == "__main__":
    sys.exit(main())
