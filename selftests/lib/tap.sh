# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# TAP for the test programs written in shell (selftests/*.sh):
#
#	. /vm/tap.sh
#	plan 2
#	check "the device is there" test -c /dev/svmvcpu
#	check_fails "nobody may open it" su nobody -c ': </dev/svmvcpu'
#	finish

tap_count=0
tap_failed=0

plan() {
	echo "TAP version 13"
	echo "1..$1"
	tap_plan=$1
}

# $1 what, $2... why
fail() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	what=$1
	shift
	[ $# -eq 0 ] || printf '%s\n' "$*" | sed 's/^/# /'
	echo "not ok $tap_count $what"
}

pass() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $1"
}

# $1 what, $2 why not
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $1 # SKIP $2"
}

# $1 what, $2... a command that must succeed; its output is shown if not
check() {
	what=$1
	shift
	if output=$("$@" 2>&1); then
		pass "$what"
	else
		fail "$what" "status $?: $*" "
$output"
	fi
}

# $1 what, $2... a command that must fail, but not of a signal
check_fails() {
	what=$1
	shift
	output=$("$@" 2>&1)
	rc=$?
	if [ $rc -gt 0 ] && [ $rc -lt 128 ]; then
		pass "$what"
	else
		fail "$what" "status $rc: $*" "
$output"
	fi
}

# $1 what, $2 got, $3 expected
check_equal() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got '$2', expected '$3'"
	fi
}

# A guest, as bytes. $1 file, $2 octal escapes
code() {
	# shellcheck disable=SC2059 # the escapes are the point
	printf "$2" >"$1"
}

# $1 what, $2 expected status, $3 text expected in the output or "", $4...
# arguments of vcpuctl
ends() {
	what=$1 status=$2 text=$3
	shift 3
	vcpuctl "$@" </dev/null >out 2>&1
	rc=$?
	if [ $rc -ne "$status" ]; then
		fail "$what" "status $rc, expected $status" "
$(cat out)"
	elif [ -n "$text" ] && ! grep -qF -- "$text" out; then
		fail "$what" "no '$text' in
$(cat out)"
	else
		pass "$what"
	fi
}

finish() {
	[ "$tap_count" -eq "$tap_plan" ] || exit 1
	[ "$tap_failed" -eq 0 ]
	exit
}
