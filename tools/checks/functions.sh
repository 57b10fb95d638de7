#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Lists functions of the module and the tools whose body has more lines than $1. Relies on
# kernel style: the braces of a function are alone in the first column.

cd "$(dirname "$0")/../.." || exit 1

# shellcheck disable=SC2016 # awk, not shell
find module tools selftests -name '*.c' -print0 | xargs -0r awk -v max="$1" '
	/^[a-zA-Z_].*\(/ { head = $0 }
	/^{/ { start = FNR }
	/^}/ && start {
		if (FNR - start - 1 > max) {
			printf "%s:%d: %d lines: %s\n", FILENAME, start,
				FNR - start - 1, head
			bad = 1
		}
		start = 0
	}
	END { exit bad }'
