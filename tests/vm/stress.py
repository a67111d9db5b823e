#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""All that may happen to guests and interfaces, at random.

  stress.py MINUTES [SEED]
  stress.py guest NEAR      a guest until it is killed

The same seed makes the same steps. Expects cards snicA0 to snicA2 and snicB0 to snicB2
up and connected; prints ok lines.
"""

import errno
import os
import random
import signal
import subprocess
import sys
import time

import abi_common as abi
from abi_common import report, until
from card import Card
from lifecycle import Guest

NEAR = ("snicA0", "snicA1", "snicA2")
FAULTS = ("rx/delay", "tx/delay", "rx/reorder", "tx/reorder", "rx/error", "tx/error", "rx/drop")
CHANGES = (("ip link set {} down", "ip link set {} up"),
           ("ip link set {} mtu 9000", "ip link set {} mtu 1500"),
           ("ethtool -G {} rx 512", "ethtool -G {} rx 256"),
           ("ethtool -K {} rx off", "ethtool -K {} rx on"),
           ("tc qdisc add dev {} root netem delay 20ms", "tc qdisc del dev {} root"),
           ("tc qdisc add dev {} clsact", "tc qdisc del dev {} clsact"))


def card(near):
    return Card(near.removeprefix("snic"))


def bound():
    """The interfaces that are."""
    names, fd, ifindex = [], abi.mp(), 0
    try:
        while True:
            info = abi.get(fd, ifindex=ifindex, flags=1)
            names.append(info["ifname"])
            ifindex = info["ifindex"]
    except OSError as err:
        if err.errno != errno.ENODEV:
            raise
    os.close(fd)
    return names


class Stress:
    def __init__(self, seed):
        self.rng, self.guests, self.steps = random.Random(seed), {}, []
        self.frames = 0

    def free(self):
        return [near for near in NEAR if near not in self.guests]

    def pick(self, names):
        return self.rng.choice(sorted(names))

    def settle(self, near):
        guest = self.guests.pop(near)
        guest.stop()
        self.frames += guest.received.used + guest.sent.used
        if not guest.settled():
            report(False, f"{near}", f"{guest.received.wrong[:2]} {guest.sent.wrong[:2]} {guest.bad[:2]}")
        return guest

    def begin(self):
        near = self.pick(self.free())
        self.guests[near] = Guest(self.rng.choice((abi.AUTO, abi.WHOLE, abi.SPLIT, abi.COPY)), near, near.replace("A", "B"))
        self.guests[near].start()

    def end(self):
        self.settle(self.pick(self.guests)).close()

    def move(self):
        guest = self.settle(self.pick(self.guests))
        near = self.pick(self.free())
        guest.go_on(near)
        self.guests[near] = guest
        guest.start()

    def change(self):
        near = self.pick(NEAR)
        there, back = self.rng.choice(CHANGES)
        abi.sh(there.format(near))
        time.sleep(self.rng.uniform(0, 0.1))
        abi.sh(back.format(near))

    def fault(self):
        card(self.pick(NEAR)).fault(self.rng.choice(FAULTS), self.rng.choice((0, 0, 50, 200)))

    def kill(self):
        """A process that has a guest of its own."""
        near, seconds = self.pick(self.free()), self.rng.uniform(0, 0.4)
        with subprocess.Popen((sys.argv[0], "guest", near)) as process:
            time.sleep(0.3 + seconds)
            process.kill()
        if not until(30, lambda: near not in bound()):
            report(False, f"{near}: bound by nobody")

    def step(self):
        actions = [self.change, self.fault]
        if self.free():
            actions += [self.begin, self.begin, self.kill]
        if self.guests:
            actions += [self.end, self.move, self.move]
        action = self.rng.choice(actions)
        self.steps.append(action.__name__)
        action()
        time.sleep(self.rng.uniform(0, 0.2))


def states():
    return [subprocess.check_output(f"ip -d link show {near}; ethtool -k {near}; ethtool -g {near}; tc qdisc show dev {near}",
                                    shell=True, text=True) for near in NEAR]


def guest(near):
    Guest(abi.AUTO, near, near.replace("A", "B")).start()
    signal.pause()


def main(minutes, seed=None):
    seed = int(seed) if seed else random.SystemRandom().randrange(1 << 32)
    print(f"# seed {seed}")
    before, stress = states(), Stress(seed)
    deadline = time.monotonic() + float(minutes) * 60
    for near in NEAR:
        card(near).fault("generate", "1000 1000000000 2000 3")
    while time.monotonic() < deadline:
        for _ in range(50):
            stress.step()
        report(sorted(bound()) == sorted(stress.guests), f"{len(stress.steps)} steps, {stress.frames} buffers",
               str(bound()))
    for near in list(stress.guests):
        stress.settle(near).close()
    for near in NEAR:
        card(near).fault("generate", "1000 0 0")
        for fault in FAULTS:
            card(near).fault(fault, 0)
    counts = {name: stress.steps.count(name) for name in sorted(set(stress.steps))}
    print(f"# seed {seed}: {counts}, {stress.frames} buffers came back")
    report(stress.frames > 1000 and not bound(), "all that was started has ended")
    report(states() == before, "the interfaces are as before")


if __name__ == "__main__":
    sys.exit(guest(sys.argv[2]) if sys.argv[1] == "guest" else main(*sys.argv[1:]))
