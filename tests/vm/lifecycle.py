#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Devices that stop in the middle of traffic, and others that go on where they were:
no buffer is lost or used twice. Expects snicA0 and snicB0, snicA1 and snicB1 up and
connected; prints ok lines.
"""

import random
import struct
import sys
import threading
import time

import vhost
from abi_common import report
from buffers import MODES
from card import Card
from vhost import F_MRG_RXBUF, F_VERSION_1, GPA, HDR, WRITE, frame

NUM = 128
STEP = 0x800
BUFS = 0x20000
SEND = BUFS + NUM * STEP
ROUNDS = 12
AT_SEQ = 14 + 20 + 8    # of a frame that a card generates
CARDS = {"snicA0": Card("A0"), "snicA1": Card("A1")}


class Books:
    """The buffers of one queue that the device has."""

    def __init__(self, queue):
        self.queue, self.out, self.wrong = queue, set(), []
        self.posted = self.used = self.empty = self.handed_back = 0

    def post(self, heads):
        heads = [head for head in heads if head not in self.out]
        self.out.update(heads)
        self.posted += len(heads)
        self.queue.offer(*heads)

    def reap(self):
        """What came back, with its length. A buffer that the device does not have cannot."""
        entries = self.queue.take()
        for head, length in entries:
            if head not in self.out:
                self.wrong.append(f"{head} came back twice")
            self.out.discard(head)
            self.used += 1
            self.empty += not length
        return entries

    def stopped(self):
        """The device has stopped: what it says that it did not take is what is missing."""
        base = self.queue.base()
        heads = [self.queue.offered(pos) for pos in range(base, base + ((self.queue.idx - base) & 0xffff))]
        if sorted(heads) != sorted(self.out):
            self.wrong.append(f"offered again {sorted(heads)}, missing {sorted(self.out)}")
        self.handed_back += len(heads)

    def __str__(self):
        return (f"{self.posted} posted, {self.used} used, {self.empty} of them empty, "
                f"{self.handed_back} times one was handed back")


class Guest(vhost.Guest):
    """Its card receives from a generator, and it sends, all the time."""

    def __init__(self, mode, near="snicA1", far="snicB1"):
        self.mode, self.near, self.rng = mode, near, random.Random(mode)
        super().__init__(F_MRG_RXBUF | F_VERSION_1, near, far, mode, NUM, SEND + NUM * STEP)
        self.received, self.sent, self.left = Books(self.rx), Books(self.tx), []
        self.seqs, self.bad = {}, []
        for head in range(NUM):
            self.rx.desc(head, GPA + BUFS + STEP * head, STEP, WRITE)
            data = bytes(HDR) + frame(self.rng.randint(60, 1514), head | 1)
            self.mem[SEND + STEP * head:SEND + STEP * head + len(data)] = data
            self.tx.desc(head, GPA + SEND + STEP * head, len(data), 0)
        self.done = threading.Event()
        self.thread = None

    def start(self):
        self.done.clear()
        self.rx.start()
        self.tx.start()
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def stop(self):
        """The device stops while the guest goes on; the guest looks at its rings after that."""
        self.rx.stop()
        self.tx.stop()
        self.done.set()
        self.thread.join()
        self.collect()
        self.received.stopped()
        self.sent.stopped()

    def play(self):
        while not self.done.is_set():
            self.collect()
            self.received.post(range(NUM))
            self.sent.post(self.rng.sample(range(NUM), 8))
            time.sleep(0.002)

    def collect(self):
        self.sent.reap()
        self.left += self.received.reap()
        self.left = [(head, length) for head, length in self.left if length]
        while self.left:
            merged, = struct.unpack_from("H", self.mem, BUFS + STEP * self.left[0][0] + 10)
            if len(self.left) < merged:
                break
            self.check(b"".join(self.mem[BUFS + STEP * head:BUFS + STEP * head + length]
                                for head, length in self.left[:merged])[HDR:])
            self.left = self.left[merged:]

    def check(self, data):
        """Frames of a card are numbered."""
        if data[12:14] != b"\x08\0":
            return
        seq, inverse = struct.unpack_from("!II", data, AT_SEQ)
        seen = self.seqs.setdefault(self.near, [])
        if seq ^ inverse != 0xffffffff or len(data) != 1000:
            self.bad.append((self.near, len(data), seq, inverse))
        seen.append(seq)

    def go_on(self, near):
        """On another card."""
        self.near = near
        self.move(near, self.mode)

    def settled(self):
        """After stop(): whether all is as it should be."""
        return not (self.received.wrong or self.sent.wrong or self.bad)


def generate(count):
    for card in CARDS.values():
        card.fault("generate", f"1000 {count} 5000 3")


def stops(name, mode, **faults):
    guest = Guest(mode)
    for card in CARDS.values():
        for fault, value in faults.items():
            card.fault(fault.replace("_", "/"), value)
    generate(1000000)
    for _ in range(ROUNDS):
        guest.start()
        time.sleep(guest.rng.uniform(0.005, 0.1))
        guest.stop()
        if guest.rng.random() < 0.7:
            guest.go_on("snicA0" if guest.near == "snicA1" else "snicA1")
    generate(0)
    for card in CARDS.values():
        for fault in faults:
            card.fault(fault.replace("_", "/"), 0)
    guest.close()
    print(f"# {name}: received {guest.received}; sent {guest.sent}")
    for way, books in (("receive", guest.received), ("transmit", guest.sent)):
        report(not books.wrong and books.posted >= books.used > ROUNDS,
               f"{name}: each buffer comes back once, {way}", str(books.wrong[:3]))
    report(guest.received.handed_back > ROUNDS, f"{name}: unused buffers are offered again")
    report(not guest.bad and len(guest.seqs) == 2, f"{name}: frames are whole", str(guest.bad[:3]))
    report(all(len(set(seqs)) == len(seqs) for seqs in guest.seqs.values()), f"{name}: each arrives once")
    report("rx_reorder" in faults or all(sorted(seqs) == seqs for seqs in guest.seqs.values()), f"{name}: in order")


def notices():
    for name, out in (("lost", {1, 2, 3}), ("handed back although it came back", {1})):
        books = Books(Ended((1, 2)))
        books.out = out
        books.stopped()
        report(bool(books.wrong), f"a buffer that is {name} is noticed")


class Ended:
    """A queue that has stopped and handed back these heads."""

    def __init__(self, heads):
        self.heads, self.idx = heads, len(heads)

    def base(self):
        return 0

    def offered(self, pos):
        return self.heads[pos]


def main():
    for name, mode in MODES.items():
        stops(name, mode)
        stops(f"{name}, late and out of order", mode, rx_delay=200, rx_reorder=8, tx_delay=200, tx_reorder=8)
    notices()


if __name__ == "__main__":
    sys.exit(main())
