#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# cost: 9
# kernel: stock, bochs
#
# The host test insn_native, with the test machine's CPU as the reference: hosts may lack
# 32-bit code or an instruction, the machine does not. The program leaves out what the
# emulator gets wrong; it is told by --bochs, as Bochs looks like a real CPU.

read -r cmdline </proc/cmdline
case $cmdline in
*svmvcpu.bochs*) exec /tests/insn_native --strict --bochs 100 ;;
*) exec /tests/insn_native --strict 400 ;;
esac
