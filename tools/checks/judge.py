#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of selftests/runner: does it notice failures of all kinds? A host test; prints
TAP."""

import io
import os
import sys
import tempfile
from unittest import mock

sys.dont_write_bytecode = True
for folder in "vm", "runner":
    sys.path.insert(0, os.path.join(os.path.dirname(__file__),
                                    "../../selftests", folder))

import batch    # noqa: E402 pylint: disable=wrong-import-position
import bochs    # noqa: E402 pylint: disable=wrong-import-position
import check    # noqa: E402 pylint: disable=wrong-import-position
import kunit    # noqa: E402 pylint: disable=wrong-import-position
import sanitize  # noqa: E402 pylint: disable=wrong-import-position
import tap      # noqa: E402 pylint: disable=wrong-import-position
import vm       # noqa: E402 pylint: disable=wrong-import-position
from splat import is_splat  # noqa: E402 pylint: disable=wrong-import-position

# (what, output, expected "status name" in order)
REPORTS = [
    ("all is well", "TAP version 13\n1..2\nok 1 a\nok 2 - b", ["pass a", "pass b"]),
    ("a failure", "1..2\nnot ok 1 a\nok 2 b", ["fail a", "pass b"]),
    ("results are missing", "1..3\nok 1 a", ["pass a", "fail plan"]),
    ("too many results", "1..1\nok 1 a\nok 2 b", ["pass a", "pass b", "fail plan"]),
    ("a hole in the numbers", "1..3\nok 1 a\nok 3 c", ["pass a", "pass c", "fail plan"]),
    ("no plan", "ok 1 a", ["pass a", "fail plan"]),
    ("nothing at all", "", ["fail plan"]),
    ("a plan and nothing else", "1..2", ["fail plan"]),
    ("a skip", "1..1\nok 1 a # SKIP no disk", ["skip a"]),
    ("a skip of the harness", "1..1\n#  RUN           global.x ...\n"
     "ok 1 # SKIP no disk", ["skip global.x"]),
    ("everything skipped", "1..0 # SKIP no disk", ["skip all"]),
    ("a word that looks like a result", "1..1\nokay\nnot okay\nok 1 a",
     ["pass a"]),
]

# The same for KUnit
SUITES = [
    ("two suites of KUnit", "    KTAP version 1\n    # Subtest: s\n    1..1\n"
     "    ok 1 a\nok 1 s\n    KTAP version 1\n    # Subtest: t\n    1..1\n"
     "    not ok 1 b\nnot ok 2 t", ["pass s: a", "fail t: b"]),
    ("parameters", "    # Subtest: s\n    1..1\n        # Subtest: p\n"
     "        ok 1 x\n        not ok 2 y\n    not ok 1 p\nnot ok 1 s",
     ["pass s: p: x", "fail s: p: y"]),
    ("a suite that ends early", "    # Subtest: s\n    1..2\n    ok 1 a\n"
     "not ok 1 s", ["pass s: a", "fail s"]),
    ("a suite that fails by itself", "    # Subtest: s\n    1..1\n"
     "    ok 1 a\nnot ok 1 s", ["pass s: a", "fail s"]),
    ("the cases that passed are skips", "    # Subtest: s\n    1..1\n"
     "    ok 1 a # SKIP no memory\nok 1 s # SKIP no memory",
     ["skip s: a"]),
    ("a result where another is due", "    # Subtest: s\n    1..2\n    ok 1 a\n"
     "    ok 3 c\nok 1 s", ["pass s: a", "pass s: c", "fail report"]),
    ("a report that breaks off", "    # Subtest: s\n    1..2\n    ok 1 a",
     ["pass s: a", "fail s"]),
    ("lines of the kernel's between", "    # Subtest: s\n    1..1\n"
     "perf: interrupt took too long\n    ok 1 a\nok 1 s", ["pass s: a"]),
    ("no suite", "insmod: cannot insert", ["fail report"]),
]

SPLATS = """
BUG: kernel NULL pointer dereference, address: 0000000000000008
BUG: KASAN: use-after-free in f+0x98/0x110 [svmvcpu]
BUG: sleeping function called from invalid context at mm/slab.h:1
BUG: workqueue lockup - pool cpus=0
WARNING: CPU: 0 PID: 110 at module/run.c:12 f+0x46/0xc0 [svmvcpu]
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
UBSAN: shift-out-of-bounds in module/insn.c:3:4
Oops: 0002 [#1] PREEMPT SMP NOPTI
general protection fault, maybe for address 0x8: 0000 [#1] PREEMPT
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
INFO: task vcpuctl:12 blocked for more than 120 seconds.
watchdog: BUG: soft lockup - CPU#1 stuck for 22s!
refcount_t: underflow; use-after-free.
ODEBUG: free active (active state 0) object type: timer_list
Kernel panic - not syncing: Fatal exception
unchecked MSR access error: WRMSR to 0xc0010117
Call Trace:
kmemleak: Memory pool empty, consider increasing its size
""".strip().split("\n")

HARMLESS = """
Command line: console=ttyS0 oops=panic panic=-1
Linux version 6.1.192-svmvcpu-debug (root@host) (gcc) #2 SMP PREEMPT
svmvcpu: loading out-of-tree module taints kernel.
kvm: Nested Virtualization enabled
debug: it works
kmemleak: Automatic memory scanning thread ended
Unstable clock detected, switching default tracing clock to "global"
""".strip().split("\n")

# (what, output, status, splat, failures expected)
VERDICTS = [
    ("success", "1..1\nok 1 a", 0, [], 0),
    ("a failed case explains its status", "1..1\nnot ok 1 a", 1, [], 1),
    ("a status that nothing explains", "1..1\nok 1 a", 1, [], 1),
    ("killed", "1..2\nok 1 a", 137, [], 1),
    ("a crash", "1..1\nok 1 a", 139, [], 1),
    ("not there", "", 127, [], 1),
    ("a splat beside success", "1..1\nok 1 a", 0, ["BUG: x"], 1),
]


def report_is_right(output, expected, reader=tap.Reader):
    report = reader()
    for line in output.split("\n"):
        report.feed(line)
    return expected == [f"{case.status} {case.name}" for case in report.finish()]


def verdict_is_right(output, status, splat, failures):
    result = batch.Result("program")
    for line in output.split("\n"):
        result.reader.feed(line)
    result.status, result.splat = status, splat
    result.judge()
    return result.count("fail") == failures


# (what, hint, kernel, why it cannot run there)
HINTS = [
    ("no hint", "nothing", "bochs", ""),
    ("not in Bochs", "emulator: qemu, too slow", "bochs", "too slow"),
    ("not in Bochs, but here", "emulator: qemu, too slow", "debug", ""),
    ("no reason given", "emulator: qemu", "bochs", "needs qemu"),
    ("a CPU that only QEMU has", "cpu: max", "bochs",
     "asks for a CPU model of QEMU"),
    ("a CPU of QEMU", "cpu: max", "stock", ""),
]

# (what, hint, kernel, is it scheduled there)
PLACES = [
    ("anywhere", "nothing", "bochs", True),
    ("one kernel", "kernel: debug", "debug", True),
    ("another kernel", "kernel: debug", "stock", False),
    ("the second of two", "kernel: stock, debug", "debug", True),
    ("neither of two", "kernel: stock, debug", "bochs", False),
    ("a skip is scheduled", "emulator: qemu, too slow", "bochs", True),
]

# (what, kernel's machines, jobs beside them): everything is run once
JOBS = [
    ("nothing", 0, 0),
    ("machines alone", 5, 0),
    ("nothing but what runs beside", 0, 5),
    ("more of one", 1, 20),
    ("more of the other", 20, 1),
]

# (what, (kernel's?, line) in order, is the last one the machine's end)
ENDINGS = [
    ("it boots", [(True, "Linux version 6.1")], False),
    ("it boots again", [(True, "Linux version 6.1")] * 2, True),
    ("it halts", [(True, "[    1.0] reboot: System halted")], True),
    ("a program says so", [(False, "reboot: System halted")], False),
]


RIGHT = [line for text in ("start a", "end a 0")
         for line in ((False, vm.MARK + text), (True, f"svmvcpu-vm: {text}"))]
RIGHT.insert(1, (False, "1..1"))
RIGHT.insert(2, (False, "ok 1 b"))
GOOD = [(False, vm.MARK + "boot ok"), *RIGHT, (False, vm.MARK + "exit 0")]
HUNG = [(True, "Linux version 6.1")]

# (what, the lines of each boot that is needed, known to hang, failures)
STARTS = [
    ("at once", [GOOD], True, 0),
    ("hangs before its first test", [HUNG, GOOD], True, 0),
    ("hangs twice", [HUNG, HUNG], True, 2),
    ("hangs, and should not", [HUNG], False, 2),
    ("hangs in its first test", [GOOD[:2]], True, 1),
]

# (what, output of the probe for each way, the chosen way and its reason)
SANITIZERS = [
    ("all work", ["", "?"], 0, ""),
    ("no search for leaks", ["no ptrace", ""], 1, "no ptrace"),
    ("none", ["no ptrace", "no memory"], 2, "no memory"),
]

# (what, kernel, cost of what the first machine does besides, costs, shares)
SHARES = [
    ("few", "stock", [8, 50], [[8, 50]]),
    ("one long and many short", "stock", [48] + [8] * 8,
     [[48, 8], [8] * 7]),
    ("one machine for a kernel that boots slowly", "debug", [8] * 9,
     [[8] * 9]),
    ("one machine for Bochs", "bochs", [8] * 9, [[8] * 9]),
]

EXTRAS = [
    ("the demo", "stock", "demo", "demo", (("smp", "1"),)),
    ("the suites", "debug", "svmvcpu_kunit", "suites", ()),
]


class FakeMachine:
    """Prints these lines; then it hangs, unless they were complete."""

    def __init__(self, lines, hangs):
        self.text = lines
        self.HANGS_AT_START = hangs     # pylint: disable=invalid-name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def lines(self, _deadline):
        for line in self.text:
            yield vm.Line(*line)
        if self.text is not GOOD:
            raise TimeoutError
        yield None


def start_is_judged(boots, hangs, failures):
    fakes = [FakeMachine(lines, hangs) for lines in boots]
    results = []
    judge = batch.Batch("bochs", [batch.Program("a")], io.StringIO(),
                        results.append)
    judge.left = judge.left[:1]         # without "unload"
    with mock.patch("machines.make", side_effect=fakes) as make:
        judge.run()
    return (make.call_count == len(boots) and
            sum(result.count("fail") for result in results) == failures)


def sanitizers_are_chosen(complaints, chosen, why):
    ways = [sanitize.Way() for _ in range(len(complaints) + 1)]
    way = sanitize.choose(ways, lambda way: complaints[ways.index(way)])
    return way is ways[chosen] and way.why == why


def shares_are_fair(kernel, costs, expected):
    group = []
    for cost in costs:
        group.append(batch.Program("a"))
        group[-1].cost = cost
    return expected == [[program.cost for program in part]
                        for part in check.shards(kernel, group)]


def extras_are_placed(kernel, name, extra, hardware):
    """The demo and the KUnit suites run once, and in the right machine."""
    with mock.patch("check.programs", return_value=[hinted("smp: 1")]):
        found = [how for patterns in ([], [name])
                 for _, how in check.kernel_batches(kernel, patterns, mock.Mock())
                 if extra in how]
    return [how["hardware"] for how in found] == [hardware] * 2


def hinted(hint):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
        source.write(f"/*\n * {hint}\n */\n")
        source.flush()
        return batch.Program("program", source.name)


def hint_is_heeded(hint, kernel, why):
    return hinted(hint).unfit(kernel) == why


def place_is_right(hint, kernel, there):
    with mock.patch("check.programs", return_value=[hinted(hint)]):
        report = mock.Mock()
        found = list(check.fit_programs(kernel, "", report))
    return bool(found or report.done.called) == there


def everything_runs(machines, beside):
    ran = []
    jobs = [[(ran.append, (kind, i)) for i in range(count)]
            for kind, count in enumerate((machines, beside))]
    expected = sorted(job[1] for part in jobs for job in part)
    check.run_all(*jobs)
    return sorted(ran) == expected


def ending_is_seen(lines, expected):
    machine = bochs.Bochs("bochs")
    ends = [machine.ends(vm.Line(*line)) for line in lines]
    machine.dir.cleanup()
    return ends[-1] == expected and not any(ends[:-1])


def main():
    checks = [(what, report_is_right(*rest)) for what, *rest in REPORTS]
    # without a kernel tree nothing is judged by its parser either
    if kunit.there():
        checks += [(f"suites: {what}", report_is_right(*rest, kunit.Reader))
                   for what, *rest in SUITES]
    checks += [(f"splat: {line}", is_splat(line)) for line in SPLATS]
    checks += [(f"harmless: {line}", not is_splat(line)) for line in HARMLESS]
    checks += [(what, verdict_is_right(*rest)) for what, *rest in VERDICTS]
    checks += [(f"hint: {what}", hint_is_heeded(*rest))
               for what, *rest in HINTS]
    checks += [(f"scheduled: {what}", place_is_right(*rest))
               for what, *rest in PLACES]
    checks += [(f"jobs: {what}", everything_runs(*rest))
               for what, *rest in JOBS]
    checks += [(f"end of Bochs: {what}", ending_is_seen(*rest))
               for what, *rest in ENDINGS]
    checks += [(f"start: {what}", start_is_judged(*rest))
               for what, *rest in STARTS]
    checks += [(f"sanitizers: {what}", sanitizers_are_chosen(*rest))
               for what, *rest in SANITIZERS]
    checks += [(f"share: {what}", shares_are_fair(*rest))
               for what, *rest in SHARES]
    checks += [(f"machine: {what}", extras_are_placed(*rest))
               for what, *rest in EXTRAS]
    print(f"TAP version 13\n1..{len(checks)}")
    for number, (what, good) in enumerate(checks, 1):
        name = what.replace("#", "number ")
        print(f"{'ok' if good else 'not ok'} {number} {name}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
