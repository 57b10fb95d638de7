# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced in the test machine by the job that check.py writes. The marks on
# standard output tell it which program ran; the same in the kernel's log say
# which program a splat belongs to.

mark() {
	printf '\n\036%s\n' "$*"
	echo "svmvcpu-vm: $*" >/dev/kmsg
}

# Which processes there are, before end_session
processes() {
	set -- /proc/[0-9]*
	known=" $* "
}

# Is there one that was not?
new_process() {
	for process in /proc/[0-9]*; do
		case $known in
		*" $process "*) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# What a program leaves running must not disturb the next. $1 its session. (It
# is the fourth field behind the name, which may have blanks.)
end_session() {
	new_process || return 0
	pids=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v session="$1" \
		'{ pid = $1; sub(/.*\) /, ""); if ($4 == session) print pid }')
	# shellcheck disable=SC2086 # into words
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
}

# $1 seconds, $2 program below /tests
run_test() {
	mark "start $2"
	processes
	if [ -x "/tests/$2" ]; then
		(cd /tmp && exec setsid timeout -s KILL "$1" "/tests/$2") \
			</dev/null 2>&1 &
		session=$!
		wait $session
		rc=$?
		end_session $session
	else
		rc=127
	fi
	mark "end $2 $rc"
}

# Report every object nobody refers to any more. kmemleak ignores what is
# younger than five seconds and wants an object unreferenced twice over.
leak_check() {
	leaks=/sys/kernel/debug/kmemleak

	mark "start leaks"
	echo 1..1
	sleep 6
	# a write fails when kmemleak has given up, out of memory or of pool
	if echo scan >"$leaks" && echo scan >"$leaks" &&
		cat "$leaks" >/tmp/leaks && [ ! -s /tmp/leaks ]; then
		echo "ok 1 no_leaks"
	else
		sed 's/^/# /' /tmp/leaks
		dmesg | sed -n 's/.*kmemleak:/# kmemleak:/p' | tail -n 5
		echo "not ok 1 no_leaks"
		echo clear >"$leaks"
	fi
	mark "end leaks 0"
}

# Run the KUnit suites of a module. Their report goes to the kernel's log,
# from where the host takes it.
run_kunit() {
	mark "start $1"
	if insmod "/lib/modules/$1.ko"; then
		rmmod "$1"
		rc=$?
	else
		rc=127
	fi
	mark "end $1 $rc"
}

# The demonstration is a promise too. $1 seconds
run_demo() {
	mark "start demo"
	echo 1..1
	processes
	(exec setsid timeout -s KILL "$1" sh /vm/demo.sh) \
		</dev/null >/tmp/demo 2>&1 &
	session=$!
	wait $session
	rc=$?
	end_session $session
	if [ $rc -eq 0 ]; then
		echo "ok 1 every_guest_ends_as_it_should"
	else
		sed 's/^/# /' /tmp/demo
		[ $rc -ne 137 ] ||
			echo "# it was not at its end after $1 seconds"
		echo "not ok 1 every_guest_ends_as_it_should"
	fi
	mark "end demo 0"
}

# Nothing may hold the module once the tests are over
unload() {
	mark "start unload"
	echo 1..1
	if rmmod svmvcpu; then
		echo "ok 1 rmmod"
	else
		echo "# references: $(cat /sys/module/svmvcpu/refcnt)"
		echo "not ok 1 rmmod"
	fi
	mark "end unload 0"
}
