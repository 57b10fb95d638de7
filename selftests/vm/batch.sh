# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced in the test machine by the job that check.py writes. Marks on standard output
# tell check.py which program runs; marks in the kernel's log tell which program caused
# a splat.

mark() {
	printf '\n\036%s\n' "$*"
	echo "svmvcpu-vm: $*" >/dev/kmsg
}

# Records the processes that exist, for end_session
processes() {
	set -- /proc/[0-9]*
	known=" $* "
}

# Kills what a program has left running, which could disturb the next. $1 its session.
# (The session is the fourth field after the name, which may contain blanks.) In builtins
# of the shell: starting a program takes the debug kernel a good part of a second.
end_session() {
	session=$1
	for process in /proc/[0-9]*; do
		case $known in
		*" $process "*) continue ;;
		esac
		read -r stat <"$process/stat" || continue
		# shellcheck disable=SC2086 # into words
		set -- ${stat##*) }
		[ "$4" != "$session" ] || kill -KILL "${process#/proc/}"
	done 2>/dev/null
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

# Reports leaked objects. kmemleak ignores objects younger than five seconds, and reports
# those that two scans find unreferenced.
leak_check() {
	leaks=/sys/kernel/debug/kmemleak

	mark "start leaks"
	echo 1..1
	sleep 6
	# a write fails if kmemleak has disabled itself for lack of memory
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

# Runs the KUnit suites of a module. check.py reads their report from the kernel's log.
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

# Runs "make demo". $1 seconds
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
		echo "ok 1 every_guest_ends_as_expected"
	else
		sed 's/^/# /' /tmp/demo
		[ $rc -ne 137 ] ||
			echo "# no end after $1 seconds"
		echo "not ok 1 every_guest_ends_as_expected"
	fi
	mark "end demo 0"
}

# After the tests nothing may hold a reference to the module
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
