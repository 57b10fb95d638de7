#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 240
# kernel: stock
#
# Kernels and firmware that nobody here wrote, as they come from Debian's packages,
# start under vcpuctl and come as far as they can without disks. Each is stopped as
# soon as it has said so. selftests/vm/images.sh names the packages. vmlinux is the ELF file
# that Debian's vmlinuz contains.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 9

dir=$(mktemp -d)
cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT

# $1 what, $2 a pattern that it prints, $3... how it is run
says() {
	what=$1
	pattern=$2
	shift 2
	# the loop may begin before the shell of the background job opens the file
	: >raw
	vcpuctl run --timeout 60 "$@" </dev/null >raw 2>err &
	pid=$!
	while kill -0 $pid 2>/dev/null && ! grep -q "$pattern" raw; do
		usleep 200000
	done
	kill -TERM $pid 2>/dev/null
	wait $pid
	if grep -q "$pattern" raw; then
		pass "$what"
	else
		fail "$what" "no '$pattern' in" \
			"$(tail -c 1000 raw | tr -c '\n -~' '.')" "$(tail -n 5 err)"
	fi
}

serial="console=com1 com1=115200,8n1"
echo >key

says "memtest86+ shows its screen, from a 32-bit entry" "Memtest86+ v6" \
	--mem 16M --append console=ttyS0,115200 /guests/memtest32
says "qboot starts its 64-bit image, which tests" "Status: Testing" \
	--mem 16M --bios /guests/qboot.rom --append console=ttyS0,115200 \
	/guests/memtest64
says "Xen by Multiboot 2 wants a kernel" "dom0 kernel not specified" \
	--append "$serial" /guests/xen
says "by Multiboot 1 as well" "dom0 kernel not specified" \
	--mode multiboot --append "$serial" /guests/xen
says "with one, it wants a timer" "IO-APIC + timer doesn't work" \
	--append "$serial" --module "/guests/vmlinuz-cloud console=hvc0" /guests/xen
says "GNU Mach wants modules" "No bootstrap code loaded" \
	--append console=com0 /guests/gnumach
says "and counts memory" "biosmem: .*100000:.*10000000, available" \
	--append console=com0 /guests/gnumach
gunzip -c /guests/vmlinux.gz >vmlinux
# kHz; there is no timer that Linux could measure it with
khz=$(sed -n 's/^cpu MHz.*: \([0-9]*\)\.\([0-9]*\)$/\1\2/p' /proc/cpuinfo | head -n 1)
says "Linux starts by its PVH entry point, and unpacks its initrd" \
	"^guest: init runs under Linux" \
	--append "console=ttyS0 tsc=reliable tsc_early_khz=$khz" \
	--initrd /guests/linux-initrd.cpio vmlinux
says "U-Boot has its prompt" "^=> " --lapic --serial-in key --bios /guests/u-boot.rom
finish
