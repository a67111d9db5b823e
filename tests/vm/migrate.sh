# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Guests that move from one QEMU to another, and back; needs lib.sh and mp.sh.

MIGRATE_PORT=4444
MIGRATE_GUEST=(--mem 192)	# options of guest_start for each that does

# The far ends are ports of a bridge, as the hosts of a guest are of a switch.
bridge() {
	local name

	peer ip link add br0 type bridge &&
		for name in eth1 eth2; do
			peer ip addr flush dev "$name"
			peer ip link set "$name" master br0
			wait_link "$name" peer
		done &&
		net_address peer 1 br0
}

# states: of all that a guest may have moved over
states() {
	nic_state eth1
	nic_state eth2
}

# incoming NAME QEMU_ARGUMENT...: who waits for a guest to come
incoming() {
	local name=$1
	shift

	guest_start "$name" "${MIGRATE_GUEST[@]}" -- "$@" -incoming "tcp:127.0.0.1:$MIGRATE_PORT" &&
		# its process id is told long before it listens
		until_true 60 grep -q ":$(printf %04X "$MIGRATE_PORT") .* 0A " /proc/net/tcp
}

on_mp() {
	local GUEST_WRAP=(mpctl run "$1" --)

	incoming "$2" "${MP_NET[@]}"
}

on_macvtap() {
	macvtap "$1" && incoming "$2" "${MP_TAP_NET[@]}" 3<>"$MP_TAP" 4<>/dev/vhost-net
}

migrated() {
	[[ $(guest_monitor "$1" "info migrate") == *"Migration status: completed"* ]]
}

# migrate FROM: to who waits; FROM is no more after that
migrate() {
	local from=$1

	# so little that memory is copied first, and what was written meanwhile again
	guest_monitor "$from" "migrate_set_parameter downtime-limit 300" >/dev/null
	guest_monitor "$from" "migrate_set_parameter max-bandwidth 100M" >/dev/null
	guest_monitor "$from" "migrate -d tcp:127.0.0.1:$MIGRATE_PORT" >/dev/null
	until_true 150 migrated "$from" || { guest_monitor "$from" "info migrate" | sed 's/^/# /'; return 1; }
	guest_monitor "$from" "info migrate" >/run/migrated
	guest_kill "$from"
	grep -E 'time|ram' /run/migrated | sed 's/^/# /'
}
