#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The report generator on made-up raw data, of which the right answers are known.

The last line counts, as all tests do here: "N passed, N failed".
"""

import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile
import unittest
import xml.dom.minidom

BENCH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
sys.dont_write_bytecode = True
sys.path.insert(0, BENCH)

import results  # noqa: E402


def program(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), f"{BENCH}/{name}")
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


report = program("report")
choose_cpu = program("choose-cpu")


def row(setup, workload, repeat, **more):
    """An interval of one second in which 100 MB, as 80000 packets, took the host
    half a second."""
    made = {
        "kind": "timed", "boot": f"timed-{repeat}.1", "seq": 1, "setup": setup,
        "workload": workload, "repeat": repeat, "nic": "e1000e", "memory": "huge",
        "mtu": 1500, "guests": 1, "variant": "", "seconds": 1.0, "marked_seconds": 1.0,
        "payload_bytes": 1e8, "packets": 80000.0, "pps": 80000.0, "throughput": 800.0,
        "cpu_seconds": 0.5, "copied_per_byte": None, "traced_copies_per_byte": None,
        "apps": [{}], "pinned": {"VmPin": 0, "VmLck": 1 << 20, "VmRSS": 0},
        "host": {"cpu": {"cpu": {"softirq": 0.2}}, "threads": {"vhost": {"run": 0.3}},
                 "kvm": {"exits": 8000, "irq_injections": 4000},
                 "interrupts": {"nic": 16000}},
    }
    return made | more


def streams(ours, theirs, **more):
    """Repeats of mp-whole and vhost-macvtap-zc0 with these throughputs."""
    return [row(setup, "tcp_rx_64k", i + 1, throughput=float(rate), **more)
            for setup, rates in (("mp-whole", ours), ("vhost-macvtap-zc0", theirs))
            for i, rate in enumerate(rates)]


class Written:
    """A report of these rows, written where nobody keeps it."""

    def __init__(self, rows, insn=(), files=()):
        self.place = tempfile.TemporaryDirectory()
        self.dir = self.place.name
        self.lines("raw.jsonl", rows)
        self.lines("insn.jsonl", insn)
        for name, content in dict(files).items():
            self.lines(name, content)
        report.write(self.dir, f"{self.dir}/report.md")
        with open(f"{self.dir}/report.md", encoding="utf-8") as file:
            self.text = file.read()
        with open(f"{self.dir}/summary.json", encoding="utf-8") as file:
            self.summary = json.load(file)

    def lines(self, name, rows):
        with open(f"{self.dir}/{name}", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(r) + "\n" for r in rows)

    def pair(self, metric, peer="vhost-macvtap-zc0", mode="whole-frame"):
        return next(r for r in self.summary
                    if (r["metric"], r["peer"], r["mode"]) == (metric, peer, mode))


class Ratios(unittest.TestCase):
    def test_median_and_spread_are_of_the_ratios(self):
        # by repeats: 0.5, 2, 0.8; not the ratio of the medians, which is 1
        pair = Written(streams((100, 400, 400), (200, 200, 500))).pair("throughput")
        self.assertEqual((pair["ratio_median"], pair["ratio_min"], pair["ratio_max"]),
                         (0.8, 0.5, 2.0))
        self.assertEqual((pair["mp_median"], pair["peer_median"], pair["runs"]),
                         (400.0, 200.0, 3))

    def test_only_repeats_that_both_have(self):
        pair = Written(streams((100, 900), (200,))).pair("throughput")
        self.assertEqual((pair["ratio_median"], pair["runs"]), (0.5, 1))

    def test_a_later_attempt_replaces_an_earlier_one(self):
        pair = Written(streams((100,), (200,)) + streams((300,), (200,))).pair("throughput")
        self.assertEqual((pair["ratio_median"], pair["runs"]), (1.5, 1))

    def test_other_conditions_are_not_mixed(self):
        rows = streams((100,), (200,)) + streams((100,), (400,), mtu=9000)
        found = {r["mtu"]: r["ratio_median"] for r in Written(rows).summary
                 if r["metric"] == "throughput"}
        self.assertEqual(found, {1500: 0.5, 9000: 0.25})

    def test_all_that_a_row_of_the_summary_must_have(self):
        pair = Written(streams((100,), (200,))).pair("throughput")
        self.assertLessEqual(
            {"workload", "nic", "memory", "mtu", "mode", "peer", "metric", "mp_median",
             "peer_median", "ratio_median", "ratio_min", "ratio_max", "runs"}, set(pair))


class Figures(unittest.TestCase):
    def test_stream(self):
        found = results.figures(row("mp-whole", "tcp_rx_64k", 1))
        self.assertAlmostEqual(found["cpu_per_gb"], 5.0)
        self.assertAlmostEqual(found["cpu_per_packet"], 6.25)
        self.assertAlmostEqual(found["exits_per_packet"], 0.1)
        self.assertAlmostEqual(found["irqs_per_packet"], 0.2)
        self.assertAlmostEqual(found["vhost_share"], 0.3)

    def test_packets_and_loss(self):
        found = results.figures(row("mp-whole", "udp_rx_64", 1,
                                    apps=[{"sent": 200, "lost": 50}], taken_pps=60000.0))
        self.assertEqual((found["pps"], found["taken_pps"], found["loss"]),
                         (80000.0, 60000.0, 0.25))
        self.assertNotIn("throughput", found)

    def test_latency(self):
        found = results.figures(row("mp-whole", "tcp_rr", 1,
                                    apps=[{"p50_us": 30.0, "p99_us": 90.0}]))
        self.assertEqual((found["latency_p50"], found["latency_p99"]), (30.0, 90.0))

    def test_instructions_are_those_between_the_marks(self):
        # the interval was half as long as what was timed around it
        made = row("mp-whole", "tcp_rx_64k", 1, kind="insn", seconds=2.0,
                   marked_seconds=1.0, boot="insn-1.1", seq=7, copied_per_byte=0.003)
        insn = {"boot": "insn-1.1", "seq": 7, "host_insn": 160_000_000,
                "copy_insn": 40_000_000, "guest_insn": 80_000_000}
        found = results.figures(made | {"insn": insn})
        self.assertAlmostEqual(found["insn_per_packet"], 2000)
        self.assertAlmostEqual(found["insn_nocopy_per_packet"], 1500)
        self.assertEqual(found["copied_per_byte"], 0.003)
        self.assertNotIn("throughput", found)

    def test_instructions_are_joined_by_boot_and_number(self):
        rows = [row("mp-whole", "tcp_rx_64k", 1, kind="insn", boot="insn-1.1", seq=1),
                row("vhost-macvtap-zc0", "tcp_rx_64k", 1, kind="insn", boot="insn-1.1", seq=2)]
        insn = [{"boot": "insn-1.1", "seq": s, "host_insn": h, "copy_insn": 0, "guest_insn": 0}
                for s, h in ((2, 80_000_000), (1, 20_000_000))]
        insn.append({"boot": "insn-2.1", "seq": 1, "host_insn": 1, "copy_insn": 0,
                     "guest_insn": 0})
        self.assertAlmostEqual(Written(rows, insn).pair("insn_per_packet")["ratio_median"], 0.25)

    def test_copies(self):
        def copies(setup, workload, **more):
            return results.figures(row(setup, workload, 1, kind="insn", insn=None, **more)
                                   ).get("copied_per_byte")

        self.assertEqual(copies("vhost-macvtap-zc1", "tcp_tx_64k",
                                traced_copies_per_byte=0.25), 0.25)
        # QEMU copies once more, where nobody can trace it
        self.assertEqual(copies("qemu-macvtap", "tcp_rx_64k", traced_copies_per_byte=1.0), 2.0)
        self.assertEqual(copies("vfio", "tcp_rx_64k"), 0.0)
        self.assertIsNone(copies("vhost-macvtap-zc0", "tcp_rx_64k"))

    def test_nothing_arrived(self):
        self.assertEqual(results.figures(row("mp-whole", "udp_rx_64", 1, packets=0.0)), {})


class UpperBound(unittest.TestCase):
    def test_time_and_instructions_are_of_different_boots(self):
        made = {"setup": "bridge", "direction": "rx", "size": 64, "packets": 1000,
                "pps": 5000.0, "host_cpu_seconds": 0.01}
        rows = [made, made | {"pps": 7000.0}, made | {"pps": 6000.0},
                made | {"pps": 1.0, "host_insn": 3_000_000}]
        found = results.bounds(rows)[("rx", 64)]["bridge"]
        self.assertEqual((found["pps"], found["insn_per_packet"]), (6000.0, 3000.0))
        self.assertAlmostEqual(found["cpu_per_packet"], 10.0)


class FirstLines(unittest.TestCase):
    @staticmethod
    def lines(written):
        return written.text.split("## Targets")[0]

    def test_what_is_worse_is_said(self):
        text = self.lines(Written(streams((100, 100, 100), (200, 200, 250))))
        self.assertIn("tcp_rx_64k, throughput", text)
        self.assertIn("0.50 (0.40 to 0.50) of vhost-macvtap-zc0", text)
        self.assertNotIn("spread includes 1", text)

    def test_without_a_reason(self):
        self.assertIn("not explained yet",
                      "\n".join(report.worse(Written(streams((1,), (2,))).summary, {})))

    def test_with_a_reason(self):
        reasons = {"tcp_rx_64k": {"throughput": "because it was measured"}}
        text = "\n".join(report.worse(Written(streams((1,), (2,))).summary, reasons))
        self.assertIn("because it was measured", text)
        self.assertNotIn("not explained yet", text)

    def test_with_a_reason_for_long_frames_only(self):
        reasons = {"tcp_rx_64k": {"throughput": "always"},
                   "tcp_rx_64k@9000": {"throughput": "of the length"}}
        rows = streams((1,), (2,)) + streams((1,), (2,), mtu=9000)
        rows += [r | {"setup": "mp-split"} for r in rows if r["setup"] == "mp-whole"]
        text = report.worse(Written(rows).summary, reasons)
        self.assertEqual([line.split("Why: ")[1] for line in text if "throughput" in line],
                         ["always", "of the length"])

    def test_what_is_better_is_not_said(self):
        text = self.lines(Written(streams((300,), (200,))))
        self.assertNotIn("throughput", text)

    def test_less_is_better_for_costs(self):
        rows = [row("mp-whole", "tcp_rx_64k", 1, cpu_seconds=0.6),
                row("vhost-macvtap-zc0", "tcp_rx_64k", 1, cpu_seconds=0.5)]
        self.assertIn("host CPU per GB", self.lines(Written(rows)))
        rows[0]["cpu_seconds"] = 0.4
        self.assertNotIn("host CPU per GB", self.lines(Written(rows)))

    def test_the_spread_is_told(self):
        self.assertIn("the spread includes 1",
                      self.lines(Written(streams((100, 100, 300), (200, 200, 200)))))


class Targets(unittest.TestCase):
    @staticmethod
    def state(written, what, peer):
        return next(line for line in written.text.splitlines()
                    if line.startswith(f"| {what}") and peer in line)

    def test_met(self):
        line = self.state(Written(streams((260, 270, 280), (200, 200, 200))),
                          "receive stream, throughput", "zc0")
        self.assertIn("1.35 (1.30 to 1.40): met", line)

    def test_missed(self):
        line = self.state(Written(streams((250, 250, 280), (200, 200, 200))),
                          "receive stream, throughput", "zc0")
        self.assertIn("**missed**", line)

    def test_not_measured(self):
        line = self.state(Written(streams((1,), (1,))), "transmit stream, throughput", "zc1")
        self.assertIn("not measured", line)

    def test_other_conditions_do_not_count(self):
        line = self.state(Written(streams((400,), (200,), mtu=9000)),
                          "receive stream, throughput", "zc0")
        self.assertIn("not measured", line)


class Honesty(unittest.TestCase):
    """Negative controls: what is wrong must be noticed."""

    def test_a_summary_of_its_rows(self):
        self.assertEqual(report.check(Written(streams((100,), (200,))).dir), False)

    def test_a_wrong_ratio(self):
        written = Written(streams((100, 110, 120), (200, 200, 200)))
        for name in ("ratio_median", "ratio_min", "ratio_max", "mp_median", "runs"):
            wrong = json.loads(json.dumps(written.summary))
            wrong[0][name] *= 1.01
            found = results.disagreements(results.load(written.dir), wrong)
            self.assertEqual(len(found), 1, name)
            self.assertIn(name, found[0])

    def test_a_row_that_was_left_out_or_made_up(self):
        written = Written(streams((100,), (200,)))
        rows = results.load(written.dir)
        self.assertEqual(len(results.disagreements(rows, written.summary[1:])), 1)
        made_up = [dict(written.summary[0], peer="vfio")]
        self.assertEqual(len(results.disagreements(rows, written.summary + made_up)), 1)

    def test_a_raw_row_that_was_changed(self):
        written = Written(streams((100,), (200,)))
        written.lines("raw.jsonl", streams((150,), (200,)))
        self.assertTrue(results.disagreements(results.load(written.dir), written.summary))

    def test_work_of_others_is_said(self):
        rates = {"rates": {"peer_machine_nice": 50.0}}
        self.assertIn("took 0.50 of the machine's CPUs",
                      Written(streams((100,), (200,), **rates)).text)

    def test_what_is_missing_is_said(self):
        files = {"missing.jsonl": [{"setup": "af-xdp", "why": "QEMU lacks it"}],
                 "failures.jsonl": [{"boot": "timed-2.1", "status": 3}]}
        text = Written(streams((100,), (200,)), files=files).text
        self.assertIn("af-xdp is not in the tables: QEMU lacks it", text)
        self.assertIn("boot timed-2.1 ended with status 3", text)


class Files(unittest.TestCase):
    def test_a_plot_and_a_table_each(self):
        written = Written(streams((100,), (200,)))
        self.assertIn("![tcp_rx_64k](tcp_rx_64k.svg)", written.text)
        self.assertIn("| mp-whole | 100 |", written.text)
        image = xml.dom.minidom.parse(f"{written.dir}/tcp_rx_64k.svg")
        self.assertEqual(image.documentElement.tagName, "svg")

    def test_no_rows_no_report(self):
        with self.assertRaises(SystemExit):
            Written([])

    def test_the_fastest_copies_choose_the_processor(self):
        slow = {"flags": "slow", "a": 100.0, "b": 100.0}
        fast = {"flags": "fast", "a": 90.0, "b": 160.0}
        self.assertGreater(choose_cpu.speed(fast), choose_cpu.speed(slow))


if __name__ == "__main__":
    # what check() prints of a mismatch belongs to no test here
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    outcome = unittest.TextTestRunner(verbosity=1).run(suite)
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)
