# SPDX-License-Identifier: GPL-2.0-only
"""What the host (L1) counts: a snapshot, and the difference of two.

Snapshots are nested dictionaries of numbers, so that a difference needs to
know nothing of what they mean.
"""

import glob
import json
import os
import re
import subprocess
import time

HZ = os.sysconf("SC_CLK_TCK")
KVM = "/sys/kernel/debug/kvm/"
KVM_COUNTERS = ("exits", "io_exits", "mmio_exits", "irq_exits", "halt_exits",
                "irq_window_exits", "hypercalls", "signal_exits",
                "irq_injections", "insn_emulation", "halt_wakeup",
                "halt_successful_poll")
NIC_COUNTERS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes",
                "rx_dropped", "tx_dropped", "rx_missed_errors")
CPU_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq",
              "steal", "guest", "guest_nice")


def read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def number(path):
    text = read(path).strip()
    return int(text) if text else 0


def cpus():
    """Seconds by kind, of all CPUs and of each."""
    found = {}
    for line in read("/proc/stat").splitlines():
        name, *values = line.split()
        if name.startswith("cpu"):
            found[name] = {f: int(v) / HZ for f, v in zip(CPU_FIELDS, values)}
        elif name == "ctxt":
            found["switches"] = int(values[0])
    return found


def thread(path):
    """A thread's seconds on a CPU: exactly, and as ticks saw it."""
    words = read(path + "/stat").rpartition(")")[2].split()
    if len(words) < 42:
        return None
    return {"run": int(read(path + "/schedstat").split()[0]) / 1e9,
            "user": int(words[11]) / HZ, "system": int(words[12]) / HZ,
            "guest": int(words[40]) / HZ}


def role(comm, tid, pid, vcpus):
    if tid in vcpus:
        return "vcpu"
    if comm.startswith("vhost"):
        return "vhost"
    return "qemu-main" if tid == pid else "qemu-other"


def threads(guests):
    """Of each guest's QEMU and vhost, and the softirq threads, by role."""
    total = {}
    for info in guests:
        for path in glob.glob(f"/proc/{info['pid']}/task/*"):
            seconds = thread(path)
            if seconds:
                name = role(read(path + "/comm"), int(path.rpartition("/")[2]),
                            info["pid"], info["vcpus"])
                add(total.setdefault(name, {}), seconds)
    for path in softirq_threads():
        seconds = thread(path)
        if seconds:
            add(total.setdefault("ksoftirqd", {}), seconds)
    return total


def softirq_threads(known=[]):
    if not known:
        known.extend(p.rpartition("/")[0] for p in glob.glob("/proc/[0-9]*/comm")
                     if read(p).startswith("ksoftirqd/"))
    return known


def add(total, more):
    for key, value in more.items():
        total[key] = total.get(key, 0) + value


def interrupts():
    """Of the NICs (VFIO's are the guest's), and all there were."""
    nic = 0
    for line in read("/proc/interrupts").splitlines():
        if re.search(r"\beth\d|vfio-msi", line):
            nic += sum(int(w) for w in line.split()[1:3] if w.isdigit())
    total = re.search(r"^intr (\d+)", read("/proc/stat"), re.M)
    return {"nic": nic, "all": int(total[1])}


def softirqs():
    found = {}
    for line in read("/proc/softirqs").splitlines()[1:]:
        name, *values = line.split()
        found[name.rstrip(":")] = sum(map(int, values))
    return {k: found[k] for k in ("NET_RX", "NET_TX", "TASKLET") if k in found}


def nics(count):
    """Of the NICs that the host still has."""
    total = {}
    for i in range(1, count + 1):
        base = f"/sys/class/net/eth{i}/statistics/"
        if os.path.isdir(base):
            add(total, {c: number(base + c) for c in NIC_COUNTERS})
    return total


def mpassthru(count):
    """What mpassthru says of its ports, summed; the pinned bytes are a state."""
    total = {"rx": {}, "tx": {}, "copied": {}, "dropped": {}}
    for i in range(1, count + 1):
        done = subprocess.run(["mpctl", "show", f"eth{i}", "--json"],
                              capture_output=True, check=False)
        if done.returncode:
            return {}
        info = json.loads(done.stdout)
        info = info[0] if isinstance(info, list) else info
        for way in ("rx", "tx"):
            add(total[way], {k: v for k, v in info[way].items()
                             if isinstance(v, int)})
            for kind in ("copied", "dropped"):
                add(total[kind], {f"{way} {k}": v
                                  for k, v in info[way][kind].items()})
        total["pinned_bytes"] = total.get("pinned_bytes", 0) + info["pinned_bytes"]
    return total


class Copies:
    """Bytes that the kernel copies between packets and the memory of a guest's
    processes, QEMU and vhost, while this is on: counted by the trace subsystem,
    which slows things down. Not seen: copies within QEMU, and small packets that
    vhost-net sends in batches."""

    ROOT = "/sys/kernel/tracing/"
    # function: the register of its argument that is a length
    FUNCTIONS = {"simple_copy_to_iter": "si", "skb_copy_datagram_from_iter": "cx"}

    def __init__(self):
        self.events = []

    def __enter__(self):
        for function, register in self.FUNCTIONS.items():
            self.write("kprobe_events",
                       f"p:bench/{function} {function} bytes=%{register}:u64")
            event = f"events/bench/{function}/"
            self.write(event + "trigger", "hist:keys=common_pid:vals=bytes:size=2048")
            self.events.append(event)
        return self

    def __exit__(self, *_):
        for event in self.events:
            self.write(event + "trigger", "!hist:keys=common_pid:vals=bytes:size=2048")
        for function in self.FUNCTIONS:
            self.write("kprobe_events", f"-:bench/{function}")

    def write(self, path, text):
        # Python's own way to append seeks to the end, which there is none of.
        file = os.open(self.ROOT + path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, (text + "\n").encode())
        finally:
            os.close(file)

    def bytes(self, guests):
        tids = {int(p.rpartition("/")[2]) for info in guests
                for p in glob.glob(f"/proc/{info['pid']}/task/*")}
        total = 0
        for event in self.events:
            for line in read(self.ROOT + event + "hist").splitlines():
                match = re.match(r"{ common_pid:\s*(\d+).*bytes:\s*(\d+)", line)
                if match and int(match[1]) in tids:
                    total += int(match[2])
        return total


def snapshot(guests):
    """All that changes. Reading takes a while, but the same at both ends."""
    count = len(guests)
    found = {"time": time.monotonic(), "cpu": cpus(), "threads": threads(guests)}
    found["kvm"] = {c: number(KVM + c) for c in KVM_COUNTERS}
    found["interrupts"] = interrupts()
    found["softirqs"] = softirqs()
    found["nic"] = nics(count)
    return found


def difference(new, old):
    if isinstance(new, dict):
        return {k: difference(v, old.get(k, {} if isinstance(v, dict) else 0))
                for k, v in new.items()}
    return new - old


def busy(cpu):
    """Seconds that the host itself worked: all but idle time and its guests."""
    return sum(cpu[f] for f in ("user", "nice", "system", "irq", "softirq")) - \
        cpu["guest"] - cpu["guest_nice"]


def pinned(guests):
    """Bytes that a guest's memory is held by, as the kernel accounts them."""
    total = {"VmPin": 0, "VmLck": 0, "VmRSS": 0}
    for info in guests:
        for line in read(f"/proc/{info['pid']}/status").splitlines():
            key = line.partition(":")[0]
            if key in total:
                total[key] += int(line.split()[1]) * 1024
    return total
