#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 120
# cost: 5
# kernel: stock, debug
#
# Loading and unloading the module: repeatedly, refused while a file of it is open,
# directly after a VM has ended, and together with KVM. (The debug kernel takes a second
# each time, so it does fewer rounds.)

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 17

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"; [ -e /dev/svmvcpu ] || modprobe svmvcpu' EXIT

refs() {
	cat /sys/module/svmvcpu/refcnt
}

# $1 how many times
load_loop() {
	for _ in $(seq "$1"); do
		rmmod svmvcpu && modprobe svmvcpu && [ -c /dev/svmvcpu ] ||
			return 1
	done
}

# Runs a guest between loading and unloading; SVM is still on when the module goes.
run_loop() {
	for _ in $(seq "$1"); do
		vcpuctl run -q hlt >/dev/null 2>&1
		[ $? -eq 65 ] || return 1
		rmmod svmvcpu || return 2
		[ ! -e /dev/svmvcpu ] || return 3
		modprobe svmvcpu || return 4
	done
}

# Waits until the number of references passes the test "$@", for up to 20 seconds
has_refs() {
	for _ in $(seq 200); do
		! test "$(refs)" "$@" || return 0
		usleep 100000
	done
	return 1
}

printf '\364' >hlt
printf '\353\376' >spin

check_equal "no references at the start" "$(refs)" 0
many=20
[ ! -e /sys/kernel/debug/kmemleak ] || many=6
check "unloading and loading, many times" load_loop $many
check "the same with a guest in between" run_loop $((many / 2))

exec 3<>/dev/svmvcpu
check_equal "an open device is one reference" "$(refs)" 1
check_fails "no unloading while the device is open" rmmod svmvcpu
rmmod svmvcpu 2>err
check "the reason is reported" grep -qiE "in use|busy|temporarily unavailable" err
exec 3>&-
check_equal "no reference after close" "$(refs)" 0

vcpuctl run spin </dev/null >/dev/null 2>&1 &
pid=$!
check "a running guest holds references" has_refs -ge 3
check_fails "no unloading under a running guest" rmmod svmvcpu
check "the guest still runs" kill -0 $pid
kill -KILL $pid
wait $pid 2>/dev/null
check "killing it drops the references" has_refs -eq 0
check "unloading directly afterwards" rmmod svmvcpu
check "no device without the module" test ! -e /dev/svmvcpu
modprobe kvm_amd
check "loading beside kvm_amd" modprobe svmvcpu
vcpuctl run -q hlt >/dev/null 2>&1
check_equal "guests run beside kvm_amd" $? 65
check "kvm_amd unloads first" rmmod kvm_amd kvm
vcpuctl run -q hlt >/dev/null 2>&1
check_equal "guests run after kvm_amd is gone" $? 65
finish
