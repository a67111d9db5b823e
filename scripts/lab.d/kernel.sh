# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The debug kernel of a release: its own source, configured by debug.config and built
# by its own compiler. It is kept under the hash of these:
#
#   $LAB_DIR/kernel-RELEASE-HASH/boot/vmlinuz-VERSION
#                                usr/lib/modules/VERSION
#                                usr/src/linux-headers-VERSION  what modules are built against

kernel_stamp() {
	{ cat "$LAB_D/debug.config" "$LAB_D/kernel-build"
	  dpkg-query --admindir="$LAB_DIR/$1/tree/var/lib/dpkg" -W 'linux-source*' 'gcc-*' binutils
	} 2>/dev/null | sha256sum | cut -c 1-12
}

# build_kernel RELEASE DIR
build_kernel() {
	unshare --mount --propagation private -- "$LAB_D/enter" "$LAB_DIR/$1" \
		--bind "$LAB_D:/lab.d" --bind "$2:/kernel" -- /lab.d/kernel-build
}

cmd_kernel() {
	local release=${1:-13} dir log lock

	[[ $# -le 1 ]] || { usage >&2; exit "$EXIT_USAGE"; }
	suite_of "$release" >/dev/null
	need_root
	use_tree "$release"
	dir=$LAB_DIR/kernel-$release-$(kernel_stamp "$release")
	log=$LAB_DIR/log/kernel-$release.log
	exec {lock}>"$LAB_DIR/log/kernel-$release.lock"
	flock -n "$lock" || { say "waiting for another build of this kernel"; flock "$lock"; }
	if [[ ! -d $dir ]]; then
		rm -rf "$dir.new"
		mkdir -p "$dir.new"
		: >"$log"
		step "$log" "debug kernel of Debian $release" build_kernel "$release" "$dir.new"
		mv "$dir.new" "$dir"
	fi
	echo "$dir"
}
