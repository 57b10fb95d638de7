#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Host test: the tables of svmvcpu-hwcheck match the test programs."""

import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../..")
sys.path.insert(0, os.path.join(TOP, "selftests/runner"))

from programs import sources  # noqa: E402 pylint: disable=wrong-import-position

HWCHECK = os.path.join(TOP, "tools/hwcheck")
CASE = re.compile(
    r"^TEST(?:_F)?(?:_TIMEOUT|_SIGNAL)?\((?:\w+,\s*)?(\w+)", re.MULTILINE)
FEATURE = re.compile(r"define SVMVCPU_FEAT_(\w+)\s+\(1ULL << (\d+)\)")


def rows(name):
    with open(os.path.join(HWCHECK, name), encoding="utf-8") as table:
        return [line.split() for line in table
                if line.strip() and not line.startswith("#")]


def cases(path):
    with open(path, encoding="utf-8") as source:
        return set(CASE.findall(source.read()))


def has_a_row(there):
    """Each program has a row that says whether a host may run it."""
    return sorted(set(there) - {row[0] for row in rows("programs")
                                if row[0] != "mask"})


def row_has_a_program(there):
    """Each row names a program."""
    return sorted({row[0] for table in ("programs", "known-results")
                   for row in rows(table)} - {"mask"} - set(there))


def masks_are_known(_there):
    """Each mask is the bit of the feature that "vcpuctl info" names so."""
    with open(os.path.join(TOP, "include/uapi/linux/svmvcpu.h"),
              encoding="utf-8") as header:
        known = {(name.lower().replace("_", "-"), 1 << int(bit))
                 for name, bit in FEATURE.findall(header.read())}
    return sorted(f"{row[1]} {row[2]}" for row in rows("programs")
                  if row[0] == "mask" and
                  (row[1], int(row[2], 0)) not in known)


def known_case_exists(there):
    """Each case with a known result is in its program."""
    return sorted(f"{row[0]} {row[1]}" for row in rows("known-results")
                  if len(row) == 4 and row[0] in there and
                  row[1].rpartition(".")[2] not in cases(there[row[0]]))


def default_is_known(_there):
    """The emulators' results of each program that runs by default are known."""
    known = {row[0] for row in rows("known-results") if len(row) == 3}
    return sorted(row[0] for row in rows("programs")
                  if row[1] in ("quick", "host") and row[0] not in known)


def unsafe_is_not_default(_there):
    """No program that tries every port or MSR runs by default."""
    return [" ".join(row[:2]) for row in rows("programs")
            if row[0] in ("isolation_ports", "isolation_msrs") and
            row[1] != "contain"]


def nothing_is_known_to_fail(_there):
    """No emulator's failure is a known result."""
    return [" ".join(row) for row in rows("known-results") if "fail" in row]


TESTS = (has_a_row, row_has_a_program, masks_are_known, known_case_exists,
         default_is_known, unsafe_is_not_default, nothing_is_known_to_fail)


def main():
    there, failed = sources(".c"), 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        wrong = test(there)
        for what in wrong:
            print(f"# {what}: see tools/hwcheck/")
        print(f"{'not ok' if wrong else 'ok'} {number} {test.__name__}")
        failed |= bool(wrong)
    return failed


if __name__ == "__main__":
    sys.exit(main())
