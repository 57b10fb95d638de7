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

# Its init reads a line
title "vcpuctl run --initrd linux-initrd.cpio vmlinuz (Debian's own kernel)"
trap '' PIPE
mkfifo /tmp/line
vcpuctl run --initrd linux-initrd.cpio --timeout 240 vmlinuz \
	</tmp/line >/tmp/linux &
pid=$!
exec 3>/tmp/line
while kill -0 $pid 2>/dev/null && ! grep -q "a line, please" /tmp/linux; do
	usleep 100000
done
echo "hello from outside" >&3
wait $pid
status=$?
exec 3>&-
tr -d '\r' </tmp/linux | grep -E "Linux version|MP-table|IO-APIC|ttyS0 at|Run .init|^guest"
if [ $status = 170 ] && grep -q "heard 'hello from outside'" /tmp/linux; then
	echo "---- it booted to its init, which ended it with status $status"
else
	echo "---- exit status $status, expected 170; its last lines:"
	tail -n 5 /tmp/linux
	bad=$((bad + 1))
fi

# By ACPI: it knows no MP tables
show 0 vcpuctl run --initrd linux-initrd.cpio --append "quiet ending=off" \
	--serial-in /etc/passwd vmlinuz-cloud

title "end of the demonstration: $bad parts failed"
[ $bad = 0 ]
