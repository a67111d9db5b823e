# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts in L1 that use softnic; needs lib.sh and mp.sh. A card is named by
# its end and pair, A0 or B0, whatever its interface is called by now.

SOFTNIC_DEBUGFS=/sys/kernel/debug/softnic

# softnic_load [PARAMETER=VALUE...]: needs mpassthru.ko
softnic_load() {
	insmod "$MP_BUILD/tests/softnic/softnic.ko" "$@"
}

# softnic_wire: in the place of the emulated NICs: A0 is eth1 here, B0 is eth1
# in the namespace "peer".
softnic_wire() {
	rmmod e1000e || return
	ip link set snicA0 name eth1 &&
		ip link set eth1 up &&
		ip link set snicB0 netns peer name eth1 &&
		ip -n peer link set eth1 up &&
		wait_link eth1 && wait_link eth1 peer && net_setup
}

# fault CARD FILE VALUE: e.g. fault A0 rx/delay 1000
fault() {
	echo "$3" >"$SOFTNIC_DEBUGFS/snic$1/$2"
}

# no_faults [CARD]
no_faults() {
	local file

	# shellcheck disable=SC2231
	for file in "$SOFTNIC_DEBUGFS"/snic${1:-[AB]*}/[rt]x/*; do
		echo 0 >"$file"
	done
}

# softnic_count CARD COUNTER
softnic_count() {
	awk -v name="$2" '$1 == name { print $2 }' "$SOFTNIC_DEBUGFS/snic$1/counters"
}

# softnic_is CARD COUNTER OPERATOR VALUE
softnic_is() {
	local value

	value=$(softnic_count "$1" "$2")
	echo "# $2 of $1 is $value"
	test "$value" "$3" "$4"
}

# generate CARD SIZE COUNT RATE [FLOWS [MAC]]: and wait until all are made
generate() {
	local card=$1
	shift

	echo "$*" >"$SOFTNIC_DEBUGFS/snic$card/generate" &&
		until_true 30 generated "$card"
}

generated() {
	test "$(<"$SOFTNIC_DEBUGFS/snic$1/generate")" -eq 0
}
