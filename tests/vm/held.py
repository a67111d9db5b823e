#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Who does not take what is his: somebody on the host that holds what a guest sent, and
a guest that does not take what it receives. Neither has the other wait, nor takes more
than a bounded amount of memory. Expects snicA0 and snicB0, snicA1 and snicB1, veth0 and
veth1 up and connected; prints ok lines.
"""

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import abi_common as abi
import vhost
from abi_common import report, until
from vhost import F_MRG_RXBUF, F_VERSION_1, GPA, HDR, WRITE

NUM = 256
SHARE = NUM // 16       # of a ring, for copies
STEP = 0x800
BUFS = 0x20000
SEND = BUFS + NUM * STEP
LATE_PACKETS = 1000
WAITING_FRAMES, WAITING_BYTES = 1000, 8 << 20
ORPHANED, HELD = 9, 14
QUEUE_FULL = 0
STALLED = 1 << 6
PASSES, STAYS = b"\x88\xb5", b"\x88\xb6"    # EtherTypes


def frame(kind, size, seed=7):
    return b"\xff" * 6 + b"\x02\0\0\0\0\1" + kind + bytes((i * seed) & 0xff for i in range(size - 14))


def out(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


class Guest(vhost.Guest):
    def __init__(self, near, far, mode=abi.COPY):
        super().__init__(F_MRG_RXBUF | F_VERSION_1, near, far, mode, NUM, SEND + NUM * STEP)
        self.free, self.back = list(range(NUM)), []
        self.tx.start()

    def info(self):
        return abi.get(self.port)

    def send(self, data, count=1):
        """The same frame so many times, each from a buffer of its own."""
        heads = [self.free.pop() for _ in range(count)]
        for head in heads:
            at = SEND + STEP * head
            self.mem[at:at + HDR + len(data)] = bytes(HDR) + data
            self.tx.desc(head, GPA + at, HDR + len(data), 0)
        self.tx.offer(*heads)

    def finish(self, count, seconds=20):
        """Whether so many come back."""
        heads = [head for head, _ in self.tx.wait_take(count, seconds)]
        self.back += heads
        self.free += heads
        return len(heads) >= count

    def post(self, heads):
        for head in heads:
            self.rx.desc(head, GPA + BUFS + STEP * head, STEP, WRITE)
        self.rx.offer(*heads)


def passes(guest, count):
    """Frames that nobody holds, one after the other: whether all leave and come back."""
    for i in range(count):
        data = frame(PASSES, 1000, 2 * i + 3)
        guest.send(data)
        if guest.wire.recv(4096) != data or not guest.finish(1):
            return False
    return True


class Qdisc:
    """One that keeps some of the packets for an hour."""

    def __enter__(self):
        self.before = out("tc qdisc show dev snicA1")
        abi.sh("tc qdisc add dev snicA1 root handle 1: prio && "
               "tc qdisc add dev snicA1 parent 1:3 handle 3: netem delay 3600s limit 100000 && "
               "tc filter add dev snicA1 parent 1: protocol 0x88b6 matchall classid 1:3")
        return self

    def __exit__(self, *unused):
        abi.sh("tc qdisc del dev snicA1 root")
        report(out("tc qdisc show dev snicA1") == self.before, "qdisc: as before")


def held_by_qdisc():
    with Qdisc(), Guest("snicA1", "snicB1") as guest:
        guest.send(frame(STAYS, 1000), NUM)
        report(until(20, lambda: guest.info()["tx_inflight"] == NUM), "qdisc: it holds a ring full")
        started = time.monotonic()
        report(guest.finish(SHARE), "qdisc: the last of them come back")
        info = guest.info()
        print(f"# after {time.monotonic() - started:.1f} s {len(guest.back)} are back, {info['tx_inflight']} held, "
              f"{info['tx']['copied'][HELD]} of them copied")
        report(len(guest.back) == SHARE == info["tx"]["copied"][HELD] and info["tx_inflight"] == NUM,
               "qdisc: those that were copied, and no others", str(info["tx"]))
        report(passes(guest, 40), "qdisc: what it does not hold passes")

        for _ in range(3 * LATE_PACKETS // 2 // SHARE):
            guest.send(frame(STAYS, 1000), SHARE)
            if not guest.finish(SHARE):
                break
        info = guest.info()
        print(f"# {info['tx_inflight']} held, {info['tx']['dropped'][QUEUE_FULL]} dropped")
        report(info["tx_inflight"] <= NUM + LATE_PACKETS and info["tx"]["dropped"][QUEUE_FULL] > 100,
               "qdisc: what it holds is bounded, the rest is dropped")

        shown = out("tc qdisc show dev snicA1")
        started = time.monotonic()
        guest.tx.stop()
        seconds = time.monotonic() - started
        guest.finish(NUM - len(guest.free), 0)
        print(f"# stopped in {seconds:.1f} s, {len(guest.free)} are back")
        report(seconds < 20 and sorted(guest.free) == list(range(NUM)), "qdisc: the queue stops, each buffer is back once")
        report(out("tc qdisc show dev snicA1") == shown, "qdisc: it is still there")
        info = guest.info()
        report(info["tx"]["packets"] == info["tx"]["completed"] + info["tx"]["failed"] and not info["tx_inflight"],
               "qdisc: all that was sent is accounted for", str(info["tx"]))
        guest.tx.start()
        report(passes(guest, 4), "qdisc: and goes on after the next start")


def full_for_good():
    """A ring whose copies are never late: what the above would see."""
    before = abi.parameter("mpassthru", "tx_late_ms", 3600000)
    with Qdisc(), Guest("snicA1", "snicB1") as guest:
        guest.send(frame(STAYS, 1000), NUM)
        report(not guest.finish(1, 3), "a ring that stays full is noticed")
    abi.parameter("mpassthru", "tx_late_ms", before)


def tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1002))
    return fd


def held_by_readers():
    """Packet sockets at both ends and a tap behind a bridge that nobody reads."""
    fd = tap("tap7")
    sockets = []
    abi.sh("ip link add br7 type bridge && ip link set veth1 master br7 && ip link set tap7 master br7 && "
           "ip link set br7 up && ip link set tap7 up")
    for name in ("veth0", "veth1", "br7"):
        sockets.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        sockets[-1].bind((name, 3))
    with Guest("veth0", "veth1") as guest:
        rounds = 0
        for _ in range(20):
            guest.send(frame(STAYS, 1400), NUM)
            if not guest.finish(NUM):
                break
            rounds += 1
        info = guest.info()["tx"]
        print(f"# {rounds} rings full are back, {info['copied'][ORPHANED]} copied for others")
        report(rounds == 20 and info["copied"][ORPHANED] > NUM, "readers: nobody who does not read holds a buffer")
    for sock in sockets:
        sock.close()
    os.close(fd)
    abi.sh("ip link del br7")


def flood(name, size, count, stop=None):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((name, 0))
    for _ in range(count):
        try:
            wire.send(frame(PASSES, size))
        except OSError:         # ENOBUFS
            time.sleep(0.001)
        if stop and stop.is_set():
            break
    wire.close()


def never_reads():
    """Frames that wait are bounded in number and memory."""
    abi.sh("ip link set veth0 mtu 9000 && ip link set veth1 mtu 9000")
    for size, most in ((100, WAITING_FRAMES), (9000, WAITING_BYTES // 9000)):
        fd = abi.mp()
        abi.bind(fd, "veth0")
        flood("veth1", size, 1500)
        time.sleep(0.3)
        dropped = abi.get(fd)["rx"]["dropped"][QUEUE_FULL]
        got = []
        while select.select([fd], [], [], 0)[0]:
            got.append(len(os.read(fd, 16384)))
        print(f"# frames of {size} bytes: {len(got)} waited, {sum(got)} bytes; {dropped} were dropped")
        report(0 < len(got) <= most and dropped >= 1500 - most, f"waiting frames of {size} bytes are bounded")
        flood("veth1", size, 10)
        report(until(10, lambda fd=fd: select.select([fd], [], [], 0)[0]), "and there is room for others after that")
        os.close(fd)
    abi.sh("ip link set veth0 mtu 1500 && ip link set veth1 mtu 1500")


def full_queue(name, mode):
    """The NIC has all buffers; what another interface hands on fills the queue. What the NIC
    writes then has no place."""
    abi.sh("tc qdisc add dev veth0 clsact && "
           "tc filter add dev veth0 ingress matchall action mirred ingress redirect dev snicA1")
    with Guest("snicA1", "snicB1", mode) as guest:
        guest.post(range(8))
        guest.rx.start()
        report(until(20, lambda: guest.info()["at_nic"] >= 4), f"{name}, full queue: the NIC has buffers")
        flood("veth1", 100, 1500)
        before = guest.info()
        flood("snicB1", 1000, 8)
        report(until(20, lambda: guest.info()["at_nic"] < before["at_nic"] or
                     guest.info()["rx"]["dropped"][QUEUE_FULL] > before["rx"]["dropped"][QUEUE_FULL]),
               f"{name}, full queue: the NIC writes")
        # a buffer leaves the NIC before its frame is dropped
        until(20, lambda: guest.info()["rx"]["dropped"][QUEUE_FULL] > before["rx"]["dropped"][QUEUE_FULL])
        dropped = guest.info()["rx"]["dropped"][QUEUE_FULL]
        print(f"# {name}, full queue: {before['rx']['dropped'][QUEUE_FULL]} dropped, then {dropped}")
        report(dropped > before["rx"]["dropped"][QUEUE_FULL] > 0, f"{name}, full queue: what it wrote is dropped")
        guest.post(range(8, NUM))
        report(len(guest.rx.wait_take(200)) >= 200, f"{name}, full queue: what waits arrives")
    abi.sh("tc qdisc del dev veth0 clsact")


def stalls(name, mode):
    """One guest gives no buffers while its card is flooded; another does not mind."""
    with Guest("snicA1", "snicB1", mode) as guest, Guest("snicA0", "snicB0") as other:
        guest.post(range(8))
        guest.rx.start()
        time.sleep(0.2)
        done = threading.Event()
        thread = threading.Thread(target=flood, args=("snicB1", 1000, 1000000, done))
        report(not guest.info()["flags"] & STALLED, f"{name}: a guest with buffers is not called stalled")
        thread.start()
        report(until(60, lambda: guest.info()["flags"] & STALLED), f"{name}: one that gives none is")
        report("stalled" in out("mpctl show snicA1"), f"{name}: mpctl tells")
        report(passes(other, 20), f"{name}: another guest goes on meanwhile")
        done.set()
        thread.join()
        print(f"# {name}: {guest.info()['rx']['dropped'][QUEUE_FULL]} dropped")
        guest.post(list(range(8, NUM)) + [head for head, _ in guest.rx.take()])
        report(until(20, lambda: not guest.info()["flags"] & STALLED), f"{name}: after it gave some it is not")
        flood("snicB1", 1000, 10)
        report(len(guest.rx.wait_take(1)) > 0, f"{name}: and receives")


def main():
    held_by_qdisc()
    full_for_good()
    held_by_readers()
    never_reads()
    for name, mode in (("copies", abi.COPY), ("whole frame", abi.WHOLE), ("header split", abi.SPLIT)):
        stalls(name, mode)
        if mode != abi.COPY:
            full_queue(name, mode)


if __name__ == "__main__":
    sys.exit(main())
