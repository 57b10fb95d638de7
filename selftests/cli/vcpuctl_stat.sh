#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# vcpuctl stat, watching a guest of another process, and vcpuctl run --stats.
# stat_tty.c tests it on a terminal.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 13

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

# $1 a file that gets contents, at the latest after ten seconds
await() {
	tries=0
	while [ ! -s "$1" ] && [ $tries -lt 100 ]; do
		usleep 100000
		tries=$((tries + 1))
	done
}

# sti; mov $0x402,%dx; mov $10,%al; out %al,%dx; jmp .
code ready '\373\272\002\004\260\012\356\353\376'
# mov $5,%al; out %al,$0xf4
code five '\260\005\346\364'

ends "counters at the end" 133 "             1  exit_io         port accesses" run --stats five
ends "also if the report is off" 133 "user_exits" run -q --stats five
ends "counters in JSON" 133 '"exit_io":1,' run -j --stats five
check_equal "none without the option" "$(vcpuctl run -j five | grep -c stats)" 0

ends "no VM to watch" 1 "no virtual machine of svmvcpu found" stat
ends "no such process" 1 "process 999999 does not exist" stat 999999
ends "wrong use of stat" 2 "bad process ID: x" stat x

vcpuctl run ready </dev/null >said 2>err &
pid=$!
await said
ends "another process's VM" 0 " $pid vcpuctl  " stat --once
ends "its counters in JSON" 0 "\"pid\":$pid,\"command\":\"vcpuctl\",\"memory\":{\"faults\":" \
	stat --json $pid
ends "a process without a VM" 1 "found in the process" stat $$
check_equal "rates, until nobody reads them" \
	"$(vcpuctl stat -i 0.1 | grep -m 1 -c 'PER SECOND')" 1
check_equal "a user who may not see it" \
	"$(su -s /bin/sh nobody -c 'vcpuctl stat 2>&1' | grep -c 'run as root')" 1
# the watcher ends with the last VM
vcpuctl stat -i 0.1 >tables 2>watch &
watcher=$!
await tables
kill -TERM $pid
wait $pid
wait $watcher
check_equal "the end of the last VM" "$(cat watch)" \
	"vcpuctl stat: no virtual machine is left"
finish
