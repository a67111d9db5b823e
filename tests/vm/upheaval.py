#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What administrators and processes do to an interface, and to descriptors, while a guest
receives and sends: traffic goes on, or ends with each buffer back.

  upheaval.py NEAR FAR REMOVE

NEAR and FAR are connected and up; the command REMOVE takes NEAR's card away. Prints
ok lines.
"""

import errno
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time

import abi_common as abi
from abi_common import refuses, report, until
from held import frame
from lifecycle import Guest

MODES = {"whole frame": abi.WHOLE, "header split": abi.SPLIT, "copies": abi.COPY}
NEAR, FAR, REMOVE = sys.argv[1:4]
SOFTNIC = f"/sys/kernel/debug/softnic/{NEAR}"


def sh(command):
    return subprocess.run(command, shell=True, capture_output=True, check=False).returncode


def flood():
    """Until it is killed."""
    pid = os.fork()
    if pid:
        return pid
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((FAR, 0))
    data = frame(b"\x88\xb5", 1000)
    while os.getppid() != 1:
        try:
            for _ in range(4):
                wire.send(data)
        except OSError:         # full, or down for a moment
            pass
        time.sleep(0.002)
    os._exit(0)


def flows(guest, seconds=30):
    """Whether frames arrive and leave from now on."""
    before = guest.received.used, guest.sent.used
    return until(seconds, lambda: guest.received.used > before[0] + 40 and guest.sent.used > before[1] + 40)


def settled(name, guest):
    guest.stop()
    for way, books in (("receive", guest.received), ("transmit", guest.sent)):
        report(not books.wrong and books.used > 40, f"{name}: each buffer is back once, {way}",
               f"{books}: {books.wrong[:2]}")


def bound():
    fd = abi.mp()
    try:
        return abi.get(fd, flags=1)["ifname"]
    except OSError as err:
        return None if err.errno == errno.ENODEV else str(err)
    finally:
        os.close(fd)


CHANGES = {
    "down and up": (f"ip link set {NEAR} down", f"ip link set {NEAR} up"),
    "renamed": (f"ip link set {NEAR} name other", f"ip link set other name {NEAR}"),
    "another MTU": (f"ip link set {NEAR} mtu 9000", f"ip link set {NEAR} mtu 1500"),
    "another ring": (f"ethtool -G {NEAR} rx 512", f"ethtool -G {NEAR} rx 256"),
    "another offload": (f"ethtool -K {NEAR} rx off", f"ethtool -K {NEAR} rx on"),
    "negotiated again": (f"ethtool -r {NEAR}", "true"),
}


def changes(name, mode):
    """Each while traffic flows; it goes on after that."""
    guest = Guest(mode, NEAR, FAR)
    guest.start()
    report(flows(guest), f"{name}: traffic flows")
    for change, (there, back) in CHANGES.items():
        if sh(there):           # softnic has no link to negotiate
            print(f"# {name}, {change}: not with this card")
            continue
        time.sleep(0.2)
        if change == "down and up":
            # what waits in the port's queue arrives first
            report(not all(flows(guest, 2) for _ in range(10)), f"{name}: a standstill is noticed")
        if change == "renamed":
            report(abi.get(guest.port)["ifname"] == "other", f"{name}, {change}: it is told so")
        abi.sh(back)
        report(flows(guest), f"{name}, {change}: and traffic flows")
    if os.path.exists(SOFTNIC):
        times_out(name, guest)
    settled(name, guest)
    guest.close()


def times_out(name, guest):
    """A card that sends nothing is reset by its driver; what it had is lost."""
    def set_hold(value):
        with open(f"{SOFTNIC}/tx/hold", "w", encoding="ascii") as file:
            file.write(value)

    def timeouts():
        with open(f"/sys/class/net/{NEAR}/queues/tx-0/tx_timeout", encoding="ascii") as file:
            return int(file.read())

    before = timeouts()
    abi.sh(f"ethtool -G {NEAR} tx 64")
    set_hold("1")
    report(until(30, lambda: timeouts() > before), f"{name}: transmit times out, the card is reset")
    set_hold("0")
    report(flows(guest), f"{name}: and traffic flows")
    abi.sh(f"ethtool -G {NEAR} tx 256")


def leaves(name, mode):
    """To another namespace: it is nobody's there."""
    guest = Guest(mode, NEAR, FAR)
    guest.start()
    flows(guest)
    abi.sh(f"ip link set {NEAR} netns away")
    refuses(f"{name}, other namespace: not bound any more", errno.ENODEV, abi.get, guest.port)
    settled(f"{name}, other namespace", guest)
    report(b"promiscuity 0" in subprocess.check_output(f"ip -n away -d link show {NEAR}", shell=True),
           f"{name}, other namespace: it is as before")
    guest.close()
    abi.sh(f"ip -n away link set {NEAR} netns 1 && ip link set {NEAR} up")


def closes(name, order):
    """The descriptors in any order, while traffic flows."""
    guest = Guest(abi.AUTO, NEAR, FAR)
    guest.start()
    flows(guest)
    if order == "mp first":
        os.close(guest.port)
        report(flows(guest), f"{name}: the backend keeps what it has")
        os.close(guest.fd)
    else:
        os.close(guest.fd)
        report(bound() == NEAR, f"{name}: the port keeps the interface")
        os.close(guest.port)
    guest.done.set()
    guest.thread.join()
    report(bound() is None, f"{name}: nothing is bound", str(bound()))


def refused():
    guest = Guest(abi.AUTO, NEAR, FAR)
    guest.start()
    report(all(sh(f"rmmod {name}") for name in ("mpassthru", "vhost_mp")), "modules in use are not unloaded")
    report(flows(guest), "and work on")
    settled("modules in use", guest)
    guest.close()


def handed_on():
    """To another process, by a socket, or by fork: the last one that closes it unbinds."""
    here, there = socket.socketpair()
    pid = os.fork()
    if not pid:
        here.close()
        _, fds, _, _ = socket.recv_fds(there, 1, 4)
        there.send(b"1" if abi.get(fds[0])["ifname"] == NEAR else b"0")
        there.recv(1)
        os._exit(0)
    there.close()
    port = abi.mp()
    abi.bind(port, NEAR)
    socket.send_fds(here, [b"x"], [port])
    report(here.recv(1) == b"1", "sent to another process: it is bound there")
    os.close(port)
    report(bound() == NEAR, "and stays so when it is closed here")
    here.send(b"x")
    os.waitpid(pid, 0)
    report(bound() is None, "and not when that process has gone")
    here.close()

    port = abi.mp()
    abi.bind(port, NEAR)
    pid = os.fork()
    if not pid:
        signal.pause()
    os.close(port)
    report(bound() == NEAR, "forked: the child keeps it")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    report(until(10, lambda: bound() is None), "and not when it is killed")


def killed(times=8):
    """At any moment between open() and traffic."""
    rng, clean = random.Random(1), 0
    for _ in range(times):
        pid = os.fork()
        if not pid:
            guest = Guest(rng.choice(list(MODES.values())), NEAR, FAR)
            guest.start()
            signal.pause()
        rng.random()
        time.sleep(rng.uniform(0, 0.4))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        clean += until(20, lambda: bound() is None)
    report(clean == times, f"killed {times} times: nothing is bound", str(clean))


def removed():
    guest = Guest(abi.AUTO, NEAR, FAR)
    guest.start()
    flows(guest)
    poll = select.poll()
    poll.register(guest.port, select.POLLHUP)
    abi.sh(REMOVE)
    report(poll.poll(0) == [(guest.port, select.POLLHUP)], "card removed: it is told so")
    settled("card removed", guest)
    guest.close()


def main():
    pid = flood()
    abi.sh("ip netns add away")
    for name, mode in MODES.items():
        changes(name, mode)
        leaves(name, mode)
    for order in ("mp first", "vhost first"):
        closes(f"closed, {order}", order)
    refused()
    handed_on()
    killed()
    removed()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    abi.sh("ip netns del away")


if __name__ == "__main__":
    sys.exit(main())
