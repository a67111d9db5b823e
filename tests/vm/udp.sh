# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts in L1 that exchange datagrams with tests/vm/udp.c; needs lib.sh and
# mp.sh. Guests have to be started with "${SHARE[@]}".

SHARE=(--share "$MP_BUILD/vm")
UDP_LONGEST=                      # what the last server got at once, in bytes

# program PLACE NAME: where a test program is
program() {
	case $1 in
	host | peer) echo "$MP_BUILD/vm/$2" ;;
	*) echo "/share/$2" ;;
	esac
}

# udp [-6] SRC DST sweep FROM TO, udp [-6] SRC DST burst SIZE DATAGRAMS COUNT: fails if
# something does not arrive as it was sent. Servers take several datagrams at once
# if UDP_GRO is set.
udp() {
	local to port=$((30000 + SRANDOM % 10000)) src dst command sent got

	if [[ $1 == -6 ]]; then
		to=${ADDRESS6[$3]}
		shift
	else
		to=${ADDRESS[$2]}
	fi
	src=$1 dst=$2 command=$3
	shift 3

	on "$dst" "$(program "$dst" udp) serve $port ${UDP_GRO:+gro} </dev/null >/tmp/udp.$port 2>&1 &
		until grep -q ':$(printf %04X "$port") ' /proc/net/udp6; do sleep 0.05; done"
	sent=$(on "$src" -t 600 "$(program "$src" udp) $command $to $port $* 2>&1
		$(program "$src" udp) end $to $port 2>&1")
	got=$(on "$dst" "cat /tmp/udp.$port; rm /tmp/udp.$port")
	echo "# $src -> $dst: udp $command $*: $sent, $got"
	UDP_LONGEST=${got##*longest=}
	[[ $sent == *again=* && $got == *' wrong=0 '* ]]
}
