# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The ways to give a guest a network card that the benchmark compares; for
# bench/vm/measure, needs lib.sh and mp.sh.
#
#   setup_up NAME N      guests g1 to gN, each on the NIC of its number
#   setup_down NAME N    and away again, the NICs as they were
#   setup_missing NAME   why there is no such setup here; nothing if there is
#
# Wire I is 10.9.I.0/24: the peer is .1, the guest .2. BENCH_MEMORY is huge or
# small (pages), BENCH_MTU the wire's.

SETUP_LOG=/out/setups.log
SHARE=/run/share

declare -A MP_MODE=([mp-split]=header-split [mp-whole]=whole-frame [mp-copy]=copy)

# ---- what all have in common ------------------------------------------------

# Traffic programs for the guests, and the driver for one that owns a NIC.
share_prepare() {
	mkdir -p "$SHARE/modules"
	cp "$MP_BUILD"/bench/* "$SHARE/"
	modprobe --show-depends e1000e | awk '$1 == "insmod" { print $2 }' |
		while read -r file; do share_module "$file"; done
}

share_module() {
	local name
	name=$(basename "$1" .xz)

	case $1 in
	*.xz) xz -dc "$1" >"$SHARE/modules/$name" ;;
	*) cp "$1" "$SHARE/modules/$name" ;;
	esac
	echo "$name" >>"$SHARE/modules/order"
}

memory_option() {
	case ${BENCH_MEMORY:-huge} in
	huge) echo --hugepages ;;
	small) echo never >/sys/kernel/mm/transparent_hugepage/enabled ;;
	esac
}

guest_mac() {
	echo "52:54:00:1b:00:0$1"
}

# setup_guest I QEMU_ARGUMENT...
setup_guest() {
	local i=$1 options
	shift

	read -ra options <<<"$(memory_option)"
	guest_start "g$i" "${options[@]}" --share "$SHARE" -- "$@"
}

# What a guest on virtio-net has for a card, whatever is behind it.
virtio_card() {
	echo "virtio-net-pci,netdev=n0,mac=$(guest_mac "$1")"
}

# nic_is stock|glue: stock driver or the one with glue, MTU, addresses.
nic_is() {
	local want=$1 have=stock

	[[ ! -e /sys/module/mpassthru ]] || ! grep -q '^mpassthru .*e1000e' /proc/modules || have=glue
	[[ $have != "$want" ]] || return 0
	case $want in
	glue)
		[[ -e /sys/module/mpassthru ]] || mp_load
		nic_driver "$MP_BUILD/e1000e.ko" ;;
	stock)
		mp_unload
		/src/mpassthru/scripts/lab.d/nics load e1000e ;;
	esac
}

# nic_ready N: MTU and link of the first N wires, at both ends
nic_ready() {
	local i mtu=${BENCH_MTU:-1500}

	for ((i = 1; i <= $1; i++)); do
		ip link set "eth$i" mtu "$mtu" up
		on peer "ip link set eth$i mtu $mtu up; ip addr replace 10.9.$i.1/24 dev eth$i"
		wait_link "eth$i" && wait_link "eth$i" peer || return
	done
}

guest_ready() {
	local i=$1

	guest_wait "g$i" 90 &&
		guest_exec "g$i" "ip link set eth0 mtu ${BENCH_MTU:-1500} up &&
			ip addr replace 10.9.$i.2/24 dev eth0" &&
		until_true 30 guest_exec "g$i" "ping -q -c 1 -W 1 10.9.$i.1 >/dev/null"
}

# The vCPU on CPU 1, all else that serves the guest on CPU 0.
guest_pin() {
	local i=$1 vcpu

	vcpu=$(guest_monitor "g$i" "info cpus" | sed -n 's/.*thread_id=\([0-9]*\).*/\1/p')
	[[ -n $vcpu ]] || { echo "# no vCPU thread of g$i"; return 1; }
	taskset -acp 0 "$(guest_pid "g$i")" >/dev/null &&
		taskset -cp 1 "$vcpu" >/dev/null
}

# Interrupts of the NICs, whoever takes them.
irq_pin() {
	local irq

	for irq in $(awk -F: '/eth[0-9]|vfio-msi/ { print $1 + 0 }' /proc/interrupts); do
		echo 1 >"/proc/irq/$irq/smp_affinity"
	done
}

# ---- the setups ---------------------------------------------------------------

start_mp() {
	# shellcheck disable=SC2034 # guest_start's
	local GUEST_WRAP=(mpctl run "eth$2" --mode "${MP_MODE[$1]}" --)

	setup_guest "$2" \
		-netdev tap,id=n0,vhost=on,fd=%mp,vhostfd=%vhost -device "$(virtio_card "$2")"
}

# macvtap_of I: prints its character device
macvtap_of() {
	modprobe macvtap
	ip link add link "eth$1" name "mt$1" mtu "${BENCH_MTU:-1500}" \
		address "$(guest_mac "$1")" type macvtap mode passthru
	ip link set "mt$1" up
	echo "/dev/tap$(<"/sys/class/net/mt$1/ifindex")"
}

start_macvtap() {
	local tap
	tap=$(macvtap_of "$2")

	until_true 5 test -e "$tap" || return
	case $1 in
	qemu-macvtap)
		setup_guest "$2" -netdev tap,id=n0,vhost=off,fd=3 \
			-device "$(virtio_card "$2")" 3<>"$tap" ;;
	*)
		setup_guest "$2" -netdev tap,id=n0,vhost=on,fd=3,vhostfd=4 \
			-device "$(virtio_card "$2")" 3<>"$tap" 4<>/dev/vhost-net ;;
	esac
}

start_bridge() {
	local i=$2 mtu=${BENCH_MTU:-1500}

	modprobe bridge
	ip tuntap add dev "vt$i" mode tap vnet_hdr
	ip link add "br$i" type bridge forward_delay 0 stp_state 0 mcast_snooping 0
	ip link set "vt$i" mtu "$mtu" master "br$i" up
	ip link set "eth$i" master "br$i"
	ip link set "br$i" up
	setup_guest "$i" -netdev "tap,id=n0,ifname=vt$i,script=no,downscript=no,vhost=on" \
		-device "$(virtio_card "$i")"
}

start_af_xdp() {
	# e1000e has no XDP of its own: the kernel's generic one, which copies
	setup_guest "$2" -netdev "af-xdp,id=n0,ifname=eth$2,mode=skb,queues=1" \
		-device "$(virtio_card "$2")"
}

pci_of() {
	basename "$(readlink -f "/sys/class/net/eth$1/device")"
}

start_vfio() {
	local i=$2 device
	device=$(pci_of "$i")

	modprobe vfio_iommu_type1 allow_unsafe_interrupts=1
	modprobe vfio-pci
	echo "$device" >"/run/vfio-$i"
	echo vfio-pci >"/sys/bus/pci/devices/$device/driver_override"
	echo "$device" >"/sys/bus/pci/devices/$device/driver/unbind"
	echo "$device" >/sys/bus/pci/drivers_probe
	setup_guest "$i" -device "vfio-pci,host=$device" &&
		guest_wait "g$i" 120 &&
		guest_exec "g$i" 'while read -r m; do insmod "/share/modules/$m" || exit; done </share/modules/order
			for i in $(seq 50); do [[ ! -e /sys/class/net/eth0 ]] || break; sleep 0.1; done'
}

stop_vfio() {
	local device
	device=$(<"/run/vfio-$1")

	echo >"/sys/bus/pci/devices/$device/driver_override"
	echo "$device" >"/sys/bus/pci/devices/$device/driver/unbind"
	echo "$device" >/sys/bus/pci/drivers_probe
	/src/mpassthru/scripts/lab.d/nics arrange
}

vhost_net_with() {
	local have=/sys/module/vhost_net/parameters/experimental_zcopytx

	[[ ! -e $have || $(<$have) != "$1" ]] || return 0
	[[ ! -e $have ]] || rmmod vhost_net || return
	modprobe vhost_net "experimental_zcopytx=$1"
}

# setup_prepare NAME: what must be so before the first guest starts
setup_prepare() {
	case $1 in
	mp-*) nic_is glue ;;
	*-zc1) nic_is stock && vhost_net_with 1 ;;
	vhost-*) nic_is stock && vhost_net_with 0 ;;
	*) nic_is stock ;;
	esac
}

setup_start() {
	case $1 in
	mp-*) start_mp "$@" ;;
	vhost-tap-bridge) start_bridge "$@" ;;
	vhost-macvtap-* | qemu-macvtap) start_macvtap "$@" ;;
	af-xdp) start_af_xdp "$@" ;;
	vfio) start_vfio "$@" ;;
	*) echo "# no such setup: $1"; return 1 ;;
	esac
}

setup_up() {
	local name=$1 i

	lib_load_kvm
	# For all of them at once: a guest that is starting has not taken its own yet.
	[[ ${BENCH_MEMORY:-huge} != huge ]] || lib_reserve_hugepages "$((192 * $2))" || return
	setup_prepare "$name" >>"$SETUP_LOG" 2>&1 && nic_ready "$2" || return
	for ((i = 1; i <= $2; i++)); do
		setup_start "$name" "$i" || return
	done
	for ((i = 1; i <= $2; i++)); do
		guest_ready "$i" && guest_pin "$i" || return
	done
	irq_pin
}

setup_down() {
	local name=$1 i

	for ((i = 1; i <= $2; i++)); do
		guest_kill "g$i"
		case $name in
		*macvtap*) ip link del "mt$i" ;;
		*bridge) ip link set "eth$i" nomaster; ip link del "br$i"; ip link del "vt$i" ;;
		vfio) stop_vfio "$i" ;;
		esac
	done
}

setup_missing() {
	case $1 in
	af-xdp)
		qemu-system-x86_64 -netdev help 2>/dev/null | grep -qx af-xdp ||
			echo "$(qemu-system-x86_64 --version | sed -n '1s/.*(\(.*\))/\1/p') is built without the af-xdp netdev" ;;
	vfio)
		[[ -n $(ls /sys/class/iommu 2>/dev/null) ]] ||
			echo "no IOMMU in this boot: VFIO has a boot of its own" ;;
	esac
}
