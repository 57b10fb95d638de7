#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 240
# cost: 45
# kernel: stock
# archive: qemu
# mem: 2G
#
# Debian's QEMU, as its package has it, boots Debian's kernel on svmvcpu, with a file system
# of busybox and selftests/vm/guest-init: a q35 machine with SeaBIOS, ACPI, and local APICs
# in the kernel.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 10

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT
# The checks notice if QEMU has ended by then
trap '' PIPE

# the number in a line of the guest; $1 text before it
number() {
	sed -n "s/^guest: .*$1\\([0-9]*\\).*/\\1/p" out | head -n 1
}

# The line is sent when the guest asks for it, and again: Linux drops input that arrives before
# the process has opened the port.
mkfifo line
SVMVCPU_KVM_LOG=1:$dir/log svmvcpu-kvm qemu-system-x86_64 \
	-L /usr/share/seabios -L /usr/share/qemu \
	-machine q35,accel=kvm,kernel-irqchip=split -cpu host -m 256 -nodefaults \
	-display none -no-reboot -serial stdio -kernel /guests/vmlinuz \
	-initrd /guests/linux-initrd.cpio -append "console=ttyS0 panic=-1 ending=off" \
	<line >raw 2>err &
pid=$!
exec 3>line
while kill -0 $pid 2>/dev/null && ! grep -q "a line, please" raw; do
	usleep 100000
done
while kill -0 $pid 2>/dev/null && ! grep -q "heard" raw; do
	echo "over and out" >&3
	usleep 500000
done
wait $pid
status=$?
exec 3>&-
tr -d '\r' <raw >out
cat err

check_equal "QEMU ends when the guest powers off" $status 0
check "Linux finds KVM" grep -q "Hypervisor detected: KVM" out
check "ACPI works" grep -q "ACPI: Interpreter enabled" out
check "no warning, no BUG, no refused MSR" \
	sh -c '! grep -E "WARNING: CPU|BUG:|Oops|unchecked MSR|cut here" out'
check "init runs" grep -q "^guest: init runs under Linux 6.1.* on x86_64" out
check_equal "one CPU" "$(number 'cpus ')" 1
check "a second takes a second" test "$(number 'slept ')" -ge 99
check "the timer interrupts" test "$(number 'hundredths, ')" -gt 0
check "serial input arrives" grep -q "^guest: heard 'over and out'" out
check "so do its interrupts" test "$(number 'serial interrupts ')" -gt 0
tail -n 5 log
finish
