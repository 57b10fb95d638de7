# SPDX-License-Identifier: GPL-2.0-only
"""The test machine that is QEMU TCG.

Environment: QEMU, QEMU_CPU, QEMU_SMP, QEMU_MEM and QEMU_ACCEL override the defaults
below; QEMU_ARGS adds arguments.
"""

import os
import shlex

import vm

# One thread for all CPUs: with a thread each, QEMU loses updates of CPU 0's
# nested-paging flag (see Documentation/testing.rst)
ACCEL = "tcg,thread=single"
CPU = "EPYC,+svm,+npt"
SMP = "2"
MEM = "1G"

# tsc_early_khz: on a busy host the kernel's calibration against the PIT can fail.
# secretmem: for memfd_secret(), which is off by default in 6.1.
WORDS = "tsc_early_khz=2600000 secretmem.enable=1"

# The debug kernel is slow: it runs without return thunks (the stock kernel has them),
# with less memory for kmemleak to scan, and without ACPI methods for empty slots.
LEAN = {
    "append": "spec_rstack_overflow=off retbleed=off",
    "mem": "640M",
    "qemu_args": ("-global", "PIIX4_PM.acpi-root-pci-hotplug=off", "-global",
                  "PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"),
}


class Qemu(vm.Machine):
    """Ends by itself, as panics and resets do not start it again."""

    def __init__(self, kernel, job=None, *, cpu=None, smp=None, mem=None,
                 accel=None, append="", qemu=None, qemu_args=(),
                 archive=None):
        lean = LEAN if kernel == "debug" else {}
        super().__init__(kernel, job,
                         f"{WORDS} {lean.get('append', '')} {append}", archive)
        env = os.environ.get
        self.hardware = [
            qemu or env("QEMU") or "qemu-system-x86_64",
            "-accel", accel or env("QEMU_ACCEL") or ACCEL,
            "-cpu", cpu or env("QEMU_CPU") or CPU,
            "-smp", smp or env("QEMU_SMP") or SMP,
            "-m", mem or env("QEMU_MEM") or lean.get("mem", MEM),
            "-no-reboot", "-nodefaults", "-display", "none",
            *lean.get("qemu_args", ()),
            *shlex.split(env("QEMU_ARGS") or ""), *qemu_args]

    def command(self, serial):
        """serial: the files behind ttyS0 and ttyS1; none: the terminal."""
        lines = [] if serial else ["-serial", "mon:stdio"]
        for number, path in enumerate(serial):
            lines += ["-chardev", f"file,id=com{number},path={path}",
                      "-serial", f"chardev:com{number}"]
        return self.hardware + [
            "-kernel", self.kernel, "-initrd", self.initrd.name,
            "-append", self.cmdline, *lines]

    def worth_saying(self, complaint):
        """Omit features that TCG lacks."""
        return "TCG doesn't support requested feature" not in complaint

    def interactive(self):
        """Hand the terminal over; returns QEMU's exit status."""
        self.start([])
        return self.process.wait()
