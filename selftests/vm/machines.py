# SPDX-License-Identifier: GPL-2.0-only
"""Which emulator a kernel is booted in."""

import bochs
import qemu

EMULATORS = {"qemu": qemu.Qemu, "bochs": bochs.Bochs}

# kernel: emulator
KERNELS = {"stock": "qemu", "debug": "qemu", "bochs": "bochs"}


def make(kernel, job, emulator=None, **how):
    return EMULATORS[emulator or KERNELS[kernel]](kernel, job, **how)
