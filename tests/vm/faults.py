#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every call that can fail does, one after the other, in each ioctl of both devices and on
both ways of a packet: the answer is an errno or none, nothing has changed, and the next
try works. Needs the debug kernel; prints ok lines.

  faults.py          expects veth0, veth1, snicA1 and snicB1 up and connected
  faults.py brief    the same, for header split alone
  faults.py iommu    expects eth1 behind an IOMMU, its far end in the namespace "peer"
"""

import errno
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import abi_common as abi
import fault
import vhost
from abi_common import ioctl, report, until
from card import Card
from softnic import BUFS, STEP
from vhost import F_MRG_RXBUF, F_VERSION_1, GPA, HDR, NUM, RX, SIZE, file_arg, frame, mem_table, state, u64

PLACES = {"copies": ("veth0", "veth1", abi.COPY),
          "whole frame": ("snicA1", "snicB1", abi.WHOLE),
          "header split": ("snicA1", "snicB1", abi.SPLIT)}
FEATURES = F_MRG_RXBUF | F_VERSION_1
TUNSETIFF = 0x400454CA
ALLOWED = (0, errno.ENOMEM, errno.ENOBUFS, errno.EFAULT)
MOST = 400


def interface(name):
    """What binding changes, and must change back."""
    link, = json.loads(subprocess.run(["ip", "-d", "-j", "link", "show", name], check=True,
                                      capture_output=True).stdout)
    return {key: link.get(key) for key in ("flags", "mtu", "promiscuity", "allmulti", "gro_max_size")}


def features(name):
    return subprocess.run(["ethtool", "-k", name], check=True, capture_output=True).stdout


def tries(call, undo=None, whole=None, by=None):
    """Each call that can fail within @call does. @undo reverses it; @whole tells whether
    all is as it was before it. The errors, and what is wrong with them."""
    by = by or fault.Nth(threading.get_native_id())
    errors, bad = [], []
    while len(errors) < MOST:
        by.arm(len(errors) + 1)
        error = fault.outcome(call)
        hit = by.disarm()
        if not hit:
            break
        errors.append(error)
        if error not in ALLOWED:
            bad.append(f"{len(errors)}: {errno.errorcode.get(error, error)}")
        if not error and undo:
            undo()
        if whole and not whole():
            bad.append(f"{len(errors)}: something has changed")
    if error:
        bad.append(f"at last: {errno.errorcode.get(error, error)}")
    elif undo:
        undo()
    by.close()
    return errors, bad


def every(name, call, undo=None, whole=None, least=1, by=None):
    errors, bad = tries(call, undo, whole, by)
    print(f"# {name}: {len(errors)} calls failed: {fault.names(errors)}")
    report(not bad, f"{name}: each failure is told or made good", "; ".join(bad))
    report(least <= len(errors) < MOST, f"{name}: calls failed", str(len(errors)))


def control():
    """What is wrong is noticed."""
    fd = abi.mp()

    def bind():
        abi.bind(fd, "veth0")

    def unbind():
        ioctl(fd, abi.MP_UNBIND)

    report(any("has changed" in why for why in tries(bind, unbind, lambda: False)[1]),
           "control: what a failure leaves behind is noticed")
    report(tries(bind, unbind, by=fault.Function("filter_open", errno.EXDEV))[1] == ["1: EXDEV"],
           "control: a strange errno is noticed")
    report(any("EBUSY" in why for why in tries(bind)[1]), "control: what is not undone is noticed")
    unbind()
    os.close(fd)


# The descriptors.


def opens():
    for device in ("/dev/net/mp", "/dev/vhost-mp"):
        fds = []
        every(f"open {device}", lambda: fds.append(os.open(device, os.O_RDWR)),
              lambda: os.close(fds.pop()))


def unbound(fd):
    return fault.outcome(lambda: abi.get(fd)) == errno.ENODEV


def binds(name, near, mode):
    fd = abi.mp()
    before = interface(near), features(near)

    def whole():
        return unbound(fd) and interface(near) == before[0]

    def unbind():
        ioctl(fd, abi.MP_UNBIND)

    every(f"{name}: BIND", lambda: abi.bind(fd, near, mode=mode), unbind, whole)
    every(f"{name}: BIND with an address", lambda: abi.bind(fd, near, mode=mode, flags=abi.BIND_MAC,
                                                            mac=b"\2\0\0\0\0\7"), unbind, whole)
    every(f"{name}: TUNSETIFF", lambda: ioctl(fd, TUNSETIFF, struct.pack("16sH22x", near.encode(), 0x5002)),
          unbind, whole)
    every(f"{name}: BIND, a failing filter", lambda: abi.bind(fd, near, mode=mode), unbind, whole,
          by=fault.Function("filter_open", errno.ENOMEM))
    abi.bind(fd, near, mode=mode)
    every(f"{name}: GET", lambda: abi.get(fd))
    every(f"{name}: UNBIND", unbind, lambda: abi.bind(fd, near, mode=mode), least=0)
    ioctl(fd, abi.MP_UNBIND)
    report((interface(near), features(near)) == before, f"{name}: the interface is as before",
           f"{interface(near)} instead of {before[0]}")
    os.close(fd)


def writes():
    """Frames by write() and read(), as QEMU does without vhost."""
    fd = abi.mp()
    abi.bind(fd, "veth0")
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
    wire.bind(("veth1", 0x88B5))
    wire.settimeout(5)
    every("write", lambda: os.write(fd, bytes(10) + frame(1000)), lambda: wire.recv(4096))

    def come_and_read():
        wire.send(frame(300))
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                if os.read(fd, 4096)[10:] == frame(300):
                    return
            except BlockingIOError:
                time.sleep(0.001)
        raise TimeoutError(errno.ETIMEDOUT, "no frame")

    by = fault.Nth(threading.get_native_id())
    by.arm(1)
    error = fault.outcome(lambda: os.read(fd, 4096))
    by.disarm()
    by.close()
    report(error in (errno.EAGAIN, errno.EFAULT), "read of nothing", str(error))
    come_and_read()
    report(True, "frames are read again")
    wire.close()
    os.close(fd)


# The device.


class Guest(vhost.Guest):
    """With eight receive buffers of 2 KB, and as many to send."""

    def __init__(self, near, far, mode):
        before = set(os.listdir("/proc/self/task"))
        super().__init__(FEATURES, near, far, mode)
        self.near = near
        self.worker, = set(os.listdir("/proc/self/task")) - before
        self.last = None        # frame that was sent

    @staticmethod
    def open_wire(far):
        """@far may be in another namespace: peer/eth1."""
        *namespace, far = far.split("/")
        if not namespace:
            return vhost.Guest.open_wire(far)
        with open("/proc/thread-self/ns/net", "rb") as here, open(f"/run/netns/{namespace[0]}", "rb") as there:
            os.setns(there.fileno(), os.CLONE_NEWNET)
            try:
                return vhost.Guest.open_wire(far)
            finally:
                os.setns(here.fileno(), os.CLONE_NEWNET)

    def post(self, *heads):
        for head in heads:
            self.rx.desc(head, GPA + BUFS + STEP * head, STEP, vhost.WRITE)
        self.rx.offer(*heads)

    def send(self, head, size=1000, seed=7):
        at = BUFS + 8 * STEP
        self.last = frame(size, seed)
        data = bytes(HDR) + self.last
        self.mem[at:at + len(data)] = data
        self.tx.desc(head, GPA + at, len(data), 0)
        self.tx.offer(head)

    def ready(self):
        """Until the NIC or the port has what was posted, and there is a link."""
        return until(10, self.is_ready)

    def is_ready(self):
        self.post(*(head for head, _ in self.rx.take()))
        info = abi.get(self.port)
        with open(f"/sys/class/net/{self.near}/operstate", encoding="ascii") as file:
            up = file.read().strip() == "up"
        return info["posted"] + info["at_nic"] >= 4 and self.nic_has_some(info) and up

    def nic_has_some(self, info):
        """What is posted is not yet the NIC's, and what is the NIC's may not yet be told to it."""
        if self.near.startswith("snic"):
            return Card(self.near.removeprefix("snic")).ready() > 0
        return info["at_nic"] > 0 or info["rx_mode"] == abi.COPY

    def broken(self):
        return bool(select.select([self.rx.err, self.tx.err], [], [], 0)[0])

    def restart(self):
        """The queues from the beginning, as after a reset of the guest's device."""
        for queue in (self.rx, self.tx):
            queue.stop()
            self.mem[queue.at:queue.end] = bytes(queue.end - queue.at)
            queue.__init__(self, queue.index, queue.at, NUM)
            queue.start()
        self.post(*range(8))

    def resume(self):
        """A frame each way, in queues that go on unless they were broken. What went wrong."""
        if self.broken():
            self.restart()
        if not self.ready():
            return f"nothing is posted: {abi.get(self.port)}"
        drain(self.wire)
        arrived, sent = len(self.rx.used()), len(self.tx.used())
        self.wire.send(frame(1200))
        if not self.rx.wait_used(arrived + 1):
            return "no frame arrives"
        late = self.last
        self.send(1, 1300, 9)
        try:
            data = self.wire.recv(4096)
            if data == late:    # it was on its way when the wire was drained
                data = self.wire.recv(4096)
            if data != frame(1300, 9):
                return "another frame leaves"
        except TimeoutError:
            return "no frame leaves"
        return "" if self.tx.wait_used(sent + 1) else "the chain does not come back"

    def unbalanced(self):
        info = abi.get(self.port)
        sent = info["tx"]
        if sent["packets"] == sent["completed"] + sent["failed"] and not info["tx_inflight"]:
            return ""
        return f"{sent}"


def drain(wire):
    wire.setblocking(False)
    while not fault.outcome(lambda: wire.recv(4096)):
        pass
    wire.settimeout(5)


def sets_up():
    """Each call that a VMM makes before it starts a queue."""
    fd = vhost.vhost()
    memory = vhost.mmap.mmap(-1, SIZE, flags=vhost.mmap.MAP_PRIVATE | vhost.mmap.MAP_ANONYMOUS)
    uaddr = vhost.ctypes.addressof(vhost.ctypes.c_char.from_buffer(memory))
    table = mem_table(*((GPA + i * 8192, 8192, uaddr + i * 8192) for i in range(20)))
    log = os.eventfd(0)
    every("SET_OWNER", lambda: ioctl(fd, vhost.SET_OWNER, 0), lambda: ioctl(fd, vhost.RESET_OWNER, 0))
    ioctl(fd, vhost.SET_OWNER, 0)
    for name, call, arg in (("GET_FEATURES", vhost.GET_FEATURES, bytes(8)),
                            ("SET_FEATURES", vhost.SET_FEATURES, u64(FEATURES)),
                            ("SET_MEM_TABLE", vhost.SET_MEM_TABLE, table),
                            ("SET_MEM_TABLE, a shorter one", vhost.SET_MEM_TABLE,
                             mem_table((GPA, SIZE, uaddr))),
                            ("SET_LOG_BASE", vhost.SET_LOG_BASE, u64(uaddr)),
                            ("SET_LOG_FD", vhost.SET_LOG_FD, struct.pack("i", log)),
                            ("SET_VRING_NUM", vhost.SET_VRING_NUM, state(RX, NUM)),
                            ("SET_VRING_BASE", vhost.SET_VRING_BASE, state(RX, 0)),
                            ("GET_VRING_BASE", vhost.GET_VRING_BASE, state(RX, 0)),
                            ("SET_VRING_ADDR", vhost.SET_VRING_ADDR,
                             struct.pack("IIQQQQ", RX, 0, uaddr, uaddr + 8192, uaddr + 4096, 0)),
                            ("SET_VRING_KICK", vhost.SET_VRING_KICK, file_arg(RX, log)),
                            ("SET_VRING_CALL", vhost.SET_VRING_CALL, file_arg(RX, log))):
        every(name, lambda: ioctl(fd, call, arg), least=call != vhost.SET_LOG_FD)   # that has get_user() alone
    os.close(fd)
    os.close(log)


def starts(name, near, far, mode):
    """SET_BACKEND, and what may be changed while a queue runs."""
    with Guest(near, far, mode) as guest:
        for queue in (guest.rx, guest.tx):
            bound = interface(near)     # one that receives in header split limits GRO
            what = f"{name}: SET_BACKEND of queue {queue.index}"
            every(what, queue.start, queue.stop, lambda: interface(near) == bound)
            every(f"{what}, pinning fails", queue.start, queue.stop, lambda: interface(near) == bound,
                  by=fault.Function("pin_pages", errno.ENOMEM))
            queue.start()
            every(f"{what}, off", queue.stop, queue.start, least=0)
            queue.start()
        every(f"{name}: SET_MEM_TABLE while running",
              lambda: ioctl(guest.fd, vhost.SET_MEM_TABLE, mem_table((GPA, SIZE, guest.uaddr))))
        every(f"{name}: SET_FEATURES while running",
              lambda: ioctl(guest.fd, vhost.SET_FEATURES, u64(FEATURES)))
        guest.restart()
        why = guest.resume()
        report(not why, f"{name}: frames pass both ways", why)


# Packets.


def serves(name, place, by_of, most=MOST):
    """Calls fail while the device's thread takes what a guest offers for the first time:
    a frame passes or is lost, or a queue stops and says so; then all is well again."""
    bad, failed, stopped, lost, hit = [], 0, 0, 0, True
    for n in range(1, most):
        with Guest(*place) as guest:
            guest.mem[:] = bytes(SIZE)      # or each page that is not there yet counts
            by = by_of(guest)
            guest.rx.start()
            guest.tx.start()
            by.arm(n)
            guest.post(*range(4))
            guest.ready()
            guest.wire.send(frame(1200))
            guest.send(0)
            chain = guest.tx.wait_used(1)
            hit = by.disarm()
            by.close()
            broken = guest.broken()
            if not chain and not broken:
                bad.append(f"{n}: the chain does not come back")
            failed += hit
            stopped += broken
            lost += not guest.rx.wait_used(1)
            bad += [f"{n}: {why}" for why in (guest.resume(), guest.unbalanced()) if why]
        if not hit:
            break
    print(f"# {name}: {failed} calls failed, {lost} frames were lost, a queue stopped {stopped} times")
    report(failed and (not hit or most < MOST) and not bad, f"{name}: traffic resumes after each failure", "; ".join(bad))


def suffers(name, place, kind):
    """One call in four fails, in softirqs too, while frames come and go."""
    with Guest(*place) as guest:
        guest.rx.start()
        guest.tx.start()
        guest.post(*range(8))
        with fault.Some(kind, 25) as some:
            for i in range(200):
                fault.outcome(lambda: guest.wire.send(frame(1200, i)))
                guest.post(*(head for head, _ in guest.rx.take()))
                if not i or guest.tx.take():
                    guest.send(0, 1000, i)
                time.sleep(0.002)
            failed = some.count()
        if not guest.broken():
            guest.tx.wait_take(1)       # the one that is on its way
        why = guest.resume() or guest.unbalanced()
        print(f"# {name}: {failed} calls failed, {len(guest.rx.used())} frames arrived")
        report(failed and not why, f"{name}: traffic resumes after some failures", why)


def locked():
    with open("/proc/self/status", encoding="ascii") as file:
        return [line for line in file if line.startswith(("VmLck", "VmPin"))]


def behind_iommu():
    for mode in (abi.WHOLE, abi.SPLIT):
        serves(f"mode {mode}, mapping for DMA", ("eth1", "peer/eth1", mode),
               lambda guest: fault.Function("map_run", errno.ENOMEM), most=3)


def everywhere(places):
    # each of the ring's buffers is a call that can fail
    abi.sh("ethtool -G snicA1 rx 64")
    control()
    opens()
    for name in places:
        near, _, mode = PLACES[name]
        binds(name, near, mode)
    writes()
    sets_up()
    for name in places:
        place = PLACES[name]
        starts(name, *place)
        serves(f"{name}, the device's thread", place, lambda guest: fault.Nth(guest.worker))
        serves(f"{name}, pinning", place, lambda guest: fault.Function("pin_pages", errno.ENOMEM))
        for kind in ("failslab", "fail_page_alloc"):
            suffers(f"{name}, {kind}", place, kind)


def main(where=""):
    fault.limit_to_modules()
    before = locked()
    if where == "iommu":
        behind_iommu()
    else:
        everywhere(["header split"] if where == "brief" else PLACES)
    report(locked() == before, "no memory is locked any more", str(locked()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
