# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The initial RAM disks: L1's, which mounts the tree, and the guests',
# which are all the user space that a guest has. And the kernel for both.
#
# Nothing is compressed: under emulation, unpacking costs more than copying.

# 9p needs netfs and fscache in some kernels and not in others: modprobe knows.
L1_MODULES=(virtio_pci virtio_console virtio_blk erofs 9pnet_virtio 9p overlay)
GUEST_MODULES=(virtio_pci virtio_console virtio_net failover net_failover
	af_packet 8021q virtio_balloon 9pnet_virtio 9p)
GUEST_PROGRAMS=(/usr/bin/bash /usr/bin/socat /usr/bin/iperf3 /usr/sbin/ethtool /usr/sbin/ip
	/usr/bin/tcpdump)
# opened by threads that end, so no program names it
GUEST_LIBRARIES=(/usr/lib/x86_64-linux-gnu/libgcc_s.so.1)

initrd_stamp() {
	{ cat "$LAB_D/initrd.sh" "$LAB_D/guest-init" "$LAB_D/responder"; kver_of "$1/tree"; } |
		sha256sum | cut -d ' ' -f 1
}

initrds_ready() {
	[[ $(cat "$LAB_DIR/$1/initrd.stamp" 2>/dev/null) == "$(initrd_stamp "$LAB_DIR/$1")" ]]
}

# setup_initrds RELEASE DIR LOG
setup_initrds() {
	local release=$1 dir=$2 log=$3 kver vmlinuz

	kver=$(kver_of "$dir/tree")
	vmlinuz=$(vmlinuz_of "$dir/tree" "$kver")
	mkdir -p "$dir/guest"
	step "$log" "packing initial RAM disks of Debian $release" \
		build_initrds "$dir" "$kver"
	unpack_kernel "$vmlinuz" "$dir/guest/vmlinux"
	initrd_stamp "$dir" >"$dir/initrd.stamp"
}

# unpack_kernel VMLINUZ FILE: the ELF file inside, which QEMU boots by its PVH note.
# Where it is, the boot protocol tells (Documentation/arch/x86/boot.rst): setup_sects,
# payload_offset and payload_length, whose last four bytes are the unpacked size.
unpack_kernel() {
	local vmlinuz=$1 start length unpack

	start=$((($(kernel_field 0x1f1 1) + 1) * 512 + $(kernel_field 0x248 4)))
	length=$(($(kernel_field 0x24c 4) - 4))
	case $(kernel_field $start 2) in
	$((0xb528))) unpack=zstd ;;
	$((0x37fd))) unpack=xz ;;
	*) die "neither zstd nor xz: $vmlinuz" ;;
	esac
	dd if="$vmlinuz" iflag=skip_bytes,count_bytes skip="$start" count="$length" bs=1M status=none |
		"$unpack" -dc >"$2"
}

# kernel_field OFFSET BYTES: of $vmlinuz, a number
kernel_field() {
	od -An -t "u$2" -j "$(($1))" -N "$2" "$vmlinuz" | tr -d ' '
}

# The RAM disks of a tree that was built before guest-init changed.
refresh_initrds() {
	local release=$1

	lock_release "$release"
	initrds_ready "$release" ||
		setup_initrds "$release" "$LAB_DIR/$release" "$LAB_DIR/log/setup-$release.log"
	unlock_release
}

build_initrds() {
	local dir=$1 kver=$2

	build_l1_initrd "$dir/tree" "$dir/tree" "$kver" "$dir/l1.initrd"
	build_guest_initrd "$dir/tree" "$kver" "$dir/guest/initrd"
}

# build_l1_initrd TREE KERNEL_TREE KVER FILE
build_l1_initrd() (
	stage=$(mktemp -d)
	trap 'rm -rf "$stage"' EXIT
	add_busybox "$1" "$stage"
	add_modules "$2" "$3" "$stage" "${L1_MODULES[@]}"
	pack "$stage" "$4"
)

# build_guest_initrd TREE KVER FILE
build_guest_initrd() (
	stage=$(mktemp -d)
	trap 'rm -rf "$stage"' EXIT
	add_busybox "$1" "$stage"
	add_modules "$1" "$2" "$stage" "${GUEST_MODULES[@]}"
	add_programs "$1" "$stage" "${GUEST_PROGRAMS[@]}" "${GUEST_LIBRARIES[@]}"
	install -m 755 "$LAB_D/guest-init" "$stage/init"
	install -m 644 "$LAB_D/responder" "$stage/responder"
	pack "$stage" "$3"
)

add_busybox() {
	local tree=$1 stage=$2

	mkdir -p "$stage"/{bin,sbin,dev,proc,sys,etc,tmp,usr/bin,usr/sbin,usr/lib,root,run}
	# usrmerged like the tree, so that its libraries are found
	ln -s usr/lib "$stage/lib"
	ln -s usr/lib64 "$stage/lib64"
	mkdir -p "$stage/usr/lib64"
	install -m 755 "$tree/usr/bin/busybox" "$stage/bin/busybox"
	ln -s busybox "$stage/bin/sh"
	chroot "$tree" /usr/bin/busybox --list | grep -vxE 'busybox|sh' |
		while read -r applet; do ln -s busybox "$stage/bin/$applet"; done
}

# Modules go in unpacked, with a list in the order of loading: the RAM disk then
# needs neither modprobe nor a decompressor.
add_modules() {
	local tree=$1 kver=$2 stage=$3 module path
	shift 3

	mkdir -p "$stage/modules"
	for module; do
		# A module that this kernel does not have is built in or was not needed.
		modprobe -d "$tree" -S "$kver" --show-depends "$module" 2>/dev/null ||
			echo "no module $module in $kver" >&2
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r path; do
			unpack_module "$path" "$stage/modules"
		done
}

unpack_module() {
	local path=$1 dir=$2 name

	name=$(basename "$path" | sed 's/\.ko.*/.ko/')
	case $path in
	*.xz) xz -dc "$path" >"$dir/$name" ;;
	*.zst) zstd -qdc "$path" >"$dir/$name" ;;
	*) cp "$path" "$dir/$name" ;;
	esac
	echo "$name" >>"$dir/order"
}

# Programs with the libraries that their own loader would load.
add_programs() {
	local tree=$1 stage=$2 path
	shift 2

	{ printf '%s\n' "$@"; libraries_of "$tree" "$@"; } | sort -u |
		while read -r path; do
			install -D -m 755 "$(chroot "$tree" realpath "$path" | sed "s,^,$tree,")" \
				"$stage$path"
		done
}

libraries_of() {
	local tree=$1
	shift

	chroot "$tree" ldd "$@" | grep -oE '/[^ :]+\.so[^ :]*'
}

pack() {
	local stage=$1 file=$2

	( cd "$stage" && find . -print0 | LC_ALL=C sort -z |
		cpio --null --quiet -o -H newc ) >"$file.new"
	mv "$file.new" "$file"
}
