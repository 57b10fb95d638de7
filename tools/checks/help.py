#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
""""make help" lists each target of .PHONY in the Makefile, and no other."""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HELP = "selftests/vm/help.txt"


def main():
    makefile = (TOP / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    targets = set(re.search(r"^\.PHONY:(.*)", makefile, re.M)[1].split())
    lines = re.findall(r"^  make (\S+(?:, \S+)*)(?:  |$)",
                       (TOP / HELP).read_text(encoding="utf-8"), re.M)
    listed = {name for line in lines for name in line.split(", ")}
    errors = [f"{HELP}: no line for make {name}" for name in sorted(targets - listed)]
    errors += [f"{HELP}: no such target in .PHONY: {name}" for name in sorted(listed - targets)]
    if errors:
        sys.exit("\n".join(errors))


main()
