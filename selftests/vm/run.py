# SPDX-License-Identifier: GPL-2.0-only
"""One command in the test machine, or a shell; see run.sh --help."""

import argparse
import shlex
import sys
import time

import bochs
import machines
import qemu


def arguments():
    parser = argparse.ArgumentParser(
        prog="run.sh", description="Boot the test machine, run one shell "
        "command line in it and print all that the machine says. The exit "
        "status is the command's; 124 after a time-out, 125 if the machine "
        "ended early. Without a command: an interactive shell.")
    parser.add_argument("--kernel", default="stock",
                        choices=tuple(machines.KERNELS),
                        help="default stock; bochs boots in Bochs")
    parser.add_argument("--emulator", choices=tuple(machines.EMULATORS),
                        help="another than the kernel's own")
    parser.add_argument("--smp", help=f"default {qemu.SMP}; "
                        f"in Bochs {bochs.SMP}")
    parser.add_argument("--mem", help=f"default {qemu.MEM}; "
                        f"in Bochs {bochs.MEM}, MiB without a unit")
    parser.add_argument("--cpu", help=f"default {qemu.CPU}")
    parser.add_argument("--accel", help=f"default {qemu.ACCEL}")
    parser.add_argument("--qemu", help="the QEMU to use (or QEMU=)")
    parser.add_argument("--qemu-args", default=(), metavar="ARGS",
                        type=shlex.split,
                        help="more arguments for it, e.g. "
                        "'-icount shift=0,sleep=off'")
    parser.add_argument("--append", default="", metavar="WORDS",
                        help="more words for the kernel's command line")
    parser.add_argument("--archive", metavar="NAME",
                        help="also unpack build/KERNEL/NAME.cpio")
    parser.add_argument("--no-module", action="store_true",
                        help="do not load svmvcpu.ko")
    parser.add_argument("--no-build", action="store_true",
                        help="pack what there is, build nothing")
    parser.add_argument("--timeout", type=float, default=300,
                        help="seconds, default 300")
    parser.add_argument("--quiet", action="store_true",
                        help="do not print the kernel's log")
    parser.add_argument("command", nargs="*")
    return parser.parse_args()


def run(machine, args):
    """Print what comes; return the job's exit status."""
    end = time.monotonic() + args.timeout
    status = 125
    with machine:
        try:
            for line in machine.lines(lambda: end):
                if line is None:
                    continue
                if line.mark is None:
                    if not (line.kernel and args.quiet):
                        print(line.text, flush=True)
                elif line.mark.startswith("boot ") and line.mark[5:] != "ok":
                    print("***", line.mark[5:], flush=True)
                elif line.mark.startswith("exit "):
                    status = int(line.mark[5:])
                    end = time.monotonic() + 15
        except TimeoutError:
            if status == 125:
                print(f"*** no end after {args.timeout:g} seconds")
                status = 124
            else:
                print("*** the machine does not power off")
    return status


def hardware(args):
    """What was asked for; an emulator knows only some of it."""
    names = ("cpu", "smp", "mem", "accel", "qemu", "qemu_args", "append",
             "archive")
    return {name: value for name in names
            if (value := getattr(args, name))}


def main():
    args = arguments()
    if args.no_module:
        args.append += " svmvcpu.nomodule"
    job = " ".join(args.command) + "\n" if args.command else None
    try:
        machine = machines.make(args.kernel, job, args.emulator,
                                **hardware(args))
    except TypeError as unknown:
        sys.exit(f"not with this emulator: {unknown}")
    if job:
        return run(machine, args)
    if not hasattr(machine, "interactive"):
        sys.exit("this emulator has no terminal: give a command")
    return machine.interactive()


if __name__ == "__main__":
    sys.exit(main())
