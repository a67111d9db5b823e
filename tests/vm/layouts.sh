# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What guests negotiate and what is on the wire, for suites that have put a NIC in
# the place of eth1: receive buffers of every kind, rings without indirect
# descriptors and event index, no offloads, offloads that change, VLANs, jumbo
# frames, each in both layouts. Needs lib.sh, mp.sh and udp.sh.

NO_RX_OFFLOADS=guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_uso4=off,guest_uso6=off
NO_TX_OFFLOADS=host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off,host_uso=off

# every_length MOST: every one there and back, as UDP; and some that a card leaves alone
every_length() {
	guest_exec g "for n in 0 1 18 99 999 $1; do
		ping -q -c 1 -W 2 -s \$n ${ADDRESS[peer]} >/dev/null ||
			{ echo \"# lost at \$n bytes\"; exit 1; }
	done" && udp g peer sweep 16 "$1"
}

# guest_with NAME PROPERTIES MODE: a guest that negotiates that, both ways
guest_with() {
	t_try "$1: guest" mp_guest_with g "$2" "$3" --hugepages "${SHARE[@]}"
	t_try "$1: every length" every_length 1472
	both "$1"
	t_try "$1: all is accounted for" mp_idle
	t_try "$1: guest stops" guest_stop g
}

# mean_length: of what the guest receives, in bytes, while the peer sends a stream
mean_length() {
	local before after

	before=$(guest_exec g "cat /sys/class/net/eth0/statistics/rx_bytes /sys/class/net/eth0/statistics/rx_packets")
	send_random peer g 4 >&2 || return
	after=$(guest_exec g "cat /sys/class/net/eth0/statistics/rx_bytes /sys/class/net/eth0/statistics/rx_packets")
	awk 'NR <= 2 { then[NR] = $1 } NR > 2 { now[NR - 2] = $1 }
		END { printf "%d\n", (now[1] - then[1]) / (now[2] - then[2]) }' <<<"$before"$'\n'"$after"
}

# mean_length_is OPERATOR VALUE
mean_length_is() {
	local mean
	mean=$(mean_length) || return

	echo "# the guest receives $mean bytes a packet"
	test "$mean" "$1" "$2"
}

# The guest's wish reaches the descriptor through QEMU's TUNSETOFFLOAD.
offloads_change() {
	t_try "offloads: long packets are received" mean_length_is -gt 3000
	t_try "offloads: turned off" guest_exec g "ethtool -K eth0 rx-gro-hw off"
	t_try "offloads: no long packet is received" mean_length_is -le 1514
	t_try "offloads: turned on" guest_exec g "ethtool -K eth0 rx-gro-hw on"
	t_try "offloads: long packets again" mean_length_is -gt 3000
}

vlans() {
	t_try "$1, VLAN: in the guest" vlan g 2 eth0
	through 7
	t_try "$1, VLAN: every length" every_length 1472
	both "$1, VLAN"
	through 9
	t_try "$1, QinQ: every length" every_length 1468
	both "$1, QinQ"
	through 0
}

jumbo() {
	t_try "$1, jumbo: MTU" mtu 9000
	t_try "$1, jumbo: guest's MTU" guest_exec g "ip link set eth0 mtu 9000"
	t_try "$1, jumbo: reachable" mp_reachable g
	t_try "$1, jumbo: every length" every_length 8972
	both "$1, jumbo" 8
	t_try "$1, jumbo: MTU as before" mtu 1500
}

# long_ring MODE: a guest with as many buffers as QEMU gives, and all of the wire
long_ring() {
	t_try "$1: guest with a long ring" mp_guest_with g rx_queue_size=1024 "$1" --hugepages "${SHARE[@]}"
	[[ $1 != header-split ]] || offloads_change
	vlans "$1"
	jumbo "$1"
	t_try "$1: all is accounted for" mp_idle
	t_try "$1: guest stops" guest_stop g
}

layouts() {
	guest_with "big packets" mrg_rxbuf=off auto
	guest_with "small buffers" "mrg_rxbuf=off,$NO_RX_OFFLOADS" auto
	guest_with "no offloads" "csum=off,guest_csum=off,$NO_RX_OFFLOADS,$NO_TX_OFFLOADS" header-split
	guest_with "direct descriptors, no event index" indirect_desc=off,event_idx=off header-split
	guest_with "the same, whole frames" indirect_desc=off,event_idx=off whole-frame
	t_try "VLANs at the peer" vlan peer 1 eth1
	long_ring header-split
	long_ring whole-frame
}
