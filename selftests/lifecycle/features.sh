#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 120
# kernel: bochs
#
# Code for CPUs without an optional SVM feature, tested on a CPU that has it: the module
# is loaded without the feature, and the programs that depend on it run again. CPUs that
# lack all of these features take this code anyway.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh

# name in "vcpuctl info", SVMVCPU_FEAT_*, programs
features="
nrip:0x1:smoke exits_step events_exception exits_io exits_string exits_msr events_inject
flush-by-asid:0x4:smoke mem_change mem_share exits_cr
pause-filter:0x20:smoke abi_stop apic_timer
"

has() {
	vcpuctl info | grep '^SVM features' | grep -qw -- "$1"
}

# $1 options of the module
reload() {
	rmmod svmvcpu && modprobe svmvcpu ${1:+"$1"}
}

there=
count=0
while IFS=: read -r name mask programs; do
	if [ -n "$name" ] && has "$name"; then
		there="$there$name:$mask:$programs
"
		# shellcheck disable=SC2086 # one each
		set -- $programs
		count=$((count + 1 + $#))
	fi
done <<EOF
$features
EOF

if [ -z "$there" ]; then
	plan 1
	skip "every feature" "this CPU has none of them"
	finish
fi

trap 'reload' EXIT
plan $count
while IFS=: read -r name mask programs; do
	[ -n "$name" ] || continue
	reload "mask_features=$mask"
	check_fails "$name is off" has "$name"
	for program in $programs; do
		check "$program without $name" "/tests/$program"
	done
done <<EOF
$there
EOF
finish
