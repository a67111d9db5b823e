#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every answer of /dev/net/mp's ioctls, read, write and poll; prints ok lines.

Expects eth1 free, and veth0 and veth1 up and connected.
"""

import errno
import fcntl
import os
import select
import socket
import struct
import sys
import time

import vhost
from abi_common import (AUTO, BIND_QUEUE, BIND_SIZE, COPY, INFO_SIZE, MP_BIND, MP_UNBIND, SPLIT, accepts, as_nobody,
                        bind, get, mp, refuses, report, sh)

TUNSETIFF, TUNGETIFF = 0x400454CA, 0x800454D2
TUNGETFEATURES, TUNSETOFFLOAD = 0x800454CF, 0x400454D0
TUNSETVNETHDRSZ, TUNGETVNETHDRSZ = 0x400454D8, 0x800454D7
TUNSETSNDBUF, TUNSETVNETLE, TUNGETVNETLE = 0x400454D4, 0x400454DC, 0x800454DD
TUNSETVNETBE, SIOCGIFHWADDR, TUNSETQUEUE = 0x400454DE, 0x8927, 0x400454D9
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
IFF_ATTACH_QUEUE, IFF_DETACH_QUEUE = 0x200, 0x400


def bind_errors():
    fd = mp()
    refuses("BIND of no such name", errno.ENODEV, bind, fd, "nosuch")
    refuses("BIND of no such index", errno.ENODEV, bind, fd, ifindex=9999)
    refuses("BIND of the loopback", errno.EINVAL, bind, fd, "lo")
    refuses("BIND with an unknown mode", errno.EINVAL, bind, fd, "eth1", mode=4)
    refuses("BIND with an unknown flag", errno.EINVAL, bind, fd, "eth1", flags=8)
    refuses("BIND to no address", errno.EINVAL, bind, fd, "eth1", flags=1)
    refuses("BIND to a group's address", errno.EINVAL, bind, fd, "eth1", flags=1, mac=b"\1\0\0\0\0\1")
    refuses("BIND with an address but no flag", errno.EINVAL, bind, fd, "eth1", mac=b"\2\0\0\0\0\1")
    refuses("BIND with a reserved field beside the address", errno.EINVAL, bind, fd, "eth1",
            flags=1, mac=b"\2\0\0\0\0\1", mac_reserved=1)
    refuses("BIND with a reserved field", errno.EINVAL, bind, fd, "eth1", reserved=1)
    refuses("BIND with a name without end", errno.EINVAL, bind, fd, "e" * 16)
    refuses("BIND that is too short", errno.EINVAL, bind, fd, "eth1", size=8)
    refuses("BIND that is huge", errno.EINVAL, bind, fd, "eth1", size=8192)
    refuses("BIND from a newer user space", errno.E2BIG, bind, fd, "eth1",
            size=BIND_SIZE + 8, tail=b"\1" + bytes(7))
    refuses("BIND of a bad address", errno.EFAULT, fcntl.ioctl, fd, MP_BIND, 0)
    refuses("header split on a driver without glue", errno.EOPNOTSUPP, bind, fd,
            "veth0", mode=SPLIT)
    report(as_nobody(lambda: bind(fd, "eth1")) == errno.EPERM, "BIND without privilege", "allowed")
    refuses("UNBIND of nothing", errno.ENODEV, fcntl.ioctl, fd, MP_UNBIND)
    refuses("GET of nothing", errno.ENODEV, get, fd)
    refuses("GET of no such port", errno.ENODEV, get, fd, ifindex=1)
    refuses("GET with an unknown flag", errno.EINVAL, get, fd, flags=1 << 9)
    refuses("GET that is too short", errno.EINVAL, get, fd, size=16)
    refuses("read without interface", errno.EAGAIN, os.read, fd, 2048)
    refuses("write without interface", errno.ENOLINK, os.write, fd, bytes(10 + 60))
    refuses("unknown ioctl", errno.EINVAL, fcntl.ioctl, fd, 0xB8FF)
    os.close(fd)


def bind_twice():
    fd, other = mp(), mp()
    accepts("BIND by name", bind, fd, "eth1")
    refuses("BIND of a bound descriptor", errno.EBUSY, bind, fd, "veth0")
    refuses("BIND of a bound interface", errno.EBUSY, bind, other, "eth1")
    info = accepts("GET", get, fd)
    report(info and info["ifname"] == "eth1" and info["mode"] == COPY
           and info["size"] == INFO_SIZE, "GET tells the truth", str(info))
    report(get(other, flags=1)["ifname"] == "eth1", "GET of the next port")
    refuses("GET of the port after the last", errno.ENODEV, get, other,
            ifindex=info["ifindex"], flags=1)
    accepts("GET from an older user space", get, fd, size=48)
    accepts("GET from a newer user space", get, fd, size=INFO_SIZE + 64)
    report(as_nobody(lambda: get(fd)) == 0, "GET without privilege", "refused")
    accepts("UNBIND", fcntl.ioctl, fd, MP_UNBIND)
    refuses("UNBIND again", errno.ENODEV, fcntl.ioctl, fd, MP_UNBIND)
    accepts("BIND by index, from a newer user space", bind, other,
            ifindex=socket.if_nametoindex("eth1"), size=BIND_SIZE + 8, tail=bytes(8))
    os.close(other)
    accepts("BIND after the holder closed", bind, fd, "eth1")
    os.close(fd)


def taken_interfaces():
    fd = mp()
    sh("ip link add br7 type bridge && ip link set veth0 master br7")
    refuses("BIND of a bridge port", errno.EBUSY, bind, fd, "veth0")
    sh("ip link set veth0 nomaster && ip link del br7")
    sh("ip link add mv7 link veth0 type macvlan")
    refuses("BIND under a macvlan", errno.EBUSY, bind, fd, "veth0")
    sh("ip link del mv7")
    sh("ip link add bond7 type bond && ip link set veth0 down && ip link set veth0 master bond7")
    refuses("BIND of a bond port", errno.EBUSY, bind, fd, "veth0")
    sh("ip link del bond7 && ip link set veth0 up")
    os.close(fd)


def ifreq(name, flags):
    return struct.pack("16sH22x", name.encode(), flags)


def tap_calls():
    fd = mp()
    tap = IFF_TAP | IFF_NO_PI
    refuses("TUNGETIFF without interface", errno.ENOLINK, fcntl.ioctl, fd, TUNGETIFF, ifreq("", 0))
    refuses("TUNSETIFF with wrong flags", errno.EINVAL, fcntl.ioctl, fd, TUNSETIFF, ifreq("veth0", IFF_TAP))
    refuses("TUNSETIFF of no such name", errno.ENODEV, fcntl.ioctl, fd, TUNSETIFF, ifreq("nosuch", tap))
    accepts("TUNSETIFF binds", fcntl.ioctl, fd, TUNSETIFF, ifreq("veth0", tap | IFF_VNET_HDR))
    accepts("TUNSETIFF again", fcntl.ioctl, fd, TUNSETIFF, ifreq("veth0", tap | IFF_VNET_HDR))
    refuses("TUNSETIFF of another", errno.EBUSY, fcntl.ioctl, fd, TUNSETIFF, ifreq("eth1", tap))
    name, flags = struct.unpack_from("16sH", fcntl.ioctl(fd, TUNGETIFF, ifreq("", 0)))
    report(name.rstrip(b"\0") == b"veth0" and flags == tap | IFF_VNET_HDR, "TUNGETIFF", f"{name} {flags:x}")
    features, = struct.unpack("I", fcntl.ioctl(fd, TUNGETFEATURES, bytes(4)))
    report(features & (tap | IFF_VNET_HDR) == tap | IFF_VNET_HDR, "TUNGETFEATURES", hex(features))
    accepts("TUNSETVNETHDRSZ 12", fcntl.ioctl, fd, TUNSETVNETHDRSZ, struct.pack("i", 12))
    refuses("TUNSETVNETHDRSZ 11", errno.EINVAL, fcntl.ioctl, fd, TUNSETVNETHDRSZ, struct.pack("i", 11))
    size, = struct.unpack("i", fcntl.ioctl(fd, TUNGETVNETHDRSZ, bytes(4)))
    report(size == 12, "TUNGETVNETHDRSZ", str(size))
    accepts("TUNSETVNETLE", fcntl.ioctl, fd, TUNSETVNETLE, struct.pack("i", 1))
    report(struct.unpack("i", fcntl.ioctl(fd, TUNGETVNETLE, bytes(4)))[0] == 1, "TUNGETVNETLE")
    refuses("TUNSETVNETBE", errno.EINVAL, fcntl.ioctl, fd, TUNSETVNETBE, struct.pack("i", 1))
    refuses("TUNSETSNDBUF 0", errno.EINVAL, fcntl.ioctl, fd, TUNSETSNDBUF, struct.pack("i", 0))
    accepts("TUNSETSNDBUF", fcntl.ioctl, fd, TUNSETSNDBUF, struct.pack("i", 1 << 20))
    accepts("TUNSETOFFLOAD 0", fcntl.ioctl, fd, TUNSETOFFLOAD, 0)
    refuses("TUNSETOFFLOAD of the future", errno.EINVAL, fcntl.ioctl, fd, TUNSETOFFLOAD, 1 << 20)
    with open("/sys/class/net/veth0/address", encoding="ascii") as file:
        want = bytes.fromhex(file.read().strip().replace(":", ""))
    got = fcntl.ioctl(fd, SIOCGIFHWADDR, ifreq("", 0))[18:24]
    report(got == want, "SIOCGIFHWADDR", got.hex())
    os.close(fd)


def frames():
    fd = mp()
    bind(fd, "veth0")
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
    wire.bind(("veth1", 0x88B5))
    wire.settimeout(5)
    frame = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(range(200))

    report(os.write(fd, bytes(10) + frame) == 10 + len(frame), "write of a frame")
    report(wire.recv(4096) == frame, "the frame is on the wire")
    refuses("write of less than a header", errno.EINVAL, os.write, fd, bytes(8))
    refuses("write of less than a frame", errno.EINVAL, os.write, fd, bytes(10 + 13))
    refuses("write of more than the MTU", errno.EINVAL, os.write, fd, bytes(10) + frame + bytes(2000))
    refuses("write of a bad GSO type", errno.EINVAL, os.write, fd,
            struct.pack("<BBHHHH", 0, 9, 54, 100, 0, 0) + frame)
    refuses("write of a checksum beyond the frame", errno.EINVAL, os.write, fd,
            struct.pack("<BBHHHH", 1, 0, 0, 0, 5000, 0) + frame)

    poll = select.poll()
    poll.register(fd, select.POLLIN | select.POLLOUT)
    drain(fd)
    report(poll.poll(0) == [(fd, select.POLLOUT)], "poll: nothing to read")
    wire.send(frame)
    ready = [e for _, e in poll.poll(5000)]
    report(bool(ready and ready[0] & select.POLLIN), "poll: a frame to read", str(ready))
    report(os.read(fd, 4096)[10:] == frame, "read of the frame")
    refuses("read of nothing", errno.EAGAIN, os.read, fd, 4096)

    tagged = frame[:12] + b"\x81\0\0\x64" + frame[12:]
    tagged_wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    tagged_wire.bind(("veth1", 0))
    drain(fd)
    tagged_wire.send(tagged)
    poll.poll(5000)
    report(os.read(fd, 4096)[10:] == tagged, "read of a tagged frame has its tag")

    # More than the queue holds is dropped, not kept.
    for _ in range(1500):
        wire.send(frame)
    time.sleep(0.5)
    left = [read[10:] for read in drain(fd)].count(frame)    # others may come meanwhile
    report(0 < left <= 1000, "a queue that nobody reads is bounded", f"{left} frames")
    wire.close()
    tagged_wire.close()
    os.close(fd)


def drain(fd):
    frames = []
    try:
        while frame := os.read(fd, 4096):
            frames.append(frame)
    except BlockingIOError:
        pass
    return frames


def removed_interface():
    sh("ip link add veth8 type veth peer name veth9 && ip link set veth8 up")
    fd = mp()
    bind(fd, "veth8")
    sh("ip link del veth8")
    refuses("GET after the interface is gone", errno.ENODEV, get, fd)
    refuses("read after the interface is gone", errno.ENOLINK, os.read, fd, 4096)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    report(poll.poll(0) == [(fd, select.POLLHUP)], "poll after the interface is gone")
    accepts("the descriptor can be bound again", bind, fd, "veth0")
    os.close(fd)


def handed_over():
    """An unprivileged process uses what a privileged one bound."""
    fd = mp()
    bind(fd, "veth0")

    def use():
        os.write(fd, bytes(10) + b"\xff" * 12 + b"\x88\xb5" + bytes(46))
        fcntl.ioctl(fd, TUNSETOFFLOAD, 0)

    report(as_nobody(use) == 0, "a bound descriptor works without privilege")
    os.close(fd)


def udp(flow):
    """An IPv4 datagram of one of many flows."""
    data = struct.pack("!H", flow) + bytes(30)
    return (b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x08\0" +
            struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0,
                        b"\xc0\0\2\1", b"\xc0\0\2\2") +
            struct.pack("!HHHH", 1000 + flow, 2000, 8 + len(data), 0) + data)


def flows(fd):
    """The flows whose datagrams are to be read."""
    seen = []
    try:
        while True:
            frame = os.read(fd, 4096)[10:]
            if frame[12:14] == b"\x08\0" and frame[23] == 17:
                seen += struct.unpack_from("!H", frame, 42)
    except BlockingIOError:
        return seen


def spread(wire, fds, count=64):
    """Sends a datagram of each flow twice: which queue saw which."""
    for fd in fds:
        drain(fd)
    for flow in list(range(count)) * 2:
        wire.send(udp(flow))
    seen, deadline = [[] for _ in fds], time.monotonic() + 10
    while sum(map(len, seen)) < 2 * count and time.monotonic() < deadline:
        time.sleep(0.05)
        for got, fd in zip(seen, fds):
            got += flows(fd)
    time.sleep(0.1)     # more than was sent would be wrong, too
    return [got + flows(fd) for got, fd in zip(seen, fds)]


def queues():
    fds = [mp() for _ in range(4)]
    accepts("BIND of a first queue", bind, fds[0], "veth0", flags=BIND_QUEUE)
    refuses("BIND of a whole interface that has queues", errno.EBUSY, bind, fds[1], "veth0")
    refuses("BIND of a queue with another mode", errno.EINVAL, bind, fds[1], "veth0", flags=BIND_QUEUE, mode=AUTO)
    refuses("BIND of a queue with an address", errno.EINVAL, bind, fds[1], "veth0",
            flags=BIND_QUEUE | 1, mac=b"\2\0\0\0\0\1")
    report(as_nobody(lambda: bind(fds[1], "veth0", flags=BIND_QUEUE)) == errno.EPERM,
           "BIND of a queue without privilege", "allowed")
    for fd in fds[1:]:
        accepts("BIND of another queue", bind, fd, "veth0", flags=BIND_QUEUE)
    report([get(fd)["queue"] for fd in fds] == [1, 2, 3, 4], "each has its number")
    report(get(fds[0])["queues"] == 4, "GET tells how many there are")
    flags, = struct.unpack_from("H", fcntl.ioctl(fds[2], TUNGETIFF, ifreq("", 0)), 16)
    report(flags & IFF_MULTI_QUEUE, "TUNGETIFF tells that there are several", hex(flags))

    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
    wire.bind(("veth1", 0x88B5))
    wire.settimeout(5)
    ifindex = get(fds[0])["ifindex"]
    seen = spread(wire, fds)
    print(f"# flows by queue: {[len(set(s)) for s in seen]}")
    report(sorted(sum(seen, [])) == sorted(list(range(64)) * 2), "every datagram arrives at some queue")
    report(all(not set(a) & set(b) for a in seen for b in seen if a is not b), "each flow has its queue")
    report(all(seen), "and each queue has flows")
    report(get(fds[0], ifindex)["rx"]["packets"] == sum(get(fds[0], ifindex, queue=i)["rx"]["packets"] for i in range(1, 5)),
           "GET of the interface adds up its queues")
    refuses("GET of no such queue", errno.ENODEV, get, fds[0], ifindex, queue=5)

    refuses("TUNSETQUEUE with wrong flags", errno.EINVAL, fcntl.ioctl, fds[1], TUNSETQUEUE, ifreq("", 0))
    refuses("TUNSETQUEUE attaches what is attached", errno.EINVAL, fcntl.ioctl, fds[1], TUNSETQUEUE,
            ifreq("", IFF_ATTACH_QUEUE))
    accepts("TUNSETQUEUE detaches", fcntl.ioctl, fds[1], TUNSETQUEUE, ifreq("", IFF_DETACH_QUEUE))
    seen = spread(wire, fds)
    report(not seen[1] and sorted(sum(seen, [])) == sorted(list(range(64)) * 2),
           "a detached queue gets nothing, the others all")
    accepts("TUNSETQUEUE attaches", fcntl.ioctl, fds[1], TUNSETQUEUE, ifreq("", IFF_ATTACH_QUEUE))
    report(all(spread(wire, fds)), "an attached queue gets its share again")

    frame = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(range(200))
    for fd in fds:
        os.write(fd, bytes(10) + frame)
        report(wire.recv(4096) == frame, "a frame leaves from each")
    os.close(fds.pop(0))
    report(get(fds[0])["queues"] == 3, "the others stay when one is closed")
    seen = spread(wire, fds)
    report(sorted(sum(seen, [])) == sorted(list(range(64)) * 2), "and get what it got")
    fds.append(mp())
    accepts("BIND in its place", bind, fds[-1], "veth0", flags=BIND_QUEUE)
    report(get(fds[-1])["queue"] == 1, "with its number", str(get(fds[-1])))
    for fd in fds:
        os.close(fd)

    fds = [mp() for _ in range(65)]
    for fd in fds[:-1]:
        bind(fd, "veth0", flags=BIND_QUEUE)
    refuses("BIND of more queues than there can be", errno.ENOSPC, bind, fds[-1], "veth0", flags=BIND_QUEUE)
    for fd in fds:
        os.close(fd)
    fd = mp()
    accepts("BIND when all are closed", bind, fd, "veth0")
    refuses("TUNSETQUEUE without queues", errno.EINVAL, fcntl.ioctl, fd, TUNSETQUEUE, ifreq("", IFF_DETACH_QUEUE))
    refuses("TUNSETIFF as a queue", errno.EINVAL, fcntl.ioctl, fd, TUNSETIFF,
            ifreq("veth0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE))
    fcntl.ioctl(fd, MP_UNBIND)
    accepts("TUNSETIFF binds a queue", fcntl.ioctl, fd, TUNSETIFF,
            ifreq("veth0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE))
    other = mp()
    refuses("it is of mode auto", errno.EINVAL, bind, other, "veth0", flags=BIND_QUEUE)
    accepts("TUNSETIFF binds another", fcntl.ioctl, other, TUNSETIFF,
            ifreq("veth0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE))
    os.close(fd)
    os.close(other)
    wire.close()


vhost.quiet("veth0", "veth1")   # what IPv6 has to say would be read, too
for test in (bind_errors, bind_twice, taken_interfaces, tap_calls, frames,
             removed_interface, handed_over, queues):
    test()
sys.exit(0)
