# SPDX-License-Identifier: GPL-2.0-only
"""Reads TAP as kselftest programs and the scripts of this tree print it.

Results must match the plan: those that are missing, surplus or out of order become
failures of their own. kunit.py reads the nested report of KUnit.
"""

import re

RESULT = re.compile(
    r"^(ok|not ok)\s+(\d+)?\s*(?:- )?(.*?)\s*"
    r"(?:#\s*(SKIP|TODO|XFAIL)\b\s*(.*))?$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*SKIP\s*(.*))?\s*$")
RUNNING = re.compile(r"^# +RUN +(\S+) \.\.\.")
KEEP = 30       # lines of diagnostics before a failure


class Case:
    """status is "pass", "fail" or "skip"."""

    def __init__(self, name, status, reason="", detail=()):
        self.name = name
        self.status = status
        self.reason = reason
        self.detail = list(detail)


class Reader:
    """Feed it lines; take the cases after finish()."""

    def __init__(self):
        self.cases = []
        self.plan = None
        self.seen = 0
        self.notes = []
        self.skip_all = None

    def feed(self, text):
        if match := PLAN.match(text):
            self.on_plan(int(match[1]), match[2])
        elif match := RESULT.match(text):
            self.on_result(match)
        elif text.strip():
            self.notes = self.notes[1 - KEEP:] + [text]

    def on_plan(self, count, skipped):
        self.plan = count
        if count == 0 and skipped is not None:
            self.skip_all = skipped or "no reason given"

    def on_result(self, match):
        self.seen += 1
        name = match[3] or self.name_from_notes() or f"case {self.seen}"
        status = "fail" if match[1].lower() == "not ok" else "pass"
        if (match[4] or "").upper() == "SKIP":
            status = "skip"
        detail = self.notes if status == "fail" else ()
        self.cases.append(Case(name, status, match[5] or "", detail))
        if match[2] and int(match[2]) != self.seen:
            self.problem(f"result {match[2]} where {self.seen} is due")
            self.seen = int(match[2])
        self.notes = []

    def name_from_notes(self):
        """kselftest_harness.h omits the name in the line of a skip."""
        runs = filter(None, map(RUNNING.match, reversed(self.notes)))
        return next((match[1] for match in runs), None)

    def problem(self, text):
        self.cases.append(Case("plan", "fail", text))

    def finish(self):
        """Compare with the plan, at the end of the output."""
        if self.plan is None:
            self.problem("no plan (1..N) was printed")
        elif self.plan != self.seen:
            self.problem(f"{self.plan} tests were planned, {self.seen} ran")
        elif not self.cases and self.skip_all is None:
            self.problem("no results were printed")
        if self.skip_all is not None and not self.cases:
            self.cases.append(Case("all", "skip", self.skip_all))
        return self.cases
