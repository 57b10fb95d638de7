#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 120
#
# vcpuctl from a user's view: the exit status for each way a guest can end, the output
# of the guests in selftests/guests, and real firmware. Small guests are written here
# as bytes. vcpuctl_says.sh tests traces, JSON and error messages.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 33

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

code hlt '\364'
# sti; jmp . (with interrupts on: see guest_thread.h)
code spin '\373\353\376'
# sti; mov $0x402,%dx; mov $10,%al; out %al,%dx; jmp .
# vcpuctl prints whole lines only: an empty one.
code ready '\373\272\002\004\260\012\356\353\376'
# mov $0x2000,%ax; mov %ax,%ds; mov 0,%al
code beyond '\270\000\040\216\330\240\000\000'
# mov $0x2000,%ax; mov %ax,%ds; mov 0,%al; out %al,$0xf4
code ones '\270\000\040\216\330\240\000\000\346\364'
# mov $0x2000,%ax; mov %ax,%ds; xchg %al,0; out %al,$0xf4
code xchg '\270\000\040\216\330\206\006\000\000\346\364'
# mov $0xcf9,%dx; mov $6,%al; out %al,%dx
code reset '\272\371\014\260\006\356'
# mov $0x12345,%ecx; rdmsr; out %al,$0xf4; hlt
code msr '\146\271\105\043\001\000\017\062\346\364\364'
# vector 13: 0000:7c0a, the HLT in msr
code gp '\012\174\000\000'
code ud2 '\017\013'
# mov $0x40,%di; mov $0x510,%dx; mov $4,%cx; rep insb; mov 0x43,%al;
# out %al,$0xf4
code insb '\277\100\000\272\020\005\271\004\000\363\154\240\103\000\346\364'
# movl $1,0xfec00000; mov 0xfec00010,%eax; out %al,$0xf4
code ioapic '\307\005\000\000\300\376\001\000\000\000\241\020\000\300\376\346\364'

# fildl 0xfee00020
code fild '\333\005\040\000\340\376\364'

ends "info" 0 "usable           yes" info

ends "real-mode guest" 0 "hello from real mode" run /guests/hello16.bin
ends "CPUID in the guest" 0 "cpu vendor: " run /guests/hello16.bin
ends "protected-mode guest" 160 "hello from protected mode" \
	run -m prot32 /guests/hello32.bin
ends "its exception" 160 "caught #UD" run -m prot32 /guests/hello32.bin
ends "64-bit guest" 65 "vmmcall: answered" run /guests/hello64.elf
ends "triple fault" 66 "shutdown faults: vector " run /guests/triple.bin
ends "the faults that led to a triple fault" 66 \
	", vector 8 #DF rip 0x7c0c rsp 0x7c00, vector 13 #GP" run /guests/triple.bin
if grep -q svmvcpu.bochs /proc/cmdline; then
	skip "single steps" \
		"Bochs: the trap of an instruction that exits goes to the host"
else
	ends "single steps" 68 "     2 debug cause step dr6 0x4000 linear 0x7c04" \
		run --step --trace --max-exits 4 /guests/triple.bin
fi
ends "a triple fault without its history" 66 "triple-faulted" run --no-faults /guests/triple.bin

echo "over and out" >text
vcpuctl run /guests/echo.bin <text >out 2>/dev/null
check_equal "serial input comes back" "$(cat out)" "over and out"
ends "waiting for serial input" 67 "deadline" run -t 0.3 /guests/echo.bin

ends "halt" 65 "the guest halted" run hlt
ends "reset" 64 "reset" run reset
ends "deadline in a loop without exits" 67 "--timeout" run -t 0.3 spin
ends "memory fault" 70 "memory-fault read gpa 0x20000" run -M 64K beyond
ends "which can be ignored" 255 "mmio read gpa 0x20000 width 1" \
	run -M 64K --trace --unclaimed ignore ones
ends "by any instruction" 255 "gpa 0x20000 insn 86 06" \
	run -M 64K --trace --unclaimed ignore xchg
ends "exception caught" 72 "#UD" run --catch 6 ud2
ends "unknown MSR raises #GP" 65 "-> #GP" run -T msr -f gp@0x34
ends "string input" 255 "rep string count 4 " run -T insb
ends "exits used up" 68 "--max-exits" run -x 5 /guests/hello16.bin

ends "an I/O APIC beside the local APIC" 145 "code 17" \
	run -m prot32 --lapic ioapic
ends "any instruction on both APICs" 170 "code 42" \
	run -m prot32 --lapic -t 60 /guests/apics.bin
ends "an instruction that is not emulated" 70 "not emulated: fild" run -m prot32 --lapic fild
ends "HLT that no interrupt can end" 65 "halted" run --lapic hlt
ends "no APICs without --lapic" 70 "write gpa 0xfec00000" run -m prot32 ioapic

# the signal must not come before the guest runs
vcpuctl run ready </dev/null >said 2>err &
pid=$!
tries=0
while [ ! -s said ] && [ $tries -lt 100 ]; do
	usleep 100000
	tries=$((tries + 1))
done
check "output is not delayed" test -s said
kill -TERM $pid
wait $pid
check_equal "SIGTERM ends a guest that never exits" $? 69
check "the signal is reported" grep -q "SIGINT or SIGTERM" err

ends "firmware banner" 65 "SeaBIOS (version" \
	run --bios /guests/bios-256k.bin -t 100

check_equal "a missing permission is reported" \
	"$(su -s /bin/sh nobody -c 'vcpuctl info' | grep -c 'no permission')" 1
check_equal "the example in the README" "$(minivmm | head -n 1)" "OK"
finish
