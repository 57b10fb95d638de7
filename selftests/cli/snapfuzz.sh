#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# emulator: qemu, Bochs: no host interrupt ends a guest that hangs with IF off
#
# The example fuzzer finds the crash and the hang that its guest contains. Runs with the
# same seed are the same: no run affects later ones.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 7

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

# the output without what depends on time
figures() {
	grep -v "per second" "$1"
}

snapfuzz -t 300 -n 2000 /guests/parser.bin >first
check_equal "the exit status reports the crash" $? 3
check "the first input that crashes" grep -q "^crash in run .* input 53" first
check "an input that hangs" grep -q "^hang in run .* input 53" first
check "inputs that are accepted and rejected" \
	grep -qE "^ok [1-9][0-9]*, rejected [1-9][0-9]*, " first
check "executions per second" \
	grep -qE "^2000 executions in .* [1-9][0-9]* per second" first

snapfuzz -t 300 -n 2000 /guests/parser.bin >second
check_equal "a second execution gives the same result" "$(figures second)" "$(figures first)"

snapfuzz -t 300 -c -n 2000 /guests/parser.bin >third
check_equal "-c stops at the crash, with the same result" "$(grep ^crash third)" "$(grep ^crash first)"
grep "per second" first | sed 's/^/# /'
finish
