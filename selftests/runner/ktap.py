# SPDX-License-Identifier: GPL-2.0-only
"""Reads TAP and KTAP, as kselftest programs, KUnit and our scripts print it.

A test program is believed only as far as its plan: results that are missing,
surplus or out of order become failures of their own.
"""

import re

RESULT = re.compile(
    r"^( *)(ok|not ok)\s+(\d+)?\s*(?:- )?(.*?)\s*"
    r"(?:#\s*(SKIP|TODO|XFAIL)\b\s*(.*))?$", re.IGNORECASE)
PLAN = re.compile(r"^( *)1\.\.(\d+)(?:\s*#\s*SKIP\s*(.*))?\s*$")
SUBTEST = re.compile(r"^( *)# Subtest: (.*\S)")
RUNNING = re.compile(r"^# +RUN +(\S+) \.\.\.")
KEEP = 30       # lines of diagnostics before a failure


class Case:
    """status is "pass", "fail" or "skip"."""

    def __init__(self, name, status, reason="", detail=()):
        self.name = name
        self.status = status
        self.reason = reason
        self.detail = list(detail)


class Level:
    """One nesting depth of results."""

    def __init__(self, name=""):
        self.name = name
        self.plan = None
        self.seen = 0
        self.leaves = 0         # results below, since the last one here


class Reader:
    """Feed it lines; take the cases after finish()."""

    def __init__(self):
        self.cases = []
        self.levels = {0: Level()}
        self.notes = []
        self.skip_all = None

    def feed(self, text):
        if match := SUBTEST.match(text):
            self.level(len(match[1])).name = match[2]
        elif match := PLAN.match(text):
            self.on_plan(len(match[1]), int(match[2]), match[3])
        elif match := RESULT.match(text):
            self.on_result(match)
        elif text.strip():
            self.notes = self.notes[1 - KEEP:] + [text]

    def level(self, depth):
        return self.levels.setdefault(depth, Level())

    def on_plan(self, depth, count, skipped):
        self.level(depth).plan = count
        if count == 0 and depth == 0 and skipped is not None:
            self.skip_all = skipped or "no reason given"

    def on_result(self, match):
        depth, number = len(match[1]), match[3]
        self.close_deeper(depth)
        level = self.level(depth)
        level.seen += 1
        name = match[4] or self.name_from_notes() or f"case {level.seen}"
        # a summary of results that were counted one by one
        summary, level.leaves = level.leaves, 0
        bad = match[2].lower() == "not ok"
        if not summary or (bad and not self.failed_since(summary)):
            self.add(depth, name, match)
        if number and int(number) != level.seen:
            self.problem(depth, f"result {number} where {level.seen} is due")
            level.seen = int(number)
        self.notes = []

    def name_from_notes(self):
        """kselftest_harness.h leaves the name out of a skip's line."""
        runs = filter(None, map(RUNNING.match, reversed(self.notes)))
        return next((match[1] for match in runs), None)

    def failed_since(self, count):
        return any(c.status == "fail" for c in self.cases[-count:])

    def add(self, depth, name, match):
        directive = (match[5] or "").upper()
        status = "fail" if match[2].lower() == "not ok" else "pass"
        if directive == "SKIP":
            status = "skip"
        names = [self.levels[d].name for d in sorted(self.levels)
                 if d <= depth and self.levels[d].name]
        detail = self.notes if status == "fail" else ()
        self.cases.append(Case(": ".join(names + [name]), status,
                               match[6] or "", detail))
        for d in self.levels:
            if d < depth:
                self.levels[d].leaves += 1

    def problem(self, depth, text):
        name = self.level(depth).name or "plan"
        self.cases.append(Case(name, "fail", text))

    def close_deeper(self, depth):
        """The results indented deeper belong to the one that comes now."""
        for d in sorted((d for d in self.levels if d > depth), reverse=True):
            self.check_plan(d)
            del self.levels[d]

    def check_plan(self, depth):
        level = self.levels[depth]
        if level.plan is not None and level.plan != level.seen:
            self.problem(depth, f"{level.plan} tests were planned, "
                         f"{level.seen} ran")

    def finish(self, need_plan=True):
        """All is said. need_plan: KUnit modules announce no number of
        suites, but everything else has to."""
        self.close_deeper(0)
        self.check_plan(0)
        if need_plan and self.levels[0].plan is None:
            self.problem(0, "no plan (1..N) was printed")
        elif not self.cases and self.skip_all is None:
            self.problem(0, "no results were printed")
        if self.skip_all is not None and not self.cases:
            self.cases.append(Case("all", "skip", self.skip_all))
        return self.cases
