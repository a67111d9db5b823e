# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For test scripts that run in L1 of the lab (see docs/lab.md):
#
#   . /src/mpassthru/tests/vm/lib.sh
#
# Places are called "host" (L1), "peer" (the far end of the wire) or by a
# guest's name.

PATIENCE=${PATIENCE:-1}           # all time limits are so many times as long
GUEST_WRAP=()                     # put in front of a guest's QEMU, e.g. (mpctl run eth1 --)
# Tests of ciphers, keys and frequencies, which take a tenth of a guest's boot
GUEST_SKIPS="cryptomgr.notests initcall_blacklist=jent_mod_init,crypto_kdf108_init,load_system_certificate_list,amd_pstate_init"
GUEST_DIR=/run/guests             # one directory a guest: pid, command.in, command.out, monitor
declare -A ADDRESS=([peer]=10.9.0.1)
declare -A ADDRESS6=([peer]=fd09::1)

lib_passed=0 lib_failed=0 lib_skipped=0
lib_undo=()

# ---- results and undo ------------------------------------------------------

lib_result() {
	echo "$1 $((lib_passed + lib_failed + lib_skipped)) $2"
}

# t_ok NAME
t_ok() {
	lib_passed=$((lib_passed + 1))
	lib_result ok "$1"
}

# t_fail NAME WHY
t_fail() {
	lib_failed=$((lib_failed + 1))
	lib_result "not ok" "$1 # $2"
}

# t_skip NAME WHY
t_skip() {
	lib_skipped=$((lib_skipped + 1))
	lib_result ok "$1 # SKIP $2"
}

# t_try NAME COMMAND...: ok if the command succeeds
t_try() {
	local name=$1
	shift
	if "$@"; then t_ok "$name"; else t_fail "$name" "status $?: $*"; fi
}

# t_not NAME COMMAND...: ok if the command fails
t_not() {
	local name=$1
	shift
	if "$@"; then t_fail "$name" "succeeded: $*"; else t_ok "$name"; fi
}

# t_summary: the last line of a script; its status is the script's. A script
# that tested nothing has not passed.
t_summary() {
	echo "1..$((lib_passed + lib_failed + lib_skipped))"
	echo "# $lib_passed passed, $lib_failed failed, $lib_skipped skipped"
	((lib_failed == 0 && lib_passed > 0))
}

# defer COMMAND...: run when the script ends, the last deferred first
defer() {
	lib_undo+=("$(printf '%q ' "$@")")
	trap lib_run_undo EXIT
}

lib_run_undo() {
	local i

	for ((i = ${#lib_undo[@]} - 1; i >= 0; i--)); do
		eval "${lib_undo[i]}" || echo "# undo failed: ${lib_undo[i]}"
	done
	lib_undo=()
}

# until_true SECONDS COMMAND...: repeat until it succeeds
until_true() {
	local deadline=$((SECONDS + $1 * PATIENCE))
	shift

	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.1
	done
}

# ---- the wire --------------------------------------------------------------

# peer COMMAND...: runs it at the far end. Outside of L1 that takes one command
# at a time, and none reads our standard input.
peer() {
	if lib_peer_outside; then
		lib_peer_exec -t 300 "$(printf '%q ' "$@")"
	else
		ip netns exec peer "$@"
	fi
}

lib_peer_outside() {
	[[ ${LAB_PEER-} == outside ]]
}

# lib_peer_exec [-t SECONDS] COMMAND: guest_exec for a peer outside
lib_peer_exec() {
	local limit=60 port
	[[ $1 != -t ]] || { limit=$2; shift 2; }

	port=$(lib_port lab.peer) || { echo "# no port to the peer" >&2; return 124; }
	( flock 9; exec 7<>"$port" 8<&7; lib_ask true "$limit" "$*" ) 9>/run/peer.lock
}

# lib_port NAME: the device of a virtio-serial port
lib_port() {
	local file

	file=$(grep -lx "$1" /sys/class/virtio-ports/*/name) &&
		echo "/dev/$(basename "$(dirname "$file")")"
}

# wait_link IF [PLACE]
wait_link() {
	until_true 15 lib_link_is_up "$@" || { echo "# no link on $*"; return 1; }
}

# The state may be a second behind the carrier.
lib_link_is_up() {
	on "${2:-host}" "ip -br link show $1" | awk '{ exit !($2 == "UP" && /[<,]LOWER_UP[,>]/) }'
}

# nic_driver FILE.ko: put another build of a driver in the place of the one
# that drives the NICs; names and namespaces are as before afterwards.
nic_driver() {
	local name
	name=$(basename "$1" .ko)

	[[ ! -d /sys/module/$name ]] || rmmod "$name" || return
	/src/mpassthru/scripts/lab.d/nics load "$1"
}

# ---- guests ----------------------------------------------------------------

# guest_start NAME [--mem MB] [--hugepages] [--kernel RELEASE] [--machine M]
#             [--share DIR] [--may-reboot] -- QEMU_ARGUMENT...
#
# File descriptors that are open here are open in QEMU:
#   guest_start g -- -netdev tap,id=n0,fd=3,... 3<>/dev/tap5
guest_start() {
	local name=$1 mem=384 kernel=${LAB_RELEASE:-13} machine=q35 reboot=(-no-reboot) args=()
	local dir=$GUEST_DIR/$name
	shift

	while [[ $1 != -- ]]; do
		case $1 in
		--mem) mem=$2; shift ;;
		--kernel) kernel=$2; shift ;;
		--machine) machine=$2; shift ;;
		--may-reboot) reboot=() ;;
		--share) args+=(-virtfs "local,path=$2,mount_tag=share,security_model=none,readonly=on"); shift ;;
		--hugepages) args+=(-object "memory-backend-memfd,id=ram,size=${mem}M,share=on,hugetlb=on,hugetlbsize=2M"
			-machine memory-backend=ram) ;;
		*) echo "guest_start: no such option: $1" >&2; return 2 ;;
		esac
		shift
	done
	shift

	lib_load_kvm || return
	[[ " ${args[*]} " != *hugetlb* ]] || lib_reserve_hugepages "$((mem / 2))" || return
	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir/command.in" "$dir/command.out"
	"${GUEST_WRAP[@]}" qemu-system-x86_64 -name "$name" -pidfile "$dir/pid" \
		-machine "$machine,hpet=off" -accel kvm -cpu host -smp 1 -m "$mem" \
		-nodefaults "${reboot[@]}" -display none \
		-kernel "/guests/$kernel/vmlinux" -initrd "/guests/$kernel/initrd" \
		-append "console=ttyS0 loglevel=5 net.ifnames=0 panic=-1 oops=panic $GUEST_SKIPS ${GUEST_APPEND-}" \
		-chardev "file,id=console,path=/out/guest-$name.log,append=on" -serial chardev:console \
		-device virtio-serial-pci \
		-chardev "pipe,id=command,path=$dir/command" -device virtserialport,chardev=command,name=lab.command \
		-monitor "unix:$dir/monitor,server=on,wait=off" \
		"${args[@]}" "$@" </dev/null >>"/out/qemu-$name.log" 2>&1 &
	# Its end is not the shell's business: tests kill guests.
	disown "$!"
	until_true 60 lib_guest_started "$dir" "$!" && [[ -s $dir/pid ]] && return
	echo "# guest $name did not start:"
	tail -n 5 "/out/qemu-$name.log"
	return 1
}

# True as soon as there is something to know: it runs, or it has failed.
lib_guest_started() {
	[[ -s $1/pid ]] || ! kill -0 "$2" 2>/dev/null
}

lib_load_kvm() {
	[[ ! -e /sys/module/kvm_amd && ! -e /sys/module/kvm_intel ]] || return 0
	if grep -qw svm /proc/cpuinfo; then modprobe kvm_amd; else modprobe kvm_intel; fi
	modprobe -a tun vhost_net
}

# L1 boots with some huge pages. For more, memory has to be compacted, and one
# attempt does not always do. What a guest has not touched yet is free but reserved.
lib_reserve_hugepages() {
	local pool=/sys/kernel/mm/hugepages/hugepages-2048kB want i

	for ((i = 0; i < 5; i++)); do
		# who has just ended may give its own back meanwhile
		want=$(($(<$pool/nr_hugepages) - $(<$pool/free_hugepages) + $(<$pool/resv_hugepages) + $1))
		(($(<$pool/nr_hugepages) < want)) || return 0
		echo 3 >/proc/sys/vm/drop_caches
		echo 1 >/proc/sys/vm/compact_memory
		echo "$want" >$pool/nr_hugepages
	done
	echo "# only $(<$pool/nr_hugepages) of $want huge pages"
	return 1
}

guest_pid() {
	[[ -s $GUEST_DIR/$1/pid ]] && echo "$(<"$GUEST_DIR/$1/pid")"
}

guest_alive() {
	local pid
	pid=$(guest_pid "$1") && kill -0 "$pid" 2>/dev/null
}

# guest_exec NAME [-t SECONDS] COMMAND: run a bash command in the guest; its
# output, errors and status are ours. 124: the guest did not answer.
guest_exec() {
	local name=$1 limit=60
	shift
	[[ $1 != -t ]] || { limit=$2; shift 2; }

	guest_alive "$name" || { lib_last_words "$name" >&2; return 124; }
	limit=$((limit * PATIENCE))
	# Opened for reading and writing, so that a dead QEMU cannot block us.
	( flock 9
	  exec 7<>"$GUEST_DIR/$name/command.in" 8<>"$GUEST_DIR/$name/command.out"
	  lib_ask "guest_alive $name" "$limit" "$*" ) 9>"$GUEST_DIR/$name/lock"
}

# lib_last_words NAME: of the guest and of its QEMU, once. A guest that panicked has
# some, one that was reset does not.
lib_last_words() {
	local dir=$GUEST_DIR/$1

	echo "# guest $1 is not running"
	[[ -d $dir && ! -e $dir/told ]] || return
	touch "$dir/told"
	tail -q -n 12 "/out/guest-$1.log" "/out/qemu-$1.log" | sed 's/^/#   /'
}

# lib_ask ALIVE SECONDS COMMAND: a request to a responder (scripts/lab.d/responder)
# on descriptor 7, its answer on 8. Given up when the command ALIVE fails.
lib_ask() {
	local alive=$1 limit=$2 id=$BASHPID.$SRANDOM reply status out err

	echo "$id $limit $(base64 -w 0 <<<"$3")" >&7
	reply=$(lib_await_reply "$alive" "$id" "$((SECONDS + limit + 5))") || return 124
	read -r status out err <<<"$reply"
	lib_decode "${out%=}"
	lib_decode "${err%=}" >&2
	return "$status"
}

# Programs are slow to start here.
lib_decode() {
	[[ -z $1 ]] || base64 -d <<<"$1"
}

# Answers to requests that were given up earlier may come first.
lib_await_reply() {
	local alive=$1 id=$2 deadline=$3 line='' part

	while ((SECONDS < deadline)); do
		if IFS= read -r -t 1 part <&8; then
			line+=$part
			[[ $line != "$id "* ]] || { echo "${line#* }"; return; }
			line=''
		else
			line+=$part
			$alive || return
		fi
	done
	return 1
}

# guest_wait NAME [SECONDS]: until the guest is up
guest_wait() {
	local name=$1 deadline=$((SECONDS + ${2:-90} * PATIENCE))

	while ((SECONDS < deadline)) && guest_alive "$name"; do
		! guest_exec "$name" -t 5 true 2>/dev/null || return 0
	done
	echo "# guest $name is not up:"
	tail -n 5 "/out/guest-$name.log"
	return 1
}

# guest_monitor NAME COMMAND: a command of QEMU's monitor
guest_monitor() {
	echo "$2" | socat -t 5 - "UNIX-CONNECT:$GUEST_DIR/$1/monitor" |
		sed '1d; s/\x1b\[[A-Z0-9]*//g; /^(qemu)/d'
}

# guest_stop NAME: the guest turns itself off
guest_stop() {
	guest_alive "$1" || return 0
	guest_exec "$1" '(sleep 0.2; poweroff -f) >/dev/null 2>&1 &'
	until_true 20 lib_guest_gone "$1" || { echo "# guest $1 does not stop"; guest_kill "$1"; return 1; }
}

# guest_kill NAME: as by kill -9
guest_kill() {
	local pid

	pid=$(guest_pid "$1") || return 0
	kill -9 "$pid" 2>/dev/null
	until_true 20 lib_guest_gone "$1"
}

lib_guest_gone() {
	! guest_alive "$1"
}

# ---- traffic ---------------------------------------------------------------

# on PLACE COMMAND: run a bash command on host, peer or a guest. The latter two
# take -t SECONDS in front of the command, as guest_exec does.
on() {
	local place=$1
	shift

	case $place in
	host) bash -c "$*" ;;
	peer) if lib_peer_outside; then lib_peer_exec "$@"; else lib_peer_bash "$@"; fi ;;
	*) guest_exec "$place" "$@" ;;
	esac
}

lib_peer_bash() {
	local limit=()

	[[ $1 != -t ]] || { limit=(timeout "$2"); shift 2; }
	peer "${limit[@]}" bash -c "$*"
}

# net_setup [GUEST [LAST]]: addresses 10.9.0.LAST/24 and fd09::LAST/64 for the
# guest's eth0 (LAST is 2 unless told), and 1 for the peer's eth1
net_setup() {
	net_address peer 1 eth1
	[[ $# -eq 0 ]] || net_address "$1" "${2:-2}" eth0
}

# net_address PLACE LAST IF
net_address() {
	ADDRESS[$1]=10.9.0.$2
	ADDRESS6[$1]=fd09::$2
	on "$1" "ip link set $3 up && ip addr replace 10.9.0.$2/24 dev $3 &&
		ip addr replace fd09::$2/64 dev $3 nodad"
}

# send_random [-6] SRC DST MIB: random data over TCP between two places; tells
# how fast, fails if what arrives is not what was sent. SEND_HOOK, if set, is
# called with "begin" and "end" around what is timed; SEND_PLANT is a command
# that spoils $file before it is summed, for tests of this test.
send_random() {
	local family=4 idle=$((60 * PATIENCE)) src dst mib target port sum_sent sum_got seconds

	[[ $1 != -6 ]] || { family=6; shift; }
	src=$1 dst=$2 mib=$3 port=$((20000 + SRANDOM % 10000))
	target=${ADDRESS[$dst]}
	[[ $family == 4 ]] || target=[${ADDRESS6[$dst]}]

	# made beforehand and summed afterwards: neither is timed
	sum_sent=$(on "$src" "head -c $((mib << 20)) /dev/urandom >/tmp/$src.tx && sha256sum </tmp/$src.tx")
	on "$dst" "socat -T $idle -t $idle TCP$family-LISTEN:$port,reuseaddr,accept-timeout=$idle \
		SYSTEM:'cat >/tmp/$dst.rx; echo done' </dev/null >/dev/null 2>&1 &
		until grep -q ':$(printf %04X "$port") .* 0A ' /proc/net/tcp*; do sleep 0.05; done"
	${SEND_HOOK:-:} begin
	seconds=$(on "$src" "read start rest </proc/uptime
		socat -T $idle -t $idle - TCP$family:$target:$port,connect-timeout=20 </tmp/$src.tx >/tmp/$src.done
		read end rest </proc/uptime
		grep -q done /tmp/$src.done && echo \$end \$start | awk '{ print \$1 - \$2 + 0.005 }'
		rm -f /tmp/$src.tx /tmp/$src.done")
	${SEND_HOOK:-:} end
	[[ -z ${SEND_PLANT-} ]] || on "$dst" "file=/tmp/$dst.rx; $SEND_PLANT"
	sum_got=$(on "$dst" "sha256sum </tmp/$dst.rx; rm -f /tmp/$dst.rx")

	[[ -n $seconds && -n $sum_sent && $sum_sent == "$sum_got" ]] ||
		{ echo "# $src -> $dst: $mib MiB did not arrive as sent"; return 1; }
	awk -v m="$mib" -v s="$seconds" -v w="$src -> $dst (IPv$family)" 'BEGIN {
		printf "# %s: %d MiB in %.2f s, %.0f Mb/s, SHA-256 equal\n", w, m, s, m * 8.388608 / s }'
}
