#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One command in the test machine, after building what it needs:
#
#	run.sh [--kernel debug] [--smp N] [--cpu ...] ... -- 'command line'
#
# See --help. --no-build packs what has been built before.

set -euo pipefail
export LC_ALL=C.UTF-8
here=$(realpath "$(dirname "$0")")

kernel=stock
goal=image
args=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=${2-} ;;
	--kernel=*) kernel=${1#*=} ;;
	--no-build) goal=initramfs ;;
	-h | --help) goal= ;;
	--) break ;;
	esac
	shift
done
if [ -n "$goal" ]; then
	make -s -C "$here/../.." "$goal" KERNEL="$kernel" >&2
fi
exec python3 -B "$here/run.py" "${args[@]}"
