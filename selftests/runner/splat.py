# SPDX-License-Identifier: GPL-2.0-only
"""Tells a splat from the other lines of the kernel's log."""

import re

# What the kernel's log must not contain. BUG covers KASAN, lists, atomic sleeps and soft
# lockups; WARNING covers lockdep; the others use neither word.
SPLAT = re.compile(
    r"\b(BUG|WARNING|Oops|UBSAN|KASAN|KCSAN|ODEBUG|INFO: \w)\b"
    r"|(?i:general protection|stack segment:|refcount_t:|kernel panic"
    r"|possible (recursive|circular|irq|deadlock)|inconsistent lock state"
    r"|detected stalls|blocked for more than|unreferenced object"
    r"|sleeping function called|scheduling while atomic|bad page state"
    r"|double fault:|invalid opcode: 0|divide error:|int3: 0|call trace:"
    r"|kmemleak: .*(disabled|pool empty)|leaked percpu memory|soft lockup"
    r"|unchecked MSR access|objects remaining in|bad page map)")

# Lines of a healthy kernel; the case matters
HARMLESS = re.compile(
    r"[Cc]ommand line:|svmvcpu-vm:|Speculative Return Stack Overflow: WARN")


def is_splat(line):
    """Does this line of the kernel's log belong to a splat?"""
    return bool(SPLAT.search(line)) and not HARMLESS.search(line)
