# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Boots L1 in QEMU: "run" for a script and its verdict, "shell" for a prompt.
#
# QEMU runs inside the Debian 13 tree if there is one (it is quicker than Debian
# 12's) or else in L1's own, in a mount namespace of its own, with everything L1 sees under /lab:
#
#   /lab/release/tree.erofs                  L1's disk
#   /lab/src, /lab/out, /lab/guests/RELEASE  shared with L1 over 9p
#   /lab/run                                 initrd, verdict
#
# With --suspend, what L1 only reads is on disks: virtio-9p cannot be resumed.
#
# Three channels lead out of L1: the console (ttyS0), and two virtio-serial
# ports, one for the script's output and one for the verdict. If the peer is
# outside, a third port carries commands to it.

BOOT_TIME=${MP_LAB_BOOT_TIME:-300}	# seconds that L1 has; the debug kernel on a busy machine needs 100

declare -A DRIVER_OF=([e1000e]=e1000e [igb]=igb [vmxnet3]=vmxnet3
	[virtio-net-pci]=virtio_net)

parse_options() {
	opt_release=13 opt_time=300 opt_out='' opt_nic=e1000e opt_peer_nic=''
	opt_peer=inside opt_pairs=1 opt_iommu='' opt_mem=4G opt_kernel='' opt_append='' opt_vars=''
	opt_suspend=''
	opt_env=() opt_allow=() opt_qemu=()

	while [[ $# -gt 0 ]]; do
		case $1 in
		--iommu) opt_iommu=yes; shift; continue ;;
		--suspend) opt_suspend=yes; shift; continue ;;
		--) shift; break ;;
		-*) [[ $# -ge 2 ]] || die "$1 needs a value" ;;
		*) break ;;
		esac
		case $1 in
		-r | --release) opt_release=$2 ;;
		-t | --time) opt_time=$2 ;;
		-o | --out) opt_out=$2 ;;
		-e | --env) opt_env+=("$2") ;;
		-n | --nic) opt_nic=$2 ;;
		--peer-nic) opt_peer_nic=$2 ;;
		--peer) opt_peer=$2 ;;
		-p | --pairs) opt_pairs=$2 ;;
		-m | --mem) opt_mem=$2 ;;
		--kernel) opt_kernel=$(realpath "$2") ;;
		--secure-boot) opt_vars=$(realpath "$2") ;;
		--append) opt_append=$2 ;;
		--qemu) opt_qemu+=("$2") ;;
		--allow) opt_allow+=("$2") ;;
		*) die "no such option: $1" ;;
		esac
		shift 2
	done
	job_command=("$@")
	check_options
}

check_options() {
	local pair

	suite_of "$opt_release" >/dev/null
	need_root
	use_tree "$opt_release"
	use_tree "$(qemu_release)"
	[[ $opt_peer =~ ^(inside|outside)$ ]] || die "the peer is inside or outside, not $opt_peer"
	[[ -z $opt_peer_nic || $opt_peer == inside ]] || die "a peer outside has taps, no NICs"
	: "${opt_peer_nic:=$opt_nic}"
	for model in "$opt_nic" "$opt_peer_nic"; do
		[[ -n ${DRIVER_OF[$model]-} ]] || die "no such NIC: $model (there are: ${!DRIVER_OF[*]})"
	done
	[[ $opt_time =~ ^[1-9][0-9]*$ ]] || die "not a time limit: $opt_time"
	[[ $opt_pairs =~ ^[0-9]$ ]] || die "not a number of pairs: $opt_pairs"
	[[ -z $opt_vars || -n $opt_kernel ]] || die "--secure-boot wants a --kernel, which somebody signed"
	for pair in "${opt_env[@]}"; do
		[[ $pair == *?=* ]] || die "not KEY=VALUE: $pair"
	done
}

make_out() {
	local base=$LAB_SRC/build/lab

	if [[ -z $opt_out ]]; then
		mkdir -p "$base"
		out=$(mktemp -d "$base/$(date +%m%d-%H%M%S)-XXXX")
		chmod 755 "$out"
		ln -sfn "${out##*/}" "$base/last"
	else
		mkdir -p "$opt_out"
		out=$(realpath "$opt_out")
		# what an earlier run left would be judged again
		rm -f "$out"/{console,guest,qemu}-*.log "$out"/{reset,state}.log "$out/kmemleak.txt"
	fi
}

# What is particular to this run goes behind the tree's RAM disk as a second
# archive: the kernel unpacks one after the other.
make_initrd() {
	local mode=$1 base=$LAB_DIR/$opt_release/l1.initrd stage=$run/stage

	mkdir -p "$stage/lab"
	install -m 755 "$LAB_D/l1-stage1" "$stage/init"
	install -m 755 "$LAB_D/l1-stage2" "$stage/lab/l1-stage2"
	write_job "$mode" >"$stage/lab/job"
	if [[ -n $opt_kernel ]]; then
		base=$run/base
		touch "$stage/lab/kernel"
		build_l1_initrd "$LAB_DIR/$opt_release/tree" "$opt_kernel" "$kver" "$base"
	fi
	( cd "$stage" && find . | cpio --quiet -o -H newc ) | cat "$base" - >"$run/initrd"
}

write_job() {
	local JOB_MODE=$1 JOB_TOKEN=$token JOB_LIMIT=$opt_time
	local JOB_COMMAND=("${job_command[@]}") JOB_ENV=("LAB_RELEASE=$opt_release" "LAB_PEER=$opt_peer" "${opt_env[@]}")
	local JOB_DRIVERS=("${DRIVER_OF[$opt_nic]}" "${DRIVER_OF[$opt_peer_nic]}")

	declare -p JOB_MODE JOB_TOKEN JOB_LIMIT JOB_COMMAND JOB_ENV JOB_DRIVERS
}

# share TAG PATH [OPTIONS]
share() {
	qemu_args+=(-virtfs "local,path=$2,mount_tag=$1,security_model=passthrough,multidevs=remap${3-}")
}

# disk NAME FILE
disk() {
	qemu_args+=(-drive "if=none,id=$1,format=raw,readonly=on,file=$2"
		-device "virtio-blk-pci,drive=$1,serial=$1")
}

# pack_disk NAME DIR: a copy of DIR but for what nobody reads in L1
pack_disk() {
	step "$run/pack.log" "packing $2" mkfs.erofs --quiet \
		--exclude-regex='^(\.git|build/(check|lab).*)$' "$run/$1.erofs" "$2"
	disk "$1" "/lab/run/$1.erofs"
}

# Each NIC sits behind a root port of its own, as in a real machine: its own
# IOMMU group, room for igb's virtual functions, and it can be unplugged.
#
# add_nic PAIR SIDE MODEL [END]: END is what the NIC is plugged into, the
# pair's hub unless told
add_nic() {
	local pair=$1 side=$2 model=$3 id=$1$2

	qemu_args+=(
		-device "pcie-root-port,id=port$id,chassis=$id,slot=$id"
		-netdev "${4:-hubport,hubid=$pair},id=net$id"
		-device "$model,bus=port$id,netdev=net$id,mac=52:54:00:1a:0$pair:0$side"
	)
}

add_wire() {
	local pair=$1

	if [[ $opt_peer == outside ]]; then
		add_nic "$pair" 1 "$opt_nic" "tap,ifname=eth$pair,script=no,downscript=no"
	else
		add_nic "$pair" 1 "$opt_nic"
		add_nic "$pair" 2 "$opt_peer_nic"
	fi
}

add_machine() {
	local iommu=
	# Huge pages for one guest or two: later, memory is too fragmented.
	local append="console=ttyS0 loglevel=5 net.ifnames=0 panic=-1 oops=panic hugepages=256 nokaslr"

	# The emulator spoils the state of a guest on the first processor (docs/lab.md),
	# so L1 uses the other two: this, and what l1-stage2 does.
	append+=" irqaffinity=1,2"

	if have_kvm; then
		qemu_args=(-accel kvm -cpu host)
		[[ -z $opt_iommu ]] || iommu=intremap=off
	else
		# Without these, string copies are emulated byte by byte and
		# copying looks far dearer than it is.
		qemu_args=(-accel "tcg,thread=multi" -cpu "max,-erms,-fsrm,-la57")
		# Has the kernel talk to APICs in x2APIC mode: what it writes to
		# theirs in memory the emulator may lose (docs/lab.md).
		iommu=intremap=on,eim=on
	fi
	if [[ -n $iommu ]]; then
		qemu_args+=(-machine "q35,kernel-irqchip=split"
			-device "intel-iommu,$iommu,device-iotlb=on")
	else
		qemu_args+=(-machine q35)
	fi
	if [[ -n $opt_iommu ]]; then
		append+=" intel_iommu=on iommu.strict=1"
	else
		append+=" intel_iommu=off"
	fi
	# What the processors were at when L1 was reset, which ends QEMU.
	qemu_args+=(-d cpu_reset -D /lab/out/reset.log)
	qemu_args+=(-nodefaults -no-reboot -display none -smp 3 -m "$opt_mem"
		-kernel /lab/run/kernel -initrd /lab/run/initrd
		-append "$append $opt_append")
	disk tree /lab/release/tree.erofs
}

# The firmware boots no kernel whose signer it does not know.
add_firmware() {
	cp "$opt_vars" "$run/vars"
	qemu_args+=(-global driver=cfi.pflash01,property=secure,value=on
		-fw_cfg name=opt/org.tianocore/EnableLegacyLoader,string=no
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
		-drive "if=pflash,unit=1,format=raw,file=/lab/run/vars")
}

add_shares() {
	share out /lab/out
	if [[ -n $opt_suspend ]]; then
		pack_disk src "$LAB_SRC"
		mkdir "$run/guests"
		cp -r "$LAB_DIR/$opt_release/guest" "$run/guests/$opt_release"
		pack_disk guests "$run/guests"
		[[ -z $opt_kernel ]] || pack_disk kernel "$opt_kernel"
	else
		share src /lab/src ,readonly=on
		share guests /lab/guests ,readonly=on
		[[ -z $opt_kernel ]] || share kernel /lab/kernel ,readonly=on
	fi
}

# add_channels MODE: in a shell, the console is this terminal.
add_channels() {
	if [[ $1 == shell ]]; then
		qemu_args+=(-chardev "stdio,id=console,mux=on,signal=off,logfile=/lab/out/console.log")
	else
		qemu_args+=(-chardev "file,id=console,path=/lab/out/console.log")
	fi
	qemu_args+=(-serial chardev:console
		-device virtio-serial-pci
		-chardev "file,id=output,path=/lab/run/output"
		-device "virtserialport,chardev=output,name=lab.output"
		-chardev "file,id=verdict,path=/lab/run/verdict"
		-device "virtserialport,chardev=verdict,name=lab.verdict")
	mkfifo "$run/monitor.in" "$run/monitor.out"
	qemu_args+=(-chardev "pipe,id=monitor,path=/lab/run/monitor" -mon chardev=monitor)
	[[ $opt_peer == inside ]] || qemu_args+=(-chardev "pipe,id=peer,path=/lab/run/peer"
		-device "virtserialport,chardev=peer,name=lab.peer")
}

qemu_command() {
	local pair release

	add_machine
	[[ -z $opt_vars ]] || add_firmware
	add_shares
	add_channels "$1"
	for ((pair = 1; pair <= opt_pairs; pair++)); do
		add_wire "$pair"
	done
	qemu_args+=("${opt_qemu[@]}")

	enter_args=(--bind "$LAB_DIR/$opt_release:/lab/release"
		--bind "$LAB_SRC:/lab/src" --bind "$out:/lab/out" --bind "$run:/lab/run")
	for release in "${RELEASES[@]}"; do
		[[ ! -f $LAB_DIR/$release/stamp ]] ||
			enter_args+=(--bind "$LAB_DIR/$release/guest:/lab/guests/$release")
	done
	[[ -z $opt_kernel ]] || enter_args+=(--bind "$opt_kernel:/lab/kernel")
}

# The peer outside: network and process namespaces that live as long as the
# process started here. Nothing else of the machine's network is touched.
start_peer() {
	local i

	mkfifo "$run/peer.in" "$run/peer.out"
	unshare --mount --propagation private --net --pid --fork --kill-child -- \
		"$LAB_D/enter" "$LAB_DIR/$(qemu_release)" --bind "$LAB_SRC:/src/mpassthru" \
		--bind "$run:/lab/run" -- \
		/src/mpassthru/scripts/lab.d/peer-init "$opt_pairs" \
		</dev/null >"$out/peer.log" 2>&1 &
	peer_pid=$!
	for ((i = 0; i < 100; i++)); do
		[[ ! -e $run/peer.ready ]] || return 0
		sleep 0.1
	done
	cat "$out/peer.log" >&2
	die "the peer outside did not start"
}

# Becomes QEMU: the process id stays the same all the way.
exec_qemu() {
	local where=()

	[[ -z $peer_pid ]] || where=(nsenter --net="/proc/$peer_pid/ns/net")
	exec "${where[@]}" unshare --mount --propagation private -- \
		"$LAB_D/enter" "$LAB_DIR/$(qemu_release)" "${enter_args[@]}" -- \
		qemu-system-x86_64 "${qemu_args[@]}"
}

qemu_release() {
	if [[ -f $LAB_DIR/13/tree.erofs ]]; then
		echo 13
	else
		echo "$opt_release"
	fi
}

prepare() {
	local mode=$1

	run=$(mktemp -d)
	qemu_pid='' peer_pid=''
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	token=$(od -An -N 12 -tx1 /dev/urandom | tr -d ' \n')
	refresh_initrds "$opt_release"
	if [[ -n $opt_kernel ]]; then
		kver=$(kver_of "$opt_kernel")
		kernel=$(vmlinuz_of "$opt_kernel" "$kver")
	else
		kver=$(kver_of "$LAB_DIR/$opt_release/tree")
		kernel=$LAB_DIR/$opt_release/guest/vmlinux
		# booted by its PVH note, it does not find back after S3
		[[ -z $opt_suspend ]] || kernel=$(vmlinuz_of "$LAB_DIR/$opt_release/tree" "$kver")
	fi
	cp "$kernel" "$run/kernel"
	make_out
	make_initrd "$mode"
	qemu_command "$mode"
	[[ $opt_peer == inside ]] || start_peer
}

clean_up() {
	[[ -z $qemu_pid ]] || kill -9 "$qemu_pid" 2>/dev/null || true
	if [[ -n $peer_pid ]]; then
		kill -9 "$peer_pid" 2>/dev/null || true
		wait "$peer_pid" 2>/dev/null || true
	fi
	rm -rf "$run"
}

# Whether L1 runs or sleeps, and what its processors are at: registers and stacks.
tell_state() {
	local cpu

	{
		echo "info status"
		echo "info registers -a"
		for cpu in 0 1 2; do
			echo "cpu $cpu"
			echo 'x /256gx $esp'
		done
	} >"$run/monitor.in"
	timeout 3 cat "$run/monitor.out" | tr -d '\r' | grep -av '^(qemu) .*K' >"$out/state.log" || true
	grep -a '^VM status' "$out/state.log" >&2 || true
}

# Returns once QEMU has ended by itself, or was ended at the limit.
wait_for_qemu() {
	local limit=$((SECONDS + opt_time))

	while kill -0 "$qemu_pid" 2>/dev/null; do
		if ((SECONDS >= limit)); then
			say "time limit of $opt_time s reached"
			tell_state
			kill -9 "$qemu_pid"
			timed_out=yes
			break
		fi
		sleep 0.1
	done
	qemu_status=0
	wait "$qemu_pid" 2>/dev/null || qemu_status=$?
	qemu_pid=
}

# QEMU opens the path of its output channel, so that is a fifo; tee shows it
# as it comes.
boot_and_wait() {
	local tee_pid

	mkfifo "$run/output"
	tee "$out/output.log" <"$run/output" &
	tee_pid=$!
	# Held open here, so that tee sees its end even if QEMU never opened it.
	exec {hold}<>"$run/output"
	boot
	boot_again
	wait_for_qemu
	exec {hold}>&-
	wait "$tee_pid" || true
}

boot() {
	exec_qemu </dev/null >"$out/qemu.log" 2>&1 {hold}>&- &
	qemu_pid=$!
}

# Emulation may lose an interrupt that a booting kernel waits for (docs/lab.md). The job
# has not begun: nothing is lost but time.
boot_again() {
	local i

	for ((i = 1; i < 3 && opt_time > BOOT_TIME; i++)); do
		! l1_is_up || return 0
		say "L1 does not come up, see $out/console-$i.log: booting it again"
		kill -9 "$qemu_pid"
		wait "$qemu_pid" 2>/dev/null || true
		mv "$out/console.log" "$out/console-$i.log"
		boot
	done
}

# It began with the job, or ended.
l1_is_up() {
	local limit=$((SECONDS + BOOT_TIME))

	until grep -aqs 'lab: job starts' "$out/console.log" || ! kill -0 "$qemu_pid" 2>/dev/null; do
		((SECONDS < limit)) || return
		sleep 0.5
	done
}

# The script's exit status, if L1 said it with this run's token; else nothing.
read_verdict() {
	local word status

	[[ -s $run/verdict ]] || return 0
	read -r word status <"$run/verdict" || true
	[[ $word != "$token" ]] || echo "$status"
}

check_consoles() {
	local logs=("$out/console.log") allow=() regex

	for regex in "${opt_allow[@]}"; do
		allow+=(-a "$regex")
	done
	logs+=("$out"/guest-*.log)
	"$LAB_D/splat" "${allow[@]}" "${logs[@]}" >&2
}

judge() {
	local verdict splat=0

	verdict=$(read_verdict)
	shopt -s nullglob
	check_consoles || splat=$?

	if [[ -z $verdict || -n $timed_out ]]; then
		tail -n 3 "$out/qemu.log" >&2
		# A signal is QEMU's own end, 0 an L1 that was reset.
		say "QEMU ended with status $qemu_status$(grep -m 1 'Triple fault' "$out/reset.log" |
			sed 's/^/, /')"
		say "no verdict: L1 died or hung, see $out/console.log"
		exit "$EXIT_NO_VERDICT"
	elif [[ $splat -ne 0 ]]; then
		say "a kernel complained, see above and $out (the script said $verdict)"
		exit "$EXIT_SPLAT"
	elif [[ $verdict != 0 ]]; then
		say "failed with status $verdict: ${job_command[*]} (results in $out)"
		exit "$EXIT_SCRIPT"
	fi
	say "passed: ${job_command[*]} (results in $out)"
}

cmd_run() {
	timed_out=
	parse_options "$@"
	[[ ${#job_command[@]} -gt 0 ]] || die "run what?"
	[[ -f $LAB_SRC/${job_command[0]} ]] || die "no such script in the checkout: ${job_command[0]}"
	job_command[0]=/src/mpassthru/${job_command[0]}
	prepare job
	say "booting Debian $opt_release, $opt_nic, limit $opt_time s: ${job_command[*]}"
	boot_and_wait
	judge
}

cmd_shell() {
	parse_options "$@"
	opt_time=999999
	prepare shell
	: >"$run/output"
	say "booting Debian $opt_release; ^A x ends QEMU"
	( exec_qemu )
	say "results in $out"
}
