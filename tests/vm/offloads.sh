# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Offloads as guests use them, for suites that have put a NIC in the place of eth1:
# ECN on long packets, long UDP packets, checksums to be completed and verified
# ones; and guests that do without. tests/vm/offload.py has each header byte by
# byte. Needs lib.sh, mp.sh and udp.sh.

WITHOUT=guest_ecn=off,host_ecn=off,gso=off,guest_uso4=off,guest_uso6=off,host_uso=off
TRACING=/sys/kernel/tracing

# sent COMMAND...: runs it, and finds what virtio headers the guest gave its packets
# meanwhile: lines of COUNT FLAGS GSO_TYPE
sent() {
	local status

	echo 50000 >$TRACING/buffer_size_kb
	: >$TRACING/trace
	echo 1 >$TRACING/events/mpassthru/mp_tx_transmit/enable
	"$@"
	status=$?
	echo 0 >$TRACING/events/mpassthru/mp_tx_transmit/enable
	HEADERS=$(sed -n 's/.*: mp_tx_transmit: .*flags=\([^ ]*\) gso_type=\([^ ]*\) .*/\1 \2/p' \
		$TRACING/trace | sort | uniq -c)
	sed 's/^ */# headers: /' <<<"$HEADERS"
	return "$status"
}

# headers FLAGS GSO_TYPE: how many of them were so; patterns
headers() {
	awk -v flags="^$1\$" -v type="^$2\$" '$2 ~ flags && $3 ~ type { n += $1 } END { print n + 0 }' \
		<<<"$HEADERS"
}

# seen PLACE IF COMMAND...: runs it, and finds what packets the stack there was given
seen() {
	local place=$1 watch status

	watch="$(program "$place" vnet) $2"
	shift 2
	on "$place" "rm -f /tmp/vnet; $watch </dev/null >/tmp/vnet 2>&1 & echo \$! >/tmp/vnet.pid
		until grep -q ' 0003 ' /proc/net/packet; do sleep 0.05; done"
	"$@"
	status=$?
	SEEN=$(on "$place" 'kill $(cat /tmp/vnet.pid); until [ -s /tmp/vnet ]; do sleep 0.05; done; cat /tmp/vnet')
	sed "s/^/# $place: /" <<<"$SEEN"
	return "$status"
}

# value PROTOCOL KEY: of what was seen
value() {
	sed -n "s/^$1 .*\<$2=\([0-9]*\).*/\1/p" <<<"$SEEN"
}

# Datagrams that were dropped for their checksum, both kinds of IP
bad_checksums() {
	on "$1" "cat /proc/net/snmp /proc/net/snmp6" | awk '
		$1 == "Udp:" && !at { for (i = 2; i <= NF; i++) if ($i == "InCsumErrors") at = i; next }
		$1 == "Udp:" { n += $at }
		$1 == "Udp6InCsumErrors" { n += $2 }
		END { print n }'
}

# congested PLACE COMMAND...: what leaves there is marked now and then
congested() {
	local place=$1 status
	shift

	on "$place" "tc qdisc replace dev eth1 root netem loss 10% ecn limit 10000"
	"$@"
	status=$?
	on "$place" "tc qdisc del dev eth1 root"
	return "$status"
}

# A packet that is long and has CWR set does not come every time.
ecn_sent() {
	congested host sent send_random "$@" g peer 2 && (($(headers 0x1 '0x8[14]') > 0))
}

ecn_received() {
	congested peer seen g eth0 send_random "$@" peer g 2 && (($(value tcp ecn) > 0))
}

# A guest that did not agree to that gets and sends it on short ones.
no_ecn_sent() {
	seen peer eth1 congested host sent send_random g peer 2 &&
		(($(headers '.*' '0x8.') == 0 && $(value tcp cwr) > 0))
}

no_ecn_received() {
	congested peer seen g eth0 send_random peer g 2 &&
		(($(value tcp ecn) == 0 && $(value tcp cwr) > 0))
}

# uso_sent [-6]: every burst as one packet; the peer looks at each checksum
uso_sent() {
	local bad
	bad=$(bad_checksums peer)

	sent udp "$@" g peer burst 1400 45 40 && (($(headers 0x1 0x5) >= 40)) &&
		(($(bad_checksums peer) == bad))
}

uso_received() {
	UDP_GRO=1 seen g eth0 udp "$@" peer g burst 1400 45 40 &&
		(($(value udp gso) > 0 && $(value udp longest) > 3000 && UDP_LONGEST > 1400))
}

no_uso() {
	sent udp "$@" g peer burst 1400 45 20 && (($(headers '.*' 0x5) == 0)) &&
		seen g eth0 udp "$@" peer g burst 1400 45 20 &&
		(($(value udp gso) == 0 && $(value udp longest) <= 1514))
}

# short_sent: checksums of single segments are left to the NIC
short_sent() {
	local bad
	bad=$(bad_checksums peer)

	sent udp g peer sweep 16 200 && (($(headers 0x1 0x0) >= 185)) &&
		(($(bad_checksums peer) == bad))
}

# valid_is NUMBER: so many datagrams of 185 are said to have a right checksum
valid_is() {
	seen g eth0 udp peer g sweep 16 200 &&
		(($(value udp packets) >= 185)) &&
		if (($1)); then (($(value udp data_valid) >= $1)); else (($(value udp data_valid) == 0)); fi
}

# bad_ones BEFORE: twenty, until all were noticed
bad_ones() {
	peer /src/mpassthru/tests/vm/badsum.py eth1 "$MP_MAC" 20
	until_true 10 all_bad "$1" || { echo "# $(bad_checksums g) of $1 + 20"; return 1; }
}

# wrong_sums: none is said to be right, and none gets to a program
wrong_sums() {
	local bad
	bad=$(bad_checksums g)

	on g "/share/udp serve 2000 </dev/null >/tmp/serve 2>&1 &
		until grep -q ':07D0 ' /proc/net/udp6; do sleep 0.05; done"
	seen g eth0 bad_ones "$bad" || return
	on peer "$(program peer udp) end ${ADDRESS[g]} 2000" &&
		[[ $(on g "cat /tmp/serve") == "datagrams=0 wrong=0 "* ]] &&
		(($(value udp data_valid) == 0 && $(value udp packets) >= 20))
}

all_bad() {
	(($(bad_checksums g) == $1 + 20))
}

# guest NAME PROPERTIES MODE: a guest that sees packets as its card gives them: its
# stack does not merge them, nor look at checksums before.
guest() {
	t_try "$1" mp_guest_with g "$2" "$3" --hugepages "${SHARE[@]}"
	t_try "$1: its stack" guest_exec g "ethtool -K eth0 gro off &&
		ethtool -K eth0 tx-udp-segmentation ${4:-on} &&
		echo 1 >/proc/sys/net/ipv4/tcp_ecn"
}

offloads() {
	modprobe sch_netem
	t_try "ECN at the peer" peer sysctl -q net.ipv4.tcp_ecn=1
	ethtool -K eth1 rx-udp-gro-forwarding on
	t_try "the peer verifies checksums itself" peer ethtool -K eth1 rx off
	guest "guest with split headers" guest_ecn=on header-split
	t_try "ECN from the guest" until_true 60 ecn_sent
	t_try "ECN from the guest, IPv6" until_true 60 ecn_sent -6
	t_try "ECN to the guest" until_true 60 ecn_received
	t_try "ECN to the guest, IPv6" until_true 60 ecn_received -6
	t_try "USO from the guest" uso_sent
	t_try "USO from the guest, IPv6" uso_sent -6
	t_try "checksums from the guest" short_sent
	t_try "NIC without offloads" ethtool -K eth1 tx-checksum-ip-generic off
	t_try "USO from the guest, cut by the host" uso_sent
	t_try "USO from the guest, cut by the host, IPv6" uso_sent -6
	t_try "checksums from the guest, by the host" short_sent
	t_try "TCP from the guest, by the host" send_random g peer 4
	ethtool -K eth1 tx-checksum-ip-generic on
	t_try "USO to the guest" uso_received
	t_try "USO to the guest, IPv6" uso_received -6
	t_try "long packets' checksums are to be completed" test "$(value udp needs_csum)" -gt 0
	t_try "wrong checksums, header split" wrong_sums
	t_try "guest stops" guest_stop g

	guest "guest with whole frames" guest_ecn=on whole-frame
	t_try "verified checksums" valid_is 185
	t_try "wrong checksums, whole frames" wrong_sums
	t_try "NIC that does not verify" ethtool -K eth1 rx off
	t_try "reachable" mp_reachable g
	t_try "no verified checksums" valid_is 0
	ethtool -K eth1 rx on
	t_try "reachable again" mp_reachable g
	t_try "guest stops" guest_stop g

	guest "guest without" "$WITHOUT" header-split off
	t_try "no ECN from it" until_true 60 no_ecn_sent
	t_try "no ECN to it" until_true 60 no_ecn_received
	t_try "no USO" no_uso
	t_try "no USO, IPv6" no_uso -6
	t_try "guest stops" guest_stop g
	peer ethtool -K eth1 rx on
	ethtool -K eth1 rx-udp-gro-forwarding off
}
