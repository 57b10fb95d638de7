#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gdb for the test machine: prints the directory that has it, after fetching Debian's
# gdb-minimal if need be. It is unpacked there and not installed, because apt would
# remove a gdb that is installed. The libraries that it needs are packages of deps.sh.
#
# Prints nothing if there is none to be had.

. "$(dirname "$0")/lib.sh"
set -euo pipefail

command -v apt-get >/dev/null || exit 0

mkdir -p "$CACHE/gdb"
lock "$CACHE/gdb/.lock"

fetch() {
	local tmp

	say "fetching gdb-minimal (3 MB)"
	rm -rf "$CACHE"/gdb/fetch.*
	tmp=$(mktemp -d "$CACHE/gdb/fetch.XXXXXX")
	# apt drops to its own user for downloads, which may not write here
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User="$(id -un)" \
		download gdb-minimal >&2) || return
	dpkg -x "$tmp"/gdb-minimal_*.deb "$tmp/out"
	mv "$tmp/out/usr/bin/gdb" "$CACHE/gdb/gdb"
	rm -rf "$tmp"
}

# stale lists name versions that the mirrors have dropped
[ -x "$CACHE/gdb/gdb" ] || fetch ||
	{ (as_root apt-get -qq update >&2) && fetch; } ||
	say "there is no gdb-minimal: its tests are skipped"
[ ! -x "$CACHE/gdb/gdb" ] || echo "$CACHE/gdb"
