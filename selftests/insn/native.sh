#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# cost: 9
# kernel: stock, bochs
#
# The host test insn_native once more, with the machine's CPU as the reference: a
# host may lack 32-bit code or an instruction, the machine may not. The program
# leaves out what the emulators get wrong; Bochs it cannot tell from a CPU.

read -r cmdline </proc/cmdline
case $cmdline in
*svmvcpu.bochs*) exec /tests/insn_native --strict --bochs 100 ;;
*) exec /tests/insn_native --strict 400 ;;
esac
