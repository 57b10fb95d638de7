#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packs the test machine's root file system, build/<kernel>/initramfs.cpio, from what has
# been built. It needs no root: /init creates the devices, and the archive names root as
# the owner of each file.
#
#	initramfs.sh stock|debug|bochs

. "$(dirname "$0")/lib.sh"
set -euo pipefail

name=$1
here=$TOP/selftests/vm
out=$TOP/build/$name
root=$out/root
kernel=$("$here/kernel.sh" "$name")
release=$(<"$kernel/release")

# Kernel modules that tests load, besides svmvcpu
modules=(kvm-amd msr cpuid zram lzo-rle lzo test_hmm)

# $1 directory, $2 archive in which root owns every file
pack() {
	(cd "$1" && find . | LC_ALL=C sort |
		cpio --quiet -o -H newc -R 0:0) >"$2"
}

skeleton() {
	mkdir -p "$root"/{bin,dev,etc,lib,proc,sys,tmp,root,vm,guests,tests}
	cp /bin/busybox "$root/bin/busybox"
	while read -r applet; do
		ln -s busybox "$root/bin/$applet"
	done < <(/bin/busybox --list | grep -vx busybox)
	ln -s bin "$root/sbin"
	mkdir "$root/usr"
	ln -s ../bin "$root/usr/bin"
	ln -s ../bin "$root/usr/sbin"
	echo 'root::0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$root/etc/passwd"
	cp "$here/fstab" "$root/etc/fstab"
	cp "$here/init" "$root/init"
	cp "$here/modload" "$root/bin/modload"
	cp "$here"/{batch.sh,demo.sh} "$TOP/selftests/lib/tap.sh" "$root/vm/"
	chmod 755 "$root"/{init,bin/modload,vm/*.sh}
}

# What vcpuctl boots inside the machine: kernels and firmware from Debian's
# packages, and a root file system of busybox, one script and one program.
linux_guest() {
	local guest=$out/guest-root

	rm -rf "$guest"
	mkdir -p "$guest"/{bin,dev,proc,sys}
	cp /bin/busybox "$guest/bin/busybox"
	for applet in sh awk cat dd grep head mount poweroff sed sleep uname; do
		ln -s busybox "$guest/bin/$applet"
	done
	install -m 755 "$here/guest-init" "$guest/init"
	add_stripped "$TOP/build/guests/smpstress" "$guest/bin"
	pack "$guest" "$root/guests/linux-initrd.cpio"
	rm -rf "$guest"
	cp "$("$here/kernel.sh" stock)/vmlinuz" "$root/guests/vmlinuz"
	cp "$("$here/images.sh")"/* "$root/guests/"
	add_vmlinux
}

# The ELF file in vmlinuz, which has a PVH entry point. The numbers are setup_sects,
# payload_offset and payload_length of the boot protocol; the payload ends with its size.
add_vmlinux() {
	local from=$kernel/vmlinuz to=$out/vmlinux.gz sectors offset length

	if [ ! "$to" -nt "$from" ]; then
		sectors=$(od -An -tu1 -j 0x1f1 -N 1 "$from")
		offset=$(od -An -tu4 -j 0x248 -N 4 "$from")
		length=$(od -An -tu4 -j 0x24c -N 4 "$from")
		dd if="$from" iflag=skip_bytes,count_bytes status=none \
			skip=$(((sectors + 1) * 512 + offset)) count=$((length - 4)) |
			xz -dc | gzip -1 >"$to.tmp"
		mv "$to.tmp" "$to"
	fi
	cp "$to" "$root/guests/"
}

# The files of a module and of all it depends on
module_files() {
	/sbin/modprobe -C /dev/null -d "$kernel/modules" -S "$release" \
		--show-depends "$1" 2>/dev/null | sed -n 's/^insmod \(.*\) $/\1/p'
}

add_modules() {
	local dir=$root/lib/modules/$release from=$kernel/modules/lib/modules
	local module file

	mkdir -p "$dir"
	for module in "${modules[@]}"; do
		for file in $(module_files "$module"); do
			cp -n "$file" "$dir/"
		done
	done
	cp "$from/$release"/modules.{builtin,builtin.modinfo,order} "$dir/"
	find "$out" -maxdepth 1 -name '*.ko' -exec cp {} "$dir/" \;
	/sbin/depmod -b "$root" "$release"
	# a fixed path for insmod
	for file in "$dir"/*.ko; do
		ln -s "$release/${file##*/}" "$root/lib/modules/"
	done
}

# Without debug information: the machine has to unpack each byte. Scripts have none.
add_stripped() {
	strip -o "$2/${1##*/}" "$1" 2>/dev/null || cp "$1" "$2/"
}

# Benchmarks and svmvcpu-hwcheck run on the stock kernel only; in other images they would
# only make booting longer
only_stock() {
	[[ $name == stock || $1 != bench-* && $1 != svmvcpu-hwcheck ]]
}

add_programs() {
	local file area

	for file in "$TOP"/build/tools/*; do
		[ -f "$file" ] && [ -x "$file" ] &&
			only_stock "${file##*/}" &&
			add_stripped "$file" "$root/bin"
	done
	# where svmvcpu-kvm looks for it
	add_stripped "$TOP/build/lib/libsvmvcpu-kvm.so" "$root/lib"
	find "$TOP/build/guests" -maxdepth 1 -type f \
		\( -name '*.bin' -o -name '*.elf' \) \
		-exec cp {} "$root/guests/" \; 2>/dev/null || :
	for file in "$TOP"/build/selftests/bin/*; do
		[ -f "$file" ] && [ -x "$file" ] &&
			add_stripped "$file" "$root/tests"
	done
	# AREA/NAME.sh becomes AREA_NAME.sh
	for file in "$TOP"/selftests/*/*.sh; do
		area=${file%/*}
		area=${area##*/}
		case $area in
		guests | lib | runner | vm) continue ;;
		esac
		install -m 755 "$file" "$root/tests/${area}_${file##*/}"
	done
	cp /usr/share/seabios/bios-256k.bin /usr/share/qemu/qboot.rom "$root/guests/"
}

# Files of svmvcpu-hwcheck, where "make install" puts them
add_hwcheck() {
	local dir=$root/lib/svmvcpu

	mkdir -p "$dir"
	ln -s ../../tests "$dir/tests"
	ln -s ../../bin/bench-svmvcpu ../../bin/bench-kvm "$dir/"
	cp "$TOP"/tools/hwcheck/{programs,known-results} "$dir/"
}

add_gdb() {
	local dir

	dir=$("$here/gdb.sh")
	[ -z "$dir" ] || cp "$dir/gdb" "$root/bin/"
}

# The loader and the shared libraries of the programs that are not static, at the paths
# of the host. Variants that the loader would choose for the host's CPU (glibc-hwcaps) are
# left out, as the machine has another CPU.
add_libraries() {
	local file path needs=$out/libraries
	local loader=/lib64/ld-linux-x86-64.so.2

	for file in "$root"/{bin,tests}/*; do
		if [ ! -L "$file" ] && readelf -l "$file" 2>/dev/null |
			grep -q INTERP; then
			"$loader" --glibc-hwcaps-mask '' --list "$file"
		fi
	done >"$needs"
	if grep 'not found' "$needs" >&2; then
		die "a library is missing"
	fi
	# pthread_exit() loads libgcc_s at run time
	for path in $(grep -o '/[^ ]*' "$needs" | sort -u) \
		/lib/x86_64-linux-gnu/libgcc_s.so.1; do
		install -D "$path" "$root$path"
	done
}

# QEMU of the host with its libraries and firmware, qemu.cpio, for machines that run the
# kvm_qemu* programs. The others boot faster without it.
pack_qemu() {
	local tree=$out/qemu-root path

	rm -rf "$tree"
	mkdir -p "$tree/bin"
	add_stripped "$(readlink -f "$(command -v qemu-system-x86_64)")" "$tree/bin"
	for path in $(/lib64/ld-linux-x86-64.so.2 --glibc-hwcaps-mask '' --list \
		"$tree/bin/qemu-system-x86_64" | grep -o '/[^ ]*') \
		/usr/share/qemu/{kvmvapic,linuxboot_dma,multiboot,pvh}.bin \
		/usr/share/seabios/{bios-256k,bios-microvm,vgabios-stdvga}.bin; do
		install -D "$path" "$tree$path"
	done
	pack "$tree" "$out/qemu.tmp"
	mv "$out/qemu.tmp" "$out/qemu.cpio"
	rm -rf "$tree"
}

mkdir -p "$out"
lock "$out/.root-lock"
rm -rf "$root"
skeleton
add_modules
add_programs
[ "$name" != stock ] || add_gdb
add_libraries
[ "$name" != stock ] || { add_hwcheck; linux_guest; }
pack "$root" "$out/initramfs.tmp"
mv "$out/initramfs.tmp" "$out/initramfs.cpio"
rm -rf "$root"
[ "$name" != stock ] || pack_qemu
ln -sfn "$kernel" "$out/kernel"
