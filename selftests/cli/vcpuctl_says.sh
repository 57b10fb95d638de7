#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel: stock
#
# Output of vcpuctl: traces, JSON and error messages, which do not depend on the kernel.
# vcpuctl.sh tests everything else.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 27

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

code hlt '\364'
code spin '\353\376'
# mov $0x2000,%ax; mov %ax,%ds; mov 0,%al
code beyond '\270\000\040\216\330\240\000\000'
# mov $0x12345,%ecx; rdmsr; out %al,$0xf4; hlt
code msr '\146\271\105\043\001\000\017\062\346\364\364'
# mov $5,%al; out %al,$0xf4
code five '\260\005\346\364'

ends "info in JSON" 0 '{"usable":true,' info --json
ends "exits" 0 "11  fail-entry" exits
ends "version" 0 "API version 1" --version

ends "and in JSON" 66 '"exception":"#DF","rip":"0x7c' run --json /guests/triple.bin
echo "over and out" >text
vcpuctl run --serial-in text /guests/echo.bin </dev/null >out 2>/dev/null
check_equal "also from a file" "$(cat out)" "over and out"

ends "quiet halt" 65 "" run -q hlt
check_equal "prints nothing" "$(cat out)" ""
ends "exit code" 133 "code 5" run five
ends "unknown MSR ignored" 128 "-> 0" run -Ti msr
ends "bytes at RIP in a dump" 70 "code a0 00 00" run -M 64K beyond

ends "trace" 0 "     2 io out port 0x3f8 width 1 data 0x68 'h' at rip" \
	run -T /guests/hello16.bin
ends "JSON result" 65 '{"type":"result","end":"halt","status":65,' run -j hlt
ends "JSON output" 65 \
	'{"type":"output","port":"serial","text":"vmmcall: answered\n"}' \
	run -j /guests/hello64.elf
ends "JSON trace" 65 '{"type":"exit","nr":1,"vcpu":0,"reason":"halt","rip":"0x7c01"' \
	run -jT hlt

# /dev/vcs2 has what is on the screen of the second virtual terminal
vcpuctl run -t 5 /etc/passwd 2>/dev/tty2 >out
check_equal "a file that is no program runs off" $? 67
check "on a terminal vcpuctl says where it is" \
	grep -q "no device used for 3 seconds.* at rip 0x.* (real, cpl 0)" /dev/vcs2
check "and how to stop it" grep -q "Ctrl-C stops it" /dev/vcs2

head -c 1000000 /guests/vmlinuz >half
ends "half a kernel" 1 "truncated" run half
ends "too little memory for it" 1 "needs memory up to" \
	run --mem 32M /guests/vmlinuz
ends "an initrd for something else" 1 "no bzImage" run --initrd hlt hlt
ends "image beyond memory" 1 "does not fit" run -m prot32 -M 64K hlt
ends "overlap" 1 "overlaps" run hlt -f spin@0x7c00
ends "no such file" 1 "nonexistent: No such file" run nonexistent
ends "wrong usage" 2 "Try 'vcpuctl run --help'" run --mem x hlt
ends "a list after a blank is the image" 2 "the image is 0" run --pin 0 hlt
ends "no port for gdb" 2 "--gdb wants [HOST:]PORT" run --gdb localhost hlt
ends "an address of another host" 1 "--gdb 192.0.2.1:1234: this host has no such address" \
	run --gdb 192.0.2.1:1234 hlt
finish
