#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs missing Debian packages that a build or a test run needs. Does not call apt if
# none is missing. Without apt, prints the names of the packages.
#
#	deps.sh build|vm|bochs|source|lint|docs|tests|bench...

. "$(dirname "$0")/lib.sh"
set -euo pipefail

# What each step needs. "build" includes what a kernel build needs.
declare -A packages=(
	[build]="gcc libc6-dev make binutils libelf-dev libssl-dev kmod cpio
		python3 util-linux xz-utils"
	# the libraries are those of gdb.sh
	[vm]="qemu-system-x86 seabios busybox-static ca-certificates
		libdebuginfod1 libexpat1 libgmp10 libipt2 libreadline8 libxxhash0"
	[bochs]="bochs bochsbios vgabios isolinux syslinux-common xorriso"
	[source]="linux-source-6.1 flex bison bc lz4 perl"
	[lint]="sparse shellcheck perl"
	[docs]="python3-sphinx mandoc"
	[tests]="libzydis-dev"
	[bench]="gnuplot-nox"
)

missing=()
for set in "$@"; do
	[ -n "${packages[$set]-}" ] || die "unknown package set: $set"
	for package in ${packages[$set]}; do
		[ -n "$(installed_version "$package")" ] || missing+=("$package")
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	say "needed, by their names in Debian: ${missing[*]}"
	exit 0
fi
say "installing ${missing[*]}"
# Package lists may be absent or stale: refresh them if the installation fails.
if ! apt_install "${missing[@]}" 2>/dev/null; then
	say "refreshing the package lists"
	as_root apt-get -qq update >&2
	apt_install "${missing[@]}"
fi
