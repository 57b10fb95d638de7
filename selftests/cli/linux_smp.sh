#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 240
# cost: 50
# kernel: stock
# smp: 1
#
# Debian's kernels with 2, 4 and 8 CPUs under vcpuctl: all are online, and
# smpstress passes on them. For a machine with one CPU; see Documentation/testing.rst.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 22

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

# The sum of a row of /proc/interrupts. $1 row
row() {
	awk -v row="$1:" '$1 == row {
		for (i = 2; $i ~ /^[0-9]+$/; i++)
			sum += $i
		print sum
	}' out
}

# $1 kernel, $2 CPUs, $3 rounds, $4... options
run() {
	kernel=$1 cpus=$2 rounds=$3
	shift 3
	vcpuctl run --cpus "$cpus" --initrd /guests/linux-initrd.cpio --timeout 200 \
		--append "panic=-1 stress=$rounds" --serial-in none "$@" \
		"/guests/$kernel" >raw 2>err
	status=$?
	tr -d '\r' <raw >out
	cat err
}

boot() {
	run "$@"
	check_equal "$kernel powers off" $status 0
	check_equal "$cpus CPUs are online" "$(sed -n 's/^guest: online //p' out)" \
		"0-$((cpus - 1))"
	check_equal "as cores of one package" "$(sed -n 's/^guest: package //p' out)" \
		"0-$((cpus - 1)), core 0"
	check "the stress passes" grep -q "^guest: stress passed" out
	check "no warning, no BUG, no stall" \
		sh -c '! grep -E "WARNING: CPU|BUG:|Oops|stall|unchecked MSR|cut here" out'
	check "TLB shootdowns" test "$(row TLB)" -gt "$rounds"
	check "timer interrupts" test "$(row LOC)" -gt 100
	grep "^guest: stress" out
	sed -n 's/^\[ *\([0-9.]*\)\].*Run \/init.*/# init after \1 s/p' out
}

boot vmlinuz-cloud 2 60 --pin
boot vmlinuz-cloud 4 30
boot vmlinuz 8 16 --stats
check_equal "each CPU has halted and got interrupts" \
	"$(grep -cE '^ *[1-9][0-9]* +(irqs|halts) ' err)" 18
finish
