#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What tests of the ioctls share: calls, expectations, "ok" lines."""

import errno
import fcntl
import os
import struct
import subprocess
import time

MP_BIND, MP_UNBIND, MP_GET = 0xB801, 0xB802, 0xB803
AUTO, WHOLE, SPLIT, COPY = range(4)
BIND_SIZE = 64
INFO_SIZE = 48 + 5 * 8 + 2 * (8 + 16 + 8) * 8 + 8
BIND_MAC, BIND_QUEUE = 1, 4

ioctl = fcntl.ioctl

def report(good, name, why=""):
    print(f"{'ok' if good else 'not ok'} {name}{'' if good else ': ' + why}", flush=True)


def until(seconds, test):
    """Whether test() comes true within so many, on a slow kernel within more."""
    deadline = time.monotonic() + seconds * int(os.environ.get("PATIENCE", "1"))
    while not test():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def mp():
    return os.open("/dev/net/mp", os.O_RDWR | os.O_NONBLOCK)


def bind_arg(name="", ifindex=0, mode=COPY, flags=0, size=BIND_SIZE, mac=bytes(6), mac_reserved=0,
             reserved=0, tail=b""):
    return struct.pack("IIII16s6sHQQQ", size, flags, ifindex, mode, name.encode(), mac, mac_reserved,
                       reserved, 0, 0) + tail


def bind(fd, *args, **kwargs):
    fcntl.ioctl(fd, MP_BIND, bind_arg(*args, **kwargs))


def get(fd, ifindex=0, flags=0, size=INFO_SIZE, queue=0):
    """What MP_GET says: what is bound, gauges, and counters of both directions."""
    buf = bytearray(max(size, INFO_SIZE))
    struct.pack_into("III", buf, 0, size, flags, ifindex)
    struct.pack_into("I", buf, 28, queue)
    fcntl.ioctl(fd, MP_GET, buf)
    keys = ("size", "flags", "ifindex", "mode", "rx_mode", "vnet_hdr_len", "offload", "queue")
    info = dict(zip(keys, struct.unpack_from("8I", buf)))
    info["ifname"] = buf[32:48].split(b"\0")[0].decode()
    info.update(zip(("posted", "at_nic", "in_stack", "tx_inflight", "pinned"),
                    struct.unpack_from("5Q", buf, 48)))
    for name, at in (("rx", 88), ("tx", 88 + 32 * 8)):
        keys = ("packets", "bytes", "payload_bytes", "zerocopy_packets", "zerocopy_bytes", "copied_bytes",
                "completed", "failed")
        info[name] = dict(zip(keys, struct.unpack_from("8Q", buf, at)))
        info[name]["copied"] = struct.unpack_from("16Q", buf, at + 64)
        info[name]["dropped"] = struct.unpack_from("8Q", buf, at + 192)
    info["queues"], = struct.unpack_from("I", buf, INFO_SIZE - 8)
    return info


def refuses(name, want, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
        report(False, name, "succeeded")
    except OSError as err:
        report(err.errno == want, name,
               f"{errno.errorcode.get(err.errno)} instead of {errno.errorcode[want]}")


def accepts(name, call, *args, **kwargs):
    try:
        result = call(*args, **kwargs)
        report(True, name)
        return result
    except OSError as err:
        report(False, name, str(err))
        return None


def sh(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


def parameter(module, name, value):
    """Sets a module's parameter. What it was before."""
    with open(f"/sys/module/{module}/parameters/{name}", "r+", encoding="ascii") as file:
        before = file.read().strip()
        file.seek(0)
        file.write(str(value))
    return before


def in_child(call, prepare=lambda: None):
    """Runs call() in a child process; its result is the errno."""
    pid = os.fork()
    if pid == 0:
        prepare()
        try:
            call()
            os._exit(0)
        except OSError as err:
            os._exit(err.errno)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def drop_privileges():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def as_nobody(call):
    return in_child(call, drop_privileges)
