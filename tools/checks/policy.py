#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The policy tables of Documentation/security.rst, from the code.

policy.py --write   puts them in
policy.py           fails when they are not what the code says
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DOC = TOP / "Documentation/security.rst"


def array(path, name):
    """The initializer of a const array, comments kept out."""
    text = (TOP / path).read_text()
    start = text.index(f" {name}[] = {{")
    body = text[start:text.index("\n};", start)]
    return re.sub(r"/\*.*?\*/", "", body, flags=re.S)


def when(entry):
    if entry.startswith("IF_CPU"):
        return "if the CPU has it"
    if entry.startswith("IF_ASKED"):
        return "when needed"
    return "always"


def entries(body):
    """(name, why, whole entry) of each element that ends in two strings."""
    for entry in re.findall(r"(?:[A-Z_]+\(|\{ ).*?\"(?: \}|\)),", body, flags=re.S):
        strings = re.findall(r'"([^"]*)"', entry)
        name = strings[0] if len(strings) > 1 else re.match(r"\w+\((\w+)", entry).group(1)
        yield name, strings[-1], entry


def table(title, head, rows):
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in [head, *rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


REGISTERS = {"cr4_guest": "CR4", "efer_guest": "EFER", "xcr0": "XCR0", "spec_ctrl": "SPEC_CTRL",
             "has": ""}
GATES = {"GATE_CR4": "cr4_guest", "GATE_EFER": "efer_guest", "GATE_SPEC": "spec_ctrl",
         "GATE_HAS": "has"}
THINGS = {"CPU_HAS_RDTSCP": "RDTSCP", "CPU_HAS_APIC": "the local APIC in the kernel",
          "CPU_HAS_X2APIC": "x2APIC mode", "CPU_HAS_DEADLINE": "TSC-deadline mode"}


def needs(entry):
    """CPU_HAS_* of a row of emulated_msrs, or None"""
    found = re.search(r"CPU_HAS_\w+", entry)
    return found and found[0]


def gated(text):
    """What a gate's initializer names: control bits with their register, or things."""
    fields = re.findall(r"\.(\w+) = ([^,}]+)", text)
    fields += [(GATES[macro], bits) for macro, bits in re.findall(r"(GATE_\w+)\(([^)]*)\)", text)]
    for field, bits in fields:
        for bit in re.findall(r"[A-Z]\w+", bits):
            name = re.sub(r"^(X86_CR4|EFER|XFEATURE_MASK|(AMD_)?SPEC_CTRL)_", "", bit)
            yield THINGS[bit] if field == "has" else f"{REGISTERS[field]}.{name}"


def emulated(body, gates):
    """(MSR, the features of which it needs one, why) of each row of emulated_msrs"""
    rows = re.findall(r'\{ \w+, CPUID_\w+, \d+, \w+,\s+"([^"]+)",\s*(.*?) \},(?=\n|$)', gates,
                      flags=re.S)
    # GATE_SPEC(bits) implies CPU_HAS_SPEC_CTRL.
    rows = [(name, what.replace("GATE_SPEC(", "CPU_HAS_SPEC_CTRL(")) for name, what in rows]
    for name, why, entry in entries(body):
        which = [feature for feature, what in rows
                 if needs(entry) and re.search(rf"\b{needs(entry)}\b", what)]
        yield name, " or ".join(which) or "none", why


def features(body):
    """(feature, bit, what goes with it) of each row of cpuid_gates"""
    row = r'\{ (\w+), CPUID_(\w+), (\d+), \w+,\s+"([^"]+)",\s*(.*?) \},(?=\n|$)'
    for leaf, reg, bit, name, what in re.findall(row, body, flags=re.S):
        leaf = leaf.removeprefix("0x")
        yield name, f"{leaf} {reg} {bit}", ", ".join(gated(what))


def tables():
    rules = entries(array("module/svm/vmcb.c", "intercept_rules"))
    msrs = entries(array("module/svm/permmap.c", "permmap_open_msrs"))
    own = array("module/vcpu/emulated_msr.c", "emulated_msrs")
    gates = array("module/vcpu/cpuid_table.c", "cpuid_gates")
    THINGS.update((needs(entry), f"the {name} MSR") for name, _, entry in entries(own))
    return {
        "intercepts": table("Intercepts", ("name", "set", "reason"),
                            [(n, when(e), w) for n, w, e in rules]),
        "features": table("CPUID features that can be hidden",
                          ("feature", "leaf and bit", "what a vCPU without it lacks"),
                          features(gates)),
        "msrs": table("MSRs that a guest accesses directly", ("name", "why this is safe"),
                      [(n, w) for n, w, _ in msrs]),
        "emulated": table("MSRs that the kernel emulates",
                          ("name", "CPUID feature it needs", "why a guest does not access it"),
                          emulated(own, gates)),
    }


def main():
    old = new = DOC.read_text()
    for name, text in tables().items():
        begin, end = f".. {name} begin\n\n", f"\n.. {name} end\n"
        head, rest = new.split(begin)
        new = head + begin + text + end + rest.split(end)[1]
    if sys.argv[1:] == ["--write"]:
        DOC.write_text(new)
    elif old != new:
        sys.exit("Documentation/security.rst is not what the code says: "
                 "tools/checks/policy.py --write")


main()
