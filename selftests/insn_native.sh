#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# kernel: stock, bochs
#
# The host test insn_native once more, with the machine's CPU as the reference: a
# host may lack 32-bit code or an instruction, the machine may not.

read -r cmdline </proc/cmdline
case $cmdline in
*svmvcpu.bochs*) cases=100 ;;
*) cases=400 ;;
esac
exec /tests/insn_native --strict $cases
