#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# timeout: 300
# cost: 19
# kernel: stock
#
# gdb and a Linux guest: Debian's kernel, which is also that of the test machine. Its
# symbols are in a package of a gigabyte; the addresses of /proc/kallsyms will do.

# shellcheck source=selftests/lib/tap.sh
. /vm/tap.sh
plan 10

dir=$(mktemp -d)
cd "$dir" || exit 1
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$dir"' EXIT

if ! command -v gdb >/dev/null; then
	while [ "$tap_count" -lt "$tap_plan" ]; do
		skip "gdb" "there is no gdb in this machine"
	done
	finish
fi

# The address of a symbol in a kernel that is not randomized. $1 symbol
address() {
	awk -v name="$1" '$3 == name { print $1; exit }' /proc/kallsyms
}
text=$(address _text)
linked() {
	printf '0x%x' $((0x$(address "$1") - 0x$text + 0xffffffff81000000))
}

# $1 what, $2 pattern
says() {
	if grep -qE -- "$2" out; then
		pass "$1"
	else
		fail "$1" "no '$2' in
$(cat out)"
	fi
}

# The value of a print command. $1 what, $2 pattern
prints() {
	says "$1" '^[$][0-9]+ = '"$2\$"
}

trap '' PIPE
mkfifo line
vcpuctl run --initrd /guests/linux-initrd.cpio --append "panic=-1 nokaslr" \
	--gdb "$dir/socket" /guests/vmlinuz <line >raw 2>err &
pid=$!
exec 3>line
while kill -0 $pid 2>/dev/null && ! grep -q "a line, please" raw; do
	usleep 100000
done
cat >commands <<END
set pagination off
set confirm off
set breakpoint always-inserted on
target remote $dir/socket
info registers rip
x/s $(linked linux_banner)
info registers cr3 cr4 gs_base
x/1i $(linked ksys_read)
break *$(linked ksys_read)
shell touch runs
continue
print \$pc == $(linked ksys_read)
info registers cs
x/2gx \$rsp
x/1xb $(linked ksys_read)
stepi
stepi
delete
detach
END
timeout -s KILL 100 gdb -q -nx -batch -x commands >out 2>&1 &
debugger=$!
while kill -0 $debugger 2>/dev/null && [ ! -e runs ]; do
	usleep 100000
done
echo "over and out" >&3
wait $debugger
wait $pid
status=$?
pid=
exec 3>&-

says "it stops in the kernel" "^rip +0xffffffff8"
says "memory of the kernel" "\"Linux version 6\.1\."
says "SMAP and the like" "^cr4 .* SMAP|^cr4 .* PAE"
says "GS of the kernel" "^gs_base +0xffff8"
says "a breakpoint on a system call" "^Breakpoint 1, 0xffffffff8"
prints "is where it should be" "1"
says "in kernel mode" "^cs +0x10"
check_fails "its INT3 is not seen" grep -qE ":.0xcc$" out
says "the guest is let go" "detached\]"
check_equal "and comes to its end" $status 170
finish
