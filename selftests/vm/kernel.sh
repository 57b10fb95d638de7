#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernels of the test machine, kept outside the checkout so that every
# clone shares them:
#
#	kernel.sh stock		Debian's own kernel, from its package
#	kernel.sh debug		linux-source-6.1 built with debug.config
#	kernel.sh bochs		the same with bochs.config: small
#	kernel.sh source	the unpacked source tree (checkpatch, kselftest)
#	kernel.sh harness	of that, only what builds and judges tests
#
# Makes it if necessary and prints its directory, which for a kernel holds vmlinuz,
# release, kdir (to build modules against) and modules/. The file "complete" is written
# last.

. "$(dirname "$0")/lib.sh"
set -euo pipefail
# progress() counts lines of output: ignore a -s of the calling make
unset MAKEFLAGS MFLAGS
here=$TOP/selftests/vm

source_package=linux-source-6.1
source_tree=$CACHE/$source_package

# --- Debian's kernel -------------------------------------------------------

# The release that linux-image-amd64 stands for today: 6.1.0-N-amd64
newest_release() {
	apt-cache depends linux-image-amd64 2>/dev/null |
		sed -n 's/.*Depends: linux-image-\(6\.1\.[0-9-]*-amd64\)$/\1/p' |
		head -n 1
}

# A kernel already in the cache, with the matching headers installed.
usable_stock() {
	local dir release

	for dir in "$CACHE"/stock/*/; do
		[ -e "$dir/complete" ] || continue
		release=$(<"$dir/release")
		[ "$(installed_version "linux-headers-$release")" = \
			"$(<"$dir/version")" ] || continue
		echo "${dir%/}"
	done | sort -V | tail -n 1
}

# $1 directory, $2 release, $3 package version
fetch_stock() {
	local dir=$1 release=$2 tmp

	tmp=$(mktemp -d "$CACHE/stock/fetch.XXXXXX")
	say "fetching linux-image-$release $3 (70 MB)"
	# apt drops to its own user for downloads, which may not write here
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User="$(id -un)" \
		download "linux-image-$release=$3" >&2)
	dpkg -x "$tmp"/linux-image-*.deb "$tmp/image"
	mkdir "$tmp/out"
	mv "$tmp/image/boot/vmlinuz-$release" "$tmp/out/vmlinuz"
	mkdir -p "$tmp/out/modules/lib"
	mv "$tmp/image/lib/modules" "$tmp/out/modules/lib/"
	/sbin/depmod -b "$tmp/out/modules" "$release"
	ln -s "/usr/src/linux-headers-$release" "$tmp/out/kdir"
	echo "$release" >"$tmp/out/release"
	echo "$3" >"$tmp/out/version"
	touch "$tmp/out/complete"
	rm -rf "$dir"
	mv "$tmp/out" "$dir"
	rm -rf "$tmp"
}

stock() {
	local dir release version

	mkdir -p "$CACHE/stock"
	lock "$CACHE/stock/.lock"
	rm -rf "$CACHE"/stock/fetch.*
	dir=$(usable_stock)
	if [ -z "$dir" ]; then
		# stale lists name versions that the mirrors have dropped
		as_root apt-get -qq update >&2
		release=$(newest_release)
		[ -n "$release" ] || die "no linux-image-6.1.0-*-amd64 to be had"
		version=$(apt-cache policy "linux-image-$release" |
			sed -n 's/.*Candidate: //p')
		if [ "$(installed_version "linux-headers-$release")" != \
			"$version" ]; then
			say "installing linux-headers-$release $version"
			apt_install "linux-headers-$release=$version" \
				"linux-headers-${release%-amd64}-common=$version"
		fi
		dir=$CACHE/stock/${release}_$version
		[ -e "$dir/complete" ] || fetch_stock "$dir" "$release" "$version"
	fi
	echo "$dir"
}

# --- the source tree -------------------------------------------------------

source_version() {
	"$here/deps.sh" build source
	installed_version "$source_package"
}

unpack_source() {
	local version=$1 tmp

	lock "$CACHE/.source-lock"
	if [ "$(cat "$source_tree/.debian-version" 2>/dev/null)" = "$version" ]
	then
		return
	fi
	tmp=$CACHE/.unpacking
	rm -rf "$tmp"
	mkdir -p "$tmp"
	say "unpacking $source_package $version"
	tar -C "$tmp" -xf "/usr/src/$source_package.tar.xz"
	echo "$version" >"$tmp/$source_package/.debian-version"
	rm -rf "$source_tree"
	mv "$tmp/$source_package" "$source_tree"
	rmdir "$tmp"
}

source_dir() {
	local version

	version=$(source_version)
	unpack_source "$version"
	echo "$source_tree"
}

# Installing the test programs on a host needs no more of the tree. The tree is not marked
# as unpacked, so that source_dir still unpacks it.
harness() {
	local dir=$source_package/tools/testing tmp

	"$here/deps.sh" build source
	lock "$CACHE/.source-lock"
	[ ! -e "$CACHE/$dir/kunit/kunit_parser.py" ] || return 0
	[ -e "/usr/src/$source_package.tar.xz" ] ||
		die "no $source_package: give KSELFTEST=, a kernel's tools/testing/selftests"
	tmp=$(mktemp -d "$CACHE/harness.XXXXXX")
	tar -C "$tmp" -xf "/usr/src/$source_package.tar.xz" \
		"$dir"/selftests/{kselftest.h,kselftest_harness.h,lib.mk} \
		"$dir"/selftests/{kselftest,run_kselftest.sh} \
		"$dir"/kunit/kunit_{parser,printer}.py
	mkdir -p "$CACHE/$dir"
	cp -rn "$tmp/$dir/." "$CACHE/$dir/"
	rm -rf "$tmp"
}

# --- the kernels built here ------------------------------------------------

# Each is NAME.config on top of tinyconfig. $1 is NAME throughout, $2 the
# kernel's directory.

# Kconfig silently drops options whose dependencies are missing: compare each line.
check_config() {
	local config=$2/build/.config line option bad=0

	while read -r line; do
		case $line in
		CONFIG_*=*)
			grep -qxF "$line" "$config" && continue ;;
		'# CONFIG_'*' is not set')
			option=${line#\# }
			option=${option% is not set}
			grep -q "^$option=" "$config" || continue ;;
		*)
			continue ;;
		esac
		echo "not in the resulting configuration: $line" >&2
		bad=1
	done <"$here/$1.config"
	return $bad
}

configure() {
	local out=$2/build

	make -C "$source_tree" O="$out" tinyconfig >"$out/config.log" 2>&1
	(cd "$out" && "$source_tree/scripts/kconfig/merge_config.sh" -m \
		.config "$here/$1.config") >>"$out/config.log" 2>&1
	make -C "$source_tree" O="$out" olddefconfig >>"$out/config.log" 2>&1
}

# An interrupted build continues where it stopped. $3 minutes, $4 lines of output,
# $5 "modules", or "modules_prepare" to build none of the kernel's modules
build_kernel() {
	local out=$2/build

	mkdir -p "$out"
	configure "$1" "$2"
	check_config "$1" "$2" || die "$1.config does not hold"
	say "building the $1 kernel (about $3 minutes on two cores)"
	if ! make -C "$source_tree" O="$out" -j"$(nproc)" bzImage "$5" 2>&1 |
		progress "$out/build.log" "$1 kernel" "$4"; then
		tail -n 30 "$out/build.log" >&2
		die "the $1 kernel did not build: see $out/build.log"
	fi
	# files that building modules would have created
	[ "$5" = modules ] || {
		cp "$out/vmlinux.symvers" "$out/Module.symvers"
		: >"$out/modules.order"
	}
}

install_kernel() {
	local dir=$2 out=$2/build

	make -C "$source_tree" O="$out" INSTALL_MOD_PATH="$dir/modules" \
		modules_install >"$out/install.log" 2>&1
	ln -sfn build "$dir/kdir"
	ln -sfn build/arch/x86/boot/bzImage "$dir/vmlinuz"
	cp "$out/include/config/kernel.release" "$dir/release"
	touch "$dir/complete"
}

# Removes kernels that were not used for a month: their configuration has changed.
prune_kernels() {
	find "$CACHE/$1" -mindepth 2 -maxdepth 2 -name complete -mtime +30 \
		-printf '%h\0' | xargs -0r rm -rf
}

# $1 name, $2... further arguments of build_kernel
built() {
	local version key dir

	version=$(source_version)
	key=$({ grep '^\(# \)\?CONFIG_' "$here/$1.config"
		echo "$version"; } | sha256sum | cut -c1-12)
	dir=$CACHE/$1/$key
	mkdir -p "$dir"
	lock "$CACHE/$1/.lock"
	# modules need the sources as much as the kernel did
	unpack_source "$version"
	if [ ! -e "$dir/complete" ]; then
		build_kernel "$1" "$dir" "${@:2}"
		install_kernel "$1" "$dir"
		prune_kernels "$1"
	fi
	touch "$dir/complete"
	echo "$dir"
}

case ${1-} in
stock) stock ;;
debug) built debug 8 1950 modules ;;
bochs) built bochs 4 1200 modules_prepare ;;
source) source_dir ;;
harness) harness ;;
*) die "usage: kernel.sh stock|debug|bochs|source|harness" ;;
esac
