# SPDX-License-Identifier: GPL-2.0-only
"""Reads what KUnit suites print, with the kernel tree's own kunit_parser.py.

The parser prints what it finds, counts errors of the report, and keeps no reasons
of skips: this turns all of that into cases.
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
# What comes before the suites of a module: it is not known how many there are
HEAD = "KTAP version 1"
ERROR = re.compile(r"^\[[\d:]*\] \[ERROR\] Test: (.*)")
SKIPPED = re.compile(r"^\s*ok \d+ (?:- )?(.*) # SKIP\s*(.*)$")


def there():
    """Is there a parser?"""
    return os.path.exists(os.path.join(PARSER, "kunit_parser.py"))


def parse(lines):
    """(the parser's tree of results, what it says is wrong with the report)."""
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
        """Of what has come so far; a failure for all that is still missing."""
        if not there():
            return [tap.Case("report", "fail", f"no kunit_parser.py in {PARSER}")]
        root, errors = parse(self.lines)
        skips = dict(match.groups() for match in map(SKIPPED.match, self.lines) if match)
        found = []
        for suite in root.subtests:
            self.collect(suite, suite.name, skips, found)
        failed = any(case.status == "fail" for case in found)
        if not failed and (errors or not found):
            found.append(tap.Case("report", "fail", "it is not complete", errors))
        return found

    def collect(self, test, name, skips, found):
        """Append the case of a test, or those of its parts, and its own if it fails
        by itself."""
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
