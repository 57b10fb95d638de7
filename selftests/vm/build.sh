#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes the goals that a test run needs. If the build fails, the last line is a total as
# "make check" prints it.
#
#	build.sh goal...

. "$(dirname "$0")/lib.sh"
set -euo pipefail

mkdir -p "$TOP/build/logs"
say "building"
case ${MAKEFLAGS-} in
*jobserver*) jobs=() ;;
*) jobs=(-j"$(nproc)") ;;
esac
if ! make "${jobs[@]}" -C "$TOP" --no-print-directory -s "$@" 2>&1 |
	tee "$TOP/build/logs/build.log" >&2; then
	echo
	echo "Failed:"
	echo "  build: see above, or build/logs/build.log"
	echo "0 passed, 1 failed"
	exit 1
fi
