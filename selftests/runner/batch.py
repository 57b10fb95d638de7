# SPDX-License-Identifier: GPL-2.0-only
"""Runs test programs in the test machine and judges them; check.py calls it.

A program yields the cases it reports itself, and failures around it: a splat in
the kernel's log, a time-out, an early end, an exit status that contradicts the
report. After a splat or a hang the remaining programs run in a new machine, so
that one failure does not cause others.
"""

import os
import re
import sys
import time

import kunit
import machines
import tap
from splat import is_splat

HINT = re.compile(
    r"(timeout|cost|kernel|emulator|cpu|smp|mem|append|archive):\s*(\S.*?)\s*(?:\*/)?$")
SLOWER = {"stock": 1, "debug": 5, "bochs": 2}
DEMO = 300              # timeout in seconds; it takes about forty
MAX_BOOTS = 12
SPLAT_LINES = 60
TIMESTAMP = re.compile(r"^\[ *[\d.]+\] ?(?:\[ *[TC]\d+\] ?)?")


class Unfit(Exception):
    """The machine cannot run our tests."""


class Program:
    """A test program as its source describes it, in a comment near the top:

    timeout: N      seconds on the stock kernel, default 60
    cost: N         seconds it takes on the stock kernel, default 1
    kernel: debug   only there (or elsewhere; several, with commas)
    emulator: qemu, WHY   skipped in others; WHY is the reason
    cpu:, smp:, mem:, append:, archive:   a machine of its own
    """

    def __init__(self, name, source=None):
        self.name = name
        self.timeout = 60.0
        self.cost = 1.0
        self.kernels = None
        self.emulator, self.why = None, ""
        self.hardware = ()
        if source:
            self.read_hints(source)

    def read_hints(self, source):
        hardware = {}
        with open(source, encoding="utf-8") as text:
            head = [line.strip(" \t\n#*/") for _, line in zip(range(40), text)]
        for match in filter(None, map(HINT.match, head)):
            key, value = match[1], match[2]
            if key == "timeout":
                self.timeout = float(value)
            elif key == "cost":
                self.cost = float(value)
            elif key == "kernel":
                self.kernels = value.replace(",", " ").split()
                if not set(self.kernels) <= set(machines.KERNELS):
                    sys.exit(f"{source}: no such kernel: {value}")
            elif key == "emulator":
                self.emulator, _, self.why = map(str.strip,
                                                 value.partition(","))
            else:
                hardware[key] = value
        self.hardware = tuple(sorted(hardware.items()))

    def unfit(self, kernel):
        """The reason why this kernel's emulator cannot run it, or ""."""
        emulator = machines.KERNELS[kernel]
        if self.emulator not in (None, emulator):
            return self.why or f"needs {self.emulator}"
        if emulator != "qemu" and "cpu" in dict(self.hardware):
            return "asks for a CPU model of QEMU"
        return ""


class Result:
    """The result of one program."""

    def __init__(self, name, reader=None):
        self.name = name
        self.reader = reader or tap.Reader()
        self.cases = []
        self.splat = []         # lines of the kernel's log from a splat on
        self.started = None
        self.ended = [False, False]     # marks of the job and of the kernel
        self.status = None
        self.cut_short = False
        self.seconds = 0.0

    def fail(self, name, reason, detail=()):
        self.cases.append(tap.Case(name, "fail", reason, detail))

    def judge(self):
        """Decide the cases once the program is over."""
        around = self.around()
        if self.cut_short:
            own = self.reader.cases
        elif self.status == 127:
            own = []
        else:
            own = self.reader.finish()
            failed = any(case.status == "fail" for case in own)
            if self.status not in (0, 4) and not failed:
                around.append(tap.Case(
                    "run", "fail", f"exit status {self.status}, but no "
                    "failed case", self.reader.notes))
        self.cases = own + around

    def around(self):
        """Failures that the program did not report itself."""
        status, cases = self.status, self.cases
        if status == 127:
            self.fail("run", "it is not in the test machine, or will not load")
        elif status is not None and status >= 128:
            self.cut_short = True
            why = ("timed out" if status == 137
                   else f"died of signal {status - 128}")
            self.fail("run", f"{why} after {self.seconds:.0f} s",
                      self.reader.notes)
        self.judge_splat()
        return cases

    def judge_splat(self):
        if self.splat:
            self.fail("kernel log", self.splat[0], self.splat)

    def count(self, status):
        return sum(case.status == status for case in self.cases)


class Batch:
    """The programs for one kernel (and one kind of machine)."""

    def __init__(self, kernel, programs, log, done, *, suites=None,
                 demo=False, hardware=()):
        self.kernel = kernel
        self.suites = suites
        self.demo = demo
        self.log = log
        self.done = done                # called with each settled Result
        self.hardware = dict(hardware)
        self.scale = (SLOWER[kernel] *
                      float(os.environ.get("TIMEOUT_SCALE") or 1))
        self.programs = {p.name: p for p in programs}
        self.left = self.plan()
        self.machine = None             # Result of the boot and between programs
        self.job_side = self.kernel_side = None
        self.results = {}
        self.booted = False             # at least once
        self.once_more = False          # one start that hung was repeated
        self.up = False                 # this boot started the job
        self.finished = False           # the job has ended
        self.deadline = 0.0
        self.begin = time.monotonic()

    # --- the plan ----------------------------------------------------------

    def plan(self):
        """The steps of the job, in order: (name, shell line)."""
        steps = []
        if self.suites:
            steps.append((self.suites, f"run_kunit {self.suites}"))
        if self.demo:
            steps.append(("demo", f"run_demo {DEMO * self.scale:.0f}"))
        for program in self.programs.values():
            seconds = program.timeout * self.scale
            steps.append((program.name,
                          f"run_test {seconds:.0f} {program.name}"))
        steps.append(("unload", "unload"))
        # two long scans: not for the few programs with another CPU
        if self.kernel == "debug" and not self.hardware:
            steps.append(("leaks", "leak_check"))
        return steps

    def job(self):
        return "\n".join([". /vm/batch.sh", *(s[1] for s in self.left)]) + "\n"

    def budget(self, name):
        """Seconds after which the machine counts as hung in a step."""
        program = self.programs.get(name)
        seconds = DEMO if name == "demo" else 60
        return (program.timeout if program else seconds) * self.scale + 30

    # --- the marks ---------------------------------------------------------

    def result(self, name):
        if name not in self.results:
            reader = kunit.Reader() if name == self.suites else None
            self.results[name] = Result(name, reader)
        return self.results[name]

    def extend(self, seconds):
        self.deadline = time.monotonic() + seconds

    def on_mark(self, kernel, words):
        """A mark, from the job or from the kernel's log."""
        if words[0] == "start":
            current = self.result(words[1])
            if kernel:
                self.kernel_side = current
            else:
                self.job_side = current
                current.started = time.monotonic()
                self.extend(self.budget(words[1]))
        elif words[0] == "end":
            current = self.result(words[1])
            current.ended[kernel] = True
            if kernel:
                self.kernel_side = None
            else:
                current.status = int(words[2])
                current.seconds = time.monotonic() - current.started
                self.job_side = None
                self.extend(60)
        elif words[0] == "exit":
            self.finished = True
            self.extend(30)

    def on_line(self, line):
        self.log.write(f"{time.monotonic() - self.begin:6.1f} "
                       f"{'K' if line.kernel else ' '} {line.text}\n")
        if line.kernel:
            self.on_kernel_line(TIMESTAMP.sub("", line.text))
        elif line.mark and line.mark.startswith("boot "):
            self.on_boot(line.mark[5:])
        elif line.mark:
            self.on_mark(False, line.mark.split())
        elif self.job_side:
            self.job_side.reader.feed(line.text)

    def on_kernel_line(self, text):
        if text.startswith("svmvcpu-vm: "):
            self.on_mark(True, text.split()[1:])
            return
        current = self.kernel_side or self.machine
        if current.splat or is_splat(text):
            # entries with a question mark may be no callers
            if len(current.splat) < SPLAT_LINES and text[:3] != " ? ":
                current.splat.append(text)
        elif current.name == self.suites:
            current.reader.feed(text)

    def on_boot(self, verdict):
        boot = self.machine
        boot.seconds = time.monotonic() - boot.started
        self.up = True
        if verdict == "ok":
            self.report_first_boot(boot.seconds)
        else:
            boot.fail("boot", verdict)
            raise Unfit
        self.extend(60)

    def report_first_boot(self, seconds):
        if not self.booted:
            first = Result("boot")
            first.seconds = seconds
            first.cases.append(tap.Case("SVM and svmvcpu.ko", "pass"))
            self.done(first)
        self.booted = True

    # --- running -----------------------------------------------------------

    def settle(self, name):
        """Judge and report a step that is over."""
        result = self.results.pop(name)
        result.judge()
        self.left = [step for step in self.left if step[0] != name]
        self.done(result)
        return result

    def settle_finished(self):
        """True if there was a splat, after which a new machine is needed."""
        over = [n for n, r in self.results.items() if all(r.ended)]
        splats = [self.settle(name).splat for name in over]
        return any(splats) or bool(over and self.machine.splat)

    def interrupted(self, reason):
        """The machine is gone: fail the program that was running."""
        victim = self.job_side or self.kernel_side or self.machine
        if victim.started and not victim.seconds:
            victim.seconds = time.monotonic() - victim.started
        victim.cut_short = True
        victim.status = None
        victim.fail("run", reason, victim.reader.notes)
        for name in list(self.results):
            self.settle(name)

    def watch(self, machine):
        with machine:
            for line in machine.lines(lambda: self.deadline):
                if line is not None:
                    self.on_line(line)
                elif self.settle_finished():
                    return
        self.settle_finished()
        if self.results or not self.finished:
            self.interrupted("the machine ended while it ran")

    def forgive(self, machine):
        """Repeat a start that hangs, once, if the emulator is known for it."""
        if self.up or self.once_more or not machine.HANGS_AT_START:
            return False
        self.once_more = True
        late = Result("boot hung, started again")
        late.seconds = time.monotonic() - self.machine.started
        self.done(late)
        return True

    def one_boot(self):
        """Boot and run the remaining steps; False if booting again is no use."""
        before = self.left
        self.finished = self.up = False
        self.job_side = self.kernel_side = None
        self.machine = Result("boot")
        self.machine.started = time.monotonic()
        self.extend(60 * self.scale + 60)
        fit = True
        try:
            machine = machines.make(self.kernel, self.job(), **self.hardware)
            self.watch(machine)
        except TimeoutError:
            if self.forgive(machine):
                return True
            self.interrupted("the machine hangs")
        except Unfit:
            fit = False
        except OSError as error:
            self.machine.fail("boot", str(error))
            fit = False
        self.machine.judge_splat()
        if self.machine.cases:
            self.done(self.machine)
        return fit and self.left != before

    def run(self):
        boots = 0
        while self.left and boots < MAX_BOOTS and self.one_boot():
            boots += 1
        for name, _ in self.left:
            result = Result(name)
            result.fail("run", "did not run: too many restarts, or no boot")
            self.done(result)
