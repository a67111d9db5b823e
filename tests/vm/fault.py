#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes calls fail that hardly ever do, on the debug kernel: allocations and copies of
user memory within our modules, counted by thread (fail-nth), and functions of ours that
say so (ALLOW_ERROR_INJECTION).
"""

import errno
import os
import re

DEBUGFS = "/sys/kernel/debug/"
OURS = ("mpassthru", "vhost_mp")
KINDS = {"failslab": {"ignore-gfp-wait": "N"},
         "fail_page_alloc": {"ignore-gfp-wait": "N", "ignore-gfp-highmem": "N", "min-order": "0"},
         "fail_usercopy": {},
         "fail_function": {}}


def write(path, value):
    with open(DEBUGFS + path, "w", encoding="ascii") as file:
        file.write(str(value))


def read(path):
    with open(DEBUGFS + path, encoding="ascii") as file:
        return file.read().strip()


def limit_to_modules():
    """Only what is called from our modules fails, or counts."""
    spans = []
    with open("/proc/modules", encoding="ascii") as file:
        for line in file:
            name, size, *_, base = re.sub(r" \(.*\)", "", line).split()
            if name in OURS:
                spans.append((int(base, 16), int(base, 16) + int(size)))
    for kind, files in KINDS.items():
        if kind != "fail_function":     # its functions are ours
            write(f"{kind}/require-start", hex(min(s for s, _ in spans)))
            write(f"{kind}/require-end", hex(max(e for _, e in spans)))
            write(f"{kind}/stacktrace-depth", 32)
        write(f"{kind}/verbose", 0)
        for name, value in files.items():
            write(f"{kind}/{name}", value)


class Nth:
    """The N-th of a thread's calls that can fail does, once."""

    def __init__(self, thread):
        self.file = os.open(f"/proc/self/task/{thread}/fail-nth", os.O_RDWR)

    def arm(self, n):
        os.pwrite(self.file, b"%d" % n, 0)

    def disarm(self):
        """Whether it has failed."""
        left = int(os.pread(self.file, 16, 0))
        os.pwrite(self.file, b"0", 0)
        return left == 0

    def close(self):
        os.close(self.file)


class Function:
    """The N-th call of a function of ours fails, once, whoever makes it."""

    def __init__(self, name, error):
        self.name = name
        write("fail_function/inject", name)
        write(f"fail_function/{name}/retval", hex((1 << 64) - error))
        for file, value in (("interval", 1), ("task-filter", "N"), ("times", 0), ("probability", 100)):
            write(f"fail_function/{file}", value)

    def arm(self, n):
        write("fail_function/space", n)
        write("fail_function/times", 1)

    def disarm(self):
        left = int(read("fail_function/times"))
        write("fail_function/times", 0)
        return left == 0

    def close(self):
        write("fail_function/probability", 0)
        write("fail_function/inject", "!" + self.name)


class Some:
    """One in so many calls of a kind fails, whoever makes them, softirqs too."""

    def __init__(self, kind, percent):
        self.kind, self.percent = kind, percent

    def __enter__(self):
        for file, value in (("interval", 1), ("task-filter", "N"), ("space", 0), ("times", 1000000),
                            ("probability", self.percent)):
            write(f"{self.kind}/{file}", value)
        return self

    def __exit__(self, *unused):
        write(f"{self.kind}/probability", 0)

    def count(self):
        return 1000000 - int(read(f"{self.kind}/times"))


def outcome(call):
    """The errno of a call, or 0."""
    try:
        call()
        return 0
    except OSError as err:
        return err.errno


def names(errors):
    """How often there was which error."""
    return ", ".join(f"{errors.count(e)} {errno.errorcode[e] if e else 'went on'}" for e in sorted(set(errors)))
