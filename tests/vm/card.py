#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A softnic card's faults and counters."""

from abi_common import until

DIR = "/sys/kernel/debug/softnic/snic"


class Card:
    def __init__(self, name):
        self.dir = DIR + name + "/"

    def fault(self, name, value):
        with open(self.dir + name, "w", encoding="ascii") as file:
            file.write(str(value))

    def counts(self):
        with open(self.dir + "counters", encoding="ascii") as file:
            return {key: int(value) for key, value in (line.split() for line in file)}

    def count(self, name):
        return self.counts()[name]

    def ready(self):
        """Descriptors that it may write to. It is through with all that it has counted."""
        with open(self.dir + "ready", encoding="ascii") as file:
            return int(file.read())

    def wait_ready(self, least):
        return until(20, lambda: self.ready() >= least)

    def wait_count(self, name, value):
        return until(20, lambda: self.count(name) >= value)
