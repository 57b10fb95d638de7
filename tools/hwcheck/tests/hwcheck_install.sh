#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Host test: "make install-programs" installs all that svmvcpu-hwcheck needs into an empty
# directory, and "make uninstall" leaves no file there.

cd "$(dirname "$0")/../../.." || exit 1
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
prefix='/opt/with a blank'
root=$stage$prefix
count=0
failed=0

# $1 name, $2... a function that prints what is wrong, and returns 0 if nothing
try() {
	local name=$1 output

	shift
	count=$((count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $count $name"
	else
		failed=1
		printf '%s\n' "$output" | sed 's/^/# /'
		echo "not ok $count $name"
	fi
}

# Independent of a make that may run this script
make_goal() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s "$@" DESTDIR="$stage" \
		PREFIX="$prefix"
}

every_program() {
	local name rest bad=0

	while read -r name rest; do
		[[ -n $name && $name != \#* && $name != mask ]] || continue
		[ -x "$root/lib/svmvcpu/tests/$name" ] || {
			echo "$name is missing"
			bad=1
		}
	done <"$root/lib/svmvcpu/programs"
	return "$bad"
}

every_library() {
	! ldd "$root"/lib/svmvcpu/tests/* "$root"/bin/* | grep 'not found'
}

# As with sudo: another HOME; what has been built is not built again
copies_only() {
	HOME=$stage/root make_goal install-programs CC=false AR=false &&
		[ ! -e "$stage/root" ]
}

no_file_left() {
	! find "$stage" -type f | grep .
}

echo "1..9"
try installs make_goal install-programs
try copies_what_is_built copies_only
try every_program every_program
try every_library every_library
try benchmarks test -x "$root/lib/svmvcpu/bench-svmvcpu" -a \
	-x "$root/lib/svmvcpu/bench-kvm"
try vcpuctl_is_beside_it "$root/bin/vcpuctl" --version
# without --dir it looks in its own directory
try finds_its_tables "$root/bin/svmvcpu-hwcheck" --list
try manual_page test -s "$root/share/man/man8/svmvcpu-hwcheck.8"
uninstalled() {
	make_goal uninstall && no_file_left
}
try uninstalls uninstalled
exit $failed
