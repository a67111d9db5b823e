#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose VMM changes what is mapped behind its memory.

  memory.py          with as much locked memory as it likes
  memory.py once     with too little to keep pages pinned
  memory.py copied   with none at all

Expects snicA1 and snicB1 up and connected; prints ok lines.
"""

import ctypes
import mmap
import sys

import abi_common as abi
from abi_common import report, until
from softnic import BUFS, CARD, MODES, SEND, STEP, Guest
from vhost import GPA, HDR, frame

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mremap.restype = LIBC.mmap.restype = ctypes.c_void_p
LIBC.mremap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p)
LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
LIBC.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
MREMAP_MAYMOVE, MREMAP_FIXED = 1, 2
FAILED = ctypes.c_void_p(-1).value
PAGE = 4096
INFO_LOCKED = 1 << 4
COPY_LOCKED = 13


def must(what, result):
    if result in (-1, FAILED):
        raise OSError(ctypes.get_errno(), what)
    return result


def drop(guest, at, size):
    """As a balloon does: the pages go, and zeroes come when they are touched."""
    must("madvise", LIBC.madvise(guest.uaddr + at, size, mmap.MADV_DONTNEED))


def replace(guest, at, size):
    """Other pages in the place of these, full of something else."""
    other = must("mmap", LIBC.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE,
                                   mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0))
    ctypes.memset(other, 0xee, size)
    must("mremap", LIBC.mremap(other, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, guest.uaddr + at))


def unmap(guest, at, size):
    must("munmap", LIBC.munmap(guest.uaddr + at, size))


class Info:
    """What MP_GET says of memory."""

    def __init__(self, guest):
        info = abi.get(guest.port)
        self.locked = bool(info["flags"] & INFO_LOCKED)
        self.pinned = info["pinned"]
        self.copied = tuple(info[way]["copied"][COPY_LOCKED] for way in ("rx", "tx"))
        self.zerocopy = tuple(info[way]["zerocopy_packets"] for way in ("rx", "tx"))

    def __str__(self):
        return f"{self.pinned} bytes pinned, copied {self.copied}, not copied {self.zerocopy}, locked {self.locked}"


def receive(guest, seed):
    """Sends the guest a frame: what arrives, and the buffers that it takes."""
    used = len(guest.rx.used())
    until(20, lambda: guest.at_card() and CARD.ready())         # or it would drop the frame
    guest.wire.send(frame(1200, seed))
    if not guest.rx.wait_used(used + 1):
        return None, ()
    data, _ = guest.received(used)
    return data, [head for head, _ in guest.rx.used()[used:]]


def exchange(name, guest, seed):
    """A frame each way. Returns the receive buffers that it took."""
    used = len(guest.tx.used())
    data, heads = receive(guest, seed)
    report(data == frame(1200, seed), f"{name}: a frame arrives as it was sent")
    guest.send(seed % 8, frame(1300, seed + 2))
    report(guest.wire.recv(4096) == frame(1300, seed + 2), f"{name}: a frame leaves as it is now")
    report(guest.tx.wait_used(used + 1), f"{name}: its buffer comes back")
    return heads


def changes(name, mode):
    """The NIC has the pages that the VMM has now, not those that it had."""
    with Guest(mode) as guest:
        guest.tx.start()
        guest.post(*range(8), kick=False)
        guest.start_rx()
        taken = exchange(f"{name}, as they were", guest, 3)
        for seed, change in ((5, drop), (7, replace), (9, drop), (11, replace)):
            title = f"{name}, {change.__name__} {seed}"
            change(guest, SEND, 8 * STEP)
            change(guest, BUFS, 8 * STEP)
            # What the card has it writes to the pages that were there; all that it
            # is given from here on has been posted after the change.
            arrived = 0
            for _ in range(8):
                guest.post(*taken)
                _, taken = receive(guest, seed)
                arrived += bool(taken)
            report(arrived == 8, f"{title}: the card goes on", str(arrived))
            guest.post(*taken)
            taken = exchange(title, guest, seed)
        return Info(guest)


def lets_go():
    """What the VMM gives back is not held."""
    with Guest(abi.COPY) as guest:
        guest.rx.start()
        guest.tx.start()
        rings = Info(guest).pinned
        guest.send(0, frame(1000))
        guest.wire.recv(4096)
        guest.tx.wait_used(1)
        before = Info(guest)
        report(before.pinned > rings, "guest memory is pinned", f"{before}; {rings} for the rings")
        drop(guest, SEND, PAGE)
        report(until(20, lambda: Info(guest).pinned <= rings), "and let go of when it is dropped", str(Info(guest)))


def breaks():
    with Guest(abi.COPY) as guest:
        guest.tx.start()
        unmap(guest, SEND, PAGE)
        guest.tx.desc(0, GPA + SEND, HDR + 100, 0)
        guest.tx.offer(0)
        report(guest.tx.wait_error(), "a buffer where nothing is mapped: the queue stops")
    with Guest(abi.COPY) as guest:
        guest.tx.start()
        drop(guest, guest.tx.at, PAGE)
        guest.tx.offer(0)
        report(guest.tx.wait_error(), "a ring that was dropped: the queue stops")


def main(limit=""):
    for name, mode in MODES.items():
        info = changes(f"{name}, {limit}" if limit else name, mode)
        print(f"# {info}")
        want_copies, want_zerocopy = limit == "copied", limit != "copied"
        report(all(bool(n) == want_copies for n in info.copied), f"{name}: copied for the limit or not", str(info))
        report(all(bool(n) == want_zerocopy for n in info.zerocopy), f"{name}: zero-copy or not", str(info))
        report(info.locked == bool(limit), f"{name}: the limit is told", str(info))
    if not limit:
        lets_go()
        breaks()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
