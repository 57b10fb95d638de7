#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 120
# kernel: debug
#
# Speculation control on an emulator, which lacks it and ignores its MSRs: an option
# makes the module offer it. Only modules built for a kernel with KUnit have the option.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh

# $1 options of the module
reload() {
	rmmod svmvcpu && modprobe svmvcpu ${1:+"$1"}
}

trap 'reload' EXIT
plan 4
reload pretend_spec_ctrl=1
check_equal "the option is set" \
	"$(cat /sys/module/svmvcpu/parameters/pretend_spec_ctrl)" Y
for program in state_spec_ctrl state_save snap_vcpu; do
	check "$program with speculation control, nothing skipped" \
		sh -c "/tests/$program >out && ! grep SKIP out"
done
finish
