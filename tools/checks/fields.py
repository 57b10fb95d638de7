#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The tables of exit payloads in Documentation/api.rst, from include/svmvcpu/exit_fields.h.

fields.py --write   puts them in
fields.py           fails when they are not what exit_fields.h says

Both fail when exit_fields.h lacks an exit, a member of its payload or a flag that the ABI
header has, and when api.rst lacks an exit.
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DOC = TOP / "Documentation/api.rst"
TABLE = TOP / "include/svmvcpu/exit_fields.h"
ABI = TOP / "include/uapi/linux/svmvcpu.h"
ANY = "~0U"


def split(args):
    """The arguments of a macro: at commas outside of parentheses and strings"""
    parts, depth, quoted = [""], 0, False
    for char in args:
        quoted ^= char == '"'
        depth += 0 if quoted else (char == "(") - (char == ")")
        if char == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return [" ".join(part.split()) for part in parts]


def rows(array):
    """(format, arguments) of each row of an array in exit_fields.h"""
    text = TABLE.read_text()
    start = text.index(f" {array}[] = {{")
    body = text[start:text.index("\n};", start)]
    for form, args in re.findall(r'^\t([A-Z]+)\((.*?")\),$', body, re.S | re.M):
        yield form, split(args)


def literal(name):
    return f"``{name}``"


def bits(flags):
    return " or ".join(flags.split(" | "))


def when(text):
    """A condition in words"""
    if text == "ALWAYS":
        return "always"
    macro, args = re.fullmatch(r"(\w+)\((.*)\)", text).groups()
    member, *flags = split(args)
    if flags == [ANY]:
        return f"{literal(member)} is {'not 0' if macro == 'WITH' else '0'}"
    words = {"WITH": ["with"], "WITHOUT": ["without"], "WHEN": ["with", "without"]}[macro]
    return ", ".join(f"{word} {bits(flag)}" for word, flag in zip(words, flags))


def cells(form, args):
    """(name, where the ABI has it, when it is there, meaning), and the rows of its elements"""
    meaning = args[-1].strip('"')
    if form == "ANSWER":
        return ("answer", literal("answer"), when(args[1]), meaning), None
    name, member = args[1].strip('"'), literal(args[2])
    if form in ("SET", "CLEAR", "WORD") and args[3] != ANY:
        member = bits(args[3])
        if form == "CLEAR":
            member = f"neither {member.replace(' or ', ' nor ')}"
    if form == "WINDOW":
        member = "the data window"
    if form in ("BYTES", "LIST"):
        member += f", {literal(args[3])}"
    there = "always" if form in ("BYTES", "LIST", "ARRAY") else when(args[-2])
    return (name, member, there, meaning), args[4] if form == "LIST" else None


def table(reason):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    found = [("name", "in ``svmvcpu_run``", "present", "meaning")]
    for form, args in rows("svmvcpu_exit_fields"):
        if args[0] != reason:
            continue
        row, elements = cells(form, args)
        found.append((literal(row[0]), *row[1:]))
        for inner in rows(elements) if elements else ():
            sub = cells(*inner)[0]
            place = re.sub("^``", f"``{args[2]}[].", sub[1])
            found.append((literal(f"{row[0]}[].{sub[0]}"), place, *sub[2:]))
    for row in found:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}".rstrip() for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def reasons():
    """Those with a payload, in order"""
    return list(dict.fromkeys(args[0] for _, args in rows("svmvcpu_exit_fields")))


def described(struct, text):
    """Members of a structure, but those that say nothing on their own"""
    body = re.search(rf"^struct {struct} {{\n(.*?)^}};", text, re.S | re.M)[1]
    for names in re.findall(r"^\t(?:struct )?\w+\s+(.*);", body, re.M):
        for name in names.split(", "):
            if not name.startswith("mbz"):
                yield name.split("[")[0]


def missing():
    """What the header has and exit_fields.h does not"""
    abi, fields = ABI.read_text(), TABLE.read_text()
    union = re.search(r"\n\tunion {\n(.*?)\n\t};", abi, re.S)[1]
    for struct, member in re.findall(r"struct (\w+) (\w+);", union):
        for name in described(struct, abi):
            if not re.search(rf"\b{member}\.{name}\b", fields):
                yield f"{member}.{name}"
        why = re.search(rf"struct {struct} - (.*)", abi)[1]
        for reason in re.findall(r"SVMVCPU_EXIT_(\w+)", why):
            if reason not in reasons():
                yield f"rows for {reason}"
    for name in described("svmvcpu_fault", abi):
        if not re.search(rf"^\t[A-Z]+\(SHUTDOWN, \"\w+\", {name}\b|[ (]{name}, SVMVCPU_", fields,
                         re.M):
            yield f"faults.{name}"
    for flag in re.findall(r"^#define (SVMVCPU_(?:IO|FAULT|EXC)_\w+)\s+\(1U", abi, re.M):
        if not re.search(rf"\b{flag}\b", fields):
            yield flag


def undocumented():
    """Exits without a heading NAME (number)"""
    listed = re.search(r"#define SVMVCPU_EXITS\(X\)(.*?)\n\n", ABI.read_text(), re.S)[1]
    for number, name in re.findall(r"X\((\d+),\s+(\w+),", listed):
        if not re.search(rf"^(.*, )?{name} \({number}\)(, .*)?\n---", DOC.read_text(), re.M):
            yield name


def doubles():
    names = [(args[0], args[1]) for form, args in rows("svmvcpu_exit_fields") if form != "ANSWER"]
    return {" ".join(name) for name in names if names.count(name) > 1}


def main():
    errors = [f"exit_fields.h lacks {what}" for what in missing()]
    errors += [f"exit_fields.h has {what} twice" for what in doubles()]
    errors += [f"api.rst has no section for {what}" for what in undocumented()]
    old = new = DOC.read_text()
    for reason in reasons():
        begin, end = f".. fields of {reason} begin\n", f".. fields of {reason} end\n"
        if new.count(begin) != 1 or end not in new.split(begin)[1]:
            errors.append(f'api.rst lacks ".. fields of {reason} begin" and its end')
            continue
        head, rest = new.split(begin)
        new = f"{head}{begin}\n{table(reason)}\n{end}{rest.split(end, 1)[1]}"
    if sys.argv[1:] == ["--write"]:
        DOC.write_text(new)
    elif old != new:
        errors.append("Documentation/api.rst is not what exit_fields.h says: "
                      "tools/checks/fields.py --write")
    if errors:
        sys.exit("\n".join(errors))


main()
