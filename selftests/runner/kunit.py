# SPDX-License-Identifier: GPL-2.0-only
"""Reads the report of KUnit suites with kunit_parser.py of the kernel tree.

The parser prints results, counts errors of the report, and drops the reasons of skips:
this module turns all of that into cases.
"""

import importlib
import io
import os
import re
import sys

import tap
import vm

# Beside the kernel's selftests, which the Makefile links to
PARSER = os.path.join(os.path.realpath(os.path.join(vm.TOP, "build/kselftest")),
                      "../kunit")
# The line that a report starts with; modules do not print it
HEAD = "KTAP version 1"
ERROR = re.compile(r"^\[[\d:]*\] \[ERROR\] Test: (.*)")
SKIPPED = re.compile(r"^\s*ok \d+ (?:- )?(.*) # SKIP\s*(.*)$")


def there():
    """Does the kernel tree have the parser?"""
    return os.path.exists(os.path.join(PARSER, "kunit_parser.py"))


def parse(lines):
    """(the parser's tree of results, errors that it found in the report)."""
    sys.path.append(PARSER)
    try:
        parser = importlib.import_module("kunit_parser")
        printer = importlib.import_module("kunit_printer")
    finally:
        sys.path.remove(PARSER)
    said = io.StringIO()
    parser.stdout = printer.Printer(said)
    root = parser.parse_run_tests([HEAD, *lines])
    errors = map(ERROR.match, said.getvalue().splitlines())
    return root, [match[1] for match in errors if match]


class Reader:
    """The interface of tap.Reader."""

    def __init__(self):
        self.lines = []

    def feed(self, text):
        self.lines.append(text)

    @property
    def notes(self):
        return self.lines[-tap.KEEP:]

    @property
    def cases(self):
        """Cases of the lines so far; missing results are a failure."""
        if not there():
            return [tap.Case("report", "fail", f"no kunit_parser.py in {PARSER}")]
        root, errors = parse(self.lines)
        skips = dict(match.groups() for match in map(SKIPPED.match, self.lines) if match)
        found = []
        for suite in root.subtests:
            self.collect(suite, suite.name, skips, found)
        failed = any(case.status == "fail" for case in found)
        if not failed and (errors or not found):
            found.append(tap.Case("report", "fail", "incomplete report", errors))
        return found

    def collect(self, test, name, skips, found):
        """Append the cases of a test's parts, and its own if it has no parts or fails
        although they pass."""
        first = len(found)
        for part in test.subtests:
            self.collect(part, f"{name}: {part.name}" if part.name else name, skips, found)
        word = test.status.name
        good = word in ("SUCCESS", "SKIPPED")
        if len(found) > first and (good or any(c.status == "fail" for c in found[first:])):
            return
        status = "skip" if word == "SKIPPED" else "pass" if good else "fail"
        reason = skips.get(test.name, "") if status == "skip" else ""
        if word not in ("SUCCESS", "SKIPPED", "FAILURE"):
            reason = word.lower().replace("_", " ")
        found.append(tap.Case(name, status, reason,
                              test.log[-tap.KEEP:] if status == "fail" else ()))

    def finish(self):
        return self.cases
