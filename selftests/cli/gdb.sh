#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 180
# cost: 15
# kernel: stock
#
# vcpuctl run --gdb with Debian's gdb: breakpoints, steps, watchpoints, registers, memory,
# Ctrl-C, detach, kill, and connections that break. Packets that gdb would never send are
# a matter of tools/tests/test_gdb.c.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 51

dir=$(mktemp -d)
cd "$dir" || exit 1
vm=
trap '[ -z "$vm" ] || kill -9 $vm 2>/dev/null; rm -rf "$dir"' EXIT

if ! command -v gdb >/dev/null; then
	while [ "$tap_count" -lt "$tap_plan" ]; do
		skip "gdb" "there is no gdb in this machine"
	done
	finish
fi

# until a command succeeds, for a minute at most
await() {
	tries=0
	while ! "$@" >/dev/null 2>&1 && [ $tries -lt 600 ]; do
		usleep 100000
		tries=$((tries + 1))
	done
}

# A guest with a debugger's socket. $@ arguments of vcpuctl run
guest() {
	vcpuctl run --gdb "$dir/socket" "$@" </dev/null >said 2>err &
	vm=$!
	await test -S socket
}

# A guest that runs, with a debugger's port that the kernel chooses
listen() {
	rm -f err
	vcpuctl run --gdb 0 /guests/debuggee.elf </dev/null >said 2>err &
	vm=$!
	await grep -q 127.0.0.1 err
	port=$(sed -n 's/.*127.0.0.1:\([0-9]*\)$/\1/p' err)
}

# Commands from stdin; what gdb says is in $dir/out
debug() {
	{
		echo "set pagination off"
		echo "set confirm off"
		echo "set tcp connect-timeout 30"
		cat
	} >commands
	timeout -s KILL 60 gdb -q -nx -batch -x commands >out 2>&1
}

# $1 what, $2 pattern
says() {
	if grep -qE -- "$2" out; then
		pass "$1"
	else
		fail "$1" "no '$2' in
$(cat out)"
	fi
}

# The value of a print command. $1 what, $2 pattern
prints() {
	says "$1" '^[$][0-9]+ = '"$2\$"
}

# $1 what, $2 status of vcpuctl
ends_with() {
	wait $vm
	check_equal "$1" $? "$2"
	vm=
}

# --- a 64-bit guest with symbols, from its first instruction -----------------

guest --wait /guests/debuggee.elf
debug <<END
file /guests/debuggee.elf
target remote $dir/socket
info threads
info registers rip
set breakpoint always-inserted on
break square
continue
backtrace
x/1xb \$pc
step
print n
finish
stepi
delete
tbreak work if n == 5
continue
print counter
print/x squares
print \$xmm3.v2_double[0]
print \$cr0
print \$efer
print/x \$cs
info registers gdt_limit mxcsr
set var \$r15 = 0x1122334455667788
print/x \$r15
set var \$xmm3.v2_double[1] = 0.25
print \$xmm3.v2_double
set var counter = 1000
print counter
x/i \$pc
delete
set can-use-hw-watchpoints 0
watch counter
continue
delete
next
set var quit = 1
continue
END
says "vCPUs are threads" "^\* 1 +Thread 1 \(vCPU 0\)"
says "it waits at the entry" "^rip +0x2[0-9a-f]+ .*_start"
says "a breakpoint" "^Breakpoint 1, .*square \(n=1\)"
says "backtrace" "^#2 .* guest_main \(\)"
says "the debugger does not see its INT3" "<square\+[0-9]+>:.0x48"
says "finish" "^Value returned is .* = 1"
says "a condition" "^Temporary breakpoint 2, .*work \(n=5\)"
prints "memory" "4"
prints "an array" "\{0x10, 0x1, 0x4, 0x9\}"
prints "an SSE register" "1.5"
prints "CR0" "\[ PE .*PG \]"
prints "EFER" "\[ .*LME LMA .*\]"
prints "a selector" "0x8"
says "descriptor tables" "^gdt_limit +0x"
says "MXCSR" "^mxcsr +0x1f80 +\[ IM DM ZM OM UM PM \]"
prints "a register that is written" "0x1122334455667788"
prints "also of SSE" "\{1.5, 0.25\}"
prints "memory that is written" "1000"
says "the instruction" "^=> 0x2[0-9a-f]+ <work.*>:"
says "a watchpoint in software" "^New value = 1001$"
says "the guest's end" "exited with code 0252\]"
ends_with "which the debugger has caused" 170
check "where to connect to" grep -q "gdb can connect to $dir/socket" err
check_fails "the socket is gone" test -e socket

# --- a guest that runs -------------------------------------------------------

listen
debug <<END
file /guests/debuggee.elf
target remote 127.0.0.1:$port
print counter > 0
set var counter = 0
break work
continue
detach
target remote 127.0.0.1:$port
x/1xb 0x7fffffffffff
END
prints "it stops when gdb connects" "(0|1)"
says "at a breakpoint" "^Breakpoint 1, .*work"
says "an address without memory" "Cannot access memory at address 0x7fffffffffff"
says "it is let go" "^\[Inferior 1 .*detached\]"

# Ctrl-C, when the guest is known to run: the file is written before "continue"
cat >commands <<END
set pagination off
set confirm off
file /guests/debuggee.elf
target remote 127.0.0.1:$port
print counter > 0
shell touch runs
continue
info registers rip
kill
END
gdb -q -nx -batch -x commands >out 2>&1 &
debugger=$!
await test -e runs
sleep 2
kill -INT $debugger
wait $debugger
prints "it has run on without one" "1"
says "Ctrl-C" "^Program received signal SIGINT"
says "somewhere in its loop" "^rip +0x2"
ends_with "kill" 74
check "says so" grep -q "the debugger of --gdb killed the guest" err

# --- connections that break --------------------------------------------------

listen
printf 'GET / HTTP/1.0\r\n\r\n\044m0,ffffffffffffffff#00\044' |
	timeout 5 nc 127.0.0.1 "$port" >answer 2>&1
check_equal "not a debugger" "$(cat answer)" "-"
cat >commands <<END
file /guests/debuggee.elf
target remote 127.0.0.1:$port
break *square if \$rdi == 0
shell touch dies
continue
END
gdb -q -nx -batch -x commands >out 2>&1 &
debugger=$!
await test -e dies
sleep 2
kill -KILL $debugger
wait $debugger 2>/dev/null
debug <<END
file /guests/debuggee.elf
target remote 127.0.0.1:$port
x/1xb square
set var quit = 1
continue
END
says "a debugger that dies leaves no breakpoint" "<square>:.0x55"
says "and the guest runs on" "exited with code 0252\]"
ends_with "to its end" 170

guest --wait /guests/debuggee.elf
kill -TERM $vm
ends_with "SIGTERM ends the wait for a debugger" 69

# --- 16 and 32 bits ----------------------------------------------------------

guest --wait /guests/hello16.bin
debug <<END
target remote $dir/socket
x/2i \$pc
info registers eip
stepi
stepi
info registers si
tbreak *0x7c07
continue
continue
END
says "16-bit code" "0x7c01:.mov +\\$.*,%si"
says "its entry" "^eip +0x7c00"
says "steps" "^0x00007c04 in"
says "a real-mode guest ends" "exited normally\]"
ends_with "as it does alone" 0
check "it has said what it says" grep -q "hello from real mode" said

guest --wait -m prot32 --catch 6 /guests/hello32.bin
debug <<END
target remote $dir/socket
x/1i \$pc
continue
x/1i \$pc
info registers eip cr0
continue
END
says "an exception of --catch is a signal" "^Program received signal SIGILL"
says "at its instruction" "^=> 0x1000.*:.ud2"
says "which the guest gets then" "exited with code 0240\]"
ends_with "and handles" 160

# --- debug registers ---------------------------------------------------------

guest --wait /guests/debuggee.elf
if /tests/debug_break -t at_code 2>&1 | grep -q SKIP; then
	skip "hardware breakpoint" "this CPU does not load DR7 at VMRUN"
	skip "hardware watchpoint" "this CPU does not load DR7 at VMRUN"
	debug <<END
target remote $dir/socket
kill
END
else
	debug <<END
file /guests/debuggee.elf
target remote $dir/socket
hbreak square
continue
delete
watch counter
continue
kill
END
	says "hardware breakpoint" "^Breakpoint 1, .*square \(n=1\)"
	says "hardware watchpoint" "^New value = 1$"
fi
ends_with "killed" 74
finish
