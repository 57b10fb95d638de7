#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# cost: 12
# kernel: stock
#
# The kvm_* programs on KVM itself: what they expect of libsvmvcpu-kvm is what KVM does.
# KVM has SVM from the time that its module is loaded, so it is removed at the end.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh

programs="api irq memory run state"

plan 6
modprobe kvm_amd
for program in $programs; do
	check "$program" env KVM_CLIENT=kvm "/tests/kvm_$program"
done
check "KVM is not used any more" rmmod kvm_amd
finish
