#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The tables of ioctls and capabilities in kvm.rst and svmvcpu-kvm(1) are those of
libsvmvcpu-kvm.

	kvm.py [--write]	check the documents, or write the tables into them
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
KVM = TOP / "tools/kvm"
RST = TOP / "Documentation/kvm.rst"
MAN = TOP / "Documentation/man/svmvcpu-kvm.1"
FILES = {"device.c": "device", "vm.c": "VM", "vcpu.c": "vCPU"}
STRING = r'((?:"[^"]*"\s*|[A-Z_]+\s*)*)'


def text_of(strings, source):
    """C strings, and macros that stand for one, as text."""
    words = []
    for quoted, macro in re.findall(r'"([^"]*)"|([A-Z_]{4,})', strings):
        if macro:
            found = re.search(rf'#define {macro}\s+"([^"]*)"', source)
            quoted = found[1] if found else ""
        words.append(quoted)
    return "".join(words)


def calls():
    """[(file, ioctl, present, note)]"""
    rows = []
    for name, kind in FILES.items():
        source = (KVM / name).read_text(encoding="utf-8")
        table = source[source.index("_calls[] = {"):]
        for macro, ioctl, rest in re.findall(
                r'\b(CALL|CALL_WITH|ABSENT)\((KVM_\w+),\s*((?:[^()]|\([^()]*\))*)\)', table):
            note = text_of(rest, source) if macro != "CALL" else ""
            rows.append((kind, ioctl, macro != "ABSENT", note))
    return rows


def caps():
    """[(capability, present, note)]"""
    source = (KVM / "caps.c").read_text(encoding="utf-8")
    table = source[source.index("caps[] = {"):]
    rows = []
    for macro, cap, rest in re.findall(
            r'\b(CAP|CAP_BY|CAP_WITH|NO_CAP)\((KVM_CAP_\w+),\s*((?:[^()]|\([^()]*\))*)\)',
            table):
        note = text_of(rest, source) if macro in ("CAP_WITH", "NO_CAP") else ""
        rows.append((cap, macro != "NO_CAP", note))
    return rows


def state(present, note):
    if present:
        return note or "yes"
    return f"absent: {note}"


def rst_table(head, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [head, *rows]:
        lines += [f"   {'-' if column else '* -'} {cell}" if not column else
                  f"     - {cell}" for column, cell in enumerate(row)]
    return "\n".join(lines)


def rst(text):
    text = replace(text, r"\.\. calls begin\n", r"\n\.\. calls end", "\n" + rst_table(
        ("ioctl", "file", "state"),
        [(f"``{name}``", kind, state(present, note))
         for kind, name, present, note in calls()]) + "\n")
    return replace(
        text, r"\.\. capabilities begin\n", r"\n\.\. capabilities end", "\n" + rst_table(
            ("capability", "state"),
            [(f"``{name}``", state(present, note))
             for name, present, note in caps()]) + "\n")


def man_list(rows):
    return "\n".join(f".TP\n.B {name}\n{what}" for name, what in rows)


def man(text):
    text = replace(text, r'\.\\" calls begin\n', r'\n\.\\" calls end', man_list(
        (name, f"{kind}: {state(present, note)}")
        for kind, name, present, note in calls()))
    return replace(text, r'\.\\" capabilities begin\n', r'\n\.\\" capabilities end', man_list(
        (name, state(present, note)) for name, present, note in caps()))


def replace(text, begin, end, new):
    pattern = re.compile(f"({begin}).*?({end})", re.S)
    if not pattern.search(text):
        sys.exit(f"no {begin}")
    return pattern.sub(lambda m: m[1] + new + m[2], text)


def main():
    wrong = []
    for path, make in ((RST, rst), (MAN, man)):
        before = path.read_text(encoding="utf-8")
        after = make(before)
        if before == after:
            continue
        wrong.append(str(path.relative_to(TOP)))
        if "--write" in sys.argv[1:]:
            path.write_text(after, encoding="utf-8")
    if wrong and "--write" not in sys.argv[1:]:
        sys.exit(f"{', '.join(wrong)}: not the tables of tools/kvm; "
                 "run tools/checks/kvm.py --write")


main()
