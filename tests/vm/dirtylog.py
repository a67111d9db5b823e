#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The dirty log against memory itself: every page that changed is in it.

  dirtylog.py            each receive mode, and what is sent
  dirtylog.py copied     the same, if the limit on locked memory has room for nothing

Expects snicA1 and snicB1 up and connected; prints ok lines.
"""

import ctypes
import mmap
import os
import sys
import time

import abi_common as abi
import buffers
from abi_common import ioctl, report
from buffers import CARD, MODES, cut, header_apart, one, pages, random_frame, scattered, short
from vhost import F_LOG_ALL, F_MRG_RXBUF, F_VERSION_1, GPA, SET_FEATURES, SET_LOG_BASE, WRITE, u64

PAGE = 4096
FEATURES = F_MRG_RXBUF | F_VERSION_1
SHAPES = [one, header_apart, scattered, pages, short]


class Log:
    def __init__(self, guest, rings=True):
        self.guest, self.first = guest, GPA // PAGE
        self.nr = guest.size // PAGE
        self.use_another()
        ioctl(guest.fd, SET_FEATURES, u64(FEATURES | F_LOG_ALL))
        guest.rx.locate(log=rings)
        guest.tx.locate(log=rings)

    def use_another(self):
        self.mem = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        ioctl(self.guest.fd, SET_LOG_BASE, u64(ctypes.addressof(ctypes.c_char.from_buffer(self.mem))))

    def swap(self):
        """Goes on in an empty log. What was in the former one, which is final now."""
        former = self.mem
        self.use_another()
        return self.pages(former)

    def pages(self, mem=None):
        """What is logged, as pages of the guest's memory."""
        bits = int.from_bytes(mem or self.mem, "little") >> self.first
        return {i for i in range(bits.bit_length()) if bits >> i & 1}


class Guest(buffers.Guest):
    """What it does itself and what its device does never overlaps: what changes in a
    window is the device's."""

    def __init__(self, mode, rings=True):
        super().__init__(mode, FEATURES)
        self.receivers, self.senders = self.heads[:-8], list(self.heads[-8:])
        self.changed, self.logged, self.missing = set(), set(), set()
        self.rx.offer(*(self.arm(head) for head in self.receivers), kick=False)
        self.log = Log(self, rings)
        self.rx.start()
        self.tx.start()
        time.sleep(0.1)

    def arm(self, head):
        lengths = self.rng.choice(SHAPES)(self.rng, self.hdr)
        return self.place(head, lengths, WRITE, self.rng.choice((None, 0, 0, 1)))

    def prepare(self):
        """Offers what was used, and a packet to send, without a kick."""
        self.senders += [self.head(desc) for desc, _ in self.tx.take()]
        self.rx.offer(*(self.arm(self.head(desc)) for desc, _ in self.rx.take()), kick=False)
        if self.senders:
            head, data = self.senders.pop(), random_frame(self.rng, 1514)
            desc = self.place(head, cut(self.rng, self.hdr + len(data), 4), 0)
            self.chains[head].write(self.mem, bytes(self.hdr) + data)
            self.tx.offer(desc, kick=False)

    def differing(self, before):
        now = bytes(self.mem)
        return {i for i in range(self.log.nr) if now[i * PAGE:(i + 1) * PAGE] != before[i * PAGE:(i + 1) * PAGE]}

    def window(self, action):
        """Has the device work, and compares what changed with what is logged."""
        self.prepare()
        self.missing -= self.log.swap()
        before = bytes(self.mem)
        action()
        for _ in range(5):      # it may be at it still
            time.sleep(0.02)
            changed = self.differing(before)
            logged = self.log.pages()
            if changed <= logged:
                break
        self.changed |= changed
        self.logged |= logged
        # What a card wrote to a buffer that it has still is logged when it is back.
        self.missing = (self.missing | changed) - logged

    def traffic(self):
        used = self.rx.used_idx()
        for queue in (self.rx, self.tx):
            os.eventfd_write(queue.kick, 1)
        for _ in range(self.rng.randint(1, 4)):
            self.wire.send(random_frame(self.rng, 1514))
        for _ in range(10):
            if self.rx.used_idx() != used:
                break
            self.rx.sleep(20)

    def stop(self):
        """In the middle of it."""
        for _ in range(8):
            self.wire.send(random_frame(self.rng, 1514))
        self.rx.stop()
        self.tx.stop()

    def ring_pages(self):
        return {page for queue in (self.rx, self.tx)
                for page in range(queue.used_at // PAGE, queue.end // PAGE)}

    def buffer_pages(self):
        return {page for head in self.receivers
                for page in range(self.at_slot(head) // PAGE, (self.at_slot(head) + self.slot - 1) // PAGE + 1)}


def play(mode, rings=True, windows=24, **faults):
    """Which pages changed, which were logged, which changed and were not."""
    with Guest(mode, rings) as guest:
        for fault, value in faults.items():
            CARD.fault(fault.replace("_", "/"), value)
        for _ in range(windows):
            guest.window(guest.traffic)
        guest.window(guest.stop)
        for fault in faults:
            CARD.fault(fault.replace("_", "/"), 0)
        return guest


def logs(name, mode, **faults):
    guest = play(mode, **faults)
    beside = guest.logged - guest.buffer_pages() - guest.ring_pages()
    print(f"# {name}: {len(guest.changed)} pages changed, {len(guest.logged)} logged, "
          f"missing {sorted(guest.missing)}")
    report(not guest.missing, f"{name}: all that changes is logged", str(sorted(guest.missing)))
    report(len(guest.changed & guest.buffer_pages()) > 20 and bool(guest.changed & guest.ring_pages()),
           f"{name}: buffers and rings changed", str(sorted(guest.changed)))
    report(not beside, f"{name}: nothing else is logged", str(sorted(beside)))


def notices():
    """Rings whose log is left off."""
    guest = play(abi.COPY, rings=False, windows=3)
    rings = guest.ring_pages() & guest.changed
    report(bool(rings) and guest.missing == rings, "a page that is not logged is noticed",
           f"{sorted(guest.missing)} instead of {sorted(rings)}")


def main(limit=""):
    for mode, number in MODES.items():
        name = f"{mode}, {limit}" if limit else mode
        logs(name, number)
        # what a card writes for a frame that comes to nothing
        logs(f"{name}, errors", number, rx_error=2)
    notices()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
