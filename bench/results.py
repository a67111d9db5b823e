# SPDX-License-Identifier: GPL-2.0-only
"""What the raw rows of a benchmark mean: figures of each interval, medians, and
ratios between setups that were measured in the same boot.

Whatever is said of a run is computed here from its raw rows; nothing is kept
that could disagree with them.
"""

import json
import os
import statistics

MODES = {"mp-split": "header-split", "mp-whole": "whole-frame", "mp-copy": "copy"}
PEERS = ("vhost-macvtap-zc0", "vhost-macvtap-zc1", "vhost-tap-bridge",
         "qemu-macvtap", "af-xdp", "vfio")


def auto(mtu):
    """What a guest on mpassthru gets unless it asks for something else."""
    return "mp-whole" if mtu <= 1500 else "mp-split"


# Figures that are better the higher they are; of all others less is better.
HIGHER = {"throughput", "pps", "taken_pps"}
SUMMARY = ("throughput", "pps", "taken_pps", "cpu_per_gb", "insn_per_packet", "latency_p50",
           "latency_p99", "copied_per_byte")
COUNTED = {"insn_per_packet", "insn_nocopy_per_packet", "guest_insn_per_packet",
           "copied_per_byte"}


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def load(directory):
    """Raw rows, each with the instructions of its interval if they were counted."""
    insn = {(r["boot"], r["seq"]): r for r in lines(f"{directory}/insn.jsonl")}
    rows = lines(f"{directory}/raw.jsonl")
    for row in rows:
        row["insn"] = insn.get((row["boot"], row["seq"]))
    return rows


def is_stream(workload):
    return workload.startswith("tcp_") and workload != "tcp_rr"


# ---- figures of one interval ----------------------------------------------------

def time_figures(row):
    """Of an interval without the plugin, which would slow it down."""
    found = {}
    gigabytes = row["payload_bytes"] / 1e9
    if is_stream(row["workload"]):
        found["throughput"] = row["throughput"]
        found["cpu_per_gb"] = row["cpu_seconds"] / gigabytes
    elif row["workload"] == "tcp_rr":
        apps = [a for a in row["apps"] if a]
        for name in ("p50", "p99"):
            found[f"latency_{name}"] = statistics.mean(a[f"{name}_us"] for a in apps)
    else:
        found["pps"] = row["pps"]
        found["taken_pps"] = row["taken_pps"]
        found["loss"] = lost(row["apps"])
        found["cpu_per_gb"] = row["cpu_seconds"] / gigabytes
    found["cpu_per_packet"] = row["cpu_seconds"] / row["packets"] * 1e6
    return found | shares(row)


def lost(apps):
    sent = sum(a.get("sent", 0) for a in apps)
    return sum(a.get("lost", 0) for a in apps) / sent if sent else 0.0


def shares(row):
    """Parts of a CPU, and events a packet."""
    host, packets = row["host"], row["packets"]
    found = {"softirq_share": host["cpu"]["cpu"]["softirq"] / row["seconds"]}
    for role in ("vhost", "qemu-main"):
        if role in host["threads"]:
            found[f"{role}_share"] = host["threads"][role]["run"] / row["seconds"]
    found["exits_per_packet"] = host["kvm"]["exits"] / packets
    found["irqs_per_packet"] = host["interrupts"]["nic"] / packets
    found["injections_per_packet"] = host["kvm"]["irq_injections"] / packets
    if "mp" in host:
        found["pinned_mib"] = host["mp"]["pinned_bytes"] / (1 << 20)
    else:
        found["pinned_mib"] = (row["pinned"]["VmPin"] + row["pinned"]["VmLck"]) / (1 << 20)
    return found


def count_figures(row):
    """Of an interval with the plugin: only what it does not distort."""
    found = {}
    if row["insn"]:
        host, copies = row["insn"]["host_insn"], row["insn"]["copy_insn"]
        packets = row["pps"] * row["marked_seconds"]
        found["insn_per_packet"] = host / packets
        found["insn_nocopy_per_packet"] = (host - copies) / packets
        found["guest_insn_per_packet"] = row["insn"]["guest_insn"] / packets
    if is_stream(row["workload"]):
        copied = copies_of(row)
        if copied is not None:
            found["copied_per_byte"] = copied
    return found


def copies_of(row):
    """mpassthru counts its copies itself; those of the others were traced."""
    if row["setup"] in MODES:
        return row["copied_per_byte"]
    if row["setup"] == "vfio":
        return 0.0
    traced = row.get("traced_copies_per_byte")
    if traced is not None and row["setup"] == "qemu-macvtap" and "_rx_" in row["workload"]:
        # Into QEMU's buffer, which is what was traced, and then into the guest.
        traced += 1
    return traced


def disturbance(rows):
    """CPUs of the machine that niced work of others took meanwhile: median, most."""
    shares = [r["rates"]["peer_machine_nice"] / 100 / r["guests"] for r in rows
              if "peer_machine_nice" in r.get("rates", {})]
    return (statistics.median(shares), max(shares)) if shares else None


def figures(row):
    if row["packets"] <= 0 or row["payload_bytes"] <= 0:
        return {}
    return count_figures(row) if row["kind"] == "insn" else time_figures(row)


# ---- figures of a run -----------------------------------------------------------

def case(row):
    """What has to be the same for two rows to be compared."""
    return (row.get("variant", ""), row["nic"], row["memory"], row["mtu"],
            row["guests"], row["workload"])


def collected(rows):
    """{case: {setup: {metric: {repeat: figure}}}}; of two attempts at a repeat,
    the later one counts."""
    found = {}
    for row in rows:
        setups = found.setdefault(case(row), {})
        metrics = setups.setdefault(row["setup"], {})
        for metric, value in figures(row).items():
            metrics.setdefault(metric, {})[row["repeat"]] = value
    return found


def spread(values):
    values = list(values)
    return statistics.median(values), min(values), max(values)


def ratio(setups, mode, peer, metric):
    """mp/peer by repeats that have both, or None."""
    ours = setups.get(mode, {}).get(metric, {})
    theirs = setups.get(peer, {}).get(metric, {})
    common = sorted(set(ours) & set(theirs))
    ratios = [ours[r] / theirs[r] for r in common if theirs[r]]
    if not ratios:
        return None
    median, low, high = spread(ratios)
    return {
        "mp_median": statistics.median(ours[r] for r in common),
        "peer_median": statistics.median(theirs[r] for r in common),
        "ratio_median": median, "ratio_min": low, "ratio_max": high,
        "runs": len(ratios),
    }


def summary(found, metrics=SUMMARY):
    rows = []
    for key, setups in found.items():
        variant, nic, memory, mtu, guests, workload = key
        for mode, name in MODES.items():
            for peer in PEERS:
                for metric in metrics:
                    pair = ratio(setups, mode, peer, metric)
                    if pair:
                        rows.append({
                            "workload": workload, "nic": nic, "memory": memory,
                            "mtu": mtu, "guests": guests, "variant": variant,
                            "mode": name, "peer": peer, "metric": metric} | pair)
    return rows


def is_worse(row):
    if row["metric"] in HIGHER:
        return row["ratio_median"] < 1
    return row["ratio_median"] > 1


def within_spread(row):
    return row["ratio_min"] <= 1 <= row["ratio_max"]


def disagreements(rows, written):
    """What a summary says that its raw rows do not."""
    def key(row):
        return tuple(row[k] for k in ("workload", "nic", "memory", "mtu", "guests",
                                      "variant", "mode", "peer", "metric"))

    computed = {key(r): r for r in summary(collected(rows))}
    wrong = [f"{k}: is missing" for k in computed.keys() - {key(r) for r in written}]
    for row in written:
        right = computed.get(key(row))
        if not right:
            wrong.append(f"{key(row)}: was not measured")
            continue
        for name in ("mp_median", "peer_median", "ratio_median", "ratio_min", "ratio_max", "runs"):
            if abs(row[name] - right[name]) > 1e-9 * max(1, abs(right[name])):
                wrong.append(f"{key(row)}: {name} is {row[name]}, not {right[name]}")
    return wrong


# ---- the upper bound ------------------------------------------------------------

def bounds(rows):
    """Of bench/vm/upper-bound: {(direction, size): {setup: {figure: median}}}.
    Rows with instructions tell nothing of time."""
    values = {}
    for row in rows:
        case = values.setdefault((row["direction"], row["size"]), {})
        found = case.setdefault(row["setup"], {})
        if "host_insn" in row:
            figure = {"insn_per_packet": row["host_insn"] / row["packets"]}
        else:
            figure = {"pps": row["pps"],
                      "cpu_per_packet": row["host_cpu_seconds"] / row["packets"] * 1e6}
        for name, value in figure.items():
            found.setdefault(name, []).append(value)
    return {case: {setup: {name: statistics.median(v) for name, v in found.items()}
                   for setup, found in setups.items()}
            for case, setups in values.items()}


# ---- targets --------------------------------------------------------------------

# (what, workload, metric, peer or None for an absolute figure, "<=" or ">=", limit)
TARGETS = (
    ("receive stream, host CPU per GB", "tcp_rx_64k", "cpu_per_gb",
     "vhost-macvtap-zc0", "<=", 0.5),
    ("receive stream, throughput", "tcp_rx_64k", "throughput",
     "vhost-macvtap-zc0", ">=", 1.3),
    ("transmit stream, host CPU per GB", "tcp_tx_64k", "cpu_per_gb",
     "vhost-macvtap-zc0", "<=", 0.7),
    ("transmit stream, host CPU per GB", "tcp_tx_64k", "cpu_per_gb",
     "vhost-macvtap-zc1", "<=", 0.9),
    ("transmit stream, throughput", "tcp_tx_64k", "throughput",
     "vhost-macvtap-zc0", ">=", 1.0),
    ("transmit stream, throughput", "tcp_tx_64k", "throughput",
     "vhost-macvtap-zc1", ">=", 1.0),
    ("64 B packets towards the guest", "udp_rx_64", "pps", "vhost-macvtap-zc0", ">=", 1.0),
    ("64 B packets from the guest", "udp_tx_64", "pps", "vhost-macvtap-zc0", ">=", 1.0),
    ("median latency", "tcp_rr", "latency_p50", "vhost-macvtap-zc0", "<=", 1.0),
    ("receive, copied bytes per payload byte", "tcp_rx_64k", "copied_per_byte",
     None, "<=", 0.01),
    ("transmit, copied bytes per payload byte", "tcp_tx_64k", "copied_per_byte",
     None, "<=", 0.01),
    # the same in instructions, which other work on the machine does not disturb
    ("receive stream, host instructions", "tcp_rx_64k", "insn_per_packet",
     "vhost-macvtap-zc0", "<=", 0.5),
    ("transmit stream, host instructions", "tcp_tx_64k", "insn_per_packet",
     "vhost-macvtap-zc0", "<=", 0.7),
    ("transmit stream, host instructions", "tcp_tx_64k", "insn_per_packet",
     "vhost-macvtap-zc1", "<=", 0.9),
)


def base_case(found, workload):
    """The case that targets are about: huge pages, MTU 1500, one guest."""
    for key, setups in found.items():
        variant, _, memory, mtu, guests, name = key
        if (variant, memory, mtu, guests, name) == ("", "huge", 1500, 1, workload):
            return setups
    return {}


def target(found, entry, mode):
    """The figure that a target is about, and whether it is met; None: not measured."""
    _, workload, metric, peer, relation, limit = entry
    setups = base_case(found, workload)
    if peer:
        pair = ratio(setups, mode, peer, metric)
        value = pair and (pair["ratio_median"], pair["ratio_min"], pair["ratio_max"])
    else:
        values = setups.get(mode, {}).get(metric, {}).values()
        value = spread(values) if values else None
    if not value:
        return None
    met = value[0] <= limit if relation == "<=" else value[0] >= limit
    return {"median": value[0], "min": value[1], "max": value[2], "met": met}
