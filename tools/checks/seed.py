#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Documentation/seed.rst names code, tests and reasons that exist.

``file:name``      name is a word in file, of any folder of module/ unless file has a
                   slash
``program.test``   a TEST_F of selftests/AREA/NAME.c, program being AREA_NAME, or a
                   KUNIT_CASE of program.c in any folder of module/
``a/path``         exists
*phrase*           stands in Documentation/design.rst

Each row needs a test, and each of S1 to S30 a row.
"""

import re
import sys
from functools import lru_cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DEFECTS = 30


@lru_cache(None)
def text(path):
    path = TOP / path
    return path.read_text(encoding="utf-8") if path.is_file() else None


def squeezed(string):
    return " ".join(string.split())


def module_text(name):
    texts = [text(path) for path in (TOP / "module").rglob(name)]
    return "\n".join(texts) if texts else None


def code_exists(ref):
    path, name = ref.split(":")
    source = text(path) if "/" in path else module_text(path)
    return source is not None and re.search(rf"\b{re.escape(name)}\b", source)


def test_exists(ref):
    program, test = ref.split(".")
    source = text(f"selftests/{program.replace('_', '/', 1)}.c")
    if source is not None:
        return re.search(rf"^TEST\w*\((?:\w+, )?{test}[,)]", source, re.M)
    source = module_text(f"{program}.c")
    return source is not None and f"KUNIT_CASE({test})" in source


def is_test(ref):
    return bool(re.fullmatch(r"\w+\.[a-z]\w+", ref)) and not re.search(r"\.(c|h|sh|rst)$", ref)


def check(ref):
    """None when the reference is good, otherwise what is wrong with it."""
    if ":" in ref:
        return None if code_exists(ref) else "no such name in the code"
    if is_test(ref):
        return None if test_exists(ref) else "no such test"
    if "/" in ref:
        return None if (TOP / ref).exists() else "no such file"
    return None


def rows(doc):
    """Cells of each row of the tables but their heads."""
    for row in re.split(r"^   \* - ", doc, flags=re.M)[1:]:
        cells = re.split(r"^     - ", re.split(r"\n(?=\S)", row)[0], flags=re.M)
        if cells[0].strip() != "the seed":
            yield [squeezed(cell) for cell in cells]


def row_errors(cells):
    if len(cells) != 3 or not all(cells):
        return [f"not three cells: {cells[0]}"]
    tests = re.findall(r"``([^`]+)``", cells[2])
    if not any(is_test(ref) for ref in tests):
        return [f"no test: {cells[0]}"]
    return [f"not a test: {ref}" for ref in tests if not is_test(ref) and "/" not in ref]


def main():
    doc = text("Documentation/seed.rst")
    design = squeezed(text("Documentation/design.rst"))
    errors = []
    for ref in re.findall(r"``([^`]+)``", doc):
        wrong = check(ref)
        if wrong:
            errors.append(f"{wrong}: {ref}")
    defects = set()
    for cells in rows(doc):
        errors += row_errors(cells)
        defects.update(re.findall(r"^S\d+\b", cells[0]))
        for phrase in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", cells[1] if len(cells) > 1 else ""):
            if squeezed(phrase) not in design:
                errors.append(f"not in design.rst: {phrase}")
    errors += [f"no row for S{n}" for n in range(1, DEFECTS + 1) if f"S{n}" not in defects]
    if errors:
        sys.exit("\n".join(f"Documentation/seed.rst: {error}" for error in errors))


main()
