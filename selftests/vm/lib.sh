# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Shared by the scripts of the test machine that run on the host: paths, messages,
# packages and locks.

# The scripts search messages, sort names and pack files: none of that must depend on the
# caller's locale or umask.
export LC_ALL=C.UTF-8
unset LANGUAGE
umask 022

TOP=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/svmvcpu
export TOP CACHE

say() {
	printf '== %s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Run as root: directly, or through sudo. Without a terminal sudo must not ask.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif ! command -v sudo >/dev/null; then
		die "needs root for: $*"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

# Installs packages; prints the output of apt only if it fails
apt_install() {
	local log=$CACHE/apt.log

	mkdir -p "$CACHE"
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		install --no-install-recommends "$@" >"$log" 2>&1; then
		tail -n 15 "$log" >&2
		return 1
	fi
}

installed_version() {
	dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null |
		sed -n 's/^ii *//p'
}

# One process at a time may fill a part of the cache, or a build directory. The lock is
# held until the shell exits.
lock() {
	mkdir -p "$(dirname "$1")"
	exec {lock_fd}>"$1"
	if ! flock -n "$lock_fd"; then
		say "waiting for another build ($1)"
		flock "$lock_fd"
	fi
}

# Copies standard input, the output of a long build, to a log; prints the progress every
# 20 seconds. $1 log, $2 name, $3 approximate number of lines.
progress() {
	local begin=$SECONDS last=$SECONDS lines=0 percent line

	while IFS= read -r line; do
		printf '%s\n' "$line" >&3
		lines=$((lines + 1))
		[ $((SECONDS - last)) -ge 20 ] || continue
		last=$SECONDS
		percent=$((lines < $3 ? 100 * lines / $3 : 99))
		printf '   %s: %d%%, %d s\n' "$2" "$percent" \
			$((SECONDS - begin)) >&2
	done 3>"$1"
}
