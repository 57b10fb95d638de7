#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What "make demo" shows, inside the test machine: the machine's SVM, our
# guests in each mode, a trace of exits, and firmware and a kernel that nobody
# here wrote.
# Ends with status 0 only if every guest ended as it should.

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
		echo "---- exit status $status, as it should be"
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
	echo "---- that is no trace"
	bad=$((bad + 1))
fi

# Nothing to boot from: it comes as far as its boot menu and halts
title "vcpuctl run --bios bios-256k.bin (SeaBIOS, from the reset vector)"
vcpuctl run --bios bios-256k.bin --timeout 60 </dev/null 2>&1 |
	tee /tmp/bios | head -n 40
if grep -q '^SeaBIOS (version' /tmp/bios; then
	echo "---- its banner is there"
else
	echo "---- it printed no banner"
	bad=$((bad + 1))
fi

# The line is for its init, which reads one
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
	echo "---- it booted to its init, which chose exit status $status"
else
	echo "---- exit status $status, expected 170; the last it said:"
	tail -n 5 /tmp/linux
	bad=$((bad + 1))
fi

title "end of the demonstration: $bad of its parts went wrong"
[ $bad = 0 ]
