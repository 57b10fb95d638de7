#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the module for one kernel, below build/<name>/, never in the source
# tree: kbuild sees a farm of symbolic links to Kbuild, module/ and include/.
#
#	module.sh stock|debug|bochs|host [make arguments]
#
# "host" is KDIR=, or the running kernel; without headers for it, "stock".

. "$(dirname "$0")/lib.sh"
set -euo pipefail

name=$1
shift

host_kdir() {
	local kdir=${KDIR:-/lib/modules/$(uname -r)/build}

	if [ -e "$kdir/Makefile" ]; then
		realpath "$kdir"
	elif [ -n "${KDIR-}" ]; then
		die "$KDIR is not a kernel build directory"
	fi
}

kdir=
if [ "$name" = host ]; then
	kdir=$(host_kdir)
	if [ -z "$kdir" ]; then
		say "no headers for $(uname -r): building for the test machine"
		name=stock
	fi
fi
case $name in
stock | lint)
	kdir=$("$TOP/selftests/vm/kernel.sh" stock)/kdir
	# its headers lack vmlinux, which BTF would need
	set -- "$@" CONFIG_DEBUG_INFO_BTF_MODULES=
	;;
debug | bochs)
	kdir=$("$TOP/selftests/vm/kernel.sh" "$name")/kdir
	;;
esac

out=$TOP/build/$name
lock "$out/.lock"
mkdir -p "$out/src"
find "$out/src" -type l -delete
cp -rs "$TOP/Kbuild" "$TOP/module" "$TOP/include" "$out/src/"

# used by "make install"
ln -sfn "$kdir" "$out/kdir"

case ${MAKEFLAGS-} in
*jobserver*) jobs=() ;;
*) jobs=(-j"$(nproc)") ;;
esac
make "${jobs[@]}" -C "$kdir" M="$out/src" "$@" modules
find "$out" -maxdepth 1 -name '*.ko' -delete
find "$out/src" -name '*.ko' -exec cp {} "$out/" \;
