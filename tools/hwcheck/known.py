#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the table known-results from the logs of "make check".

What QEMU's stock kernel and Bochs made of each program written in C: whether it
was run, and the result of the cases that did not pass in both.
svmvcpu-hwcheck compares a host with it. A failure is no known result: with one
in the logs nothing is written.

    tools/hwcheck/known.py [--logs build/logs]
"""

import argparse
import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(TOP, "selftests/runner"))

import tap  # noqa: E402 pylint: disable=wrong-import-position
from programs import sources  # noqa: E402 pylint: disable=wrong-import-position

LINE = re.compile(r"^ *[\d.]+ ([K ]) ?(.*)$")
EMULATORS = {"QEMU": "stock", "Bochs": "bochs"}
HEAD = """# SPDX-License-Identifier: GPL-2.0-only
#
# Written by tools/hwcheck/known.py from the logs of "make check".
#
#	PROGRAM QEMU BOCHS		"run", or "-": it is not run there
#	PROGRAM CASE QEMU BOCHS		of a case that both do not pass
"""


def read_log(path, results):
    """Add {program: {case: status}} of one machine's log."""
    reader = name = None
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            match = LINE.match(line.rstrip("\n"))
            if not match or match[1] == "K":
                continue
            text = match[2]
            if text.startswith("\036start "):
                name, reader = text.split()[1], tap.Reader()
            elif text.startswith("\036end ") and reader:
                results[name] = {case.name: case.status
                                 for case in reader.finish()}
                reader = None
            elif reader:
                reader.feed(text)


def read_logs(directory, kernel):
    results = {}
    for path in sorted(glob.glob(os.path.join(directory, f"{kernel}*.log"))):
        read_log(path, results)
    return results


def failures(results):
    return [f"{program}: {case}" for program in sources(".c")
            for case, status in results.get(program, {}).items()
            if status == "fail"]


def rows(name, sides):
    """The lines of one program."""
    cases = [side.get(name) for side in sides]
    yield " ".join([name] + ["-" if c is None else "run" for c in cases])
    for case in sorted(set().union(*(c or {} for c in cases))):
        values = ["-" if c is None else c.get(case, "-") for c in cases]
        if set(values) - {"pass", "-"} or "-" in [
                v for v, c in zip(values, cases) if c is not None]:
            yield " ".join([name, case, *values])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", default=os.path.join(TOP, "build/logs"))
    args = parser.parse_args()
    sides = [read_logs(args.logs, kernel) for kernel in EMULATORS.values()]
    for emulator, side in zip(EMULATORS, sides):
        if not side:
            sys.exit(f"no logs of {emulator} in {args.logs}: run "
                     "\"make check\"")
        if bad := failures(side):
            sys.exit(f"{emulator}: these failed: {', '.join(bad)}")
    names = [name for name in sources(".c") if any(name in s for s in sides)]
    with open(os.path.join(HERE, "known-results"), "w",
              encoding="utf-8") as table:
        table.write(HEAD + "\n")
        for name in names:
            table.writelines(line + "\n" for line in rows(name, sides))
    return 0


if __name__ == "__main__":
    sys.exit(main())
