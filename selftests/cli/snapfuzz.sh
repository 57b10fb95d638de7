#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# emulator: qemu, Bochs: no host interrupt ends a guest that hangs with IF off
#
# The example fuzzer finds what is planted in its guest: the crash and the
# hang. With the same seed the same runs come out, which they would not if a run
# left something behind.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 7

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

# without what depends on the time
figures() {
	grep -v "per second" "$1"
}

snapfuzz -t 300 -n 2000 /guests/parser.bin >first
check_equal "it says by its status that there was a crash" $? 3
check "it tells the first input that crashes" grep -q "^crash in run .* input 53" first
check "and one that hangs" grep -q "^hang in run .* input 53" first
check "most inputs come to an end" grep -qE "^ok [1-9][0-9]*, rejected [1-9][0-9]*, " first
check "it tells executions per second" \
	grep -qE "^2000 executions in .* [1-9][0-9]* per second" first

snapfuzz -t 300 -n 2000 /guests/parser.bin >second
check_equal "the same again" "$(figures second)" "$(figures first)"

# found alone, the run comes out as in the middle of others
snapfuzz -t 300 -c -n 2000 /guests/parser.bin >third
check_equal "with -c it stops there" "$(grep ^crash third)" "$(grep ^crash first)"
grep "per second" first | sed 's/^/# /'
finish
