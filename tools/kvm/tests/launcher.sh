#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Host test: svmvcpu-kvm starts programs, and says which it cannot serve; with the library,
# programs that do not use KVM behave as without.

cd "$(dirname "$0")/../../.." || exit 1
launcher=$PWD/build/tools/svmvcpu-kvm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# $1 name, $2 expected status, $3 expected text, $4... arguments of svmvcpu-kvm
ends() {
	local name=$1 status=$2 text=$3 output rc

	shift 3
	output=$("$launcher" "$@" 2>&1)
	rc=$?
	count=$((count + 1))
	if [ $rc -eq "$status" ] && [[ $output == *"$text"* ]]; then
		echo "ok $count $name"
	else
		failed=1
		printf '%s\n' "status $rc, expected $status; '$text' in:" "$output" |
			sed 's/^/# /'
		echo "not ok $count $name"
	fi
}

env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s DEPS=build "$launcher" \
	build/lib/libsvmvcpu-kvm.so >&2 || exit 1
echo 'int main(void) { return 7; }' >"$work/main.c"
gcc -static -o "$work/static" "$work/main.c" || exit 1
gcc -o "$work/dynamic" "$work/main.c" || exit 1
cp "$work/dynamic" "$work/setuid"
# a group that the caller does not have, whoever it is
chgrp 1 "$work/setuid" 2>/dev/null && chmod g+s "$work/setuid"
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\necho "script $1 $LD_PRELOAD"\n' >"$work/script"
chmod +x "$work/script"

ends "no arguments" 126 "usage: svmvcpu-kvm"
ends "no such program" 127 "not found" /nowhere
ends "nor in PATH" 127 "not found" no-such-program
ends "a program, and its status" 7 "" "$work/dynamic"
ends "arguments and output" 0 "one two" echo one two
ends "a script" 0 "script arg" "$work/script" arg
ends "which inherits the library" 0 "libsvmvcpu-kvm.so" "$work/script"
ends "a static program" 126 "is static" "$work/static"
ends "not an ELF file" 126 "" "$work/main.c"
if [ -g "$work/setuid" ]; then
	ends "a setgid program" 126 "setuid or setgid" "$work/setuid"
else
	count=$((count + 1))
	echo "ok $count a setgid program # SKIP cannot make one"
fi
cp COPYING "$work/copying"
# shellcheck disable=SC2016 # for the inner shell
ends "files, copies of descriptors, children" 0 "same" \
	sh -c 'exec 3<"$1" 4<&3; cat <&4 | cmp - "$1" && echo same' sh "$work/copying"
if [ ! -e /dev/svmvcpu ]; then
	export SVMVCPU_KVM_LOG=1
	ends "without svmvcpu there is no KVM" 1 "cannot open /dev/svmvcpu" cat /dev/kvm
	SVMVCPU_KVM_LOG=1:$work/log
	ends "the log in a file" 1 "No such file" cat /dev/kvm
	SVMVCPU_KVM_LOG=
	ends "or none" 1 "No such file" cat /dev/kvm
else
	ends "opening /dev/kvm opens svmvcpu" 1 "" cat /dev/kvm
fi
echo "1..$count"
exit $failed
