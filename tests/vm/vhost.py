#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""/dev/vhost-mp without a VMM: each error of its ioctls, and a ring played by
hand, by a guest that keeps the rules and by one that does not.

Expects veth0 and veth1 up and connected; prints ok lines.
"""

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import sys
import time

import abi_common as abi
from abi_common import accepts, ioctl, refuses, report

GET_FEATURES, SET_FEATURES = 0x8008AF00, 0x4008AF00
SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 0xAF01, 0xAF02, 0x4008AF03
SET_LOG_BASE, SET_LOG_FD = 0x4008AF04, 0x4004AF07
SET_VRING_NUM, SET_VRING_ADDR = 0x4008AF10, 0x4028AF11
SET_VRING_BASE, GET_VRING_BASE = 0x4008AF12, 0xC008AF12
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 0x4008AF20, 0x4008AF21, 0x4008AF22
SET_VRING_ENDIAN, GET_VRING_ENDIAN = 0x4008AF13, 0x4008AF14
SET_VRING_BUSYLOOP, GET_VRING_BUSYLOOP = 0x4008AF23, 0x4008AF24
SET_BACKEND_FEATURES, GET_BACKEND_FEATURES = 0x4008AF25, 0x8008AF26
NET_SET_BACKEND = 0x4008AF30
TUNSETVNETHDRSZ = 0x400454D8
F_LOG_ALL, F_MRG_RXBUF, F_INDIRECT, F_VERSION_1 = 1 << 26, 1 << 15, 1 << 28, 1 << 32
DEVICE = "/dev/vhost-mp"    # vhostnet.py has another one
RX, TX = 0, 1
NEXT, WRITE, INDIRECT = 1, 2, 4
HDR = 12
NUM = 8
GPA = 0x100000
SIZE = 1 << 20


def u64(value):
    return struct.pack("Q", value)


def state(index, num):
    return struct.pack("II", index, num)


def file_arg(index, fd):
    return struct.pack("Ii", index, fd)


def mem_table(*regions):
    return struct.pack("II", len(regions), 0) + b"".join(
        struct.pack("QQQQ", gpa, size, uaddr, 0) for gpa, size, uaddr in regions)


def vhost():
    return os.open(DEVICE, os.O_RDWR)


def ioctl_errors():
    fd = vhost()
    refuses("SET_MEM_TABLE without owner", errno.EPERM, ioctl, fd, SET_MEM_TABLE, mem_table())
    accepts("SET_OWNER", ioctl, fd, SET_OWNER, 0)
    refuses("SET_OWNER again", errno.EBUSY, ioctl, fd, SET_OWNER, 0)
    features, = struct.unpack("Q", ioctl(fd, GET_FEATURES, bytes(8)))
    wanted = F_LOG_ALL | F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT | 1 << 29
    report(features & wanted == wanted, "GET_FEATURES", hex(features))
    refuses("SET_FEATURES of an unknown one", errno.EOPNOTSUPP, ioctl, fd, SET_FEATURES, u64(1 << 60))
    accepts("SET_FEATURES", ioctl, fd, SET_FEATURES, u64(features & ~F_LOG_ALL))
    report(ioctl(fd, GET_BACKEND_FEATURES, bytes(8)) == bytes(8), "GET_BACKEND_FEATURES")
    refuses("SET_BACKEND_FEATURES", errno.EOPNOTSUPP, ioctl, fd, SET_BACKEND_FEATURES, u64(2))
    refuses("queue out of range", errno.ENOBUFS, ioctl, fd, SET_VRING_NUM, state(2, NUM))
    for num in (0, 7, 65536):
        refuses(f"ring of {num}", errno.EINVAL, ioctl, fd, SET_VRING_NUM, state(RX, num))
    accepts("SET_VRING_NUM", ioctl, fd, SET_VRING_NUM, state(RX, NUM))
    refuses("base out of range", errno.EINVAL, ioctl, fd, SET_VRING_BASE, state(RX, 65536))
    refuses("big endian", errno.EINVAL, ioctl, fd, SET_VRING_ENDIAN, state(RX, 1))
    refuses("busy polling of no such queue", errno.ENOBUFS, ioctl, fd, SET_VRING_BUSYLOOP, state(2, 50))
    for num in (50, 0xffffffff):
        accepts(f"busy polling for {num} us", ioctl, fd, SET_VRING_BUSYLOOP, state(TX, num))
        report(ask(fd, GET_VRING_BUSYLOOP, TX) == num and ask(fd, GET_VRING_BUSYLOOP, RX) == 0,
               "GET_VRING_BUSYLOOP_TIMEOUT of each queue")
    report(ask(fd, GET_VRING_ENDIAN, RX) == 0, "GET_VRING_ENDIAN")
    refuses("misaligned ring", errno.EINVAL, ioctl, fd, SET_VRING_ADDR,
            struct.pack("IIQQQQ", RX, 0, 0x1008, 0, 0, 0))
    refuses("unknown ring flag", errno.EOPNOTSUPP, ioctl, fd, SET_VRING_ADDR,
            struct.pack("IIQQQQ", RX, 2, 0, 0, 0, 0))
    refuses("kick that is no eventfd", errno.EINVAL, ioctl, fd, SET_VRING_KICK, file_arg(RX, fd))
    refuses("kick that is closed", errno.EBADF, ioctl, fd, SET_VRING_KICK, file_arg(RX, 999))
    refuses("overlapping memory", errno.EINVAL, ioctl, fd, SET_MEM_TABLE,
            mem_table((0, 8192, 1 << 32), (4096, 8192, 1 << 33)))
    refuses("empty memory region", errno.EINVAL, ioctl, fd, SET_MEM_TABLE, mem_table((0, 0, 1 << 32)))
    refuses("memory of the kernel", errno.EINVAL, ioctl, fd, SET_MEM_TABLE,
            mem_table((0, 4096, 0xffff888000000000)))
    refuses("memory table too long", errno.E2BIG, ioctl, fd, SET_MEM_TABLE, struct.pack("II", 100000, 0))
    refuses("log at an odd address", errno.EINVAL, ioctl, fd, SET_LOG_BASE, u64(0x10004))
    refuses("log fd that is no eventfd", errno.EINVAL, ioctl, fd, SET_LOG_FD, struct.pack("i", fd))
    refuses("backend that is no mp", errno.ENOTSOCK, ioctl, fd, NET_SET_BACKEND, file_arg(RX, fd))
    refuses("backend that is closed", errno.EBADF, ioctl, fd, NET_SET_BACKEND, file_arg(RX, 999))
    accepts("no backend", ioctl, fd, NET_SET_BACKEND, file_arg(RX, -1))
    refuses("unknown call", errno.ENOTTY, ioctl, fd, 0xAFEE, 0)
    report(abi.in_child(lambda: ioctl(fd, SET_VRING_NUM, state(RX, NUM))) == errno.EPERM,
           "another process cannot use it", "allowed")
    accepts("RESET_OWNER", ioctl, fd, RESET_OWNER, 0)
    accepts("SET_OWNER after that", ioctl, fd, SET_OWNER, 0)
    report(ask(fd, GET_VRING_BUSYLOOP, TX) == 0, "nothing is left of busy polling")
    os.close(fd)


def ask(fd, call, index):
    return struct.unpack("II", ioctl(fd, call, state(index, 77)))[1]


def pages(size):
    return (size + 4095) & ~4095


class Queue:
    """One virtqueue of @num entries in memory of our own, from offset @at to @end."""

    def __init__(self, guest, index, at, num):
        self.guest, self.index, self.at, self.num = guest, index, at, num
        self.avail_at = at + pages(16 * num)
        self.used_at = self.avail_at + pages(6 + 2 * num)
        self.end = self.used_at + pages(6 + 8 * num)
        self.idx = self.taken = 0
        self.kick, self.call, self.err = (os.eventfd(0, os.EFD_NONBLOCK) for _ in range(3))
        self.attach(0)

    def attach(self, base):
        """Tells the guest's device where the ring is, and where to go on in it."""
        ioctl(self.guest.fd, SET_VRING_NUM, state(self.index, self.num))
        ioctl(self.guest.fd, SET_VRING_BASE, state(self.index, base))
        self.locate()
        for call, eventfd in ((SET_VRING_KICK, self.kick), (SET_VRING_CALL, self.call),
                              (SET_VRING_ERR, self.err)):
            ioctl(self.guest.fd, call, file_arg(self.index, eventfd))

    def locate(self, log=False):
        """With @log, writes to the ring go to the dirty log."""
        base = self.guest.uaddr
        ioctl(self.guest.fd, SET_VRING_ADDR,
              struct.pack("IIQQQQ", self.index, int(log), base + self.at, base + self.used_at,
                          base + self.avail_at, GPA + self.used_at if log else 0))

    def start(self):
        ioctl(self.guest.fd, NET_SET_BACKEND, file_arg(self.index, self.guest.port))

    def stop(self):
        ioctl(self.guest.fd, NET_SET_BACKEND, file_arg(self.index, -1))

    def base(self):
        return struct.unpack("II", ioctl(self.guest.fd, GET_VRING_BASE, state(self.index, 0)))[1]

    def desc(self, i, gpa, length, flags, nxt=0):
        struct.pack_into("QIHH", self.guest.mem, self.at + 16 * i, gpa, length, flags, nxt)

    def offer(self, *heads, kick=True):
        for head in heads:
            struct.pack_into("H", self.guest.mem, self.avail_at + 4 + 2 * (self.idx % self.num), head)
            self.idx = (self.idx + 1) & 0xffff
        # at once: pack_into() writes zeroes first, which the device may see
        ctypes.c_uint16.from_address(self.guest.uaddr + self.avail_at + 2).value = self.idx
        if kick:
            os.eventfd_write(self.kick, 1)

    def offered(self, pos):
        """The head at a position of the ring."""
        return struct.unpack_from("H", self.guest.mem, self.avail_at + 4 + 2 * (pos % self.num))[0]

    def used_idx(self):
        return struct.unpack_from("H", self.guest.mem, self.used_at + 2)[0]

    def entry(self, i):
        return struct.unpack_from("II", self.guest.mem, self.used_at + 4 + 8 * (i % self.num))

    def used(self):
        """(id, length) of all used entries so far."""
        return [self.entry(i) for i in range(self.used_idx())]

    def take(self):
        """(id, length) of the used entries since the last take()."""
        entries = []
        while self.taken != self.used_idx():
            entries.append(self.entry(self.taken))
            self.taken = (self.taken + 1) & 0xffff
        return entries

    def wait_take(self, count, seconds=20):
        """As take(), once there are @count of them, or fewer if that takes too long."""
        deadline = time.monotonic() + seconds
        entries = self.take()
        while len(entries) < count and time.monotonic() < deadline:
            self.sleep(100)
            entries += self.take()
        return entries

    def sleep(self, milliseconds):
        """Until there is an interrupt."""
        poll = select.poll()
        poll.register(self.call, select.POLLIN)
        if not poll.poll(milliseconds):
            return False
        os.eventfd_read(self.call)
        return True

    def wait_used(self, count):
        while len(self.used()) < count:
            if not self.sleep(5000):
                return False
        return True

    def wait_error(self):
        poll = select.poll()
        poll.register(self.err, select.POLLIN)
        return bool(poll.poll(5000))

    def close(self):
        for eventfd in (self.kick, self.call, self.err):
            os.close(eventfd)


def quiet(*cards):
    """The host says nothing of its own there, as IPv6 does when a link comes up."""
    for name in cards:
        path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
        if name.startswith(("snic", "veth")) and os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write("1")


class Guest:
    """A port on an interface, and a guest's memory and queues on it."""

    def __init__(self, features=F_MRG_RXBUF | F_VERSION_1, near="veth0", far="veth1", mode=abi.COPY,
                 num=NUM, size=SIZE, flags=0):
        self.size, self.negotiated = size, features
        quiet(near, far)
        self.mem = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.mem.madvise(mmap.MADV_NOHUGEPAGE)
        self.uaddr = ctypes.addressof(ctypes.c_char.from_buffer(self.mem))
        self.open(near, mode, flags)
        self.rx = Queue(self, RX, 0, num)
        self.tx = Queue(self, TX, self.rx.end, num)
        self.wire = self.open_wire(far)

    @staticmethod
    def open_wire(far):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
        wire.bind((far, 0x88B5))
        wire.settimeout(5)
        return wire

    def open(self, near, mode, flags=0):
        self.port = abi.mp()
        abi.bind(self.port, near, mode=mode, flags=flags)
        ioctl(self.port, TUNSETVNETHDRSZ, struct.pack("i", HDR))
        self.fd = vhost()
        ioctl(self.fd, SET_OWNER, 0)
        ioctl(self.fd, SET_FEATURES, u64(self.negotiated))
        ioctl(self.fd, SET_MEM_TABLE, mem_table((GPA, self.size, self.uaddr)))

    def move(self, near, mode):
        """Another device, on @near, goes on where this one has stopped."""
        bases = self.rx.base(), self.tx.base()
        os.close(self.fd)
        os.close(self.port)
        self.open(near, mode)
        for queue, base in zip((self.rx, self.tx), bases):
            queue.attach(base)

    def close(self):
        self.wire.close()
        os.close(self.fd)
        os.close(self.port)
        self.rx.close()
        self.tx.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.rx.stop()
        self.tx.stop()
        self.close()


def frame(size, seed=7):
    return b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes((i * seed) & 0xff for i in range(size - 14))


def receives():
    guest = Guest()
    rx = guest.rx
    for i in range(4):
        rx.desc(i, GPA + 0x20000 + 0x800 * i, 1600, WRITE)
    rx.offer(0, 1, 2, 3, kick=False)
    rx.start()
    guest.wire.send(frame(300))
    report(rx.wait_used(1), "a frame arrives in a posted buffer")
    head, length = rx.used()[0]
    at = 0x20000 + 0x800 * head
    report(length == HDR + 300 and guest.mem[at + HDR:at + length] == frame(300), "and is what was sent")
    report(struct.unpack_from("H", guest.mem, at + 10)[0] == 1, "it lies in one buffer")
    rx.stop()
    report(rx.base() == 1, "what was posted and not used is offered again", str(rx.base()))
    rx.start()
    guest.wire.send(frame(60, 3))
    report(rx.wait_used(2), "and is used after the next start")
    rx.stop()
    guest.close()


def merges():
    guest = Guest()
    rx = guest.rx
    for i in range(6):
        rx.desc(i, GPA + 0x20000 + 0x800 * i, 400, WRITE)
    rx.offer(*range(6), kick=False)
    rx.start()
    guest.wire.send(frame(1200))
    report(rx.wait_used(4), "a frame is merged over several buffers", str(rx.used()))
    data = b"".join(bytes(guest.mem[0x20000 + 0x800 * h:0x20000 + 0x800 * h + n]) for h, n in rx.used())
    report(data[HDR:] == frame(1200) and data[10] == 4, "and is what was sent")
    rx.stop()
    guest.close()


def transmits():
    guest = Guest()
    tx = guest.tx
    tx.start()
    for size in (60, 1000):
        data = bytes(HDR) + frame(size)
        guest.mem[0x30000:0x30000 + len(data)] = data
        # header, headers and payload apart, by an indirect table
        for i, (at, length, flags) in enumerate(((0, HDR, NEXT), (HDR, 14, NEXT), (HDR + 14, size - 14, 0))):
            struct.pack_into("QIHH", guest.mem, 0x38000 + 16 * i, GPA + 0x30000 + at, length, flags, i + 1)
        before = len(tx.used())
        tx.desc(0, GPA + 0x38000, 48, INDIRECT)
        features = F_MRG_RXBUF | F_VERSION_1 | F_INDIRECT
        tx.stop()
        ioctl(guest.fd, SET_FEATURES, u64(features))
        tx.start()
        tx.offer(0)
        report(guest.wire.recv(4096) == frame(size), f"a frame of {size} bytes leaves")
        report(tx.wait_used(before + 1), "and its chain comes back")
    tx.stop()
    guest.close()


def breaks(name, play, queue=RX):
    """A guest that breaks the rules stops its queue, and only that."""
    guest = Guest()
    victim, other = (guest.rx, guest.tx) if queue == RX else (guest.tx, guest.rx)
    victim.start()
    play(victim)
    report(victim.wait_error(), f"{name}: the queue stops")
    if queue == RX:
        data = bytes(HDR) + frame(60)
        guest.mem[0x30000:0x30000 + len(data)] = data
        other.desc(0, GPA + 0x30000, len(data), 0)
        other.start()
        other.offer(0)
        report(guest.wire.recv(4096) == frame(60), f"{name}: the other one goes on")
        other.stop()
    victim.stop()
    guest.close()


def one(desc, *heads):
    def play(queue):
        queue.desc(*desc)
        queue.offer(*(heads or (0,)))
    return play


def wild_index(queue):
    queue.idx = 1000
    queue.offer(0)


def loop(queue):
    queue.desc(0, GPA + 0x20000, 64, NEXT | WRITE, 1)
    queue.desc(1, GPA + 0x20000, 64, NEXT | WRITE, 0)
    queue.offer(0)


def hostile():
    buf = GPA + 0x20000
    breaks("available index that jumps", wild_index)
    breaks("head out of range", one((0, buf, 2000, WRITE), 99))
    breaks("chain that loops", loop)
    breaks("chain that leaves the table", one((0, buf, 64, NEXT | WRITE, 77)))
    breaks("buffer outside of memory", one((0, GPA + SIZE - 100, 2000, WRITE)))
    breaks("buffer that wraps", one((0, (1 << 64) - 100, 2000, WRITE)))
    breaks("indirect table without the feature", one((0, buf, 64, INDIRECT)))
    breaks("readable receive buffer", one((0, buf, 2000, 0)))
    breaks("receive buffer without room for a header", one((0, buf, 4, WRITE)))
    breaks("descriptor offered twice", one((0, buf, 2000, WRITE), 0, 0))
    breaks("writable transmit buffer", one((0, buf, 2000, WRITE)), queue=TX)


def busy_queue():
    """A device's thread that looks at a ring for an hour does not keep it from stopping."""
    guest = Guest()
    tx = guest.tx
    ioctl(guest.fd, SET_VRING_BUSYLOOP, state(TX, 0xffffffff))
    tx.start()
    data = bytes(HDR) + frame(60)
    guest.mem[0x30000:0x30000 + len(data)] = data
    tx.desc(0, GPA + 0x30000, len(data), 0)
    for i in range(20):
        tx.offer(0)
        guest.wire.recv(4096)
        if not tx.wait_used(i + 1):
            report(False, "busy polling: chains come back", str(i))
        started = time.monotonic()
        tx.stop()
        tx.start()
        if time.monotonic() - started > 20:
            report(False, "busy polling: the queue stops", str(i))
    report(True, "busy polling: the queue stops and starts")
    tx.stop()
    guest.close()


def running_queue():
    guest = Guest()
    rx = guest.rx
    rx.start()
    refuses("ring size while running", errno.EBUSY, ioctl, guest.fd, SET_VRING_NUM, state(RX, 16))
    refuses("base while running", errno.EBUSY, ioctl, guest.fd, SET_VRING_BASE, state(RX, 0))
    refuses("other features while running", errno.EBUSY, ioctl, guest.fd, SET_FEATURES, u64(F_VERSION_1))
    accepts("the same memory while running", ioctl, guest.fd, SET_MEM_TABLE,
            mem_table((GPA, SIZE, guest.uaddr)))
    rx.desc(0, GPA + 0x20000, 2000, WRITE)
    rx.offer(0)
    guest.wire.send(frame(100))
    report(rx.wait_used(1), "and the queue goes on")

    log = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    base = ctypes.addressof(ctypes.c_char.from_buffer(log))
    accepts("SET_LOG_BASE", ioctl, guest.fd, SET_LOG_BASE, u64(base))
    accepts("logging while running", ioctl, guest.fd, SET_FEATURES,
            u64(F_MRG_RXBUF | F_VERSION_1 | F_LOG_ALL))
    rx.offer(0)
    guest.wire.send(frame(100))
    rx.wait_used(2)
    page = (GPA + 0x20000) // 4096
    dirty = [i for i in range(4096 * 8) if log[i // 8] & 1 << i % 8]
    report(dirty == [page], "the written page is in the log", str(dirty))
    rx.stop()
    refuses("rings outside of memory", errno.EFAULT, start_at, guest, 0x10000000)
    guest.close()


def start_at(guest, uaddr):
    ioctl(guest.fd, SET_VRING_ADDR, struct.pack("IIQQQQ", RX, 0, uaddr, uaddr + 0x2000, uaddr + 0x1000, 0))
    guest.rx.start()


if __name__ == "__main__":
    for test in (ioctl_errors, receives, merges, transmits, hostile, busy_queue, running_queue):
        test()
    sys.exit(0)
