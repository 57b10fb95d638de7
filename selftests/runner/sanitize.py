# SPDX-License-Identifier: GPL-2.0-only
"""How far this host lets programs that are built with sanitizers run.

The address sanitizer reserves terabytes of addresses, and its search for leaks
attaches to the program like a debugger. Either can be refused, by a limit on
addresses (ulimit -v, vm.overcommit_memory=2), by a seccomp filter, by Yama's
ptrace_scope, or because there is a debugger.
"""

import os
import subprocess

import vm

PROBE = os.path.join("build", "tests", "sanitized")


class Way:
    """How the host tests are built and run, and what that leaves out."""

    def __init__(self, lacks="", goals=(), **environment):
        self.lacks = lacks
        self.goals = list(goals)        # for make
        self.environment = environment
        self.why = ""                   # what the way before this one met

    @property
    def env(self):
        return {**os.environ, **self.environment}


WAYS = (
    Way(),
    Way("leaks are not searched for", ASAN_OPTIONS="detect_leaks=0"),
    Way("the host tests run without sanitizers", ["SANITIZE="]),
)


def complaint(way):
    """What is wrong with it, from running the probe; nothing if it works."""
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
    """Build the probe and choose. If it does not build, neither do the tests,
    and their build tells."""
    built = subprocess.run(["make", "-s", PROBE], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, cwd=vm.TOP, check=False)
    return WAYS[0] if built.returncode else choose()
