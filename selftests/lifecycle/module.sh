#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 120
# cost: 5
# kernel: stock, debug
#
# The module's own life: loading and unloading again and again, not while
# anybody has a file of it open, with VMs just gone, and with KVM around. (The
# debug kernel takes a second for each: fewer there.)

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

# A guest between loading and unloading; SVM is still on when it goes.
run_loop() {
	for _ in $(seq "$1"); do
		vcpuctl run -q hlt >/dev/null 2>&1
		[ $? -eq 65 ] || return 1
		rmmod svmvcpu || return 2
		[ ! -e /dev/svmvcpu ] || return 3
		modprobe svmvcpu || return 4
	done
}

# As soon as it has so many references, $1; not for ever
has_refs() {
	for _ in $(seq 200); do
		! test "$(refs)" "$@" || return 0
		usleep 100000
	done
	return 1
}

printf '\364' >hlt
printf '\353\376' >spin

check_equal "nobody holds it at the start" "$(refs)" 0
many=20
[ ! -e /sys/kernel/debug/kmemleak ] || many=6
check "many times out and in" load_loop $many
check "half as many with a guest in between" run_loop $((many / 2))

exec 3<>/dev/svmvcpu
check_equal "an open device is one reference" "$(refs)" 1
check_fails "no unloading while the device is open" rmmod svmvcpu
rmmod svmvcpu 2>err
check "and it says why" grep -qiE "in use|busy|temporarily unavailable" err
exec 3>&-
check_equal "closed, it is free" "$(refs)" 0

vcpuctl run spin </dev/null >/dev/null 2>&1 &
pid=$!
check "a running guest holds it" has_refs -ge 3
check_fails "no unloading under a running guest" rmmod svmvcpu
check "the guest did not notice" kill -0 $pid
kill -KILL $pid
wait $pid 2>/dev/null
check "its death frees the module" has_refs -eq 0
check "right afterwards it unloads" rmmod svmvcpu
check "no device without a module" test ! -e /dev/svmvcpu
modprobe kvm_amd
check "it loads beside kvm_amd" modprobe svmvcpu
vcpuctl run -q hlt >/dev/null 2>&1
check_equal "and runs guests there" $? 65
check "kvm_amd can go first" rmmod kvm_amd kvm
vcpuctl run -q hlt >/dev/null 2>&1
check_equal "guests run without it as well" $? 65
finish
