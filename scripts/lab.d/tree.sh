# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Root trees: one Debian release each, with its kernel, headers and compiler.
#
#   $LAB_DIR/RELEASE/tree      the root tree, never written to once built
#                    tree.erofs the same in an image: L1's root
#                    l1.initrd what L1 boots from
#                    guest/    vmlinux and initrd of guests
#                    mnt       empty: where private mounts go
#                    stamp     hash of what the tree was built from
#                    initrd.stamp

RELEASES=(12 13 sid)
# No QEMU: the trees bring it.
HOST_PACKAGES=(mmdebstrap erofs-utils zstd xz-utils cpio kmod)

suite_of() {
	case $1 in
	12) echo bookworm ;;
	13) echo trixie ;;
	sid) echo sid ;;
	*) die "no such release: $1 (there are: ${RELEASES[*]})" ;;
	esac
}

# The packages of a release, one a line.
packages_of() {
	sed 's/#.*//' "$LAB_D/packages" | tr -s ' \t' '\n' |
		sed -n "s/^$1://p; /^\$/d; /:/!p"
}

tree_stamp() {
	{ suite_of "$1"; packages_of "$1"; } | sha256sum | cut -d ' ' -f 1
}

tree_ready() {
	[[ -f $LAB_DIR/$1/tree.erofs && $(cat "$LAB_DIR/$1/stamp" 2>/dev/null) == "$(tree_stamp "$1")" ]]
}

# use_tree RELEASE: until this process and those it starts have ended, no set-up
# takes the tree away.
use_tree() {
	local fd

	need_tree "$1"
	exec {fd}>"$LAB_DIR/log/use-$1.lock"
	flock --shared "$fd"
}

# To be called before a tree is replaced.
await_users() {
	exec {users}>"$LAB_DIR/log/use-$1.lock"
	flock --nonblock "$users" || {
		say "waiting for those who still use the old Debian $1 tree"
		flock "$users"
	}
}

need_tree() {
	[[ -f $LAB_DIR/$1/tree.erofs ]] || die "no Debian $1 tree yet: run scripts/lab setup $1"
	tree_ready "$1" || say "the package list changed since the Debian $1 tree was built: scripts/lab setup $1 rebuilds it"
}

# kver_of TREE: the version of its newest kernel. The modules tell, in every
# release; where vmlinuz lives has changed.
kver_of() {
	find "$1/usr/lib/modules" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' |
		sort -V | tail -n 1
}

vmlinuz_of() {
	local tree=$1 kver=$2 file

	for file in "$tree/boot/vmlinuz-$kver" "$tree/usr/lib/modules/$kver/vmlinuz"; do
		[[ ! -f $file ]] || { echo "$file"; return; }
	done
	die "no vmlinuz of $kver in $tree"
}

install_host_packages() {
	local log=$1 missing=() package

	for package in "${HOST_PACKAGES[@]}"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
			grep -q 'ok installed' || missing+=("$package")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0

	# The package lists may be too old to fetch from, or not there at all.
	apt-get --simulate install "${missing[@]}" >/dev/null 2>&1 ||
		step "$log" "updating this machine's package lists" apt-get update
	step "$log" "installing here: ${missing[*]}" \
		env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "${missing[@]}"
}

# No mirror is named: mmdebstrap takes Debian's, as apt does. The trees' own
# initial RAM disks are of no use here and take long to make: not made.
build_tree() {
	local release=$1 tree=$2 options=()

	# apt refuses package lists past their date, which those of a frozen mirror
	# are; their signatures are checked all the same.
	[[ -z ${MP_LAB_STALE_MIRROR-} ]] ||
		options+=(--aptopt='Acquire::Check-Valid-Until "false"')
	INITRD=No mmdebstrap --verbose --variant=essential "${options[@]}" \
		--include="$(packages_of "$release" | paste -sd ,)" \
		"$(suite_of "$release")" "$tree"
}

# Into NAME.new first, so that an interrupted build never looks like a tree.
setup_tree() {
	local release=$1 log=$2 new=$LAB_DIR/$1.new

	rm -rf "$new"
	mkdir -p "$new/mnt"
	step "$log" "building Debian $release tree" build_tree "$release" "$new/tree"
	step "$log" "packing Debian $release tree" mkfs.erofs "$new/tree.erofs" "$new/tree"
	setup_initrds "$release" "$new" "$log"
	tree_stamp "$release" >"$new/stamp"
	await_users "$release"
	rm -rf "${LAB_DIR:?}/$release"
	mv "$new" "$LAB_DIR/$release"
	exec {users}>&-
}

# One set-up of a release at a time, whichever checkout it is started from.
lock_release() {
	mkdir -p "$LAB_DIR/log"
	exec {lock}>"$LAB_DIR/log/setup-$1.lock"
	flock -n "$lock" || { say "waiting for another set-up of Debian $1"; flock "$lock"; }
}

unlock_release() {
	exec {lock}>&-
}

cmd_setup() {
	local release=${1:-13} log

	[[ $# -le 1 ]] || { usage >&2; exit "$EXIT_USAGE"; }
	suite_of "$release" >/dev/null
	need_root
	log=$LAB_DIR/log/setup-$release.log
	lock_release "$release"
	: >"$log"

	install_host_packages "$log"
	if ! tree_ready "$release"; then
		setup_tree "$release" "$log"
	elif ! initrds_ready "$release"; then
		setup_initrds "$release" "$LAB_DIR/$release" "$log"
	fi
	unlock_release
	say "Debian $release is ready: kernel $(cmd_kver "$release") in $LAB_DIR/$release"
}

cmd_kver() {
	[[ $# -eq 1 ]] || { usage >&2; exit "$EXIT_USAGE"; }
	suite_of "$1" >/dev/null
	need_tree "$1"
	kver_of "$LAB_DIR/$1/tree"
}

# The command sees the tree with this checkout at /src/mpassthru. What it
# writes outside the checkout is forgotten when it ends. With a kernel, its
# modules and what others are built against are in the tree, too.
cmd_exec() {
	local release=${1:-} binds=() dir

	if [[ $# -ge 5 && $2 == --kernel ]]; then
		for dir in "$3"/usr/lib/modules/* "$3"/usr/src/*; do
			binds+=(--bind "$dir:${dir#"$3"}")
		done
		set -- "$release" "${@:4}"
	fi
	[[ $# -ge 3 && $2 == -- ]] || { usage >&2; exit "$EXIT_USAGE"; }
	shift 2
	suite_of "$release" >/dev/null
	need_root
	use_tree "$release"
	exec unshare --mount --propagation private -- \
		"$LAB_D/enter" "$LAB_DIR/$release" --bind "$LAB_SRC:/src/mpassthru" \
		"${binds[@]}" --cd /src/mpassthru -- "$@"
}
