#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 300
# cost: 15
# kernel: stock
#
# Debian's own kernels, as they come from their packages, boot under vcpuctl with
# a file system of busybox and selftests/vm/guest-init. What it prints says
# whether its timer, its serial interrupt and its input work. The cloud kernel
# knows no MP tables: it has interrupts by ACPI, and powers off.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 19

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

# the number in a line of the guest; $1 text before it
number() {
	sed -n "s/^guest: .*$1\\([0-9]*\\).*/\\1/p" out | head -n 1
}

# $1 lowest, $2 number, $3 highest
between() {
	[ -n "$2" ] && [ "$2" -ge "$1" ] && [ "$2" -le "$3" ]
}

# The checks notice if vcpuctl has ended by then
trap '' PIPE

# The line is sent when the guest asks for it, while vcpuctl sleeps in the kernel
mkfifo line
vcpuctl run --initrd /guests/linux-initrd.cpio --append panic=-1 /guests/vmlinuz \
	<line >raw 2>err &
pid=$!
exec 3>line
while kill -0 $pid 2>/dev/null && ! grep -q "a line, please" raw; do
	usleep 100000
done
sleep 1
echo "over and out" >&3
wait $pid
status=$?
exec 3>&-
tr -d '\r' <raw >out
cat err

check_equal "the exit status is that of its init" $status 170
check "the version of Linux" \
	grep -q "Linux version 6\.1\..* Debian 6\.1\." out
check "it finds the MP tables" grep -q "found SMP MP-table" out
check "and ACPI, with no complaint" \
	sh -c 'grep -q "ACPI: Interpreter enabled" out && ! grep -E "ACPI.*([Ee]rror|BUG)" out'
check "no warning, no BUG, no refused MSR" \
	sh -c '! grep -E "WARNING: CPU|BUG:|Oops|unchecked MSR|cut here" out'
check "init runs" grep -q "^guest: init runs under Linux 6.1.* on x86_64" out
check_equal "one CPU" "$(number 'cpus ')" 1
for flag in apic x2apic tsc_deadline_timer arat nx lm hypervisor; do
	grep "^guest: cpu flags" out | grep -qw $flag || echo $flag
done >missing
check_equal "flags of features that it needs" "$(cat missing)" ""
check_equal "no flags of features that guests lack" \
	"$(grep "^guest: cpu flags" out | grep -owE "svm|vmx|monitor|mtrr")" ""
check "memory" between 180 "$(number 'memory ')" 256
check "its clock is the TSC" grep -q "^guest: clock source tsc" out
# not less; more on a busy host
check "a second takes a second" between 99 "$(number 'slept ')" 3000
check "by timer interrupts" between 2 "$(number 'hundredths, ')" 100000
check "input that comes while it sleeps" \
	grep -q "^guest: heard 'over and out'" out
check "serial interrupts" between 10 "$(number 'serial interrupts ')" 1000000
check "a write to the exit port ends it" sh -c '! grep -q "still here" out'

# the duration, for information
sed -n 's/^\[ *\([0-9.]*\)\].*Run \/init.*/# init after \1 s/p' out

echo "over and out" >text
vcpuctl run --initrd /guests/linux-initrd.cpio --append "panic=-1 ending=off" \
	--serial-in text /guests/vmlinuz-cloud >raw 2>err
status=$?
tr -d '\r' <raw >out
cat err
check_equal "the cloud kernel powers off" $status 0
check "its init ran" grep -q "^guest: init runs under Linux 6.1.*-cloud-amd64" out
check "it has serial interrupts" \
	between 10 "$(number 'serial interrupts ')" 1000000
sed -n 's/^\[ *\([0-9.]*\)\].*Run \/init.*/# cloud: init after \1 s/p' out
finish
