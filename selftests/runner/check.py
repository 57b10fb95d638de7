# SPDX-License-Identifier: GPL-2.0-only
"""All tests: what "make check" runs after the build.

Two test machines run at a time, since each has a single thread. Lint and the host's
own programs run beside them with a lower priority, while machines sleep. Prints a
line per program, then each skip and failure with its reason, and the totals on the
last line.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import subprocess
import sys
import threading
import time

sys.path.append(os.path.join(os.path.dirname(__file__), "../vm"))

import batch  # noqa: E402 pylint: disable=wrong-import-position
import sanitize  # noqa: E402 pylint: disable=wrong-import-position
import tap  # noqa: E402 pylint: disable=wrong-import-position
import vm  # noqa: E402 pylint: disable=wrong-import-position
from programs import sources  # noqa: E402 pylint: disable=wrong-import-position

SPLIT = {"stock"}       # boots quickly: its programs are split over two machines
SHARE = 8               # if there are more than this
MACHINES = 2            # at a time
NICE = "5"              # priority of what runs beside them
# With two CPUs, QEMU delivers some interrupts twice: see Documentation/testing.rst.
DEMO_HARDWARE = (("smp", "1"),)
BUDGET = [sys.executable, "-B", "tools/bench/bench.py", "--check"]
LOGS = os.path.join(vm.TOP, "build", "logs")


class Report:
    """Collects results; prints a line for each, and a summary at the end."""

    def __init__(self):
        self.lock = threading.Lock()
        self.totals = {"pass": 0, "fail": 0, "skip": 0}
        self.notable = {"skip": [], "fail": []}
        self.begin = time.monotonic()

    def done(self, where, result):
        """A batch.Result, of a program on a kernel or on the "host"."""
        said = [f"{result.count('pass')} passed"]
        said += [f"{n} {word}" for word, n in
                 (("FAILED", result.count("fail")),
                  ("skipped", result.count("skip"))) if n]
        with self.lock:
            for case in result.cases:
                self.totals[case.status] += 1
                if case.status in self.notable:
                    self.notable[case.status].append((where, result, case))
            print(f"{where:<6} {result.name:<28} {', '.join(said):<32}"
                  f"{result.seconds:7.1f} s", flush=True)

    def print_skips(self):
        if self.notable["skip"]:
            print("\nSkipped:")
        for where, result, case in self.notable["skip"]:
            print(f"  {where}/{result.name}: {case.name}: "
                  f"{case.reason or 'no reason given'}")

    def print_failures(self):
        if self.notable["fail"]:
            print("\nFailed:")
        for where, result, case in self.notable["fail"]:
            reason = f": {case.reason}" if case.reason else ""
            print(f"  {where}/{result.name}: {case.name}{reason}")
            for line in case.detail:
                print(f"      {line}")

    def finish(self):
        """Print the summary; returns the exit status."""
        passed, failed, skipped = (self.totals[s]
                                   for s in ("pass", "fail", "skip"))
        if not passed and not failed:
            print("nothing was tested")
            failed = 1
        self.print_skips()
        self.print_failures()
        print(f"\n{time.monotonic() - self.begin:.0f} seconds; logs are in "
              f"{os.path.relpath(LOGS, vm.TOP)}/")
        last = f"{passed} passed, {failed} failed"
        if skipped:
            last += f", {skipped} skipped"
        print(last, flush=True)
        return 1 if failed else 0


def host_program(name, command, report, log_name, env=None):
    """Run a program that prints TAP on the host."""
    result = batch.Result(name)
    begin = time.monotonic()
    with open(os.path.join(LOGS, log_name), "w", encoding="utf-8") as log:
        try:
            done = subprocess.run(
                ["nice", "-n", NICE, *command], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace",
                cwd=vm.TOP, env=env, timeout=1200, check=False)
            output, result.status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output, result.status = (late.stdout or b"").decode(), 137
        except OSError as error:
            output, result.status = str(error), 127
        log.write(output)
    # subprocess says -N for signal N
    if result.status < 0:
        result.status = 128 - result.status
    for line in output.splitlines():
        result.reader.feed(line)
    result.seconds = time.monotonic() - begin
    result.judge()
    report.done("host", result)


def build_host_tests(paths, report):
    """Build all; a test that does not build fails without affecting the others.
    Returns the environment to run them in."""
    way = sanitize.prepare()
    if way.lacks:
        skip_all("sanitizers", f"{way.lacks}: {way.why}", "host", report)
    result = batch.Result("host-build")
    begin = time.monotonic()
    done = subprocess.run(
        ["make", "-k", "-s", f"-j{os.cpu_count()}", *way.goals, *paths],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", cwd=vm.TOP,
        check=False)
    result.seconds = time.monotonic() - begin
    if done.returncode:
        result.fail("build", "not every host test builds",
                    done.stdout.splitlines()[-tap.KEEP:])
    else:
        result.cases.append(tap.Case("build", "pass"))
    report.done("host", result)
    return way.env


def wanted(name, patterns):
    return not patterns or any(fnmatch.fnmatchcase(name, p) or
                               fnmatch.fnmatchcase(os.path.splitext(name)[0],
                                                   p) for p in patterns)


def programs(patterns):
    """The test programs in the source tree that match a pattern."""
    return [batch.Program(name, path)
            for name, path in sources(".c", ".sh").items()
            if wanted(name, patterns)]


def skip_all(name, why, kernel, report):
    result = batch.Result(name)
    result.cases.append(tap.Case("all", "skip", why))
    report.done(kernel, result)


def fit_programs(kernel, patterns, report):
    """The programs that this kernel can run; reports the others as skipped."""
    for program in programs(patterns):
        if kernel not in (program.kernels or [kernel]):
            continue
        if why := program.unfit(kernel):
            skip_all(program.name, why, kernel, report)
        else:
            yield program


def kernel_batches(kernel, patterns, report):
    """(log name, arguments for Batch), one for each kind of machine. The
    ordinary machine also runs the KUnit suites, and the one of the demo the demo."""
    groups = {}
    for program in fit_programs(kernel, patterns, report):
        groups.setdefault(program.hardware, []).append(program)
    extra = {}
    if kernel == "stock" and wanted("demo", patterns):
        extra[DEMO_HARDWARE] = {"demo": True}
    if kernel == "debug" and wanted("svmvcpu_kunit", patterns):
        extra[()] = {"suites": "svmvcpu_kunit"}
    for hardware in extra if patterns else [*extra, ()]:
        groups.setdefault(hardware, [])
    parts = [(hardware, part) for hardware in sorted(groups)
             for part in shards(kernel, groups[hardware])]
    for number, (hardware, part) in enumerate(parts):
        yield (f"{kernel}-{number}.log" if number else f"{kernel}.log",
               {"kernel": kernel, "programs": part, "hardware": hardware,
                **extra.pop(hardware, {})})


def shards(kernel, group):
    """Split a group of programs over two machines, the longest first, each to the
    machine with less to do."""
    if kernel not in SPLIT or len(group) <= SHARE:
        return [group]
    parts, costs = ([], []), [0, 0]
    for program in sorted(group, key=lambda p: -p.cost):
        to = costs.index(min(costs))
        parts[to].append(program)
        costs[to] += program.cost
    return [sorted(part, key=lambda p: p.name) for part in parts]


def run_batch(name, how, report):
    with open(os.path.join(LOGS, name), "w", encoding="utf-8",
              buffering=1) as log:
        batch.Batch(log=log, done=lambda result: report.done(
            how["kernel"], result), **how).run()


def run_all(machines, beside):
    """Run two lists of (function, arguments...), each in its order. A thread that
    has no machine to start any more takes jobs that run beside them."""
    lock = threading.Lock()

    def work(*lists):
        while True:
            with lock:
                jobs = next(filter(None, lists), None)
                if not jobs:
                    return
                function, *given = jobs.pop(0)
            function(*given)

    with concurrent.futures.ThreadPoolExecutor(MACHINES + 1) as pool:
        futures = [pool.submit(work, machines, beside)
                   for _ in range(MACHINES)] + [pool.submit(work, beside)]
        for future in futures:
            future.result()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", default="debug,bochs,stock")
    parser.add_argument("--lint", action="store_true")
    parser.add_argument("--host-test", action="append", default=[],
                        help="a program that prints TAP, run here")
    parser.add_argument("--tests", default="",
                        help="run only programs that match these patterns")
    return parser.parse_args()


def main():
    args = arguments()
    patterns = args.tests.split()
    os.makedirs(LOGS, exist_ok=True)
    report = Report()
    host_tests = [path for path in args.host_test
                  if wanted(os.path.basename(path), patterns)]
    env = build_host_tests(host_tests, report) if host_tests else None
    # the longest first, so that both cores have work until the end
    jobs = [(run_batch, name, how, report)
            for kernel in filter(None, args.kernels.split(","))
            for name, how in kernel_batches(kernel, patterns, report)]
    jobs.sort(key=lambda job: bool(job[2]["hardware"]))
    beside = []
    if args.lint and wanted("lint", patterns):
        beside += [("lint", ["tools/checks/lint.sh", "others"], "lint"),
                   ("lint:style", ["tools/checks/lint.sh", "checkpatch"],
                    "lint:style")]
    if "stock" in args.kernels and wanted("budget", patterns):
        beside.append(("budget", BUDGET, "budget"))
    for path in host_tests:
        name = os.path.basename(path)
        beside.append((name, [os.path.join(vm.TOP, path)], f"host-{name}"))
    run_all(jobs, [(host_program, name, command, report, f"{log}.log", env)
                   for name, command, log in beside])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
