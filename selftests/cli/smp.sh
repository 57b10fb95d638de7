#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 120
# kernel: stock
#
# vcpuctl run --cpus: guests with several CPUs, by selftests/guests/cpus.S: how a run ends,
# which CPU ends it, what is printed, and where threads run. linux_smp.sh boots Linux.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 34

dir=$(mktemp -d)
cd "$dir" || exit 1
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$dir"' EXIT

code all '\000'
code exit '\001'
code fault '\002'
code halt '\003'
code nmi '\004'
code spin '\005'
code relay '\006'
code flood '\007'
# mov $0x10,%al; out %al,$0xf4
code one '\260\020\346\364'

# $1 what, $2 status, $3 text, $4 scenario, $5... options
smp() {
	what=$1 status=$2 text=$3 scenario=$4
	shift 4
	ends "$what" "$status" "$text" run --lapic --timeout 60 "$@" \
		--file "$scenario@0x500" /guests/cpus.bin
}

smp "four CPUs" 132 "vCPU 0: the guest ended with code 4" all --cpus 4
check_equal "each prints a line" "$(grep -c '^cpu 0[0-3]$' out)" 4
smp "as many as the module allows" 192 "code 64" all --cpus 64
check_equal "each prints a line" "$(grep '^cpu [0-3][0-9a-f]$' out | sort -u | wc -l)" 64
smp "one CPU" 129 "vcpuctl: the guest ended with code 1" all
smp "exit port of another CPU" 135 "vCPU 1: the guest ended with code 7" exit --cpus 2
smp "triple fault of another CPU" 66 "vCPU 1: the guest triple-faulted" fault --cpus 3
smp "HLT of all CPUs" 65 "vCPU 1: the guest halted" halt --cpus 2
smp "and of some, while others wait for a STARTUP" 65 "vCPU 1: the guest halted" \
	halt --cpus 5
smp "an NMI ends a HLT" 137 "vCPU 1: the guest ended with code 9" nmi --cpus 2
smp "CPU 1 starts CPU 2 when CPU 0 has halted" 139 "vCPU 2: the guest ended with code 11" \
	relay --cpus 3
smp "the time limit" 67 "the time limit" spin --cpus 3 --timeout 0.3
smp "the limit of exits is that of the machine" 68 " 1000 of them to user space" \
	flood --cpus 3 --max-exits 1000

smp "traces name the CPU" 135 " vcpu1 io out port 0xf4" exit --cpus 2 --trace
smp "traces of many CPUs" 136 "" all --cpus 8 --trace
check_equal "are whole lines" "$(grep -vcE \
	'^ *[0-9]+ vcpu[0-7] [a-z-]+ .*|^cpu [0-9a-f]+$|^vcpuctl: vCPU 0: ' out)" 0
smp "JSON names the CPU that ended" 65 ',"vcpu":1,"reason":"halt"' \
	halt --cpus 2 --json
smp "counters" 135 "all vCPUs:" exit --cpus 2 --stats
check_equal "of each CPU" "$(grep -c '^vCPU [01]:$' out)" 2

ends "no CPUs without local APICs" 1 "--cpus 2 needs --lapic" run --cpus 2 one
ends "more than the module allows" 1 "the module allows 64" run --lapic --cpus 65 one
ends "a host CPU that does not exist" 1 "may not use CPU 1000" run --pin=0,1000 one
ends "a list that is none" 2 "--pin wants" run --pin=0- one
ends "one that exists" 144 "code 16" run --pin=0 one

# the signal must not come before the guest runs
vcpuctl run --lapic --cpus 3 --pin=1,0 --file spin@0x500 /guests/cpus.bin \
	</dev/null >said 2>err &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -s said ]; do
	usleep 100000
done
for task in "/proc/$pid/task"/*; do
	echo "$(cat "$task/comm") $(sed -n 's/^Cpus_allowed_list:.//p' "$task/status")"
done | grep '^vcpu[0-9]' | sort >threads
check_equal "threads have names and CPUs" "$(tr '\n' ' ' <threads)" "vcpu0 1 vcpu1 0 vcpu2 1 "
kill -TERM $pid
wait $pid
check_equal "SIGTERM ends all" $? 69
pid=
check "the signal is reported" grep -q "SIGINT or SIGTERM" err

# $1 pattern, $2 lines of gdb's output that have it
says() {
	check_equal "gdb says $1" "$(grep -cE -- "$1" gdb.out)" "$2"
}

# All CPUs stop when CPU 1 triple-faults, and that is said once
if command -v gdb >/dev/null; then
	cat >commands <<-END
	set pagination off
	target remote $dir/socket
	info threads
	continue
	thread
	info threads
	thread 1
	p \$eflags
	continue
	END
	vcpuctl run --lapic --cpus 3 --gdb "$dir/socket" --wait --timeout 60 \
		--file fault@0x500 /guests/cpus.bin </dev/null >out 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null && [ ! -e socket ]; do
		usleep 100000
	done
	timeout -s KILL 60 gdb -q -nx -batch -x commands >gdb.out 2>&1
	wait $pid
	check_equal "the end with a debugger" $? 66
	pid=
	says "^[* ] 3 +Thread 3" 2
	says "^\[Current thread is 2 \(Thread 2\)\]" 1
	says "received signal SIGABRT" 1
	says "^[$]1 = \[" 1
	says "exited with code 0102" 1
	check "CPU 1 ended it" grep -q "vCPU 1: the guest triple-faulted" out
	cat gdb.out
else
	while [ "$tap_count" -lt "$tap_plan" ]; do
		skip "gdb" "there is no gdb in this machine"
	done
fi
finish
