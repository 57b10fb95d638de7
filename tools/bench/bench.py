# SPDX-License-Identifier: GPL-2.0-only
"""The benchmarks, in the test machine.

Without an option: svmvcpu and then KVM, in one boot, with QEMU counting
instructions; build/bench.json, build/bench.txt and build/bench.svg.

--wall   the same in time, in several boots: only ratios are meaningful
--bochs  some rows in Bochs, which saves the next RIP as hardware does, compared with
         those of the last run in QEMU; build/bench-bochs.json, bench-bochs.txt
--check  svmvcpu alone, against tools/bench/budget.json; prints TAP
--budget writes that file
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
for part in ("vm", "runner"):
    sys.path.insert(0, os.path.join(HERE, "../../selftests", part))

import machines  # noqa: E402 pylint: disable=wrong-import-position
import vm  # noqa: E402 pylint: disable=wrong-import-position
from splat import is_splat  # noqa: E402 pylint: disable=wrong-import-position

BUILD = os.path.join(vm.TOP, "build")
BUDGET = os.path.join(HERE, "budget.json")
TOLERANCE = 1.03
FLOOR = "empty ioctl on the device"
GUEST_TICK = "host tick while the guest computes"
VMM_TICK = "host tick while the VMM computes"
HOST_EXIT = "host interrupt: exit and entry"

# One instruction is one tick, and two boots are alike (see testing.rst)
ICOUNT = ("-icount", "shift=0,sleep=off", "-rtc", "base=2023-01-01,clock=vm")
CPU = "EPYC,+svm,+npt,-rdrand"
WORDS = ("tsc_early_khz=1000000 tsc=reliable nokaslr norandmaps "
         "random.trust_cpu=off")

KVM_JOB = "rmmod svmvcpu && modload kvm-amd && bench-kvm"

# Notes on rows: KVM has to decode the instruction because there is no next RIP, or the
# module has to as well.
NOTES = {
    "decodes": ("HLT", "hypercall", "MSR read", "MMIO", "CPUID", "RDMSR",
                "x2APIC", "APIC timer armed", "MMIO doorbell", "IPI"),
    "kvm decodes": ("PIO string",),
}


# Rows in Bochs, whose TSC counts instructions without being told to
BOCHS_ROWS = ("empty ioctl", "PIO out", "PIO in", "hypercall, to", "HLT, to",
              "MSR read", "MMIO", "CPUID", "RDMSR", "x2APIC TPR")
# With a second CPU, in another boot
BOCHS_SMP_ROWS = ("empty ioctl", "IPI")


def machine(job, icount):
    how = {"smp": "1"}
    if icount:
        how.update(cpu=CPU, qemu_args=ICOUNT, append=WORDS)
    return machines.make("stock", job, **how)


def run(job, icount, seconds):
    """Lists of (op, unit, figure), one per program of the job."""
    return run_in(machine(job, icount), seconds)


def run_in(where, seconds):
    end = time.monotonic() + seconds * float(os.environ.get("TIMEOUT_SCALE")
                                             or 1)
    results, said, status = [], [], None
    with where as booted:
        for line in booted.lines(lambda: end):
            if line is None or (line.kernel and not is_splat(line.text)):
                continue
            if line.mark is not None:
                if line.mark.startswith("exit "):
                    status = int(line.mark[5:])
                continue
            words = line.text.split("\t")
            if words[0] == "bench" and len(words) == 4:
                results.append((words[1], words[2], float(words[3])))
            elif line.text:
                said.append(line.text)
    if status != 0 or any(map(is_splat, said)):
        sys.exit("\n".join(["the benchmark failed:", *said]))
    return results


def split(results):
    """The two programs have the same first row."""
    starts = [i for i, row in enumerate(results) if row[0] == FLOOR]
    return results[:starts[1]], results[starts[1]:]


def note(op):
    for text, ops in NOTES.items():
        if op.startswith(ops):
            return text
    return ""


def with_host_exit(results):
    """The additional cost of a tick while a guest runs, as a row."""
    figures = {op: figure for op, _, figure in results}
    if GUEST_TICK not in figures:
        return results
    more = figures[GUEST_TICK] - figures[VMM_TICK]
    return [row for row in results if row[0] != VMM_TICK] + [
        (HOST_EXIT, "", more)]


def join(ours, theirs):
    """The rows of bench.json."""
    ours, theirs = with_host_exit(ours), with_host_exit(theirs)
    kvm = {op: figure for op, _, figure in theirs}
    floor = ours[0][2]
    rows = []
    for op, unit, figure in ours:
        other = kvm.get(op)
        rows.append({
            "op": op, "unit": unit or "operation", "svmvcpu": round(figure),
            "kvm": None if other is None else round(other),
            "floor": round(floor) if "user space" in op else None,
            "ratio": round(other / figure, 2) if other and figure else None,
            "note": note(op)})
    return rows


def table(rows, what):
    lines = [f"{'operation':<56} {'svmvcpu':>10} {'KVM':>10} {'floor':>6} "
             f"{'ratio':>6}  {what}"]
    for row in rows:
        cells = [f"{row['svmvcpu']:>10,}"]
        for key, width in (("kvm", 10), ("floor", 6)):
            cells.append(f"{row[key]:>{width},}" if row[key] is not None
                         else " " * width)
        cells.append(f"{row['ratio']:>6.1f}" if row["ratio"] else " " * 6)
        name = row["op"]
        if row["unit"] not in ("operation", "VM", "page"):
            name += f", per {row['unit']}"
        lines.append(f"{name:<56} {' '.join(cells)}  {row['note']}".rstrip())
    return "\n".join(lines) + "\n"


PLOT = """
set terminal svg size 900,{height} font "sans,12"
set output "{svg}"
set style fill solid 0.7
set boxwidth 0.7
set xlabel "KVM's {what} / svmvcpu's, logarithmic"
set logscale x
set xrange [0.1:*]
set yrange [{rows}:-1]
set ytics out nomirror
set xtics nomirror
set grid x
set arrow from 1,graph 0 to 1,graph 1 nohead
unset key
set lmargin 48
plot "-" using 2:0:($2<1?$2:1):($2<1?1:$2):($0-0.35):($0+0.35):ytic(1) \\
    with boxxyerror lc rgb "#3366aa"
{data}
e
"""


def draw(rows, what, svg):
    shown = [row for row in rows if row["ratio"]]
    data = "\n".join(f'"{row["op"]}" {row["ratio"]}' for row in shown)
    subprocess.run(["gnuplot"], check=True, text=True, input=PLOT.format(
        height=80 + 22 * len(shown), svg=svg, what=what, rows=len(shown),
        data=data))


def save(rows, name, what):
    with open(os.path.join(BUILD, f"{name}.json"), "w",
              encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
        out.write("\n")
    text = table(rows, what)
    with open(os.path.join(BUILD, f"{name}.txt"), "w",
              encoding="utf-8") as out:
        out.write(text)
    draw(rows, what, os.path.join(BUILD, f"{name}.svg"))
    print(text, end="")


def bench():
    results = run(f"bench-svmvcpu && {KVM_JOB}\n", True, 900)
    save(join(*split(results)), "bench", "instructions")


def bench_wall(boots):
    runs = []
    for _ in range(boots):
        results = run(f"bench-svmvcpu --wall && {KVM_JOB} --wall\n", False, 900)
        runs.append(split(results))

    def middle(side):
        return [(op, unit, statistics.median(r[side][i][2] for r in runs))
                for i, (op, unit, _) in enumerate(runs[0][side])]

    save(join(middle(0), middle(1)), "bench-wall", "time")


def two_columns(qemu, rows):
    """A table that compares both emulators."""
    lines = [f"{'':<56} {'QEMU: decodes':>21} {'Bochs: saves next RIP':>21}",
             f"{'operation':<56} {'svmvcpu':>10} {'KVM':>10} "
             f"{'svmvcpu':>10} {'KVM':>10}"]
    for row in rows:
        there = qemu.get(row["op"], {})
        cells = [there.get("svmvcpu"), there.get("kvm"), row["svmvcpu"],
                 row["kvm"]]
        lines.append(f"{row['op']:<56} " + " ".join(
            f"{'' if cell is None else format(cell, ','):>10}"
            for cell in cells))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def run_bochs(rows, smp):
    names = " ".join(f'"{name}"' for name in rows)
    return join(*split(run_in(machines.make(
        "stock", f"bench-svmvcpu {names} && {KVM_JOB} {names}\n", "bochs",
        smp=smp), 1800)))


def bench_bochs():
    try:
        with open(os.path.join(BUILD, "bench.json"), encoding="utf-8") as file:
            qemu = {row["op"]: row for row in json.load(file)}
    except FileNotFoundError:
        sys.exit("run make bench first: its rows stand beside those of Bochs")
    rows = run_bochs(BOCHS_ROWS, "1")
    rows += [row for row in run_bochs(BOCHS_SMP_ROWS, "2")
             if row["op"] != FLOOR]
    with open(os.path.join(BUILD, "bench-bochs.json"), "w",
              encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
        out.write("\n")
    text = two_columns(qemu, rows)
    with open(os.path.join(BUILD, "bench-bochs.txt"), "w",
              encoding="utf-8") as out:
        out.write(text)
    print(text, end="")


def check():
    with open(BUDGET, encoding="utf-8") as file:
        budget = json.load(file)
    figures = {op: figure for op, _, figure in
               run("bench-svmvcpu --budget\n", True, 300)}
    names = sorted(budget.keys() | figures.keys())
    print(f"1..{len(names)}")
    failed = 0
    for number, op in enumerate(names, 1):
        allowed, figure = budget.get(op), figures.get(op)
        if allowed is None or figure is None:
            verdict, why = "not ok", "only in one of program and budget.json"
        else:
            verdict = "ok" if figure <= allowed * TOLERANCE else "not ok"
            why = f"{figure:.0f} instructions, the budget is {allowed}"
        failed |= verdict != "ok"
        if verdict != "ok":
            print(f"# {why}")
        print(f"{verdict} {number} {op}")
    return failed


def write_budget():
    figures = {op: round(figure) for op, _, figure in
               run("bench-svmvcpu --budget\n", True, 300)}
    with open(BUDGET, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--wall", type=int, metavar="BOOTS")
    what.add_argument("--bochs", action="store_true")
    what.add_argument("--check", action="store_true")
    what.add_argument("--budget", action="store_true")
    args = parser.parse_args()
    if args.check:
        return check()
    if args.budget:
        write_budget()
    elif args.bochs:
        bench_bochs()
    elif args.wall:
        bench_wall(args.wall)
    else:
        bench()
    return 0


if __name__ == "__main__":
    sys.exit(main())
