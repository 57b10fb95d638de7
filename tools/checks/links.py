#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links, tables and file names in the documents; needs no network.

Markdown    a link leads to a file of the project, its anchor to a heading of that file;
            each row of a table has as many cells as the head; a code block ends
all         a source file or folder that is named exists. A name is a path from the top,
            the end of a path, or a pattern; AREA and NAME in it stand for any name.
            AREA_NAME.sh is the test program selftests/AREA/NAME.sh
*.rst       a function that is named, with (), occurs in the code, which includes its
            comments; if it is named with its file, as in "FILE (``NAME()``)" or "``NAME()``
            in FILE", it occurs in that file
the map     CONTRIBUTING.md has a row for each folder
figures     the two figures of a row in README.md are those of a row in performance.rst

Sphinx and mandoc check the markup of the other documents.
"""

import fnmatch
import os
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MARKDOWN = ["README.md", "CONTRIBUTING.md"]
# The folders whose own folders have a row each in the map
MAPPED = [".", "module", "selftests", "tools"]
SOURCE = re.compile(r"(?<![\w./*<-])[\w*.][\w./*-]*\.(?:c|h|S|py|sh|inc|rst|md)\b(?!\w|/)")
FOLDER = re.compile(r"(?<=`)[\w.-]+(?:/[\w.-]+)*/(?=`)")
FUNCTION = re.compile(r"\b(\w+)\(\)")
# A function with its file: the file first, or after one or more functions
IN_FILE = re.compile(r"``([\w./]+\.[chS])``[\s(]+(``\w+\(\)``)|"
                     r"((?:``\w+\(\)``(?:,|\s+and)?\s+)+)in\s+``([\w./]+\.[chS])``")
CODE = ["include", "module", "selftests", "tools"]
# Of the kernel, of QEMU, and of a user
FOREIGN_FUNCTIONS = {"exec", "helper_vmrun", "eventfd_signal_allowed",
                     "irq_fpu_usable"}
FOREIGN = {"kselftest_harness.h", "tools/testing/kunit/kunit_parser.py", "entry.S", "my.c"}


def paths():
    """Files of the project, and folders with a slash at the end, from the top."""
    selftests = TOP / "selftests"
    for here, folders, files in os.walk(TOP):
        folders[:] = [name for name in folders if name not in (".git", "build", "__pycache__")]
        for name in files + [folder + "/" for folder in folders]:
            path = Path(here, name)
            yield f"{path.relative_to(TOP)}{'/' * name.endswith('/')}"
            if path.suffix == ".sh" and path.parent.parent == selftests:
                yield f"{path.parent.name}_{name}"


PATHS = list(paths())


def matches(name, doc):
    pattern = os.path.normpath(doc.parent / name) if name.startswith("..") else name
    pattern = re.sub("AREA|NAME", "*", str(pattern))
    return [path for path in PATHS
            if fnmatch.fnmatch(path, pattern) or fnmatch.fnmatch(path, "*/" + pattern)]


def names(doc, text):
    for number, line in enumerate(text.splitlines(), 1):
        for name in SOURCE.findall(line) + FOLDER.findall(line):
            if name not in FOREIGN and not name.startswith("build/") and not matches(name, doc):
                yield number, f"no such file: {name}"


def functions_of(path):
    """Names that are followed by a parenthesis"""
    code = TOP.joinpath(path).read_text(encoding="utf-8", errors="ignore")
    return set(re.findall(r"\b(\w+)\(", code))


def functions(doc, text):
    for match in FUNCTION.finditer(text):
        if match[1] not in FUNCTIONS:
            yield text.count("\n", 0, match.start()) + 1, f"no such function: {match[1]}()"
    for match in IN_FILE.finditer(text):
        file = match[1] or match[4]
        for name in FUNCTION.findall(match[0]):
            if not any(name in functions_of(path) for path in matches(file, doc)):
                number = text.count("\n", 0, match.start()) + 1
                yield number, f"no such function in {file}: {name}()"


def anchors(text):
    """Of the headings, as GitHub and GitLab form them."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.*)", text, re.M):
        yield re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def link_error(target, doc):
    """None if the link is good, otherwise what is wrong with it"""
    path, _, anchor = target.partition("#")
    file = (TOP / doc.parent / path) if path else TOP / doc
    if not file.exists():
        return f"link to a file that does not exist: {target}"
    if anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
        return f"link to a heading that does not exist: {target}"
    return None


def markdown(doc, text):
    code, columns, number = False, None, 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        if code:
            continue
        row = re.sub(r"`[^`]*`|\\\|", "", line).strip()
        if not row.startswith("|"):
            columns = None
        else:
            cells = row.count("|")
            if columns is None:
                columns = cells
            if cells != columns or not row.endswith("|"):
                yield number, "a row of a table has more or fewer cells than the head"
        for target in re.findall(r"\[[^\]]*\]\(([^)\s]*)\)", line):
            if not re.match(r"\w+:", target):
                wrong = link_error(target, doc)
                if wrong:
                    yield number, wrong
        for label in re.findall(r"\[[^\]]*\]\[([^\]]+)\]", line):
            if not re.search(rf"^\[{re.escape(label)}\]: ", text, re.M):
                yield number, f"no definition of the link: {label}"
    if code:
        yield number, "a code block does not end"


def folder_map(doc, text):
    rows = re.findall(r"^\| `([^`]+)/` \|", text, re.M)
    for parent in MAPPED:
        for path in sorted(TOP.joinpath(parent).iterdir()):
            name = str(path.relative_to(TOP))
            if name + "/" in PATHS and name[0] != "." and name not in rows:
                yield 1, f"the map of folders has no row for {name}/"


def figures(text):
    table = TOP.joinpath("Documentation/performance.rst").read_text(encoding="utf-8")
    rows = set(re.findall(r"\s([\d,]+)\s+([\d,]+)(?=\s)", table))
    for number, line in enumerate(text.splitlines(), 1):
        row = re.fullmatch(r"\|[^|]*\| ([\d,]+) \| ([\d,]+) \|", line)
        if row and row.groups() not in rows:
            yield number, f"performance.rst has no row with {row[1]} and {row[2]}"


FUNCTIONS = FOREIGN_FUNCTIONS.union(*(
    functions_of(path) for path in PATHS
    if path.split("/")[0] in CODE and path.endswith((".c", ".h", ".S", ".py", ".sh"))))


def main():
    docs = [*TOP.glob("Documentation/*.rst"), *TOP.glob("Documentation/man/*"),
            *map(TOP.joinpath, MARKDOWN)]
    errors = []
    for path in sorted(docs):
        doc = path.relative_to(TOP)
        text = path.read_text(encoding="utf-8")
        found = list(names(doc, text))
        if path.suffix == ".rst":
            found += functions(doc, text)
        if str(doc) in MARKDOWN:
            found += markdown(doc, text)
        if path.name == "CONTRIBUTING.md":
            found += folder_map(doc, text)
        if path.name == "README.md":
            found += figures(text)
        errors += [f"{doc}:{number}: {what}" for number, what in sorted(found)]
    if errors:
        sys.exit("\n".join(errors))


main()
