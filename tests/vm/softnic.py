#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A ring played by hand on a card that does DMA late, in disorder, wrongly or
never. Expects snicA1 and snicB1 up and connected; prints ok lines.
"""

import os
import struct
import sys
import threading
import time

import abi_common as abi
import vhost
from card import Card
from abi_common import report, until
from vhost import F_MRG_RXBUF, F_VERSION_1, GPA, HDR, WRITE, frame

MODES = {"whole frame": abi.WHOLE, "header split": abi.SPLIT}
BUFS = 0x20000          # eight receive buffers of 2 KB
SEND = 0x30000          # and as many to send
STEP = 0x800
COPY_SMALL = 5
COPYBREAK = "/sys/module/mpassthru/parameters/tx_copybreak"
CARD, FAR = Card("A1"), Card("B1")
fault, counts, wait_count = CARD.fault, CARD.counts, CARD.wait_count


class Guest(vhost.Guest):
    def __init__(self, mode, num=vhost.NUM):
        super().__init__(F_MRG_RXBUF | F_VERSION_1, "snicA1", "snicB1", mode, num)

    def at_card(self):
        """Buffers that the card may write to."""
        return abi.get(self.port)["at_nic"]

    def start_rx(self):
        """Until the worker has posted what was offered, a card drops frames."""
        self.rx.start()
        self.wait_at_card()

    def wait_at_card(self):
        if not until(20, lambda: self.at_card() >= 4 and CARD.ready() >= 4):
            report(False, "the card gets buffers", str(self.at_card()))

    def post(self, *heads, kick=True):
        for head in heads:
            self.rx.desc(head, GPA + BUFS + STEP * head, STEP, WRITE)
        self.rx.offer(*heads, kick=kick)

    def send(self, head, data):
        at = SEND + STEP * head
        self.mem[at:at + HDR + len(data)] = bytes(HDR) + data
        self.tx.desc(head, GPA + at, HDR + len(data), 0)
        self.tx.offer(head)

    def send_all(self, heads, size=1000):
        """The same frame by each of @heads, at once."""
        self.mem[SEND:SEND + HDR + size] = bytes(HDR) + frame(size)
        for head in heads:
            self.tx.desc(head, GPA + SEND, HDR + size, 0)
        self.tx.offer(*heads)

    def received(self, first=0):
        """The bytes of the frame whose used entries begin with number @first."""
        used = self.rx.used()[first:]
        at = BUFS + STEP * used[0][0]
        merged, = struct.unpack_from("H", self.mem, at + 10)
        data = b"".join(bytes(self.mem[BUFS + STEP * h:BUFS + STEP * h + n])
                        for h, n in used[:merged])
        return data[HDR:], merged


def arrive(guest, *frames):
    """Sends frames, until the card has taken each, or dropped it."""
    before = FAR.count("tx_packets")
    for data in frames:
        guest.wire.send(data)
    if not FAR.wait_count("tx_packets", before + len(frames)):
        report(False, "the wire takes frames")
    CARD.ready()


def receives(name, mode):
    with Guest(mode) as guest:
        guest.post(*range(8), kick=False)
        guest.start_rx()
        guest.wire.send(frame(1200))
        report(guest.rx.wait_used(1), f"{name}: a frame arrives")
        data, merged = guest.received()
        report(data == frame(1200), f"{name}: and is what was sent")
        guest.wire.send(frame(60, 3))
        report(guest.rx.wait_used(merged + 1), f"{name}: a short one arrives")
        report(guest.received(merged)[0] == frame(60, 3), f"{name}: and is what was sent")


def late(name, mode):
    """What is written late is complete when it is handed over."""
    with Guest(mode) as guest:
        guest.post(*range(8), kick=False)
        guest.start_rx()
        before = counts()
        fault("rx/hold", 1)
        arrive(guest, frame(1000, 5))
        time.sleep(0.1)
        report(not guest.rx.used(), f"{name}: nothing is handed over before its DMA")
        fault("rx/hold", 0)
        report(guest.rx.wait_used(1), f"{name}: it is after that")
        report(guest.received()[0] == frame(1000, 5), f"{name}: and is what was sent")
        report(counts()["rx_late"] == before["rx_late"] + 1, f"{name}: it was late")


def stop_under_dma(name, mode, stray):
    """The queue stops while the card holds buffers. True: nothing was written."""
    with Guest(mode) as guest:
        guest.post(*range(8), kick=False)
        guest.start_rx()
        before = counts()
        fault("rx/hold", 1)
        fault("rx/stray", "Y" if stray else "N")
        arrive(guest, *(frame(1000, seed) for seed in (3, 5, 7)))
        started = time.monotonic()
        guest.rx.stop()
        report(time.monotonic() - started < 20, f"{name}: the queue stops while the card holds buffers")
        report(guest.rx.base() == 0 and not guest.rx.used(), f"{name}: all of them are offered again")
        pattern = b"\xa5" * (8 * STEP)
        guest.mem[BUFS:BUFS + 8 * STEP] = pattern
        fault("rx/hold", 0)
        if stray:
            wait_count("rx_stray", before["rx_stray"] + 3)
        else:
            report(counts()["rx_abandoned"] == before["rx_abandoned"] + 3,
                   f"{name}: the card has let go of them")
        time.sleep(0.1)
        fault("rx/stray", "N")
        untouched = bytes(guest.mem[BUFS:BUFS + 8 * STEP]) == pattern
        if not stray:
            guest.start_rx()
            guest.wire.send(frame(700))
            report(guest.rx.wait_used(1), f"{name}: and receives after the next start")
            report(guest.received()[0] == frame(700), f"{name}: what was sent")
        return untouched


def stops(name, mode):
    report(stop_under_dma(name, mode, False), f"{name}: nothing is written after that")
    # a kernel that checks DMA would complain: suite planted
    if not os.path.exists("/sys/kernel/debug/dma-api"):
        report(not stop_under_dma(name, mode, True), f"{name}: a card that writes all the same is noticed")


def errors(name, mode):
    with Guest(mode) as guest:
        guest.post(*range(8), kick=False)
        guest.start_rx()
        fault("rx/error", 1)
        before = counts()
        for _ in range(30):
            CARD.wait_ready(1)      # or the card drops it
            arrive(guest, frame(500))
        report(wait_count("rx_errors", before["rx_errors"] + 30), f"{name}: many frames with errors")
        fault("rx/error", 0)
        report(not guest.rx.used(), f"{name}: none of them is handed over")
        CARD.wait_ready(1)
        guest.wire.send(frame(500, 9))
        report(guest.rx.wait_used(1), f"{name}: a good one is")
        data, merged = guest.received()
        report(data == frame(500, 9), f"{name}: and is what was sent")
        guest.rx.stop()
        lost = 8 - len(guest.rx.used()) - (8 - guest.rx.base())
        report(lost == 0, f"{name}: no buffer is lost", str((guest.rx.used(), guest.rx.base(), merged)))


def dry(name, mode):
    with Guest(mode) as guest:
        guest.rx.start()
        before = counts()
        guest.wire.send(frame(500))
        report(wait_count("no_descriptor", before["no_descriptor"] + 1),
               f"{name}: without buffers the card drops")
        guest.post(*range(8))
        guest.wait_at_card()
        guest.wire.send(frame(500, 3))
        report(guest.rx.wait_used(1), f"{name}: with buffers it receives")
        report(guest.received()[0] == frame(500, 3), f"{name}: what was sent then")


def disorder(name, mode):
    """Completions in reverse: every frame once, whole, in any order."""
    with Guest(mode) as guest:
        guest.post(*range(8), kick=False)
        guest.start_rx()
        before = counts()
        fault("rx/reorder", 4)
        fault("rx/hold", 1)     # until the card has all
        sent = [frame(600 + 10 * i, 3 + 2 * i) for i in range(4)]
        arrive(guest, *sent)
        fault("rx/hold", 0)
        merged = 1 if mode == abi.WHOLE else 2
        # as many as there are buffers for; the rest waits
        report(guest.rx.wait_used(min(8 // merged, 4) * merged), f"{name}: frames arrive out of order")
        fault("rx/reorder", 0)
        got = [guest.received(i * merged)[0] for i in range(len(guest.rx.used()) // merged)]
        report(all(data in sent for data in got) and len(set(got)) == len(got),
               f"{name}: each is what was sent")
        report(counts()["rx_reordered"] > before["rx_reordered"], f"{name}: they were out of order")


def held_transmit():
    with Guest(abi.COPY) as guest:
        guest.tx.start()
        fault("tx/hold", 1)
        before = counts()
        guest.send(0, frame(1400))
        report(guest.wire.recv(4096) == frame(1400), "transmit: a frame leaves")
        time.sleep(0.1)
        report(not guest.tx.used(), "transmit: its buffer does not come back before its completion")
        stopped = threading.Thread(target=guest.tx.stop)
        stopped.start()
        stopped.join(0.5)
        report(stopped.is_alive(), "transmit: the queue waits for the card to stop")
        fault("tx/hold", 0)
        stopped.join(20)
        report(not stopped.is_alive(), "transmit: it stops after that")
        report(guest.tx.used() == [(0, 0)], "transmit: the buffer is back")
        report(counts()["tx_changed"] == before["tx_changed"], "transmit: it did not change under the card")


def changed_transmit():
    with Guest(abi.COPY) as guest:
        guest.tx.start()
        fault("tx/hold", 1)
        before = counts()
        guest.send(0, frame(1400))
        guest.wire.recv(4096)
        guest.mem[SEND + 1000] ^= 0xff
        fault("tx/hold", 0)
        report(guest.tx.wait_used(1) and counts()["tx_changed"] == before["tx_changed"] + 1,
               "transmit: without copies; a buffer that changes under the card is noticed")


def transmit_disorder():
    with Guest(abi.COPY) as guest:
        guest.tx.start()
        fault("tx/hold", 2)
        for head in range(4):
            guest.send(head, frame(1000 + head))
            guest.wire.recv(4096)
        report(guest.tx.wait_used(2), "transmit: buffers come back that others overtook")
        first = [head for head, _ in guest.tx.used()]
        fault("tx/hold", 0)
        report(guest.tx.wait_used(4), "transmit: those come back, too")
        heads = [head for head, _ in guest.tx.used()]
        report(first == [0, 2] and sorted(heads) == [0, 1, 2, 3], "transmit: each once", str(heads))
        fault("tx/error", 1)
        guest.send(0, frame(1000))
        report(guest.tx.wait_used(5), "transmit: a buffer comes back after an error")
        fault("tx/error", 0)


def set_copybreak(limit):
    with open(COPYBREAK, "r+", encoding="ascii") as file:
        before = file.read()
        file.write(str(limit))
    return before


def short_packets():
    """Those with little behind the headers, of which 128 bytes are taken for such."""
    usual = set_copybreak(256)
    with Guest(abi.COPY) as guest:
        guest.tx.start()
        for limit, length, copied in ((256, 383, True), (256, 384, False), (0, 129, False), (2000, 1400, True)):
            set_copybreak(limit)
            before = abi.get(guest.port)["tx"]
            used = len(guest.tx.used())
            guest.send(0, frame(length))
            guest.wire.recv(4096)
            guest.tx.wait_used(used + 1)
            after = abi.get(guest.port)["tx"]
            took = after["copied"][COPY_SMALL] - before["copied"][COPY_SMALL]
            lent = after["zerocopy_packets"] - before["zerocopy_packets"]
            report((took, lent) == (int(copied), int(not copied)),
                   f"transmit: {length} bytes are {'copied' if copied else 'lent'} if the limit is {limit}",
                   f"{took} copied, {lent} lent")
    set_copybreak(usual)


def settles(value, want):
    """Whether value() becomes @want, and what it is after at most 20 seconds."""
    report(until(20, lambda: value() == want), f"transmit: {value()} of {want} are in flight")


def in_flight():
    """As many as the ring has are on their way, and come back in few interrupts."""
    before = abi.parameter("mpassthru", "tx_late_ms", 3600000)
    for num in (256, 1024):
        with Guest(abi.COPY, num) as guest:
            guest.tx.start()
            fault("tx/hold", 1)
            guest.send_all(range(num))
            settles(lambda guest=guest: abi.get(guest.port)["tx_inflight"], num)
            report(not guest.tx.take(), "transmit: none of them is back")
            guest.tx.sleep(0)
            fault("tx/hold", 0)
            settles(lambda guest=guest: abi.get(guest.port)["tx_inflight"], 0)
            guest.tx.stop()
            interrupts = os.eventfd_read(guest.tx.call)
            back = sorted(head for head, _ in guest.tx.take())
            report(back == list(range(num)), f"transmit: all {num} come back, each once")
            report(interrupts <= num / 16, f"transmit: in {interrupts} interrupts")
    abi.parameter("mpassthru", "tx_late_ms", before)


def no_head_of_line():
    """One that is held keeps nobody else's buffer from the guest, round after round."""
    with Guest(abi.COPY, 256) as guest:
        guest.tx.start()
        before = counts()["tx_packets"]
        fault("tx/hold", 1)     # the card counts from here on
        guest.send_all([0])
        wait_count("tx_packets", before + 1)
        FAR.ready()             # the card is through with it
        fault("tx/hold", 64)
        free, sent = set(range(1, 256)), 0
        for _ in range(6):
            heads = sorted(free)
            held, sent = sent // 64, sent + len(heads)
            guest.send_all(heads)
            free = {head for head, _ in guest.tx.wait_take(len(heads) - sent // 64 + held)}
        held = 1 + sent // 64
        report(len(free) == 256 - held, f"transmit: {held} are held, all others come back", str(len(free)))
        settles(lambda: abi.get(guest.port)["tx_inflight"], held)
        fault("tx/hold", 0)
        free |= {head for head, _ in guest.tx.wait_take(held)}
        report(free == set(range(256)), "transmit: those that were held come back, too")


def main():
    for title, number in MODES.items():
        for test in (receives, late, stops, errors, dry, disorder):
            test(title, number)
    for test in (held_transmit, changed_transmit, transmit_disorder, short_packets):
        test()
    abi.sh("ethtool -G snicA1 tx 4096")
    for test in (in_flight, no_head_of_line):
        test()
    abi.sh("ethtool -G snicA1 tx 256")


if __name__ == "__main__":
    sys.exit(main())
