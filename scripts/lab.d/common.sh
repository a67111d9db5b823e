# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every part of scripts/lab uses, and scripts/build: messages, exit codes,
# long steps.

# shellcheck disable=SC2034 # used by the other parts
EXIT_OK=0 EXIT_SCRIPT=1 EXIT_USAGE=2 EXIT_NO_VERDICT=3 EXIT_SPLAT=4

say() {
	printf '%s: [%3ds] %s\n' "${SAY_AS:-lab}" "$SECONDS" "$*" >&2
}

die() {
	printf '%s: %s\n' "${SAY_AS:-lab}" "$*" >&2
	exit "$EXIT_USAGE"
}

need_root() {
	[[ $EUID -eq 0 ]] || die "must run as root (it makes mounts and root trees)"
}

# step LOG WHAT COMMAND...: run it with its output in LOG, show every few
# seconds that it is alive, and show the end of LOG if it fails.
step() {
	local log=$1 what=$2 pid
	shift 2

	say "$what"
	"$@" </dev/null >>"$log" 2>&1 &
	pid=$!
	while ! timeout 4 tail --pid="$pid" -s 0.1 -f /dev/null; do
		say "$what: $(last_words "$log")"
	done
	if ! wait "$pid"; then
		tail -n 20 "$log" >&2
		die "$what failed; all of its output is in $log"
	fi
}

# The last line of a log, fit for one line of a terminal. Progress bars
# rewrite their line with carriage returns: only what they show last counts.
last_words() {
	tail -c 400 "$1" | tr '\r' '\n' | tr -cd '[:print:]\n' |
		grep . | tail -n 1 | cut -c 1-60 || true
}

# Hardware virtualisation is decided by the CPU's flag: a /dev/kvm may be there
# and still not run a stock kernel.
have_kvm() {
	grep -qwE 'svm|vmx' /proc/cpuinfo && [[ -w /dev/kvm ]]
}
