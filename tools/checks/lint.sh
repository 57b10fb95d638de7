#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks all sources with several tools. Prints a TAP result for each tool; a failure
# shows its output. Needs the package sets build, source, lint and docs of deps.sh. Run by
# "make lint" and "make check".
#
#	lint.sh [checkpatch|others]	one half of the work; all by default

. "$(dirname "$0")/../../selftests/vm/lib.sh"
set -uo pipefail
cd "$TOP" || exit 1

source_tree=$(selftests/vm/kernel.sh source) || exit 1
count=0
failed=0

# All files of the project, tracked or not yet; not what was built
all_files() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard
	else
		find . -path ./build -prune -o -type f -print | sed 's|^\./||'
	fi
}

# Those whose names match one of the patterns
sources() {
	local file pattern

	while read -r file; do
		for pattern in "$@"; do
			# shellcheck disable=SC2053 # a pattern
			if [[ $file == $pattern && -e $file ]]; then
				echo "$file"
				break
			fi
		done
	done < <(all_files)
}

# $1 name, $2... a function that prints what is wrong and returns 0 if nothing
lint() {
	local name=$1 output

	shift
	count=$((count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $count $name"
	else
		failed=1
		printf '%s\n' "$output" | sed 's/^/# /' | head -n 100
		echo "not ok $count $name"
	fi
}

# Removes complaints of two rules that lists with a macro as argument (X macros) cannot
# satisfy.
without_x_macros() {
	local complaint file line rest

	while IFS= read -r complaint; do
		IFS=: read -r file line rest <<<"$complaint"
		case $rest in
		*'Macros with complex values'* | *'Macro argument reuse'*)
			sed -n "${line}p" "$file" |
				grep -qE '^#define \w+(\(X\)|\(.*\).*,$)' && continue
			;;
		esac
		echo "$complaint"
	done
}

# Files without complaints are remembered by their contents, as checkpatch takes a second
# for each file.
checkpatch() {
	local file said status=0 ignore passed known=$CACHE/checkpatch rules

	mkdir -p "$known"
	find "$known" -type f -mtime +30 -delete
	rules=$(sha256sum tools/checks/lint.sh \
		"$source_tree"/scripts/{checkpatch.pl,*.txt,*.checkpatch})
	while read -r file; do
		ignore=FILE_PATH_CHANGES
		# these files handle differences of kernel versions
		[[ $file != module/compat.[ch] ]] ||
			ignore+=,LINUX_VERSION_CODE,CONSTANT_COMPARISON
		# their macros take names of members and variables, not expressions
		[[ $file != tools/lib/exit_text.c && $file != module/run/trace.c && $file != module/vcpu/emulated_msr*.c ]] ||
			ignore+=,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE
		# user space has no BIT(), and shares memory with a guest
		# and its own names for types, as in the kernel's selftests
		[[ $file == module/* ]] || ignore+=,BIT_MACRO,VOLATILE,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO
		# assertions that print their line have to be macros, and so do
		# functions of a fixture
		[[ $file != selftests/* ]] ||
			ignore+=,MACRO_ARG_REUSE,COMPLEX_MACRO,USE_NEGATIVE_ERRNO,MULTISTATEMENT_MACRO_USE_DO_WHILE
		# a vCPU that spins has nothing better to do
		[[ $file != module/exits/exit.c ]] || ignore+=,YIELD
		# names of Zydis
		! grep -q 'include <Zydis' "$file" || ignore+=,CAMELCASE
		passed=$known/$({ echo "$rules" "$file" "$ignore"
			cat "$file"; } | sha256sum | cut -c1-32)
		[ ! -e "$passed" ] || { touch "$passed"; continue; }
		said=$(perl "$source_tree/scripts/checkpatch.pl" --no-tree \
			--strict --terse --no-summary --ignore "$ignore" \
			--file "$file" 2>/dev/null | without_x_macros)
		# 1: it had complaints, which may all have been removed
		if [ $? -gt 1 ] || [ -n "$said" ]; then
			echo "${said:-$file: checkpatch died}"
			status=1
		else
			: >"$passed"
		fi
	done < <(sources '*.c' '*.h' '*.S')
	rm -f .checkpatch-camelcase.*
	return "$status"
}

# The module once more, with W=1 and sparse; warnings are failures
module_warnings() {
	local log=build/lint/warnings.log

	rm -rf build/lint
	mkdir -p build/lint
	selftests/vm/module.sh lint -s C=2 W=1 >"$log" 2>&1 || {
		cat "$log"
		return 1
	}
	! grep -E 'warning:|error:' "$log"
}

program_warnings() {
	local -a flags=(-fsyntax-only -std=gnu11 -D_GNU_SOURCE -Wall -Wextra
		-Wshadow -Wstrict-prototypes -Wmissing-prototypes
		-Iinclude -Iinclude/uapi -Itools/lib -Itools/insn -Itools/chips -Imodule
		-isystem "$source_tree/tools/testing/selftests")
	local file status=0 said

	while read -r file; do
		said=$(gcc "${flags[@]}" "$file" 2>&1) || status=1
		[ -z "$said" ] || status=1
		[ -z "$said" ] || echo "$said"
	done < <(sources 'tools/lib/*.c' 'tools/chips/*.c' 'tools/vcpuctl/*.c' 'tools/bench/*.c' \
		'tools/kvm/*.c')
	return "$status"
}

shell_scripts() {
	# SC2317: functions that "check" or "lint" calls look unreachable
	{
		sources '*.sh'
		printf '%s\n' selftests/vm/init selftests/vm/modload .ci/run
	} | xargs shellcheck -x -P SCRIPTDIR -e SC2317
}

kernel_doc() {
	local said

	said=$(sources 'include/uapi/*.h' 'module/*.[ch]' 'module/*/*.[ch]' |
		xargs -r perl "$source_tree/scripts/kernel-doc" -none 2>&1)
	[ -z "$said" ] || { echo "$said"; return 1; }
}

python_scripts() {
	sources '*.py' | while read -r file; do
		python3 -c 'import sys
compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec")' \
			"$file" || exit 1
	done
}

spdx() {
	local status=0 file

	while read -r file; do
		if ! head -n 2 "$file" | grep -q SPDX-License-Identifier; then
			echo "$file: no SPDX-License-Identifier on the first lines"
			status=1
		fi
	done < <(sources '*.[chS]' '*.sh' '*.py' '*.inc' '*.conf' Makefile \
		selftests/Makefile Kbuild 'selftests/vm/init' 'selftests/vm/modload')
	return "$status"
}

# The README shows the VMM that is built as an example
readme_vmm() {
	local shown=build/lint/readme.c

	# shellcheck disable=SC2016 # the fence of a code block
	sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' >"$shown"
	sed -n '/^#include/,$p' tools/examples/minivmm.c | diff -u "$shown" -
}

# Sphinx with warnings as errors: malformed tables, targets that do not exist
documents() {
	tools/docs/render.sh dummy build/lint/docs
}

# "warning" omits matters of style, such as long lines
man_pages() {
	local status=0

	sources 'Documentation/man/*' | xargs mandoc -T lint -W warning || status=1
	# a macro is one only at the start of a line; elsewhere it is printed
	! sources 'Documentation/man/*' |
		xargs grep -nE '^[^.].* \.(B|I|[BIR][BIR]|[TP]P|S[HS])( |$)' || status=1
	return "$status"
}

part=${1-all}
echo "TAP version 13"
case $part in
checkpatch) echo "1..1" ;;
others) echo "1..18" ;;
*) echo "1..19" ;;
esac
[ "$part" = others ] || lint checkpatch checkpatch
[ "$part" != checkpatch ] || exit $failed
lint sparse_and_w1 module_warnings
lint program_warnings program_warnings
lint shellcheck shell_scripts
lint kernel_doc kernel_doc
lint python python_scripts
lint spdx spdx
lint function_length tools/checks/functions.sh 60
lint layers tools/checks/layers.py build/lint/src
lint exported_to_kvm_alone tools/checks/symbols.sh build/lint/svmvcpu.ko
lint policy_tables tools/checks/policy.py
lint exit_fields tools/checks/fields.py
lint seed_references tools/checks/seed.py
lint readme_vmm readme_vmm
lint documents documents
lint man_pages man_pages
lint links tools/checks/links.py
lint help tools/checks/help.py
lint kvm_tables tools/checks/kvm.py
exit $failed
