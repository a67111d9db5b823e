# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts in L1 that test mpassthru; needs lib.sh.

MP_BUILD=${MP_BUILD:-/src/mpassthru/build/${LAB_RELEASE:-13}}
MP_MAC=52:54:00:1b:00:01
PATH=$MP_BUILD/tools:$PATH

# What a guest has for a network card on mpassthru. mpctl fills in the numbers.
MP_NET=(-netdev tap,id=n0,vhost=on,fd=%mp,vhostfd=%vhost
	-device "virtio-net-pci,netdev=n0,mac=$MP_MAC")

MP_RUN=()
MP_AS=()
MP_DRIVER=e1000e

mp_load() {
	modprobe -a tun vhost_net
	insmod "$MP_BUILD/mpassthru/mpassthru.ko" &&
		insmod "$MP_BUILD/vhost-mp/vhost_mp.ko"
}

# The modules must go whenever nobody uses them.
mp_unload() {
	rmmod vhost_mp && { [[ ! -e /sys/module/$MP_DRIVER ]] || rmmod "$MP_DRIVER"; } &&
		rmmod mpassthru
}

# Puts the NIC driver with glue in the place of the stock one.
mp_driver() {
	nic_driver "$MP_BUILD/$MP_DRIVER.ko"
	wait_link eth1
	wait_link eth1 peer
	net_setup
}

# The host is suspended to RAM and devices are without power, until its clock wakes it;
# were it not yet asleep by then, it would sleep for ever.
host_sleeps() {
	local stats=/sys/power/suspend_stats/success slept changes

	slept=$(<$stats)
	changes=$(</sys/class/net/eth1/carrier_changes)
	rtcwake -m mem -s $((9 * PATIENCE)) >/dev/null || return
	wait_link eth1 && wait_link eth1 peer || return
	echo "# the link changed $(($(</sys/class/net/eth1/carrier_changes) - changes)) times"
	(($(<$stats) == slept + 1 && $(</sys/class/net/eth1/carrier_changes) > changes))
}

# mp_guest NAME MODE [OPTION of guest_start...]: a guest on eth1. MP_RUN holds more
# options of mpctl run, MP_AS what is put in front of QEMU.
mp_guest() {
	local name=$1 mode=$2
	local GUEST_WRAP=(mpctl run eth1 --mode "$mode" "${MP_RUN[@]}" -- "${MP_AS[@]}")
	shift 2

	guest_start "$name" "$@" -- "${MP_NET[@]}" && guest_wait "$name" &&
		net_setup "$name" && mp_reachable "$name"
}

# mp_guest_with NAME DEVICE_PROPERTIES MODE [OPTION...]
mp_guest_with() {
	local name=$1 properties=$2
	local MP_NET=("${MP_NET[@]:0:3}" "${MP_NET[3]},$properties")
	shift 2

	mp_guest "$name" "$@"
}

# mp_guest_tap NAME: without vhost, QEMU reads and writes the descriptor
mp_guest_tap() {
	local MP_NET=(-netdev tap,id=n0,vhost=off,fd=%mp "${MP_NET[@]:2}")

	mp_guest "$1" auto
}

# The link may have to come up again first.
mp_reachable() {
	until_true 30 guest_exec "$1" "ping -q -c 1 -W 1 10.9.0.1 >/dev/null" ||
		{ echo "# $1 cannot reach the peer"; return 1; }
}

# guest_rebind NAME: its network driver is taken off its device, and put back
guest_rebind() {
	guest_exec "$1" 'cd /sys/bus/virtio/drivers/virtio_net && id=$(basename "$(readlink -f /sys/class/net/eth0/device)") &&
		echo "$id" >unbind && sleep 1 && echo "$id" >bind'
	until_true 10 guest_exec "$1" "test -e /sys/class/net/eth0"
}

# guest_reboot NAME: without a word to anybody
guest_reboot() {
	local before

	before=$(guest_boot_id "$1")
	guest_exec "$1" "(sleep 1; reboot -f) >/dev/null 2>&1 &"	# the answer comes first
	until_true 90 guest_rebooted "$1" "$before"
}

guest_boot_id() {
	guest_exec "$1" -t 5 "cat /proc/sys/kernel/random/boot_id" 2>/dev/null
}

guest_rebooted() {
	local now

	now=$(guest_boot_id "$1") && [[ -n $now && $now != "$2" ]]
}

# mp_stat KEY[.KEY...]...: numbers or words from `mpctl show eth1`, or MP_IF, at one moment
mp_stat() {
	mpctl show "${MP_IF:-eth1}" --json | python3 -c '
import json, sys
port = json.load(sys.stdin)
if isinstance(port, list):
    port = port[0]
def value(name):
    found = port
    for key in name.split("."):
        found = found[key]
    return found
print(*map(value, sys.argv[1:]))' "$@"
}

# macvtap IF: mt0 on it; MP_TAP is its device, MP_TAP_NET what a guest has for a network
# card then, with the device and vhost-net open as 3 and 4
macvtap() {
	modprobe -a macvtap vhost_net
	ip link add link "$1" name mt0 address "$MP_MAC" type macvtap mode passthru
	ip link set mt0 up allmulticast on
	MP_TAP=/dev/tap$(cat /sys/class/net/mt0/ifindex)
	MP_TAP_NET=(-netdev tap,id=n0,vhost=on,fd=3,vhostfd=4
		-device "virtio-net-pci,netdev=n0,mac=$MP_MAC")
	until_true 5 test -e "$MP_TAP"
}

# macvlan that passes everything through does not count allmulti down when it goes.
macvtap_gone() {
	ip link set mt0 allmulticast off
	ip link del mt0
}

# macvtap_guest NAME [OPTION of guest_start...]: a guest on eth1 through vhost-net and macvtap
macvtap_guest() {
	local name=$1
	shift

	macvtap eth1 &&
		guest_start "$name" "$@" -- "${MP_TAP_NET[@]}" 3<>"$MP_TAP" 4<>/dev/vhost-net &&
		guest_wait "$name" && net_setup "$name" && mp_reachable "$name"
}

# mp_is KEY OPERATOR VALUE: compares mp_stat's answer, whole numbers or words,
# and tells it, so that a log shows how near to its limit a value is
mp_is() {
	local value
	value=$(mp_stat "$1") || return
	echo "# $1 is $value"
	test "${value%.*}" "$2" "$3"
}

# Nothing is on its way any more, and all that was sent is accounted for.
mp_idle() {
	until_true 10 mp_balanced || { mpctl show eth1 | sed 's/^/# /'; return 1; }
}

mp_balanced() {
	local packets completed failed inflight

	read -r packets completed failed inflight < <(mp_stat tx.packets tx.completed tx.failed tx_inflight) ||
		return
	((packets == completed + failed && inflight == 0))
}

# mtu BYTES: of both ends
mtu() {
	ip link set eth1 mtu "$1" && peer ip link set eth1 mtu "$1" &&
		wait_link eth1 && wait_link eth1 peer
}

# far_here: the far end is far1 of this namespace, for programs that have both in hand
far_here() {
	ip -n peer link set eth1 down &&
		ip -n peer link set eth1 netns 1 name far1 &&
		ip link set far1 up &&
		wait_link eth1 && wait_link far1
}

# What must not change by binding and unbinding. Counters of the NIC do. A NIC
# that was just given back needs a moment to find its link again: a state is
# what it settles in.
nic_state() {
	wait_link "$1" >&2
	ip -d link show "$1"
	ip addr show "$1" | sed 's/valid_lft.*//'
	ip route show dev "$1"
	ethtool -k "$1"
	ethtool -g "$1"
	ethtool -l "$1" 2>&1
	tc qdisc show dev "$1"
}

huge_pages_free() {
	local pool=/sys/kernel/mm/hugepages/hugepages-2048kB

	(($(<$pool/free_hugepages) == $(<$pool/nr_hugepages)))
}

nothing_bound() {
	grep -q '^no interface' <<<"$(mpctl show)"
}

# known_leaks FUNCTION: a kernel with kmemleak forgets what FUNCTION has leaked; fails
# if there is anything else. A pointer that only a register holds is found by another scan.
known_leaks() {
	local leaks=/sys/kernel/debug/kmemleak all known i

	[[ -w $leaks ]] || return 0
	for i in 1 2 3; do
		echo scan >$leaks
		sleep 6
		echo scan >$leaks
		cat $leaks >/run/leaks
		all=$(grep -c '^unreferenced object' /run/leaks)
		known=$(grep -c "^ *$1+" /run/leaks)
		echo "# $all objects leaked, $known of them by $1"
		((all != known)) || break
	done
	((all == known)) && echo clear >$leaks
}

# ---- traffic of guest g, with the peer --------------------------------------

# both NAME [MIB]
both() {
	t_try "$1: peer to guest" send_random peer g "${2:-4}"
	t_try "$1: guest to peer" send_random g peer "${2:-4}"
}

# Every length from an empty packet to a full frame's, in odd steps.
lengths() {
	guest_exec g -t 300 "for n in \$(seq 0 31 $1) $1; do
		ping -q -c 1 -W 10 -s \$n ${ADDRESS[peer]} >/dev/null ||
			{ echo \"# lost at \$n bytes\"; exit 1; }
	done"
}

# vlan PLACE LAST IF: 802.1Q 7 is 10.9.7.LAST; 802.1ad 8 with 802.1Q 9 in it 10.9.9.LAST
vlan() {
	on "$1" "ip link add link $3 name v7 type vlan id 7 && ip link set v7 up &&
		ip addr add 10.9.7.$2/24 dev v7 &&
		ip link add link $3 name v8 type vlan proto 802.1ad id 8 && ip link set v8 up &&
		ip link add link v8 name v9 mtu 1496 type vlan id 9 && ip link set v9 up &&
		ip addr add 10.9.9.$2/24 dev v9"
}

# through NET: the test traffic goes by these addresses
through() {
	ADDRESS[g]=10.9.$1.2 ADDRESS[peer]=10.9.$1.1
}

# Traffic both ways that nobody expects to end well. What "timeout" started goes with it,
# so that flood_end leaves nobody who listens.
flood() {
	ip netns exec peer timeout 300 socat -u TCP-LISTEN:5002,reuseaddr,fork /dev/null 2>/dev/null &
	MP_FLOOD=($!)
	until_true 10 peer grep -q ':138A .* 0A ' /proc/net/tcp || return
	guest_exec g "socat -u TCP-LISTEN:5001,reuseaddr /dev/null </dev/null >/dev/null 2>&1 &
		socat -u /dev/zero TCP:10.9.0.1:5002 </dev/null >/dev/null 2>&1 &"
	until_true 10 guest_exec g "grep -q ':1389 .* 0A ' /proc/net/tcp" || return
	ip netns exec peer timeout 300 socat -u /dev/zero TCP:10.9.0.2:5001 2>/dev/null &
	MP_FLOOD+=($!)
}

flood_end() {
	kill "${MP_FLOOD[@]}" 2>/dev/null
	wait "${MP_FLOOD[@]}" 2>/dev/null
	until_true 10 nobody_listens
}

nobody_listens() {
	! peer grep -q ':138A .* 0A ' /proc/net/tcp
}

# combined N: the guest uses so many queue pairs
combined() {
	guest_exec g "ethtool -L eth0 combined $1" && combined_is "$1"
}

combined_is() {
	test "$(guest_exec g "ethtool -l eth0" | awk '/^Combined/ { n = $2 } END { print n }')" = "$1"
}

# flows FROM TO COUNT MIB: so many TCP streams at once, of the same random data,
# each summed at its other end
flows() {
	local idle=$((60 * PATIENCE)) target=${ADDRESS[$2]} ports sums

	ports=$(seq -s ' ' 6001 $((6000 + $3)))
	on "$2" "for port in $ports; do
		socat -T $idle -t $idle TCP-LISTEN:\$port,reuseaddr,accept-timeout=$idle SYSTEM:sha256sum \
			</dev/null >/dev/null 2>&1 &
	done
	until ((\$(grep -c ':177. .* 0A ' /proc/net/tcp) >= $3)); do sleep 0.05; done"
	sums=$(on "$1" -t 120 "head -c $(($4 << 20)) /dev/urandom >/tmp/flows && sha256sum </tmp/flows
	for port in $ports; do
		socat -T $idle -t $idle - TCP:$target:\$port,connect-timeout=20 </tmp/flows &
	done
	wait")
	(($(wc -l <<<"$sums") == $3 + 1 && $(sort -u <<<"$sums" | wc -l) == 1)) ||
		{ echo "# $1 -> $2: not $3 equal sums:"; sed 's/^/# /' <<<"$sums"; return 1; }
}

# ---- who watches -------------------------------------------------------------

# tcpdump_start: on eth1, into /run/dump, each frame as it comes
tcpdump_start() {
	rm -f /run/dump.err
	tcpdump -i eth1 -w /run/dump -s 200 -B 16384 --immediate-mode -U 2>/run/dump.err &
	MP_TCPDUMP=$!
	until_true 10 grep -qs listening /run/dump.err
}

tcpdump_stop() {
	kill -INT "$MP_TCPDUMP"
	wait "$MP_TCPDUMP"
}

# tcpdump_saw MAC MIB: that much of what came from there, which may take a moment. How
# many frames that is depends on how much is aggregated, so nobody counts them.
tcpdump_saw() {
	until_true 10 mp_dumped "$1" "$2" ||
		{ echo "# $(mp_dumped_bytes "$1") bytes of $2 MiB from $1"; return 1; }
}

mp_dumped() {
	(($(mp_dumped_bytes "$1") >= $2 << 20))
}

# of the frames, as long as they were
mp_dumped_bytes() {
	tcpdump -r /run/dump -nn -e ether src "$1" 2>/dev/null |
		sed -n 's/.* (0x[0-9a-f]*), length \([0-9]*\):.*/\1/p' |
		awk '{ sum += $1 } END { print sum + 0 }'
}

# ---- results ------------------------------------------------------------------

# t_run COMMAND...: its "ok" and "not ok" lines count as tests of ours
t_run() {
	local line

	while IFS= read -r line; do
		case $line in
		"ok "*) t_ok "${line#ok }" ;;
		"not ok "*) t_fail "${line#not ok }" "see above" ;;
		*) echo "$line" ;;
		esac
	done < <("$@" 2>&1 || echo "not ok $1 exited with $?")
}
