#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The in-tree vhost-net on a descriptor of /dev/net/mp, with rings played by hand.

  stock       the unpatched vhost-net refuses the descriptor
  copies      the patched one, experimental_zcopytx=0
  zerocopy    the patched one, experimental_zcopytx=1; takes softnic away in the end

Expects veth0 and veth1, and softnic's snicA1 and snicB1, up and connected; prints ok lines.
"""

import errno
import os
import socket
import struct
import sys
import threading
import time

import abi_common as abi
import softnic
import vhost
from abi_common import ioctl, refuses, report, until
from softnic import fault
from vhost import F_VERSION_1, HDR, NET_SET_BACKEND, RX, TX, WRITE, file_arg, frame

TUNSETSNDBUF = 0x400454D4
INT_MAX = 0x7FFFFFFF
ETH_P_ALL = 3
SMALL, ORPHANED, NO_BACKEND = 5, 9, 11
TOO_BIG = 4
LINEAR = 128            # leading bytes that are copied in any case

vhost.DEVICE = "/dev/vhost-net"


def counters(guest, name="tx"):
    """One direction's, and what is in flight."""
    found = abi.get(guest.port)
    return dict(found[name], inflight=found["tx_inflight"])


def wait_counter(guest, name, value):
    return until(20, lambda: counters(guest)[name] >= value)


class Guest(softnic.Guest):
    def __init__(self):
        super().__init__(abi.COPY)


def expect(found, name, **want):
    got = {key: found[key] for key in want}
    report(got == want, name, f"{got} instead of {want}")


def refused():
    guest = vhost.Guest()
    for index in (RX, TX):
        refuses(f"stock vhost-net refuses the descriptor, queue {index}", errno.ENOTSOCK, ioctl,
                guest.fd, NET_SET_BACKEND, file_arg(index, guest.port))
    guest.close()


def no_socket():
    guest = vhost.Guest()
    refuses("what is no socket is refused", errno.ENOTSOCK, ioctl, guest.fd, NET_SET_BACKEND,
            file_arg(RX, guest.rx.kick))
    refuses("what is closed is refused", errno.ENOTSOCK, ioctl, guest.fd, NET_SET_BACKEND,
            file_arg(RX, 999))
    guest.close()


def too_long():
    """A guest that cannot merge buffers, and has none that is long enough."""
    guest = vhost.Guest(F_VERSION_1)
    guest.rx.desc(0, vhost.GPA + 0x20000, 400, WRITE)
    guest.rx.offer(0, kick=False)
    guest.rx.start()
    guest.wire.send(frame(1200))
    guest.wire.send(frame(200, 3))
    report(guest.rx.wait_used(1) and guest.rx.used() == [(0, HDR + 200)], "a frame that is too long is lost",
           str(guest.rx.used()))
    found = counters(guest, "rx")
    expect(found, "and counted", packets=1, bytes=200, copied_bytes=200)
    report(found["dropped"][TOO_BIG] == 1, "with its reason", str(found["dropped"]))
    guest.rx.stop()
    guest.close()


def unlimited():
    """QEMU asks for no limit, which makes vhost-net pass batches to those who take them."""
    with Guest() as guest:
        ioctl(guest.port, TUNSETSNDBUF, struct.pack("i", INT_MAX))
        guest.tx.start()
        sent = [frame(100 + 400 * head, 3 + 2 * head) for head in range(4)]
        for head, data in enumerate(sent):
            guest.send(head, data)
        report([guest.wire.recv(4096) for _ in sent] == sent, "frames leave without a limit on the send buffer")
        report(guest.tx.wait_used(4), "and their chains come back")


def limited(at_once, limit=None):
    """How many frames of three are accepted while the card holds the first."""
    name = f"send buffer {limit or 'as it is'}"
    with Guest() as guest:
        if limit:
            ioctl(guest.port, TUNSETSNDBUF, struct.pack("i", limit))
        guest.tx.start()
        fault("tx/hold", 1)
        sent = [frame(1000, 3 + 2 * head) for head in range(3)]
        for head, data in enumerate(sent):
            guest.send(head, data)
        wait_counter(guest, "packets", at_once)
        time.sleep(0.3)
        expect(counters(guest), f"{name}: {at_once} at once", packets=at_once)
        fault("tx/hold", 0)
        report([guest.wire.recv(4096) for _ in sent] == sent, f"{name}: the others follow")
        report(guest.tx.wait_used(3), f"{name}: and all chains come back")
        wait_counter(guest, "completed", 3)
        until(20, lambda: not counters(guest)["inflight"])      # counted before it is none
        expect(counters(guest), f"{name}: all of them are accounted for", packets=3, completed=3, failed=0,
               inflight=0)


def held(guest, data, name):
    """A frame leaves while the card holds what it takes."""
    guest.tx.start()
    fault("tx/hold", 1)
    guest.send(0, data)
    report(guest.wire.recv(4096) == data, name)


def copied():
    with Guest() as guest:
        held(guest, frame(1400), "a frame leaves")
        report(guest.tx.wait_used(1), "its chain comes back before the card is done")
        found = counters(guest)
        expect(found, "it is counted as copied", packets=1, completed=1, bytes=1400, payload_bytes=1400 - LINEAR,
               copied_bytes=1400, zerocopy_bytes=0, inflight=0)
        report(found["copied"][NO_BACKEND] == 1, "with its reason")
        fault("tx/hold", 0)


def lent():
    """The chain is the card's until that is done."""
    with Guest() as guest:
        held(guest, frame(1400), "a frame leaves")
        time.sleep(0.1)
        report(not guest.tx.used(), "its chain does not come back before the card is done")
        expect(counters(guest), "it is in flight", packets=1, completed=0, inflight=1)
        fault("tx/hold", 0)
        report(guest.tx.wait_used(1), "it comes back then")
        expect(counters(guest), "it is counted as sent without copies", packets=1, completed=1, failed=0,
               bytes=1400, payload_bytes=1400 - LINEAR, zerocopy_packets=1, zerocopy_bytes=1400 - LINEAR,
               copied_bytes=LINEAR, inflight=0)


def short():
    with Guest() as guest:
        held(guest, frame(300), "a short frame leaves")
        report(guest.tx.wait_used(1), "its chain comes back before the card is done")
        found = counters(guest)
        expect(found, "it is counted as copied", packets=1, completed=1, copied_bytes=300, zerocopy_bytes=0,
               inflight=0)
        report(found["copied"][SMALL] == 1, "with its reason")
        guest.send(1, frame(1400, 3))
        guest.wire.recv(4096)
        expect(counters(guest), "the next long one is lent all the same", packets=2, inflight=1)
        fault("tx/hold", 0)
        guest.tx.wait_used(2)


def watched():
    """Who watches the interface takes a copy, and the guest has its memory back."""
    with Guest() as guest:
        guest.tx.start()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as watch:
            watch.bind(("snicA1", ETH_P_ALL))
            fault("tx/hold", 1)
            guest.send(0, frame(1400))
            report(guest.tx.wait_used(1), "a frame that somebody watches comes back before the card is done")
        found = counters(guest)
        expect(found, "it is counted as copied", packets=1, completed=1, zerocopy_packets=0, copied_bytes=1400,
               inflight=0)
        report(found["copied"][ORPHANED] == 1, "with its reason")
        fault("tx/hold", 0)


def bad_header():
    with Guest() as guest:
        guest.tx.start()
        data = struct.pack("<BBHHHHH", 0, 9, 54, 100, 0, 0, 0) + frame(1000)
        guest.mem[0x30000:0x30000 + len(data)] = data
        guest.tx.desc(0, vhost.GPA + 0x30000, len(data), 0)
        guest.tx.offer(0)
        report(guest.tx.wait_used(1), "a chain with a header that makes no sense comes back")
        expect(counters(guest), "and is counted as failed", packets=1, completed=0, failed=1, inflight=0)
        guest.send(1, frame(1000))
        report(guest.wire.recv(4096) == frame(1000), "the next one leaves")


def unbound():
    with Guest() as guest:
        guest.post(*range(8), kick=False)
        guest.tx.start()
        guest.rx.start()
        ioctl(guest.port, abi.MP_UNBIND)
        guest.send(0, frame(1000))
        report(guest.tx.wait_used(1), "unbound in use: a chain comes back")
        softnic.arrive(guest, frame(600))
        time.sleep(0.1)
        report(not guest.rx.used(), "unbound in use: nothing is received")
        abi.bind(guest.port, "snicA1")
        expect(counters(guest), "unbound in use: the chain failed", packets=1, failed=1, inflight=0)
        guest.send(1, frame(1000, 3))
        report(guest.wire.recv(4096) == frame(1000, 3), "bound again: a frame leaves")
        guest.wire.send(frame(700))
        report(guest.rx.wait_used(1) and guest.received()[0] == frame(700), "bound again: a frame arrives")


def unbound_in_flight():
    with Guest() as guest:
        guest.tx.start()
        fault("tx/hold", 1)
        guest.send(0, frame(1000))
        guest.wire.recv(4096)
        ioctl(guest.port, abi.MP_UNBIND)
        report(not guest.tx.used(), "unbound with a frame at the card: it stays there")
        fault("tx/hold", 0)
        report(guest.tx.wait_used(1), "and comes back")


def closed_in_flight():
    """vhost-net goes first, then the descriptor: it waits for the card."""
    guest = Guest()
    guest.post(*range(8), kick=False)
    guest.tx.start()
    guest.rx.start()
    fault("tx/hold", 1)
    guest.send(0, frame(1000))
    guest.wire.recv(4096)
    os.close(guest.port)
    closing = threading.Thread(target=os.close, args=(guest.fd,))
    closing.start()
    closing.join(0.5)
    report(closing.is_alive(), "closed with a frame at the card: it waits")
    fault("tx/hold", 0)
    closing.join(20)
    report(not closing.is_alive(), "and ends then")
    guest.wire.close()


def unplugged():
    with Guest() as guest:
        guest.post(*range(8), kick=False)
        guest.tx.start()
        guest.rx.start()
        fault("tx/hold", 1)
        guest.send(0, frame(1000))
        guest.wire.recv(4096)
        abi.sh("rmmod softnic")
        report(guest.tx.wait_used(1), "unplugged with a frame in the card: its chain comes back")
        guest.send(1, frame(1000))
        report(guest.tx.wait_used(2), "and so does a later one")
        refuses("the interface is gone", errno.ENODEV, abi.get, guest.port)


ANY = (no_socket, vhost.receives, vhost.merges, too_long, vhost.transmits, unlimited, bad_header, unbound)
TESTS = {
    "stock": (refused,),
    "copies": ANY + (copied, lambda: limited(3), lambda: limited(1, 1500)),
    "zerocopy": ANY + (softnic.held_transmit, softnic.changed_transmit, lent, short, watched,
                       lambda: limited(3), lambda: limited(1, 1500), unbound_in_flight, closed_in_flight,
                       unplugged),
}

for test in TESTS[sys.argv[1]]:
    test()
sys.exit(0)
