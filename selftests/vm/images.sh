#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Kernels and firmware that vcpuctl boots in the test machine, as Debian's packages have them.
# Kept outside the checkout so that every clone shares them. Fetches what is
# missing, and prints the directory:
#
#	vmlinuz-cloud	linux-image-cloud-amd64: Linux without MP tables
#	xen		xen-hypervisor-4.17-amd64: Multiboot 1 and 2
#	gnumach		gnumach-image-1.8-486: Multiboot
#	memtest32, -64	memtest86+: bzImages with 32-bit and 64-bit entry
#	u-boot.rom	u-boot-qemu: firmware

. "$(dirname "$0")/lib.sh"
set -euo pipefail

# The packages, and which of their files is wanted under which name: PACKAGE FILE NAME
wanted() {
	cat <<-EOT
	linux-image-cloud-amd64 boot/vmlinuz-* vmlinuz-cloud
	xen-hypervisor-4.17-amd64 boot/xen-4.17-amd64.gz xen
	gnumach-image-1.8-486 boot/gnumach-1.8-486.gz gnumach
	memtest86+ boot/memtest86+ia32.bin memtest32
	memtest86+ boot/memtest86+x64.bin memtest64
	u-boot-qemu usr/lib/u-boot/qemu-x86/u-boot.rom u-boot.rom
	EOT
}

# The package that a metapackage stands for today, or the package itself
real_package() {
	case $1 in
	linux-image-*)
		apt-cache depends "$1" | sed -n 's/.*Depends: \(linux-image-\)/\1/p' |
			head -n 1 ;;
	*) echo "$1" ;;
	esac
}

# $1 directory, $2 package: its files are in $1/root afterwards
unpack() {
	local package

	package=$(real_package "$2")
	say "fetching $package"
	mkdir "$1/deb"
	# apt drops to its own user for downloads, which may not write here
	(cd "$1/deb" && apt-get -qq -o APT::Sandbox::User="$(id -un)" \
		download "$package" >&2)
	rm -rf "$1/root"
	dpkg -x "$1"/deb/*.deb "$1/root"
	rm -rf "$1/deb"
}

# $1 a file, $2 where to; packed ones are unpacked
add() {
	case $1 in
	*.gz) gunzip -c "$1" >"$2" ;;
	*) cp "$1" "$2" ;;
	esac
}

fetch() {
	local dir=$1 tmp package file name last=

	tmp=$(mktemp -d "$CACHE/images/fetch.XXXXXX")
	mkdir "$tmp/out"
	while read -r package file name; do
		[ "$package" = "$last" ] || unpack "$tmp" "$package" </dev/null
		last=$package
		# shellcheck disable=SC2086 # a pattern
		add "$tmp"/root/$file "$tmp/out/$name"
	done < <(wanted)
	mv "$tmp/out" "$dir"
	rm -rf "$tmp"
}

mkdir -p "$CACHE/images"
lock "$CACHE/images/.lock"
rm -rf "$CACHE"/images/fetch.*
# another list is another directory
dir=$CACHE/images/$(wanted | sha256sum | cut -c1-12)
if [ ! -d "$dir" ]; then
	# stale lists name versions that the mirrors have dropped
	as_root apt-get -qq update >&2
	fetch "$dir"
	find "$CACHE/images" -mindepth 1 -maxdepth 1 -type d ! -path "$dir" \
		-mtime +30 -exec rm -rf {} +
fi
echo "$dir"
