#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""No folder of module/ uses what is above it.

    layers.py BUILD		BUILD has the objects of the module, below module/

The order is that of the table in Documentation/design.rst, section "Folders", which
lists the highest folder first. Calls are those that the object files show; that an
inline function or a structure comes from above shows in the #include of its header.
"""

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DESIGN = TOP / "Documentation/design.rst"


def layers():
    """Folder -> height; 0 is the lowest. Files of module/ itself are not in it."""
    section = re.search(r"^Folders\n=+\n(.*?)\n\S[^\n]*\n====", DESIGN.read_text(), re.S | re.M)
    names = re.findall(r"^``(\w+)/``", section[1], re.M) if section else []
    if not names:
        sys.exit(f"{DESIGN.name} has no table of folders")
    return {name: height for height, name in enumerate(reversed(names))}


def height_of(path, height):
    """The files beside the folders: main.c is on top of all, the others below."""
    if path.parent.name == "module":
        return len(height) if path.stem in ("main", "kunit_main") else -1
    if path.parent.name not in height:
        sys.exit(f"{path}: folder is not in {DESIGN.name}")
    return height[path.parent.name]


def includes(height):
    for path in sorted((TOP / "module").rglob("*.[ch]")):
        if path.stem.endswith("_test"):
            continue
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            header = TOP / "module" / name
            if header.is_file() and height_of(header, height) > height_of(path, height):
                yield f"{path.relative_to(TOP)} includes {name}"


def symbols(path):
    """(defined, undefined) names of an object file"""
    defined, undefined = set(), set()
    for line in subprocess.run(["nm", path], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U":
            undefined.add(name)
        elif kind in "TDBRVW":
            defined.add(name)
    return defined, undefined


def calls(build, height):
    objects = {path: symbols(path) for path in sorted((build / "module").rglob("*.o"))
               if not path.stem.endswith("_test") and path.stem != "kunit_main"
               and (TOP / "module" / path.relative_to(build / "module").with_suffix(".c")).is_file()}
    if not objects:
        sys.exit(f"{build} has no objects: build the module first")
    home = {name: path for path, (defined, _) in objects.items() for name in defined}
    for path, (_, undefined) in objects.items():
        for name in sorted(undefined & home.keys()):
            if height_of(home[name], height) > height_of(path, height):
                yield (f"{path.relative_to(build)} uses {name}() of "
                       f"{home[name].relative_to(build)}")


def main():
    height = layers()
    errors = list(includes(height)) + list(calls(Path(sys.argv[1]), height))
    if errors:
        sys.exit("\n".join(errors))


main()
