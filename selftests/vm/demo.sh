#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# "make demo", inside the test machine: the machine's SVM, guests in each mode, a trace of
# exits, SeaBIOS and Debian's kernel. The exit status is 0 only if each guest ended as
# expected.

cd /guests || exit 1
bad=0

title() {
	printf '\n==== %s\n' "$*"
}

# $1 seconds, $2... a command that may hang
limited() {
	timeout -s KILL "$@"
	status=$?
	[ $status != 137 ] || echo "---- no end after $1 seconds: killed"
	return $status
}

# $1 the status to expect, $2... the command
show() {
	expected=$1
	shift
	title "$*"
	limited 60 "$@" </dev/null
	status=$?
	if [ $status = "$expected" ]; then
		echo "---- exit status $status, as expected"
	else
		echo "---- exit status $status, expected $expected"
		bad=$((bad + 1))
	fi
}

show 0 vcpuctl info
show 0 vcpuctl run hello16.bin
show 160 vcpuctl run --mode prot32 hello32.bin
show 65 vcpuctl run hello64.elf
show 66 vcpuctl run triple.bin

title "every exit of the 16-bit guest"
limited 60 vcpuctl run --trace hello16.bin </dev/null 2>/tmp/trace >/dev/null
head -n 12 /tmp/trace
echo "[...]"
tail -n 4 /tmp/trace
if [ "$(wc -l </tmp/trace)" -lt 10 ]; then
	echo "---- the trace is incomplete"
	bad=$((bad + 1))
fi

# Without anything to boot it halts after its boot menu
title "vcpuctl run --bios bios-256k.bin (SeaBIOS, from the reset vector)"
vcpuctl run --bios bios-256k.bin --timeout 60 </dev/null 2>&1 |
	tee /tmp/bios | head -n 40
if grep -q '^SeaBIOS (version' /tmp/bios; then
	echo "---- it printed its banner"
else
	echo "---- it printed no banner"
	bad=$((bad + 1))
fi

# The address of a symbol in a guest whose kernel is that of this machine. $1 symbol
linked() {
	awk -v name="$1" '$3 == "_text" { text = $1 }
		$3 == name && !found { found = $1 }
		END { print text, found }' /proc/kallsyms | {
		read -r text found
		printf '0x%x' $((0x$found - 0x$text + 0xffffffff81000000))
	}
}

# gdb stops the guest where it reads a line, on whichever CPU
debug() {
	cat >/tmp/commands <<-END
	set pagination off
	target remote /tmp/gdb
	info threads
	break *$(linked ksys_read)
	shell touch /tmp/runs
	continue
	thread
	x/2i \$pc
	delete
	detach
	END
	limited 60 gdb -q -nx -batch -x /tmp/commands >/tmp/debugger 2>&1 &
	debugger=$!
	while kill -0 $debugger 2>/dev/null && [ ! -e /tmp/runs ]; do
		usleep 100000
	done
}

# Its init reads a line
title "vcpuctl run --cpus 4 --gdb /tmp/gdb --initrd linux-initrd.cpio vmlinuz (Debian's kernel)"
trap '' PIPE
mkfifo /tmp/line
vcpuctl run --cpus 4 --gdb /tmp/gdb --initrd linux-initrd.cpio --append nokaslr \
	--timeout 240 vmlinuz </tmp/line >/tmp/linux &
pid=$!
exec 3>/tmp/line
while kill -0 $pid 2>/dev/null && ! grep -q "a line, please" /tmp/linux; do
	usleep 100000
done
debugger=
if command -v gdb >/dev/null; then
	debug
fi
echo "hello from outside" >&3
[ -z "$debugger" ] || wait $debugger
wait $pid
status=$?
exec 3>&-
tr -d '\r' </tmp/linux | grep -E "Linux version|MP-table|IO-APIC|ttyS0 at|Run .init|^guest"
if [ $status = 170 ] && grep -q "^guest: online 0-3" /tmp/linux &&
	grep -q "heard 'hello from outside'" /tmp/linux; then
	echo "---- it booted to its init with 4 CPUs, which ended it with status $status"
else
	echo "---- exit status $status, expected 170; its last lines:"
	tail -n 5 /tmp/linux
	bad=$((bad + 1))
fi
if [ -n "$debugger" ]; then
	cat /tmp/debugger
	if grep -q "hit Breakpoint 1, 0xffffffff8" /tmp/debugger; then
		echo "---- gdb stopped it at a breakpoint"
	else
		echo "---- gdb did not stop it"
		bad=$((bad + 1))
	fi
fi

# By ACPI: it knows no MP tables
show 0 vcpuctl run --cpus 4 --initrd linux-initrd.cpio --append "quiet ending=off" \
	--serial-in /etc/passwd vmlinuz-cloud

title "end of the demonstration: $bad parts failed"
[ $bad = 0 ]
