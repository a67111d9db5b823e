# SPDX-License-Identifier: GPL-2.0-only
"""Where the benchmark's traffic begins and ends: guests and the peer.

Both answer commands over channels that are not under test; the protocol is
that of scripts/lab.d/responder.
"""

import base64
import glob
import os
import select
import time


class Silent(Exception):
    """A place did not answer, or what it ran failed."""


class Place:
    """Runs bash commands somewhere else, one at a time."""

    def __init__(self, name, to_path, from_path):
        self.name = name
        # For reading and writing, so that a fifo's dead end cannot block us.
        self.to = os.open(to_path, os.O_RDWR)
        self.back = self.to
        if from_path != to_path:
            self.back = os.open(from_path, os.O_RDWR)
        self.rest = b""
        self.count = 0

    def line(self, deadline):
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                raise Silent(f"{self.name} does not answer")
            self.rest += os.read(self.back, 65536)
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def ask(self, command, limit=30):
        """The command's output; its failure is an exception."""
        self.count += 1
        request = f"{os.getpid()}.{time.monotonic_ns()}.{self.count}"
        code = base64.b64encode(command.encode()).decode()
        os.write(self.to, f"{request} {limit} {code}\n".encode())
        deadline = time.monotonic() + limit + 5
        while True:
            words = self.line(deadline).split(" ")
            # What was given up earlier may answer first.
            if words[0] == request:
                break
        # Each ends with one "=" that is not part of it.
        out, err = (base64.b64decode(w[:-1]).decode() for w in words[2:4])
        if words[1] != "0":
            raise Silent(f"{self.name}: status {words[1]}: {command}: {err}")
        return out

    def start(self, name, command):
        """A program in the background; its output can be collected later."""
        self.ask(f"rm -f /tmp/{name}.*; {command} </dev/null >/tmp/{name}.out "
                 f"2>/tmp/{name}.err & echo $! >/tmp/{name}.pid")

    def stop(self, name, signal="TERM"):
        self.ask(f"kill -{signal} $(cat /tmp/{name}.pid) 2>/dev/null; true")

    def output(self, name, seconds=3):
        """What a program printed, waiting for it to do so."""
        deadline = time.monotonic() + seconds
        while True:
            text = self.ask(f"cat /tmp/{name}.out")
            if text or time.monotonic() > deadline:
                return text
            time.sleep(0.1)


def guest(name):
    base = f"/run/guests/{name}/command"
    return Place(name, base + ".in", base + ".out")


def peer():
    """The peer outside (scripts/lab run --peer outside)."""
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == "lab.peer":
                device = "/dev/" + path.split("/")[-2]
                return Place("peer", device, device)
    raise Silent("no port to a peer outside: scripts/lab run --peer outside")
