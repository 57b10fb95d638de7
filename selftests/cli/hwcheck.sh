#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 180
# kernel: stock
# cpu: EPYC,+svm,+npt,+vgif
#
# svmvcpu-hwcheck from a user's view: its report on programs that pass and fail, and its
# error messages.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 52

dir=$(mktemp -d)
cd "$dir" || exit 1
cleanup() {
	umount "$dir/full" "$dir/ro" 2>/dev/null
	hostname svmvcpu
	[ -e /dev/svmvcpu ] || modprobe svmvcpu
	[ ! -e /dev/kvm ] || rmmod kvm_amd kvm
	rm -rf "$dir"
}
trap cleanup EXIT

# $1 what, $2 expected status, $3 text expected in the output or "", $4... arguments
hwcheck() {
	what=$1 status=$2 text=$3
	shift 3
	svmvcpu-hwcheck "$@" </dev/null >out 2>&1
	rc=$?
	if [ $rc -eq "$status" ] && grep -qF -- "$text" out; then
		pass "$what"
	else
		fail "$what" "status $rc, expected $status with '$text'" "
$(cat out)"
	fi
}

# $1 what, $2 file, $3 pattern
says() {
	check "$1" grep -qE -- "$3" "$2"
}

# Waits for a file, $1
wait_for() {
	tries=0
	while [ ! -e "$1" ] && [ $tries -lt 200 ]; do
		usleep 100000
		tries=$((tries + 1))
	done
}

# --- a good host -----------------------------------------------------------

hostname somebodys-host
modprobe kvm_amd
hwcheck "a quick check" 0 "The report is svmvcpu-hwcheck.txt" --quick
report=svmvcpu-hwcheck.txt
says "the CPU" $report "^family, model, stepping +0x17, "
says "its SVM" $report "^SVM features +npt"
says "the kernel" $report "^kernel +6\.1\."
says "a mitigation" $report "^spectre_v2 +[MV]"
says "the module" $report "^module version +[0-9]"
says "output of vcpuctl info" $report "^usable +yes"
says "a program's results" $report "^smoke +[1-9][0-9]* passed, [0-9.]+ s$"
says "no difference from this emulator's known results" $report "^None: each result"
says "times, beside KVM's" $report "^PIO out.* [1-9][0-9]* +[1-9][0-9]* +[0-9.]+$"
says "the summary" $report "^[1-9][0-9]* programs, [1-9][0-9]* passed, 0 failed, 0 sk.*: all passed$"
says "a program's results in JSON" $report \
	'^\{"type":"program","name":"smoke","status":0,.*"fail":0,"skip":0,"cases":\[\]\}$'
says "times in JSON" $report '^\{"type":"row","op":"PIO out.*"svmvcpu":[1-9].*"kvm":[1-9]'
says "the status in JSON" $report '^\{"type":"summary","status":0,'
check_fails "no name of the host" grep -q somebodys-host $report
check "KVM is left as it was" rmmod kvm_amd kvm
check_equal "nothing is left in /tmp" "$(find /tmp -name 'svmvcpu-hwcheck.*' -type d)" ""

# --- wrong usage, and obstacles --------------------------------------------

hwcheck "help" 0 "Exit status:" --help
hwcheck "the list gives reasons" 0 "never    needs fault injection" --list
hwcheck "no such option" 2 "Try 'svmvcpu-hwcheck --help'" --fast
hwcheck "no such class" 2 "--with is not for: never" --with never
hwcheck "no such program" 2 "no such program: smok" smok
hwcheck "no such directory" 2 "no such directory: none" --dir none
hwcheck "an existing file" 4 "is not overwritten" -qn -o $report
mkdir empty
hwcheck "nothing is installed" 2 "is svmvcpu installed with its tests?" --dir empty

chmod 755 .
check_equal "not root" "$(su -s /bin/sh nobody -c 'svmvcpu-hwcheck 2>&1; echo $?')" \
	"svmvcpu-hwcheck: not root: try 'sudo svmvcpu-hwcheck'
3"

mkdir full ro
mount -t tmpfs -o size=4k none full
mount -t tmpfs -o ro none ro
hwcheck "a disk that is full" 4 "full/r: No space left on device" -qn -o full/r smoke
says "keeps the beginning" full/r "^CPU +"
hwcheck "a file system that is read-only" 4 "ro/r: Read-only file system" -o ro/r

rmmod svmvcpu
hwcheck "no module" 3 "modprobe svmvcpu" -qn -o unloaded
says "is in the report" unloaded "no guest can run on this host$"
modprobe svmvcpu

# EFER.SVME on each CPU, as if set by another hypervisor
efer() {
	dd if=/dev/cpu/0/msr bs=8 skip=$((0xc0000080 / 8)) count=1 2>/dev/null |
		od -A n -t u8
}
# $1 value
set_efer() {
	# shellcheck disable=SC2059 # octal escapes
	for cpu in /dev/cpu/[0-9]*; do
		printf "$(printf '\\%03o\\%03o\\0\\0\\0\\0\\0\\0' $(($1 & 255)) \
			$(($1 >> 8)))" |
			dd of="$cpu/msr" bs=8 seek=$((0xc0000080 / 8)) conv=notrunc 2>/dev/null
	done
}
old=$(efer)
set_efer $((old | 0x1000))
hwcheck "another hypervisor uses SVM" 3 "another hypervisor uses SVM" -qn -o busy
set_efer $((old))

# --- programs of all kinds -------------------------------------------------

mkdir -p bad/tests
cat >bad/programs <<END
good quick 60 passes
skips quick 60 passes and skips
fails quick 60 fails
crashes quick 60 dies
hangs quick 1 does not end
silent quick 60 says nothing
absent quick 60 is not there
last quick 60 passes
END
cat >bad/known-results <<END
good run run
skips run run
skips s.one skip skip
last run -
last l.one skip -
END
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"bad/tests/$1"
	chmod 755 "bad/tests/$1"
}
program good 'echo "1..1"; echo "ok 1 g.one"'
program skips 'echo "1..1"; echo "ok 1 s.one # SKIP this CPU cannot"'
# shellcheck disable=SC2016 # for that shell
program fails 'echo "1..1"; echo "# f.c:7:one:Expected"; echo "not ok 1 f.one"; exit 1'
# shellcheck disable=SC2016
program crashes 'echo "1..2"; echo "ok 1 c.one"; kill -SEGV $$'
program hangs 'sleep 1000'
program silent ':'
program last 'echo "1..1"; echo "ok 1 l.one"'

hwcheck "bad programs" 1 "something FAILED" -n --dir bad -o bad.txt
says "a skip and its reason" bad.txt "^    skipped s.one: this CPU cannot$"
says "the message of a failure" bad.txt "^      # f.c:7:one:Expected$"
says "a crash" bad.txt "^      died of signal 11$"
says "a hang" bad.txt "^      no end after 1 seconds$"
says "no results" bad.txt "^      the program printed no plan$"
says "no program" bad.txt "^      absent: No such file"
says "programs after those" bad.txt "^last +1 passed"
says "a result that no emulator has" bad.txt "^last l.one: pass here; QEMU: skip, Bochs: not run$"

# --- without a feature -----------------------------------------------------

mask=/sys/module/svmvcpu/parameters/mask_features
program masked "cat $mask >>$dir/masks; echo 1..1; echo ok 1 m.one"
cat >bad/programs <<END
masked quick 60 passes
mask vgif 0x10 masked
mask nrip 0x1 masked
END
hwcheck "a module without a feature" 0 " without vgif    1 passed, " \
	-n --with module --dir bad -o masked.txt
check_equal "runs with it, and without" "$(cat masks)" "0
16"
check_equal "the module has its options back" "$(cat $mask)" 0

# A program that hangs while the module lacks a feature
program masked "[ \$(cat $mask) = 0 ] || { touch /tmp/hwcheck-masked; sleep 1000; }
	echo 1..1; echo ok 1 m.one"
svmvcpu-hwcheck -n --with module --dir bad -o masked-stopped.txt >/dev/null 2>&1 &
pid=$!
wait_for /tmp/hwcheck-masked
check_equal "a program runs without a feature" "$(cat $mask)" 16
kill -INT $pid
wait $pid
check_equal "^C ends it" $? 130
check_equal "the module has its options back after ^C" "$(cat $mask)" 0
rm /tmp/hwcheck-masked

# modprobe does not find the module, which may have been loaded by insmod
index=/lib/modules/$(uname -r)
mkdir "$dir/index"
mv "$index"/modules.* "$dir/index/"
hwcheck "a module that modprobe does not find" 1 "FAILED: looking for svmvcpu" \
	-n --with module --dir bad -o not-found.txt
mv "$dir"/index/* "$index/"
check "is left loaded" [ -e $mask ]

# --- interrupted by the user -------------------------------------------------

program hangs 'touch /tmp/hwcheck-hangs; sleep 1000'
echo "hangs quick 1000 does not end" >bad/programs
svmvcpu-hwcheck -n --dir bad -o stopped.txt >/dev/null 2>&1 &
pid=$!
wait_for /tmp/hwcheck-hangs
check_equal "the report names the running program" \
	"$(tail -n 1 stopped.txt)" "hangs               "
kill -INT $pid
wait $pid
check_equal "^C ends the check" $? 130
says "the results so far are reported" stopped.txt '^\{"type":"summary","status":130,'
rm /tmp/hwcheck-hangs
finish
