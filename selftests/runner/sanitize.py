# SPDX-License-Identifier: GPL-2.0-only
"""Finds out whether programs built with sanitizers can run on this host.

The address sanitizer reserves terabytes of addresses, and its search for leaks
attaches to the program like a debugger. Either can be refused, by a limit on
addresses (ulimit -v, vm.overcommit_memory=2), by a seccomp filter, by Yama's
ptrace_scope, or because a debugger is attached.
"""

import os
import subprocess

import vm

PROBE = os.path.join("build", "tests", "sanitized")


class Way:
    """A way to build and run the host tests, and what it leaves out."""

    def __init__(self, lacks="", goals=(), **environment):
        self.lacks = lacks
        self.goals = list(goals)        # for make
        self.environment = environment
        self.why = ""                   # why the previous way does not work

    @property
    def env(self):
        return {**os.environ, **self.environment}


WAYS = (
    Way(),
    Way("no search for leaks", ASAN_OPTIONS="detect_leaks=0"),
    Way("the host tests run without sanitizers", ["SANITIZE="]),
)


def complaint(way):
    """Run the probe; returns what is wrong, or "" if it works."""
    done = subprocess.run([os.path.join(vm.TOP, PROBE)], env=way.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    if not done.returncode:
        return ""
    said = done.stdout.strip().splitlines()
    if not said:
        return f"it ended with status {done.returncode}"
    return said[-1].lstrip("=0123456789")       # ==PID==


def choose(ways=WAYS, test=complaint):
    """The first that works; the last always does."""
    why = ""
    for way in ways[:-1]:
        way.why, why = why, test(way)
        if not why:
            return way
    ways[-1].why = why
    return ways[-1]


def prepare():
    """Build the probe and choose a way. If the probe does not build, the tests do not
    either, and their build reports it."""
    built = subprocess.run(["make", "-s", PROBE], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, cwd=vm.TOP, check=False)
    return WAYS[0] if built.returncode else choose()
